#include "serve/read/batch_reads.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lake/log/paths.h"
#include "lake/maintain/restore.h"
#include "serve/read/cut_watermark.h"
#include "view/batch/interval_batch.h"
#include "view/session.h"

namespace weir::serve {
namespace {

// Relations that stay known; each is a text of some hundred bytes per data file.
constexpr std::size_t pinned_max = 512;

struct Version {
    std::int64_t table_version = 0;
    std::string interval;  // of a view that keeps every one
    std::string table_id;
};

std::string to_text(const Version& version) {
    return fmt::format("{}-{}-{}", version.table_version, version.interval.empty() ? "latest" : version.interval,
                       version.table_id);
}

std::optional<Version> parse_version(const std::string& text) {
    Version version;
    const auto first = text.find('-');
    if (first == std::string::npos) return std::nullopt;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + first, version.table_version);
    if (failure != std::errc{} || end != text.data() + first || version.table_version < 0) return std::nullopt;
    const auto rest = std::string_view(text).substr(first + 1);
    if (rest.starts_with("latest-")) {
        version.table_id = rest.substr(7);
    } else if (rest.size() > 11 && parse_day(rest.substr(0, 10)) && rest[10] == '-') {
        version.interval = rest.substr(0, 10);
        version.table_id = rest.substr(11);
    } else {
        return std::nullopt;
    }
    return version;
}

Error no_result(const std::string& view) {
    return {.code = ErrorCode::not_found,
            .message = fmt::format("view {} has no result yet", view),
            .hint = "`weir run` computes and publishes it"};
}

Error gone(const std::string& view) {
    return {.code = ErrorCode::offsets_gone,
            .message = fmt::format("this version of view {} is no longer in the lake", view),
            .hint = "begin again without a cursor"};
}

bool keeps_every_interval(const lake::Snapshot& snapshot) {
    const auto keep = snapshot.metadata().configuration.find(std::string(view::keep_property));
    return keep != snapshot.metadata().configuration.end() && keep->second == "every_interval";
}

}  // namespace

std::string_view to_string(Layer layer) {
    switch (layer) {
        case Layer::batch: return "batch";
        case Layer::speed: return "speed";
        default: return "merged";
    }
}

Result<std::unique_ptr<BatchReads>> BatchReads::open(const BatchReadsOptions& options) {
    std::error_code error;
    if (!fs::is_directory(options.lake, error))
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no lake at {}", options.lake.string()),
                     .hint = "`weir run` makes it; or name another place with --lake"};
    auto reads = std::unique_ptr<BatchReads>(new BatchReads());
    reads->path_ = options.lake;
    reads->project_ = options.project;
    reads->all_views_ = options.all_views;
    if (options.database != nullptr) {
        reads->database_ = options.database;
        reads->live_database_ = true;
    } else {
        WEIR_TRY(reads->open_own_database(options));
    }
    WEIR_ASSIGN(reads->lake_, lake::Lake::open(options.lake.string(), *reads->database_));
    reads->present_ = std::make_shared<const Present>();
    reads->make_catalogue(*reads->present_);
    WEIR_ASSIGN(const auto changed, reads->refresh());
    static_cast<void>(changed);
    return reads;
}

Status BatchReads::open_own_database(const BatchReadsOptions& options) {
    if (options.project != nullptr) {
        // Macros that read tables which are not there yet cannot be made: then nothing is read live.
        if (auto database = view::open_database(*options.project, view::Access::look)) {
            own_database_ = std::make_unique<sql::Database>(std::move(*database));
            live_database_ = true;
        }
    }
    if (!own_database_) {
        sql::DatabaseOptions database_options;
        // Who may only read this lake reads without spilling.
        if (auto spill = sql::SpillFolder::make(view::spill_root(options.lake)))
            database_options.spill = std::move(*spill);
        if (options.project != nullptr) {
            database_options.memory_limit = options.project->engine.memory;
            database_options.threads = options.project->engine.threads;
        }
        WEIR_ASSIGN(auto database, sql::Database::open(std::move(database_options)));
        own_database_ = std::make_unique<sql::Database>(std::move(database));
    }
    database_ = own_database_.get();
    return ok();
}

bool BatchReads::is_served(const std::string& view) const {
    if (project_ == nullptr) return true;
    const auto* declared = project_->view(view);
    if (declared == nullptr || declared->keep == declare::View::Keep::none) return false;
    const auto* served = project_->serve.view(view);
    return all_views_ || served == nullptr || served->served;
}

std::set<std::string> BatchReads::base_tables_of(const std::string& name) const {
    const auto* declared = project_ == nullptr ? nullptr : project_->view(name);
    return declared == nullptr ? std::set<std::string>() : view::base_tables(*project_, *declared);
}

