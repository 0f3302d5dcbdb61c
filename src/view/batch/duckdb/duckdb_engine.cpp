#include "view/batch/duckdb/duckdb_engine.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace weir::view {
namespace {

// Beyond one file a day, what merging spares has to be worth it.
constexpr std::size_t files_over_days_max = 12;

}  // namespace

class DuckDbEngine::Borrowed {
public:
    static Result<Borrowed> from(DuckDbEngine& engine) {
        {
            const std::lock_guard lock(engine.mutex_);
            if (!engine.idle_.empty()) {
                auto connection = std::move(engine.idle_.back());
                engine.idle_.pop_back();
                return Borrowed(engine, std::move(connection));
            }
        }
        WEIR_ASSIGN(auto connection, engine.database_->connect());
        return Borrowed(engine, std::move(connection));
    }
    Borrowed(Borrowed&&) = default;
    Borrowed& operator=(Borrowed&&) = delete;
    ~Borrowed() {
        if (!connection_) return;
        const std::lock_guard lock(engine_->mutex_);
        engine_->idle_.push_back(std::move(*connection_));
    }
    sql::Connection& get() { return *connection_; }

private:
    Borrowed(DuckDbEngine& engine, sql::Connection connection)
        : engine_(&engine), connection_(std::make_unique<sql::Connection>(std::move(connection))) {}
    DuckDbEngine* engine_;
    std::unique_ptr<sql::Connection> connection_;
};

Result<StateLayout> DuckDbEngine::layout(const State& state) {
    WEIR_ASSIGN(auto borrowed, Borrowed::from(*this));
    return layout_of(borrowed.get(), state);
}

Result<std::int64_t> DuckDbEngine::stage_partial(const State& state, const StateLayout& layout,
                                                 const StateInputs& inputs, bool by_day,
                                                 lake::Transaction& transaction) {
    WEIR_ASSIGN(auto borrowed, Borrowed::from(*this));
    auto& connection = borrowed.get();
    WEIR_ASSIGN(const auto news, read_new_rows(connection, inputs, held_));
    std::int64_t rows = 0;
    for (const auto& day : news.pieces(by_day)) {
        WEIR_TRY(name_new_rows(connection, state, news, by_day ? day : ""));
        WEIR_ASSIGN(const auto appended,
                    transaction.append(connection, select_partial(state, layout, day), {.checksums = true}));
        rows += appended.rows;
    }
    return rows;
}

Result<bool> DuckDbEngine::stage_merged(const State& state, const StateLayout& layout, const lake::Snapshot& snapshot,
                                        bool by_day, lake::Transaction& transaction) {
    WEIR_ASSIGN(auto borrowed, Borrowed::from(*this));
    auto& connection = borrowed.get();
    WEIR_ASSIGN(const auto scan, transaction.table().scan(snapshot));
    WEIR_ASSIGN(const auto found, connection.query(fmt::format("SELECT DISTINCT {}::VARCHAR FROM {} ORDER BY 1",
                                                               state_day_column, scan.relation)));
    std::vector<std::string> pieces;
    for (std::size_t row = 0; row < found.row_count(); ++row) pieces.emplace_back(found.text(row, 0));
    if (by_day && snapshot.files().size() <= pieces.size() + files_over_days_max) return false;
    if (!by_day && !pieces.empty()) pieces = {pieces.back()};
    for (const auto& file : snapshot.files()) WEIR_TRY(transaction.remove_file(file, false));
    for (const auto& day : pieces) {
        const auto only = by_day ? fmt::format(" WHERE {} = DATE '{}'", state_day_column, day) : std::string();
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT {} FROM {}{}", state.name,
                                            layout.from_lake, scan.relation, only)));
        WEIR_ASSIGN(const auto appended, transaction.append(connection,
                                                            fmt::format("SELECT DATE '{}' AS {}{} FROM ({})", day,
                                                                        state_day_column, layout.to_lake, state.merge),
                                                            {.data_change = false, .checksums = true}));
        static_cast<void>(appended);
    }
    return true;
}

}  // namespace weir::view
