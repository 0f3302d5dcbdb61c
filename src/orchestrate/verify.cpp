#include "orchestrate/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/stop.h"
#include "model/system_tables.h"
#include "view/batch/interval_batch.h"
#include "view/batch/refresh.h"
#include "view/publication.h"
#include "view/session.h"
#include "view/speed/live_views.h"

namespace weir::orchestrate {
namespace {

using declare::View;
using nlohmann::json;

// Rows that differ between two relations, paired by their leading columns as far as they go.
class Comparison {
public:
    Comparison(sql::Connection& connection, std::vector<std::string> columns)
        : connection_(connection), columns_(std::move(columns)) {}

    // `recomputed` and `published` are tables of the connection with the same columns and types.
    Status compare(Verdict& verdict) {
        // How often a row is there more in one than in the other.
        WEIR_TRY(connection_.run(
            "CREATE OR REPLACE TEMP TABLE weir_differing AS SELECT * EXCLUDE (weir_side), sum(weir_side) AS weir_times "
            "FROM (SELECT *, 1 AS weir_side FROM weir_recomputed UNION ALL SELECT *, -1 FROM weir_published) "
            "GROUP BY ALL HAVING sum(weir_side) <> 0;"
            "CREATE OR REPLACE TEMP VIEW weir_missing AS FROM weir_differing WHERE weir_times > 0;"
            "CREATE OR REPLACE TEMP VIEW weir_surplus AS FROM weir_differing WHERE weir_times < 0"));
        WEIR_ASSIGN(const auto counts,
                    connection_.query("SELECT (SELECT count(*) FROM weir_published), (SELECT coalesce(sum(weir_times), "
                                      "0)::BIGINT FROM weir_missing), (SELECT coalesce(-sum(weir_times), 0)::BIGINT "
                                      "FROM weir_surplus)"));
        verdict.rows = counts.integer(0, 0);
        verdict.missing = counts.integer(0, 1);
        verdict.surplus = counts.integer(0, 2);
        verdict.equal = verdict.missing == 0 && verdict.surplus == 0;
        if (verdict.equal) return ok();
        WEIR_ASSIGN(auto missing, first_row("weir_missing", {}));
        WEIR_ASSIGN(auto surplus, first_row("weir_surplus", missing));
        Difference difference;
        const auto rows_alike = alike(missing, surplus);
        if (missing.is_object()) difference.recomputed = missing.dump();
        if (surplus.is_object() && (rows_alike > 0 || !missing.is_object())) difference.published = surplus.dump();
        if (!difference.recomputed.empty() && !difference.published.empty() && rows_alike < columns_.size())
            difference.column = columns_[rows_alike];
        row_ = missing.is_object() ? missing : surplus;
        verdict.first = std::move(difference);
        return ok();
    }

    // The differing row's values as SQL text, by column.
    const json& row() const { return row_; }

private:
    std::size_t alike(const json& a, const json& b) const {
        std::size_t count = 0;
        if (!a.is_object() || !b.is_object()) return 0;
        while (count < columns_.size() && a.at(columns_[count]) == b.at(columns_[count])) ++count;
        return count;
    }

    // The first row by all columns; with `like`, the one that agrees with it in the most leading columns.
    Result<json> first_row(const std::string& table, const json& like) {
        std::vector<std::string> order;
        if (like.is_object()) {
            std::string prefix;
            std::vector<std::string> scores;
            for (const auto& column : columns_) {
                const auto& value = like.at(column);
                prefix += fmt::format("{}{}::VARCHAR IS NOT DISTINCT FROM {}", prefix.empty() ? "" : " AND ",
                                      sql::quote_name(column),
                                      value.is_null() ? "NULL" : sql::quote_text(value.get<std::string>()));
                scores.push_back(fmt::format("CASE WHEN {} THEN 1 ELSE 0 END", prefix));
            }
            order.push_back(fmt::format("{} DESC", fmt::join(scores, " + ")));
        }
        std::vector<std::string> texts;
        for (const auto& column : columns_) {
            order.push_back(sql::quote_name(column));
            texts.push_back(fmt::format("{}::VARCHAR", sql::quote_name(column)));
        }
        WEIR_ASSIGN(const auto rows,
                    connection_.query(fmt::format("SELECT {} FROM {} ORDER BY {} LIMIT 1", fmt::join(texts, ", "),
                                                  table, fmt::join(order, ", "))));
        if (rows.row_count() == 0) return json();
        auto row = json::object();
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            const auto text = rows.text_or_null(0, column);
            row[columns_[column]] = text ? json(*text) : json();
        }
        return row;
    }

