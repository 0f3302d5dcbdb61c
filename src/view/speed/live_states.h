// The states of views up to the newest commits: what the lake holds of them, and in memory what came after.
//
//   lake     weir/state_<hash> up to the cut that a run last moved it to
//   memory   weir_live_<hash>: partial over the commits after the cut, merged when it has grown to twice its size
//
// What is read is the union of both. A row is in one of them only: when a run has moved the cut, the part in memory is
// thrown away and made again from the commits that came after it.
#pragma once

#include <map>
#include <mutex>

#include "view/batch/state_inputs.h"
#include "view/batch/state_reader.h"

namespace weir::view {

class LiveStates : public StateReader {
public:
    // The database is that of the connections which read.
    LiveStates(const lake::Lake& lake, sql::Database& database) : lake_(&lake), database_(&database) {}

    // Tables are looked at in these versions from now on. Never beside a read.
    Status move_to(Versions versions);

    // Fails with table_conflict where a run has moved the cut past the versions: they have to be taken anew.
    Result<CatchUp> catch_up(const State& state, bool by_day) override;
    Result<std::optional<Source>> open(sql::Connection& connection, const State& state,
                                       const Interval& interval) override;

private:
    struct Held {
        std::mutex mutex;  // held while the state is brought up
        bool done = false;
        bool begun = false;
        std::optional<lake::Snapshot> in_lake;          // nothing: all of it is in memory
        std::map<std::string, std::int64_t> positions;  // of both parts together, by app
        bool by_day = false;
        std::int64_t rows = 0, rows_merged = 0;  // in memory
    };
    Held& held(const State& state);
    Result<CatchUp> bring_up(const State& state, Held& held);
    // Takes the lake's part as it is now, if it can be gone on from.
    Result<std::string> begin(const State& state, Held& held, StateInputs& inputs);
    Status add(sql::Connection& connection, const State& state, Held& held, const StateInputs& inputs);
    Status merge(sql::Connection& connection, const State& state, Held& held);

    const lake::Lake* lake_;
    sql::Database* database_;
    Versions versions_;
    HeldRows new_rows_;
    std::mutex mutex_;
    std::map<std::string, Held> held_;  // guarded by mutex_
};

}  // namespace weir::view
