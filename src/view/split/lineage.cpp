#include "view/split/lineage.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/split/aggregates.h"
#include "view/split/linear.h"

namespace weir::view {
namespace {

using Refs = std::set<std::pair<std::string, std::string>>;  // table, column

void take_in(Refs& into, const Refs& from) { into.insert(from.begin(), from.end()); }

// What an expression rests on.
struct Basis {
    Refs values, conditions;
    void add(const Basis& other) {
        take_in(values, other.values);
        take_in(conditions, other.conditions);
    }
    void add_as_condition(const Basis& other) {
        take_in(conditions, other.values);
        take_in(conditions, other.conditions);
    }
};

struct Column {
    std::string name;
    Basis basis;
};

// What FROM offers under one name. `any`: a table function, whose columns may have any name.
struct Relation {
    std::string name;  // lower case
    std::vector<Column> columns;
    Refs rows;
    bool any = false;
};

struct Answer {
    std::vector<Column> columns;
    Refs rows;
};

struct Frame {
    std::vector<Relation> relations;
    std::vector<Column> aliases;
    std::set<std::string> joined;  // columns of USING, lower case
    Basis conditions;
    Refs rows() const {
        Refs all;
        for (const auto& relation : relations) take_in(all, relation.rows);
        return all;
    }
};

class Lineages {
public:
    explicit Lineages(Trees& trees) : trees_(trees) {}

    Result<Answer> query(const Tree& node, const Scope& outer) {
        Scope scope = outer;
        const auto before = with_.size();
        if (node.contains("cte_map") && node.at("cte_map").contains("map")) {
            for (const auto& entry : node.at("cte_map").at("map")) {
                WEIR_ASSIGN(auto answer, query(entry.at("value").at("query").at("node"), scope));
                rename(answer.columns, entry.at("value").value("aliases", Tree::array()));
                with_.emplace_back(lowered(text_of(entry, "key")), std::move(answer));
                scope.add(text_of(entry, "key"), entry);
            }
        }
        auto answer = is_type(node, "SELECT_NODE")          ? select(node, scope)
                      : is_type(node, "SET_OPERATION_NODE") ? set_operation(node, scope)
                                                            : recursive(node, scope);
        with_.resize(before);
        return answer;
    }

private:
    static void rename(std::vector<Column>& columns, const Tree& names) {
        for (std::size_t i = 0; i < columns.size() && i < names.size(); ++i)
            columns[i].name = names[i].get<std::string>();
    }

    Result<Answer> set_operation(const Tree& node, const Scope& scope) {
        Answer all;
        const auto type = text_of(node, "setop_type");
        bool first = true;
        for (const auto* operand : operands(node)) {
            WEIR_ASSIGN(const auto part, query(*operand, scope));
            take_in(all.rows, part.rows);
            if (std::exchange(first, false)) {
                all.columns = part.columns;
                continue;
            }
            for (std::size_t i = 0; i < part.columns.size(); ++i) {
                auto same = type == "UNION_BY_NAME"
                                ? std::find_if(
                                      all.columns.begin(), all.columns.end(),
                                      [&](const Column& c) { return lowered(c.name) == lowered(part.columns[i].name); })
                                : all.columns.begin() + static_cast<long>(std::min(i, all.columns.size()));
                if (same == all.columns.end())
                    all.columns.push_back(part.columns[i]);
                else if (type.starts_with("UNION"))
                    same->basis.add(part.columns[i].basis);
                else
                    same->basis.add_as_condition(part.columns[i].basis);
            }
        }
        return all;
    }

    // A recursive query's own name stands for what it begins with.
    Result<Answer> recursive(const Tree& node, const Scope& scope) {
        WEIR_ASSIGN(auto answer, query(node.at("left"), scope));
        rename(answer.columns, node.value("aliases", Tree::array()));
        with_.emplace_back(lowered(text_of(node, "cte_name")), answer);
        WEIR_ASSIGN(const auto step, query(node.at("right"), scope));
        with_.pop_back();
        for (std::size_t i = 0; i < answer.columns.size() && i < step.columns.size(); ++i)
            answer.columns[i].basis.add(step.columns[i].basis);
        take_in(answer.rows, step.rows);
        return answer;
    }

    Result<Answer> select(const Tree& node, const Scope& scope) {
        frames_.emplace_back();
        auto status = from(node.at("from_table"), scope);
        Answer answer;
        if (status) {
            auto columns = items(node, scope);
            if (columns)
                answer.columns = std::move(*columns);
            else
                status = std::move(columns).error();
        }
        if (status) status = narrow(node, scope);
        auto frame = std::move(frames_.back());
        frames_.pop_back();
        if (!status) return std::move(status).error();
        for (auto& column : answer.columns) take_in(column.basis.conditions, frame.conditions.conditions);
        answer.rows = frame.rows();
        return answer;
    }