std::shared_ptr<const std::vector<CatalogueEntry>> BatchReads::catalogue() const {
    const std::lock_guard lock(mutex_);
    return catalogue_;
}

std::int64_t BatchReads::publication() const {
    const std::lock_guard lock(mutex_);
    return present_->publication.number;
}

std::optional<Time> BatchReads::published_at() const {
    const std::lock_guard lock(mutex_);
    return present_->published_at;
}

// The published version, as `weir sql` reads it: a table that was restored or made anew by hand is read as it is.
Result<BatchReads::Served> BatchReads::resolve(const std::string& name, const view::PublishedView& published) {
    WEIR_ASSIGN(const auto table, lake_->table(name));
    WEIR_ASSIGN(const auto newest, table.snapshot());
    Served served{.published = published,
                  .version = newest.version().get(),
                  .newest = newest.version().get(),
                  .kept = keeps_every_interval(newest)};
    if (newest.metadata().id != published.table_id) {
        served.published.table_id = newest.metadata().id;
        return served;
    }
    if (served.version == published.table_version) return served;
    WEIR_ASSIGN(const auto earlier, table.snapshot(lake::TableVersion(published.table_version)));
    const std::string restored(lake::restore_app);
    if (newest.transaction_version(restored) == earlier.transaction_version(restored))
        served.version = published.table_version;
    return served;
}

Result<bool> BatchReads::refresh() {
    std::shared_ptr<const Present> before;
    {
        const std::lock_guard lock(mutex_);
        before = present_;
    }
    WEIR_ASSIGN(const auto newest, last_publication_.newest(*lake_, *database_));
    const auto& publication = *newest;
    auto present = std::make_shared<Present>();
    bool changed = publication.number != before->publication.number;
    for (const auto& [name, published] : publication.views) {
        if (!is_served(name)) continue;
        const auto known = before->views.find(name);
        const bool same = known != before->views.end() &&
                          known->second.published.table_version == published.table_version &&
                          known->second.published.table_id == published.table_id;
        if (same) {
            // Somebody may have restored an earlier version.
            WEIR_ASSIGN(const auto table, lake_->table(name));
            const auto next = lake::commit_path(lake::TableVersion(known->second.newest + 1));
            if (!table.store().head(next)) {
                present->views.insert(*known);
                continue;
            }
        }
        auto served = resolve(name, published);
        if (!served) continue;  // a table that was dropped: it has no result
        changed = changed || known == before->views.end() || known->second.version != served->version;
        present->views.emplace(name, std::move(*served));
    }
    changed = changed || present->views.size() != before->views.size();
    if (!changed && present->views.empty()) return false;
    if (publication.number == before->publication.number) {
        present->published_at = before->published_at;
    } else {
        WEIR_ASSIGN(present->published_at, published_at(publication.number));
    }
    present->publication = publication;
    if (changed) add_watermarks(*present);
    const std::lock_guard lock(mutex_);
    present_ = present;
    // A version that goes on being served belongs to the new publication too.
    if (changed) pinned_.clear();
    if (changed) make_catalogue(*present);
    return changed;
}

Result<std::optional<Time>> BatchReads::published_at(std::int64_t number) {
    if (number == 0) return std::optional<Time>();
    WEIR_ASSIGN(const auto table, lake_->table(view::publications_table));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto scan,
                table.scan(snapshot, {.skip = {{"publication", lake::Comparison::equal, std::to_string(number)}}}));
    WEIR_ASSIGN(auto connection, database_->connect());
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format("SELECT epoch_us(max(published_at)) FROM {} WHERE publication = {}",
                                             scan.relation, number)));
    if (rows.row_count() == 0 || rows.is_null(0, 0)) return std::optional<Time>();
    return std::optional(Time(std::chrono::microseconds(rows.integer(0, 0))));
}

// Of every view, for the catalogue and for streams. One that cannot be told is left out: its rows are served all the
// same.
void BatchReads::add_watermarks(Present& present) {
    if (project_ == nullptr || !present.published_at) return;
    std::set<std::string> dated;
    for (const auto& source : project_->sources)
        if (source.event_time) dated.insert(source.table);
    auto connection = database_->connect();
    if (!connection) return;
    CutWatermark marks(*project_, *connection, *present.published_at);
    // Most views of a publication rest on the same versions.
    std::map<view::Versions, std::optional<Time>> known;
    for (auto& [name, served] : present.views) {
        auto tables = base_tables_of(name);
        std::erase_if(tables, [&](const std::string& table) { return !dated.contains(table); });
        auto versions = view::versions_of(served.published.cut, tables);
        std::erase_if(versions, [&](const auto& one) { return !tables.contains(one.first); });
        auto found = known.find(versions);
        if (found == known.end()) {
            view::PinnedTables pinned(*lake_, versions);
            const auto mark = marks.of(tables, pinned);
            found = known.emplace(versions, mark ? *mark : std::nullopt).first;
        }
        served.watermark = found->second;
    }
}

