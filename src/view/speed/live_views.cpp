#include "view/speed/live_views.h"

#include <fmt/format.h>

#include <atomic>

#include "lake/log/paths.h"

namespace weir::view {
namespace {

constexpr int tries = 5;

// The last day on which rows of a table arrived; nothing: it has none.
Result<std::optional<Day>> last_arrival(sql::Connection& connection, const lake::Table& table,
                                        const lake::Snapshot& snapshot) {
    std::optional<Day> last;
    bool by_file = true;
    for (const auto& file : snapshot.files()) {
        const auto value = file.partition_values.find(std::string(declare::arrival_column));
        const auto day =
            value == file.partition_values.end() || !value->second ? std::nullopt : parse_day(*value->second);
        by_file = by_file && day;
        if (day && (!last || *day > *last)) last = day;
    }
    if (by_file) return last;
    const auto name = std::string(declare::arrival_column);
    WEIR_ASSIGN(const auto scan,
                lake::prepare_scan(table.store(), connection, snapshot, "weir_days", {.columns = {name}}));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format("SELECT max({})::VARCHAR FROM {}", name, scan.relation)));
    if (const auto text = rows.text_or_null(0, 0)) return parse_day(std::string(*text));
    return std::optional<Day>();
}

}  // namespace

LiveTable::LiveTable(sql::Database& database, std::uint64_t number)
    : database_(&database), number_(number), relation_(fmt::format("weir_live.view_{}", number)) {}

LiveTable::~LiveTable() {
    // The database's memory ends with the database; a table that cannot be dropped before costs memory only.
    if (auto connection = database_->connect()) static_cast<void>(connection->run("DROP TABLE IF EXISTS " + relation_));
}

Result<std::unique_ptr<LiveViews>> LiveViews::open(const lake::Lake& lake, sql::Database& database,
                                                   declare::Project project, const Clock& clock) {
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(connection.run("CREATE SCHEMA IF NOT EXISTS weir_live"));
    return std::unique_ptr<LiveViews>(new LiveViews(lake, database, std::move(project), clock));
}

Status LiveViews::look_at(sql::Connection& connection, const std::string& name, const lake::Table& table,
                          Table& known) {
    if (known.snapshot) {
        auto& store = table.store();
        const auto version = known.snapshot->version();
        if (store.head(lake::commit_path(version)) && !store.head(lake::commit_path(next(version)))) return ok();
    }
    WEIR_ASSIGN(const bool exists, table.exists());
    if (!exists) {
        known = {};
        return ok();
    }
    WEIR_ASSIGN(known.snapshot, table.snapshot());
    const auto& metadata = known.snapshot->metadata();
    known.made_of = fmt::format("{}:{}", metadata.id, known.snapshot->version().get());
    known.shape = metadata.id + metadata.schema_text;
    if (name.starts_with("weir/")) return ok();
    WEIR_ASSIGN(known.last_arrival, last_arrival(connection, table, *known.snapshot));
    return ok();
}

Status LiveViews::look() {
    Versions versions;
    std::string shapes;
    std::set<std::string> names;
    for (const auto& view : project_.views) names.merge(base_tables(project_, view));
    WEIR_ASSIGN(auto connection, database_->connect());
    auto pinned = std::make_shared<PinnedTables>(*lake_);
    for (const auto& name : names) {
        WEIR_ASSIGN(const auto table, lake_->table(name));
        auto& known = tables_[name];
        WEIR_TRY(look_at(connection, name, table, known));
        versions.emplace(name, known.snapshot ? known.snapshot->version().get() : not_there);
        if (known.snapshot) shapes += name + ":" + known.shape + "\n";
        pinned->put(name, {.table = table, .snapshot = known.snapshot});
    }
    const bool same_tables = shapes == shapes_ && catalog_;
    if (!same_tables || versions != versions_) {
        versions_ = std::move(versions);
        pinned_ = std::move(pinned);
    }
    if (same_tables) return ok();
    WEIR_ASSIGN(catalog_, Catalog::open(*lake_, project_));
    WEIR_ASSIGN(by_day_, catalog_->states_by_day());
    WEIR_ASSIGN(states_, LiveStates::open(*lake_, *database_));
    known_.clear();
    shapes_ = std::move(shapes);
    return ok();
}

