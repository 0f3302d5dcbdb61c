#include "orchestrate/trial/trial.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "observe/alerts/alert_query.h"
#include "observe/part_facts.h"
#include "observe/watermarks.h"
#include "orchestrate/run.h"
#include "orchestrate/run_rows.h"
#include "orchestrate/trial/cuts.h"
#include "orchestrate/trial/expected.h"
#include "orchestrate/trial/input.h"
#include "view/batch/interval_batch.h"
#include "view/session.h"

namespace weir::orchestrate::trial {
namespace {

namespace files = std::filesystem;
using declare::AlertLook;
using declare::ExpectedRows;
using declare::ExpectedSource;
using declare::Project;
using declare::TestCase;
using nlohmann::json;

class ScratchFolder {
public:
    static Result<ScratchFolder> make() {
        std::error_code failure;
        auto name = (files::temp_directory_path(failure) / "weir-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) return io_error("make", name, errno);
        return ScratchFolder(name);
    }
    ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ScratchFolder& operator=(ScratchFolder&&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) files::remove_all(path_, ignored);
    }
    const files::path& path() const { return path_; }

private:
    explicit ScratchFolder(files::path path) : path_(std::move(path)) {}
    files::path path_;
};

// The project as it is tried: nothing of the user's is read but its declarations, nothing is written but scratch.
Project tried_project(Project project, const TestCase& test, const files::path& scratch) {
    project.lake = scratch / "lake";
    project.exports.clear();
    for (auto& source : project.sources) {
        source.topic.clear();
        source.kafka.reset();
        source.files = Input::files(scratch / "in", source.name);
        source.arrival.kind = declare::Arrival::Kind::path;
        source.append_only = true;
    }
    if (!test.expects_refusal()) {
        for (auto& contract : project.contracts) {
            const bool of_source =
                std::any_of(project.sources.begin(), project.sources.end(),
                            [&](const declare::Source& source) { return source.contract == contract.name; });
            contract.quarantine_limit_percent = 100;
            if (of_source) contract.dataset_rules.clear();
        }
    }
    // A view that is never stored is looked at like any other.
    for (auto& view : project.views) {
        const bool wanted = std::any_of(test.rows.begin(), test.rows.end(),
                                        [&](const ExpectedRows& rows) { return rows.relation == view.name; });
        if (wanted && view.keep == declare::View::Keep::none) view.keep = declare::View::Keep::latest;
    }
    return project;
}

// What is run: the sources that have files, and the views that the test looks at.
std::vector<std::string> nodes(const Project& project, const TestCase& test, std::vector<std::string> sources) {
    auto names = std::move(sources);
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto& rows : test.rows) {
        const auto name = rows.relation.starts_with("history.") ? rows.relation.substr(8) : rows.relation;
        if (project.view(name) != nullptr) add(name);
    }
    return names;
}

std::string relation_sql(const std::string& relation) {
    return relation.starts_with("history.") ? "history." + sql::quote_name(relation.substr(8))
                                            : sql::quote_name(relation);
}

std::string row_text(const std::vector<std::string>& columns, const Row& row) {
    auto object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < columns.size(); ++i)
        object[columns[i]] = row[i] ? nlohmann::ordered_json(*row[i]) : nullptr;
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct Table {
    std::vector<sql::Column> columns;
    std::vector<Row> rows;

    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& column : columns) result.push_back(column.name);
        return result;
    }
};

// A failure, or nothing: what one look at the lake found.
using Found = std::optional<Failure>;

class Attempt {
public:
    Attempt(const Project& project, sql::Database& database, view::CatalogKeeper& catalogs, const TestCase& test,
            const Input& input)
        : project_(project), database_(database), catalogs_(catalogs), test_(test), input_(input) {}

