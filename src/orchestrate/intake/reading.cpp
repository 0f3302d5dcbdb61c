#include "orchestrate/intake/reading.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "base/sha256.h"
#include "contract/check.h"
#include "contract/parquet_columns.h"
#include "contract/reject_table.h"
#include "lake/log/vector_view.h"
#include "source/log/around.h"

namespace weir::orchestrate {
namespace {

using source::FileReport;
using sql::quote_name;
using sql::quote_text;

// Tells an observer how far a reading statement is, ten times a second, until it goes out of scope.
class Ticker {
public:
    Ticker(observe::Observer& observer, const source::Progress& progress)
        : thread_([this, &observer, &progress] {
              std::unique_lock lock(mutex_);
              while (!wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return ended_; }))
                  observer.tell(
                      observe::StepAdvanced{.rows = progress.rows.load(),
                                            .bytes = static_cast<std::int64_t>(progress.bytes_done.load()),
                                            .bytes_total = static_cast<std::int64_t>(progress.bytes_total.load())});
          }) {}
    Ticker(const Ticker&) = delete;
    ~Ticker() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    bool ended_ = false;
    std::thread thread_;
};

// The predicates of a contract cannot fail on a row; the source's own can.
Status placed_in_where(Status status, const declare::Source& source) {
    if (status || source.where_sql.empty() || status.error().code != ErrorCode::sql_invalid) return status;
    auto error = std::move(status).error();
    error.where = source.where_sql_where;
    error.hint = "the predicate fails on some row; write it so that it gives NULL there, for example with TRY_CAST";
    return std::move(error).within(fmt::format("evaluating `where` of source '{}'", source.name));
}

// Files or records, by what the plan holds.
Result<std::vector<FileReport>> read_text(const Workplace& at, sql::Connection& connection,
                                          const declare::Source& source, const declare::Contract& contract,
                                          const std::string& rejects, source::ReadPlan reading,
                                          const WriteAccepted& write_accepted) {
    WEIR_TRY(source::register_functions(connection));
    const auto rules = contract::compile_rules(contract);
    WEIR_ASSIGN(auto table, contract::RejectTable::open(at.database, rejects, rules));
    reading.source = source;
    reading.columns = contract::read_columns(contract);
    reading.unknown = contract.unknown_columns;
    reading.whole_records = !source.topic.empty() && declare::takes_whole_records(contract);
    reading.type_errors = contract::reads_type_errors(contract);
    reading.rejects = [&](std::vector<source::Reject>&& batch) {
        if (!contract.unreadable_rule.empty()) {
            for (auto& reject : batch) {
                if (!reject.rule.empty()) reject.rule = contract.unreadable_rule;
            }
        }
        return table.append(batch);
    };
    WEIR_ASSIGN(const auto run, source::ReadRun::start(std::move(reading)));
    Status status;
    {
        const Ticker ticker(at.observer, run->progress());
        status = write_accepted(
            {contract::checked_rows(run->table(), run->handle(), contract, source.where_sql, rules), run->handle()});
    }
    WEIR_TRY(placed_in_where(run->finish(std::move(status)), source));
    return run->report();
}

struct Hashed {
    std::string sha256;
    std::uint64_t bytes = 0;
};

Result<Hashed> hash_file(const std::string& path) {
    WEIR_ASSIGN(const auto file, open_for_reading(path));
    Sha256 sha;
    Hashed hashed;
    std::vector<char> buffer(1 << 20);
    for (;;) {
        const auto got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0) return io_error("read", path, errno);
        if (got == 0) break;
        sha.update({buffer.data(), static_cast<std::size_t>(got)});
        hashed.bytes += static_cast<std::uint64_t>(got);
    }
    hashed.sha256 = sha.hex();
    return hashed;
}

// Parquet files of one layout, read by one scan.
struct ParquetGroup {
    std::vector<sql::Column> layout;
    std::vector<std::size_t> files;
};

