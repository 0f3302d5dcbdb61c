#include "orchestrate/intake/intake.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <thread>

#include "contract/check.h"
#include "contract/dataset.h"
#include "contract/duplicates.h"
#include "contract/reject_table.h"
#include "lake/log/paths.h"
#include "lake/write/evolve.h"
#include "orchestrate/intake/landing.h"
#include "orchestrate/intake/reading.h"
#include "orchestrate/intake/seen_keys.h"
#include "orchestrate/landing_table.h"
#include "source/reader.h"

namespace weir::orchestrate {
namespace {

using sql::quote_name;
using sql::quote_text;

// Names of the temporary tables of one intake.
constexpr const char* taken_table = "weir_taken";      // file_no, path, arrival
constexpr const char* rejects_table = "weir_rejects";  // contract/reject_table.h
constexpr const char* staged_table = "weir_staged";    // rows whose duplicates are still to be found
constexpr const char* first_table = "weir_first";      // k, day, ord: the first row of each new key

// Rows may leave the reading statement in any order: each carries its position.
class AnyOrder {
public:
    explicit AnyOrder(sql::Connection& connection) : connection_(connection) {}
    AnyOrder(const AnyOrder&) = delete;
    ~AnyOrder() { static_cast<void>(connection_.run("SET preserve_insertion_order = true").ok()); }
    Status begin() { return connection_.run("SET preserve_insertion_order = false"); }

private:
    sql::Connection& connection_;
};

Status list_taken(sql::Connection& connection, const SourcePlan& plan) {
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TABLE {} (file_no INTEGER, path VARCHAR, arrival DATE)", taken_table)));
    constexpr std::size_t rows_a_statement = 2000;
    for (std::size_t begin = 0; begin < plan.take.size(); begin += rows_a_statement) {
        std::vector<std::string> rows;
        for (auto i = begin; i < std::min(plan.take.size(), begin + rows_a_statement); ++i)
            rows.push_back(fmt::format("({}, {}, DATE '{}')", i, quote_text(plan.take[i].file.path),
                                       weir::to_string(plan.take[i].arrival)));
        WEIR_TRY(connection.run(fmt::format("INSERT INTO {} VALUES {}", taken_table, fmt::join(rows, ", "))));
    }
    return ok();
}

// The table, with the columns that the contract has today.
Result<lake::Table> landing_table(const Workplace& at, const declare::Source& source,
                                  const declare::Contract& contract) {
    const auto schema = landing_schema(source, contract);
    WEIR_ASSIGN(auto table, open_or_create(at, source.table, schema, source.partition_by, ""));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto change, schema_change(snapshot.schema(), schema, source.table));
    if (!change.added.empty()) {
        auto wanted = snapshot.schema();
        wanted.fields.insert(wanted.fields.end(), change.added.begin(), change.added.end());
        WEIR_ASSIGN(const auto evolved, lake::evolve(table, wanted));
        static_cast<void>(evolved);
    }
    return table;
}

struct DayCounts {
    std::int64_t read = 0, accepted = 0, duplicate = 0, quarantined = 0, filtered = 0, nulled = 0;
};

// Adds per-file numbers of a query (path or file_no, count) to their arrival days.
using Days = std::map<Day, DayCounts>;

Status add_by_day(sql::Connection& connection, const std::string& query, Days& days, std::int64_t DayCounts::*member) {
    WEIR_ASSIGN(const auto rows, connection.query(query));
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        days[Day{std::chrono::days{rows.integer(row, 0)}}].*member += rows.integer(row, 1);
    return ok();
}

// The rows that a transaction has staged, as something to read FROM.
std::string staged_rows(const lake::Transaction& transaction) {
    std::vector<std::string> files;
    const auto& store = transaction.table().store();
    for (const auto& add : transaction.added()) files.push_back(store.url(lake::uri_decode(add.path)));
    if (!files.empty())
        return fmt::format("read_parquet({}, hive_partitioning = true, hive_types_autocast = false)",
                           sql::quote_list(files));
    std::vector<std::string> columns;
    for (const auto& field : transaction.schema().fields)
        columns.push_back(fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(field.type), quote_name(field.name)));
    return fmt::format("(SELECT {} WHERE false)", fmt::join(columns, ", "));
}

