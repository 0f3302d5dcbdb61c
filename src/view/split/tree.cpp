#include "view/split/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

namespace weir::view {
namespace {

const std::set<std::string_view> no_meaning{"query_location", "alias"};

std::size_t parameter_number(const Tree& tree) {
    if (!is_class(tree, "PARAMETER")) return 0;
    return static_cast<std::size_t>(std::strtoul(text_of(tree, "identifier").c_str(), nullptr, 10));
}

void substitute(Tree& tree, const std::vector<Tree>& arguments) {
    if (tree.is_object()) {
        if (const auto number = parameter_number(tree); number > 0 && number <= arguments.size()) {
            const auto alias = text_of(tree, "alias");
            tree = arguments[number - 1];
            // {'name': $1} carries its name on the argument.
            tree["alias"] = alias;
            return;
        }
    }
    if (tree.is_structured())
        for (auto& child : tree) substitute(child, arguments);
}

void collect_relation_names(const Tree& from, std::set<std::string>& names) {
    if (!from.is_object()) return;
    if (is_type(from, "JOIN")) {
        collect_relation_names(from.at("left"), names);
        collect_relation_names(from.at("right"), names);
        return;
    }
    auto name = text_of(from, "alias");
    if (name.empty()) name = text_of(from, "table_name");
    if (name.empty() && from.contains("function")) name = text_of(from.at("function"), "function_name");
    if (!name.empty()) names.insert(lowered(name));
}

Tree statement_of(const Tree& query) {
    return {{"error", false}, {"statements", Tree::array({{{"node", query}, {"named_param_map", Tree::array()}}})}};
}

Error defect(const std::string& text, std::string_view why) {
    return {.code = ErrorCode::internal, .message = "a rewriting rule is wrong: " + text + ": " + std::string(why)};
}

}  // namespace

std::string lowered(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

std::string text_of(const Tree& tree, const char* key) {
    if (!tree.is_object()) return {};
    const auto found = tree.find(key);
    return found != tree.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_class(const Tree& tree, std::string_view expression_class) {
    return text_of(tree, "class") == expression_class;
}
bool is_type(const Tree& tree, std::string_view type) { return text_of(tree, "type") == type; }

bool is_query(const Tree& tree) {
    return tree.is_object() && tree.contains("cte_map") && text_of(tree, "type").ends_with("_NODE");
}

Result<Tree> Trees::query(const std::string& sql) {
    if (const auto known = parsed_.find(sql); known != parsed_.end()) return known->second;
    WEIR_ASSIGN(const auto rows,
                connection_->query(fmt::format("SELECT json_serialize_sql({})::VARCHAR", sql::quote_text(sql))));
    const auto answer = Tree::parse(rows.text(0, 0), nullptr, false);
    if (!answer.is_object() || answer.value("error", true) || answer.at("statements").size() != 1)
        return Error{.code = ErrorCode::sql_invalid, .message = "this is not one SELECT: " + sql};
    auto node = answer.at("statements").at(0).at("node");
    parsed_.emplace(sql, node);
    return node;
}

Result<std::string> Trees::sql(const Tree& query) const {
    WEIR_ASSIGN(const auto rows, connection_->query(fmt::format("SELECT json_deserialize_sql({})",
                                                                sql::quote_text(statement_of(query).dump()))));
    return std::string(rows.text(0, 0));
}

Result<Tree> Trees::expression(const std::string& text, const std::vector<Tree>& arguments) {
    // The rules are few and the same for every view.
    static std::mutex mutex;
    static std::map<std::string, Tree> rules;
    Tree expression;
    {
        const std::lock_guard lock(mutex);
        if (const auto known = rules.find(text); known != rules.end()) expression = known->second;
    }
    if (expression.is_null()) {
        auto node = query("SELECT " + text);
        if (!node) return defect(text, node.error().message);
        expression = node->at("select_list").at(0);
        const std::lock_guard lock(mutex);
        rules.emplace(text, expression);
    }
    substitute(expression, arguments);
    return expression;
}

Result<Tree> Trees::query_with(const std::string& text, const std::vector<Tree>& arguments) {
    auto node = query(text);
    if (!node) return defect(text, node.error().message);
    auto tree = std::move(*node);
    substitute(tree, arguments);
    return tree;
}

Result<std::vector<std::string>> Trees::texts(const std::vector<Tree>& expressions) {
    std::vector<std::string> texts;
    if (expressions.empty()) return texts;
    WEIR_ASSIGN(auto node, query("SELECT 1"));
    std::string question;
    for (const auto& expression : expressions) {
        node["select_list"][0] = expression;
        question += (question.empty() ? "SELECT " : ", ") +
                    fmt::format("json_deserialize_sql({})", sql::quote_text(statement_of(node).dump()));
    }
    WEIR_ASSIGN(const auto rows, connection_->query(question));
    for (std::size_t i = 0; i < expressions.size(); ++i)
        texts.emplace_back(rows.text(0, i).substr(std::string_view("SELECT ").size()));
    return texts;
}

Tree column(const std::string& name) {
    return {{"class", "COLUMN_REF"}, {"type", "COLUMN_REF"}, {"alias", ""}, {"column_names", Tree::array({name})}};
}

Tree column(const std::string& relation, const std::string& name) {
    auto tree = column(name);
    tree["column_names"] = Tree::array({relation, name});
    return tree;
}

Tree base_table(const std::string& name, const std::string& alias) {
    return {{"type", "BASE_TABLE"}, {"alias", alias},      {"sample", nullptr},
            {"schema_name", ""},    {"table_name", name},  {"column_name_alias", Tree::array()},
            {"catalog_name", ""},   {"at_clause", nullptr}};
}

Tree subquery_relation(Tree query, const std::string& alias) {
    return {{"type", "SUBQUERY"},
            {"alias", alias},
            {"sample", nullptr},
            {"subquery", {{"node", std::move(query)}, {"named_param_map", Tree::array()}}},
            {"column_name_alias", Tree::array()}};
}

Tree with_alias(Tree expression, const std::string& alias) {
    expression["alias"] = alias;
    return expression;
}

Tree position(std::size_t number) {
    return {{"class", "CONSTANT"},
            {"type", "VALUE_CONSTANT"},
            {"alias", ""},
            {"value", {{"type", {{"id", "INTEGER"}, {"type_info", nullptr}}}, {"is_null", false}, {"value", number}}}};
}

bool same_expression(const Tree& a, const Tree& b) {
    if (a.type() != b.type()) return a.is_number() && b.is_number() && a == b;
    if (a.is_array()) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_expression);
    }
    if (!a.is_object()) return a == b;
    if (is_class(a, "COLUMN_REF") && is_class(b, "COLUMN_REF")) {
        const auto& left = a.at("column_names");
        const auto& right = b.at("column_names");
        return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const Tree& x, const Tree& y) {
            return lowered(x.get<std::string>()) == lowered(y.get<std::string>());
        });
    }
    if (is_class(a, "FUNCTION") && is_class(b, "FUNCTION") &&
        lowered(text_of(a, "function_name")) != lowered(text_of(b, "function_name")))
        return false;
    const auto empty = [](const Tree& value) {
        return value.is_null() || (value.is_structured() && value.empty()) || value == "";
    };
    const auto covered = [&](const Tree& from, const Tree& by, bool compare) {
        for (const auto& [key, value] : from.items()) {
            if (no_meaning.contains(key) || key == "function_name" || key == "schema" || key == "catalog") continue;
            const auto other = by.find(key);
            if (other == by.end()) {
                if (!empty(value)) return false;
            } else if (compare && !same_expression(value, *other)) {
                return false;
            }
        }
        return true;
    };
    return covered(a, b, true) && covered(b, a, false);
}