    // `first` holds the rows of the first way; filled where it is empty.
    Result<Found> run(const Way& way, const files::path& scratch, std::map<std::string, Table>& first) {
        std::error_code ignored;
        files::remove_all(scratch, ignored);
        WEIR_TRY(make_directories(scratch / "in"));
        WEIR_ASSIGN(auto ledger, Ledger::look(scratch / "no-ledger"));
        WEIR_ASSIGN(const auto lake, lake::Lake::open(project_.lake.string(), database_, lake::Sync::none));
        // The day after the last arrival: what depends on today's date gives the same tomorrow.
        Day newest{};
        for (const auto& arrival : test_.arrivals) newest = std::max(newest, *parse_day(arrival.day));
        const ManualClock clock{Time{newest + std::chrono::days{1}}};
        observe::NoObserver nobody;
        const Workplace at{project_, lake, database_, clock, nobody, catalogs_};
        std::size_t done = 0;
        std::optional<Error> refused;
        for (const auto end : way.ends) {
            WEIR_TRY(input_.write(scratch / "in", done, end));
            done = end;
            const RunRequest request{.only = nodes(project_, test_, input_.sources(end))};
            WEIR_ASSIGN(const auto result, orchestrate::run(at, ledger, request));
            refused = result.first_error;
            // A part of the rows may break what a view promises of all of them.
            const bool only_views = std::none_of(result.steps.begin(), result.steps.end(), [](const StepResult& step) {
                return step.kind == StepKind::source && step.error;
            });
            if (refused && !(only_views && end != way.ends.back())) break;
        }
        if (refused) return judge_refusal(*refused);
        for (const auto& expected : test_.sources)
            if (expected.refused)
                return Found(Failure{.relation = expected.source,
                                     .message = "everything was taken in, and the intake was to be refused",
                                     .where = expected.where});
        return judge(first);
    }

    // The looks at alerts, after the arrivals that each of them names: in one way, for what is published is what the
    // rows are, however they came in.
    Result<Found> look(const files::path& scratch) {
        std::error_code ignored;
        files::remove_all(scratch, ignored);
        WEIR_TRY(make_directories(scratch / "in"));
        WEIR_TRY(make_directories(project_.lake));
        WEIR_ASSIGN(auto ledger, Ledger::look(scratch / "no-ledger"));
        WEIR_ASSIGN(const auto lake, lake::Lake::open(project_.lake.string(), database_, lake::Sync::none));
        ManualClock clock{Time{}};
        observe::NoObserver nobody;
        const Workplace at{project_, lake, database_, clock, nobody, catalogs_};
        std::size_t arrivals = 0, records = 0;
        std::map<std::string, std::vector<observe::AlertInstance>> known;
        for (const auto& look : test_.looks) {
            clock.set(look.at);
            if (look.after > arrivals) {
                arrivals = look.after;
                const auto end = input_.arrival_ends()[arrivals - 1];
                WEIR_TRY(input_.write(scratch / "in", std::exchange(records, end), end));
                WEIR_ASSIGN(const auto result, orchestrate::run(at, ledger, {.only = looked_at(end)}));
                if (result.first_error) return judge_refusal(*result.first_error);
            }
            WEIR_ASSIGN(auto found, look_once(look, lake, ledger, known[look.alert]));
            if (found) return found;
        }
        return Found();
    }

private:
    // The sources that have files by then, and the views that alerts read.
    std::vector<std::string> looked_at(std::size_t records) const {
        auto names = input_.sources(records);
        for (const auto& look : test_.looks)
            for (const auto& read : project_.alerts.rule(look.alert)->reads)
                if (project_.view(read) != nullptr && std::find(names.begin(), names.end(), read) == names.end())
                    names.push_back(read);
        return names;
    }

