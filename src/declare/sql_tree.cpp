#include "declare/sql_tree.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

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
        const auto scope_before = scope_.size();
        // Each name of a WITH is known to those after it and to the query; its own body knows it if it is recursive.
        if (const auto map = node.find("cte_map"); map != node.end() && map->is_object()) {
            if (const auto entries = map->find("map"); entries != map->end() && entries->is_array()) {
                for (const auto& entry : *entries) {
                    if (entry.contains("value")) visit(entry["value"]);
                    scope_.push_back(lowered(text_of(entry, "key")));
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
            uses.collations.push_back({lowered(text_of(node, "collation")), "",
                                       child == node.end() ? place : offset_of(*child)});
        } else if (kind == "SUBQUERY") {
            uses.has_subquery = true;
        }
    }

    std::vector<std::string> scope_;
};

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
    has_subquery = has_subquery || more.has_subquery;
}

SqlUses uses_of(const json& statement) {
    Walk walk;
    walk.visit(statement);
    return std::move(walk.uses);
}

}  // namespace weir::declare
