#include "view/speed/live_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "lake/read/file_facts.h"
#include "view/batch/refresh.h"
#include "view/speed/since_published.h"
#include "view/split/touched.h"

namespace weir::view {
namespace {

constexpr int tries = 5;

Error no_view(const std::string& name) {
    return {.code = ErrorCode::not_found, .message = fmt::format("there is no view '{}'", name)};
}

std::shared_ptr<const LiveTable> new_table(sql::Database& database, LiveTable::Parts parts = {}) {
    static std::atomic<std::uint64_t> made = 0;
    return std::make_shared<LiveTable>(database, made++, std::move(parts));
}

// The last day of arrival in a file, as the log has it; nothing: it does not say, or tells of rows that are deleted.
std::optional<Day> last_arrival(const lake::AddFile& file, const lake::TableState& state) {
    const auto folder = file.partition_values.find(std::string(declare::arrival_column));
    if (folder != file.partition_values.end()) return folder->second ? parse_day(*folder->second) : std::nullopt;
    if (file.deletion_vector) return std::nullopt;
    const auto facts = lake::facts_of(file, state);
    const auto column = facts.columns.find(std::string(declare::arrival_column));
    if (column == facts.columns.end() || !column->second.max) return std::nullopt;
    const auto* days = std::get_if<std::int64_t>(&*column->second.max);
    return days == nullptr ? std::nullopt : std::optional(Day{std::chrono::days{*days}});
}

// The last day on which rows of a table arrived; nothing: it has none. Rows are asked only where the log does not say.
Result<std::optional<Day>> last_arrival(sql::Database& database, const lake::Table& table,
                                        const lake::Snapshot& snapshot,
                                        std::unordered_map<std::string, std::optional<Day>>& known) {
    std::optional<Day> last;
    bool by_file = true;
    std::unordered_map<std::string, std::optional<Day>> days;
    for (const auto& file : snapshot.files()) {
        // Rows that are deleted later make of a day one that is not known.
        const auto before = file.deletion_vector ? known.end() : known.find(file.path);
        const auto day = before == known.end() ? last_arrival(file, snapshot.state()) : before->second;
        days.emplace(file.path, day);
        by_file = by_file && day;
        if (day) last = std::max(last, day);
    }
    known = std::move(days);
    if (by_file) return last;
    WEIR_ASSIGN(auto connection, database.connect());
    const auto name = std::string(declare::arrival_column);
    WEIR_ASSIGN(const auto scan,
                lake::prepare_scan(table.store(), connection, snapshot, "weir_days", {.columns = {name}}));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format("SELECT max({})::VARCHAR FROM {}", name, scan.relation)));
    if (const auto text = rows.text_or_null(0, 0)) return parse_day(std::string(*text));
    return std::optional<Day>();
}

}  // namespace

LiveTable::LiveTable(sql::Database& database, std::uint64_t number, Parts parts)
    : database_(&database),
      number_(number),
      relation_(fmt::format("weir_live.view_{}", number)),
      parts_(std::move(parts)) {}

LiveTable::~LiveTable() {
    // The database's memory ends with the database; a table that cannot be dropped before costs memory only.
    if (auto connection = database_->connect())
        static_cast<void>(
            connection->run(fmt::format("DROP {} IF EXISTS {}", parts_.empty() ? "TABLE" : "VIEW", relation_)));
}

Result<std::unique_ptr<LiveViews>> LiveViews::open(const lake::Lake& lake, sql::Database& database,
                                                   declare::Project project, const Clock& clock,
                                                   std::int64_t small_result) {
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(connection.run("CREATE SCHEMA IF NOT EXISTS weir_live"));
    return std::unique_ptr<LiveViews>(new LiveViews(lake, database, std::move(project), clock, small_result));
}

Status LiveViews::look_at(const std::string& name, const lake::Table& table, Table& known) {
    WEIR_ASSIGN(auto snapshot, table.newest());
    if (!snapshot) {
        known = {};
        return ok();
    }
    auto made_of = position_of(*snapshot);
    if (known.snapshot && made_of == known.made_of) return ok();
    known.snapshot = std::move(snapshot);
    known.made_of = std::move(made_of);
    const auto& metadata = known.snapshot->metadata();
    known.shape = metadata.id + metadata.schema_text;
    if (name.starts_with("weir/")) return ok();
    WEIR_ASSIGN(known.last_arrival, last_arrival(*database_, table, *known.snapshot, known.arrivals));
    return ok();
}