    sql::Connection& connection_;
    std::vector<std::string> columns_;
    json row_;
};

// The events that a row was made from: those with its keys, where the view shows them.
Status find_events(sql::Connection& connection, const view::Split& split, const json& row, Difference& difference) {
    for (const auto& shown : split.shown_keys) {
        const auto state = std::find_if(split.states.begin(), split.states.end(),
                                        [&](const view::State& each) { return each.name == shown.state; });
        if (state == split.states.end() || state->events_query.empty() || !row.contains(shown.column)) continue;
        std::vector<std::string> conditions;
        for (const auto& other : split.shown_keys) {
            if (other.state != shown.state || !row.contains(other.column)) continue;
            const auto& value = row.at(other.column);
            conditions.push_back(fmt::format("({})::VARCHAR IS NOT DISTINCT FROM {}", other.expression,
                                             value.is_null() ? "NULL" : sql::quote_text(value.get<std::string>())));
        }
        difference.events_query = fmt::format("{} {}", state->events_query, fmt::join(conditions, " AND "));
        const auto rows = connection.query(
            fmt::format("SELECT to_json(event)::VARCHAR FROM ({} LIMIT 5) AS event", difference.events_query));
        if (!rows) {  // an explanation that does not bind is left out; the verdict stands
            difference.events_query.clear();
            continue;
        }
        for (std::size_t i = 0; i < rows->row_count(); ++i) difference.events.emplace_back(rows->text(i, 0));
        return ok();
    }
    return ok();
}

// Why the rows that a view rests on cannot be read, where that is so: a table whose files are gone fails as one that
// does not exist.
Status expect_rows(const Workplace& at, const View& view, view::PinnedTables& tables) {
    for (const auto& name : view::base_tables(at.project, view)) {
        WEIR_ASSIGN(const auto pinned, tables.table(name));
        if (!pinned.snapshot) continue;
        auto there = view::expect_files(pinned.table, *pinned.snapshot);
        if (there) continue;
        there.error().hint =
            "put back an intact copy of it, as from a backup: rows that were taken in exist nowhere else";
        return std::move(there).error().within(fmt::format("reading table '{}' for view '{}'", name, view.name));
    }
    return ok();
}

Error of_result(const View& view, Error error) {
    if (error.code == ErrorCode::table_damaged)
        error.hint = fmt::format("`weir run --full --view {}` computes the result again", view.name);
    return std::move(error).within(fmt::format("reading the result of view '{}'", view.name));
}

// Computes a view from all rows, as of the end of a day, over the tables in these versions.
Result<view::IntervalBatch> recompute(const Workplace& at, const View& view, Day day, const view::Versions& versions,
                                      const view::States& states) {
    const auto tables = std::make_shared<view::PinnedTables>(at.lake, versions);
    WEIR_ASSIGN(auto batch,
                view::IntervalBatch::open(at.lake, at.database, at.project, {day, day + std::chrono::days{1}}, tables));
    if (auto computed = batch.compute(view, states); !computed) {
        WEIR_TRY(expect_rows(at, view, *tables));
        return std::move(computed).error();
    }
    return batch;
}

// `result`: a relation of the batch's connection whose columns of these types are compared with the view's table there.
Status compare(view::IntervalBatch& batch, const View& view, const std::string& result,
               const std::vector<sql::Column>& columns, const view::States& states, Verdict& verdict) {
    std::vector<std::string> names, cast;
    for (const auto& column : columns) {
        names.push_back(column.name);
        cast.push_back(fmt::format("CAST({} AS {}) AS {}", sql::quote_name(column.name), column.type,
                                   sql::quote_name(column.name)));
    }
    WEIR_TRY(batch.run_over(view, fmt::format("CREATE OR REPLACE TEMP TABLE weir_recomputed AS SELECT {} FROM {}",
                                              fmt::join(cast, ", "), sql::quote_name(view.name))));
    if (auto read = batch.connection().run(fmt::format(
            "CREATE OR REPLACE TEMP TABLE weir_published AS SELECT {} FROM {}", fmt::join(cast, ", "), result));
        !read)
        return of_result(view, std::move(read).error());
    Comparison comparison(batch.connection(), names);
    WEIR_TRY(comparison.compare(verdict));
    if (!verdict.first) return ok();
    WEIR_ASSIGN(const auto* split, states.catalog.split(view));
    return find_events(batch.connection(), *split, comparison.row(), *verdict.first);
}

Result<Verdict> verify_published(const Workplace& at, const View& view, const view::PublishedView& published,
                                 std::int64_t publication, const view::States& states) {
    Verdict verdict{.view = view.name, .interval = published.interval, .publication = publication};
    const auto day = parse_day(published.interval);
    if (!day)
        return Error{.code = ErrorCode::table_damaged,
                     .message = fmt::format("weir.publications: '{}' is no day", published.interval)};
    WEIR_ASSIGN(auto batch, recompute(at, view, *day,
                                      view::versions_of(published.cut, view::base_tables(at.project, view)), states));
    WEIR_ASSIGN(const auto table, at.lake.table(view.name));
    auto stored = table.snapshot(lake::TableVersion(published.table_version));
    if (!stored) return of_result(view, std::move(stored).error());
    const auto& snapshot = *stored;
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), batch.connection(), snapshot, "published"));
    for (const auto& statement : scan.setup) WEIR_TRY(batch.connection().run(statement));
    const bool kept = view.keep == View::Keep::every_interval;
    std::vector<sql::Column> columns;
    for (const auto& field : snapshot.schema().fields)
        if (!kept || field.name != view::run_date_column) columns.push_back({field.name, to_duckdb(field.type)});
    auto result = scan.relation;
    if (kept) result += fmt::format(" WHERE {} = DATE '{}'", view::run_date_column, published.interval);
    WEIR_TRY(compare(batch, view, result, columns, states, verdict));
    return verdict;
}