    // What decides which rows there are.
    Status narrow(const Tree& node, const Scope& scope) {
        for (const char* part : {"where_clause", "having", "qualify"}) {
            if (node.contains(part) && node.at(part).is_object()) WEIR_TRY(condition(node.at(part), scope));
        }
        for (const auto& group : node.at("group_expressions")) WEIR_TRY(condition(group, scope));
        if (text_of(node, "aggregate_handling") == "FORCE_AGGREGATES") {
            for (const auto& item : node.at("select_list"))
                if (!has_aggregate(item) && !has_window(item)) WEIR_TRY(condition(item, scope));
        }
        bool picks = false;
        for (const auto& each : node.at("modifiers")) {
            picks = picks || !is_type(each, "ORDER_MODIFIER");
            if (each.contains("distinct_on_targets"))
                for (const auto& target : each.at("distinct_on_targets")) WEIR_TRY(condition(target, scope));
        }
        if (const auto* order = modifier(node, "ORDER_MODIFIER"); picks && order != nullptr)
            for (const auto& each : order->at("orders")) WEIR_TRY(condition(each.at("expression"), scope));
        return ok();
    }

    Status condition(const Tree& expression, const Scope& scope) {
        // A position stands for a column of the answer.
        if (is_class(expression, "CONSTANT") && expression.at("value").at("value").is_number_integer()) {
            const auto number = expression.at("value").at("value").get<std::int64_t>();
            const auto& aliases = frames_.back().aliases;
            if (number >= 1 && number <= static_cast<std::int64_t>(aliases.size()))
                frames_.back().conditions.add_as_condition(aliases[static_cast<std::size_t>(number - 1)].basis);
            return ok();
        }
        WEIR_ASSIGN(const auto found, basis(expression, scope));
        frames_.back().conditions.add_as_condition(found);
        return ok();
    }

    // ---- FROM

    Status from(const Tree& tree, const Scope& scope) {
        const auto type = text_of(tree, "type");
        if (type == "EMPTY") return ok();
        if (type == "JOIN") return join(tree, scope);
        Relation relation;
        relation.name = lowered(text_of(tree, "alias"));
        if (type == "BASE_TABLE") {
            WEIR_TRY(table(tree, relation));
        } else if (type == "SUBQUERY") {
            WEIR_ASSIGN(auto answer, query(tree.at("subquery").at("node"), scope));
            relation.columns = std::move(answer.columns);
            relation.rows = std::move(answer.rows);
        } else if (type == "EXPRESSION_LIST") {
            for (const auto& row : tree.at("values")) {
                for (std::size_t i = 0; i < row.size(); ++i) {
                    if (i == relation.columns.size()) relation.columns.push_back({fmt::format("col{}", i), {}});
                    WEIR_ASSIGN(const auto found, basis(row[i], scope));
                    relation.columns[i].basis.add(found);
                }
            }
        } else {  // a function, or a form that is not taken apart: all that is in it
            relation.any = true;
            Column column{type == "TABLE_FUNCTION" ? text_of(tree.at("function"), "function_name") : "", {}};
            if (relation.name.empty()) relation.name = lowered(column.name);
            for (const auto& part : tree)
                if (part.is_structured()) WEIR_TRY(within(part, scope, column.basis));
            take_in(relation.rows, column.basis.values);
            relation.columns.push_back(std::move(column));
        }
        rename(relation.columns, tree.value("column_name_alias", Tree::array()));
        frames_.back().relations.push_back(std::move(relation));
        return ok();
    }

    Status table(const Tree& tree, Relation& relation) {
        const auto name = text_of(tree, "table_name"), schema = text_of(tree, "schema_name");
        if (relation.name.empty()) relation.name = lowered(name);
        if (schema.empty()) {
            const auto known = std::find_if(with_.rbegin(), with_.rend(),
                                            [&](const auto& entry) { return entry.first == lowered(name); });
            if (known != with_.rend()) {
                relation.columns = known->second.columns;
                relation.rows = known->second.rows;
                return ok();
            }
        }
        const auto full = schema.empty() ? name : schema + "." + name;
        const auto quoted =
            schema.empty() ? sql::quote_name(name) : sql::quote_name(schema) + "." + sql::quote_name(name);
        WEIR_ASSIGN(const auto columns, trees_.connection().describe("SELECT * FROM " + quoted));
        for (const auto& column : columns)
            relation.columns.push_back({column.name, {.values = {{lowered(full), column.name}}, .conditions = {}}});
        relation.rows = {{lowered(full), "*"}};
        return ok();
    }

