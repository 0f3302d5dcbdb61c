// One SELECT, three statements.
//
//   partial : events -> state            one SELECT per state, over the event tables by their names
//   merge   : state + state -> state     associative and commutative
//   finish  : states -> the view         the SELECT itself, reading states where it aggregated events
//
// The lowest aggregates that sit directly over events become states. Directly: between them and the event tables there
// is only work that looks at one row at a time (filters, expressions, UNION ALL, unnest, joins to reference tables), so
// that partial(a + b) = merge(partial(a), partial(b)). Everything above is finish, whatever SQL it is; an event table
// that finish still reads (self-joins, windows over events) is a state of rows: the table itself.
//
//   SELECT day, count(*), count(DISTINCT user) FROM visits WHERE ok GROUP BY day
//     partial  SELECT day AS k1, user AS v1, count(*) AS c1 FROM visits WHERE ok GROUP BY 1, 2
//     merge    SELECT k1, v1, sum(c1) AS c1 FROM state GROUP BY ALL
//     finish   SELECT k1 AS day, coalesce(sum(c1), 0), count(DISTINCT v1) FROM state GROUP BY k1
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "view/split/tree.h"

namespace weir::view {

enum class TableRole {
    events,     // grows by commits; what is in it stays
    reference,  // small; when it changes, states that join it are made again
    result,     // the stored newest rows of another view, of which is known what a run changed
    other,      // other views, system tables: read as they are
};

// A table of events of which rows can be taken back (weights.h).
struct Weights {
    std::string column;                // an integer: how often a change adds its row; negative: takes back
    std::vector<std::string> columns;  // what a view sees; rows that are equal in them are the same
};

struct SplitInput {
    std::string sql;  // one SELECT
    // Views that are read as if they were written in WITH, in the order of their dependencies: name and SQL.
    std::vector<std::pair<std::string, std::string>> inlined;
    std::function<TableRole(std::string_view table)> role;
    // nullptr, and for tables of which nothing can be taken back.
    std::function<const Weights*(std::string_view table)> weights{};
    // What else decides what the SQL means (macros): states of different meaning have different names.
    std::string meaning{};
    // Also what only people look at: expressions, events_query, shown_keys.
    bool explain = true;
};

struct StateColumn {
    std::string name;         // k1, v1, c1
    std::string type;         // as DuckDB spells it
    std::string expression;   // what it is made of, for people
    std::string precision{};  // of a sketch, for people; empty: it is exact
};

struct State {
    enum class Kind {
        sums,    // one row per key
        values,  // one row per key and value: exact distinct counts, quantiles, ordered lists
        first,   // one row per key: the first by an order (DISTINCT ON)
        sketch,  // one row per key, of bounded size, as sums and beside them: approximate distinct counts and quantiles
    };
    Kind kind = Kind::sums;
    std::string name;                  // "state_" and a hash of what it computes: equal states are the same state
    std::vector<StateColumn> keys;     // what the view groups by
    std::vector<StateColumn> values;   // what else tells state rows apart
    std::vector<StateColumn> sums;     // what is merged
    std::set<std::string> events;      // tables
    std::set<std::string> references;  // tables
    bool reads_whole_rows = true;      // of the events; false: only these columns of them
    std::set<std::string> columns;     // lower case
    bool weighted = false;             // of changes: c1 is how many rows of a key, or of a value, are left
    std::string partial, merge;        // `merge` reads the relation called `name`
    std::string events_query;          // "SELECT * FROM … WHERE": the events, a condition on them to follow
};

// By event table, the columns that states read of it, lower case; a table that is not there is read whole.
using StateColumns = std::map<std::string, std::set<std::string>>;

// A column of the view that shows a key of a state.
struct ShownKey {
    std::string column, state, expression;  // expression: over the events, as text
};

// Which rows of a view can change when events come in: those whose keys the new events have (touched.h).
struct TouchedKeys {
    std::vector<std::string> columns;  // of the result, that together are the key
    // Of each state, event table and result that finish reads: the columns that hold the same values, in the same
    // order.
    std::map<std::string, std::vector<std::string>> sources;
    std::string unordered;  // finish without the order of its result
    std::string order;      // "ORDER BY …" over the result, by position; empty: none
    std::string why_not;    // not empty: the whole is computed again, and why
};

struct Split {
    std::vector<State> states;
    std::string finish;           // reads the states by their names
    std::string plain;            // the view without states: the same answer, to the bit
    std::set<std::string> rows;   // event tables that finish reads row by row
    std::set<std::string> reads;  // other tables and views that finish reads, lower case
    std::vector<ShownKey> shown_keys;
    TouchedKeys touched;
    // Each row of the answer comes from one event, and the answer has no order: new events only add rows to it.
    bool append_only = false;
    std::vector<std::string> row_by_row;  // why, one sentence for each place where rows are read
    std::vector<std::string> notes;       // what else people should know of how it was rewritten
};

std::string_view to_string(State::Kind kind);
// Whether any of its states is of changes.
bool is_weighted(const Split& split);

// The connection knows every table that is read, with its columns; none of them has to hold rows. `sql` binds on it.
Result<Split> split(sql::Connection& connection, const SplitInput& input);

}  // namespace weir::view