Result<std::vector<ParquetGroup>> group_by_layout(sql::Connection& connection, const SourcePlan& plan) {
    std::map<std::string, ParquetGroup> groups;
    for (std::size_t i = 0; i < plan.take.size(); ++i) {
        const auto& path = plan.take[i].file.path;
        auto layout = connection.describe(
            fmt::format("SELECT * FROM read_parquet({}, hive_partitioning = false)", quote_text(path)));
        if (!layout)
            return Error{.code = ErrorCode::input_malformed,
                         .message = fmt::format("{} cannot be read as Parquet: {}", path, layout.error().message),
                         .hint = "take it out of the source's files, or replace it"};
        std::string key;
        for (const auto& column : *layout) key += column.name + '\0' + column.type + '\0';
        auto& group = groups[key];
        group.layout = std::move(*layout);
        group.files.push_back(i);
    }
    std::vector<ParquetGroup> result;
    result.reserve(groups.size());
    for (auto& [key, group] : groups) result.push_back(std::move(group));
    return result;
}

Result<std::vector<FileReport>> read_parquet(const Workplace& at, sql::Connection& connection, const SourcePlan& plan,
                                             const std::string& rejects_name, const WriteAccepted& write_accepted) {
    const auto rules = contract::compile_rules(*plan.contract);
    WEIR_ASSIGN(auto rejects, contract::RejectTable::open(at.database, rejects_name, rules));
    WEIR_ASSIGN(const auto groups, group_by_layout(connection, plan));
    std::vector<std::string> readings;
    auto all_rules = rules;
    for (const auto& group : groups) {
        std::vector<std::string> paths;
        for (const auto i : group.files) paths.push_back(plan.take[i].file.path);
        auto columns = contract::parquet_columns(group.layout, *plan.contract);
        if (!columns) {
            auto error = std::move(columns).error();
            error.message = paths.front() + " " + error.message;
            return error;
        }
        // A row's first broken type rule, if any; what is beyond the contract as JSON where it is kept.
        std::string broken = "NULL";
        for (auto rule = columns->type_rules.rbegin(); rule != columns->type_rules.rend(); ++rule) {
            const auto known = std::find_if(all_rules.begin(), all_rules.end(), [&](const contract::Rule& r) {
                return r.name == rule->name && r.column == rule->column;
            });
            const auto number = static_cast<std::size_t>(known - all_rules.begin());
            if (known == all_rules.end())
                all_rules.push_back(
                    {.name = rule->name, .column = rule->column, .predicate = "true", .reason = rule->reason});
            broken = fmt::format("CASE WHEN NOT ({}) THEN {} ELSE {} END", rule->predicate, number, broken);
        }
        std::string extra;
        if (plan.contract->unknown_columns == declare::UnknownColumns::keep) {
            std::vector<std::string> members;
            for (const auto& name : columns->unknown)
                members.push_back(fmt::format("{}, f.{}", quote_text(name), quote_name(name)));
            extra =
                fmt::format(", {} AS {}",
                            members.empty() ? "CAST(NULL AS VARCHAR)"
                                            : fmt::format("CAST(json_object({}) AS VARCHAR)", fmt::join(members, ", ")),
                            declare::extra_column);
        }
        readings.push_back(fmt::format(
            "SELECT {}{}, t.file_no AS _file_no, f.file_row_number + 1 AS _source_line, {} AS _broken, "
            "CAST(to_json(struct_pack({})) AS VARCHAR) AS _raw FROM read_parquet({}, filename = true, "
            "file_row_number = true, hive_partitioning = false) f JOIN weir_taken t ON t.path = f.filename",
            fmt::join(columns->select, ", "), extra, broken,
            [&] {
                std::vector<std::string> fields;
                for (const auto& column : group.layout)
                    fields.push_back(fmt::format("{0} := f.{0}", quote_name(column.name)));
                return fmt::format("{}", fmt::join(fields, ", "));
            }(),
            sql::quote_list(paths)));
    }
    const auto type_errors = contract::reads_type_errors(*plan.contract)
                                 ? fmt::format(", CAST(NULL AS VARCHAR) AS {}", declare::type_errors_column)
                                 : std::string();
    const auto all = contract::with_derived(
        fmt::format("(SELECT *{} FROM ({}))", type_errors, fmt::join(readings, " UNION ALL BY NAME ")), *plan.contract);
    const auto filter =
        plan.source->where_sql.empty() ? std::string("true") : fmt::format("(({}) IS TRUE)", plan.source->where_sql);
    const auto kept = contract::all_kept(rules);
    WEIR_TRY(placed_in_where(
        write_accepted({fmt::format("(SELECT * EXCLUDE (_broken, _raw) FROM {} WHERE {} AND _broken IS NULL AND {})",
                                    all, filter, kept)}),
        *plan.source));

    // Parquet rows have no bytes of their own: what the file says of them, as JSON, is what is kept.
    std::vector<FileReport> reports(plan.take.size());
    const auto file_bad = [&](duckdb_data_chunk chunk) {
        const auto files = lake::VectorView::column(chunk, 0), lines = lake::VectorView::column(chunk, 1);
        const auto numbers = lake::VectorView::column(chunk, 2), raws = lake::VectorView::column(chunk, 3);
        std::vector<source::Reject> batch;
        for (std::size_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
            const auto broken = contract::explain_broken(all_rules, numbers.text(row));
            batch.push_back({.file_no = files.number<std::int32_t>(row),
                             .line = lines.number<std::int64_t>(row),
                             .column = broken.column,
                             .rule = broken.rule,
                             .reason = broken.reason,
                             .raw = std::string(raws.text(row)),
                             .raw_size = raws.text(row).size()});
            ++reports[static_cast<std::size_t>(batch.back().file_no)].rule_rejected;
        }
        return rejects.append(batch);
    };
    WEIR_TRY(connection.stream(fmt::format("SELECT _file_no, CAST(_source_line AS BIGINT), concat_ws(',', "
                                           "CAST(_broken AS VARCHAR), nullif({}, '')), _raw FROM {} WHERE {} AND "
                                           "(_broken IS NOT NULL OR NOT ({}))",
                                           contract::broken_numbers(rules), all, filter, kept),
                               file_bad));
    WEIR_ASSIGN(const auto filtered, connection.query(fmt::format(
                                         "SELECT _file_no, count(*) FROM {} WHERE NOT {} GROUP BY 1", all, filter)));
    for (std::size_t row = 0; row < filtered.row_count(); ++row)
        reports[static_cast<std::size_t>(filtered.integer(row, 0))].filtered = filtered.integer(row, 1);
    for (std::size_t i = 0; i < plan.take.size(); ++i) {
        const auto& file = plan.take[i].file;
        // The footer's own count, so that the identity is checked against something.
        WEIR_ASSIGN(const auto rows,
                    connection.query(fmt::format("SELECT CAST(sum(num_rows) AS BIGINT) FROM parquet_file_metadata({})",
                                                 quote_text(file.path))));
        WEIR_ASSIGN(auto hashed, hash_file(file.path));
        if (hashed.bytes != file.size)
            return Error{.code = ErrorCode::input_changed,
                         .message = fmt::format("{} changed while it was read ({} bytes, then {})", file.path,
                                                file.size, hashed.bytes),
                         .hint = "run again when it is complete"};
        auto& report = reports[i];
        report.file_no = static_cast<int>(i);
        report.path = file.path;
        report.bytes = file.size;
        report.mtime_ns = file.mtime_ns;
        report.sha256 = std::move(hashed.sha256);
        report.records = rows.integer(0, 0);
        report.lines = report.records;
        report.complete = true;
    }
    return reports;
}

}  // namespace

