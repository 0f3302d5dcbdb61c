#include "view/split/aggregation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/sha256.h"
#include "view/split/aggregates.h"
#include "view/split/used_names.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

std::vector<Tree> conjuncts(const Tree& predicate) {
    if (is_type(predicate, "CONJUNCTION_AND")) {
        std::vector<Tree> all;
        for (const auto& child : predicate.at("children")) {
            auto inner = conjuncts(child);
            all.insert(all.end(), inner.begin(), inner.end());
        }
        return all;
    }
    return {predicate};
}

Tree conjunction(const std::vector<Tree>& predicates) {
    if (predicates.empty()) return nullptr;
    if (predicates.size() == 1) return predicates.front();
    return {{"class", "CONJUNCTION"}, {"type", "CONJUNCTION_AND"}, {"alias", ""}, {"children", predicates}};
}

bool is_integer(const Tree& expression) {
    return is_class(expression, "CONSTANT") && expression.at("value").at("value").is_number_integer() &&
           text_of(expression.at("value").at("type"), "id") == "INTEGER";
}

void strip_qualifier(Tree& expression, const std::string& relation_) {
    each_part(expression, [&](Tree& part) {
        if (part.contains("cte_map")) return false;
        if (is_class(part, "COLUMN_REF") && part["column_names"].size() > 1 &&
            lowered(part["column_names"][0].get<std::string>()) == relation_)
            part["column_names"].erase(part["column_names"].begin());
        return true;
    });
}

std::size_t index_of(std::vector<Tree>& list, const Tree& expression) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (same_expression(list[i], expression)) return i;
    }
    list.push_back(expression);
    return list.size() - 1;
}

class Aggregation {
public:
    // `number`: of the aggregation in the view, so that a query inside another one can name both.
    Aggregation(Trees& trees, const Tree& select, const Scope& scope, const SplitInput& input, int number)
        : trees_(trees),
          select_(select),
          scope_(scope),
          role_(input.role),
          input_(input),
          relation_(fmt::format("s{}", number)) {}

    using Taken = TakenAggregation;

    Result<Taken> take() {
        const auto from = linear_relation(select_.at("from_table"), scope_, role_);
        if (!from.why_not.empty()) return no(from.why_not);
        if (from.events.empty()) return no("");
        linear_ = from;
        weighted_ = has_weights(from, input_);
        if (relation_names(select_["from_table"]).size() == 1) {
            const auto only = *relation_names(select_["from_table"]).begin();
            each_expression(select_, [&](Tree& expression) { strip_qualifier(expression, only); });
            qualifier_ = only;
        }
        WEIR_TRY(bind());
        WEIR_TRY(find_groups());
        WEIR_TRY(divide_where());
        const auto* distinct = modifier(select_, "DISTINCT_MODIFIER");
        if (!aggregates_ && distinct != nullptr && !distinct->at("distinct_on_targets").empty()) return first_rows();
        return sums_and_values();
    }

private:
    static Error no(std::string why) { return {.code = ErrorCode::refused, .message = std::move(why)}; }

    // The names that FROM offers, and those that the SELECT gives.
    Status bind() {
        WEIR_ASSIGN(auto question, trees_.query("SELECT * FROM t"));
        question["from_table"] = select_["from_table"];
        question["cte_map"] = scope_.needed_by(question);
        WEIR_ASSIGN(const auto sql, trees_.sql(question));
        const auto columns = trees_.connection().describe(sql);
        if (!columns) return no("its FROM uses columns of the query around it");
        for (const auto& column : *columns) columns_.insert(lowered(column.name));
        relations_ = relation_names(select_["from_table"]);
        for (const auto& item : select_["select_list"]) {
            bool star = false;
            each_part_here(item, [&](const Tree& part) {
                star = star || is_class(part, "STAR");
                return true;
            });
            if (star) return no("it selects * beside aggregates");
            if (has_aggregate(item)) aggregates_ = true;
            if (const auto alias = text_of(item, "alias"); !alias.empty()) aliases_.insert(lowered(alias));
        }
        for (const char* part : {"having", "qualify"}) {
            if (select_.contains(part) && select_[part].is_object() && has_aggregate(select_[part])) aggregates_ = true;
        }
        auto whole = select_;
        whole["cte_map"] = scope_.needed_by(select_);
        WEIR_ASSIGN(const auto whole_sql, trees_.sql(whole));
        if (const auto given = trees_.connection().describe(whole_sql);
            given && given->size() == select_["select_list"].size()) {
            for (const auto& column : *given) names_.push_back(column.name);
        }
        return ok();
    }

