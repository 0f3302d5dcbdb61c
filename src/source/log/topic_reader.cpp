#include "source/log/topic_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/limits.h"

namespace weir::source::log {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

// Times that no calendar has belong to its ends.
Day day_of(std::int64_t timestamp_ms) {
    constexpr std::int64_t last = 253'402'300'799'999;
    return Day{std::chrono::days{std::clamp<std::int64_t>(timestamp_ms, 0, last) / day_ms}};
}

}  // namespace

// The blocks of a stretch, as they fill.
class TopicReader::Filling {
public:
    explicit Filling(Stretch& stretch) : stretch_(stretch) {}

    void begin_batch() { piece_open_ = false; }

    void add(int partition, const RecordView& record) {
        const auto key = record.key.value_or(std::string_view());
        const auto value = record.value.value_or(std::string_view());
        // A line end behind each: no two halves of a character meet.
        const auto wanted = key.size() + value.size() + 2;
        if (block_ == nullptr || block_->size + wanted > block_->capacity()) new_block(wanted);
        if (!piece_open_ || record.timestamp < day_begin_ || record.timestamp >= day_end_)
            open_piece(partition, record.timestamp);
        Message message{.offset = record.offset, .timestamp = record.timestamp};
        message.has_key = record.key.has_value();
        message.has_value = record.value.has_value();
        message.key_begin = put(key);
        message.key_end = message.key_begin + static_cast<std::uint32_t>(key.size());
        message.begin = put(value);
        message.end = message.begin + static_cast<std::uint32_t>(value.size());
        block_->messages.push_back(message);
        ++block_->message_pieces.back().end;
        ++stretch_.parts[part_].records;
        ++stretch_.rows;
        stretch_.bytes += wanted;
    }

private:
    std::uint32_t put(std::string_view text) {
        const auto begin = block_->size;
        text.copy(block_->text() + begin, text.size());
        block_->text()[begin + text.size()] = '\n';
        block_->size += text.size() + 1;
        return static_cast<std::uint32_t>(begin);
    }

    void new_block(std::size_t least) {
        stretch_.blocks.push_back(std::make_shared<Block>(std::max(limits::block_bytes / 2, least)));
        block_ = stretch_.blocks.back().get();
        piece_open_ = false;
    }

    void open_piece(int partition, std::int64_t timestamp) {
        const auto day = day_of(timestamp);
        day_begin_ = day.time_since_epoch().count() * day_ms;
        day_end_ = day_begin_ + day_ms;
        const auto [found, added] = part_of_.try_emplace({partition, day}, stretch_.parts.size());
        if (added) stretch_.parts.push_back({.partition = partition, .day = day});
        part_ = found->second;
        const auto at = static_cast<std::uint32_t>(block_->messages.size());
        block_->message_pieces.push_back(
            {.file_no = static_cast<int>(part_), .partition = partition, .begin = at, .end = at});
        piece_open_ = true;
    }

    Stretch& stretch_;
    Block* block_ = nullptr;
    std::map<std::pair<int, Day>, std::size_t> part_of_;
    std::size_t part_ = 0;
    std::int64_t day_begin_ = 0, day_end_ = 0;
    bool piece_open_ = false;
};

Result<TopicReader> TopicReader::open(const fs::path& log, const std::string& topic, const Positions& positions,
                                      declare::Reset reset) {
    WEIR_ASSIGN(const bool there, check_format(log));
    if (!there)
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no log in {}", log.string()),
                     .hint = "`weir produce` or `weir topic create` makes it"};
    WEIR_ASSIGN(const auto config, load_topic(log, topic));
    TopicReader made(topic, reset);
    for (int partition = 0; partition < config.partitions; ++partition) {
        WEIR_ASSIGN(auto reader, Reader::open(log, topic, partition));
        if (const auto known = positions.find(partition); known != positions.end()) {
            reader.seek(known->second);
        } else {
            WEIR_ASSIGN(const auto begin, reader.begin());
            reader.seek(begin);
        }
        made.readers_.push_back(std::move(reader));
    }
    return made;
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

void TopicReader::rewind(const Positions& positions) {
    for (const auto& [partition, position] : positions) readers_[static_cast<std::size_t>(partition)].seek(position);
}

Result<std::int64_t> TopicReader::lag() {
    std::int64_t lag = 0;
    for (auto& reader : readers_) {
        WEIR_ASSIGN(const auto end, reader.end());
        lag += std::max<std::int64_t>(0, end - reader.position());
    }
    return lag;
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
    Filling filling(stretch);
    const auto before = positions();
    const auto full = [&] { return stretch.rows >= bounds.rows || stretch.bytes >= bounds.bytes; };
    // What was read before an error is given first.
    const auto end_with = [&](Error error) -> Result<Stretch> {
        failed_ = std::move(error);
        if (stretch.empty()) return *failed_;
        for (auto& part : stretch.parts) std::tie(part.from, part.to) = stretch.moved.at(part.partition);
        return std::move(stretch);
    };
    // As many turns as it takes until no partition has more, so that none waits for the others.
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
                filling.begin_batch();
                // What was checked when it was appended; a record that cannot be read now is damage.
                const bool whole =
                    (*batch)->for_each([&](const RecordView& record) { filling.add(partition, record); });
                if (!whole)
                    return Error{.code = ErrorCode::log_damaged,
                                 .message = fmt::format("{}/{}: the records from offset {} on cannot be read", topic_,
                                                        partition, from)};
            }
            if (reader.position() == from) continue;
            more = true;
            auto& moved = stretch.moved.try_emplace(partition, from, from).first->second;
            moved.second = reader.position();
        }
    }
    for (auto& part : stretch.parts) std::tie(part.from, part.to) = stretch.moved.at(part.partition);
    return stretch;
}

Result<std::vector<Day>> days_between(const fs::path& log, const std::string& topic, int partition, std::int64_t from,
                                      std::int64_t to) {
    const auto folder = partition_folder(log, topic, partition);
    WEIR_ASSIGN(const auto bases, list_segments(folder));
    std::set<Day> days;
    for (std::size_t i = 0; i < bases.size() && bases[i] < to; ++i) {
        if (i + 1 < bases.size() && bases[i + 1] <= from) continue;
        WEIR_ASSIGN(auto segment, SegmentReader::open(folder, bases[i]));
        HeaderWalk walk(segment);
        for (;;) {
            WEIR_ASSIGN(const auto stop, walk.next());
            if (!stop || stop->header.base_offset >= to) break;
            if (stop->header.end_offset() <= from) continue;
            days.insert(day_of(stop->header.first_timestamp));
            days.insert(day_of(stop->header.max_timestamp));
        }
    }
    return std::vector<Day>(days.begin(), days.end());
}

}  // namespace weir::source::log
