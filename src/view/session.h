// A lake as a database: each table a view that is opened when a statement names it.
//
//   "<table>"            a Delta table in the lake's root; for a view that keeps every interval: its latest result
//   history."<view>"     all results of such a view, with the column run_date
//   weir.<name>          what weir knows about itself (model/system_tables.h); empty until something was stored
//
// Views are read in the version that was published last (publication.h), unless an older time is asked for.
//
// The latest result is that of the greatest run_date among the table's partitions and among the application ids
// "run_date=YYYY-MM-DD" of its txn actions (a result without rows leaves no partition behind).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "declare/project.h"
#include "lake/log/snapshot.h"
#include "sql/database.h"
#include "view/publication.h"
#include "view/speed/live_views.h"

namespace weir::view {

inline constexpr std::string_view run_date_column = "run_date";
// Table property of a result table that keeps every interval: "every_interval".
inline constexpr std::string_view keep_property = "weir.keep";

struct SessionOptions {
    std::filesystem::path lake;
    const declare::Project* project = nullptr;  // nothing: a bare lake; needed only while it opens
    lake::At as_of = lake::Newest{};            // for every table that is stored
    // Views up to the newest commits instead of as they were published last; needs a project.
    bool live = false;
};

struct TableName {
    std::string schema, name;
    bool operator==(const TableName&) const = default;
};
class Session {
public:
    static Result<Session> open(const SessionOptions& options);
    Session(Session&&) noexcept = default;
    Session& operator=(Session&&) noexcept = default;

    sql::Connection& connection() { return *connection_; }
    sql::Database& database() { return *database_; }

    // Every name that a statement may read, as it is written there: trips, history.daily, weir.runs.
    std::vector<std::string> names() const;

    // Opens what one statement reads, binds it and tells its kind. Errors carry a place in the statement where DuckDB
    // tells one, and for an unknown table the nearest name.
    Result<duckdb_statement_type> prepare(const std::string& statement);

    // The days for which a view that keeps every interval has a result, in order; empty for other views and tables.
    Result<std::vector<std::string>> result_days(const std::string& view);

    // Fills a system table that is computed: called when a statement reads it, with the empty table's full name.
    using Fill = std::function<Status(sql::Connection&, const std::string& table)>;
    void provide(std::string_view system_table, Fill fill);

    // What the last statement was prepared for; nothing: views are not read live.
    const std::optional<LiveMoment>& moment() const { return moment_; }

private:
    Session() = default;
    struct Entry {
        std::string schema;  // "main", "weir", "history"
        std::string name;
        std::filesystem::path path;  // of the Delta table; empty: nothing is stored
        enum class Kind { table, latest, history, quarantine, empty, computed, live } kind = Kind::table;
        bool is_view = false;  // of the project
        bool unsure = false;   // whether every interval is kept: the table's property knows
        bool open = false;
    };

    std::unique_ptr<sql::Database> database_;
    std::unique_ptr<sql::Connection> connection_;
    std::filesystem::path lake_;
    lake::At as_of_;
    std::vector<Entry> entries_;
    std::map<std::string, Fill, std::less<>> fills_;
    std::optional<Publication> publication_;  // once a view was opened
    std::unique_ptr<lake::Lake> live_lake_;
    std::unique_ptr<LiveViews> live_;  // null: views are read as published
    std::optional<LiveMoment> moment_;

    void find_tables(const declare::Project* project);
    void find_live_views(const declare::Project& project);
    Entry* find(std::string_view schema, std::string_view name);
    Status open_entry(Entry& entry);
    Status open_stored(const Entry& entry);
    // The version to read a table in: a view's published one.
    Result<lake::Snapshot> snapshot_of(const Entry& entry);
    Status open_empty(const Entry& entry);
    // Takes a new moment, and opens the views among these names as of then.
    Status open_live(const std::vector<TableName>& names);
    // As many as can be opened; the first error, if any.
    Status open_all();
    Status fill_tables(sql::Connection& connection, const std::string& table);
};

// Where those who work on a lake keep their spill folders.
std::filesystem::path spill_root(const std::filesystem::path& lake);

// The tables directly under `folder`: directories with a _delta_log, sorted by name.
std::vector<std::string> tables_in(const std::filesystem::path& folder);

// The days that a kept view's table has a result for.
std::set<std::string> run_dates(const lake::Snapshot& snapshot);

// What stands behind FROM anywhere in a statement, names of WITH included; nothing if it is no SELECT or does not
// parse.
Result<std::optional<std::vector<TableName>>> named_tables(sql::Connection& connection, const std::string& statement);

}  // namespace weir::view
