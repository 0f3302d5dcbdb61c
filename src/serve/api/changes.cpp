#include "serve/api/changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "sink/rows.h"
#include "sink/value.h"

namespace weir::serve {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t steps_max = 1000;
// A run that publishes may be in the way of a look.
constexpr int tries_max = 20;
// Without a reader a feed is remembered so long, for those who come back.
constexpr auto remembered_for = std::chrono::minutes(2);

std::string rows_where(const Pinned& pinned, const std::string& condition) {
    return fmt::format("SELECT * FROM {}{}", pinned.relation, condition.empty() ? "" : " WHERE " + condition);
}

// A JSON array on one line: line ends stand between rows only, since texts have theirs escaped.
Result<std::string> array_of(sql::Connection& connection, const std::string& select) {
    std::string text;
    WEIR_ASSIGN(const auto rows, sink::write_rows(connection, select, sink::Format::json, [&](std::string_view bytes) {
                    text += bytes;
                    return ok();
                }));
    static_cast<void>(rows);
    std::erase(text, '\n');
    return text;
}

std::string event_text(std::string_view id, std::string_view name, std::string_view data) {
    return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id, name, data);
}

Error too_large(const std::string& view, std::int64_t most) {
    return {.code = ErrorCode::refused,
            .message = fmt::format("view {} has more than {} rows, which are too many to follow", view, most),
            .hint = "follow its publications: leave `layer` out"};
}

}  // namespace

Changes::Changes(Reads& reads, ViewAnswers& answers, const KeyAnswers::Specs* keys, ChangesOptions options)
    : reads_(reads), answers_(answers), keys_(keys), options_(std::move(options)), thread_([this] { run(); }) {}

Changes::~Changes() {
    close();
    if (thread_.joinable()) thread_.join();
}

std::optional<http::Response> Changes::open(const std::string& view, std::shared_ptr<const Principal> principal,
                                            std::string_view last_id) {
    auto queue = std::make_shared<http::EventQueue>(options_.queue_bytes);
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || count_ + newcomers_.size() >= options_.streams_max) return std::nullopt;
        queue->push("retry: 2000\n\n");
        newcomers_.push_back({view, std::move(principal), std::string(last_id), queue});
    }
    wake_.notify_all();
    return http::event_stream(std::move(queue));
}

void Changes::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    wake_.notify_all();
}

void Changes::run() {
    std::unique_lock lock(mutex_);
    auto next = steady_clock::now();
    while (!closed_) {
        wake_.wait_until(lock, next, [this] { return closed_ || !newcomers_.empty(); });
        if (closed_) break;
        auto newcomers = std::exchange(newcomers_, {});
        lock.unlock();
        for (auto& newcomer : newcomers) welcome(std::move(newcomer));
        if (steady_clock::now() >= next) {
            for (auto& newcomer : std::exchange(waiting_, {})) welcome(std::move(newcomer));
            look_at_all();
            next = steady_clock::now() + options_.look_every;
        }
        std::size_t streams = 0;
        for (const auto& [name, feed] : feeds_) streams += feed.streams.size();
        count_ = streams;
        lock.lock();
    }
    const auto end = [](http::EventQueue& queue) {
        queue.push("retry: 5000\n\n");
        queue.close();
    };
    for (const auto& newcomer : newcomers_) end(*newcomer.queue);
    for (const auto& newcomer : waiting_) end(*newcomer.queue);
    for (const auto& [name, feed] : feeds_)
        for (const auto& stream : feed.streams) end(*stream);
    feeds_.clear();
}

void Changes::welcome(Newcomer newcomer) {
    const auto let = let_in(newcomer);
    if (let || newcomer.queue->closed()) return;
    if (let.error().code == ErrorCode::table_conflict && ++newcomer.tries < tries_max)
        return waiting_.push_back(std::move(newcomer));
    const auto problem = to_problem(let.error());
    if (problem.kind == "internal") options_.log_fault(let.error());
    std::string detail = "{\"detail\":";
    sink::append_json_string(problem.detail, detail);
    detail += ",\"hint\":";
    sink::append_json_string(problem.hint, detail);
    newcomer.queue->push("event: problem\ndata: " + detail + "}\n\n");
    newcomer.queue->close();
}

Status Changes::let_in(const Newcomer& newcomer) {
    WEIR_ASSIGN(const auto pinned, reads_.pin(newcomer.view, {.layer = Layer::merged}));
    const auto condition = answers_.own_rows(*pinned, *newcomer.principal);
    const auto [found, is_new] = feeds_.try_emplace(newcomer.view + "\n" + condition);
    auto& feed = found->second;
    if (is_new) {
        feed.view = newcomer.view;
        feed.condition = condition;
        feed.pinned = pinned;
        feed.steps.push_back({pinned->version, {}});
    } else {
        WEIR_TRY(advance(feed));
    }
    feed.used = steady_clock::now();
    const auto known = std::find_if(feed.steps.begin(), feed.steps.end(),
                                    [&](const Feed::Step& step) { return step.id == newcomer.last_id; });
    if (known == feed.steps.end()) {
        WEIR_ASSIGN(const auto event, snapshot_event(feed));
        newcomer.queue->push(event);
    } else {
        for (auto step = std::next(known); step != feed.steps.end(); ++step)
            if (step->event) newcomer.queue->push(step->event);
    }
    feed.streams.push_back(newcomer.queue);
    return ok();
}