void BatchReads::make_catalogue(const Present& present) {
    auto entries = std::make_shared<std::vector<CatalogueEntry>>();
    const auto fill = [&](CatalogueEntry& entry) {
        const auto found = present.views.find(entry.name);
        if (found == present.views.end()) return;
        const auto& served = found->second;
        entry.has_result = true;
        entry.kind = served.kept ? "every_interval" : "latest";
        entry.from = {.layer = Layer::batch,
                      .publication = present.publication.number,
                      .published_at = present.published_at,
                      .interval = served.published.interval,
                      .cut = served.published.cut,
                      .watermark = served.watermark,
                      .rows = served.published.rows,
                      .code = served.published.code};
    };
    if (project_ != nullptr) {
        for (const auto& view : project_->views) {
            if (!is_served(view.name)) continue;
            CatalogueEntry entry{
                .name = view.name,
                .description = view.description,
                .kind = view.keep == declare::View::Keep::every_interval ? "every_interval" : "latest"};
            if (!view.schema.fields.empty()) entry.schema = view.schema;
            fill(entry);
            entries->push_back(std::move(entry));
        }
    } else {
        for (const auto& [name, served] : present.views) {
            CatalogueEntry entry{.name = name};
            fill(entry);
            if (const auto table = lake_->table(name)) {
                if (const auto snapshot = table->snapshot(lake::TableVersion(served.version))) {
                    entry.schema = snapshot->schema();
                    auto& fields = entry.schema->fields;
                    if (served.kept)
                        std::erase_if(fields, [](const Field& field) { return field.name == view::run_date_column; });
                }
            }
            entries->push_back(std::move(entry));
        }
    }
    std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    catalogue_ = std::move(entries);
}

Result<std::shared_ptr<const Pinned>> BatchReads::pin(const std::string& view, const Wanted& wanted) {
    if (!wanted.version.empty()) return open_version(view, wanted.version);
    std::shared_ptr<const Present> present;
    {
        const std::lock_guard lock(mutex_);
        present = present_;
    }
    const auto found = present->views.find(view);
    if (found == present->views.end()) return no_result(view);
    const auto& served = found->second;
    auto version = to_text({served.version, served.kept ? served.published.interval : "", served.published.table_id});
    if (wanted.known_at) {
        WEIR_ASSIGN(version, version_known_at(view, *wanted.known_at));
    }
    if (wanted.as_of) {
        WEIR_ASSIGN(version, version_as_of(view, version, *wanted.as_of));
    }
    return open_version(view, version);
}

Result<std::string> BatchReads::version_known_at(const std::string& view, Time time) {
    WEIR_ASSIGN(const auto table, lake_->table(view::publications_table));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto scan, table.scan(snapshot));
    WEIR_ASSIGN(auto connection, database_->connect());
    WEIR_ASSIGN(const auto rows,
                connection.query(
                    fmt::format("SELECT table_version, \"interval\"::VARCHAR, table_id FROM {} WHERE \"view\" = {} AND "
                                "published_at <= make_timestamptz({}) ORDER BY publication DESC LIMIT 1",
                                scan.relation, sql::quote_text(view), time.time_since_epoch().count())));
    if (rows.row_count() == 0)
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("view {} had no published result at {}", view, to_iso(time)),
                     .hint = "weir.publications tells when results were published"};
    const Version version{rows.integer(0, 0), "", std::string(rows.text(0, 2))};
    WEIR_ASSIGN(const auto own, lake_->table(view));
    WEIR_ASSIGN(const auto newest, own.snapshot());
    if (!keeps_every_interval(newest)) return to_text(version);
    return to_text({version.table_version, std::string(rows.text(0, 1)), version.table_id});
}

Result<std::string> BatchReads::version_as_of(const std::string& view, const std::string& version, Day day) {
    const auto parsed = parse_version(version);
    WEIR_ASSIGN(const auto table, lake_->table(view));
    WEIR_ASSIGN(const auto snapshot, snapshot_of(version, table));
    if (!keeps_every_interval(snapshot))
        return Error{
            .code = ErrorCode::refused,
            .message = fmt::format("view {} keeps its latest result only, so that there is none as of {}", view,
                                   weir::to_string(day)),
            .hint = "`keep: every_interval` in its header keeps one a day; known_at asks for earlier publications"};
    const auto days = view::run_dates(snapshot);
    const auto after = days.upper_bound(weir::to_string(day));
    if (after == days.begin())
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("view {} has no result as of {}", view, weir::to_string(day)),
                     .hint = days.empty() ? "" : fmt::format("its first result is of {}", *days.begin())};
    return to_text({parsed->table_version, *std::prev(after), parsed->table_id});
}

