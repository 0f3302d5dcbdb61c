#include "view/split/linear.h"

#include <algorithm>

#include "view/split/aggregates.h"

namespace weir::view {
namespace {

void take_in(Linear& into, const Linear& from) {
    into.events.insert(from.events.begin(), from.events.end());
    into.references.insert(from.references.begin(), from.references.end());
    if (into.why_not.empty()) into.why_not = from.why_not;
}

Linear because(std::string why) {
    Linear result;
    result.why_not = std::move(why);
    return result;
}

void collect_tables(const Tree& tree, std::set<std::string>& names) {
    each_part(tree, [&](const Tree& part) {
        if (is_type(part, "BASE_TABLE") && text_of(part, "schema_name").empty())
            names.insert(lowered(text_of(part, "table_name")));
        return true;
    });
}

Linear linear_join(const Tree& join, const Scope& scope, const RoleOf& role) {
    auto left = linear_relation(join.at("left"), scope, role);
    auto right = linear_relation(join.at("right"), scope, role);
    const auto type = text_of(join, "join_type");
    const auto ref_type = text_of(join, "ref_type");
    Linear both = left;
    take_in(both, right);
    if (!both.why_not.empty()) return both;
    if (ref_type == "ASOF" || ref_type == "POSITIONAL") return because("it is a join by order");
    if (!left.events.empty() && !right.events.empty()) return because("it joins events with events");
    const bool kept = type == "INNER" || (type == "LEFT" && right.events.empty()) ||
                      ((type == "SEMI" || type == "ANTI") && right.events.empty()) ||
                      (type == "RIGHT" && left.events.empty());
    if (!kept && !both.events.empty()) return because("its outer join keeps rows without events");
    if (join.contains("condition") && join.at("condition").is_object()) {
        const auto inside = inside_expression(join.at("condition"), scope, role);
        if (!inside.fixed()) return because("its join condition reads events");
        take_in(both, inside);
    }
    return both;
}

}  // namespace

Scope Scope::inside(const Tree& query) const {
    Scope inner = *this;
    if (query.contains("cte_map") && query.at("cte_map").contains("map")) {
        for (const auto& entry : query.at("cte_map").at("map"))
            inner.entries_.emplace_back(lowered(text_of(entry, "key")), entry);
    }
    return inner;
}

void Scope::add(const std::string& name, const Tree& entry) { entries_.emplace_back(lowered(name), entry); }

const Tree* Scope::find(std::string_view name) const {
    const auto wanted = lowered(name);
    const auto found =
        std::find_if(entries_.rbegin(), entries_.rend(), [&](const auto& entry) { return entry.first == wanted; });
    return found == entries_.rend() ? nullptr : &found->second;
}

Tree Scope::needed_by(const Tree& tree) const {
    std::set<std::string> names;
    collect_tables(tree, names);
    std::vector<Tree> needed;
    // A name may only use those before it.
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
        if (!names.contains(entry->first)) continue;
        names.erase(entry->first);
        collect_tables(entry->second, names);
        needed.push_back(entry->second);
    }
    std::reverse(needed.begin(), needed.end());
    return {{"map", needed}};
}

Linear linear_relation(const Tree& from, const Scope& scope, const RoleOf& role) {
    const auto type = text_of(from, "type");
    if (from.contains("sample") && from.at("sample").is_object()) return because("it samples");
    if (type == "EMPTY" || type == "EXPRESSION_LIST" || type == "TABLE_FUNCTION") {
        return inside_expression(from, scope, role);
    }
    if (type == "BASE_TABLE") {
        if (from.contains("at_clause") && from.at("at_clause").is_object()) return because("it reads an older version");
        const auto name = text_of(from, "table_name");
        const auto schema = text_of(from, "schema_name");
        if (schema.empty()) {
            if (const auto* entry = scope.find(name))
                return linear_query(entry->at("value").at("query").at("node"), scope, role);
        }
        const auto full = schema.empty() ? name : schema + "." + name;
        Linear result;
        switch (role(full)) {
            case TableRole::events: result.events.insert(lowered(full)); break;
            case TableRole::reference: result.references.insert(lowered(full)); break;
            case TableRole::result:
            case TableRole::other: result.why_not = "it reads " + full + ", which is not a table of events"; break;
        }
        return result;
    }
    if (type == "SUBQUERY") return linear_query(from.at("subquery").at("node"), scope, role);
    if (type == "JOIN") return linear_join(from, scope, role);
    return because("it reads a relation of another kind");
}

Linear linear_query(const Tree& query, const Scope& outer, const RoleOf& role) {
    const auto scope = outer.inside(query);
    if (is_type(query, "SET_OPERATION_NODE")) {
        if (text_of(query, "setop_type") != "UNION" || !query.value("setop_all", false))
            return because("it is a set operation other than UNION ALL");
        if (modifier(query, "LIMIT_MODIFIER") != nullptr || modifier(query, "LIMIT_PERCENT_MODIFIER") != nullptr ||
            modifier(query, "DISTINCT_MODIFIER") != nullptr)
            return because("it picks rows of a union");
        Linear all;
        bool fixed_part = false;
        for (const auto* operand : operands(query)) {
            const auto part = linear_query(*operand, scope, role);
            fixed_part = fixed_part || part.fixed();
            take_in(all, part);
        }
        if (all.why_not.empty() && fixed_part && !all.events.empty())
            return because("one side of its union reads no events");
        return all;
    }
    if (!is_type(query, "SELECT_NODE")) return because("it is recursive");
    auto result = linear_relation(query.at("from_table"), scope, role);
    if (!result.why_not.empty()) return result;
    const bool reads_events = !result.events.empty();
    for (const auto& each : query.at("modifiers")) {
        if (!is_type(each, "ORDER_MODIFIER") && reads_events) return because("it picks rows (LIMIT or DISTINCT)");
    }
    for (const char* part : {"having", "qualify", "sample"}) {
        if (query.contains(part) && query.at(part).is_object() && reads_events)
            return because("it has HAVING, QUALIFY or a sample");
    }
    if (reads_events &&
        (!query.at("group_expressions").empty() || text_of(query, "aggregate_handling") != "STANDARD_HANDLING"))
        return because("it aggregates events");
    auto expressions = query.at("select_list");
    if (query.contains("where_clause") && query.at("where_clause").is_object())
        expressions.push_back(query.at("where_clause"));
    for (const auto& expression : expressions) {
        if (reads_events && has_aggregate(expression)) return because("it aggregates events");
        if (reads_events && has_window(expression)) return because("it has a window over events");
        auto inside = inside_expression(expression, scope, role);
        if (!inside.why_not.empty()) return inside;
        if (!inside.events.empty()) return because("a query inside it reads events");
        take_in(result, inside);
    }
    return result;
}

Linear inside_expression(const Tree& expression, const Scope& scope, const RoleOf& role) {
    Linear result;
    each_part(expression, [&](const Tree& part) {
        if (part.contains("cte_map")) {
            take_in(result, linear_query(part, scope, role));
            return false;
        }
        return true;
    });
    return result;
}

}  // namespace weir::view