    Status join(const Tree& tree, const Scope& scope) {
        WEIR_TRY(from(tree.at("left"), scope));
        const auto left = frames_.back().relations.size();
        WEIR_TRY(from(tree.at("right"), scope));
        if (tree.contains("condition") && tree.at("condition").is_object())
            WEIR_TRY(condition(tree.at("condition"), scope));
        std::vector<std::string> shared;
        for (const auto& name : tree.value("using_columns", Tree::array()))
            shared.push_back(lowered(name.get<std::string>()));
        auto& frame = frames_.back();
        if (text_of(tree, "ref_type") == "NATURAL") {
            for (std::size_t r = left; r < frame.relations.size(); ++r)
                for (const auto& column : frame.relations[r].columns)
                    for (std::size_t l = 0; l < left; ++l)
                        for (const auto& other : frame.relations[l].columns)
                            if (lowered(other.name) == lowered(column.name)) shared.push_back(lowered(column.name));
        }
        for (const auto& name : shared) {
            frame.joined.insert(name);
            for (const auto& relation : frame.relations)
                for (const auto& column : relation.columns)
                    if (lowered(column.name) == name) frame.conditions.add_as_condition(column.basis);
        }
        return ok();
    }

    // ---- the select list

    Result<std::vector<Column>> items(const Tree& node, const Scope& scope) {
        std::vector<Column> columns;
        std::vector<std::size_t> many;  // those that COLUMNS() may make several of
        bool unnamed = false;
        for (const auto& item : node.at("select_list")) {
            const bool chosen = item.contains("expr") && item.at("expr").is_object();  // COLUMNS('…')
            if (is_class(item, "STAR") && !chosen) {
                WEIR_TRY(star(item, scope, columns));
            } else {
                Column column{text_of(item, "alias"), {}};
                WEIR_ASSIGN(column.basis, basis(item, scope));
                if (column.name.empty() && is_class(item, "COLUMN_REF"))
                    column.name = item.at("column_names").back().get<std::string>();
                unnamed = unnamed || column.name.empty();
                if (holds_star(item)) many.push_back(columns.size());
                columns.push_back(std::move(column));
            }
            frames_.back().aliases = columns;
        }
        if (unnamed || !many.empty()) {
            auto whole = node;
            whole["cte_map"] = scope.needed_by(node);
            const auto sql = trees_.sql(whole);
            const auto given = sql ? trees_.connection().describe(*sql) : Result<std::vector<sql::Column>>(Error{});
            if (given && !many.empty()) repeat(columns, many, given->size());
            if (given && given->size() == columns.size())
                for (std::size_t i = 0; i < columns.size(); ++i) columns[i].name = (*given)[i].name;
            frames_.back().aliases = columns;
        }
        return columns;
    }

    static bool holds_star(const Tree& item) {
        bool found = false;
        each_part_here(item, [&](const Tree& part) {
            found = found || is_class(part, "STAR");
            return !found;
        });
        return found;
    }

    // So many columns as there are: what stands for several rests on all that it names. Where several do, nobody says
    // how many each stands for, and every column rests on all.
    static void repeat(std::vector<Column>& columns, const std::vector<std::size_t>& many, std::size_t wanted) {
        if (columns.size() == wanted) return;
        if (many.size() == 1 && wanted >= columns.size() - 1) {
            const auto times = wanted + 1 - columns.size();
            const auto at = columns.begin() + static_cast<std::ptrdiff_t>(many.front());
            const auto one = *at;
            columns.insert(columns.erase(at), times, one);
            return;
        }
        Column all;
        for (const auto& column : columns) all.basis.add(column.basis);
        columns.assign(wanted, all);
    }

    Status star(const Tree& item, const Scope& scope, std::vector<Column>& columns) {
        const auto of = lowered(text_of(item, "relation_name"));
        std::set<std::string> left_out, seen;
        for (const auto& name : item.value("exclude_list", Tree::array()))
            if (name.is_string()) left_out.insert(lowered(name.get<std::string>()));
        for (const auto& relation : frames_.back().relations) {
            if (!of.empty() && relation.name != of) continue;
            for (const auto& column : relation.columns) {
                const auto name = lowered(column.name);
                if (left_out.contains(name)) continue;
                if (of.empty() && frames_.back().joined.contains(name) && !seen.insert(name).second) continue;
                auto kept = column;
                for (const auto& replaced : item.value("replace_list", Tree::array())) {
                    if (!replaced.is_object() || lowered(text_of(replaced, "key")) != name) continue;
                    WEIR_ASSIGN(kept.basis, basis(replaced.at("value"), scope));
                }
                columns.push_back(std::move(kept));
            }
        }
        return ok();
    }

    // ---- expressions

    Result<Basis> basis(const Tree& expression, const Scope& scope) {
        Basis result;
        WEIR_TRY(add(expression, scope, result));
        return result;
    }