    // A position or an alias stands for an expression of the select list.
    Tree meant(const Tree& expression) const {
        if (is_integer(expression)) {
            const auto number = expression.at("value").at("value").get<std::size_t>();
            if (number >= 1 && number <= select_.at("select_list").size())
                return with_alias(select_.at("select_list").at(number - 1), "");
        }
        if (is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
            const auto name = lowered(expression.at("column_names").at(0).get<std::string>());
            if (!columns_.contains(name)) {
                for (const auto& item : select_.at("select_list"))
                    if (lowered(text_of(item, "alias")) == name) return with_alias(item, "");
            }
        }
        return with_alias(expression, "");
    }

    // In ORDER BY and DISTINCT ON an alias goes before a column of its name.
    Tree meant_in_order(const Tree& expression) const {
        if (is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
            const auto name = lowered(expression.at("column_names").at(0).get<std::string>());
            for (const auto& item : select_.at("select_list"))
                if (lowered(text_of(item, "alias")) == name) return with_alias(item, "");
        }
        return meant(expression);
    }

    Status find_groups() {
        if (text_of(select_, "aggregate_handling") == "FORCE_AGGREGATES") {
            select_["group_expressions"] = Tree::array();
            for (const auto& item : select_["select_list"])
                if (!has_aggregate(item) && has_columns(item))
                    select_["group_expressions"].push_back(with_alias(item, ""));
            if (select_["group_expressions"].empty() && !aggregates_)
                return no("GROUP BY ALL finds nothing to group by");
            Tree all = Tree::array();
            for (std::size_t i = 0; i < select_["group_expressions"].size(); ++i) all.push_back(i);
            select_["group_sets"] = all.empty() ? Tree::array() : Tree::array({all});
            select_["aggregate_handling"] = "STANDARD_HANDLING";
        }
        if (!select_["group_expressions"].empty()) aggregates_ = true;
        for (const auto& expression : select_["group_expressions"]) {
            groups_.push_back(meant(expression));
            const auto before = keys_.size();
            group_keys_.push_back(index_of(keys_, groups_.back()));
            if (select_["group_sets"].size() < 2) continue;
            if (keys_.size() == before) return no("it groups twice by the same expression in GROUPING SETS");
            if (!has_columns(groups_.back())) return no("it groups by a constant in GROUPING SETS");
        }
        if (!aggregates_) {
            for (const auto& item : select_["select_list"]) {
                if (has_window(item)) return no("it has a window over events");
            }
        }
        for (const auto& key : keys_) WEIR_TRY(fixed_inside(key));
        return ok();
    }

    Status fixed_inside(const Tree& expression) {
        const auto inside = inside_expression(expression, scope_, role_);
        if (!inside.why_not.empty()) return no(inside.why_not);
        if (!inside.events.empty()) return no("a query inside an expression over events reads events");
        linear_.references.insert(inside.references.begin(), inside.references.end());
        return ok();
    }

    enum class Side { inner, outer, mixed, neither };
    // Whose columns an expression uses: this query's, or those of the query around it.
    Side side_of(const Tree& expression) const {
        bool inner = false, outer = false;
        each_part(expression, [&](const Tree& part) {
            if (part.contains("cte_map")) {
                inner = outer = true;  // not looked into
                return false;
            }
            if (!is_class(part, "COLUMN_REF")) return true;
            const auto& names = part.at("column_names");
            const auto first = lowered(names.at(0).get<std::string>());
            const bool ours = names.size() > 1 && relations_.contains(first) ? true : columns_.contains(first);
            (ours ? inner : outer) = true;
            return true;
        });
        if (inner && outer) return Side::mixed;
        return inner ? Side::inner : outer ? Side::outer : Side::neither;
    }

    // What compares with the query around this one is left to finish; its own side becomes a key.
    Status divide_where() {
        if (!select_.contains("where_clause") || !select_["where_clause"].is_object()) return ok();
        for (auto& predicate : conjuncts(select_["where_clause"])) {
            bool inner_query = false;
            each_part(predicate, [&](const Tree& part) {
                inner_query = inner_query || part.contains("cte_map");
                return !inner_query;
            });
            if (inner_query) WEIR_TRY(fixed_inside(predicate));
            const auto side = inner_query ? Side::inner : side_of(predicate);
            if (side == Side::inner || side == Side::neither) {
                where_.push_back(predicate);
                continue;
            }
            if (!is_class(predicate, "COMPARISON")) return no("its WHERE mixes in columns of the query around it");
            auto left = side_of(predicate["left"]), right = side_of(predicate["right"]);
            const char* ours = left == Side::inner ? "left" : "right";
            if (!((left == Side::inner && right == Side::outer) || (left == Side::outer && right == Side::inner)))
                return no("its WHERE mixes in columns of the query around it");
            auto later = predicate;
            later[ours] = key(index_of(keys_, with_alias(predicate[ours], "")));
            later_.push_back(std::move(later));
        }
        return ok();
    }

