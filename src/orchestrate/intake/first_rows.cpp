#include "orchestrate/intake/first_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "source/reader.h"
#include "sql/scalar_function.h"

namespace weir::orchestrate {

namespace {

using contract::Hash128;

// A row of the chunk that is decided on.
struct RowKey {
    Hash128 key;
    std::int64_t order = 0;
    std::size_t row = 0;
};

constexpr int line_bits = 40;
constexpr std::int64_t no_run = -1;

struct Registry {
    std::mutex mutex;
    std::int64_t next = 1;
    std::map<std::int64_t, FirstRows*> running;
};

Registry& registry() {
    static Registry made;
    return made;
}

}  // namespace

std::string row_order(const std::string& file_no, const std::string& line) {
    return fmt::format("(CAST({} AS BIGINT) << {}) + {}", file_no, line_bits, line);
}

RowPlace row_place(std::int64_t order) { return {order >> line_bits, order & ((std::int64_t{1} << line_bits) - 1)}; }

// What DuckDB calls.
struct FirstRows::Calls {
    static void first(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
        const auto rows = duckdb_data_chunk_get_size(input);
        if (rows == 0) return;
        auto* results = static_cast<bool*>(duckdb_vector_get_data(output));
        const auto numbers = [&](idx_t column) {
            return static_cast<const std::int64_t*>(
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, column)));
        };
        auto keys_vector = duckdb_data_chunk_get_vector(input, 1);
        const auto* keys = static_cast<duckdb_uhugeint*>(duckdb_vector_get_data(keys_vector));
        auto* known = duckdb_vector_get_validity(keys_vector);
        const auto* orders = numbers(2);
        std::vector<RowKey> of_chunk;
        of_chunk.reserve(rows);
        for (idx_t row = 0; row < rows; ++row) {
            results[row] = true;
            if (known == nullptr || duckdb_validity_row_is_valid(known, row))
                of_chunk.push_back({{keys[row].upper, keys[row].lower}, orders[row], row});
        }
        auto* running = find(numbers(0)[0]);
        if (running == nullptr) {
            duckdb_scalar_function_set_error(info, "weir_first outside of the statement that it was made for");
            return;
        }
        const auto run = numbers(3)[0], newest = numbers(4)[rows - 1];
        if (run != no_run) source::await_turn(run, newest);
        auto status = decide(*running, of_chunk, results);
        if (run != no_run) source::end_turn(run, newest);
        if (!status) {
            const std::scoped_lock lock(running->mutex_);
            if (!running->failed_) running->failed_ = std::move(status).error();
            duckdb_scalar_function_set_error(info, running->failed_->message.c_str());
        }
    }

    static Status decide(FirstRows& first, std::vector<RowKey>& rows, bool* goes_on) {
        std::ranges::sort(
            rows, [](const RowKey& a, const RowKey& b) { return a.key != b.key ? a.key < b.key : a.order < b.order; });
        std::vector<Hash128> keys;
        keys.reserve(rows.size());
        for (const auto& row : rows) keys.push_back(row.key);
        WEIR_ASSIGN(const auto seen, first.probe_(keys));
        const auto duplicate = [&](std::int64_t order) { ++first.duplicates_[row_place(order).file_no]; };
        const std::scoped_lock lock(first.mutex_);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& row = rows[i];
            const auto known = seen[i] != 0 ? std::nullopt : first.positions_.put(row.key, row.order);
            goes_on[row.row] = seen[i] == 0 && (!known || *known > row.order);
            if (!goes_on[row.row]) {
                duplicate(row.order);
            } else if (known) {
                first.overtaken_.push_back(*known);
                duplicate(*known);
            }
        }
        return ok();
    }

    static FirstRows* find(std::int64_t handle) {
        const std::scoped_lock lock(registry().mutex);
        const auto found = registry().running.find(handle);
        return found == registry().running.end() ? nullptr : found->second;
    }

    static bool registered(sql::Connection& connection) {
        constexpr auto number = DUCKDB_TYPE_BIGINT;
        return sql::add_scalar(connection.raw(), "weir_first", {number, DUCKDB_TYPE_UHUGEINT, number, number, number},
                               DUCKDB_TYPE_BOOLEAN, first, sql::Calls::each_row);
    }
};

Result<std::unique_ptr<FirstRows>> FirstRows::start(sql::Connection& connection, Probe probe) {
    if (!Calls::registered(connection))
        return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the function that finds duplicates"};
    std::unique_ptr<FirstRows> made(new FirstRows(std::move(probe)));
    const std::scoped_lock lock(registry().mutex);
    made->handle_ = registry().next++;
    registry().running.emplace(made->handle_, made.get());
    return made;
}

FirstRows::~FirstRows() {
    const std::scoped_lock lock(registry().mutex);
    registry().running.erase(handle_);
}

std::string FirstRows::column(const std::string& key, const std::string& order, std::optional<std::int64_t> run,
                              const std::string& record) const {
    return fmt::format("weir_first({}, {}, {}, {}, {})", handle_, key, order, run.value_or(no_run), record);
}

Status FirstRows::finish(Status statement) {
    const std::scoped_lock lock(mutex_);
    if (!statement && failed_) return *failed_;
    return statement;
}

std::vector<contract::KeyEntry> FirstRows::keys(const std::vector<std::int32_t>& day_of_file) const {
    return positions_.sorted(
        [&](std::int64_t order) { return day_of_file.at(static_cast<std::size_t>(row_place(order).file_no)); });
}

}  // namespace weir::orchestrate
