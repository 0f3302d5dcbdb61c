#include "source/topic/stretch.h"

#include <algorithm>

#include "source/columns/fields.h"

namespace weir::source {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
// A block becomes one chunk of rows, so that whoever decides on rows in their order has to wait for few.
constexpr std::size_t block_bytes = 1u << 20;

}  // namespace

Day day_of_record(std::int64_t timestamp_ms) {
    constexpr std::int64_t last = 253'402'300'799'999;
    return Day{std::chrono::days{std::clamp<std::int64_t>(timestamp_ms, 0, last) / day_ms}};
}

void StretchFiller::add(int partition, const TopicRecord& record) {
    const auto key = record.key.value_or(std::string_view());
    const auto value = record.value.value_or(std::string_view());
    // A line end behind each: no two halves of a character meet.
    const auto wanted = key.size() + record.headers.size() + value.size() + 3;
    if (block_ == nullptr || block_->size + wanted > block_->capacity() || block_->messages.size() == chunk_rows)
        new_block(wanted);
    if (!piece_open_ || partition != partition_ || record.timestamp < day_begin_ || record.timestamp >= day_end_)
        open_piece(partition, record.timestamp);
    Message message{.offset = record.offset, .timestamp = record.timestamp};
    message.has_key = record.key.has_value();
    message.has_value = record.value.has_value();
    message.key_begin = put(key);
    message.key_end = message.key_begin + static_cast<std::uint32_t>(key.size());
    message.headers_begin = put(record.headers);
    message.headers_end = message.headers_begin + static_cast<std::uint32_t>(record.headers.size());
    message.begin = put(value);
    message.end = message.begin + static_cast<std::uint32_t>(value.size());
    block_->messages.push_back(message);
    ++block_->message_pieces.back().end;
    ++stretch_.parts[part_].records;
    ++stretch_.rows;
    stretch_.bytes += wanted;
}

void StretchFiller::move(int partition, std::int64_t from, std::int64_t to) {
    stretch_.moved.try_emplace(partition, from, from).first->second.second = to;
}

void StretchFiller::finish() {
    for (auto& part : stretch_.parts) std::tie(part.from, part.to) = stretch_.moved.at(part.partition);
}

std::uint32_t StretchFiller::put(std::string_view text) {
    const auto begin = block_->size;
    text.copy(block_->text() + begin, text.size());
    block_->text()[begin + text.size()] = '\n';
    block_->size += text.size() + 1;
    return static_cast<std::uint32_t>(begin);
}

void StretchFiller::new_block(std::size_t least) {
    stretch_.blocks.push_back(std::make_shared<Block>(std::max(block_bytes, least)));
    block_ = stretch_.blocks.back().get();
    piece_open_ = false;
}

void StretchFiller::open_piece(int partition, std::int64_t timestamp) {
    const auto day = day_of_record(timestamp);
    day_begin_ = day.time_since_epoch().count() * day_ms;
    day_end_ = day_begin_ + day_ms;
    const auto [found, added] = part_of_.try_emplace({partition, day}, stretch_.parts.size());
    if (added) stretch_.parts.push_back({.partition = partition, .day = day});
    part_ = found->second;
    partition_ = partition;
    const auto at = static_cast<std::uint32_t>(block_->messages.size());
    block_->message_pieces.push_back(
        {.file_no = static_cast<int>(part_), .partition = partition, .begin = at, .end = at});
    piece_open_ = true;
}

}  // namespace weir::source