    Tree key(std::size_t index) const { return column(relation_, fmt::format("k{}", index + 1)); }

    // ---- DISTINCT ON

    Result<Taken> first_rows() {
        if (!later_.empty()) return no("its WHERE mixes in columns of the query around it");
        if (weighted_) return no("the first row of a key can be taken back");
        auto* distinct = modifier(select_, "DISTINCT_MODIFIER");
        const auto* order = modifier(select_, "ORDER_MODIFIER");
        for (const auto& target : distinct->at("distinct_on_targets")) {
            WEIR_TRY(fixed_inside(target));
            index_of(keys_, meant_in_order(target));
        }
        if (order != nullptr)
            for (const auto& each : order->at("orders")) index_of(values_, meant_in_order(each.at("expression")));
        for (const auto& item : select_["select_list"]) index_of(values_, with_alias(item, ""));
        std::erase_if(values_, [&](const Tree& value) {
            return std::any_of(keys_.begin(), keys_.end(),
                               [&](const Tree& each) { return same_expression(each, value); });
        });
        for (const auto& value : values_) WEIR_TRY(fixed_inside(value));
        const auto stored = [&](const Tree& expression) -> Tree {
            for (std::size_t i = 0; i < keys_.size(); ++i)
                if (same_expression(keys_[i], expression)) return column(fmt::format("k{}", i + 1));
            for (std::size_t i = 0; i < values_.size(); ++i)
                if (same_expression(values_[i], expression)) return column(fmt::format("v{}", i + 1));
            return nullptr;
        };
        // One SELECT DISTINCT ON, over events and over states.
        WEIR_ASSIGN(auto merge, trees_.query("SELECT 1 FROM t"));
        merge["select_list"] = Tree::array();
        for (std::size_t i = 0; i < keys_.size(); ++i)
            merge["select_list"].push_back(column(fmt::format("k{}", i + 1)));
        for (std::size_t i = 0; i < values_.size(); ++i)
            merge["select_list"].push_back(column(fmt::format("v{}", i + 1)));
        Tree on = Tree::array(), orders = Tree::array();
        for (std::size_t i = 0; i < keys_.size(); ++i) on.push_back(column(fmt::format("k{}", i + 1)));
        if (order != nullptr) {
            for (const auto& each : order->at("orders")) {
                auto ordered = each;
                ordered["expression"] = stored(meant_in_order(each.at("expression")));
                if (!ordered["expression"].is_null()) orders.push_back(ordered);
            }
        }
        merge["modifiers"] = Tree::array({Tree{{"type", "DISTINCT_MODIFIER"}, {"distinct_on_targets", on}},
                                          Tree{{"type", "ORDER_MODIFIER"}, {"orders", orders}}});
        auto partial = merge;
        for (std::size_t i = 0; i < keys_.size(); ++i)
            partial["select_list"][i] = with_alias(keys_[i], fmt::format("k{}", i + 1));
        for (std::size_t i = 0; i < values_.size(); ++i)
            partial["select_list"][keys_.size() + i] = with_alias(values_[i], fmt::format("v{}", i + 1));
        for (std::size_t i = 0; i < keys_.size(); ++i) partial["modifiers"][0]["distinct_on_targets"][i] = keys_[i];
        std::size_t at = 0;
        if (order != nullptr) {
            for (const auto& each : order->at("orders")) {
                const auto expression = meant_in_order(each.at("expression"));
                if (stored(expression).is_null()) continue;
                partial["modifiers"][1]["orders"][at++]["expression"] = expression;
            }
        }
        partial["from_table"] = select_["from_table"];
        partial["where_clause"] = conjunction(where_);
        WEIR_ASSIGN(auto state, make_state(State::Kind::first, std::move(partial), keys_.size(), values_.size()));
        merge["from_table"] = base_table(state.name);
        WEIR_ASSIGN(state.merge, trees_.sql(merge));
        describe_columns(state, keys_, values_, {});

        auto finish = select_;
        finish["from_table"] = base_table(state.name);
        finish["where_clause"] = nullptr;
        for (std::size_t i = 0; i < finish["select_list"].size(); ++i)
            finish["select_list"][i] = with_alias(stored(with_alias(select_["select_list"][i], "")), output_name(i));
        for (auto& target : (*modifier(finish, "DISTINCT_MODIFIER"))["distinct_on_targets"])
            target = stored(meant_in_order(target));
        if (auto* finish_order = modifier(finish, "ORDER_MODIFIER")) (*finish_order)["orders"] = orders;
        return Taken{.states = {std::move(state)}, .finish = std::move(finish)};
    }

