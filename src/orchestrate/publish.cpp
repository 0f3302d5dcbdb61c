#include "orchestrate/publish.h"

#include <fmt/format.h>

#include <algorithm>

#include "lake/maintain/optimize.h"
#include "lake/maintain/restore.h"
#include "lake/read/file_facts.h"
#include "lake/write/evolve.h"
#include "view/session.h"

namespace weir::orchestrate {
namespace {

using declare::View;

// A result with more files under the first size gets files of the second.
constexpr std::int64_t small_bytes = std::int64_t{16} << 20, merged_bytes = std::int64_t{64} << 20;
constexpr std::int64_t small_files_max = 16;
constexpr std::string_view day_app_prefix = "run_date=";

std::string day_app(Day day) { return fmt::format("{}{}", day_app_prefix, weir::to_string(day)); }

// Whether rows of `want` fit into a table of `have`, perhaps after columns were added.
bool fits(const Schema& have, const Schema& want) {
    for (const auto& field : want.fields) {
        const auto* existing = have.find(field.name);
        if (existing != nullptr && !(existing->type == field.type)) return false;
    }
    return true;
}

// A result that grew by many small files is read slowly. Gives the version that it has then, if that is a new one.
Result<std::optional<lake::TableVersion>> merge_small_files(const lake::Table& table) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    const auto& files = snapshot.files();
    const auto small =
        std::count_if(files.begin(), files.end(), [](const auto& file) { return file.size_bytes < small_bytes; });
    if (small <= small_files_max) return std::optional<lake::TableVersion>();
    WEIR_ASSIGN(const auto done, lake::optimize(table, {.target_bytes = merged_bytes}));
    return done.version;
}

}  // namespace

Result<Published> publish(const Workplace& at, view::IntervalBatch& batch, const View& view,
                          const view::IntervalBatch::Computed& computed) {
    auto& connection = batch.connection();
    const bool every_interval = view.keep == View::Keep::every_interval;
    const bool grows = computed.appended.has_value();
    const auto day = weir::to_string(batch.interval().from);
    const auto name = grows ? view::appended_rows(view.name) : sql::quote_name(view.name);
    const auto select = every_interval
                            ? fmt::format("SELECT *, DATE '{}' AS {} FROM {}", day, view::run_date_column, name)
                            : fmt::format("SELECT * FROM {}", name);
    WEIR_ASSIGN(const auto schema, connection.schema_of(select));
    const std::vector<std::string> partitions =
        every_interval ? std::vector{std::string(view::run_date_column)} : std::vector<std::string>{};

    WEIR_ASSIGN(auto table, open_or_create(at, view.name, schema, partitions, view.description));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    const bool same_layout = snapshot.partition_columns() == partitions && fits(snapshot.schema(), schema);
    if (same_layout && every_interval && schema.fields.size() > snapshot.schema().fields.size()) {
        auto wanted = snapshot.schema();
        for (const auto& field : schema.fields) {
            if (wanted.find(field.name) == nullptr) wanted.fields.push_back(field);
        }
        WEIR_ASSIGN(snapshot, lake::evolve(table, wanted));
    }
    const auto id = snapshot.metadata().id;
    const auto app = day_app(batch.interval().from);
    const auto last = snapshot.transaction_version(app).value_or(0);
    Published published{.rows = grows ? lake::known_rows(snapshot.files()) : 0, .position = {}};
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    if (every_interval && same_layout) {
        WEIR_TRY(transaction.overwrite_partitions({{{std::string(view::run_date_column), day}}}));
    } else if (!grows) {
        // The newest text decides the layout; days of an older layout are due and computed again.
        WEIR_TRY(transaction.overwrite());
        if (!same_layout || !(transaction.schema() == schema)) WEIR_TRY(transaction.set_layout(schema, partitions));
    }
    transaction.set_configuration(std::string(view::keep_property),
                                  every_interval ? std::optional<std::string>("every_interval") : std::nullopt);
    if (!grows || *computed.appended > 0) {
        auto appended = transaction.append(connection, select);
        if (!appended && appended.error().code == ErrorCode::sql_invalid) {
            appended.error().where = {};  // in a text that nobody wrote
            return batch.in_file(view, std::move(appended).error());
        }
        if (!appended) return std::move(appended).error();
        published.rows += appended->rows;
    }
    WEIR_TRY(transaction.set_txn(app, last + 1));
    transaction.set_operation("WRITE");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    auto version = committed.version;
    if (grows) {
        WEIR_ASSIGN(const auto merged, merge_small_files(table));
        version = merged.value_or(version);
    }
    published.position = fmt::format("{}:{}", id, version.get());
    return published;
}

Result<PublishedResults> published_results(const Workplace& at, const View& view) {
    PublishedResults results;
    WEIR_ASSIGN(const auto table, at.lake.table(view.name));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return results;
    results.restores = snapshot->transaction_version(std::string(lake::restore_app)).value_or(0);
    for (const auto& [app, txn] : snapshot->transactions()) {
        if (!std::string_view(app).starts_with(day_app_prefix)) continue;
        if (const auto day = parse_day(std::string_view(app).substr(day_app_prefix.size()))) results.days.insert(*day);
    }
    return results;
}

std::optional<std::int64_t> times_published(const lake::Snapshot& snapshot, Day day) {
    return snapshot.transaction_version(day_app(day));
}

}  // namespace weir::orchestrate