Status LiveViews::look() {
    Versions versions;
    std::string shapes;
    std::set<std::string> names;
    for (const auto& view : project_.views) names.merge(base_tables(project_, view));
    auto pinned = std::make_shared<PinnedTables>(*lake_);
    for (const auto& name : names) {
        WEIR_ASSIGN(const auto table, lake_->table(name));
        auto& known = tables_[name];
        WEIR_TRY(look_at(name, table, known));
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
    WEIR_ASSIGN(states_, LiveStates::open(*lake_, *database_, catalog_->columns_of_states()));
    known_.clear();
    known_newest_.clear();
    shapes_ = std::move(shapes);
    return ok();
}

Result<LiveMoment> LiveViews::try_to_read(const std::function<Result<LiveMoment>()>& once) {
    const std::lock_guard lock(mutex_);
    if (!taking_in_) WEIR_TRY(look());
    for (int left = tries;; --left) {
        auto moment = once();
        if (moment || moment.error().code != ErrorCode::table_conflict || left == 1) return moment;
        WEIR_TRY(look());
    }
}

Result<LiveMoment> LiveViews::read(const std::set<std::string>& views) {
    return try_to_read([&] { return read_once(views); });
}

Result<LiveMoment> LiveViews::read_newest(const std::string& view) {
    const auto* declared = project_.view(view);
    if (declared == nullptr) return no_view(view);
    return try_to_read([&] { return read_newest_once(*declared); });
}

Result<std::optional<LiveViews::ToTakeIn>> LiveViews::begin_to_take_in() {
    WEIR_TRY(look());
    WEIR_ASSIGN(const auto publication, publication_.newest(*lake_, *database_));
    // What a run has taken into the lake leaves the memory then, and not with the next rows.
    const bool published = taken_in_publication_ != publication->number;
    if (published) states_->look_again();
    if (versions_ == taken_in_ && !published) return std::optional<ToTakeIn>();
    ToTakeIn wanted{.publication = publication->number, .states = {}};
    for (const auto& view : project_.views) {
        const auto split = catalog_->split(view);
        if (!split) continue;  // told where the view is read
        for (const auto& state : (*split)->states) wanted.states.push_back({&state, by_day_.contains(state.name)});
    }
    catalog_->keep();
    return std::optional(std::move(wanted));
}

Result<bool> LiveViews::take_in() {
    std::unique_lock lock(mutex_);
    WEIR_ASSIGN(const auto wanted, begin_to_take_in());
    if (!wanted) return false;
    // Whichever way this ends, the next read looks for itself.
    struct Until {
        bool& taking_in;
        ~Until() { taking_in = false; }
    };
    taking_in_ = true;
    const Until end{taking_in_};
    const auto pinned = pinned_;
    for (const auto& each : wanted->states) {
        lock.unlock();
        lock.lock();
        // A read that met a cut that moved has gone on to later versions: they are taken in the next time.
        if (pinned_ != pinned) return true;
        WEIR_TRY(states_->move_to(pinned_, versions_));
        const auto caught_up = states_->catch_up(*each.state, each.by_day);
        // A table that is not there yet, or a cut that moves: told where the view is read, or over by then.
        if (!caught_up && caught_up.error().code != ErrorCode::not_found &&
            caught_up.error().code != ErrorCode::table_conflict)
            return caught_up.error();
    }
    taken_in_ = versions_;
    taken_in_publication_ = wanted->publication;
    return true;
}

StateSizes LiveViews::state_sizes() {
    const std::lock_guard lock(mutex_);
    return states_ ? states_->sizes() : StateSizes{};
}

Result<LiveMoment> LiveViews::read_once(const std::set<std::string>& views) {
    LiveMoment moment{.taken = clock_->now(), .versions = versions_, .tables = pinned_};
    WEIR_TRY(states_->move_to(pinned_, versions_));
    Batches batches;
    WEIR_ASSIGN(const auto publication, publication_.newest(*lake_, *database_));
    moment.publication = publication->number;
    if (std::exchange(looked_at_publication_, publication->number) != publication->number) states_->look_again();
    for (const auto& name : views) {
        const auto* view = project_.view(name);
        if (view == nullptr) return no_view(name);
        WEIR_ASSIGN(auto live, compute(*view, *publication, batches));
        known_[view->name] = live;
        moment.views.emplace(view->name, std::move(live));
    }
    catalog_->keep();
    return moment;
}

Day LiveViews::day_of(const declare::View& view, const Publication& publication) const {
    std::optional<Day> day;
    for (const auto& name : base_tables(project_, view))
        if (const auto table = tables_.find(name); table != tables_.end())
            day = std::max(day, table->second.last_arrival);
    if (const auto published = publication.views.find(view.name); published != publication.views.end())
        day = std::max(day, parse_day(published->second.interval));
    return day.value_or(std::chrono::floor<std::chrono::days>(clock_->now()));
}

// Its text, and where each of its tables stands.
std::string LiveViews::made_from(const declare::View& view) const {
    std::string text = text_hash(project_, view) + "\n";
    for (const auto& name : base_tables(project_, view)) {
        const auto table = tables_.find(name);
        text += name + "=" + (table == tables_.end() ? std::string("none") : table->second.made_of) + "\n";
    }
    return text;
}

Result<LiveMoment> LiveViews::read_newest_once(const declare::View& view) {
    for (const auto& name : base_tables(project_, view)) {
        const bool own = name.starts_with("weir/");
        if (own || weights_of(project_, name))
            return Error{.code = ErrorCode::refused,
                         .message = fmt::format("view '{}' has no layer of newest rows: it reads {}, {}", view.name,
                                                name, own ? "a table of weir's own" : "whose rows can be taken back"),
                         .hint = "the merged layer has them"};
    }
    LiveMoment moment{.taken = clock_->now(), .versions = versions_, .tables = pinned_};
    WEIR_ASSIGN(const auto publication, publication_.newest(*lake_, *database_));
    moment.publication = publication->number;
    WEIR_ASSIGN(auto live, compute_newest(view, *publication));
    known_newest_[view.name] = live;
    moment.views.emplace(view.name, std::move(live));
    return moment;
}

Result<LiveView> LiveViews::compute_newest(const declare::View& view, const Publication& publication) {
    LiveView live{.table = nullptr, .day = day_of(view, publication), .made_from = made_from(view)};
    const auto bases = base_tables(project_, view);
    Versions after;
    if (const auto published = publication.views.find(view.name); published != publication.views.end())
        after = versions_of(published->second.cut, bases);
    // The text that was published may have read other tables.
    std::erase_if(after, [&](const auto& each) { return !bases.contains(each.first); });
    for (const auto& [name, version] : after) {
        if (version > versions_.at(name))
            return Error{.code = ErrorCode::table_conflict, .message = "a run has published meanwhile"};
        live.made_from += fmt::format("{}>{}\n", name, version);
    }
    if (const auto known = known_newest_.find(view.name);
        known != known_newest_.end() && known->second.made_from == live.made_from)
        return known->second;
    WEIR_ASSIGN(auto opened, open_batch(live.day));
    opened.batch.read_only_after(std::move(after));
    WEIR_TRY(opened.batch.compute(view, {.catalog = *catalog_, .reader = nullptr, .by_day = by_day_}));
    live.table = opened.held->at(view.name);
    return live;
}

bool LiveViews::can_be_refreshed(const Split& split) const {
    return split.touched.why_not.empty() && split.touched.order.empty() &&
           std::none_of(split.reads.begin(), split.reads.end(),
                        [&](const std::string& name) { return project_.view(name) != nullptr; });
}

Result<LiveView> LiveViews::compute(const declare::View& view, const Publication& publication, Batches& batches) {
    LiveView live{.table = nullptr, .day = day_of(view, publication), .made_from = made_from(view)};
    live.made_from += weir::to_string(live.day);
    WEIR_ASSIGN(const auto* split, catalog_->split(view));
    const auto published = publication.views.find(view.name);
    const bool on_published =
        published != publication.views.end() &&
        (split->append_only || (published->second.rows >= small_result_ && can_be_refreshed(*split)));
    if (on_published)
        live.made_from += fmt::format(" {}:{}", published->second.table_id, published->second.table_version);
    if (const auto known = known_.find(view.name); known != known_.end() && known->second.made_from == live.made_from)
        return known->second;
    if (on_published) {
        auto table = on_top_of(published->second, view, *split, live.day);
        // An expression may fail over a row that is long taken back: what is computed whole goes by those that are
        // left.
        const bool taken_back = !table && is_weighted(*split) && table.error().code == ErrorCode::sql_invalid;
        if (!table && !taken_back) return std::move(table).error();
        if (table && *table != nullptr) {
            live.from_states = !split->states.empty();
            live.table = std::move(*table);
            return live;
        }
    }
    auto opened = batches.find(live.day);
    if (opened == batches.end()) {
        WEIR_ASSIGN(auto batch, open_batch(live.day));
        opened = batches.emplace(live.day, std::move(batch)).first;
    }
    auto& [batch, held] = opened->second;
    WEIR_ASSIGN(const auto computed,
                batch.compute(view, {.catalog = *catalog_, .reader = states_.get(), .by_day = by_day_}));
    live.from_states = computed.from_states;
    live.table = held->at(view.name);
    return live;
}

Result<LiveViews::Batch> LiveViews::open_batch(Day day) {
    WEIR_ASSIGN(auto batch,
                IntervalBatch::open(*lake_, *database_, project_, {day, day + std::chrono::days{1}}, pinned_));
    auto held = std::make_shared<Held>();
    batch.hold_in([database = database_, held](const declare::View& view) {
        auto& table = (*held)[view.name];
        if (!table) table = new_table(*database);
        return table->relation();
    });
    return Batch{std::move(batch), std::move(held)};
}

Result<std::shared_ptr<const LiveTable>> LiveViews::held(IntervalBatch& batch, const declare::View& view) {
    auto table = new_table(*database_);
    WEIR_TRY(
        batch.run_over(view, fmt::format("CREATE TABLE {} AS FROM {}", table->relation(), sql::quote_name(view.name))));
    return table;
}

Result<std::shared_ptr<const LiveTable>> LiveViews::on_top_of(const PublishedView& published, const declare::View& view,
                                                              const Split& split, Day day) {
    const std::shared_ptr<const LiveTable> none;
    WEIR_ASSIGN(const auto after, only_grown_since(project_, *pinned_, versions_, view, split, published, day));
    if (!after) return none;
    WEIR_ASSIGN(const auto table, lake_->table(view.name));
    const auto snapshot = table.snapshot(lake::TableVersion(published.table_version));
    if (!snapshot || snapshot->metadata().id != published.table_id) return none;
    WEIR_ASSIGN(auto batch,
                IntervalBatch::open(*lake_, *database_, project_, {day, day + std::chrono::days{1}}, pinned_));
    auto& connection = batch.connection();
    const auto old = table.scan(*snapshot);
    // Rows of the lake that only the connection can read that prepared them are of no use to others.
    if (!old || !old->setup.empty()) return none;
    if (split.append_only) {
        batch.read_only_after(*after);
        WEIR_TRY(batch.compute(view, {.catalog = *catalog_, .reader = nullptr, .by_day = by_day_}));
    } else {
        WEIR_ASSIGN(
            const auto keys,
            batch.compute_touched(view, {.catalog = *catalog_, .reader = states_.get(), .by_day = by_day_}, *after));
        if (!keys || *keys * touched_share > published.rows) return none;
    }
    WEIR_ASSIGN(const auto rows, stored_rows(connection, old->relation, "FROM " + sql::quote_name(view.name)));
    if (!rows) return none;
    WEIR_ASSIGN(const auto fresh, held(batch, view));
    LiveTable::Parts parts{fresh};
    auto select = fmt::format("SELECT * FROM {} UNION ALL SELECT * FROM {}", *rows, fresh->relation());
    if (!split.append_only) {
        parts.push_back(new_table(*database_));
        const auto& touched = parts.back()->relation();
        WEIR_TRY(connection.run(fmt::format("CREATE TABLE {} AS FROM {}", touched, touched_relation)));
        select = select_refreshed(split.touched, touched, *rows, fresh->relation());
    }
    auto both = new_table(*database_, std::move(parts));
    WEIR_TRY(connection.run(fmt::format("CREATE VIEW {} AS {}", both->relation(), select)));
    return both;
}

}  // namespace weir::view