Result<LiveMoment> LiveViews::read(const std::set<std::string>& views) {
    const std::lock_guard lock(mutex_);
    if (!taking_in_) WEIR_TRY(look());
    for (int left = tries;; --left) {
        auto moment = read_once(views);
        if (moment || moment.error().code != ErrorCode::table_conflict || left == 1) return moment;
        WEIR_TRY(look());
    }
}

Result<std::vector<LiveViews::Wanted>> LiveViews::begin_to_take_in() {
    std::vector<Wanted> wanted;
    WEIR_TRY(look());
    if (versions_ == taken_in_) return wanted;
    for (const auto& view : project_.views) {
        const auto split = catalog_->split(view);
        if (!split) continue;  // told where the view is read
        for (const auto& state : (*split)->states) wanted.push_back({&state, by_day_.contains(state.name)});
    }
    catalog_->keep();
    return wanted;
}

Result<bool> LiveViews::take_in() {
    std::unique_lock lock(mutex_);
    WEIR_ASSIGN(const auto wanted, begin_to_take_in());
    if (versions_ == taken_in_) return false;
    taking_in_ = true;
    const auto pinned = pinned_;
    auto status = ok();
    for (const auto& each : wanted) {
        lock.unlock();
        lock.lock();
        // A read that met a cut that moved has gone on to later versions: they are taken in the next time.
        if (pinned_ != pinned) break;
        status = states_->move_to(pinned_, versions_);
        if (!status) break;
        const auto caught_up = states_->catch_up(*each.state, each.by_day);
        // A table that is not there yet, or a cut that moves: told where the view is read, or over by then.
        if (!caught_up && caught_up.error().code != ErrorCode::not_found &&
            caught_up.error().code != ErrorCode::table_conflict) {
            status = caught_up.error();
            break;
        }
    }
    taking_in_ = false;
    WEIR_TRY(std::move(status));
    if (pinned_ == pinned) taken_in_ = versions_;
    return true;
}

Result<LiveMoment> LiveViews::read_once(const std::set<std::string>& views) {
    LiveMoment moment{.taken = clock_->now(), .versions = versions_, .tables = pinned_, .views = {}};
    WEIR_TRY(states_->move_to(pinned_, versions_));
    Batches batches;
    WEIR_ASSIGN(const auto publication, newest_publication(*lake_, *database_));
    for (const auto& name : views) {
        const auto* view = project_.view(name);
        if (view == nullptr)
            return Error{.code = ErrorCode::not_found, .message = fmt::format("there is no view '{}'", name)};
        WEIR_ASSIGN(auto live, compute(*view, publication, batches));
        known_[view->name] = live;
        moment.views.emplace(view->name, std::move(live));
    }
    catalog_->keep();
    return moment;
}

Result<LiveView> LiveViews::compute(const declare::View& view, const Publication& publication, Batches& batches) {
    LiveView live;
    std::optional<Day> day;
    for (const auto& name : base_tables(project_, view)) {
        const auto table = tables_.find(name);
        live.made_from += name + "=" + (table == tables_.end() ? std::string("none") : table->second.made_of) + "\n";
        if (table != tables_.end()) day = std::max(day, table->second.last_arrival);
    }
    if (const auto published = publication.views.find(view.name); published != publication.views.end())
        day = std::max(day, parse_day(published->second.interval));
    live.day = day.value_or(std::chrono::floor<std::chrono::days>(clock_->now()));
    live.made_from += weir::to_string(live.day) + "\n" + text_hash(project_, view);
    if (const auto known = known_.find(view.name); known != known_.end() && known->second.made_from == live.made_from)
        return known->second;
    auto opened = batches.find(live.day);
    if (opened == batches.end()) {
        WEIR_ASSIGN(auto batch, IntervalBatch::open(*lake_, *database_, project_,
                                                    {live.day, live.day + std::chrono::days{1}}, pinned_));
        opened = batches.emplace(live.day, std::move(batch)).first;
    }
    auto& batch = opened->second;
    WEIR_ASSIGN(const auto computed,
                batch.compute(view, {.catalog = *catalog_, .reader = states_.get(), .by_day = by_day_}));
    live.from_states = computed.from_states;
    static std::atomic<std::uint64_t> made = 0;
    live.table = std::make_shared<LiveTable>(*database_, made++);
    WEIR_TRY(batch.connection().run(
        fmt::format("CREATE TABLE {} AS FROM {}", live.table->relation(), sql::quote_name(view.name))));
    return live;
}

}  // namespace weir::view