    // ---- GROUP BY, aggregates, DISTINCT

    // Calls that need the same values.
    struct Values {
        std::vector<Tree> values;
        Tree filter = nullptr;
        bool with_sums = false;  // NULL values do not count, so that the state can hold all rows, and the sums
        bool repeated = false;   // a value counts as often as it came
    };

    // The parts of an aggregate call that are expressions over rows: arguments, then ORDER BY. What follows the first
    // argument and has no columns is a setting: a separator, the share of a quantile.
    static std::vector<Tree*> row_expressions(Tree& call) {
        std::vector<Tree*> parts;
        const bool ordered =
            call.contains("order_bys") && call["order_bys"].is_object() && !call["order_bys"]["orders"].empty();
        // quantile_cont(0.5 ORDER BY x), which is WITHIN GROUP, has settings only.
        const bool settings_only = ordered && lowered(text_of(call, "function_name")).starts_with("quantile");
        for (std::size_t i = 0; i < call["children"].size(); ++i) {
            auto& child = call["children"][i];
            if (has_columns(child) || (i == 0 && !settings_only)) parts.push_back(&child);
        }
        if (ordered)
            for (auto& order : call["order_bys"]["orders"]) parts.push_back(&order["expression"]);
        return parts;
    }

    Result<Taken> sums_and_values() {
        if (!aggregates_) {  // SELECT DISTINCT
            for (const auto& item : select_["select_list"]) index_of(keys_, with_alias(item, ""));
            for (const auto& each : keys_) WEIR_TRY(fixed_inside(each));
        }
        std::vector<Tree> expressions;
        auto above = select_;  // what finish evaluates
        above["group_expressions"] = Tree::array();
        above["where_clause"] = nullptr;
        each_expression(above, [&](Tree& expression) { expressions.push_back(expression); });
        if (weighted_) {
            // How many rows of a key are left: a key without rows is gone.
            own_sums_ = true;
            WEIR_ASSIGN(auto left, trees_.expression("count(*)"));
            WEIR_TRY(plan(left));
        }
        for (auto& expression : expressions) {
            for (auto* call : aggregate_calls(expression)) WEIR_TRY(plan(*call));
        }
        // A sketch for each value would be a large way to write the value.
        if (has_sketches()) sums_values_ = npos;
        if (sums_values_ == npos && (!sum_columns_.empty() || values_of_.empty() || !keys_.empty())) own_sums_ = true;

        std::vector<State> states;
        if (own_sums_) {
            WEIR_ASSIGN(auto state, grouped_state({}, true));
            states.push_back(std::move(state));
        }
        for (std::size_t i = 0; i < values_of_.size(); ++i) {
            WEIR_ASSIGN(auto state, grouped_state(values_of_[i], i == sums_values_));
            states.push_back(std::move(state));
        }
        several_ = states.size() > 1;

        auto finish = select_;
        WEIR_ASSIGN(finish["from_table"], states_relation(states));
        finish["where_clause"] = conjunction(later_);
        for (std::size_t i = 0; i < groups_.size(); ++i) finish["group_expressions"][i] = key(group_keys_[i]);
        Status status = ok();
        each_expression(finish, [&](Tree& expression) {
            if (!status || &expression == &finish["where_clause"]) return;
            for (const auto& group : finish["group_expressions"])
                if (&group == &expression) return;
            if (names_output(finish, expression)) return;
            auto rewritten = rewrite(expression);
            if (rewritten)
                expression = std::move(*rewritten);
            else
                status = std::move(rewritten).error();
        });
        if (!status) return std::move(status).error();
        for (std::size_t i = 0; i < finish["select_list"].size(); ++i)
            finish["select_list"][i]["alias"] = output_name(i);
        return Taken{.states = std::move(states), .finish = std::move(finish)};
    }

    // Whether it is an item of ORDER BY that names a column of the answer.
    bool names_output(Tree& select, const Tree& expression) const {
        if (!is_class(expression, "COLUMN_REF") || expression.at("column_names").size() != 1) return false;
        if (!aliases_.contains(lowered(expression.at("column_names").at(0).get<std::string>()))) return false;
        const auto* order = modifier(select, "ORDER_MODIFIER");
        return order != nullptr && std::any_of(order->at("orders").begin(), order->at("orders").end(),
                                               [&](const Tree& each) { return &each.at("expression") == &expression; });
    }

