// Views up to the newest commits: finish(merge(what the lake's states hold, what came after them)).
//
// A read takes the newest version of every table once; all that it gives is as of these. Where a run moves the cut
// while it reads, it begins again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/fair_mutex.h"
#include "declare/project.h"
#include "view/batch/interval_batch.h"
#include "view/batch/view_split.h"
#include "view/publication.h"
#include "view/speed/live_states.h"

namespace weir::view {

// A view's rows for every connection of the database, until the last holder lets go: in its memory, or those that are
// published with those in memory that came in since or replace some of them.
class LiveTable {
public:
    using Parts = std::vector<std::shared_ptr<const LiveTable>>;
    // `parts`: the tables in memory, where this is a view over them; none: it is one.
    LiveTable(sql::Database& database, std::uint64_t number, Parts parts = {});
    LiveTable(const LiveTable&) = delete;
    LiveTable& operator=(const LiveTable&) = delete;
    ~LiveTable();
    // No other table of this process has it.
    std::uint64_t number() const { return number_; }
    const std::string& relation() const { return relation_; }

private:
    sql::Database* database_;
    std::uint64_t number_;
    std::string relation_;
    Parts parts_;
};

struct LiveView {
    std::shared_ptr<const LiveTable> table;
    Day day{};                 // it is as of the end of this day, or of what of it has arrived
    bool from_states = false;  // else from all rows
    std::string made_from;     // names everything that it was computed from
};

struct LiveMoment {
    Time taken{};
    std::int64_t publication = 0;          // the newest; 0: there was none yet
    Versions versions;                     // of the tables that were read
    std::shared_ptr<PinnedTables> tables;  // the same
    std::map<std::string, LiveView> views;
};

// Of views with touched keys, results that were published with fewer rows are computed whole: they are held in memory
// then, and read faster than the lake is.
inline constexpr std::int64_t small_result_rows = 100'000;

class LiveViews {
public:
    // The database is one of open_database(), and outlives what is read.
    static Result<std::unique_ptr<LiveViews>> open(const lake::Lake& lake, sql::Database& database,
                                                   declare::Project project, const Clock& clock,
                                                   std::int64_t small_result = small_result_rows);

    // The views named, all as of the same versions: the newest, or while take_in works, those that it takes in. What
    // nothing new came in for is not computed again. One read at a time; others wait.
    Result<LiveMoment> read(const std::set<std::string>& views);

    // A view over the newest rows alone: those that came in after what its published result was computed from. Fails
    // with `refused` where a view has no such rows: it reads a system table, or a table whose rows are taken back.
    Result<LiveMoment> read_newest(const std::string& view);

    // Takes what is new into the states of all views, so that the next read finds it there. False: nothing was. Reads
    // go in between. One call at a time.
    Result<bool> take_in();

    // Waits for reads.
    StateSizes state_sizes();

    const declare::Project& project() const { return project_; }
    sql::Database& database() { return *database_; }

private:
    LiveViews(const lake::Lake& lake, sql::Database& database, declare::Project project, const Clock& clock,
              std::int64_t small_result)
        : lake_(&lake),
          database_(&database),
          project_(std::move(project)),
          clock_(&clock),
          small_result_(small_result) {}
    struct Table {
        std::optional<lake::Snapshot> snapshot;  // nothing: it does not exist
        std::string made_of;                     // id and version
        std::string shape;                       // id and schema
        std::optional<Day> last_arrival;
        std::unordered_map<std::string, std::optional<Day>> arrivals;  // by file: its last, as far as the log has it
    };
    // Looks at the newest versions of all tables that views rest on. Where their columns changed, views are split anew.
    Status look();
    Status look_at(const std::string& name, const lake::Table& table, Table& known);
    // Starts to take in what is new: gives the states to catch up with. Nothing: nothing is new, and nothing was
    // published.
    struct Wanted {
        const State* state;
        bool by_day;
    };
    struct ToTakeIn {
        std::int64_t publication;  // the newest one
        std::vector<Wanted> states;
    };
    Result<std::optional<ToTakeIn>> begin_to_take_in();
    Result<LiveMoment> read_once(const std::set<std::string>& views);
    Result<LiveMoment> read_newest_once(const declare::View& view);
    // Goes on to newer versions where a run has moved on from those that are read.
    Result<LiveMoment> try_to_read(const std::function<Result<LiveMoment>()>& once);
    // As of the end of which day a view is.
    Day day_of(const declare::View& view, const Publication& publication) const;
    std::string made_from(const declare::View& view) const;
    using Held = std::map<std::string, std::shared_ptr<const LiveTable>>;  // by view
    struct Batch {
        IntervalBatch batch;
        std::shared_ptr<const Held> held;  // what it computed
    };
    using Batches = std::map<Day, Batch>;
    Result<Batch> open_batch(Day day);
    Result<LiveView> compute(const declare::View& view, const Publication& publication, Batches& batches);
    Result<LiveView> compute_newest(const declare::View& view, const Publication& publication);
    // What was computed, in memory.
    Result<std::shared_ptr<const LiveTable>> held(IntervalBatch& batch, const declare::View& view);
    // Whether published rows and those with touched keys can be put together. Not in an order: each read would sort.
    bool can_be_refreshed(const Split& split) const;
    // The published rows with those of newer events, where the view only grows, or with those that have keys of newer
    // events in place of the old ones; nothing: the whole is to be computed.
    Result<std::shared_ptr<const LiveTable>> on_top_of(const PublishedView& published, const declare::View& view,
                                                       const Split& split, Day day);

    const lake::Lake* lake_;
    sql::Database* database_;
    declare::Project project_;
    const Clock* clock_;
    std::int64_t small_result_;
    FairMutex mutex_;
    // Guarded by mutex_.
    bool taking_in_ = false;
    std::map<std::string, Table> tables_;
    Versions versions_, taken_in_;
    std::shared_ptr<PinnedTables> pinned_;  // of these versions
    std::string shapes_;
    std::optional<Catalog> catalog_;
    std::set<std::string> by_day_;
    std::unique_ptr<LiveStates> states_;
    std::map<std::string, LiveView> known_, known_newest_;
    LastPublication publication_;
    std::int64_t looked_at_publication_ = 0;  // by the states, for reads
    std::int64_t taken_in_publication_ = 0;   // the same, for take_in()
};

}  // namespace weir::view
