#include "view/split/used_names.h"

#include <algorithm>

namespace weir::view {
namespace {

bool gives_star(const Tree& query) {
    const auto list = query.find("select_list");
    return list != query.end() &&
           std::any_of(list->begin(), list->end(), [](const Tree& item) { return is_class(item, "STAR"); });
}

bool has_members(const Tree& tree, const char* key) {
    const auto found = tree.find(key);
    return found != tree.end() && found->is_structured() && !found->empty();
}

// Whether the columns of a `*` decide something here without being named.
bool star_decides(const Tree& part) {
    // x IN (SELECT * …) goes by position.
    if (is_class(part, "SUBQUERY")) return gives_star(part.at("subquery").at("node"));
    if (is_class(part, "STAR")) return part.value("columns", false) || has_members(part, "rename_list");
    if (is_type(part, "SET_OPERATION_NODE")) {
        const auto sides = operands(part);
        return std::any_of(sides.begin(), sides.end(), [](const Tree* side) { return gives_star(*side); });
    }
    if (!is_type(part, "SELECT_NODE") || !gives_star(part)) return false;
    const auto& modifiers = part.at("modifiers");
    return !part.at("group_expressions").empty() || text_of(part, "aggregate_handling") != "STANDARD_HANDLING" ||
           std::any_of(modifiers.begin(), modifiers.end(),
                       [](const Tree& each) { return !is_type(each, "ORDER_MODIFIER"); });
}

// Those that it names.
std::optional<std::set<std::string>> named(const Tree& query) {
    std::set<std::string> names, relations;
    bool star_matters = false;
    const auto stop = [&] { star_matters = true; };
    each_part(query, [&](const Tree& part) {
        if (star_matters) return false;
        if (star_decides(part)) stop();
        // Functions over all columns, as in count(DISTINCT *) and coalesce(*).
        if (is_class(part, "FUNCTION") || is_class(part, "WINDOW") || is_class(part, "OPERATOR")) {
            for (const auto& child : part.at("children"))
                if (is_class(child, "STAR")) stop();
        }
        if (is_class(part, "POSITIONAL_REFERENCE")) stop();
        if (is_type(part, "PIVOT") || has_members(part, "column_name_alias") || has_members(part, "aliases")) stop();
        if (is_type(part, "JOIN")) {
            if (text_of(part, "ref_type") != "REGULAR" && text_of(part, "ref_type") != "CROSS") stop();
            for (const auto& name : part.at("using_columns")) names.insert(lowered(name.get<std::string>()));
        }
        if (part.contains("from_table")) relations.merge(relation_names(part.at("from_table")));
        if (is_class(part, "COLUMN_REF")) {
            for (const auto& name : part.at("column_names")) names.insert(lowered(name.get<std::string>()));
        }
        return true;
    });
    if (star_matters) return std::nullopt;
    // A relation's name alone is its row.
    bool whole_row = false;
    each_part(query, [&](const Tree& part) {
        if (is_class(part, "COLUMN_REF") && part.at("column_names").size() == 1)
            whole_row = whole_row || relations.contains(lowered(part.at("column_names").at(0).get<std::string>()));
        return !whole_row;
    });
    if (whole_row) return std::nullopt;
    return names;
}

}  // namespace

std::optional<std::set<std::string>> used_names(Trees& trees, const Tree& query) {
    auto names = named(query);
    if (!names) return std::nullopt;
    const auto sql = trees.sql(query);
    if (!sql) return std::nullopt;
    const auto columns = trees.connection().describe(*sql);
    if (!columns) return std::nullopt;
    for (const auto& each : *columns) names->insert(lowered(each.name));
    return names;
}

std::optional<std::set<std::string>> read_names(const Tree& query) {
    const bool star = is_type(query, "SELECT_NODE") && gives_star(query);
    return star ? std::nullopt : named(query);
}

}  // namespace weir::view