Result<std::vector<FileReport>> read_files(const Workplace& at, sql::Connection& connection, const SourcePlan& plan,
                                           const std::string& rejects, const WriteAccepted& write_accepted) {
    if (plan.source->format == declare::Format::parquet) {
        auto reports = read_parquet(at, connection, plan, rejects, write_accepted);
        // The file that cannot be read is one of the source's, not one of a table.
        if (!reports && reports.error().code == ErrorCode::table_damaged) {
            auto error = std::move(reports).error();
            error.code = ErrorCode::input_malformed;
            error.message =
                fmt::format("a Parquet file of source '{}' cannot be read: {}", plan.source->name, error.message);
            error.hint = "take the damaged file out of the source's files, or replace it";
            return error;
        }
        return reports;
    }
    source::ReadPlan reading;
    reading.captures = plan.captures;
    for (std::size_t i = 0; i < plan.take.size(); ++i) {
        const auto& take = plan.take[i];
        reading.files.push_back({.path = take.file.path,
                                 .file_no = static_cast<int>(i),
                                 .start_offset = take.start_offset,
                                 .size = take.file.size,
                                 .captures = take.file.captures});
    }
    return read_text(at, connection, *plan.source, *plan.contract, rejects, std::move(reading), write_accepted);
}

Result<std::vector<FileReport>> read_messages(const Workplace& at, sql::Connection& connection,
                                              const declare::Source& source, const declare::Contract& contract,
                                              const source::Stretch& stretch, const std::string& rejects,
                                              const WriteAccepted& write_accepted) {
    source::ReadPlan reading;
    reading.blocks = stretch.blocks;
    for (std::size_t i = 0; i < stretch.parts.size(); ++i)
        reading.files.push_back({.path = source::partition_path(source, stretch.parts[i].partition),
                                 .file_no = static_cast<int>(i),
                                 .size = static_cast<std::uint64_t>(stretch.parts[i].records)});
    return read_text(at, connection, source, contract, rejects, std::move(reading), write_accepted);
}

