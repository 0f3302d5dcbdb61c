#include "source/log/topic_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "source/log/record_json.h"

namespace weir::source::log {
namespace {

constexpr std::string_view ways_out =
    "`reset: earliest` or `reset: latest` in the source's file goes on with the topic that is there now";

}  // namespace

Result<TopicReader> TopicReader::open(const fs::path& log, const std::string& topic, const KnownTopics& known,
                                      declare::Reset reset) {
    WEIR_ASSIGN(const bool there, check_format(log));
    if (!there)
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no log in {}", log.string()),
                     .hint = "`weir produce` or `weir topic create` makes it"};
    WEIR_ASSIGN(const auto config, load_topic(log, topic));
    TopicReader made(log, topic, reset);
    made.id_ = config.id;
    WEIR_ASSIGN(const auto kept, known(made.origin()));
    const auto anew = fmt::format(
        "topic '{}' of {} is not the one that was read: it was deleted and made anew, or this "
        "is another log",
        topic, log.string());
    if (kept.another && reset == declare::Reset::fail)
        return Error{.code = ErrorCode::offsets_gone, .message = anew, .hint = std::string(ways_out)};
    if (kept.another)
        made.note_ = fmt::format("{}; reading begins at its {} record", anew,
                                 reset == declare::Reset::earliest ? "oldest" : "next");
    for (int partition = 0; partition < config.partitions; ++partition) {
        WEIR_ASSIGN(auto reader, Reader::open(log, topic, partition));
        if (const auto position = kept.positions.find(partition); position != kept.positions.end()) {
            reader.seek(position->second);
        } else if (kept.another && reset == declare::Reset::latest) {
            WEIR_ASSIGN(const auto end, reader.end());
            reader.seek(end);
        } else {
            WEIR_ASSIGN(const auto begin, reader.begin());
            reader.seek(begin);
        }
        made.readers_.push_back(std::move(reader));
    }
    return made;
}

std::string TopicReader::origin() const { return id_.empty() ? std::string() : "log:" + id_; }

// Who has this id from the opening on to after the reading was it all the time.
Status TopicReader::check_same() const {
    WEIR_ASSIGN(const auto now, load_topic(log_, topic_));
    if (now.id == id_) return ok();
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("topic '{}' was deleted and made anew while it was read", topic_),
                 .hint = std::string(ways_out)};
}

Result<Positions> TopicReader::ends() {
    Positions ends;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        WEIR_ASSIGN(ends[static_cast<int>(i)], readers_[i].end());
    }
    return ends;
}

Positions TopicReader::positions() const {
    Positions positions;
    for (std::size_t i = 0; i < readers_.size(); ++i) positions[static_cast<int>(i)] = readers_[i].position();
    return positions;
}

Status TopicReader::rewind(const Positions& positions) {
    for (const auto& [partition, position] : positions)
        if (partition < partitions()) readers_[static_cast<std::size_t>(partition)].seek(position);
    return ok();
}

Result<std::map<int, std::int64_t>> TopicReader::lags() {
    std::map<int, std::int64_t> lags;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        WEIR_ASSIGN(const auto end, readers_[i].end());
        lags[static_cast<int>(i)] = std::max<std::int64_t>(0, end - readers_[i].position());
    }
    return lags;
}

void TopicReader::wait(std::chrono::milliseconds timeout) {
    // A partition at a time: what the others get is seen when this one's turn is over.
    constexpr std::chrono::milliseconds turn{20};
    readers_[turn_ % readers_.size()].wait(readers_.size() == 1 ? timeout : std::min(timeout, turn));
}

Result<std::optional<std::int64_t>> TopicReader::beyond(int partition, const Error& error) {
    auto& reader = readers_[static_cast<std::size_t>(partition)];
    if (reset_ == declare::Reset::fail) return std::optional<std::int64_t>();
    if (error.code == ErrorCode::log_damaged && reader.damage()) {
        if (reset_ == declare::Reset::latest) {
            WEIR_ASSIGN(const auto end, reader.end());
            return std::optional(end);
        }
        return std::optional(reader.damage()->to);
    }
    if (error.code != ErrorCode::offsets_gone) return std::optional<std::int64_t>();
    if (reset_ == declare::Reset::latest) {
        WEIR_ASSIGN(const auto end, reader.end());
        return std::optional(end);
    }
    WEIR_ASSIGN(const auto begin, reader.begin());
    return std::optional(begin);
}

