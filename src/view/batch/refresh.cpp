#include "view/batch/refresh.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/log/paths.h"
#include "lake/read/added_rows.h"
#include "lake/read/file_facts.h"
#include "view/split/touched.h"

namespace weir::view {
namespace {

struct Position {
    std::string id;
    std::int64_t version;
};

std::optional<Position> parse_position(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    return Position{text.substr(0, colon), std::strtoll(text.c_str() + colon + 1, nullptr, 10)};
}

// What came into a source since; nothing where more than that happened.
Result<std::optional<lake::Changes>> added_to(const Source& source, const std::string& then_text, const Basis& then,
                                              const Basis& now) {
    using Maybe = std::optional<lake::Changes>;
    const auto at = parse_position(then_text);
    if (!at || at->id != source.snapshot->metadata().id || at->version > source.snapshot->version().get())
        return Maybe();
    auto changes =
        lake::changes_between(source.table.store(), lake::TableVersion(at->version), source.snapshot->version());
    if (!changes || !changes->only_added) return Maybe();
    if (then.end == now.end) return Maybe(std::move(*changes));
    WEIR_ASSIGN(const bool unseen, had_rows_from(*source.snapshot, *changes, source.day_column, then.end));
    if (unseen) return Maybe();
    return Maybe(std::move(*changes));
}

using News = std::map<std::string, lake::Changes>;  // by source

struct GoOn {
    lake::Snapshot old;
    News news;
};

// The stored result and what came in since it was computed; nothing where it cannot be gone on from.
Result<std::optional<GoOn>> go_on_from(const StoredResult& stored) {
    using Maybe = std::optional<GoOn>;
    const auto& [table, then, now, sources, results, changed] = stored;
    if (then.text != now.text || then.positions.size() != now.positions.size()) return Maybe();
    for (const auto& [name, position] : now.positions) {
        const auto known = then.positions.find(name);
        if (known == then.positions.end()) return Maybe();
        if (sources.contains(name) || known->second == position) continue;
        const auto result = results.find(name);
        if (result == results.end() || result->second.gone_on_from != known->second) return Maybe();
    }
    WEIR_ASSIGN(auto old, table.snapshot());
    if (position_of(old) != then.result) return Maybe();
    WEIR_TRY(expect_files(table, old));
    News news;
    for (const auto& [name, source] : sources) {
        WEIR_ASSIGN(auto changes, added_to(source, then.positions.at(name), then, now));
        if (!changes) return Maybe();
        news.emplace(name, std::move(*changes));
    }
    return Maybe({std::move(old), std::move(news)});
}

// The stored result as a relation of the connection; nothing where it has not the columns and types that `select`
// gives.
Result<std::optional<std::string>> old_result(sql::Connection& connection, const lake::Table& table,
                                              const lake::Snapshot& old, const std::string& temporary,
                                              const std::string& select) {
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, old, temporary));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    return stored_rows(connection, scan.relation, select);
}

}  // namespace

Result<bool> had_rows_from(const lake::Snapshot& now, const lake::Changes& changes, const std::string& day_column,
                           const std::string& day) {
    std::set<std::string> added;
    for (const auto& each : changes.added) added.insert(each.file.path);
    WEIR_ASSIGN(const auto later, lake::matching_files(now, {{day_column, lake::Comparison::greater_equal, day}}));
    return std::any_of(later.begin(), later.end(), [&](const auto& path) { return !added.contains(path); });
}

