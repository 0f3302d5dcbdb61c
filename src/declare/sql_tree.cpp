#include "declare/sql_tree.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace weir::declare {
namespace {

using nlohmann::json;

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::string text_of(const json& node, const char* key) {
    const auto found = node.find(key);
    return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class Walk {
public:
    SqlUses uses;

    void visit(const json& node) {
        if (node.is_array()) {
            for (const auto& item : node) visit(item);
            return;
        }
        if (!node.is_object()) return;
        const auto type = text_of(node, "type");
        const auto scope_before = scope_.size(), entries_before = entries_.size();
        // Each name of a WITH is known to those after it and to the query; its own body knows it if it is recursive.
        if (const auto map = node.find("cte_map"); map != node.end() && map->is_object()) {
            if (const auto entries = map->find("map"); entries != map->end() && entries->is_array()) {
                for (const auto& entry : *entries) {
                    if (entry.contains("value")) visit(entry["value"]);
                    scope_.push_back(lowered(text_of(entry, "key")));
                    entries_.push_back(&entry);
                }
            }
        }
        if (type == "RECURSIVE_CTE_NODE") scope_.push_back(lowered(text_of(node, "cte_name")));
        note(node, type);
        const bool collates_freely = compares(node, type) || node.contains("null_order");
        for (const auto& [key, value] : node.items()) {
            if (key == "cte_map") continue;
            if (collates_freely)
                visit_operand(value);
            else
                visit(value);
        }
        scope_.resize(scope_before);
        entries_.resize(entries_before);
    }

private:
    static bool compares(const json& node, const std::string& type) {
        const auto kind = text_of(node, "class");
        return kind == "COMPARISON" || kind == "BETWEEN" || type == "COMPARE_IN" || type == "COMPARE_NOT_IN" ||
               (kind == "FUNCTION" && text_of(node, "function_name").find("~~") != std::string::npos);  // LIKE
    }

    void visit_operand(const json& operand) {
        if (operand.is_array())
            for (const auto& item : operand) visit_operand(item);
        else if (text_of(operand, "class") == "COLLATE")
            visit(operand["child"]);
        else
            visit(operand);
    }

    static std::size_t offset_of(const json& node) {
        const auto found = node.find("query_location");
        if (found == node.end() || !found->is_number_unsigned()) return std::string::npos;
        return found->get<std::size_t>();
    }

    void note(const json& node, const std::string& type) {
        const auto place = offset_of(node);
        const auto kind = text_of(node, "class");
        if (const auto sample = node.find("sample"); sample != node.end() && sample->is_object())
            uses.samples.push_back({"sample", "", place});
        if (type == "BASE_TABLE") {
            SqlUse use{text_of(node, "table_name"), text_of(node, "schema_name"), place};
            if (const auto catalog = text_of(node, "catalog_name"); !catalog.empty())
                use.schema = catalog + "." + use.schema;
            if (use.schema.empty() && std::find(scope_.begin(), scope_.end(), lowered(use.name)) != scope_.end())
                return;
            uses.tables.push_back(std::move(use));
        } else if (type == "TABLE_FUNCTION") {
            if (const auto function = node.find("function"); function != node.end())
                uses.table_functions.push_back(
                    {lowered(text_of(*function, "function_name")), text_of(*function, "schema"), place});
        } else if (type == "JOIN" && text_of(node, "ref_type") == "POSITIONAL") {
            uses.positional_joins.push_back({"positional join", "", place});
        } else if (type == "JOIN" && text_of(node, "ref_type") == "ASOF") {
            auto names = json::array();
            for (const auto* entry : entries_) names.push_back(*entry);
            uses.asof_joins.push_back({node, std::move(names), place});
        } else if (type == "SHOW_REF") {
            uses.shows.push_back({lowered(text_of(node, "show_type")), "", place});
        } else if (kind == "FUNCTION" || kind == "WINDOW") {
            uses.functions.push_back({lowered(text_of(node, "function_name")), text_of(node, "schema"), place});
        } else if (kind == "COLUMN_REF") {
            const auto names = node.find("column_names");
            if (names != node.end() && names->is_array() && names->size() == 1 && names->front().is_string())
                uses.columns.push_back({lowered(names->front().get<std::string>()), "", place});
        } else if (kind == "PARAMETER") {
            uses.parameters.push_back(text_of(node, "identifier"));
        } else if (kind == "COLLATE") {
            // The parser says where the value stands, and not where its collation does.
            const auto child = node.find("child");
            uses.collations.push_back(
                {lowered(text_of(node, "collation")), "", child == node.end() ? place : offset_of(*child)});
        } else if (kind == "SUBQUERY") {
            uses.has_subquery = true;
        }
    }

    std::vector<std::string> scope_;
    std::vector<const json*> entries_;  // of WITH, in scope
};

bool any_column(const json& tree, const std::function<bool(const json& names)>& is_meant) {
    if (text_of(tree, "class") == "COLUMN_REF") return is_meant(tree.at("column_names"));
    return tree.is_structured() &&
           std::any_of(tree.begin(), tree.end(), [&](const json& part) { return any_column(part, is_meant); });
}

bool has_columns(const json& tree) {
    return any_column(tree, [](const json&) { return true; });
}

// Whether it names a column together with one of the relations, where a column of another relation that holds a STRUCT
// could be called like that relation.
bool names_relation(const json& expression, const json& from) {
    if (text_of(from, "type") == "JOIN")
        return names_relation(expression, from.at("left")) || names_relation(expression, from.at("right"));
    const auto name = lowered(text_of(from, text_of(from, "alias").empty() ? "table_name" : "alias"));
    return any_column(expression, [&](const json& names) {
        return names.size() > 1 && lowered(names.front().get<std::string>()) == name;
    });
}

void add_conjuncts(const json& condition, std::vector<const json*>& conjuncts) {
    if (text_of(condition, "type") != "CONJUNCTION_AND") return conjuncts.push_back(&condition);
    for (const auto& child : condition.at("children")) add_conjuncts(child, conjuncts);
}

// With them, rows that are equal in the sides compared are equal to the join; with <> and the like they are not.
bool compares_alike(const json& condition) {
    constexpr std::array<std::string_view, 6> types{"COMPARE_EQUAL",       "COMPARE_NOT_DISTINCT_FROM",
                                                    "COMPARE_LESSTHAN",    "COMPARE_LESSTHANOREQUALTO",
                                                    "COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO"};
    return std::find(types.begin(), types.end(), text_of(condition, "type")) != types.end();
}

}  // namespace

void SqlUses::add(SqlUses more) {
    const auto append = [](auto& to, auto& from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    append(tables, more.tables);
    append(functions, more.functions);
    append(table_functions, more.table_functions);
    append(columns, more.columns);
    append(parameters, more.parameters);
    append(samples, more.samples);
    append(shows, more.shows);
    append(collations, more.collations);
    append(positional_joins, more.positional_joins);
    append(asof_joins, more.asof_joins);
    has_subquery = has_subquery || more.has_subquery;
}

SqlUses uses_of(const json& statement) {
    Walk walk;
    walk.visit(statement);
    return std::move(walk.uses);
}

AsofKeys asof_keys(const json& join, const std::function<bool(const json& expression, const json& relation)>& binds) {
    AsofKeys found;
    const auto type = text_of(join, "join_type");
    const auto &left = join.at("left"), &right = join.at("right");
    const auto cannot = [](std::string why, std::string way_out) {
        return AsofKeys{.keys = {}, .why_not = std::move(why), .way_out = std::move(way_out)};
    };
    if (type == "SEMI" || type == "ANTI") return found;
    if (type != "INNER" && type != "LEFT")
        return cannot("it keeps the rows of its right side that it does not choose",
                      "write ASOF LEFT JOIN, and add the other rows with UNION ALL");
    if (text_of(right, "type") == "JOIN")
        return cannot("its right side is itself a join", "make that join a SELECT with a name: ASOF JOIN (SELECT …) r");
    for (const auto& name : join.at("using_columns"))
        found.keys.push_back(
            {{"class", "COLUMN_REF"}, {"type", "COLUMN_REF"}, {"alias", ""}, {"column_names", json::array({name})}});
    std::vector<const json*> conjuncts;
    if (join.at("condition").is_object()) add_conjuncts(join.at("condition"), conjuncts);
    for (const auto* conjunct : conjuncts) {
        enum class Over { left_side, right_side, nothing, unknown };
        const auto side = [&](const json& expression) {
            if (!has_columns(expression)) return Over::nothing;
            const bool over_left = !names_relation(expression, right) && binds(expression, left);
            const bool over_right = !names_relation(expression, left) && binds(expression, right);
            if (over_left == over_right) return Over::unknown;
            return over_left ? Over::left_side : Over::right_side;
        };
        const auto whole = side(*conjunct);
        if (whole == Over::right_side) found.keys.push_back(*conjunct);
        if (whole != Over::unknown) continue;
        const auto own = compares_alike(*conjunct) ? side(conjunct->at("left")) : Over::unknown;
        const auto other = compares_alike(*conjunct) ? side(conjunct->at("right")) : Over::unknown;
        if (!(own == Over::left_side && other == Over::right_side) &&
            !(own == Over::right_side && other == Over::left_side))
            return cannot("a condition of its ON compares more than a value of the one side with a value of the other",
                          "compare by =, and one moment by >=; put other conditions into WHERE, or into a SELECT that "
                          "is joined");
        const auto& key = conjunct->at(own == Over::right_side ? "left" : "right");
        const auto& against = conjunct->at(own == Over::right_side ? "right" : "left");
        // The collation of one side is that of the comparison.
        auto collated = text_of(against, "class") == "COLLATE" ? against : key;
        if (text_of(against, "class") == "COLLATE") collated["child"] = key;
        found.keys.push_back(std::move(collated));
    }
    return found;
}

}  // namespace weir::declare
