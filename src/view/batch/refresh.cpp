#include "view/batch/refresh.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "lake/read/added_rows.h"
#include "lake/read/file_facts.h"
#include "view/split/touched.h"

namespace weir::view {
namespace {

// Above this share of new rows in the old result's, computing the whole costs less.
constexpr std::int64_t touched_share = 4;

struct Position {
    std::string id;
    std::int64_t version;
};

std::optional<Position> parse_position(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    return Position{text.substr(0, colon), std::strtoll(text.c_str() + colon + 1, nullptr, 10)};
}

std::int64_t rows_in(const std::vector<lake::AddFile>& files) {
    std::int64_t rows = 0;
    for (const auto& file : files) rows += lake::live_rows(file).value_or(0);
    return rows;
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
    // Rows that were there, but of later days than the old result could see.
    std::set<std::string> added;
    for (const auto& each : changes->added) added.insert(each.file.path);
    WEIR_ASSIGN(
        const auto later,
        lake::matching_files(*source.snapshot, {{source.day_column, lake::Comparison::greater_equal, then.end}}));
    for (const auto& path : later)
        if (!added.contains(path)) return Maybe();
    return Maybe(std::move(*changes));
}

}  // namespace

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

Result<std::optional<std::int64_t>> refresh(sql::Connection& connection, const std::string& view,
                                            const RefreshInput& input) {
    using Keys = std::optional<std::int64_t>;
    const auto& [result, keys, then, now, sources] = input;
    if (!keys.why_not.empty() || then.text != now.text || then.positions.size() != now.positions.size()) return Keys();
    for (const auto& [name, position] : now.positions) {
        const auto known = then.positions.find(name);
        if (known == then.positions.end()) return Keys();
        if (!sources.contains(name) && known->second != position) return Keys();
    }
    WEIR_ASSIGN(const auto old, result.snapshot());
    if (position_of(old) != then.result) return Keys();
    std::map<std::string, lake::Changes> news;
    std::int64_t new_rows = 0;
    for (const auto& [name, source] : sources) {
        if (!keys.sources.contains(name)) return Keys();
        WEIR_ASSIGN(auto changes, added_to(source, then.positions.at(name), then, now));
        if (!changes) return Keys();
        for (const auto& each : changes->added) new_rows += lake::live_rows(each.file).value_or(0);
        news.emplace(name, std::move(*changes));
    }
    if (new_rows * touched_share > rows_in(old.files())) return Keys();

    // The old result in the columns of the new one, which must be of the same types.
    WEIR_ASSIGN(const auto columns, connection.describe(keys.unordered));
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(result.store(), connection, old, "weir_before"));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    WEIR_ASSIGN(const auto old_columns, connection.describe("SELECT * FROM " + scan.relation));
    if (old_columns.size() != columns.size()) return Keys();
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (old_columns[i].type != columns[i].type || !equal_ignoring_case(old_columns[i].name, columns[i].name))
            return Keys();

    std::vector<std::string> touched;
    for (const auto& [name, changes] : news) {
        const auto& source = sources.at(name);
        WEIR_ASSIGN(const auto added, lake::prepare_added(source.table, connection, *source.snapshot, changes,
                                                          fmt::format("weir_added_{}", touched.size())));
        touched.push_back(
            select_keys(keys.sources.at(name), fmt::format("(SELECT {} FROM {})", source.columns, added)));
    }
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", touched_relation, fmt::join(touched, " UNION "))));
    WEIR_ASSIGN(const auto count, connection.query(fmt::format("SELECT count(*) FROM {}", touched_relation)));
    for (const auto& [name, source] : sources)
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS {}", sql::quote_name(name),
                                            select_touched(keys.sources.at(name), source.relation))));
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", sql::quote_name(view),
                                        select_refreshed(keys, scan.relation))));
    return Keys(count.integer(0, 0));
}

}  // namespace weir::view