    std::string output_name(std::size_t index) const {
        if (auto alias = text_of(select_.at("select_list").at(index), "alias"); !alias.empty()) return alias;
        return index < names_.size() ? names_[index] : std::string();
    }

    bool has_sketches() const {
        return std::any_of(precisions_.begin(), precisions_.end(), [](const auto& each) { return !each.empty(); });
    }

    Status plan(Tree& call) {
        if (call.value("export_state", false)) return no("it exports the state of an aggregate");
        for (const auto& known : calls_)
            if (same_expression(known.call, call)) return ok();
        bool window_inside = false;
        each_part(call, [&](const Tree& part) {
            window_inside = window_inside || is_class(part, "WINDOW");
            return true;
        });
        if (window_inside) return no("an aggregate has a window inside");
        WEIR_TRY(fixed_inside(call));
        if (side_of(call) == Side::outer || side_of(call) == Side::mixed)
            return no("an aggregate uses columns of the query around it");
        WEIR_ASSIGN(auto sums, as_sums(trees_, call, weighted_ ? &weight_ : nullptr));
        if (sums) {
            Planned planned{.call = call, .finish = sums->finish, .columns = {}};
            for (auto& column : sums->columns) {
                const auto at = index_of(sum_columns_, column.partial);
                if (at == merges_.size()) {
                    merges_.push_back(column.merge);
                    precisions_.push_back(sums->precision);
                }
                planned.columns.push_back(at);
            }
            calls_.push_back(std::move(planned));
            return ok();
        }
        Values wanted{.with_sums = !weighted_ && is_plain_distinct(call),
                      .repeated = weighted_ || !call.value("distinct", false)};
        if (call.contains("filter") && call["filter"].is_object()) wanted.filter = with_alias(call["filter"], "");
        for (const auto* part : row_expressions(call)) index_of(wanted.values, with_alias(*part, ""));
        if (wanted.with_sums && !wanted.filter.is_null()) {
            WEIR_ASSIGN(wanted.values[0],
                        trees_.expression("CASE WHEN $1 THEN $2 END", {wanted.filter, wanted.values[0]}));
            wanted.filter = nullptr;
        }
        std::size_t at = 0;
        for (; at < values_of_.size(); ++at) {
            const auto& known = values_of_[at];
            if (known.with_sums == wanted.with_sums && known.repeated == wanted.repeated &&
                same_expression(known.values, wanted.values) && same_expression(known.filter, wanted.filter))
                break;
        }
        if (at == values_of_.size()) values_of_.push_back(wanted);
        if (wanted.with_sums && sums_values_ == npos) sums_values_ = at;
        calls_.push_back({.call = call, .finish = {}, .columns = {}, .values = at});
        return ok();
    }

    Result<State> grouped_state(const Values& wanted, bool with_sums) {
        WEIR_ASSIGN(auto partial, trees_.query("SELECT 1 FROM t"));
        auto& list = partial["select_list"];
        list = Tree::array();
        Tree groups = Tree::array(), set = Tree::array();
        for (std::size_t i = 0; i < keys_.size(); ++i) list.push_back(with_alias(keys_[i], fmt::format("k{}", i + 1)));
        for (std::size_t i = 0; i < wanted.values.size(); ++i)
            list.push_back(with_alias(wanted.values[i], fmt::format("v{}", i + 1)));
        for (std::size_t i = 0; i < list.size(); ++i) {
            groups.push_back(position(i + 1));
            set.push_back(i);
        }
        std::vector<Tree> sums;
        std::vector<std::string> merges;
        if (with_sums) {
            sums = sum_columns_;
            merges = merges_;
        } else if (wanted.repeated && !wanted.values.empty()) {
            WEIR_ASSIGN(auto times, trees_.expression("count(*)"));
            WEIR_ASSIGN(const auto counted, as_sums(trees_, times, weighted_ ? &weight_ : nullptr));
            sums.push_back(counted->columns.front().partial);
            merges.emplace_back("sum($1)");
        }
        for (std::size_t i = 0; i < sums.size(); ++i) list.push_back(with_alias(sums[i], fmt::format("c{}", i + 1)));
        partial["group_expressions"] = groups;
        if (!groups.empty()) partial["group_sets"] = Tree::array({set});
        partial["from_table"] = select_["from_table"];
        auto where = where_;
        if (!wanted.filter.is_null()) where.push_back(wanted.filter);
        partial["where_clause"] = conjunction(where);
        const auto kind = !wanted.values.empty() ? State::Kind::values
                          : has_sketches()       ? State::Kind::sketch
                                                 : State::Kind::sums;
        WEIR_ASSIGN(auto state, make_state(kind, std::move(partial), keys_.size(), wanted.values.size()));
        std::vector<std::string> merged;
        for (const auto& column : state.keys) merged.push_back(column.name);
        for (const auto& column : state.values) merged.push_back(column.name);
        for (std::size_t i = 0; i < state.sums.size(); ++i) {
            auto text = merges[i];
            text.replace(text.find("$1"), 2, state.sums[i].name);
            // A sum of integers is wider than its terms; the state keeps the first type.
            merged.push_back(fmt::format("CAST({} AS {}) AS {}", text, state.sums[i].type, state.sums[i].name));
        }
        state.merge = fmt::format("SELECT {} FROM {} GROUP BY ALL", fmt::join(merged, ", "), state.name);
        if (state.sums.empty())
            state.merge = fmt::format("SELECT DISTINCT {} FROM {}", fmt::join(merged, ", "), state.name);
        describe_columns(state, keys_, wanted.values, sums);
        if (with_sums)
            for (std::size_t i = 0; i < state.sums.size(); ++i) state.sums[i].precision = precisions_[i];
        return state;
    }

