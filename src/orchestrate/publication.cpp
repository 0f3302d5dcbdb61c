#include "orchestrate/publication.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "lake/log/changes.h"
#include "lake/read/added_rows.h"
#include "model/system_tables.h"
#include "orchestrate/publish.h"

namespace weir::orchestrate {
namespace {

using view::PublishedView;

// The checksum is the sum of the rows' hashes by 2^64, so that rows that are added add theirs.
struct Content {
    std::int64_t rows = 0;
    std::uint64_t checksum = 0;
};

Result<Content> content_of(sql::Connection& connection, const std::string& relation) {
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format("SELECT count(*), (coalesce(sum(hash(result)), 0) % "
                                                              "18446744073709551616)::VARCHAR FROM {} AS result",
                                                              relation)));
    return Content{rows.integer(0, 0), std::strtoull(std::string(rows.text(0, 1)).c_str(), nullptr, 10)};
}

// The content that was published, where the table has the same columns still and only grew since; `before`: null if
// not.
Result<Content> content_of(sql::Connection& connection, const lake::Table& table, const lake::Snapshot& snapshot,
                           const PublishedView* before) {
    if (before != nullptr) {
        Content content{.rows = before->rows};
        const auto& text = before->checksum;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), content.checksum, 16);
        const auto changes =
            lake::changes_between(table.store(), lake::TableVersion(before->table_version), snapshot.version());
        if (failure == std::errc{} && end == text.data() + text.size() && changes && changes->only_added) {
            if (changes->added.empty()) return content;
            WEIR_ASSIGN(const auto added, lake::prepare_added(table, connection, snapshot, *changes, "content"));
            WEIR_ASSIGN(const auto more, content_of(connection, added));
            return Content{content.rows + more.rows, content.checksum + more.checksum};
        }
    }
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, snapshot, "content"));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    return content_of(connection, scan.relation);
}

std::string literal(const std::string& run_id, Time now, std::int64_t number, const std::string& name,
                    const PublishedView& view) {
    return fmt::format("({}, {}, make_timestamptz({}), {}, {}, {}, {}::DATE, {}, {}, {}, {})", number,
                       sql::quote_text(run_id), now.time_since_epoch().count(), sql::quote_text(name),
                       view.table_version, sql::quote_text(view.table_id), sql::quote_text(view.interval),
                       sql::quote_text(view.cut), sql::quote_text(view.code), view.rows,
                       sql::quote_text(view.checksum));
}

// Whether only earlier days were computed since it was published: its last day is of the cut that it was.
bool has_same_last_day(const lake::Table& table, const PublishedView& known, const lake::Snapshot& now, Day last) {
    if (known.interval != weir::to_string(last)) return false;
    const auto then = table.snapshot(lake::TableVersion(known.table_version));
    return then && times_published(*then, last) == times_published(now, last);
}

}  // namespace

Result<view::Publication> publish_results(const Workplace& at, view::PinnedTables& tables, const std::string& run_id,
                                          const std::set<std::string>& up_to_date) {
    WEIR_ASSIGN(auto publication, view::newest_publication(at.lake, at.database));
    WEIR_ASSIGN(auto connection, at.database.connect());
    std::map<std::string, PublishedView> results;
    for (const auto& view : at.project.views) {
        WEIR_ASSIGN(const auto table, at.lake.table(view.name));
        WEIR_ASSIGN(const auto snapshot, table.newest());
        if (!snapshot) continue;
        WEIR_ASSIGN(const auto earlier, published_results(at, view));
        const auto& days = earlier.days;
        if (days.empty()) continue;  // a table of another maker
        const auto version = snapshot->version().get();
        const auto known = publication.views.find(view.name);
        const bool same_table = known != publication.views.end() && known->second.table_id == snapshot->metadata().id;
        if (same_table && (known->second.table_version == version || !up_to_date.contains(view.name))) {
            results.insert(*known);
            continue;
        }
        if (!up_to_date.contains(view.name)) continue;
        // Tables of intervals get columns without being replaced.
        const bool same_columns = same_table && view.keep == declare::View::Keep::latest;
        WEIR_ASSIGN(const auto content,
                    content_of(connection, table, *snapshot, same_columns ? &known->second : nullptr));
        PublishedView result{.table_version = version,
                             .table_id = snapshot->metadata().id,
                             .interval = weir::to_string(*days.rbegin()),
                             .cut = {},
                             .code = view::text_hash(at.project, view),
                             .rows = content.rows,
                             .checksum = fmt::format("{:016x}", content.checksum)};
        if (same_table && has_same_last_day(table, known->second, *snapshot, *days.rbegin())) {
            result.cut = known->second.cut;
            result.code = known->second.code;
        } else {
            nlohmann::json cut = nlohmann::json::object();
            for (const auto& name : view::base_tables(at.project, view)) {
                WEIR_ASSIGN(const auto base, tables.table(name));
                if (base.snapshot) cut[name] = base.snapshot->version().get();
            }
            result.cut = cut.dump();
        }
        results.emplace(view.name, std::move(result));
    }
    const bool same = results.size() == publication.views.size() &&
                      std::all_of(results.begin(), results.end(), [&](const auto& result) {
                          const auto known = publication.views.find(result.first);
                          return known != publication.views.end() &&
                                 known->second.table_version == result.second.table_version &&
                                 known->second.table_id == result.second.table_id;
                      });
    if (same) return publication;
    const auto& spec = system_table("publications");
    WEIR_ASSIGN(const auto table,
                open_or_create(at, view::publications_table, spec.schema, {}, std::string(spec.summary)));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    const auto number = publication.number + 1;
    const auto now = at.clock.now();
    std::vector<std::string> rows, columns;
    for (const auto& [name, result] : results) rows.push_back(literal(run_id, now, number, name, result));
    for (const auto& field : spec.schema.fields) columns.push_back(sql::quote_name(field.name));
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    if (!rows.empty()) {
        WEIR_ASSIGN(const auto appended,
                    transaction.append(connection, fmt::format("SELECT * FROM (VALUES {}) t({})", fmt::join(rows, ", "),
                                                               fmt::join(columns, ", "))));
        static_cast<void>(appended);
    }
    WEIR_TRY(transaction.set_txn(view::publication_app, number));
    transaction.set_operation("PUBLISH");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    static_cast<void>(committed);
    return view::Publication{number, std::move(results)};
}

}  // namespace weir::orchestrate
