#include "source/log/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace weir::source::log {

using Kind = SegmentReader::Step::Kind;

Result<Reader> Reader::open(const fs::path& log, const std::string& topic, int partition) {
    WEIR_ASSIGN(const bool there, check_format(log));
    if (!there)
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no log in {}", log.string()),
                     .hint = "`weir produce` or `weir topic create` makes it"};
    WEIR_ASSIGN(const auto config, load_topic(log, topic));
    if (partition < 0 || partition >= config.partitions)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("topic {} has no partition {}", topic, partition),
                     .hint = fmt::format("0 to {}", config.partitions - 1)};
    return Reader(partition_folder(log, topic, partition), fmt::format("{}/{}", topic, partition));
}

Result<std::int64_t> Reader::begin() const {
    WEIR_ASSIGN(const auto bases, list_segments(folder_));
    return bases.empty() ? 0 : bases.front();
}

Result<std::int64_t> Reader::end() {
    if (!tail_) {
        WEIR_ASSIGN(tail_, Tail::open(folder_));
    }
    if (tail_) {
        if (const auto end = tail_->end()) return *end;
    }
    if (!recovered_end_) {
        WEIR_ASSIGN(const auto bases, list_segments(folder_));
        if (bases.empty()) return std::int64_t{0};
        WEIR_ASSIGN(auto newest, SegmentReader::open(folder_, bases.back()));
        WEIR_ASSIGN(const auto recovered, recover(newest, std::nullopt));
        // An owner that came meanwhile knows better, and may be writing.
        if (tail_) {
            if (const auto end = tail_->end()) return *end;
        }
        recovered_end_ = recovered.end_offset;
    }
    return *recovered_end_;
}

void Reader::seek(std::int64_t offset) {
    if (offset == position_) return;
    position_ = offset;
    segment_.reset();
}

Error Reader::gone(std::int64_t begin, std::int64_t end) const {
    return {
        .code = ErrorCode::offsets_gone,
        .message = position_ < begin
                       ? fmt::format("{}: offset {} is gone by retention; {} is the oldest", name_, position_, begin)
                       : fmt::format("{}: offset {} is asked for, and the log ends before {}", name_, position_, end),
        .hint = fmt::format("read from an offset of {} to {}, or from `earliest` or `latest`", begin, end)};
}

Status Reader::open_segment(std::int64_t base_offset) {
    segment_.reset();
    WEIR_ASSIGN(auto opened, SegmentReader::open(folder_, base_offset));
    place_ = opened.head().bytes;
    segment_.emplace(std::move(opened));
    return ok();
}

Status Reader::locate(std::int64_t end) {
    for (;;) {
        WEIR_ASSIGN(const auto bases, list_segments(folder_));
        const auto behind = std::upper_bound(bases.begin(), bases.end(), position_);
        if (behind == bases.begin()) return gone(bases.empty() ? end : bases.front(), end);
        auto opened = open_segment(*std::prev(behind));
        if (opened) break;
        // Retention was faster: look again.
        if (opened.error().code == ErrorCode::not_found) continue;
        if (opened.error().code == ErrorCode::log_damaged)
            damage_ = Damage{position_, behind == bases.end() ? end : *behind};
        return opened;
    }
    // Where damage hides the position, reading begins before it and meets the damage.
    HeaderWalk walk(*segment_);
    for (;;) {
        WEIR_ASSIGN(const auto stop, walk.next());
        if (!stop || stop->header.base_offset > position_) return ok();
        place_ = stop->place;
        if (stop->header.end_offset() > position_) return ok();
    }
}

Result<std::optional<ReadBatch>> Reader::damaged(std::int64_t end) {
    std::int64_t to = end;
    WEIR_ASSIGN(const auto bases, list_segments(folder_));
    const auto behind = std::upper_bound(bases.begin(), bases.end(), position_);
    if (behind != bases.end()) to = std::min(to, *behind);
    if (segment_) {
        WEIR_ASSIGN(const auto whole, segment_->next_whole(place_, position_));
        if (whole) {
            WEIR_ASSIGN(const auto next, segment_->header_at(*whole));
            to = std::min(to, next.header.base_offset);
        }
    }
    damage_ = Damage{position_, to};
    segment_.reset();
    return Error{.code = ErrorCode::log_damaged,
                 .message = fmt::format("{}: the records with offsets {} to {} cannot be read; {} is damaged", name_,
                                        damage_->from, damage_->to - 1, folder_.string()),
                 .hint = fmt::format("restore the segment from a copy, or read on behind them, from offset {}", to)};
}

Result<std::optional<ReadBatch>> Reader::next() {
    damage_.reset();
    WEIR_ASSIGN(const auto end, this->end());
    if (position_ > end) return gone(begin().ok() ? *begin() : 0, end);
    bool located = false;
    while (position_ < end) {
        if (!segment_) {
            WEIR_TRY(locate(end));
            located = true;
        }
        WEIR_ASSIGN(const auto step, segment_->at(place_, end));
        if (step.kind == Kind::end) {
            if (located) return damaged(end);
            segment_.reset();
            continue;
        }
        if (step.kind == Kind::damaged || step.header.base_offset > position_) return damaged(end);
        ReadBatch batch{step.header, {}, position_};
        // Of a batch before the position, only the length matters; it is right if the rest is.
        if (!open_payload(step.header, step.payload, buffer_, batch.raw)) return damaged(end);
        place_ += step.header.bytes;
        if (step.header.end_offset() <= position_) continue;
        position_ = step.header.end_offset();
        located = false;
        if (step.header.records > 0) return std::optional(batch);
    }
    return std::optional<ReadBatch>();
}

Result<std::int64_t> Reader::offset_at(std::int64_t timestamp_ms) {
    WEIR_ASSIGN(const auto end, this->end());
    WEIR_ASSIGN(const auto bases, list_segments(folder_));
    const auto position = position_;
    std::optional<std::int64_t> found;
    for (std::size_t i = 0; i < bases.size() && !found; ++i) {
        auto segment = SegmentReader::open(folder_, bases[i]);
        if (!segment) continue;
        HeaderWalk walk(*segment);
        while (!found) {
            WEIR_ASSIGN(const auto stop, walk.next());
            if (!stop || stop->header.base_offset >= end) break;
            if (stop->header.records == 0 || stop->header.max_timestamp < timestamp_ms) continue;
            seek(stop->header.base_offset);
            const auto batch = next();
            // Damage is for whoever reads it to hear of: what is asked for may stand in it.
            if (!batch) {
                found = stop->header.base_offset;
                break;
            }
            if (!*batch) break;
            const auto looked = (*batch)->for_each([&](const RecordView& record) {
                if (!found && record.timestamp >= timestamp_ms) found = record.offset;
            });
            static_cast<void>(looked);
        }
    }
    damage_.reset();
    seek(position);
    return found.value_or(end);
}

void Reader::wait(std::chrono::milliseconds timeout) {
    if (!tail_) {
        // Nothing was ever appended: there is nothing to sleep on yet.
        std::this_thread::sleep_for(std::min(timeout, std::chrono::milliseconds(20)));
        return;
    }
    const auto turn = tail_->turn();
    const auto end = tail_->end();
    if (end.value_or(position_) > position_) return;
    tail_->wait(turn, timeout);
}

}  // namespace weir::source::log
