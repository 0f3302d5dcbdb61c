// States computed by DuckDB in this process.
#pragma once

#include <mutex>
#include <vector>

#include "view/batch/batch_engine.h"

namespace weir::view {

class DuckDbEngine : public BatchEngine {
public:
    // The database is one of open_database(). `columns`: what states read; more is not held of new rows.
    DuckDbEngine(sql::Database& database, StateColumns columns) : database_(&database), held_(std::move(columns)) {}

    Result<StateLayout> layout(const State& state) override;
    Result<std::int64_t> stage_partial(const State& state, const StateLayout& layout, const StateInputs& inputs,
                                       bool by_day, lake::Transaction& transaction) override;
    Result<bool> stage_merged(const State& state, const StateLayout& layout, const lake::Snapshot& snapshot,
                              bool by_day, lake::Transaction& transaction) override;

private:
    // A connection for one piece of work; it goes back when that is over.
    class Borrowed;

    sql::Database* database_;
    HeldRows held_;
    std::mutex mutex_;
    std::vector<sql::Connection> idle_;  // guarded by mutex_
};

}  // namespace weir::view