// Those who come while it is on its way to others get the same one.
Result<http::Event> Changes::snapshot_event(Feed& feed) {
    if (auto there = feed.snapshot.lock()) return there;
    WEIR_ASSIGN(auto connection, answers_.connections().borrow(answers_.options().query_timeout));
    const auto select = rows_where(*feed.pinned, feed.condition);
    WEIR_ASSIGN(const auto counted, connection->query(fmt::format("SELECT count(*) FROM ({})", select)));
    if (counted.integer(0, 0) > options_.rows_max) return too_large(feed.view, options_.rows_max);
    WEIR_ASSIGN(const auto rows, array_of(*connection, select));
    if (rows.size() > options_.queue_bytes / 2) return too_large(feed.view, options_.rows_max);
    auto event = std::make_shared<const std::string>(
        event_text(feed.pinned->version, "snapshot",
                   fmt::format("{{\"meta\":{},\"rows\":{}}}",
                               provenance_json(feed.view, feed.pinned->from, SystemClock().now()), rows)));
    feed.snapshot = event;
    return http::Event(std::move(event));
}

// Empty where the rows are the same.
Result<std::string> Changes::change_event(const Feed& feed, const Pinned& before) {
    WEIR_ASSIGN(auto connection, answers_.connections().borrow(answers_.options().query_timeout));
    const auto now = rows_where(*feed.pinned, feed.condition), then = rows_where(before, feed.condition);
    WEIR_TRY(connection->run(fmt::format(
        "CREATE OR REPLACE TEMP TABLE weir_came AS (({0}) EXCEPT ALL ({1})); CREATE OR REPLACE TEMP TABLE weir_went AS "
        "(({1}) EXCEPT ALL ({0}))",
        now, then)));
    std::string same_key;
    if (keys_ != nullptr)
        if (const auto spec = keys_->find(feed.view); spec != keys_->end())
            for (const auto& field : spec->second.key)
                same_key += fmt::format("{0}weir_came.{1} IS NOT DISTINCT FROM weir_went.{1}",
                                        same_key.empty() ? "" : " AND ", sql::quote_name(field.name));
    std::string inserted = "SELECT * FROM weir_came", updated, deleted = "SELECT * FROM weir_went";
    if (!same_key.empty()) {
        updated = fmt::format("{} WHERE EXISTS (FROM weir_went WHERE {})", inserted, same_key);
        inserted += fmt::format(" WHERE NOT EXISTS (FROM weir_went WHERE {})", same_key);
        deleted += fmt::format(" WHERE NOT EXISTS (FROM weir_came WHERE {})", same_key);
    }
    const std::string none = "[]";
    WEIR_ASSIGN(const auto inserted_rows, array_of(*connection, inserted));
    WEIR_ASSIGN(const auto updated_rows, updated.empty() ? Result<std::string>(none) : array_of(*connection, updated));
    WEIR_ASSIGN(const auto deleted_rows, array_of(*connection, deleted));
    WEIR_TRY(connection->run("DROP TABLE weir_came; DROP TABLE weir_went"));
    if (inserted_rows == none && updated_rows == none && deleted_rows == none) return std::string();
    return event_text(feed.pinned->version, "change",
                      fmt::format("{{\"meta\":{},\"inserted\":{},\"updated\":{},\"deleted\":{}}}",
                                  provenance_json(feed.view, feed.pinned->from, SystemClock().now()), inserted_rows,
                                  updated_rows, deleted_rows));
}

// To the newest version; tells its streams.
Status Changes::advance(Feed& feed) {
    WEIR_ASSIGN(const auto pinned, reads_.pin(feed.view, {.layer = Layer::merged}));
    if (pinned->version == feed.pinned->version) return ok();
    const auto before = std::exchange(feed.pinned, pinned);
    feed.snapshot.reset();
    http::Event event;
    if (before->schema == pinned->schema) {
        auto changed = change_event(feed, *before);
        if (!changed) {
            feed.pinned = before;
            return std::move(changed).error();
        }
        if (!changed->empty()) event = std::make_shared<const std::string>(std::move(*changed));
        if (event) feed.bytes += event->size();
        feed.steps.push_back({pinned->version, event});
    } else {
        // The view is another one: nothing that was known of it helps.
        WEIR_ASSIGN(event, snapshot_event(feed));
        feed.steps = {{pinned->version, {}}};
        feed.bytes = 0;
    }
    while (feed.steps.size() > 1 && (feed.bytes > options_.remembered_bytes || feed.steps.size() > steps_max)) {
        feed.steps.pop_front();
        // What leads to the first one is not needed any more.
        if (const auto gone = std::exchange(feed.steps.front().event, nullptr)) feed.bytes -= gone->size();
    }
    if (event)
        for (const auto& stream : feed.streams) stream->push(event);
    return ok();
}

void Changes::look_at_all() {
    const auto now = steady_clock::now();
    for (auto feed = feeds_.begin(); feed != feeds_.end();) {
        std::erase_if(feed->second.streams, [](const auto& stream) { return stream->closed(); });
        if (!feed->second.streams.empty()) {
            feed->second.used = now;
            const auto advanced = advance(feed->second);
            if (!advanced && advanced.error().code != ErrorCode::table_conflict) options_.log_fault(advanced.error());
        }
        if (now - feed->second.used > remembered_for) {
            feed = feeds_.erase(feed);
        } else {
            ++feed;
        }
    }
}

}  // namespace weir::serve
