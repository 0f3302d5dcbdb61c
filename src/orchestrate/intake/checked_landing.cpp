#include "orchestrate/intake/checked_landing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <thread>

#include "base/nearest.h"
#include "contract/duplicates.h"
#include "declare/table_schema.h"
#include "lake/log/paths.h"
#include "lake/read/file_facts.h"
#include "lake/write/data_files.h"
#include "observe/event_time.h"
#include "orchestrate/intake/first_rows.h"
#include "orchestrate/intake/judge_landing.h"
#include "orchestrate/intake/landing_settings.h"
#include "orchestrate/intake/landing_turn.h"
#include "orchestrate/intake/seen_keys.h"
#include "orchestrate/landing_table.h"

namespace weir::orchestrate {
namespace {

using sql::quote_name;
using sql::quote_text;

constexpr const char* staged_table = "weir_staged";        // rows whose numbers are still to be found
constexpr const char* overtaken_table = "weir_overtaken";  // path, line: rows that are no longer the first of their key
// path, first_line, last_line, base: each taken part of a file, and what makes a line the number of its record
constexpr const char* parts_table = "weir_parts";
constexpr const char* no_parts = "SELECT NULL::VARCHAR AS path, 0::BIGINT AS epoch, 0::BIGINT AS lines WHERE false";
constexpr std::size_t paths_shown = 5;

using Days = std::map<Day, RowCounts>;

std::string day_number(std::string_view date) { return fmt::format("CAST({} - DATE '1970-01-01' AS INTEGER)", date); }

using observe::EventMoment;
using observe::EventProgress;
using observe::EventTimeline;

class Landing {
public:
    Landing(const Workplace& at, const LandingJob& job, LandingJob::Placement placement, std::string run_id,
            lake::Table table, sql::Connection connection, lake::Snapshot snapshot, lake::Transaction transaction)
        : at_(at),
          job_(job),
          placement_(std::move(placement)),
          run_id_(std::move(run_id)),
          table_(std::move(table)),
          connection_(std::move(connection)),
          snapshot_(std::move(snapshot)),
          transaction_(std::move(transaction)),
          now_(at.clock.now()),
          hash_(contract::key_hash(job.contract)) {
        taken_.epoch = snapshot_.transaction_version(job.app).value_or(0) + 1;
        taken_.files = static_cast<std::int64_t>(job.files.size());
    }

    Result<Taken> run() {
        WEIR_ASSIGN(const auto settings, LandingSettings::take(at_));
        if (numbered_afterwards() && job_.files.size() == 1 && !from_quarantine()) WEIR_TRY(number_only_file());
        WEIR_TRY(list_files());
        WEIR_TRY(prepare_masking(connection_, job_.contract, at_.project.root));
        if (job_.source.event_time) WEIR_TRY(look_at_clock());
        if (hash_) WEIR_TRY(look_for_duplicates());
        if (!job_.replaces.empty()) WEIR_TRY(keep_rows_of_others());
        WEIR_TRY(read());
        if (numbered_afterwards()) {
            WEIR_TRY(number_parts_taken());
            WEIR_TRY(append_numbered());
        }
        if (first_) WEIR_TRY(take_out_overtaken());
        WEIR_TRY(account());
        if (job_.judged) WEIR_TRY(judge_landing(job_, {connection_, table_, snapshot_, staged_rows()}, taken_));
        return land_all();
    }

private:
    // Where the source's events stand before this landing.
    Status look_at_clock() {
        const auto& event_time = *job_.source.event_time;
        progress_ = observe::event_progress(snapshot_, job_.source);
        timeline_.emplace(snapshot_.schema(), event_time, at_.project.zone);
        std::optional<EventMoment> clock;
        if (event_time.idle) {
            WEIR_ASSIGN(clock, timeline_->from_time(connection_, now_));
        }
        watermark_ = observe::watermark(progress_, event_time, now_, clock, job_.partitions);
        return ok();
    }

    static std::string accepted_day() { return day_number(fmt::format("CAST({} AS DATE)", declare::arrival_column)); }

