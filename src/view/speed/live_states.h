// The states of views up to the newest commits: what the lake holds of them, and in memory what came after.
//
//   lake     weir/state_<hash> up to the cut that a run last moved it to
//   memory   partial over the commits after the cut, merged when it has grown to twice its size
//
// What is read is the union of both. A row is in one of them only: when a run has moved the cut, the part in memory is
// thrown away and made again from the commits that came after it.
//
// A state that is where the moment before was takes what is new by a statement of its own that was bound before
// (newest_rows.h); any other is brought up from where it is.
#pragma once

#include <map>

#include "view/batch/state_inputs.h"
#include "view/batch/state_layout.h"
#include "view/batch/state_reader.h"
#include "view/speed/newest_rows.h"

namespace weir::view {

struct StateSizes {
    std::int64_t states = 0, lake_rows = 0, lake_bytes = 0, memory_rows = 0;
};

// One call at a time.
class LiveStates : public StateReader {
public:
    // The database is that of the connections which read.
    // `columns`: what the states read of their events.
    static Result<std::unique_ptr<LiveStates>> open(const lake::Lake& lake, sql::Database& database,
                                                    const StateColumns& columns);

    // Tables are looked at as they are there from now on; `versions` are theirs.
    Status move_to(std::shared_ptr<PinnedTables> tables, const Versions& versions);

    // A run has published: the lake's part is looked at again, also where nothing new came in since.
    void look_again();

    StateSizes sizes() const;

    // Fails with table_conflict where a run has moved the cut past the versions: they have to be taken anew.
    Result<CatchUp> catch_up(const State& state, bool by_day) override;
    Result<std::optional<Source>> open(sql::Connection& connection, const State& state,
                                       const Interval& interval) override;

private:
    struct Held {
        bool done = false;
        bool begun = false;
        std::optional<lake::Snapshot> in_lake;          // nothing: all of it is in memory
        std::map<std::string, std::int64_t> positions;  // of both parts together, by app
        std::map<std::string, std::int64_t> versions;   // the same by table
        bool by_day = false;
        std::string memory;                      // the table; empty: not made yet
        std::int64_t rows = 0, rows_merged = 0;  // in it
        std::string last_day;                    // of them; empty: there are none
        std::optional<StateLayout> layout;
        std::optional<sql::Statement> add_newest;
        std::string add_newest_day;  // for which it is bound
    };
    LiveStates(const lake::Lake& lake, sql::Database& database, NewestRows newest, StateColumns columns)
        : lake_(&lake), database_(&database), newest_(std::move(newest)), new_rows_(std::move(columns)) {}

    Result<CatchUp> bring_up(const State& state, Held& held);
    // Nothing: the state is not where the moment before was.
    Result<std::optional<CatchUp>> add_newest(const State& state, Held& held);
    // Takes the lake's part as it is now, if it can be gone on from.
    Result<std::string> begin(const State& state, Held& held, StateInputs& inputs);
    Status add(sql::Connection& connection, const State& state, Held& held, const StateInputs& inputs);
    Status merge_where_grown(const State& state, Held& held);
    Status merge(sql::Connection& connection, const State& state, Held& held);
    Status empty_memory(sql::Connection& connection, const State& state, Held& held);

    const lake::Lake* lake_;
    sql::Database* database_;
    NewestRows newest_;
    std::shared_ptr<PinnedTables> tables_;
    HeldRows new_rows_;
    std::map<std::string, Held> held_;
};

}  // namespace weir::view
