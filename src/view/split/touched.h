// Which rows of a view can change when events come in: those whose keys the new events have, or the changed rows of
// another view's result.
//
// A column of the result tells its rows apart by key if each of its rows comes from rows with the same value in every
// state, event table and result that finish reads: through projections, equalities of joins, GROUP BY, PARTITION
// BY. Then
//
//   new result = old result without the touched keys + finish over the rows with the touched keys
//
//   SELECT l.user, l.n, o.total FROM (… GROUP BY user) l LEFT JOIN (… GROUP BY user) o USING (user)
//     touched keys: user; in the states of l and o: their keys k1
#pragma once

#include <functional>

#include "view/split/linear.h"

namespace weir::view {

using IsSource = std::function<bool(std::string_view relation)>;
using ColumnsOf = std::function<std::vector<sql::Column>(const std::string& relation, const std::string& quoted)>;

// Of `finish`, whose relations have these columns; those of states without what is merged. `is_source`: a state, a
// table of events or a result; what else it reads must not have changed when keys are used.
TouchedKeys touched_keys(Trees& trees, const Tree& finish, const IsSource& is_source, const ColumnsOf& columns_of);

// The relation of touched keys, with a column t1, t2, … for each.
inline constexpr std::string_view touched_relation = "weir_touched";
// The keys of new rows, which have these columns.
std::string select_keys(const std::vector<std::string>& columns, const std::string& new_rows);
// The rows of a relation that have a touched key.
std::string select_touched(const std::vector<std::string>& columns, const std::string& relation);
// What finish gives over the rows with touched keys.
std::string select_fresh(const TouchedKeys& keys);
// The new result, from the old one, which has the columns and types of the view, and from the fresh rows, which replace
// those with keys of `touched`. Read again, it gives its rows in the same order.
std::string select_refreshed(const TouchedKeys& keys, std::string_view touched, const std::string& old_result,
                             const std::string& fresh);

}  // namespace weir::view