    // The accepted and late rows of each day, and how far each partition has come.
    Status count_accepted_by_event_time() {
        const auto& source = job_.source;
        const auto column = quote_name(source.event_time->column);
        const auto late = watermark_
                              ? fmt::format("count(*) FILTER ({} <= {})", column, timeline_->literal(*watermark_))
                              : std::string("0::BIGINT");
        const auto partition =
            source.topic.empty() ? sql::quote_text(observe::files_partition) : std::string(declare::file_column);
        const auto delays = job_.delays ? ", " + observe::event_delay_columns(column, *timeline_, now_) : std::string();
        WEIR_ASSIGN(const auto rows,
                    connection_.query(fmt::format(
                        "SELECT {0}, count(*), {1}, {2}, max(epoch_us({3})) FILTER ({3} <= {4}){5} FROM {6} "
                        "GROUP BY ALL ORDER BY ALL",
                        accepted_day(), late, partition, column, timeline_->at(now_ + source.event_time->ahead), delays,
                        staged_rows())));
        std::map<std::string, EventMoment> newest;
        for (std::size_t row = 0; row < rows.row_count(); ++row) {
            auto& day = days_[Day{std::chrono::days{rows.integer(row, 0)}}];
            day.accepted += rows.integer(row, 1);
            day.late += rows.integer(row, 2);
            if (job_.delays) taken_.delays.add(observe::event_delays(rows, row, 5));
            if (rows.is_null(row, 4)) continue;
            const auto [known, first] = newest.emplace(std::string(rows.text(row, 3)), rows.integer(row, 4));
            if (!first) known->second = std::max(known->second, rows.integer(row, 4));
        }
        for (const auto& [name, moment] : newest) {
            const auto to = observe::advanced(progress_, name, moment, watermark_, *source.event_time);
            WEIR_TRY(reach(observe::event_time_app(source, name), to));
            WEIR_TRY(reach(observe::newest_event_app(source, name), moment));
            WEIR_TRY(reach(observe::arrival_app(source, name), now_.time_since_epoch().count()));
        }
        return ok();
    }

    // None of them goes back.
    Status reach(const std::string& app, std::int64_t to) {
        const auto known = snapshot_.transaction_version(app);
        return known && to <= *known ? ok() : transaction_.set_txn(app, to, now_);
    }

    Status list_files() {
        WEIR_TRY(connection_.run(fmt::format(
            "CREATE OR REPLACE TABLE {} (file_no INTEGER, path VARCHAR, arrival DATE, base BIGINT)", taken_table)));
        duckdb_appender appender = nullptr;
        duckdb_appender_create(connection_.raw(), nullptr, taken_table, &appender);
        for (std::size_t i = 0; i < job_.files.size(); ++i) {
            const auto& file = job_.files[i];
            duckdb_append_int32(appender, static_cast<std::int32_t>(i));
            duckdb_append_varchar_length(appender, file.path.data(), file.path.size());
            duckdb_append_date(appender, {static_cast<std::int32_t>(file.arrival.time_since_epoch().count())});
            if (const auto base = base_of(file.path))
                duckdb_append_int64(appender, *base);
            else
                duckdb_append_null(appender);
            duckdb_appender_end_row(appender);
        }
        const bool closed = duckdb_appender_close(appender) == DuckDBSuccess;
        duckdb_appender_destroy(&appender);
        if (!closed) return Error{.code = ErrorCode::internal, .message = "the files to read could not be listed"};
        return ok();
    }

    // What makes a line of this file the number of its record, where that is known before it is read.
    std::optional<std::int64_t> base_of(const std::string& path) const {
        for (const auto& part : placement_.numbered)
            if (part.path == path) return part.base;
        return std::nullopt;
    }

    // Records are numbered when it is known how many of them each file has.
    bool numbered_afterwards() const { return !job_.source.sequence.empty() && placement_.numbered.empty(); }