void each_part(const Tree& tree, const std::function<bool(const Tree&)>& visit) {
    if (tree.is_object() && !visit(tree)) return;
    if (tree.is_structured())
        for (const auto& child : tree) each_part(child, visit);
}

void each_part(Tree& tree, const std::function<bool(Tree&)>& visit) {
    if (tree.is_object() && !visit(tree)) return;
    if (tree.is_structured())
        for (auto& child : tree) each_part(child, visit);
}

void each_part_here(const Tree& expression, const std::function<bool(const Tree&)>& visit) {
    each_part(expression, [&](const Tree& part) { return !is_query(part) && visit(part); });
}

namespace {

bool holds(const Tree& expression, std::string_view wanted) {
    bool found = false;
    each_part(expression, [&](const Tree& part) {
        found = found || is_class(part, wanted);
        return !found;
    });
    return found;
}

}  // namespace

bool has_columns(const Tree& expression) { return holds(expression, "COLUMN_REF"); }

bool has_query(const Tree& expression) { return holds(expression, "SUBQUERY"); }

bool has_window(const Tree& expression) {
    bool found = false;
    each_part_here(expression, [&](const Tree& part) {
        found = found || is_class(part, "WINDOW");
        return !found;
    });
    return found;
}

void each_expression(Tree& select, const std::function<void(Tree&)>& visit) {
    for (const char* list : {"select_list", "group_expressions"}) {
        if (select.contains(list))
            for (auto& expression : select[list]) visit(expression);
    }
    for (const char* one : {"where_clause", "having", "qualify"}) {
        if (select.contains(one) && select[one].is_object()) visit(select[one]);
    }
    for (auto& each : select["modifiers"]) {
        if (each.contains("orders"))
            for (auto& order : each["orders"]) visit(order["expression"]);
        if (each.contains("distinct_on_targets"))
            for (auto& target : each["distinct_on_targets"]) visit(target);
    }
}

std::vector<Tree*> operands(Tree& set_operation) {
    std::vector<Tree*> result;
    for (const char* side : {"left", "right"}) {
        if (set_operation.contains(side)) result.push_back(&set_operation[side]);
    }
    if (set_operation.contains("children"))
        for (auto& child : set_operation["children"]) result.push_back(&child);
    return result;
}

std::vector<const Tree*> operands(const Tree& set_operation) {
    std::vector<const Tree*> result;
    for (const char* side : {"left", "right"}) {
        if (set_operation.contains(side)) result.push_back(&set_operation.at(side));
    }
    if (set_operation.contains("children"))
        for (const auto& child : set_operation.at("children")) result.push_back(&child);
    return result;
}

std::set<std::string> relation_names(const Tree& from) {
    std::set<std::string> names;
    collect_relation_names(from, names);
    return names;
}

Tree* modifier(Tree& node, std::string_view type) {
    for (auto& each : node["modifiers"]) {
        if (is_type(each, type)) return &each;
    }
    return nullptr;
}

const Tree* modifier(const Tree& node, std::string_view type) {
    for (const auto& each : node.at("modifiers")) {
        if (is_type(each, type)) return &each;
    }
    return nullptr;
}

}  // namespace weir::view
