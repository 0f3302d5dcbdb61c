// The rows that came in between the last two moments, in memory under the names of their tables, for statements that
// are bound once and run at each moment.
//
//   moment n ──► moment n+1: the rows between are read once, when the first state asks ──► each state's own statement
//
// A bound statement stays valid because the tables under it stay: they are emptied and filled, never made anew. The
// database binds without what DuckDB concludes from the rows that a table has by then (statistics_propagation): it
// holds for later rows no longer, and DuckDB keeps to it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "view/batch/state_inputs.h"

namespace weir::view {

// An attached database in memory, for tables that only few statements change: to make or drop a table anywhere in a
// database has all statements over it bound anew.
class MemoryDatabase {
public:
    static Result<std::unique_ptr<MemoryDatabase>> attach(sql::Database& database);
    ~MemoryDatabase();
    MemoryDatabase(const MemoryDatabase&) = delete;
    MemoryDatabase& operator=(const MemoryDatabase&) = delete;
    // A table in it, as SQL names it.
    std::string table(const std::string& name) const;

private:
    MemoryDatabase(sql::Database& database, std::string name) : database_(&database), name_(std::move(name)) {}
    sql::Database* database_;
    std::string name_;
};

// One call at a time.
class NewestRows {
public:
    // `columns`: what states read; more is not held.
    static Result<NewestRows> open(sql::Database& database, StateColumns columns);
    // Where tables lie that statements over these rows may write.
    const MemoryDatabase& memory() const { return *memory_; }

    // The moment before this one becomes where the rows begin.
    Status move_to(std::shared_ptr<PinnedTables> tables, Versions versions);

    struct Piece {
        bool empty = true;  // nothing came in for this state
        std::string day;    // the last on which something arrived
        bool one_day = true;
    };
    // Makes the rows readable that are new to a state, under the names that its partial reads, on connection().
    // `positions` by table: the version that the state is at. Nothing: it is not where the moment before was, or so
    // much came in that it is better not held in memory.
    Result<std::optional<Piece>> rows_for(const State& state, const std::map<std::string, std::int64_t>& positions);

    sql::Connection& connection() { return connection_; }

private:
    struct Slot {
        std::string table;  // in memory; empty: not made yet
        bool filled = false;
        bool named = false, named_for_weights = false;
        std::shared_ptr<const Arrivals> arrivals;  // of this moment, once somebody asked
        std::set<std::string> days;
    };
    NewestRows(std::unique_ptr<MemoryDatabase> memory, sql::Connection connection, StateColumns columns)
        : memory_(std::move(memory)), connection_(std::move(connection)), columns_(std::move(columns)) {}
    Result<bool> fill(const std::string& name, Slot& slot);
    Status show(const Slot& slot, const std::string& as);
    Status show_reference(const std::string& name);

    std::unique_ptr<MemoryDatabase> memory_;
    sql::Connection connection_;
    StateColumns columns_;
    std::shared_ptr<PinnedTables> tables_;
    Versions before_, now_;
    std::map<std::string, Slot> slots_;
    std::map<std::string, std::string> references_;  // what is shown: id and version
};

}  // namespace weir::view
