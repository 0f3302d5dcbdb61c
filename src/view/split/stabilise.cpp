#include "view/split/stabilise.h"

#include "declare/determinism.h"
#include "view/split/aggregates.h"

namespace weir::view {
namespace {

// How many columns a query gives; nothing where DuckDB cannot bind it by itself.
std::optional<std::size_t> width(Trees& trees, const Tree& query, const Scope& scope) {
    if (is_type(query, "SELECT_NODE")) {
        bool star = false;
        for (const auto& item : query.at("select_list")) star = star || is_class(item, "STAR");
        if (!star) return query.at("select_list").size();
    }
    auto whole = query;
    whole["cte_map"] = scope.needed_by(query);
    const auto sql = trees.sql(whole);
    if (!sql) return std::nullopt;
    const auto columns = trees.connection().describe(*sql);
    return columns ? std::optional(columns->size()) : std::nullopt;
}

void break_ties(Trees& trees, Tree& query, const Scope& scope) {
    const auto* distinct = modifier(query, "DISTINCT_MODIFIER");
    const bool picks = modifier(query, "LIMIT_MODIFIER") != nullptr ||
                       modifier(query, "LIMIT_PERCENT_MODIFIER") != nullptr ||
                       (distinct != nullptr && !distinct->at("distinct_on_targets").empty());
    auto* order = modifier(query, "ORDER_MODIFIER");
    if (!picks && order == nullptr) return;
    if (order != nullptr) {
        for (const auto& each : order->at("orders"))
            if (is_class(each.at("expression"), "STAR")) return;  // ORDER BY ALL
    }
    const auto columns = width(trees, query, scope);
    if (!columns) return;
    if (order == nullptr) {
        // DISTINCT comes before ORDER BY, LIMIT after it.
        auto& modifiers = query["modifiers"];
        const auto at = distinct != nullptr ? modifiers.begin() + 1 : modifiers.begin();
        modifiers.insert(at, Tree{{"type", "ORDER_MODIFIER"}, {"orders", Tree::array()}});
        order = modifier(query, "ORDER_MODIFIER");
    }
    for (std::size_t number = 1; number <= *columns; ++number)
        (*order)["orders"].push_back(
            {{"type", "ORDER_DEFAULT"}, {"null_order", "ORDER_DEFAULT"}, {"expression", position(number)}});
}

// The types of the first arguments of calls, bound over the query's FROM; empty where DuckDB cannot bind them.
Result<std::vector<std::vector<std::string>>> types_of(Trees& trees, const Tree& select, const Scope& scope,
                                                       const std::vector<Tree*>& calls) {
    std::vector<std::vector<std::string>> types(calls.size());
    std::vector<std::size_t> asked;
    WEIR_ASSIGN(auto question, trees.query("SELECT 1"));
    question["from_table"] = select.at("from_table");
    question["select_list"] = Tree::array();
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (!depends_on_types(*calls[i]) || calls[i]->at("children").empty()) continue;
        question["select_list"].push_back(with_alias(calls[i]->at("children").at(0), ""));
        asked.push_back(i);
    }
    if (asked.empty()) return types;
    question["cte_map"] = scope.needed_by(question);
    WEIR_ASSIGN(const auto sql, trees.sql(question));
    const auto columns = trees.connection().describe(sql);
    if (!columns || columns->size() != asked.size()) return types;
    for (std::size_t i = 0; i < asked.size(); ++i) types[asked[i]].push_back((*columns)[i].type);
    return types;
}

Status make_stable(Trees& trees, Tree& select, const Scope& scope) {
    std::vector<Tree*> calls;
    each_expression(select, [&](Tree& expression) {
        for (auto* call : aggregate_calls(expression)) calls.push_back(call);
    });
    if (calls.empty()) return ok();
    WEIR_ASSIGN(const auto types, types_of(trees, select, scope, calls));
    // Rewriting changes the names that DuckDB gives to columns without AS.
    for (auto& item : select["select_list"]) {
        if (!text_of(item, "alias").empty() || is_class(item, "COLUMN_REF") || is_class(item, "STAR")) continue;
        if (!has_aggregate(item)) continue;
        auto question = select;
        question["cte_map"] = scope.needed_by(select);
        WEIR_ASSIGN(const auto sql, trees.sql(question));
        const auto columns = trees.connection().describe(sql);
        if (!columns || columns->size() != select["select_list"].size()) break;
        for (std::size_t i = 0; i < columns->size(); ++i) {
            auto& each = select["select_list"][i];
            if (text_of(each, "alias").empty() && has_aggregate(each)) each["alias"] = (*columns)[i].name;
        }
        break;
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (depends_on_types(*calls[i]) && types[i].empty()) continue;
        WEIR_ASSIGN(auto better, stable(trees, *calls[i], types[i]));
        *calls[i] = std::move(better);
    }
    return ok();
}

// now() and its like become the end of the interval.
Status fix_time(Trees& trees, Tree& query) {
    Status status = ok();
    each_part(query, [&](Tree& part) {
        std::string name;
        if (is_class(part, "FUNCTION"))
            name = lowered(text_of(part, "function_name"));
        else if (is_class(part, "COLUMN_REF") && part["column_names"].size() == 1)
            name = lowered(part["column_names"][0].get<std::string>());
        const auto meaning = name.empty() ? std::string_view() : declare::time_in_view(name);
        if (!status || meaning.empty()) return true;
        auto time = trees.expression(std::string(meaning));
        if (!time) {
            status = std::move(time).error();
            return false;
        }
        part = with_alias(std::move(*time), text_of(part, "alias"));
        return false;
    });
    return status;
}

Status stabilise_query(Trees& trees, Tree& query, const Scope& outer);

Status inside(Trees& trees, Tree& tree, const Scope& scope) {
    Status status = ok();
    each_part(tree, [&](Tree& part) {
        if (!status) return false;
        if (!part.contains("cte_map")) return true;
        status = stabilise_query(trees, part, scope);
        return false;
    });
    return status;
}

Status stabilise_query(Trees& trees, Tree& query, const Scope& outer) {
    Scope scope = outer;
    if (query.contains("cte_map") && query["cte_map"].contains("map")) {
        for (auto& entry : query["cte_map"]["map"]) {
            WEIR_TRY(stabilise_query(trees, entry["value"]["query"]["node"], scope));
            scope.add(text_of(entry, "key"), entry);
        }
    }
    for (auto& [key, part] : query.items()) {
        if (key != "cte_map" && part.is_structured()) WEIR_TRY(inside(trees, part, scope));
    }
    if (is_type(query, "SELECT_NODE")) WEIR_TRY(make_stable(trees, query, scope));
    break_ties(trees, query, scope);
    return ok();
}

}  // namespace

Status stabilise(Trees& trees, Tree& query) {
    WEIR_TRY(fix_time(trees, query));
    return stabilise_query(trees, query, {});
}

}  // namespace weir::view