Status judge_dataset(const Workplace& at, sql::Connection& connection, const declare::Contract& contract,
                     const lake::Transaction& transaction, Taken& taken) {
    for (const auto& rule : contract.dataset_rules) {
        auto relation = staged_rows(transaction);
        if (rule.whole_table && transaction.snapshot() != nullptr) {
            WEIR_ASSIGN(const auto scan, transaction.table().scan(*transaction.snapshot()));
            relation = fmt::format("(SELECT * FROM {} UNION ALL BY NAME SELECT * FROM {})", scan.relation, relation);
        }
        auto rows = connection.query(contract::measure_query(rule, relation));
        if (!rows) {
            auto error = std::move(rows).error();
            error.where = rule.where;
            return std::move(error).within(fmt::format("measuring rule '{}'", rule.id));
        }
        const auto verdict = contract::judge(rule, rows->real(0, 0), rows->real(0, 1));
        if (verdict.passed) continue;
        if (verdict.severity == declare::Severity::error)
            return Error{.code = ErrorCode::contract_violated,
                         .message = verdict.sentence + "; nothing was committed",
                         .hint = "mend the input, or the rule if it is too strict",
                         .where = rule.where};
        taken.warnings.push_back(verdict.sentence);
    }
    static_cast<void>(at);
    return ok();
}

Error mismatch(const SourcePlan& plan, Day day, const DayCounts& counts) {
    std::vector<std::string> paths;
    for (const auto& file : plan.take) {
        if (file.arrival == day && paths.size() < 5) paths.push_back(file.file.path);
    }
    return {.code = ErrorCode::accounting_mismatch,
            .message = fmt::format(
                "{} on {}: read {} is not accepted {} + duplicate {} + quarantined {} + filtered {}; nothing was "
                "committed (files: {})",
                plan.source->name, weir::to_string(day), counts.read, counts.accepted, counts.duplicate,
                counts.quarantined, counts.filtered, fmt::join(paths, ", ")),
            .hint = "please report this: it is a fault of weir"};
}

}  // namespace

Result<std::string> first_rejects(sql::Connection& connection, const std::string& rejects, std::size_t most) {
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format(
                                     "SELECT t.path, r.line, r.rule, r.reason FROM {} r JOIN {} t USING (file_no) "
                                     "ORDER BY file_no, line LIMIT {}",
                                     rejects, taken_table, most)));
    std::string text;
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        text += fmt::format("\n  {}:{}: {}: {}", rows.text(row, 0), rows.integer(row, 1), rows.text(row, 2),
                            rows.text(row, 3));
    return text;
}

