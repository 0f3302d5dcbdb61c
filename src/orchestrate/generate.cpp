#include "orchestrate/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/stop.h"
#include "sql/number_range.h"
#include "view/split/macros.h"

namespace weir::orchestrate {
namespace {

// Large enough that beginning a statement and waiting for the turn do not count, small enough that a block's text stays
// in a core's cache until it is written.
constexpr std::int64_t block_rows = 1 << 16;

class Generation {
public:
    Generation(sql::Database& database, const declare::Generator& generator, const GenerateRequest& request,
               const sink::Output& output)
        : database_(database), generator_(generator), request_(request), output_(output) {}

    Status run(int threads) {
        const auto blocks = (request_.count + block_rows - 1) / block_rows;
        ranges_.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, std::min<std::int64_t>(threads, blocks))));
        std::vector<std::thread> workers;
        for (std::size_t i = 1; i < ranges_.size(); ++i) workers.emplace_back([this, i] { work(i); });
        work(0);
        for (auto& worker : workers) worker.join();
        return error_ ? Status(*error_) : ok();
    }

private:
    void work(std::size_t worker) {
        if (auto status = work_or_error(worker); !status) {
            const std::scoped_lock lock(mutex_);
            if (!error_) error_ = std::move(status).error();
            turn_.notify_all();
        }
    }

    Status work_or_error(std::size_t worker) {
        WEIR_ASSIGN(auto connection, database_.connect());
        WEIR_ASSIGN(auto statement, prepare(connection, worker));
        std::string lines;
        for (;;) {
            std::int64_t block = 0;
            {
                const std::scoped_lock lock(mutex_);
                block = next_block_++;
                if (error_ || block * block_rows >= request_.count) return ok();
            }
            if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped while generating"};
            ranges_[worker] = {block * block_rows, std::min(request_.count, (block + 1) * block_rows)};
            lines.clear();
            if (auto made = sink::append_json_lines(statement, {.omit_nulls = generator_.omit_nulls}, lines); !made)
                return placed(std::move(made).error());
            std::unique_lock lock(mutex_);
            turn_.wait(lock, [&] { return error_ || next_written_ == block; });
            if (error_) return ok();
            // Nobody else writes until the number is counted up, and the others may take their next blocks meanwhile.
            lock.unlock();
            WEIR_TRY(output_(lines));
            lock.lock();
            ++next_written_;
            turn_.notify_all();
        }
    }

    // The generator's statement over the numbers of this worker's block. It is planned once: for a generator of some
    // hundred lines that takes as long as making ten thousand rows.
    Result<sql::Statement> prepare(sql::Connection& connection, std::size_t worker) {
        const auto numbers = fmt::format("weir_numbers_{}", worker);
        if (!sql::register_number_range(connection.raw(), numbers, &ranges_[worker]))
            return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the table function of numbers"};
        WEIR_TRY(connection.run(
            fmt::format("CREATE TEMP MACRO seed() AS {}::BIGINT; CREATE TEMP VIEW {} AS SELECT n FROM {}()",
                        request_.seed, declare::numbers_table, numbers)));
        auto statement = connection.prepare(generator_.sql);
        if (!statement) return placed(std::move(statement).error());
        return statement;
    }

    Error placed(Error error) const {
        if (error.where.line > 0) error.where.line += generator_.sql_first_line - 1;
        error.where.file = generator_.where.file;
        return std::move(error).within(fmt::format("generator {}", generator_.name));
    }

    sql::Database& database_;
    const declare::Generator& generator_;
    const GenerateRequest& request_;
    const sink::Output& output_;
    std::vector<sql::NumberRange> ranges_;  // of each worker: the block that it makes
    std::mutex mutex_;
    std::condition_variable turn_;
    std::int64_t next_block_ = 0, next_written_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Status generate(const declare::Project& project, const declare::Generator& generator, const GenerateRequest& request,
                const sink::Output& output) {
    auto threads = request.threads > 0 ? request.threads : project.engine.threads;
    if (threads == 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    // Each worker runs its own statements alone, so that their rows keep their order.
    WEIR_ASSIGN(auto database, sql::Database::open({.memory_limit = project.engine.memory, .threads = 1}));
    if (!project.macros.empty()) {
        WEIR_ASSIGN(auto connection, database.connect());
        WEIR_TRY(view::make_macros(connection, project.macros));
    }
    return Generation(database, generator, request, output).run(threads);
}

}  // namespace weir::orchestrate