Result<std::optional<std::string>> stored_rows(sql::Connection& connection, const std::string& stored,
                                               const std::string& select) {
    using Maybe = std::optional<std::string>;
    WEIR_ASSIGN(const auto have, connection.describe("SELECT * FROM " + stored));
    WEIR_ASSIGN(const auto want, connection.describe(select));
    if (have.size() != want.size()) return Maybe();
    bool as_it_is = true;
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (!equal_ignoring_case(have[i].name, want[i].name)) return Maybe();
        as_it_is = as_it_is && have[i].type == want[i].type;
        columns.push_back(fmt::format("CAST({0} AS {1}) AS {0}", sql::quote_name(want[i].name), want[i].type));
    }
    if (as_it_is) return Maybe(stored);
    // Types that the lake does not have are stored as others that hold the same values, but nanoseconds.
    WEIR_ASSIGN(const auto as_stored, connection.schema_of(select));
    for (std::size_t i = 0; i < want.size(); ++i) {
        const bool cut = want[i].type.find("_NS") != std::string::npos;
        if (have[i].type != want[i].type && (cut || have[i].type != to_duckdb(as_stored.fields[i].type)))
            return Maybe();
    }
    return Maybe(fmt::format("(SELECT {} FROM {})", fmt::join(columns, ", "), stored));
}

Status expect_files(const lake::Table& table, const lake::Snapshot& snapshot) {
    for (const auto& file : snapshot.files()) {
        const auto decoded = lake::decode_data_path(file.path);
        const std::filesystem::path path = !decoded            ? file.path
                                           : decoded->absolute ? decoded->text
                                                               : table.store().url(decoded->text);
        std::error_code error;
        const auto size = std::filesystem::file_size(path, error);
        if (error)
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("data file {} cannot be read: {}", path.string(), error.message())};
        if (size != static_cast<std::uintmax_t>(file.size_bytes))
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("data file {} has {} bytes, and was written with {}", path.string(),
                                                size, file.size_bytes)};
    }
    return ok();
}

std::string position_of(const lake::Snapshot& snapshot) {
    return fmt::format("{}:{}", snapshot.metadata().id, snapshot.version().get());
}

std::string to_string(const Basis& basis) {
    return nlohmann::json{
        {"text", basis.text}, {"end", basis.end}, {"positions", basis.positions}, {"result", basis.result}}
        .dump();
}

std::optional<Basis> parse_basis(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("positions") || !json["positions"].is_object()) return std::nullopt;
    Basis basis{.text = json.value("text", ""),
                .end = json.value("end", ""),
                .positions = {},
                .result = json.value("result", "")};
    for (const auto& [name, position] : json["positions"].items()) {
        if (!position.is_string()) return std::nullopt;
        basis.positions.emplace(name, position.get<std::string>());
    }
    return basis;
}

namespace {

// All texts here are put together: a place in one of them says nothing to who wrote the view.
template <class Value>
Result<Value> without_place(Result<Value> result) {
    if (!result) result.error().where = {};
    return result;
}

Result<std::int64_t> touch_keys(sql::Connection& connection, const TouchedKeys& keys,
                                const std::map<std::string, GrownSource>& sources) {
    std::vector<std::string> touched;
    touched.reserve(sources.size());
    for (const auto& [name, source] : sources) touched.push_back(select_keys(keys.sources.at(name), source.new_rows));
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", touched_relation, fmt::join(touched, " UNION "))));
    for (const auto& [name, source] : sources)
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS {}", sql::quote_name(name),
                                            select_touched(keys.sources.at(name), source.relation))));
    WEIR_ASSIGN(const auto count, connection.query(fmt::format("SELECT count(*) FROM {}", touched_relation)));
    return count.integer(0, 0);
}

