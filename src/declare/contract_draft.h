// A contract while its document is read: what the parts of the reader share.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "declare/context.h"

namespace weir::declare {

inline constexpr std::string_view contract_files = "contracts/*.odcs.yaml";

struct ContractDraft {
    // Which version of the standard the document is written in, as 30, 31, 32; newer ones are read as the newest known.
    struct Version {
        int number = 31;
        bool known = true;
    };
    struct Pattern {
        std::string text;
        Where where;
    };

    std::string file;
    Problems& problems;
    std::vector<SqlSnippet>& snippets;
    Contract contract{};
    Version version{};
    std::set<std::string> rule_ids{};  // lower case
    std::vector<Pattern> patterns{};   // to be checked as regular expressions
    bool deduplicate_given = false;

    Where at(const YamlNode& node) const { return {file, node.line, node.column}; }
    // What the document says and weir does not enforce.
    void note(const YamlNode& node, std::string_view why);
    // nullptr where there is none of this name, in whichever case.
    const ContractColumn* find(std::string_view name) const;
    // Tells a name that is no column's.
    bool check_column_name(const std::string& name, const Where& where);
    // Tells an id that is empty or stands twice.
    void check_rule_id(const std::string& id, const Where& where);
};

// customProperties of the table and of a column.
void read_table_keys(ContractDraft& draft, const YamlNode& list);
void read_column_keys(ContractDraft& draft, const YamlNode& list, ContractColumn& column);
// One rule of a column, or, without one, of the table.
void read_quality(ContractDraft& draft, const YamlNode& item, ContractColumn* column);

}  // namespace weir::declare