Result<lake::Snapshot> BatchReads::snapshot_of(const std::string& version, const lake::Table& table) {
    const auto parsed = parse_version(version);
    if (!parsed) return gone(table.name());
    auto snapshot = table.snapshot(lake::TableVersion(parsed->table_version));
    if (!snapshot && snapshot.error().code == ErrorCode::not_found) return gone(table.name());
    if (snapshot && snapshot->metadata().id != parsed->table_id) return gone(table.name());
    return snapshot;
}

// Of a version that was published once.
Result<Provenance> BatchReads::earlier_provenance(const std::string& view, std::int64_t version,
                                                  const std::string& table_id) {
    WEIR_ASSIGN(const auto table, lake_->table(view::publications_table));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto scan, table.scan(snapshot));
    WEIR_ASSIGN(auto connection, database_->connect());
    WEIR_ASSIGN(
        const auto rows,
        connection.query(fmt::format(
            "SELECT publication, epoch_us(published_at), \"interval\"::VARCHAR, cut, \"rows\", code FROM {} WHERE "
            "\"view\" = {} AND table_version = {} AND table_id = {} ORDER BY publication DESC LIMIT 1",
            scan.relation, sql::quote_text(view), version, sql::quote_text(table_id))));
    Provenance from;
    if (rows.row_count() == 0) return from;
    from.publication = rows.integer(0, 0);
    if (!rows.is_null(0, 1)) from.published_at = Time(std::chrono::microseconds(rows.integer(0, 1)));
    from.interval = rows.text(0, 2);
    from.cut = rows.text(0, 3);
    from.rows = rows.integer(0, 4);
    from.code = rows.text(0, 5);
    return from;
}

Result<std::optional<Time>> BatchReads::watermark_of(const std::string& view, const Provenance& from) {
    if (project_ == nullptr || !from.published_at) return std::optional<Time>();
    WEIR_ASSIGN(auto connection, database_->connect());
    const auto tables = base_tables_of(view);
    view::PinnedTables pinned(*lake_, view::versions_of(from.cut, tables));
    auto mark = CutWatermark(*project_, connection, *from.published_at).of(tables, pinned);
    if (!mark && mark.error().code == ErrorCode::not_found) return std::optional<Time>();
    return mark;
}

Result<std::shared_ptr<const Pinned>> BatchReads::open_version(const std::string& view, const std::string& version) {
    if (!is_served(view)) return no_result(view);
    const auto name = view + "\n" + version;
    std::shared_ptr<const Present> present;
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = pinned_.find(name); known != pinned_.end()) return known->second;
        present = present_;
    }
    WEIR_ASSIGN(const auto table, lake_->table(view));
    WEIR_ASSIGN(const auto snapshot, snapshot_of(version, table));
    const auto parsed = parse_version(version);
    auto pinned = std::make_shared<Pinned>();
    pinned->view = view;
    pinned->version = version;
    pinned->schema = snapshot.schema();
    lake::ScanOptions options;
    std::string what = "SELECT *", where;
    const bool kept = keeps_every_interval(snapshot);
    if (kept) {
        what = fmt::format("SELECT * EXCLUDE ({})", view::run_date_column);
        where = parsed->interval.empty()
                    ? " WHERE false"
                    : fmt::format(" WHERE {} = {}", view::run_date_column, sql::quote_text(parsed->interval));
        if (!parsed->interval.empty())
            options.skip.push_back({.column = std::string(view::run_date_column), .literal = parsed->interval});
        std::erase_if(pinned->schema.fields, [](const Field& field) { return field.name == view::run_date_column; });
    }
    WEIR_ASSIGN(const auto plan, table.scan(snapshot, options));
    pinned->relation = kept ? fmt::format("({} FROM {}{})", what, plan.relation, where) : plan.relation;
    const auto served = present->views.find(view);
    if (served != present->views.end() && served->second.version == parsed->table_version) {
        pinned->from = {.layer = Layer::batch,
                        .publication = present->publication.number,
                        .published_at = present->published_at,
                        .interval = served->second.published.interval,
                        .cut = served->second.published.cut,
                        .rows = served->second.published.rows,
                        .code = served->second.published.code};
    } else {
        WEIR_ASSIGN(pinned->from, earlier_provenance(view, parsed->table_version, parsed->table_id));
    }
    if (!parsed->interval.empty()) pinned->from.interval = parsed->interval;
    WEIR_ASSIGN(pinned->from.watermark, watermark_of(view, pinned->from));
    const std::lock_guard lock(mutex_);
    if (pinned_.size() >= pinned_max) pinned_.clear();
    pinned_[name] = pinned;
    return std::shared_ptr<const Pinned>(std::move(pinned));
}

}  // namespace weir::serve
