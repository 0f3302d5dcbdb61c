#include "view/split/stabilise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "declare/determinism.h"
#include "declare/own_functions.h"
#include "view/split/aggregates.h"
#include "view/split/relations.h"
#include "view/split/used_names.h"

namespace weir::view {
namespace {

using UsedNames = std::optional<std::set<std::string>>;  // of the whole query, as used_names() gives them

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

// The type of an expression that stands in a SELECT's list; empty where DuckDB cannot bind it by itself.
Result<std::string> type_in(Trees& trees, const Tree& select, const Scope& scope, const Tree& expression) {
    auto question = select;
    question["modifiers"] = Tree::array();
    question["qualify"] = nullptr;
    question["select_list"].push_back(with_alias(expression, ""));
    question["cte_map"] = scope.needed_by(question);
    WEIR_ASSIGN(const auto sql, trees.sql(question));
    const auto columns = trees.connection().describe(sql);
    return columns && !columns->empty() ? columns->back().type : std::string();
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
    const auto all = question["select_list"];
    const auto ask = [&]() -> Result<std::vector<sql::Column>> {
        question["cte_map"] = scope.needed_by(question);
        WEIR_ASSIGN(const auto sql, trees.sql(question));
        return trees.connection().describe(sql);
    };
    if (const auto columns = ask(); columns && columns->size() == asked.size()) {
        for (std::size_t i = 0; i < asked.size(); ++i) types[asked[i]].push_back((*columns)[i].type);
        return types;
    }
    // One of them uses something that only the whole query knows.
    for (std::size_t i = 0; i < asked.size(); ++i) {
        question["select_list"] = Tree::array({all[i]});
        if (const auto columns = ask(); columns && columns->size() == 1)
            types[asked[i]].push_back(columns->front().type);
    }
    return types;
}

// Rewriting changes the names that DuckDB gives to columns without AS.
Status keep_names(Trees& trees, Tree& select, const Scope& scope, const std::function<bool(const Tree&)>& changes) {
    const auto& list = select["select_list"];
    if (std::none_of(list.begin(), list.end(), [&](const Tree& item) {
            return text_of(item, "alias").empty() && !is_class(item, "COLUMN_REF") && changes(item);
        }))
        return ok();
    auto question = select;
    question["cte_map"] = scope.needed_by(select);
    WEIR_ASSIGN(const auto sql, trees.sql(question));
    const auto columns = trees.connection().describe(sql);
    if (!columns || columns->size() != list.size()) return ok();
    for (std::size_t i = 0; i < columns->size(); ++i) {
        auto& each = select["select_list"][i];
        if (text_of(each, "alias").empty() && changes(each)) each["alias"] = (*columns)[i].name;
    }
    return ok();
}

Status make_stable(Trees& trees, Tree& select, const Scope& scope) {
    const auto collect = [&] {
        std::vector<Tree*> calls;
        each_expression(select, [&](Tree& expression) {
            for (auto* call : aggregate_calls(expression)) calls.push_back(call);
        });
        return calls;
    };
    if (collect().empty()) return ok();
    WEIR_TRY(keep_names(trees, select, scope, has_aggregate));
    for (auto* call : collect()) {
        WEIR_ASSIGN(auto meant, without_macro(trees, *call));
        if (meant) *call = std::move(*meant);
    }
    const auto calls = collect();
    WEIR_ASSIGN(const auto types, types_of(trees, select, scope, calls));
    for (std::size_t i = 0; i < calls.size(); ++i) {
        WEIR_ASSIGN(auto better, stable(trees, *calls[i], types[i]));
        *calls[i] = std::move(better);
    }
    return ok();
}

// ---- windows

std::vector<Tree*> windows_of(Tree& select) {
    std::vector<Tree*> windows;
    each_expression(select, [&](Tree& expression) {
        each_part(expression, [&](Tree& part) {
            if (part.contains("cte_map")) return false;
            if (!is_class(part, "WINDOW")) return true;
            windows.push_back(&part);
            return false;
        });
    });
    return windows;
}

// GROUP BY ALL as a list: a window that is ordered by groups would change what it means.
void group_by_name(Tree& select) {
    if (text_of(select, "aggregate_handling") != "FORCE_AGGREGATES") return;
    Tree groups = Tree::array(), set = Tree::array();
    const auto& list = select["select_list"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (has_aggregate(list[i]) || has_window(list[i]) || !has_columns(list[i])) continue;
        set.push_back(groups.size());
        groups.push_back(position(i + 1));
    }
    if (groups.empty()) return;
    select["group_expressions"] = std::move(groups);
    select["group_sets"] = Tree::array({set});
    select["aggregate_handling"] = "STANDARD_HANDLING";
}

// Rows that are equal in these are equal for the whole SELECT.
std::vector<Tree> tie_breaks(Trees& trees, Tree select, const Scope& scope, const UsedNames& used) {
    std::vector<Tree> breaks;
    const auto add = [&](const Tree& expression) {
        for (const auto& known : breaks)
            if (same_expression(known, expression)) return;
        breaks.push_back(with_alias(expression, ""));
    };
    const auto& list = select["select_list"];
    std::vector<Tree> calls;
    each_expression(select, [&](Tree& expression) {
        for (auto* call : aggregate_calls(expression)) calls.push_back(*call);
    });
    if (!select["group_expressions"].empty() || !calls.empty()) {
        for (const auto& group : select["group_expressions"]) {
            Tree meant = group;
            if (is_class(group, "CONSTANT") && group.at("value").at("value").is_number_integer()) {
                const auto number = group.at("value").at("value").get<std::size_t>();
                if (number >= 1 && number <= list.size()) meant = list[number - 1];
            } else if (is_class(group, "COLUMN_REF") && group.at("column_names").size() == 1) {
                // An alias, if it is none of the columns.
                for (const auto& item : list)
                    if (lowered(text_of(item, "alias")) == lowered(group.at("column_names").at(0).get<std::string>()) &&
                        !has_aggregate(item) && !has_window(item) && !same_expression(item, group) &&
                        !binds_over(trees, select["from_table"], scope, group))
                        meant = item;
            }
            add(meant);
        }
        if (select["group_sets"].size() > 1)
            for (const auto& call : calls) add(call);
        return breaks;
    }
    std::set<std::string> known;
    std::vector<std::string> in_order;
    bool one_each = false;  // no two columns of FROM share a name
    if (auto question = trees.query("SELECT * FROM t")) {
        (*question)["from_table"] = select["from_table"];
        (*question)["cte_map"] = scope.needed_by(*question);
        if (const auto sql = trees.sql(*question)) {
            if (const auto columns = trees.connection().describe(*sql)) {
                for (const auto& each : *columns) in_order.push_back(lowered(each.name));
                known.insert(in_order.begin(), in_order.end());
                one_each = known.size() == columns->size();
            }
        }
    }
    bool everything = false, star = false;
    select["where_clause"] = nullptr;
    each_expression(select, [&](Tree& expression) {
        each_part(expression, [&](Tree& part) {
            if (part.contains("cte_map")) everything = true;
            if (is_class(part, "STAR")) star = true;
            if (!is_class(part, "COLUMN_REF")) return true;
            if (part["column_names"].size() > 1 || known.contains(lowered(part["column_names"][0].get<std::string>())))
                add(part);
            return true;
        });
    });
    if (star && used && one_each) {
        for (const auto& name : known)
            if (used->contains(name)) add(column(name));
    } else if (star) {
        everything = true;
    }
    if (everything) {
        breaks.clear();
        // A relation's name alone is its row, where it has a name and no column is called so.
        const auto names = relation_names(select["from_table"]);
        const bool are_rows = !names.empty() && std::none_of(names.begin(), names.end(),
                                                             [&](const auto& name) { return known.contains(name); });
        if (are_rows || !one_each) in_order.assign(names.begin(), names.end());
        for (const auto& name : in_order) breaks.push_back(column(name));
    }
    return breaks;
}

Tree ascending(const Tree& expression) {
    return {{"type", "ORDER_DEFAULT"}, {"null_order", "ORDER_DEFAULT"}, {"expression", expression}};
}

// The rows of a window get an order without ties where their order shows in the answer.
void order_window(Tree& window, const std::vector<Tree>& breaks) {
    const auto type = text_of(window, "type");
    if (type == "WINDOW_RANK" || type == "WINDOW_RANK_DENSE" || type == "WINDOW_PERCENT_RANK" ||
        type == "WINDOW_CUME_DIST" || type == "WINDOW_FILL")
        return;
    const auto by_rows = [&](const char* bound) { return text_of(window, bound).ends_with("_ROWS"); };
    if (type == "WINDOW_AGGREGATE" && !by_rows("start") && !by_rows("end")) return;
    const bool has_own_order = window.contains("arg_orders") && !window["arg_orders"].empty();
    const bool first = type == "WINDOW_FIRST_VALUE", last = type == "WINDOW_LAST_VALUE";
    const bool value_of_frame = first || last || type == "WINDOW_NTH_VALUE";
    const bool frame_holds_end = (first && text_of(window, "start") == "UNBOUNDED_PRECEDING") ||
                                 (last && text_of(window, "end") == "UNBOUNDED_FOLLOWING") || by_rows("start") ||
                                 by_rows("end");
    const auto add_to = [&](Tree& orders) {
        for (const auto& each : breaks) {
            const auto same = [&](const Tree& known) { return same_expression(known, each); };
            if (std::any_of(window["partitions"].begin(), window["partitions"].end(), same)) continue;
            if (std::any_of(orders.begin(), orders.end(), [&](const Tree& o) { return same(o.at("expression")); }))
                continue;
            orders.push_back(ascending(each));
        }
    };
    if (has_own_order) add_to(window["arg_orders"]);
    if (value_of_frame && !frame_holds_end) {
        // More keys in ORDER BY would make the frame smaller.
        if (has_own_order) return;
        window["arg_orders"] = window["orders"];
        add_to(window["arg_orders"]);
        return;
    }
    add_to(window["orders"]);
}

// Their answer is the rows in the order of the window, where they have none of their own.
bool follows_window(std::string_view aggregate) {
    constexpr std::array names = std::to_array<std::string_view>(
        {"list", "array_agg", "string_agg", "group_concat", "listagg", "first", "last"});
    return std::find(names.begin(), names.end(), aggregate) != names.end();
}

bool is_whole_partition(const Tree& window) {
    if (text_of(window, "start") != "UNBOUNDED_PRECEDING" || text_of(window, "exclude_clause") != "NO_OTHER")
        return false;
    const auto end = text_of(window, "end");
    return end == "UNBOUNDED_FOLLOWING" || (end == "CURRENT_ROW_RANGE" && window.at("orders").empty());
}

Status make_windows_stable(Trees& trees, Tree& select, const Scope& scope, const UsedNames& used) {
    if (windows_of(select).empty()) return ok();
    WEIR_TRY(keep_names(trees, select, scope, has_window));
    group_by_name(select);
    const auto breaks = tie_breaks(trees, select, scope, used);
    const auto asked = select;
    for (auto* window : windows_of(select)) {
        order_window(*window, breaks);
        const auto name = lowered(text_of(*window, "function_name"));
        if (!is_type(*window, "WINDOW_AGGREGATE") || !is_aggregate(name)) continue;
        WEIR_ASSIGN(auto call, trees.expression("sum($1)", {column("x")}));
        call["function_name"] = name;
        call["alias"] = text_of(*window, "alias");
        call["children"] = (*window)["children"];
        call["distinct"] = window->value("distinct", false);
        call["filter"] = (*window)["filter_expr"];
        call["order_bys"] = nullptr;
        const bool has_own_order = window->contains("arg_orders") && !(*window)["arg_orders"].empty();
        // DuckDB takes an order of DISTINCT values only by the values themselves.
        const bool by_window = follows_window(name) && !call["distinct"];
        if (has_own_order || (by_window && !(*window)["orders"].empty()))
            call["order_bys"] = {{"type", "ORDER_MODIFIER"},
                                 {"orders", (*window)[has_own_order ? "arg_orders" : "orders"]}};
        std::vector<std::string> types;
        if (depends_on_types(call) && !call["children"].empty()) {
            WEIR_ASSIGN(auto type, type_in(trees, asked, scope, call["children"][0]));
            if (type.empty()) continue;
            types.push_back(std::move(type));
        }
        WEIR_ASSIGN(auto form, stable(trees, call, types));
        const auto inside = aggregate_calls(form);
        const bool own = std::any_of(inside.begin(), inside.end(), [](const Tree* inner) {
            return !declare::instead_of_own_function(text_of(*inner, "function_name")).empty();
        });
        if (own) {
            // Aggregates of the C API do not run as windows: the terms get an order instead. Where the frame moves that
            // would cost the square of its size, so that the order of the window has to do.
            if (is_whole_partition(*window)) {
                (*window)["arg_orders"] = Tree::array();
                for (const auto& child : (*window)["children"]) (*window)["arg_orders"].push_back(ascending(child));
            }
            continue;
        }
        for (auto* inner : inside) {
            auto over = *window;
            over["function_name"] = text_of(*inner, "function_name");
            over["children"] = (*inner)["children"];
            over["distinct"] = inner->value("distinct", false);
            over["filter_expr"] = inner->contains("filter") ? (*inner)["filter"] : Tree();
            over["arg_orders"] = Tree::array();
            if (inner->contains("order_bys") && (*inner)["order_bys"].is_object())
                over["arg_orders"] = (*inner)["order_bys"]["orders"];
            over["alias"] = text_of(*inner, "alias");
            *inner = std::move(over);
        }
        *window = std::move(form);
    }
    return ok();
}

// Whether one of the relations that a query reads, or one of its aliases, has this name for a column.
bool is_column(Trees& trees, const Tree& query, const std::string& name) {
    bool found = false;
    each_part(query, [&](const Tree& part) {
        found = found || lowered(text_of(part, "alias")) == name;
        if (found || !is_type(part, "BASE_TABLE")) return !found;
        const auto schema = text_of(part, "schema_name"), table = text_of(part, "table_name");
        const auto quoted =
            schema.empty() ? sql::quote_name(table) : sql::quote_name(schema) + "." + sql::quote_name(table);
        found = bool(trees.connection().describe(
            fmt::format("SELECT weir_read.{} FROM {} weir_read", sql::quote_name(name), quoted)));
        return !found;
    });
    return found;
}

// now() and its like become the end of the interval. current_date is written as a column is, and one if there is one.
Status fix_time(Trees& trees, Tree& query) {
    Status status = ok();
    const Tree whole = query;
    each_part(query, [&](Tree& part) {
        std::string name;
        if (is_class(part, "FUNCTION"))
            name = lowered(text_of(part, "function_name"));
        else if (is_class(part, "COLUMN_REF") && part["column_names"].size() == 1)
            name = lowered(part["column_names"][0].get<std::string>());
        const auto meaning = name.empty() ? std::string_view() : declare::time_in_view(name);
        if (!status || meaning.empty()) return true;
        if (is_class(part, "COLUMN_REF") && (!declare::is_written_as_column(name) || is_column(trees, whole, name)))
            return true;
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

Status stabilise_query(Trees& trees, Tree& query, const Scope& outer, const UsedNames& used);

Status inside(Trees& trees, Tree& tree, const Scope& scope, const UsedNames& used) {
    Status status = ok();
    each_part(tree, [&](Tree& part) {
        if (!status) return false;
        if (!part.contains("cte_map")) return true;
        status = stabilise_query(trees, part, scope, used);
        return false;
    });
    return status;
}

Status stabilise_query(Trees& trees, Tree& query, const Scope& outer, const UsedNames& used) {
    Scope scope = outer;
    if (query.contains("cte_map") && query["cte_map"].contains("map")) {
        for (auto& entry : query["cte_map"]["map"]) {
            WEIR_TRY(stabilise_query(trees, entry["value"]["query"]["node"], scope, used));
            scope.add(text_of(entry, "key"), entry);
        }
    }
    if (is_type(query, "SELECT_NODE")) WEIR_TRY(write_out_relations(trees, query, scope));
    for (auto& [key, part] : query.items()) {
        if (key != "cte_map" && part.is_structured()) WEIR_TRY(inside(trees, part, scope, used));
    }
    if (is_type(query, "SELECT_NODE")) {
        WEIR_TRY(make_stable(trees, query, scope));
        WEIR_TRY(make_windows_stable(trees, query, scope, used));
    }
    break_ties(trees, query, scope);
    return ok();
}

}  // namespace

Status stabilise(Trees& trees, Tree& query) {
    WEIR_TRY(fix_time(trees, query));
    bool windows = false;
    each_part(query, [&](const Tree& part) {
        windows = windows || is_class(part, "WINDOW");
        return !windows;
    });
    return stabilise_query(trees, query, {}, windows ? used_names(trees, query) : std::nullopt);
}

}  // namespace weir::view
