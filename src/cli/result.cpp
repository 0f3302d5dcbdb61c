#include "cli/result.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/stop.h"
#include "cli/table.h"
#include "observe/progress.h"
#include "sink/export.h"
#include "sink/rows.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

Status print_table(sql::Connection& connection, const std::string& statement, Terminal& terminal) {
    std::vector<sink::ValueWriter> writers;
    std::optional<Table> table;
    auto streamed = connection.stream(
        statement,
        [&](const sql::ResultHeader& header) -> Status {
            std::vector<TableColumn> columns;
            for (std::size_t i = 0; i < header.names.size(); ++i) {
                WEIR_ASSIGN(auto writer, sink::ValueWriter::of(header.types[i], header.names[i]));
                columns.push_back({.name = header.names[i], .right = writer.is_number()});
                writers.push_back(std::move(writer));
            }
            table.emplace(terminal, std::move(columns));
            return ok();
        },
        [&](duckdb_data_chunk chunk) -> Status {
            for (std::size_t i = 0; i < writers.size(); ++i) writers[i].bind(duckdb_data_chunk_get_vector(chunk, i));
            const auto size = duckdb_data_chunk_get_size(chunk);
            for (idx_t row = 0; row < size; ++row) {
                std::vector<TableCell> cells(writers.size());
                for (std::size_t i = 0; i < writers.size(); ++i)
                    if (!writers[i].is_null(row)) writers[i].append_text(row, cells[i].emplace());
                WEIR_TRY(table->add(std::move(cells)));
            }
            return ok();
        });
    if (!streamed) return streamed;
    WEIR_TRY(table->end());
    if (terminal.out_is_terminal() && !terminal.quiet()) {
        return terminal.write(terminal.styled(
            Style::dim,
            fmt::format("({} row{})\n", observe::count_text(table->rows()), table->rows() == 1 ? "" : "s")));
    }
    return ok();
}

}  // namespace

Option format_option() {
    return {.name = "--format",
            .value = "FORMAT",
            .help = "how rows are written",
            .choices = {"table", "csv", "json", "ndjson", "parquet"}};
}

std::string chosen_format(const Invocation& invocation) {
    return invocation.option("--format", invocation.json ? "json" : "table");
}

Status print_query(sql::Connection& connection, const std::string& statement, const std::string& format,
                   const std::string& file, Terminal& terminal) {
    const InterruptOnStop watch(connection);
    if (format == "table") {
        if (!file.empty())
            return Error{.code = ErrorCode::usage,
                         .message = "a table is for the terminal, not for a file",
                         .hint = "--format csv, json, ndjson or parquet"};
        return print_table(connection, statement, terminal);
    }
    WEIR_ASSIGN(const auto chosen, sink::parse_format(format));
    if (!file.empty()) {
        WEIR_ASSIGN(const auto written, sink::export_query(connection, statement, chosen, file));
        if (!terminal.quiet() && !terminal.json())
            terminal.note(fmt::format("{}: {} row{}, {}\n", file, observe::count_text(written.rows),
                                      written.rows == 1 ? "" : "s",
                                      observe::bytes_text(static_cast<std::uint64_t>(written.bytes))));
        return ok();
    }
    if (chosen == sink::Format::parquet)
        return Error{.code = ErrorCode::usage,
                     .message = "Parquet cannot be written to standard output",
                     .hint = "name a file with --out FILE"};
    auto written =
        sink::write_rows(connection, statement, chosen, [&](std::string_view bytes) { return terminal.write(bytes); });
    return written ? ok() : Status(std::move(written).error());
}

struct InterruptOnStop::Watcher {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::jthread thread;
};

InterruptOnStop::InterruptOnStop(sql::Connection& connection) : watcher_(std::make_unique<Watcher>()) {
    watcher_->thread = std::jthread([&connection, watcher = watcher_.get()](std::stop_token over) {
        std::unique_lock lock(watcher->mutex);
        while (!over.stop_requested()) {
            watcher->wake.wait_for(lock, over, std::chrono::milliseconds(50), [] { return false; });
            // Again and again: a statement that begins a moment later is stopped too.
            if (stop_requested()) connection.interrupt();
        }
    });
}

InterruptOnStop::~InterruptOnStop() = default;

}  // namespace weir::cli