    Status read() {
        std::vector<OwnColumn> own;
        if (const auto& event_time = job_.source.event_time; watermark_ && !event_time->watermark.empty())
            own.push_back({event_time->watermark, timeline_->literal(*watermark_)});
        if (!placement_.numbered.empty())
            own.push_back({job_.source.sequence, fmt::format("f.base + r.{}", declare::line_column)});
        const auto select = landing_select(snapshot_.schema(), job_.contract, "r", "f", now_, own);
        WEIR_ASSIGN(reports_, job_.read(connection_, [&](const AcceptedRows& rows) {
            const auto joined =
                fmt::format("FROM {} r JOIN {} f ON f.file_no = r._file_no", rows.relation, taken_table);
            return take(first_ ? first_of_keys(select, joined, rows.run) : fmt::format("SELECT {} {}", select, joined));
        }));
        for (std::size_t i = 0; i < reports_.size(); ++i) {
            const auto& report = reports_[i];
            auto& day = days_[job_.files[i].arrival];
            day.read += report.records;
            day.filtered += report.filtered;
            for (const auto nulled : report.nulled) day.nulled += nulled;
        }
        return ok();
    }

    // The table is written again, without the rows of files that are replaced.
    Status keep_rows_of_others() {
        WEIR_TRY(transaction_.overwrite());
        WEIR_ASSIGN(const auto scan, lake::prepare_scan(table_.store(), connection_, snapshot_, "before"));
        for (const auto& statement : scan.setup) WEIR_TRY(connection_.run(statement));
        const std::vector<std::string> paths(job_.replaces.begin(), job_.replaces.end());
        WEIR_ASSIGN(
            const auto kept,
            transaction_.append(connection_, fmt::format("SELECT * FROM {} WHERE NOT list_contains({}, {})",
                                                         scan.relation, sql::quote_list(paths), declare::file_column)));
        static_cast<void>(kept);
        files_kept_ = transaction_.added().size();
        return ok();
    }

    // The key is that of the row as it lies in the table, so that the index can be rebuilt from there.
    std::string first_of_keys(const std::string& select, const std::string& from,
                              std::optional<std::int64_t> run) const {
        return fmt::format(
            "SELECT * EXCLUDE (_weir_order, _weir_record, _weir_first) FROM (SELECT *, {} AS _weir_first FROM (SELECT "
            "{}, {} AS "
            "_weir_order, {} AS _weir_record {})) WHERE _weir_first",
            first_->column(*hash_, "_weir_order", run, "_weir_record"), select,
            row_order("r._file_no", "r._source_line"), run ? "r._record" : "0::BIGINT", from);
    }

    Status take(const std::string& accepted) {
        auto taken = numbered_afterwards()
                         ? connection_.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", staged_table, accepted))
                         : append(accepted);
        return first_ ? first_->finish(std::move(taken)) : taken;
    }

    std::size_t days_of_arrival() const {
        std::set<Day> days;
        for (const auto& file : job_.files) days.insert(file.arrival);
        return days.size();
    }
    bool arrived_in_one_day() const { return days_of_arrival() == 1; }

    std::size_t threads() const {
        const auto wanted = at_.project.engine.threads;
        return wanted > 0 ? static_cast<std::size_t>(wanted) : std::max(1U, std::thread::hardware_concurrency());
    }

    Status append(const std::string& select) {
        lake::DataFileOptions options{.every_column = true};
        if (job_.rows) options.row_group_rows = lake::row_group_rows_for(*job_.rows, days_of_arrival(), threads());
        if (arrived_in_one_day()) options.all_in = folder_of(job_.files.front().arrival);
        WEIR_ASSIGN(const auto appended, transaction_.append(connection_, select, options));
        static_cast<void>(appended);
        return ok();
    }

    // The values of the table's partition columns, where the day of arrival decides them all; empty where it does not.
    std::map<std::string, std::string> folder_of(Day day) const {
        const auto text = weir::to_string(day);
        const std::map<std::string, std::string> parts{{std::string(declare::arrival_column), text},
                                                       {"year", text.substr(0, 4)},
                                                       {"month", text.substr(5, 2)},
                                                       {"day", text.substr(8, 2)}};
        std::map<std::string, std::string> values;
        for (const auto& column : snapshot_.metadata().partition_columns) {
            const auto part = parts.find(column);
            const bool own =
                std::any_of(job_.contract.columns.begin(), job_.contract.columns.end(),
                            [&](const auto& declared) { return equal_ignoring_case(declared.name, column); });
            if (part == parts.end() || own) return {};
            values.insert(*part);
        }
        return values;
    }

