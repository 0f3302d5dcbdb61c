// All views of a project as of the end of one interval: the inputs cut there, the results computed by DuckDB.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "declare/project.h"
#include "lake/lake.h"
#include "model/interval.h"
#include "sql/database.h"
#include "view/batch/pinned_tables.h"
#include "view/batch/refresh.h"
#include "view/batch/state_reader.h"
#include "view/batch/view_split.h"

namespace weir::view {

// The tables of the lake that a view rests on, through the views that it reads: "recipe_changes", "weir/accounting".
std::set<std::string> base_tables(const declare::Project& project, const declare::View& view);

// A hash of everything in the project that decides a view's result: its SQL, the macros, and the same of what it reads.
std::string text_hash(const declare::Project& project, const declare::View& view);

enum class Access { look, change };
// DuckDB with the project's memory and threads, knowing the project's macros. It spills below the lake; with
// Access::look it makes no lake, and does without where it may not write.
Result<sql::Database> open_database(const declare::Project& project, Access access = Access::change);

// What views are computed from instead of from all rows.
struct States {
    Catalog& catalog;
    StateReader* reader;  // null: computed from all rows all the same, by the text that states would give
    const std::set<std::string>& by_day;  // Catalog::states_by_day()
};

class IntervalBatch {
public:
    // The database is one of open_database(). Base tables are read as `tables` has them.
    static Result<IntervalBatch> open(const lake::Lake& lake, sql::Database& database, const declare::Project& project,
                                      const Interval& interval, std::shared_ptr<PinnedTables> tables);

    // From here on event tables are their rows that came in after these versions; what `versions` does not name, and
    // reference tables, are whole. Fails where rows were changed or removed since.
    void read_only_after(Versions versions) { after_ = std::move(versions); }

    // From here on compute() makes a view's rows a table of the database, of the name that this gives, and no temporary
    // one; where another view reads them, the view's name stands for them as ever.
    void hold_in(std::function<std::string(const declare::View&)> relation) { held_in_ = std::move(relation); }

    // A hash of the data files that a view's result would be computed from, cut at the interval's end.
    Result<std::string> inputs_hash(const declare::View& view);

    // Makes a view's rows a temporary table of connection(), named as the view, or, where each row comes from one
    // event, a temporary view, so that they need not be held. Views that it reads and that were not computed here are
    // computed on the way. Errors point into the view's file. What is new is added to the view's states and finish is
    // computed over them; where a state also holds days after the interval, the view is computed from all rows. Both
    // give the same rows, to the bit.
    //
    // `then`: what the view's stored result was computed from, if that is known. Where it can be gone on from, only
    // rows whose keys the new events have are computed, or only the rows of the new events.
    struct Computed {
        bool from_states = false;
        std::vector<std::string> rebuilt;     // a sentence for each state that had to be built again
        std::optional<Basis> basis;           // what the result was computed from; nothing: from all rows
        std::optional<std::int64_t> touched;  // how many keys were computed; nothing: all
        // How many rows the stored result gets; they are in appended_rows(). Nothing: it is replaced.
        std::optional<std::int64_t> appended;
    };
    Result<Computed> compute(const declare::View& view, const States& states, const std::optional<Basis>& then = {});

    // The view's result in the lake is what compute() gives, or gave: where only the newest is kept, views that read it
    // can go on from it.
    void is_stored(const declare::View& view) {
        if (view.keep == declare::View::Keep::latest) stored_.insert(view.name);
    }

    // Makes of a view with touched keys, whose finish reads no view, the rows that have keys of events which came in
    // after these versions a temporary view of connection(), named as the view, and these keys touched_relation. Since
    // then rows have only come in. Gives how many keys there are; nothing: it cannot be told. Nothing else is to be
    // computed here: the names of states and event tables stand for their rows with these keys then.
    Result<std::optional<std::int64_t>> compute_touched(const declare::View& view, const States& states,
                                                        const Versions& after);

    // Runs a statement that reads the rows of a view that is computed here: those that are computed as they are read
    // fail there, and the error is the view's.
    Status run_over(const declare::View& view, const std::string& statement);

    sql::Connection& connection() { return connection_; }
    const Interval& interval() const { return interval_; }

    // The same error, with the view's file as its place.
    Error in_file(const declare::View& view, Error error) const;

private:
    IntervalBatch(const lake::Lake& lake, const declare::Project& project, Interval interval,
                  std::shared_ptr<PinnedTables> tables, sql::Connection connection)
        : lake_(&lake),
          project_(&project),
          interval_(interval),
          tables_(std::move(tables)),
          connection_(std::move(connection)) {}

    struct Input {
        lake::Table table;
        std::optional<lake::Snapshot> snapshot;  // nothing: the table does not exist yet
        bool readable = false;                   // a view of its name stands on the connection
        std::string relation{};                  // what that view gives
    };
    Result<Input*> input(const std::string& name);
    Status make_readable(const std::string& name);
    // All rows of an input, or those that are read alone.
    Result<std::string> relation_of(const std::string& name, const Input& input);
    // The predicate that leaves out files of later days.
    lake::Predicates before_end(const std::string& name) const;
    // The data files that the interval sees, in order.
    Result<std::vector<std::string>> visible_files(const std::string& name);
    // Held: a temporary table. As they are read: a temporary view.
    enum class Rows { held, as_they_are_read };
    // Makes what a text reads readable, and the view's name stand for what it gives.
    Status run(const declare::View& view, const std::string& sql, const std::set<std::string>& reads,
               const States& states, Rows rows);
    // The result from the stored one and what is new, if that can be done; `open`: the view's own states.
    Result<std::optional<std::int64_t>> refreshed(const declare::View& view, const Split& split,
                                                  std::map<std::string, Source> open, const States& states,
                                                  const Basis& then, const Basis& now);
    // The rows of a view that finish reads under a name of their own, so that the view's name may stand for some of
    // them.
    Result<ReadResult> set_aside(const declare::View& view, const States& states);
    bool is_read_by_others(const declare::View& view) const;
    // Whether another view goes on from this one's result, key by key.
    Result<bool> is_gone_on_from(const declare::View& view, Catalog& catalog) const;
    // What finish reads besides states, and where each stands; nothing: some of it has no version.
    Result<std::optional<Basis>> basis_of(const declare::View& view, const Split& split,
                                          const std::map<std::string, Source>& states);

    const lake::Lake* lake_;
    const declare::Project* project_;
    Interval interval_;
    std::shared_ptr<PinnedTables> tables_;
    sql::Connection connection_;
    std::map<std::string, Input> inputs_;
    Versions after_;
    std::function<std::string(const declare::View&)> held_in_{};
    std::map<std::string, std::string>
        held_;  // by view: the tables that held_in_ named, until their names stand for them
    std::set<std::string> computed_, stored_;
    std::map<std::string, ReadResult> results_;  // by view that was brought up to date here, or is set aside
};

// Whether what a text says of old events may change when the interval's end does.
bool looks_at_interval(const declare::Project& project, const Split& split);

// The newest state of each quarantined row: `relation` holds every state that it ever had.
std::string newest_states(const std::string& relation);

// Macros interval_start() and interval_end(), DATEs; the end is excluded.
std::string interval_macros(const Interval& interval);

}  // namespace weir::view
