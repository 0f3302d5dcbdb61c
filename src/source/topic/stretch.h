// What was read of a topic at once: messages of several partitions in blocks, with the positions that they reach.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/interval.h"
#include "source/records/block.h"

namespace weir::source {

// Where each partition is read next.
using Positions = std::map<int, std::int64_t>;

struct StretchBounds {
    std::int64_t rows = 1'000'000;
    std::size_t bytes = std::size_t{32} << 20;  // of messages; a batch of the embedded log is not cut
    std::chrono::milliseconds time{1000};       // how long is waited for what is known to be there
};

// Messages of one partition that bear one day (UTC); its place in the list is its file_no.
struct StretchPart {
    int partition = 0;
    Day day;
    std::int64_t records = 0;
    std::int64_t from = 0, to = 0;  // offsets: what the partition gave to the whole stretch
};

struct Stretch {
    std::vector<std::shared_ptr<Block>> blocks;
    std::vector<StretchPart> parts;
    std::map<int, std::pair<std::int64_t, std::int64_t>> moved;  // partition → from, to
    std::int64_t rows = 0;
    std::size_t bytes = 0;
    std::vector<std::string> notes;  // what was passed over, a sentence each

    bool empty() const { return moved.empty(); }
    bool full(const StretchBounds& bounds) const { return rows >= bounds.rows || bytes >= bounds.bytes; }
};

// A record of a topic, in memory that somebody else holds. No value: a tombstone.
struct TopicRecord {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;  // milliseconds since 1970
    std::optional<std::string_view> key, value;
    std::string_view headers{};  // as JSON (log/record_json.h); empty: it has none
};

// Copies records into a stretch, those of a partition in their order.
class StretchFiller {
public:
    explicit StretchFiller(Stretch& stretch) : stretch_(stretch) {}
    void add(int partition, const TopicRecord& record);
    // The stretch moved from its first `from` of this partition to `to`.
    void move(int partition, std::int64_t from, std::int64_t to);
    // Tells the parts how far their partitions moved.
    void finish();

private:
    std::uint32_t put(std::string_view text);
    void new_block(std::size_t least);
    void open_piece(int partition, std::int64_t timestamp);

    Stretch& stretch_;
    Block* block_ = nullptr;
    std::map<std::pair<int, Day>, std::size_t> part_of_;
    std::size_t part_ = 0;
    int partition_ = -1;
    std::int64_t day_begin_ = 0, day_end_ = 0;
    bool piece_open_ = false;
};

// The day of a record's timestamp; times that no calendar has belong to its ends.
Day day_of_record(std::int64_t timestamp_ms);

}  // namespace weir::source