Result<std::optional<std::int64_t>> refresh_result(sql::Connection& connection, const std::string& view,
                                                   const StoredResult& stored, const TouchedKeys& keys) {
    using Keys = std::optional<std::int64_t>;
    if (!keys.why_not.empty()) return Keys();
    for (const auto& [name, source] : stored.sources)
        if (!keys.sources.contains(name)) return Keys();
    for (const auto& [name, result] : stored.results)
        if (!keys.sources.contains(name)) return Keys();
    WEIR_ASSIGN(const auto go_on, go_on_from(stored));
    if (!go_on) return Keys();
    std::int64_t new_rows = 0;
    for (const auto& [name, changes] : go_on->news)
        for (const auto& each : changes.added) new_rows += lake::live_rows(each.file).value_or(0);
    std::map<std::string, GrownSource> grown;
    for (const auto& [name, result] : stored.results) {
        if (stored.then.positions.at(name) == stored.now.positions.at(name)) {
            grown.emplace(name, GrownSource{result.relation, fmt::format("(FROM {} WHERE false)", result.relation)});
            continue;
        }
        WEIR_ASSIGN(const auto rows, connection.query("SELECT count(*) FROM " + result.changed));
        new_rows += rows.integer(0, 0);
        grown.emplace(name, GrownSource{result.relation, result.changed});
    }
    if (new_rows * touched_share > lake::known_rows(go_on->old.files())) return Keys();
    WEIR_ASSIGN(const auto old, old_result(connection, stored.table, go_on->old, "weir_before", keys.unordered));
    if (!old) return Keys();

    for (const auto& [name, changes] : go_on->news) {
        const auto& source = stored.sources.at(name);
        WEIR_ASSIGN(const auto added, lake::prepare_added(source.table, connection, *source.snapshot, changes,
                                                          fmt::format("weir_added_{}", grown.size())));
        grown.emplace(name, GrownSource{.relation = source.relation,
                                        .new_rows = fmt::format("(SELECT {} FROM {})", source.columns, added)});
    }
    WEIR_ASSIGN(const auto count, touch_keys(connection, keys, grown));
    WEIR_TRY(
        connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", sql::quote_name(view),
                                   select_refreshed(keys, touched_relation, *old, "(" + select_fresh(keys) + ")"))));
    if (!stored.changed.empty())
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {} UNION ALL {}", stored.changed,
                                            select_touched(keys.columns, *old),
                                            select_touched(keys.columns, sql::quote_name(view)))));
    return Keys(count);
}

Result<std::optional<std::int64_t>> append_to_result(sql::Connection& connection, const std::string& view,
                                                     const StoredResult& stored, const std::string& finish) {
    using Rows = std::optional<std::int64_t>;
    WEIR_ASSIGN(const auto go_on, go_on_from(stored));
    if (!go_on) return Rows();
    WEIR_ASSIGN(const auto old, old_result(connection, stored.table, go_on->old, "weir_before_" + view, finish));
    if (!old) return Rows();
    std::size_t number = 0;
    for (const auto& [name, changes] : go_on->news) {
        const auto& source = stored.sources.at(name);
        WEIR_ASSIGN(const auto added, lake::prepare_added(source.table, connection, *source.snapshot, changes,
                                                          fmt::format("weir_added_{}", number++)));
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT {} FROM {} WHERE {} < DATE '{}'",
                                            sql::quote_name(name), source.columns, added,
                                            sql::quote_name(source.day_column), stored.now.end)));
    }
    const auto rows = appended_rows(view);
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", rows, finish)));
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {} UNION ALL FROM {}", sql::quote_name(view), *old, rows)));
    WEIR_ASSIGN(const auto count, connection.query("SELECT count(*) FROM " + rows));
    return Rows(count.integer(0, 0));
}

}  // namespace

Result<std::int64_t> touch(sql::Connection& connection, const TouchedKeys& keys,
                           const std::map<std::string, GrownSource>& sources) {
    return without_place(touch_keys(connection, keys, sources));
}

Result<std::optional<std::int64_t>> refresh(sql::Connection& connection, const std::string& view,
                                            const StoredResult& stored, const TouchedKeys& keys) {
    return without_place(refresh_result(connection, view, stored, keys));
}

std::string appended_rows(const std::string& view) { return sql::quote_name("weir_appended_" + view); }

Result<std::optional<std::int64_t>> append_new(sql::Connection& connection, const std::string& view,
                                               const StoredResult& stored, const std::string& finish) {
    return without_place(append_to_result(connection, view, stored, finish));
}

}  // namespace weir::view
