// The tables behind a state at one moment, and what of them is new to it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "view/batch/pinned_tables.h"
#include "view/split/split.h"

namespace weir::view {

struct StateInputs {
    struct Table {
        lake::Table table;
        lake::Snapshot snapshot;
        std::shared_ptr<const Arrivals> arrivals{};  // null: all of it is new
    };
    std::map<std::string, Table> events, references;

    bool anything_new() const;
    // All of the events are new.
    void forget_changes();
};

// Fails with not_found where a table is not in the lake yet.
Result<StateInputs> inputs_of(PinnedTables& tables, const State& state);

// The names under which positions are kept. The id is that in the table's metadata: a table that was made anew under
// the same name is another one.
std::string events_app(const std::string& table, const lake::Snapshot& snapshot);
std::string reference_app(const std::string& table, const lake::Snapshot& snapshot);

// Finds what is new since the positions. Gives the reason why it cannot be gone on from there; nothing: it can.
using PositionOf = std::function<std::optional<std::int64_t>(const std::string& app)>;
Result<std::optional<std::string>> find_changes(PinnedTables& tables, StateInputs& inputs,
                                                const PositionOf& position_of);

// The same, from the positions that a state in the lake is at. Its files are read through for damage.
Result<std::optional<std::string>> why_to_build(PinnedTables& tables, const lake::Table& table,
                                                const lake::Snapshot& state, StateInputs& inputs);

// What is read of a table; null: all of it.
const std::set<std::string>* columns_of(const StateColumns& columns, const std::string& table);

// The arrival days of files where each file is of one day; nothing where rows have to be asked.
std::optional<std::set<std::string>> arrival_days(const lake::Changes& changes, const lake::Snapshot& snapshot);
// New rows in larger files are not held in memory.
std::int64_t size_of(const lake::Changes& changes);
inline constexpr std::int64_t held_bytes_max = std::int64_t{16} << 20;

// New rows of event tables that are read once and held, for all states that need them.
class HeldRows {
public:
    explicit HeldRows(StateColumns columns) : columns_(std::move(columns)) {}
    // The new rows as a relation of any connection of the database. Few of them are held in memory.
    Result<std::string> relation(sql::Connection& on, const std::string& name, const StateInputs::Table& input);
    Status clear(sql::Connection& on);

private:
    const StateColumns columns_;
    std::mutex mutex_;
    std::map<std::shared_ptr<const Arrivals>, std::string> tables_;
};

struct NewRows {
    std::map<std::string, std::string> relations;  // by event table
    std::set<std::string> days;                    // on which they arrived

    // The days to compute apart; where they need not be, the last one stands for all.
    std::vector<std::string> pieces(bool by_day) const;
};
// Makes reference tables readable under their names and finds the new rows of event tables.
Result<NewRows> read_new_rows(sql::Connection& connection, const StateInputs& inputs, HeldRows& held);

// Makes the names of event tables stand for new rows, as the state's partial reads them: for all, or those of a day.
Status name_new_rows(sql::Connection& connection, const State& state, const NewRows& rows, const std::string& day);

}  // namespace weir::view