Result<std::vector<FileReport>> read_records(const Workplace& at, sql::Connection& connection,
                                             const declare::Source& source, const declare::Contract& contract,
                                             std::vector<source::RecordToTake> records,
                                             std::vector<source::CaptureColumn> captures, const std::string& rejects,
                                             const WriteAccepted& write_accepted) {
    source::ReadPlan reading;
    reading.captures = std::move(captures);
    reading.records = std::move(records);
    auto as_text = source;
    // A rejected row of a Parquet file was kept as JSON.
    if (source.format == declare::Format::parquet || source.format == declare::Format::json_array)
        as_text.format = declare::Format::ndjson;
    return read_text(at, connection, as_text, contract, rejects, std::move(reading), write_accepted);
}

std::int64_t quarantined(const std::vector<FileReport>& reports) {
    return std::accumulate(reports.begin(), reports.end(), std::int64_t{0},
                           [](std::int64_t sum, const FileReport& report) { return sum + report.quarantined(); });
}

Status list_reports(sql::Connection& connection, const std::vector<FileReport>& reports) {
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TABLE {} (file_no INTEGER, size BIGINT, mtime_ns BIGINT, sha256 VARCHAR, "
                    "records BIGINT, lines BIGINT, quarantined BIGINT, header VARCHAR)",
                    reports_table)));
    duckdb_appender appender = nullptr;
    duckdb_appender_create(connection.raw(), nullptr, reports_table, &appender);
    for (std::size_t i = 0; i < reports.size(); ++i) {
        const auto& report = reports[i];
        duckdb_append_int32(appender, static_cast<int>(i));
        duckdb_append_int64(appender, static_cast<std::int64_t>(report.bytes));
        duckdb_append_int64(appender, report.mtime_ns);
        duckdb_append_varchar_length(appender, report.sha256.data(), report.sha256.size());
        duckdb_append_int64(appender, report.records);
        duckdb_append_int64(appender, report.lines);
        duckdb_append_int64(appender, report.quarantined());
        if (report.header.empty())
            duckdb_append_null(appender);
        else
            duckdb_append_varchar_length(appender, report.header.data(), report.header.size());
        duckdb_appender_end_row(appender);
    }
    const bool closed = duckdb_appender_close(appender) == DuckDBSuccess;
    duckdb_appender_destroy(&appender);
    if (!closed)
        return Error{.code = ErrorCode::internal, .message = "the reports of the files read could not be kept"};
    return ok();
}

}  // namespace weir::orchestrate