Result<Stretch> TopicReader::take(const StretchBounds& bounds, const Positions* ends) {
    if (failed_) return *failed_;
    Stretch stretch;
    StretchFiller filler(stretch);
    const auto before = positions();
    const auto full = [&] { return stretch.full(bounds); };
    // What was read before an error is given first.
    const auto end_with = [&](Error error) -> Result<Stretch> {
        WEIR_TRY(check_same());
        failed_ = std::move(error);
        if (stretch.empty()) return *failed_;
        filler.finish();
        return std::move(stretch);
    };
    // As many turns as it takes until no partition has more, so that none waits for the others.
    if (!note_.empty()) {
        // Where reading begins is held fast for all partitions at once.
        stretch.notes.push_back(std::exchange(note_, {}));
        for (const auto& [partition, position] : before) filler.move(partition, position, position);
    }
    const auto first = turn_++;
    for (bool more = true; more && !full();) {
        more = false;
        for (std::size_t i = 0; i < readers_.size() && !full(); ++i) {
            const auto partition = static_cast<int>((first + i) % readers_.size());
            auto& reader = readers_[static_cast<std::size_t>(partition)];
            const auto end = ends == nullptr ? std::numeric_limits<std::int64_t>::max() : ends->at(partition);
            if (reader.position() >= end && reader.position() == before.at(partition) && ends != nullptr) {
                // A position behind the log's end is told, not taken for having read everything.
                WEIR_ASSIGN(const auto now, reader.end());
                if (reader.position() <= now) continue;
            } else if (reader.position() >= end) {
                continue;
            }
            const auto from = reader.position();
            auto batch = reader.next();
            if (!batch) {
                auto error = std::move(batch).error();
                auto to = beyond(partition, error);
                if (!to) return end_with(std::move(to).error());
                if (!*to) {
                    if (error.code == ErrorCode::offsets_gone || error.code == ErrorCode::log_damaged)
                        error.hint +=
                            "; `reset: earliest` or `reset: latest` in the source's file goes on without them";
                    return end_with(std::move(error));
                }
                reader.seek(**to);
                stretch.notes.push_back(fmt::format("{}; reading goes on at offset {}", error.message, **to));
            } else if (*batch) {
                // What was checked when it was appended; a record that cannot be read now is damage.
                std::string headers;
                const bool whole = (*batch)->for_each([&](const RecordView& record) {
                    headers.clear();
                    if (record.header_count > 0) append_headers(record.headers(), headers);
                    filler.add(partition, {record.offset, record.timestamp, record.key, record.value, headers});
                });
                if (!whole)
                    return Error{.code = ErrorCode::log_damaged,
                                 .message = fmt::format("{}/{}: the records from offset {} on cannot be read", topic_,
                                                        partition, from)};
            }
            if (reader.position() == from) continue;
            more = true;
            filler.move(partition, from, reader.position());
        }
    }
    filler.finish();
    WEIR_TRY(check_same());
    return stretch;
}

Result<std::set<Day>> TopicReader::days(const Positions& positions, const Positions& ends) {
    std::set<Day> days;
    for (const auto& [partition, from] : positions) {
        const auto to = ends.at(partition);
        if (to <= from) continue;
        const auto folder = partition_folder(log_, topic_, partition);
        WEIR_ASSIGN(const auto bases, list_segments(folder));
        for (std::size_t i = 0; i < bases.size() && bases[i] < to; ++i) {
            if (i + 1 < bases.size() && bases[i + 1] <= from) continue;
            WEIR_ASSIGN(auto segment, SegmentReader::open(folder, bases[i]));
            HeaderWalk walk(segment);
            for (;;) {
                WEIR_ASSIGN(const auto stop, walk.next());
                if (!stop || stop->header.base_offset >= to) break;
                if (stop->header.end_offset() <= from) continue;
                days.insert(day_of_record(stop->header.first_timestamp));
                days.insert(day_of_record(stop->header.max_timestamp));
            }
        }
    }
    return days;
}

}  // namespace weir::source::log
