// The states of views, kept in the lake: what partial gave for each commit of the event tables, merged when read.
//
//   weir/state_<hash>     one Delta table per state: arrival_day, then the state's columns
//   txn "events:<table>:<id>"     the version of the event table up to which its rows are in the state
//   txn "reference:<table>:<id>"  the version of the reference table that the state was joined with
//
// The id is that in the table's metadata: a table that was made anew under the same name is another one.
//
// One commit carries rows and positions, so that no event is in a state twice or never. A state is derived: one that is
// lost, damaged (data files carry checksums), or whose tables changed in another way than by growing is built again.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "lake/lake.h"
#include "lake/log/changes.h"
#include "model/interval.h"
#include "view/batch/refresh.h"
#include "view/split/split.h"

namespace weir::view {

struct CatchUp {
    enum class What { nothing_new, added, built, built_again } what = What::nothing_new;
    std::string why;        // with built_again
    std::int64_t rows = 0;  // of the state that were added
};

struct StateSize {
    std::int64_t rows = 0, bytes = 0;
    std::size_t files = 0;
    std::map<std::string, std::int64_t> positions;  // event table -> version
};

// Several threads may ask for different states and for the same one.
class StateStore {
public:
    StateStore(const lake::Lake& lake, sql::Database& database, const Clock& clock)
        : lake_(&lake), database_(&database), clock_(&clock) {}

    // Takes in what the event tables have that the state does not; `by_day`: rows of different arrival days are kept
    // apart, for views that keep every interval. A state is looked at once in the store's life.
    Result<CatchUp> catch_up(const State& state, bool by_day);

    // Makes the state readable under its name on a connection, as of the interval's end. Nothing: it also holds later
    // days that cannot be told apart.
    Result<std::optional<Source>> open(sql::Connection& connection, const State& state, const Interval& interval);

    // Throws the state away; the next catch_up builds it.
    Status drop(const State& state);
    // Throws away all states but these.
    Status keep_only(const std::set<std::string>& names);

    Result<std::optional<StateSize>> size(const State& state) const;

private:
    struct Inputs;
    struct Kept {
        std::mutex mutex;  // held while the state is brought up
        std::optional<CatchUp> done;
    };
    // A connection for one piece of work; it goes back when that is over.
    class Borrowed;
    Result<CatchUp> bring_up(const State& state, bool by_day);
    Result<std::optional<std::string>> why_to_build(const State& state, const lake::Snapshot& snapshot, Inputs& inputs);
    Result<std::int64_t> write(const State& state, bool by_day, Inputs& inputs, std::optional<lake::Snapshot> onto);
    Status compact(const State& state, bool by_day);
    // The new rows of an event table as a relation. Few of them are held in memory, once for all states that need them.
    Result<std::string> new_rows(sql::Connection& on, const std::string& name, const lake::Table& table,
                                 const lake::Snapshot& snapshot, const lake::Changes& changes);

    const lake::Lake* lake_;
    sql::Database* database_;
    const Clock* clock_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::map<std::string, Kept> kept_;
    std::vector<sql::Connection> idle_;
    std::mutex holding_;
    std::map<std::string, std::string> held_;  // which files' rows -> table; guarded by holding_
};

}  // namespace weir::view