Result<Taken> take_in(const Workplace& at, const SourcePlan& plan, const std::string& run_id) {
    const auto& source = *plan.source;
    const auto& contract = *plan.contract;
    WEIR_ASSIGN(const auto table, landing_table(at, source, contract));
    Taken taken;
    if (plan.take.empty()) return taken;

    WEIR_ASSIGN(auto connection, at.database.connect());
    AnyOrder any_order(connection);
    WEIR_TRY(any_order.begin());
    WEIR_TRY(list_taken(connection, plan));

    WEIR_ASSIGN(auto snapshot, table.snapshot());
    const auto app = intake_app(source.name);
    taken.epoch = snapshot.transaction_version(app).value_or(0) + 1;
    const auto now = at.clock.now();
    const auto now_sql = fmt::format("TIMESTAMPTZ '{}'", to_iso(now));
    const auto hash = contract::key_hash(contract);
    WEIR_ASSIGN(auto landing, lake::Transaction::begin(table, snapshot));

    // ---- Read: accepted rows are staged, broken ones filed.
    const auto select = landing_select(snapshot.schema(), contract, "r", "f", now);
    const auto write_accepted = [&](const std::string& rows) -> Status {
        const auto joined = fmt::format("FROM {} r JOIN {} f ON f.file_no = r._file_no", rows, taken_table);
        if (!hash) {
            WEIR_ASSIGN(const auto appended, landing.append(connection, fmt::format("SELECT {} {}", select, joined)));
            static_cast<void>(appended);
            return ok();
        }
        return connection.run(
            fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT {}, {} AS _k, (CAST(r._file_no AS BIGINT) << 40) + "
                        "r._source_line AS _ord {}",
                        staged_table, select, *hash, joined));
    };
    WEIR_ASSIGN(const auto reports,
                read_files(at, connection, plan, contract::compile_rules(contract), rejects_table, write_accepted));

    // ---- Duplicates: the first row of each key that never landed before goes on.
    std::optional<SeenKeys> seen;
    if (hash) {
        const auto newest_day = *plan.days().rbegin();
        WEIR_ASSIGN(auto opened, SeenKeys::open(at, table, snapshot, contract, newest_day));
        seen = std::move(opened);
        WEIR_TRY(
            connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT _k AS k, CAST(arg_min({} - DATE "
                                       "'1970-01-01', _ord) AS INTEGER) AS day, min(_ord) AS ord "
                                       "FROM {} WHERE _k IS NOT NULL GROUP BY _k",
                                       first_table, declare::arrival_column, staged_table)));
        WEIR_TRY(seen->remove_seen(connection, first_table));
        WEIR_ASSIGN(
            const auto appended,
            landing.append(
                connection,
                fmt::format("SELECT * EXCLUDE (_k, _ord) FROM {} s WHERE _k IS NULL OR _ord IN (SELECT ord FROM {})",
                            staged_table, first_table)));
        static_cast<void>(appended);
    }

    // ---- Account: every number from where it cannot be wrong, the accepted ones from the staged files themselves.
    Days days;
    std::string files_values;
    for (std::size_t i = 0; i < reports.size(); ++i) {
        const auto& report = reports[i];
        auto& day = days[plan.take[i].arrival];
        day.read += report.records;
        day.filtered += report.filtered;
        for (const auto nulled : report.nulled) day.nulled += nulled;
    }
    const auto day_number = [](const std::string& day) {
        return fmt::format("CAST({} - DATE '1970-01-01' AS INTEGER)", day);
    };
    WEIR_TRY(add_by_day(connection,
                        fmt::format("SELECT {}, count(*) FROM {} JOIN {} USING (file_no) GROUP BY ALL",
                                    day_number("arrival"), rejects_table, taken_table),
                        days, &DayCounts::quarantined));
    const bool arrival_is_partition = std::find(source.partition_by.begin(), source.partition_by.end(),
                                                declare::arrival_column) != source.partition_by.end();
    WEIR_TRY(add_by_day(
        connection,
        fmt::format("SELECT {}, count(*) FROM {} GROUP BY ALL",
                    day_number(arrival_is_partition ? fmt::format("CAST({} AS DATE)", declare::arrival_column)
                                                    : std::string(declare::arrival_column)),
                    staged_rows(landing)),
        days, &DayCounts::accepted));
    if (hash)
        WEIR_TRY(add_by_day(
            connection,
            fmt::format(
                "SELECT {}, count(*) FROM {} WHERE _k IS NOT NULL AND _ord NOT IN (SELECT ord FROM {}) GROUP BY ALL",
                day_number(std::string(declare::arrival_column)), staged_table, first_table),
            days, &DayCounts::duplicate));
    std::vector<std::string> accounting;
    for (const auto& [day, counts] : days) {
        if (counts.read != counts.accepted + counts.duplicate + counts.quarantined + counts.filtered)
            return mismatch(plan, day, counts);
        taken.read += counts.read;
        taken.accepted += counts.accepted;
        taken.duplicate += counts.duplicate;
        taken.quarantined += counts.quarantined;
        taken.filtered += counts.filtered;
        taken.nulled += counts.nulled;
        accounting.push_back(fmt::format(
            "({}, 'intake', DATE '{}', {}::BIGINT, {}, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, "
            "{}::BIGINT, {})",
            quote_text(source.name), weir::to_string(day), taken.epoch, quote_text(run_id), counts.read,
            counts.accepted, counts.duplicate, counts.quarantined, counts.filtered, counts.nulled, now_sql));
    }
    taken.files = static_cast<std::int64_t>(plan.take.size());

    // ---- Judge: thresholds, before anything is visible.
    if (!contract::within_quarantine_limit(taken.quarantined, taken.read, contract.quarantine_limit_percent)) {
        WEIR_ASSIGN(const auto examples, first_rejects(connection, rejects_table, 5));
        return Error{.code = ErrorCode::contract_violated,
                     .message = fmt::format("{} of {} records of source '{}' broke the contract, more than its limit "
                                            "of {:g} %; nothing was committed{}",
                                            taken.quarantined, taken.read, source.name,
                                            contract.quarantine_limit_percent, examples),
                     .hint = fmt::format("mend the input, or raise quarantineLimit in {}", contract.where.file),
                     .where = contract.where};
    }
    WEIR_TRY(judge_dataset(at, connection, contract, landing, taken));

    // ---- Stage what follows, then land.
    std::vector<FollowUp> follow_ups;
    const auto stage = [&](const std::string& name, const std::string& select_sql) -> Status {
        WEIR_ASSIGN(auto follow_up, stage_follow_up(at, connection, name, select_sql, app, taken.epoch));
        follow_ups.push_back(std::move(follow_up));
        return ok();
    };
    WEIR_TRY(list_reports(connection, reports, plan));
    if (taken.quarantined > 0) {
        WEIR_TRY(
            stage("quarantine",
                  fmt::format(
                      "SELECT left(md5(concat_ws('|', {0}, t.path, r.line, r.byte_offset, {1})), 16) AS id, 'pending' "
                      "AS state, "
                      "{0} AS source, t.arrival AS arrival_date, t.path AS file, r.line, r.byte_offset, r.\"column\", "
                      "r.rule, "
                      "r.reason, r.raw, r.cut, p.header, {2} AS run_id, {1}::BIGINT AS epoch, {3} AS changed_at, "
                      "CAST(NULL AS VARCHAR) AS note FROM {4} r JOIN {5} t USING (file_no) JOIN {6} p USING (file_no) "
                      "ORDER BY file_no, line",
                      quote_text(source.name), taken.epoch, quote_text(run_id), now_sql, rejects_table, taken_table,
                      reports_table)));
    }
    WEIR_TRY(stage("files", fmt::format("SELECT {} AS source, t.path, p.size, p.mtime_ns, p.sha256, t.arrival AS "
                                        "arrival_date, p.start_offset, p.records, "
                                        "p.lines, p.quarantined, {}::BIGINT AS epoch, {} AS run_id, {} AS taken_at "
                                        "FROM {} p JOIN {} t USING (file_no) "
                                        "ORDER BY t.path",
                                        quote_text(source.name), taken.epoch, quote_text(run_id), now_sql,
                                        reports_table, taken_table)));
    WEIR_TRY(stage("accounting", fmt::format("SELECT * FROM (VALUES {}) v(source, kind, interval_from, epoch, run_id, "
                                             "\"read\", accepted, duplicate, quarantined, "
                                             "filtered, nulled, committed_at)",
                                             fmt::join(accounting, ", "))));
    WEIR_ASSIGN(const auto version, land(at, std::move(landing), std::move(follow_ups), {app, taken.epoch, run_id}));
    // The lake is the truth: an index that fell behind catches up at the next intake.
    if (seen) {
        if (const auto added = seen->add(connection, first_table, version); !added)
            taken.warnings.push_back("the index of keys fell behind and will catch up: " + added.error().message);
    }
    return taken;
}

}  // namespace weir::orchestrate
