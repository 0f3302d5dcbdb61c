#include "view/split/split.h"

#include <algorithm>

#include "view/split/aggregates.h"
#include "view/split/aggregation.h"
#include "view/split/linear.h"
#include "view/split/stabilise.h"
#include "view/split/touched.h"
#include "view/split/unique_names.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

class Splitter {
public:
    Splitter(Trees& trees, const SplitInput& input, Split& result)
        : trees_(trees), role_(input.role), input_(input), result_(result) {}

    Status visit(Tree& query, const Scope& outer) {
        Scope scope = outer;
        if (query.contains("cte_map") && query["cte_map"].contains("map")) {
            for (auto& entry : query["cte_map"]["map"]) {
                WEIR_TRY(visit(entry["value"]["query"]["node"], scope));
                scope.add(text_of(entry, "key"), entry);
            }
        }
        WEIR_TRY(union_to_distinct(query, scope));
        if (is_type(query, "SELECT_NODE")) {
            WEIR_ASSIGN(const bool taken, take(query, scope));
            // The queries beside the aggregates are split by themselves.
            if (taken) return visit_parts(query, scope, false);
        }
        return visit_parts(query, scope, true);
    }

private:
    static bool aggregates(const Tree& select) {
        if (!select.at("group_expressions").empty() || text_of(select, "aggregate_handling") == "FORCE_AGGREGATES" ||
            modifier(select, "DISTINCT_MODIFIER") != nullptr)
            return true;
        auto copy = select;
        bool found = false;
        copy["where_clause"] = nullptr;
        each_expression(copy, [&](Tree& expression) { found = found || has_aggregate(expression); });
        return found;
    }

    Result<bool> take(Tree& select, const Scope& scope) {
        if (!aggregates(select)) return false;
        auto taken = take_aggregation(trees_, select, scope, input_, ++aggregations_);
        if (!taken) {
            if (taken.error().code != ErrorCode::refused) return std::move(taken).error();
            note(taken.error().message);
            return false;
        }
        for (auto& state : taken->states) {
            const bool known = std::any_of(result_.states.begin(), result_.states.end(),
                                           [&](const State& each) { return each.name == state.name; });
            if (!known) result_.states.push_back(std::move(state));
        }
        taken->finish["cte_map"] = select["cte_map"];
        select = std::move(taken->finish);
        return true;
    }

    // a UNION b is SELECT DISTINCT * over a UNION ALL b, which can be a state.
    Status union_to_distinct(Tree& query, const Scope& scope) {
        if (!is_type(query, "SET_OPERATION_NODE") || text_of(query, "setop_type") != "UNION" ||
            query.value("setop_all", false) || modifier(query, "DISTINCT_MODIFIER") != nullptr)
            return ok();
        auto all = query;
        all["modifiers"] = Tree::array();
        make_all(all);
        all["cte_map"] = {{"map", Tree::array()}};
        if (!linear_query(all, scope, role_).linear()) return ok();
        auto question = all;
        question["cte_map"] = scope.needed_by(all);
        WEIR_ASSIGN(const auto sql, trees_.sql(question));
        const auto columns = trees_.connection().describe(sql);
        if (!columns) return ok();
        WEIR_ASSIGN(auto distinct, trees_.query("SELECT DISTINCT 1 FROM t"));
        distinct["select_list"] = Tree::array();
        for (const auto& each : *columns) distinct["select_list"].push_back(column(each.name));
        distinct["from_table"] = subquery_relation(std::move(all), "weir_union");
        for (const auto& each : query["modifiers"]) distinct["modifiers"].push_back(each);
        distinct["cte_map"] = query["cte_map"];
        query = std::move(distinct);
        return ok();
    }

    static void make_all(Tree& query) {
        if (!is_type(query, "SET_OPERATION_NODE") || text_of(query, "setop_type") != "UNION") return;
        if (!query["modifiers"].empty()) return;
        query["setop_all"] = true;
        for (auto* operand : operands(query)) make_all(*operand);
    }

    Status visit_parts(Tree& query, const Scope& scope, bool from_too) {
        for (auto& [key, part] : query.items()) {
            if (key == "cte_map" || !part.is_structured() || (key == "from_table" && !from_too)) continue;
            WEIR_TRY(visit_inside(part, scope));
        }
        return ok();
    }

    Status visit_inside(Tree& tree, const Scope& scope) {
        Status status = ok();
        each_part(tree, [&](Tree& part) {
            if (!status) return false;
            if (!part.contains("cte_map")) return true;
            status = visit(part, scope);
            return false;
        });
        return status;
    }

    void note(const std::string& why) {
        if (why.empty()) return;
        auto sentence = "an aggregate is computed from rows: " + why;
        if (std::find(result_.row_by_row.begin(), result_.row_by_row.end(), sentence) == result_.row_by_row.end())
            result_.row_by_row.push_back(std::move(sentence));
    }

    Trees& trees_;
    const RoleOf& role_;
    const SplitInput& input_;
    Split& result_;
    int aggregations_ = 0;
};