    Status remember_events(State& state, const Tree& partial) {
        WEIR_ASSIGN(auto events, trees_.query("SELECT * FROM t WHERE true"));
        events["from_table"] = partial.at("from_table");
        events["cte_map"] = partial.at("cte_map");
        if (partial.at("where_clause").is_object()) events["where_clause"] = partial.at("where_clause");
        WEIR_ASSIGN(state.events_query, trees_.sql(events));
        state.events_query += " AND";
        return ok();
    }

    // A row without names, (a, b), has a type that DuckDB shows and does not read.
    bool can_be_written(const std::string& type) {
        return type.find("STRUCT(") == std::string::npos || trees_.connection().describe("SELECT NULL::" + type);
    }

    Result<State> make_state(State::Kind kind, Tree partial, std::size_t keys, std::size_t values) {
        partial["cte_map"] = scope_.needed_by(partial);
        if (weighted_) WEIR_TRY(weigh(trees_, partial, input_));
        bool of_interval = false;
        each_part(partial, [&](const Tree& part) {
            const auto function = is_class(part, "FUNCTION") ? lowered(text_of(part, "function_name")) : std::string();
            of_interval = of_interval || function == "interval_start" || function == "interval_end";
            return !of_interval;
        });
        if (of_interval) return no("its events depend on the interval (interval_start, interval_end, now)");
        State state{.kind = kind};
        state.weighted = weighted_;
        WEIR_ASSIGN(state.partial, trees_.sql(partial));
        auto read = read_names(partial);
        state.reads_whole_rows = !read;
        if (read) state.columns = std::move(*read);
        if (input_.explain) WEIR_TRY(remember_events(state, partial));
        const auto columns = trees_.connection().describe(state.partial);
        if (!columns) return no("its partial does not bind: " + columns.error().message);
        for (const auto& column : *columns)
            if (!can_be_written(column.type))
                return no(fmt::format("a state cannot hold a value of type {}: give its fields names, with struct_pack",
                                      column.type));
        Sha256 sha;
        sha.update(input_.meaning);
        sha.update(state.partial);
        for (std::size_t i = 0; i < columns->size(); ++i) {
            const auto& column = (*columns)[i];
            sha.update(std::string_view("\0", 1));
            sha.update(column.type);
            auto& list = i < keys ? state.keys : i < keys + values ? state.values : state.sums;
            list.push_back({column.name, column.type, {}});
        }
        state.name = "state_" + sha.hex().substr(0, 16);
        state.events = linear_.events;
        state.references = linear_.references;
        return state;
    }

    void describe_columns(State& state, const std::vector<Tree>& keys, const std::vector<Tree>& values,
                          const std::vector<Tree>& sums) {
        if (!input_.explain) return;
        std::vector<Tree> all;
        for (const auto* list : {&keys, &values, &sums})
            for (const auto& each : *list) all.push_back(with_alias(each, ""));
        const auto texts = trees_.texts(all);
        if (!texts) return;
        std::size_t at = 0;
        for (auto* columns : {&state.keys, &state.values, &state.sums})
            for (auto& column : *columns)
                if (at < texts->size()) column.expression = (*texts)[at++];
    }