    Status within(const Tree& list, const Scope& scope, Basis& into) {
        if (list.is_object() && (list.contains("class") || list.contains("cte_map"))) return add(list, scope, into);
        for (const auto& part : list)
            if (part.is_structured()) WEIR_TRY(within(part, scope, into));
        return ok();
    }

    Status add(const Tree& expression, const Scope& scope, Basis& into) {
        if (expression.contains("cte_map")) {
            WEIR_ASSIGN(const auto answer, query(expression, scope));
            for (const auto& column : answer.columns) into.add(column.basis);
            return ok();
        }
        const auto kind = text_of(expression, "class");
        if (kind == "COLUMN_REF") {
            into.add(resolve(expression.at("column_names")));
            return ok();
        }
        if (kind == "STAR") {
            std::vector<Column> columns;
            WEIR_TRY(star(expression, scope, columns));
            for (const auto& column : columns) into.add(column.basis);
            return ok();
        }
        const auto function = lowered(text_of(expression, "function_name"));
        const bool counts_rows = (kind == "FUNCTION" || kind == "WINDOW") && expression.at("children").empty() &&
                                 (kind == "WINDOW" || is_aggregate(function));
        if (counts_rows) take_in(into.values, frames_.back().rows());
        const bool exists = kind == "SUBQUERY" && text_of(expression, "subquery_type").ends_with("EXISTS");
        for (const auto& [key, part] : expression.items()) {
            if (!part.is_structured()) continue;
            const bool decides = key == "when_expr" || key == "filter" || key == "order_bys" || key == "partitions" ||
                                 key == "orders" || key == "arg_orders" || key == "filter_expr" ||
                                 key == "start_expr" || key == "end_expr";
            if (key == "case_checks") {
                for (const auto& check : part) {
                    WEIR_ASSIGN(const auto when, basis(check.at("when_expr"), scope));
                    into.add_as_condition(when);
                    WEIR_TRY(add(check.at("then_expr"), scope, into));
                }
                continue;
            }
            Basis inside;
            WEIR_TRY(within(part, scope, inside));
            if (decides)
                into.add_as_condition(inside);
            else if (exists && key == "subquery")
                into.add_as_condition(inside),
                    take_in(into.values, inside.values.empty() ? inside.conditions : inside.values);
            else
                into.add(inside);
        }
        return ok();
    }

    Basis resolve(const Tree& names) const {
        std::vector<std::string> parts;
        for (const auto& name : names) parts.push_back(lowered(name.get<std::string>()));
        for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
            if (auto found = resolve(*frame, parts)) return *found;
        }
        return {};  // the parameter of a lambda
    }

    static std::optional<Basis> resolve(const Frame& frame, const std::vector<std::string>& parts) {
        if (parts.size() > 1) {
            for (const auto& relation : frame.relations) {
                if (relation.name != parts[0]) continue;
                for (const auto& column : relation.columns)
                    if (lowered(column.name) == parts[1] || relation.any) return column.basis;
            }
        }
        std::optional<Basis> found;
        for (const auto& relation : frame.relations) {
            for (const auto& column : relation.columns) {
                if (lowered(column.name) != parts[0]) continue;
                if (!found) found.emplace();
                found->add(column.basis);
            }
        }
        if (found) return found;
        for (const auto& alias : frame.aliases)
            if (lowered(alias.name) == parts[0]) return alias.basis;
        for (const auto& relation : frame.relations) {
            if (relation.name != parts[0]) continue;
            found.emplace();
            for (const auto& column : relation.columns) found->add(column.basis);
            return found;
        }
        return std::nullopt;
    }

    Trees& trees_;
    std::vector<Frame> frames_;
    std::vector<std::pair<std::string, Answer>> with_;
};

}  // namespace

std::string_view to_string(Origin::Kind kind) { return kind == Origin::Kind::value ? "value" : "condition"; }

Result<std::vector<ColumnLineage>> lineage_of(sql::Connection& connection, const std::string& sql) {
    Trees trees(connection);
    WEIR_ASSIGN(const auto query, trees.query(sql));
    WEIR_ASSIGN(const auto named, connection.describe(sql));
    WEIR_ASSIGN(const auto answer, Lineages(trees).query(query, {}));
    if (answer.columns.size() != named.size())
        return Error{.code = ErrorCode::internal,
                     .message = fmt::format("the lineage knows {} of {} columns", answer.columns.size(), named.size())};
    std::vector<ColumnLineage> result;
    for (std::size_t i = 0; i < named.size(); ++i) {
        ColumnLineage column{named[i].name, {}};
        const auto& [values, conditions] = answer.columns[i].basis;
        for (const auto& [table, name] : values) column.origins.insert({Origin::Kind::value, table, name});
        for (const auto& [table, name] : conditions) column.origins.insert({Origin::Kind::condition, table, name});
        result.push_back(std::move(column));
    }
    return result;
}

}  // namespace weir::view
