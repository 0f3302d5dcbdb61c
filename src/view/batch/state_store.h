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

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "lake/lake.h"
#include "model/interval.h"
#include "view/batch/batch_engine.h"
#include "view/batch/state_inputs.h"
#include "view/batch/state_reader.h"
#include "view/split/split.h"

namespace weir::view {

struct StateSize {
    std::int64_t rows = 0, bytes = 0;
    std::size_t files = 0;
    std::map<std::string, std::int64_t> positions;  // event table -> version
};
// Of a state in the lake; nothing: it is not there.
Result<std::optional<StateSize>> state_size(const lake::Lake& lake, const State& state);

// Several threads may ask for different states and for the same one.
class StateStore : public StateReader {
public:
    // States take in what the tables have as `tables` has them.
    StateStore(const lake::Lake& lake, std::shared_ptr<PinnedTables> tables, BatchEngine& engine, const Clock& clock)
        : lake_(&lake), tables_(std::move(tables)), engine_(&engine), clock_(&clock) {}

    // A state is looked at once in the store's life.
    Result<CatchUp> catch_up(const State& state, bool by_day) override;

    Result<std::optional<Source>> open(sql::Connection& connection, const State& state,
                                       const Interval& interval) override;

    // Throws the state away; the next catch_up builds it.
    Status drop(const State& state);
    // Throws away all states but these.
    Status keep_only(const std::set<std::string>& names);

private:
    struct Kept {
        std::mutex mutex;  // held while the state is brought up
        std::optional<CatchUp> done;
    };
    Result<CatchUp> bring_up(const State& state, bool by_day);
    Result<std::int64_t> write(const State& state, bool by_day, const StateInputs& inputs,
                               std::optional<lake::Snapshot> onto);
    Status compact(const State& state, bool by_day);
    std::filesystem::path folder_of(const State& state) const;
    // The states that were built and not thrown away since, as .weir/states in the lake has them: one of these that is
    // not there is lost, any other is new.
    bool was_built(const std::string& name);
    Status change_built(const std::function<void(std::set<std::string>&)>& change);
    // With mutex_ held.
    std::set<std::string>& built();
    // Asked of the engine once.
    Result<StateLayout> layout_once(const State& state);

    const lake::Lake* lake_;
    std::shared_ptr<PinnedTables> tables_;
    BatchEngine* engine_;
    const Clock* clock_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::map<std::string, Kept> kept_;
    std::map<std::string, StateLayout> layouts_;
    std::optional<std::set<std::string>> built_;  // nothing: not read yet
};

}  // namespace weir::view