    // One relation of all states; "part" tells which one a row came from.
    Result<Tree> states_relation(const std::vector<State>& states) {
        // Of changes only what is left: parts that add up to nothing are seen when they are merged.
        const auto left = [&](const State& state) {
            return weighted_ ? fmt::format("(SELECT * FROM ({}) WHERE c1 > 0)", state.merge) : state.name;
        };
        if (states.size() == 1 && values_of_.empty()) {
            if (!weighted_) return base_table(states[0].name, relation_);
            WEIR_ASSIGN(auto only, trees_.query("SELECT * FROM " + left(states[0])));
            return subquery_relation(std::move(only), relation_);
        }
        std::string sql;
        std::size_t value = 0;
        for (std::size_t i = 0; i < states.size(); ++i) {
            const auto& state = states[i];
            const bool own = own_sums_ && i == 0;
            std::vector<std::string> columns;
            for (const auto& column : state.keys) columns.push_back(column.name);
            if (!own) {
                for (std::size_t v = 0; v < state.values.size(); ++v)
                    columns.push_back(fmt::format("v{} AS {}", v + 1, value_name(value, v)));
            }
            const bool holds_sums = own || value == sums_values_;
            if (holds_sums)
                for (const auto& column : state.sums) columns.push_back(column.name);
            std::string from = left(state);
            if (!own && values_of_[value].repeated && !holds_sums)
                from = fmt::format("(SELECT *, unnest(range(c1::BIGINT)) AS i FROM {})", left(state));
            columns.push_back(fmt::format("{} AS part", i));
            sql += fmt::format("{}SELECT {} FROM {}", sql.empty() ? "" : " UNION ALL BY NAME ",
                               fmt::join(columns, ", "), from);
            if (!own) ++value;
        }
        WEIR_ASSIGN(auto all, trees_.query(sql));
        return subquery_relation(std::move(all), relation_);
    }

    static std::string value_name(std::size_t values, std::size_t index) {
        return fmt::format("v{}_{}", values + 1, index + 1);
    }

    struct Planned;
    Result<Tree> finished(const Planned& planned, const Tree& original) {
        if (planned.values == npos) {
            std::vector<Tree> merged;
            for (const auto column_index : planned.columns) {
                WEIR_ASSIGN(auto each, trees_.expression(merges_[column_index],
                                                         {column(relation_, fmt::format("c{}", column_index + 1))}));
                merged.push_back(std::move(each));
            }
            return trees_.expression(planned.finish, merged);
        }
        const auto& values = values_of_[planned.values];
        auto call = original;
        call["alias"] = "";
        if (values.with_sums) {
            call["filter"] = nullptr;
            *row_expressions(call).front() = column(relation_, value_name(planned.values, 0));
            return call;
        }
        for (auto* part : row_expressions(call)) {
            for (std::size_t i = 0; i < values.values.size(); ++i) {
                if (!same_expression(values.values[i], with_alias(*part, ""))) continue;
                *part = column(relation_, value_name(planned.values, i));
                break;
            }
        }
        call["filter"] = nullptr;
        if (several_) {
            WEIR_ASSIGN(call["filter"], trees_.expression(fmt::format("$1 = {}", planned.values + (own_sums_ ? 1 : 0)),
                                                          {column(relation_, "part")}));
        }
        return call;
    }

    // An expression over rows and groups becomes one over the states.
    Result<Tree> rewrite(const Tree& expression) {
        const auto bare = with_alias(expression, "");
        if (!is_class(expression, "CONSTANT")) {
            for (std::size_t i = 0; i < keys_.size(); ++i) {
                const bool grouped =
                    !aggregates_ || std::find(group_keys_.begin(), group_keys_.end(), i) != group_keys_.end();
                if (grouped && same_expression(keys_[i], bare)) return with_alias(key(i), text_of(expression, "alias"));
            }
        }
        if (is_class(expression, "FUNCTION") && has_aggregate(bare)) {
            for (const auto& planned : calls_) {
                if (!same_expression(planned.call, bare)) continue;
                WEIR_ASSIGN(auto tree, finished(planned, expression));
                return with_alias(std::move(tree), text_of(expression, "alias"));
            }
        }
        if (is_class(expression, "COLUMN_REF")) {
            const auto& names = expression.at("column_names");
            if (names.size() == 1 && aliases_.contains(lowered(names.at(0).get<std::string>()))) return expression;
            return no("it uses a column beside its aggregates that is not in GROUP BY");
        }
        if (is_class(expression, "SUBQUERY")) return rewrite_query(expression);
        if (is_class(expression, "STAR")) return no("it selects * beside aggregates");
        Tree result = expression;
        for (auto& part : result) {
            if (part.is_object() && part.contains("class")) {
                WEIR_ASSIGN(part, rewrite(part));
            } else if (part.is_structured()) {
                WEIR_TRY(rewrite_within(part));
            }
        }
        return result;
    }

