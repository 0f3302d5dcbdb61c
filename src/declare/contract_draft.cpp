#include "declare/contract_draft.h"

#include <fmt/format.h>

#include "declare/contract_values.h"
#include "declare/text.h"

namespace weir::declare {

void ContractDraft::note(const YamlNode& node, std::string_view why) {
    contract.not_enforced.push_back(fmt::format("{}:{}: {}", file, node.line, why));
    problems.warning(at(node), fmt::format("documented, not enforced: {}", why));
}

const ContractColumn* ContractDraft::find(std::string_view name) const {
    for (const auto& column : contract.columns) {
        if (equal_ignoring_case(column.name, name)) return &column;
    }
    return nullptr;
}

bool ContractDraft::check_column_name(const std::string& name, const Where& where) {
    if (find(name) != nullptr) return true;
    std::vector<std::string> names;
    for (const auto& column : contract.columns) names.push_back(column.name);
    problems.error(where, fmt::format("the contract has no column '{}'", name), suggest(name, names));
    return false;
}

void ContractDraft::check_rule_id(const std::string& id, const Where& where) {
    if (id.empty()) {
        problems.error(where, "a rule's id is empty");
    } else if (!rule_ids.insert(lower(id)).second) {
        problems.error(where, fmt::format("the rule id '{}' stands here twice", id));
    }
}

}  // namespace weir::declare