    // Records that come from the quarantine belong to parts that were taken before.
    bool from_quarantine() const { return job_.kind != "intake"; }

    Status number_parts_taken() {
        WEIR_TRY(list_reports(connection_, reports_));
        return number_parts(from_quarantine() ? no_parts
                                              : fmt::format("SELECT path, {}::BIGINT AS epoch, lines FROM {} JOIN {} "
                                                            "USING (file_no)",
                                                            taken_.epoch, reports_table, taken_table));
    }

    // Nothing stands before the records of an only file but what was taken before: its rows need not be staged to be
    // numbered.
    Status number_only_file() {
        const auto& path = job_.files.front().path;
        WEIR_TRY(number_parts(fmt::format("SELECT {} AS path, {}::BIGINT AS epoch, NULL::BIGINT AS lines",
                                          quote_text(path), taken_.epoch)));
        WEIR_ASSIGN(const auto base,
                    connection_.query(fmt::format("SELECT base FROM {} WHERE last_line IS NULL", parts_table)));
        placement_.numbered.push_back({path, base.integer(0, 0)});
        return ok();
    }

    // Every part of a file that was ever taken, those of `now` (path, epoch, lines) behind the others. Numbers follow
    // from what was taken and from the line alone: a quarantined record that is replayed has the one that it would have
    // had.
    Status number_parts(const std::string& now) {
        WEIR_ASSIGN(const auto table, at_.lake.table("weir/files"));
        WEIR_ASSIGN(const auto before, table.newest());
        std::string past = no_parts;
        if (before) {
            WEIR_ASSIGN(const auto scan, table.scan(*before, {.columns = {"source", "path", "epoch", "lines"}}));
            past = fmt::format("SELECT path, epoch, lines FROM {} WHERE source = {}", scan.relation,
                               quote_text(job_.source.name));
        }
        return connection_.run(fmt::format(
            "CREATE OR REPLACE TEMP TABLE {} AS SELECT path, first_line, last_line, coalesce(sum(last_line - "
            "first_line) "
            "OVER (ORDER BY epoch, path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT - first_line AS "
            "base FROM (SELECT path, epoch, coalesce(lag(lines) OVER (PARTITION BY path ORDER BY epoch), 0) AS "
            "first_line, lines AS last_line FROM ({} UNION ALL {}))",
            parts_table, past, now));
    }

    Status append_numbered() {
        return append(fmt::format(
            "SELECT s.* REPLACE (coalesce(p.base, 0) + s.{0} AS {1}) FROM {2} s LEFT JOIN {3} p ON p.path = "
            "s.{4} AND s.{0} > p.first_line AND s.{0} <= p.last_line",
            declare::line_column, quote_name(job_.source.sequence), staged_table, parts_table, declare::file_column));
    }

    Status look_for_duplicates() {
        auto newest_day = job_.files.empty() ? std::chrono::floor<std::chrono::days>(now_) : job_.files.front().arrival;
        for (const auto& file : job_.files) newest_day = std::max(newest_day, file.arrival);
        WEIR_ASSIGN(auto opened, SeenKeys::open(at_, table_, snapshot_, job_.contract, newest_day));
        seen_ = std::move(opened);
        WEIR_ASSIGN(first_, FirstRows::start(connection_, [&](const auto& keys) { return seen_->probe(keys); }));
        return ok();
    }