    Result<Found> look_once(const AlertLook& look, const lake::Lake& lake, const Ledger& ledger,
                            std::vector<observe::AlertInstance>& known) {
        WEIR_ASSIGN(auto session, view::Session::open({.lake = project_.lake, .project = &project_}));
        session.provide("runs", [&](sql::Connection& connection, const std::string& table) -> Status {
            WEIR_ASSIGN(const auto steps, ledger.steps(1'000));
            if (steps.empty()) return ok();
            return connection.run(fmt::format("INSERT INTO {} VALUES {}", table, run_rows(steps)));
        });
        session.provide("watermarks", [&](sql::Connection& connection, const std::string& table) -> Status {
            WEIR_ASSIGN(auto reader, database_.connect());
            WEIR_ASSIGN(const auto rows, observe::watermark_rows(lake, reader, project_, look.at));
            return rows.empty() ? ok() : connection.run(fmt::format("INSERT INTO {} VALUES {}", table, rows));
        });
        session.provide("parts", [&](sql::Connection& connection, const std::string& table) -> Status {
            const auto rows = observe::part_rows(look.parts);
            return rows.empty() ? ok() : connection.run(fmt::format("INSERT INTO {} VALUES {}", table, rows));
        });
        auto& connection = session.connection();
        const auto& rule = *project_.alerts.rule(look.alert);
        using observe::AlertQuery;
        WEIR_ASSIGN(const auto query, AlertQuery::make(connection, rule, AlertQuery::SystemTables::in_schema));
        WEIR_TRY(AlertQuery::set_moment(connection, look.at));
        if (const auto prepared = session.prepare(query.sql()); !prepared) return prepared.error();
        WEIR_ASSIGN(const auto columns, connection.describe(query.sql()));
        WEIR_ASSIGN(const auto rows, query.rows(connection));
        auto made = observe::step({.hold = rule.hold, .resolve_after = rule.resolve_after, .repeat = rule.repeat},
                                  known, rows.rows, false, look.at);
        known = std::move(made.instances);
        for (const auto& expected : look.instances) {
            WEIR_ASSIGN(auto found, judge_instances(connection, expected, columns, known));
            if (found) return found;
        }
        return Found();
    }

    Result<Found> judge_instances(sql::Connection& connection, const declare::ExpectedInstances& expected,
                                  const std::vector<sql::Column>& columns,
                                  const std::vector<observe::AlertInstance>& known) {
        Table table{.columns = columns, .rows = {}};
        for (const auto& instance : known) {
            if (to_string(instance.state) != expected.state) continue;
            const auto values = nlohmann::ordered_json::parse(instance.row.values, nullptr, false);
            Row row;
            for (const auto& column : columns) {
                const auto value = values.find(column.name);
                row.push_back(value == values.end() || !value->is_string() ? Cell() : Cell(value->get<std::string>()));
            }
            table.rows.push_back(std::move(row));
        }
        WEIR_ASSIGN(auto found, judge_table(connection, expected.rows, table));
        if (found) found->message = fmt::format("{}: {}", expected.state, found->message);
        return found;
    }

    Result<Found> judge_refusal(const Error& error) {
        if (error.code == ErrorCode::interrupted || info(error.code).domain != Domain::user) return error;
        for (const auto& expected : test_.sources) {
            if (expected.refused && error.message.find(*expected.refused) != std::string::npos) return Found();
            if (expected.refused)
                return Found(Failure{.relation = expected.source,
                                     .message = fmt::format("the refusal says: {}", error.message),
                                     .where = expected.where});
        }
        return Found(Failure{.message = to_string(error), .where = test_.where});
    }

    Result<Found> judge(std::map<std::string, Table>& first) {
        WEIR_ASSIGN(auto session, view::Session::open({.lake = project_.lake, .project = &project_}));
        for (const auto& arrival : test_.arrivals) {
            WEIR_ASSIGN(auto found, judge_source(session, arrival.source, arrival.where));
            if (found) return found;
        }
        for (const auto& expected : test_.rows) {
            WEIR_ASSIGN(auto table, table_of(session, expected));
            WEIR_ASSIGN(auto found, judge_rows(session, expected, table));
            if (found) return found;
            const bool known = first.contains(expected.relation);
            if (known) found = same_as_first(first.at(expected.relation), table, expected);
            if (found) return found;
            if (!known) first.emplace(expected.relation, std::move(table));
        }
        return Found();
    }

    Result<Table> table_of(view::Session& session, const ExpectedRows& expected) {
        Table table;
        const auto all = "SELECT * FROM " + relation_sql(expected.relation);
        const auto prepared = session.prepare(all);
        if (!prepared) return prepared.error();
        auto& connection = session.connection();
        WEIR_ASSIGN(table.columns, connection.describe(all));
        std::string list;
        for (const auto& column : table.columns)
            list += fmt::format("{}CAST({} AS VARCHAR)", list.empty() ? "" : ", ", sql::quote_name(column.name));
        WEIR_ASSIGN(const auto rows,
                    connection.query(fmt::format("SELECT {} FROM {}", list, relation_sql(expected.relation))));
        for (std::size_t r = 0; r < rows.row_count(); ++r) {
            Row row;
            for (std::size_t c = 0; c < rows.column_count(); ++c) row.push_back(rows.text_or_null(r, c));
            table.rows.push_back(std::move(row));
        }
        return table;
    }

    Result<Found> judge_rows(view::Session& session, const ExpectedRows& expected, const Table& table) {
        return judge_table(session.connection(), expected, table);
    }

    Result<Found> judge_table(sql::Connection& connection, const ExpectedRows& expected, const Table& table) {
        const auto names = table.names();
        std::vector<std::size_t> compared;
        std::vector<std::string> types;
        for (const auto& column : expected.columns) {
            const auto found = std::find(names.begin(), names.end(), column);
            if (found == names.end()) {
                const auto& entry = *expected.rows.front().entry(column);
                return Error{.code = ErrorCode::project_invalid,
                             .message = fmt::format("'{}' has no column '{}'", expected.relation, column),
                             .hint = suggest(column, names),
                             .where = {expected.where.file, entry.line, entry.column}};
            }
            compared.push_back(static_cast<std::size_t>(found - names.begin()));
            types.push_back(table.columns[compared.back()].type);
        }
        WEIR_ASSIGN(const auto wanted, expected_rows(connection, expected, types));
        std::vector<Row> actual;
        for (const auto& row : table.rows) {
            Row cut;
            for (const auto column : compared) cut.push_back(row[column]);
            actual.push_back(std::move(cut));
        }
        const auto difference = compare(wanted, actual, expected.ordered);
        if (!difference) return Found();
        Failure failure{.relation = expected.relation, .where = expected.where};
        if (difference->expected) {
            const auto& row = expected.rows[*difference->expected];
            failure.where = {expected.where.file, row.line, row.column};
            failure.expected = row_text(expected.columns, wanted[*difference->expected]);
        }
        if (difference->actual) failure.actual = row_text(names, table.rows[*difference->actual]);
        describe(failure, difference->column ? expected.columns[*difference->column] : "",
                 difference->column ? &wanted[*difference->expected][*difference->column] : nullptr,
                 difference->column ? &actual[*difference->actual][*difference->column] : nullptr);
        return Found(std::move(failure));
    }

    static void describe(Failure& failure, const std::string& column, const Cell* expected, const Cell* actual) {
        failure.column = column;
        const auto shown = [](const Cell& cell) { return cell ? fmt::format("'{}'", *cell) : std::string("NULL"); };
        if (expected != nullptr && actual != nullptr)
            failure.message = fmt::format("{} is {}, not {}", column, shown(*actual), shown(*expected));
        else
            failure.message =
                failure.actual.empty() ? "an expected row is missing" : "there is a row that is not expected";
    }

    // Every column, also those that no expectation names.
    Found same_as_first(const Table& first, const Table& table, const ExpectedRows& expected) const {
        if (const auto* view = project_.view(expected.relation)) {
            const auto tables = view::base_tables(project_, *view);
            // What weir tells of its own runs depends on how many there were.
            if (std::any_of(tables.begin(), tables.end(), [](const auto& name) { return name.starts_with("weir/"); }))
                return std::nullopt;
        } else {
            return std::nullopt;  // a source's table; rows carry the number of their commit
        }
        const auto difference = compare(first.rows, table.rows, false);
        if (!difference) return std::nullopt;
        const auto names = table.names();
        Failure failure{.relation = expected.relation, .where = expected.where};
        if (difference->expected) failure.expected = row_text(names, first.rows[*difference->expected]);
        if (difference->actual) failure.actual = row_text(names, table.rows[*difference->actual]);
        describe(failure, difference->column ? names[*difference->column] : "",
                 difference->column ? &first.rows[*difference->expected][*difference->column] : nullptr,
                 difference->column ? &table.rows[*difference->actual][*difference->column] : nullptr);
        failure.message += ", as it was the first way";
        return failure;
    }

    Result<Found> judge_source(view::Session& session, const std::string& source, const Where& where) {
        const auto found = std::find_if(test_.sources.begin(), test_.sources.end(),
                                        [&](const ExpectedSource& one) { return one.source == source; });
        ExpectedSource expected{.source = source, .where = where};
        if (found != test_.sources.end()) expected = *found;
        const auto counts_sql = fmt::format(
            "SELECT coalesce(sum(accepted), 0)::BIGINT, coalesce(sum(duplicate), 0)::BIGINT, "
            "coalesce(sum(filtered), 0)::BIGINT FROM weir.accounting WHERE source = {}",
            sql::quote_text(source));
        if (const auto prepared = session.prepare(counts_sql); !prepared) return prepared.error();
        WEIR_ASSIGN(const auto counts, session.connection().query(counts_sql));
        const auto rejects_sql = fmt::format(
            "SELECT rule, coalesce(\"column\", ''), coalesce(line, 0)::BIGINT, reason FROM weir.quarantine WHERE "
            "source = {} "
            "ORDER BY arrival_date, file, line",
            sql::quote_text(source));
        if (const auto prepared = session.prepare(rejects_sql); !prepared) return prepared.error();
        WEIR_ASSIGN(const auto rows, session.connection().query(rejects_sql));
        std::vector<Rejected> rejects;
        for (std::size_t i = 0; i < rows.row_count(); ++i)
            rejects.push_back({std::string(rows.text(i, 0)), std::string(rows.text(i, 1)), rows.integer(i, 2),
                               std::string(rows.text(i, 3))});
        return judge_counts(expected, {counts.integer(0, 0), counts.integer(0, 1), counts.integer(0, 2)}, rejects);
    }

    const Project& project_;
    sql::Database& database_;
    view::CatalogKeeper& catalogs_;
    const TestCase& test_;
    const Input& input_;
};

}  // namespace

Result<Outcome> try_test(const declare::LoadOptions& options, const TestCase& test, std::uint64_t seed) {
    auto with_params = options;
    for (const auto& [name, value] : test.params) with_params.params[name] = value;
    auto loaded = declare::load(with_params);
    if (!loaded.problems.empty()) return loaded.problems.front();
    WEIR_ASSIGN(const auto input, Input::of(loaded.project, test));
    WEIR_ASSIGN(const auto scratch, ScratchFolder::make());
    const auto project = tried_project(std::move(loaded.project), test, scratch.path() / "way");
    auto spilling = project;
    spilling.lake = scratch.path() / "spill";
    WEIR_ASSIGN(auto database, view::open_database(spilling));
    // Looks at alerts are in a way of their own; where nothing else is expected, no other one tells more.
    const bool one_way = test.expects_refusal() || (test.rows.empty() && test.sources.empty());
    const auto all = ways(input.arrival_ends(), one_way ? TestCase::Runs::once : test.runs, seed);
    Outcome outcome{.failure = {},
                    .records = test.arrivals.empty() ? 0 : input.arrival_ends().back(),
                    .ways = 0,
                    .cuts = all.cuts,
                    .possible_cuts = all.possible_cuts};
    std::map<std::string, Table> first;
    view::CatalogKeeper catalogs;
    for (const auto& way : all.ways) {
        if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped"};
        WEIR_ASSIGN(outcome.failure,
                    Attempt(project, database, catalogs, test, input).run(way, scratch.path() / "way", first));
        ++outcome.ways;
        if (outcome.failure) {
            outcome.failure->way = way.text;
            break;
        }
    }
    if (outcome.failure || test.looks.empty()) return outcome;
    WEIR_ASSIGN(outcome.failure, Attempt(project, database, catalogs, test, input).look(scratch.path() / "way"));
    ++outcome.ways;
    if (outcome.failure) outcome.failure->way = "looking at alerts";
    return outcome;
}

}  // namespace weir::orchestrate::trial