Result<Verdict> verify_live_view(const Workplace& at, const View& view, const view::LiveView& live,
                                 const view::LiveMoment& moment, const view::States& states) {
    Verdict verdict{.view = view.name, .interval = weir::to_string(live.day)};
    WEIR_ASSIGN(auto batch, recompute(at, view, live.day, moment.versions, states));
    WEIR_ASSIGN(const auto columns, batch.connection().describe("FROM " + live.table->relation()));
    WEIR_TRY(compare(batch, view, live.table->relation(), columns, states, verdict));
    return verdict;
}

std::string detail_of(const Verdict& verdict) {
    if (!verdict.first) return {};
    return json{{"column", verdict.first->column},
                {"recomputed", verdict.first->recomputed},
                {"published", verdict.first->published},
                {"events", verdict.first->events}}
        .dump();
}

Status keep(const Workplace& at, const std::vector<Verdict>& verdicts) {
    if (verdicts.empty()) return ok();
    const auto& spec = system_table("verdicts");
    WEIR_ASSIGN(const auto table, open_or_create(at, "weir/verdicts", spec.schema, {}, std::string(spec.summary)));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto connection, at.database.connect());
    const auto now = at.clock.now().time_since_epoch().count();
    std::vector<std::string> rows, columns;
    for (const auto& verdict : verdicts)
        rows.push_back(fmt::format("(make_timestamptz({}), {}, {}::DATE, {}, {}, {}, {}, {}, {})", now,
                                   sql::quote_text(verdict.view), sql::quote_text(verdict.interval),
                                   verdict.publication, sql::quote_text(verdict.equal ? "equal" : "differs"),
                                   verdict.rows, verdict.missing, verdict.surplus,
                                   sql::quote_text(detail_of(verdict))));
    for (const auto& field : spec.schema.fields) columns.push_back(sql::quote_name(field.name));
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    WEIR_ASSIGN(const auto appended,
                transaction.append(connection, fmt::format("SELECT * FROM (VALUES {}) t({})", fmt::join(rows, ", "),
                                                           fmt::join(columns, ", "))));
    static_cast<void>(appended);
    transaction.set_operation("WRITE");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    static_cast<void>(committed);
    return ok();
}

}  // namespace

