#include "observe/event_time.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::observe {
namespace {

std::string app_of(std::string_view what, const declare::Source& source, const std::string& partition) {
    return fmt::format("weir/{}/{}/{}", what, source.name, partition);
}

EventMoment microseconds(std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

Result<std::int64_t> microseconds_of(sql::Connection& connection, const std::string& moment) {
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format("SELECT epoch_us({})", moment)));
    return rows.integer(0, 0);
}

}  // namespace

EventTimeline::EventTimeline(const Schema& schema, const declare::EventTime& event_time, std::string zone)
    : zone_(std::move(zone)) {
    const auto* field = schema.find(event_time.column);
    is_utc_ = field == nullptr || field->type.kind == Type::Kind::timestamp;
}

Result<EventMoment> EventTimeline::from_time(sql::Connection& connection, Time time) const {
    const auto moment = time.time_since_epoch().count();
    if (is_utc_) return moment;
    return microseconds_of(connection,
                           fmt::format("timezone({}, make_timestamptz({}))", sql::quote_text(zone_), moment));
}

Result<Time> EventTimeline::to_time(sql::Connection& connection, EventMoment moment) const {
    if (is_utc_) return Time(std::chrono::microseconds(moment));
    WEIR_ASSIGN(const auto utc, microseconds_of(connection, fmt::format("timezone({}, make_timestamp({}))",
                                                                        sql::quote_text(zone_), moment)));
    return Time(std::chrono::microseconds(utc));
}

std::string EventTimeline::literal(EventMoment moment) const {
    return fmt::format("{}({}::BIGINT)", is_utc_ ? "make_timestamptz" : "make_timestamp", moment);
}

std::string EventTimeline::at(Time time) const {
    const auto moment = fmt::format("make_timestamptz({}::BIGINT)", time.time_since_epoch().count());
    return is_utc_ ? moment : fmt::format("timezone({}, {})", sql::quote_text(zone_), moment);
}

std::string event_time_app(const declare::Source& source, const std::string& partition) {
    return app_of("event_time", source, partition);
}
std::string newest_event_app(const declare::Source& source, const std::string& partition) {
    return app_of("newest_event", source, partition);
}
std::string arrival_app(const declare::Source& source, const std::string& partition) {
    return app_of("arrival", source, partition);
}

EventProgress event_progress(const lake::Snapshot& snapshot, const declare::Source& source) {
    EventProgress progress;
    const auto prefix = event_time_app(source, "");
    for (const auto& [app, txn] : snapshot.transactions()) {
        if (!app.starts_with(prefix)) continue;
        const auto partition = app.substr(prefix.size());
        PartitionProgress one{txn.version, Time(std::chrono::milliseconds(txn.updated_ms.value_or(0)))};
        if (const auto arrived = snapshot.transaction_version(arrival_app(source, partition)))
            one.landed = Time(std::chrono::microseconds(*arrived));
        one.event = snapshot.transaction_version(newest_event_app(source, partition));
        const auto [known, first] =
            progress.try_emplace(source.topic.empty() ? std::string(files_partition) : partition, one);
        if (!first && known->second.newest < one.newest) known->second = one;
    }
    return progress;
}

bool is_idle(const PartitionProgress& progress, const declare::EventTime& event_time, Time now) {
    return event_time.idle && now - progress.landed >= *event_time.idle;
}

std::optional<EventMoment> watermark(const EventProgress& progress, const declare::EventTime& event_time, Time now,
                                     std::optional<EventMoment> clock, const ReadPartitions& read) {
    const bool held_back = std::any_of(read.first.begin(), read.first.end(),
                                       [&](const std::string& name) { return !progress.contains(name); });
    if (progress.empty() || held_back) return std::nullopt;
    std::optional<EventMoment> least;
    auto most = progress.begin()->second.newest;
    for (const auto& [partition, one] : progress) {
        most = std::max(most, one.newest);
        auto seen = one;
        if (const auto quiet = read.quiet_since.find(partition); quiet != read.quiet_since.end())
            seen.landed = std::max(seen.landed, quiet->second);
        if (read.waiting.contains(partition) || !is_idle(seen, event_time, now))
            least = std::min(least.value_or(one.newest), one.newest);
    }
    const auto delay = microseconds(event_time.delay);
    if (least) return *least - delay;
    return (clock ? std::max(most, *clock) : most) - delay;
}

EventMoment advanced(const EventProgress& before, const std::string& partition, EventMoment newest,
                     std::optional<EventMoment> watermark_before, const declare::EventTime& event_time) {
    if (const auto known = before.find(partition); known != before.end())
        newest = std::max(newest, known->second.newest);
    if (watermark_before) newest = std::max(newest, *watermark_before + microseconds(event_time.delay));
    return newest;
}

}  // namespace weir::observe
