#include "orchestrate/quarantine.h"

#include <fmt/format.h>

#include <map>
#include <unordered_map>

#include "model/system_tables.h"
#include "orchestrate/intake/checked_landing.h"
#include "source/files/discover.h"
#include "view/batch/interval_batch.h"

namespace weir::orchestrate {
namespace {

using sql::quote_text;

constexpr const char* chosen_table = "weir_chosen";  // the rows of weir.quarantine that were chosen, and their file_no

// The newest state of every quarantined row, as something to read FROM; nothing where there is no quarantine yet.
Result<std::optional<std::string>> quarantine_rows(const Workplace& at) {
    WEIR_ASSIGN(const auto table, at.lake.table("weir/quarantine"));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return std::optional<std::string>();
    WEIR_ASSIGN(const auto scan, table.scan(*snapshot));
    return std::optional(view::newest_states(scan.relation));
}

// The rows of system table quarantine that give the rows of `from` a new state.
std::string new_states(std::string_view state, const std::string& from, const std::string& run_id, std::int64_t epoch,
                       Time now, const std::string& note_sql) {
    return fmt::format(
        "SELECT id, '{}' AS state, source, arrival_date, file, line, byte_offset, \"column\", rule, reason, raw, cut, "
        "header, {} AS "
        "run_id, {}::BIGINT AS epoch, TIMESTAMPTZ '{}' AS changed_at, {} AS note FROM {}",
        state, quote_text(run_id), epoch, to_iso(now), note_sql, from);
}

Status complete_all(const Workplace& at) {
    for (const auto& source : at.project.sources) {
        WEIR_TRY(complete_follow_ups(at, source.table, intake_app(source.name)));
        WEIR_TRY(complete_follow_ups(at, source.table, replay_app(source.name)));
    }
    return ok();
}

// What the path of each file says, as far as the file is still there.
Result<std::unordered_map<std::string, std::vector<std::string>>> captures_of(
    const declare::Source& source, std::vector<source::CaptureColumn>& columns) {
    std::unordered_map<std::string, std::vector<std::string>> captures;
    if (!source.topic.empty()) return captures;
    WEIR_ASSIGN(auto found, source::discover(source.files, source.files_where, source::WhenNone::allow));
    columns = std::move(found.captures);
    if (columns.empty()) return captures;
    for (auto& file : found.files) captures.emplace(std::move(file.path), std::move(file.captures));
    return captures;
}

Result<Replayed> replay_source(const Workplace& at, const declare::Source& source, const std::string& quarantine,
                               const std::string& where_sql, const std::string& run_id) {
    Replayed result{.source = source.name};
    WEIR_ASSIGN(auto connection, at.database.connect());
    // Files are numbered by path and day: a file's rows may belong to several days if it grew.
    WEIR_TRY(
        connection.run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT *, CAST(dense_rank() OVER (ORDER BY file, "
                                   "arrival_date) - 1 AS INTEGER) AS "
                                   "file_no FROM (SELECT * FROM {} WHERE state = 'pending' AND source = {} AND ({}))",
                                   chosen_table, quarantine, quote_text(source.name), where_sql)));
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format(
                    "SELECT file_no, line, byte_offset, raw, cut, coalesce(header, ''), file, arrival_date FROM {} "
                    "ORDER BY file_no, line, byte_offset",
                    chosen_table)));
    if (rows.row_count() == 0) return result;
    std::vector<source::CaptureColumn> columns;
    WEIR_ASSIGN(const auto captures, captures_of(source, columns));

    LandingJob job{.source = source,
                   .contract = *at.project.contract(source.contract),
                   .app = replay_app(source.name),
                   .kind = "replay",
                   .files = {},
                   .judged = false,
                   .read = {},
                   .follow = {}};
    std::vector<source::RecordToTake> records;
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        const auto file_no = static_cast<std::size_t>(rows.integer(row, 0));
        const std::string path(rows.text(row, 6));
        if (file_no == job.files.size()) job.files.push_back({path, Day{std::chrono::days{rows.integer(row, 7)}}});
        source::RecordToTake record{.file_no = static_cast<int>(file_no),
                                    .line = rows.integer(row, 1),
                                    .byte_offset = rows.integer(row, 2),
                                    .raw = std::string(rows.text(row, 3)),
                                    .header = std::string(rows.text(row, 5))};
        record.raw_size = record.raw.size() + (rows.integer(row, 4) != 0 ? 1 : 0);
        if (const auto found = captures.find(path); found != captures.end())
            record.captures = found->second;
        else
            record.captures.assign(columns.size(), "");
        records.push_back(std::move(record));
    }
    job.read = [&](sql::Connection& reading, const WriteAccepted& write_accepted) {
        return read_records(at, reading, source, job.contract, records, columns, rejects_table, write_accepted);
    };
    job.follow = [&](sql::Connection&, const LandingJob::Reports& reports, FollowUps& follow_ups) {
        const auto mended =
            quarantined(reports) == 0
                ? std::string(chosen_table)
                : fmt::format(
                      "(SELECT * FROM {} c WHERE NOT EXISTS (SELECT 1 FROM {} r WHERE r.file_no = c.file_no AND "
                      "r.line = c.line AND r.byte_offset = c.byte_offset))",
                      chosen_table, rejects_table);
        return follow_ups.stage("quarantine", new_states("replayed", mended, run_id, follow_ups.epoch(), at.clock.now(),
                                                         "CAST(NULL AS VARCHAR)"));
    };
    WEIR_ASSIGN(auto taken, land_checked(at, job, run_id));
    result.read = taken.read;
    result.accepted = taken.accepted;
    result.duplicate = taken.duplicate;
    result.filtered = taken.filtered;
    result.broken = taken.quarantined;
    result.warnings = std::move(taken.warnings);
    return result;
}

}  // namespace

Result<std::vector<Replayed>> replay(const Workplace& at, const std::string& where_sql, const std::string& run_id) {
    WEIR_TRY(complete_all(at));
    std::vector<Replayed> all;
    WEIR_ASSIGN(const auto quarantine, quarantine_rows(at));
    if (!quarantine) return all;
    for (const auto& source : at.project.sources) {
        WEIR_ASSIGN(auto replayed, replay_source(at, source, *quarantine, where_sql, run_id));
        if (replayed.read > 0) all.push_back(std::move(replayed));
    }
    return all;
}

Result<std::int64_t> discard(const Workplace& at, const std::string& where_sql, const std::string& reason,
                             const std::string& run_id) {
    // A row that was replayed, but for its new state, is not pending any more.
    WEIR_TRY(complete_all(at));
    WEIR_ASSIGN(const auto quarantine, quarantine_rows(at));
    if (!quarantine) return std::int64_t{0};
    WEIR_ASSIGN(auto table, at.lake.table("weir/quarantine"));
    table.set_clock(at.clock);
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto connection, at.database.connect());
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    const auto chosen = fmt::format("{} WHERE state = 'pending' AND ({})", *quarantine, where_sql);
    WEIR_ASSIGN(const auto appended, transaction.append(connection, new_states("discarded", chosen, run_id, 0,
                                                                               at.clock.now(), quote_text(reason))));
    if (appended.rows == 0) return std::int64_t{0};
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    static_cast<void>(committed);
    return appended.rows;
}

}  // namespace weir::orchestrate