    // Where threads met the rows of a key in another order than theirs, a row was taken that is not the first: what was
    // written is written again without it.
    Status take_out_overtaken() {
        for (const auto& [file_no, count] : first_->duplicates())
            days_[job_.files.at(static_cast<std::size_t>(file_no)).arrival].duplicate += count;
        if (first_->overtaken().empty()) return ok();
        WEIR_TRY(connection_.run(
            fmt::format("CREATE OR REPLACE TEMP TABLE {} (path VARCHAR, line BIGINT)", overtaken_table)));
        duckdb_appender appender = nullptr;
        duckdb_appender_create(connection_.raw(), nullptr, overtaken_table, &appender);
        for (const auto order : first_->overtaken()) {
            const auto place = row_place(order);
            const auto& path = job_.files.at(static_cast<std::size_t>(place.file_no)).path;
            duckdb_append_varchar_length(appender, path.data(), path.size());
            duckdb_append_int64(appender, place.line);
            duckdb_appender_end_row(appender);
        }
        const bool closed = duckdb_appender_close(appender) == DuckDBSuccess;
        duckdb_appender_destroy(&appender);
        if (!closed)
            return Error{.code = ErrorCode::internal, .message = "the duplicates that were found could not be kept"};
        // The partition columns come from the files' folders, as text.
        std::vector<std::string> typed;
        for (const auto& name : snapshot_.metadata().partition_columns)
            typed.push_back(fmt::format("CAST(s.{0} AS {1}) AS {0}", quote_name(name),
                                        to_duckdb(transaction_.schema().find(name)->type)));
        const auto first =
            fmt::format("SELECT s.*{} FROM {} s ANTI JOIN {} o ON o.path = s.{} AND o.line = s.{}",
                        typed.empty() ? std::string() : fmt::format(" REPLACE ({})", fmt::join(typed, ", ")),
                        staged_rows(), overtaken_table, declare::file_column, declare::line_column);
        const auto before = transaction_.added().size();
        WEIR_TRY(append(first));
        transaction_.drop_appended(before);
        return ok();
    }

    // Adds the numbers of a query (day, count).
    Status add_by_day(const std::string& query, std::int64_t RowCounts::*member) {
        WEIR_ASSIGN(const auto rows, connection_.query(query));
        for (std::size_t row = 0; row < rows.row_count(); ++row)
            days_[Day{std::chrono::days{rows.integer(row, 0)}}].*member += rows.integer(row, 1);
        return ok();
    }

    Status count_accepted() {
        const auto added = landed_files();
        std::int64_t rows = 0;
        const bool told = std::all_of(added.begin(), added.end(), [&](const lake::AddFile& file) {
            const auto live = lake::live_rows(file);
            rows += live.value_or(0);
            return live.has_value();
        });
        // The files say how many rows they hold; which are of which day, only the rows do.
        if (!told || !arrived_in_one_day())
            return add_by_day(fmt::format("SELECT {}, count(*) FROM {} GROUP BY ALL", accepted_day(), staged_rows()),
                              &RowCounts::accepted);
        days_[job_.files.front().arrival].accepted += rows;
        return ok();
    }

    Status account() {
        // Those that the reader counts are counted again where they were filed.
        if (quarantined(reports_) > 0)
            WEIR_TRY(add_by_day(fmt::format("SELECT {}, count(*) FROM {} JOIN {} USING (file_no) GROUP BY ALL",
                                            day_number("arrival"), rejects_table, taken_table),
                                &RowCounts::quarantined));
        WEIR_TRY(job_.source.event_time ? count_accepted_by_event_time() : count_accepted());
        // A stretch of a log whose records compaction took has no day of its own.
        if (days_.empty()) days_[std::chrono::floor<std::chrono::days>(now_)];
        for (const auto& [day, counts] : days_) {
            if (counts.mismatch() != 0) return mismatch(day, counts);
            taken_.add(counts);
        }
        return ok();
    }

    Error mismatch(Day day, const RowCounts& counts) const {
        std::vector<std::string> paths;
        for (const auto& file : job_.files) {
            if (file.arrival == day && paths.size() < paths_shown) paths.push_back(file.path);
        }
        return {.code = ErrorCode::accounting_mismatch,
                .message = fmt::format("{} on {}: read {} is not accepted {} + duplicate {} + quarantined {} + "
                                       "filtered {}; nothing was committed "
                                       "(files: {})",
                                       job_.source.name, weir::to_string(day), counts.read, counts.accepted,
                                       counts.duplicate, counts.quarantined, counts.filtered, fmt::join(paths, ", ")),
                .hint = "please report this: it is a fault of weir"};
    }

    std::span<const lake::AddFile> landed_files() const { return std::span(transaction_.added()).subspan(files_kept_); }

    // The rows that are staged, as something to read FROM.
    std::string staged_rows() const {
        std::vector<std::string> files;
        for (const auto& add : landed_files()) files.push_back(table_.store().url(lake::uri_decode(add.path)));
        if (!files.empty())
            return fmt::format("read_parquet({}, hive_partitioning = true, hive_types_autocast = false)",
                               sql::quote_list(files));
        std::vector<std::string> columns;
        for (const auto& field : transaction_.schema().fields)
            columns.push_back(fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(field.type), quote_name(field.name)));
        return fmt::format("(SELECT {} WHERE false)", fmt::join(columns, ", "));
    }

