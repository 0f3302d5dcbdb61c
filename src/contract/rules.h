// A contract's promises on single rows, as SQL over the typed columns. Pure: the same contract gives the same text.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "declare/project.h"

namespace weir::contract {

// One promise. A row keeps it if `predicate` is TRUE or NULL.
struct Rule {
    std::string name;        // as it stands in the quarantine: required, pattern, minimum, …, or a row rule's own id
    std::string column;      // empty: the whole row
    std::string predicate;   // a SQL boolean
    std::string reason;      // the sentence a person reads
    bool warn_only = false;  // counted, the row is kept
};

// Every row-decidable promise, in the order of the columns, then the contract's own row rules.
std::vector<Rule> compile_rules(const declare::Contract& contract);

// TRUE for rows that keep every rule that is not warn_only; never NULL. "true" when there is none.
std::string all_kept(const std::vector<Rule>& rules);

// The numbers of the broken rules of a row, comma-joined, as a SQL text expression.
std::string broken_numbers(const std::vector<Rule>& rules);

// A SQL literal of the type, from a bound as written in the contract; an error says what is expected.
Result<std::string> bound_literal(const declare::ContractColumn& column, const std::string& text);

}  // namespace weir::contract