    // Lists of expressions, ORDER BY of windows, WHEN and THEN.
    Status rewrite_within(Tree& list) {
        for (auto& part : list) {
            if (part.is_object() && part.contains("class")) {
                WEIR_ASSIGN(part, rewrite(part));
            } else if (part.is_structured()) {
                WEIR_TRY(rewrite_within(part));
            }
        }
        return ok();
    }

    // A query beside the aggregates may use the group's columns by their full name.
    Result<Tree> rewrite_query(const Tree& expression) {
        auto result = expression;
        if (result.contains("child") && result["child"].is_object()) {
            WEIR_ASSIGN(result["child"], rewrite(result["child"]));
        }
        bool foreign = false;
        each_part(result["subquery"], [&](Tree& part) {
            if (!is_class(part, "COLUMN_REF")) return true;
            const auto& names = part["column_names"];
            if (names.size() < 2 || !relations_.contains(lowered(names[0].get<std::string>()))) return true;
            auto bare = with_alias(part, "");
            if (!qualifier_.empty()) strip_qualifier(bare, qualifier_);
            for (std::size_t i = 0; i < keys_.size(); ++i) {
                if (!same_expression(keys_[i], bare)) continue;
                part = with_alias(key(i), text_of(part, "alias"));
                return false;
            }
            foreign = true;
            return false;
        });
        if (foreign) return no("a query beside its aggregates uses columns that are not in GROUP BY");
        // Unqualified names that the inner query does not know would be ours.
        const auto inner = inner_names(result["subquery"]["node"]);
        each_part(result["subquery"], [&](const Tree& part) {
            if (is_class(part, "COLUMN_REF") && part.at("column_names").size() == 1) {
                const auto name = lowered(part.at("column_names").at(0).get<std::string>());
                if (columns_.contains(name) && !inner.contains(name)) foreign = true;
            }
            return true;
        });
        if (foreign) return no("a query beside its aggregates uses columns without saying of which table");
        return result;
    }

    std::set<std::string> inner_names(const Tree& query) {
        std::set<std::string> names;
        if (!is_type(query, "SELECT_NODE")) return names;
        auto question = trees_.query("SELECT * FROM t");
        if (!question) return names;
        (*question)["from_table"] = query.at("from_table");
        (*question)["cte_map"] = scope_.inside(query).needed_by(*question);
        if (const auto sql = trees_.sql(*question)) {
            if (const auto columns = trees_.connection().describe(*sql))
                for (const auto& column : *columns) names.insert(lowered(column.name));
        }
        return names;
    }

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

    struct Planned {
        Tree call;
        std::string finish;
        std::vector<std::size_t> columns;  // in sum_columns_
        std::size_t values = npos;         // in values_of_
    };

    Trees& trees_;
    Tree select_;
    const Scope& scope_;
    const RoleOf& role_;
    const SplitInput& input_;
    std::string relation_;  // what finish calls the states
    Linear linear_;
    std::string qualifier_;
    std::set<std::string> columns_, relations_, aliases_;
    std::vector<std::string> names_;
    bool aggregates_ = false;
    std::vector<Tree> groups_;             // the expressions of GROUP BY
    std::vector<std::size_t> group_keys_;  // and which key each one is
    std::vector<Tree> keys_;               // of every state: groups, then what later_ compares
    std::vector<Tree> where_, later_;      // conjuncts before and after the state
    std::vector<Tree> values_;             // first_rows
    std::vector<Tree> sum_columns_;
    std::vector<std::string> merges_, precisions_;  // of sum_columns_
    std::vector<Values> values_of_;
    std::vector<Planned> calls_;
    std::size_t sums_values_ = npos;  // the values whose state holds the sums too
    bool own_sums_ = false, several_ = false;
    bool weighted_ = false;  // rows of its events can be taken back
    const Tree weight_ = column(std::string(weight_name));
};

}  // namespace

Result<TakenAggregation> take_aggregation(Trees& trees, const Tree& select, const Scope& scope, const SplitInput& input,
                                          int number) {
    return Aggregation(trees, select, scope, input, number).take();
}

}  // namespace weir::view
