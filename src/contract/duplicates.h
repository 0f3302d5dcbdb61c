// Which rows count as the same row: the key of a contract as one 128-bit hash in SQL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "declare/project.h"

namespace weir::contract {

// The columns whose equality makes a row a duplicate; empty where the contract keeps duplicates or has an expression.
std::vector<std::string> duplicate_columns(const declare::Contract& contract);

// A SQL expression of type UHUGEINT over the typed columns: equal for equal keys, different for different ones (MD5 of
// an unambiguous text). NULL where no row can be a duplicate of this one: a key column is NULL. By whole row, NULL
// equals NULL. Nothing where the contract keeps duplicates.
std::optional<std::string> key_hash(const declare::Contract& contract);

}  // namespace weir::contract
