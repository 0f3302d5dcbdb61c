#include "orchestrate/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/stop.h"

namespace weir::orchestrate {
namespace {

// Large enough that planning a block's statement does not count, small enough for a few blocks in memory.
constexpr std::int64_t block_rows = 1 << 17;

class Generation {
public:
    Generation(sql::Database& database, const declare::Generator& generator, const GenerateRequest& request,
               const sink::Output& output)
        : database_(database), generator_(generator), request_(request), output_(output) {}

    Status run(int threads) {
        const auto blocks = (request_.count + block_rows - 1) / block_rows;
        std::vector<std::thread> workers;
        for (int i = 1; i < std::min<std::int64_t>(threads, blocks); ++i) workers.emplace_back([this] { work(); });
        work();
        for (auto& worker : workers) worker.join();
        return error_ ? Status(*error_) : ok();
    }

private:
    void work() {
        if (auto status = work_or_error(); !status) {
            const std::scoped_lock lock(mutex_);
            if (!error_) error_ = std::move(status).error();
            turn_.notify_all();
        }
    }

    Status work_or_error() {
        WEIR_ASSIGN(auto connection, database_.connect());
        WEIR_TRY(connection.run(fmt::format("CREATE TEMP MACRO seed() AS {}::BIGINT", request_.seed)));
        for (;;) {
            std::int64_t block = 0;
            {
                const std::scoped_lock lock(mutex_);
                block = next_block_++;
                if (error_ || block * block_rows >= request_.count) return ok();
            }
            if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped while generating"};
            std::string lines;
            WEIR_TRY(make(connection, block, lines));
            std::unique_lock lock(mutex_);
            turn_.wait(lock, [&] { return error_ || next_written_ == block; });
            if (error_) return ok();
            WEIR_TRY(output_(lines));
            ++next_written_;
            turn_.notify_all();
        }
    }

    Status make(sql::Connection& connection, std::int64_t block, std::string& lines) {
        const auto first = block * block_rows;
        WEIR_TRY(connection.run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT range AS n FROM range({}::BIGINT, {}::BIGINT)",
                        declare::numbers_table, first, std::min(request_.count, first + block_rows))));
        auto written = sink::write_rows(connection, generator_.sql, sink::Format::ndjson,
                                        [&](std::string_view bytes) {
                                            lines += bytes;
                                            return ok();
                                        },
                                        {}, {.omit_nulls = generator_.omit_nulls});
        if (written) return ok();
        auto error = std::move(written).error();
        if (error.where.line > 0) error.where.line += generator_.sql_first_line - 1;
        error.where.file = generator_.where.file;
        return std::move(error).within(fmt::format("generator {}", generator_.name));
    }

    sql::Database& database_;
    const declare::Generator& generator_;
    const GenerateRequest& request_;
    const sink::Output& output_;
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
        WEIR_TRY(connection.run(project.macros));
    }
    return Generation(database, generator, request, output).run(threads);
}

}  // namespace weir::orchestrate