    // JSON objects, as weir.accounting has them.
    std::vector<std::string> accounting_rows() const {
        std::vector<std::string> rows;
        for (const auto& [day, counts] : days_) {
            const nlohmann::json row{{"source", job_.source.name},
                                     {"kind", job_.kind},
                                     {"interval_from", weir::to_string(day)},
                                     {"epoch", taken_.epoch},
                                     {"run_id", run_id_},
                                     {"read", counts.read},
                                     {"accepted", counts.accepted},
                                     {"duplicate", counts.duplicate},
                                     {"quarantined", counts.quarantined},
                                     {"filtered", counts.filtered},
                                     {"nulled", counts.nulled},
                                     {"committed_at", to_iso(now_)},
                                     {"late", counts.late}};
            rows.push_back(row.dump());
        }
        return rows;
    }

    Result<Taken> land_all() {
        FollowUps follow_ups(at_, connection_, job_.app, taken_.epoch);
        WEIR_TRY(job_.follow(connection_, reports_, follow_ups));
        WEIR_TRY(follow_ups.add("accounting", accounting_rows()));
        for (const auto& [app, version] : placement_.positions) WEIR_TRY(transaction_.set_txn(app, version));
        WEIR_ASSIGN(taken_.version, land(at_, std::move(transaction_), std::move(follow_ups), run_id_));
        if (job_.landed) job_.landed(taken_);
        // The lake is the truth: an index that fell behind catches up at the next intake.
        if (seen_) {
            std::vector<std::int32_t> days;
            for (const auto& file : job_.files)
                days.push_back(static_cast<std::int32_t>(file.arrival.time_since_epoch().count()));
            if (const auto added = seen_->add(first_->keys(days), taken_.version); !added)
                taken_.warnings.push_back("the index of keys fell behind and will catch up: " + added.error().message);
        }
        if (!job_.followed_later) WEIR_TRY(complete_follow_ups(at_, job_.source.table, job_.app));
        return taken_;
    }

    const Workplace& at_;
    const LandingJob& job_;
    LandingJob::Placement placement_;
    const std::string run_id_;
    lake::Table table_;
    sql::Connection connection_;
    lake::Snapshot snapshot_;
    lake::Transaction transaction_;
    const Time now_;
    const std::optional<std::string> hash_;
    std::optional<SeenKeys> seen_;
    std::unique_ptr<FirstRows> first_;  // where the contract sets duplicates apart
    std::optional<EventTimeline> timeline_;
    EventProgress progress_;                // before this landing, where the source has an event time
    std::optional<EventMoment> watermark_;  // the same
    LandingJob::Reports reports_;
    Days days_;
    Taken taken_;
    std::size_t files_kept_ = 0;  // of transaction_.added(): rows that were there before
};

}  // namespace

Result<lake::Table> landing_table(const Workplace& at, const declare::Source& source,
                                  const declare::Contract& contract) {
    const auto schema = declare::table_schema(source, contract);
    WEIR_ASSIGN(auto table, open_or_create(at, source.table, schema, source.partition_by, ""));
    WEIR_TRY(add_columns(table, schema, source.table));
    return table;
}

Result<Taken> land_checked(const Workplace& at, const LandingJob& job, const std::string& run_id) {
    WEIR_ASSIGN(auto table, landing_table(at, job.source, job.contract));
    const bool keeps_index = contract::key_hash(job.contract).has_value();
    WEIR_ASSIGN(const auto turn, LandingTurn::take(at.project.lake, job.source.table, keeps_index));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    LandingJob::Placement placement;
    if (job.place) {
        WEIR_ASSIGN(placement, job.place(snapshot));
    }
    WEIR_ASSIGN(auto connection, at.database.connect());
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, snapshot));
    return Landing(at, job, std::move(placement), run_id, std::move(table), std::move(connection), std::move(snapshot),
                   std::move(transaction))
        .run();
}

}  // namespace weir::orchestrate