// Takes away names of WITH that nothing reads any more.
void prune(Tree& tree) {
    std::map<std::string, int> used;
    const auto count = [&](const Tree& in) {
        used.clear();
        each_part(in, [&](const Tree& part) {
            if (is_type(part, "BASE_TABLE") && text_of(part, "schema_name").empty())
                ++used[lowered(text_of(part, "table_name"))];
            return true;
        });
    };
    for (bool changed = true; changed;) {
        changed = false;
        count(tree);
        each_part(tree, [&](Tree& part) {
            if (!part.contains("cte_map") || !part["cte_map"].contains("map")) return true;
            auto& entries = part["cte_map"]["map"];
            for (auto entry = entries.begin(); entry != entries.end();) {
                if (used.contains(lowered(text_of(*entry, "key")))) {
                    ++entry;
                } else {
                    entry = entries.erase(entry);
                    changed = true;
                }
            }
            return true;
        });
    }
}

// Which columns of the outermost SELECT are keys of a state, as they are.
void find_shown_keys(const Tree& query, Split& result) {
    if (!is_type(query, "SELECT_NODE") || !is_type(query.at("from_table"), "BASE_TABLE")) return;
    const auto state = std::find_if(result.states.begin(), result.states.end(), [&](const State& each) {
        return each.name == text_of(query.at("from_table"), "table_name");
    });
    if (state == result.states.end()) return;
    for (const auto& item : query.at("select_list")) {
        if (!is_class(item, "COLUMN_REF")) continue;
        const auto name = item.at("column_names").back().get<std::string>();
        for (const auto& key : state->keys)
            if (key.name == name) result.shown_keys.push_back({text_of(item, "alias"), state->name, key.expression});
    }
}

void collect_reads(const Tree& query, const Scope& outer, const RoleOf& role, Split& result) {
    const auto scope = outer.inside(query);
    each_part(query, [&](const Tree& part) {
        if (part.contains("cte_map") && &part != &query) {
            collect_reads(part, scope, role, result);
            return false;
        }
        if (!is_type(part, "BASE_TABLE")) return true;
        const auto schema = text_of(part, "schema_name");
        const auto name = text_of(part, "table_name");
        if (schema.empty() && scope.find(name) != nullptr) return false;
        const bool state = std::any_of(result.states.begin(), result.states.end(),
                                       [&](const State& each) { return each.name == name; });
        if (state) return false;
        const auto full = schema.empty() ? name : schema + "." + name;
        (role(full) == TableRole::events ? result.rows : result.reads).insert(lowered(full));
        return false;
    });
}

TouchedKeys touched_in(Trees& trees, const Tree& finish, const RoleOf& role, const Split& split) {
    const auto state_called = [&](std::string_view name) {
        return std::find_if(split.states.begin(), split.states.end(),
                            [&](const State& state) { return state.name == name; });
    };
    const auto is_source = [&](std::string_view name) {
        const auto table = role(name);
        return state_called(name) != split.states.end() || table == TableRole::events || table == TableRole::result;
    };
    const auto columns_of = [&](const std::string& name, const std::string& quoted) {
        std::vector<sql::Column> columns;
        if (const auto state = state_called(name); state != split.states.end()) {
            for (const auto* list : {&state->keys, &state->values})
                for (const auto& column : *list) columns.push_back({column.name, column.type});
        } else if (auto described = trees.connection().describe("SELECT * FROM " + quoted)) {
            columns = std::move(*described);
        }
        return columns;
    };
    return touched_keys(trees, finish, is_source, columns_of);
}

}  // namespace

bool is_weighted(const Split& split) {
    return std::any_of(split.states.begin(), split.states.end(), [](const State& state) { return state.weighted; });
}

std::string_view to_string(State::Kind kind) {
    switch (kind) {
        case State::Kind::sums: return "sums";
        case State::Kind::values: return "values";
        case State::Kind::first: return "first";
        case State::Kind::sketch: return "sketch";
    }
    return "";
}

Result<Split> split(sql::Connection& connection, const SplitInput& input) {
    Trees trees(connection);
    WEIR_ASSIGN(auto query, trees.query(input.sql));
    Tree inlined = Tree::array();
    for (const auto& [name, sql] : input.inlined) {
        WEIR_ASSIGN(auto node, trees.query(sql));
        inlined.push_back({{"key", name},
                           {"value",
                            {{"aliases", Tree::array()},
                             {"query", {{"node", std::move(node)}, {"named_param_map", Tree::array()}}},
                             {"materialized", "CTE_MATERIALIZE_DEFAULT"},
                             {"key_targets", Tree::array()}}}});
    }
    for (auto& entry : query["cte_map"]["map"]) inlined.push_back(std::move(entry));
    query["cte_map"]["map"] = std::move(inlined);
    make_names_unique(query);
    prune(query);
    WEIR_TRY(stabilise(trees, query));
    Split result;
    WEIR_ASSIGN(result.plain, trees.sql(query));
    const auto linear = linear_query(query, {}, input.role);
    result.append_only = linear.linear() && modifier(query, "ORDER_MODIFIER") == nullptr && !has_weights(linear, input);
    WEIR_TRY(Splitter(trees, input, result).visit(query, {}));
    prune(query);
    collect_reads(query, {}, input.role, result);
    find_shown_keys(query, result);
    WEIR_ASSIGN(result.finish, trees.sql(query));
    result.notes.assign(trees.notes().begin(), trees.notes().end());
    WEIR_ASSIGN(const auto finish, trees.query(result.finish));
    result.touched = touched_in(trees, finish, input.role, result);
    // A state that only pruned parts used.
    std::erase_if(result.states,
                  [&](const State& state) { return result.finish.find(state.name) == std::string::npos; });
    return result;
}

}  // namespace weir::view
