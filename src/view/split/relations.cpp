#include "view/split/relations.h"

#include <fmt/format.h>

#include "declare/sql_tree.h"
#include "view/split/aggregates.h"

namespace weir::view {
namespace {

// The schema does not reach through a SELECT: weir.files.size becomes files.size.
void leave_out_schema(Tree& select, const Tree& table) {
    const auto schema = lowered(text_of(table, "schema_name")), name = lowered(text_of(table, "table_name"));
    each_part(select, [&](Tree& part) {
        if (!is_class(part, "COLUMN_REF") || part["column_names"].size() < 3) return true;
        auto& names = part["column_names"];
        if (lowered(names[0].get<std::string>()) == schema && lowered(names[1].get<std::string>()) == name)
            names.erase(names.begin());
        return true;
    });
}

// One row of the right side for all that are equal to the join: the first by all columns, once the window is stable.
Status take_one_of_equal_rows(Trees& trees, Tree& select, Tree& join, const Scope& scope) {
    auto& right = join["right"];
    if (is_type(right, "BASE_TABLE") && !text_of(right, "schema_name").empty() && text_of(right, "alias").empty())
        leave_out_schema(select, right);
    const auto found = declare::asof_keys(join, [&](const Tree& expression, const Tree& relation) {
        return binds_over(trees, relation, scope, expression);
    });
    if (!found.why_not.empty())
        return Error{.code = ErrorCode::sql_invalid,
                     .message = "nobody says which of the equally near rows an ASOF JOIN takes: " + found.why_not,
                     .hint = found.way_out};
    if (found.keys.empty()) return ok();
    WEIR_ASSIGN(auto rows, trees.query("SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY 1) = 1"));
    each_part(rows["qualify"], [&](Tree& part) {
        if (is_class(part, "WINDOW")) part["partitions"] = found.keys;
        return true;
    });
    const auto names = relation_names(right);
    rows["from_table"] = std::move(right);
    right = subquery_relation(std::move(rows), names.empty() ? "" : *names.begin());
    return ok();
}

Error cannot_write_out(const std::string& why) {
    return {.code = ErrorCode::sql_invalid,
            .message = "a PIVOT cannot be written as GROUP BY: " + why,
            .hint = "write it so yourself: SELECT …, sum(x) FILTER (WHERE y = 'a') AS a, … GROUP BY …"};
}

// One condition for each combination of the values, in the order of the columns. DuckDB compares them as text.
Result<std::vector<Tree>> conditions(Trees& trees, const Tree& pivots) {
    std::vector<Tree> all{Tree()};
    for (const auto& pivot : pivots) {
        if (pivot.at("entries").empty()) return cannot_write_out("its values stand in a type");
        std::vector<Tree> more;
        for (const auto& so_far : all) {
            for (const auto& entry : pivot.at("entries")) {
                const auto values = entry.value("values", Tree::array());
                const auto& expressions = pivot.at("pivot_expressions");
                if (values.size() != expressions.size()) return cannot_write_out("its values are not constants");
                auto condition = so_far;
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const Tree constant{
                        {"class", "CONSTANT"}, {"type", "VALUE_CONSTANT"}, {"alias", ""}, {"value", values[i]}};
                    WEIR_ASSIGN(auto equal, trees.expression("$1::VARCHAR IS NOT DISTINCT FROM $2::VARCHAR",
                                                             {expressions[i], constant}));
                    if (condition.is_null()) {
                        condition = std::move(equal);
                    } else {
                        WEIR_ASSIGN(condition, trees.expression("($1 AND $2)", {condition, equal}));
                    }
                }
                more.push_back(std::move(condition));
            }
        }
        all = std::move(more);
    }
    return all;
}

Status group_instead_of_pivot(Trees& trees, Tree& from, const Scope& scope) {
    if (from["aggregates"].empty()) return ok();  // UNPIVOT
    WEIR_ASSIGN(const auto each_value, conditions(trees, from["pivots"]));
    WEIR_ASSIGN(auto question, trees.query("SELECT * FROM t"));
    question["from_table"] = from;
    question["from_table"]["column_name_alias"] = Tree::array();
    question["cte_map"] = scope.needed_by(question);
    WEIR_ASSIGN(const auto sql, trees.sql(question));
    const auto columns = trees.connection().describe(sql);
    const auto pivoted = each_value.size() * from["aggregates"].size();
    if (!columns || columns->size() < pivoted) return cannot_write_out("its columns cannot be told where it stands");
    WEIR_ASSIGN(auto select, trees.query("SELECT 1 FROM t"));
    select["from_table"] = from["source"];
    select["select_list"] = Tree::array();
    Tree set = Tree::array();
    const auto groups = columns->size() - pivoted;
    for (std::size_t i = 0; i < groups; ++i) {
        const auto& name = (*columns)[i].name;
        select["select_list"].push_back(with_alias(column(name), name));
        select["group_expressions"].push_back(column(name));
        set.push_back(i);
    }
    if (groups > 0) select["group_sets"] = Tree::array({set});
    auto next = groups;
    for (const auto& condition : each_value) {
        for (const auto& aggregate : from["aggregates"]) {
            auto item = with_alias(aggregate, (*columns)[next++].name);
            for (auto* call : aggregate_calls(item)) {
                const auto own = call->find("filter");
                if (own != call->end() && own->is_object()) {
                    WEIR_ASSIGN((*call)["filter"], trees.expression("($1 AND $2)", {*own, condition}));
                } else {
                    (*call)["filter"] = condition;
                }
            }
            select["select_list"].push_back(std::move(item));
        }
    }
    auto relation = subquery_relation(std::move(select), text_of(from, "alias"));
    relation["column_name_alias"] = from["column_name_alias"];
    from = std::move(relation);
    return ok();
}

Status write_out(Trees& trees, Tree& select, Tree& from, const Scope& scope) {
    if (is_type(from, "JOIN")) {
        WEIR_TRY(write_out(trees, select, from["left"], scope));
        WEIR_TRY(write_out(trees, select, from["right"], scope));
        if (text_of(from, "ref_type") == "ASOF") return take_one_of_equal_rows(trees, select, from, scope);
    } else if (is_type(from, "PIVOT")) {
        WEIR_TRY(write_out(trees, select, from["source"], scope));
        return group_instead_of_pivot(trees, from, scope);
    }
    return ok();
}

}  // namespace

Status write_out_relations(Trees& trees, Tree& select, const Scope& scope) {
    return write_out(trees, select, select["from_table"], scope);
}

bool binds_over(Trees& trees, const Tree& from, const Scope& scope, const Tree& expression) {
    auto question = trees.query("SELECT 1");
    if (!question) return false;
    (*question)["from_table"] = from;
    (*question)["select_list"] = Tree::array({expression});
    (*question)["cte_map"] = scope.needed_by(*question);
    const auto sql = trees.sql(*question);
    return sql && bool(trees.connection().describe(*sql));
}

}  // namespace weir::view
