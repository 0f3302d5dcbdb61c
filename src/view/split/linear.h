// Which relations look at their events one row at a time.
#pragma once

#include <map>
#include <optional>

#include "view/split/split.h"

namespace weir::view {

// The names of WITH that a query sees, and what they stand for.
class Scope {
public:
    // The scope inside a query: its own names on top.
    Scope inside(const Tree& query) const;
    void add(const std::string& name, const Tree& entry);
    // The entry of the cte_map; null: a table.
    const Tree* find(std::string_view name) const;
    // A cte_map with what `tree` needs, in order.
    Tree needed_by(const Tree& tree) const;

private:
    std::vector<std::pair<std::string, Tree>> entries_;
};

struct Linear {
    std::set<std::string> events, references;
    std::string why_not;  // not empty: it is not linear
    bool linear() const { return why_not.empty() && !events.empty(); }
    // Reads no events: the same for every row.
    bool fixed() const { return why_not.empty() && events.empty(); }
};

using RoleOf = std::function<TableRole(std::string_view table)>;

Linear linear_relation(const Tree& from, const Scope& scope, const RoleOf& role);
Linear linear_query(const Tree& query, const Scope& scope, const RoleOf& role);
// What the queries inside an expression read; linear.fixed() if no events.
Linear inside_expression(const Tree& expression, const Scope& scope, const RoleOf& role);

}  // namespace weir::view