Result<Verification> verify(const Workplace& at, const std::vector<std::string>& views) {
    WEIR_ASSIGN(const auto publication, view::newest_publication(at.lake, at.database));
    std::vector<std::string> published;
    for (const auto& [name, result] : publication.views) published.push_back(name);
    for (const auto& name : views) {
        if (publication.views.contains(name)) continue;
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("view '{}' has no published result", name),
                     .hint = at.project.view(name) == nullptr ? suggest(name, published) : "run it first: weir run"};
    }
    WEIR_ASSIGN(auto catalog, view::Catalog::open(at.lake, at.project, view::Catalog::For::people));
    const std::set<std::string> none;
    const view::States states{.catalog = catalog, .reader = nullptr, .by_day = none};
    Verification done;
    for (const auto& view : at.project.views) {
        const auto result = publication.views.find(view.name);
        const bool wanted = views.empty() || std::find(views.begin(), views.end(), view.name) != views.end();
        if (!wanted || result == publication.views.end()) continue;
        if (result->second.code != view::text_hash(at.project, view)) {
            done.rewritten.push_back(view.name);
            continue;
        }
        if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped before the last view"};
        WEIR_ASSIGN(auto verdict, verify_published(at, view, result->second, publication.number, states));
        done.verdicts.push_back(std::move(verdict));
    }
    WEIR_TRY(keep(at, done.verdicts));
    return done;
}

Result<Verification> verify_live(const Workplace& at, const std::vector<std::string>& views) {
    std::set<std::string> wanted;
    std::vector<std::string> known;
    for (const auto& view : at.project.views) {
        if (view.keep == View::Keep::none) continue;
        known.push_back(view.name);
        if (views.empty()) wanted.insert(view.name);
    }
    for (const auto& name : views) {
        if (std::find(known.begin(), known.end(), name) == known.end())
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("the project has no view '{}' that is kept", name),
                         .hint = suggest(name, known)};
        wanted.insert(name);
    }
    WEIR_ASSIGN(const auto live, view::LiveViews::open(at.lake, at.database, at.project, at.clock));
    WEIR_ASSIGN(const auto moment, live->read(wanted));
    WEIR_ASSIGN(auto catalog, view::Catalog::open(at.lake, at.project, view::Catalog::For::people));
    const std::set<std::string> none;
    const view::States states{.catalog = catalog, .reader = nullptr, .by_day = none};
    Verification done;
    for (const auto& view : at.project.views) {
        const auto result = moment.views.find(view.name);
        if (result == moment.views.end()) continue;
        if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped before the last view"};
        WEIR_ASSIGN(auto verdict, verify_live_view(at, view, result->second, moment, states));
        done.verdicts.push_back(std::move(verdict));
    }
    WEIR_TRY(keep(at, done.verdicts));
    return done;
}

}  // namespace weir::orchestrate
