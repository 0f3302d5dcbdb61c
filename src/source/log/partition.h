// A partition as its owner has it: recovered, written in groups, rolled into segments, rid of what is old. One thread.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/log/recover.h"
#include "source/log/tail.h"
#include "source/log/topic.h"

namespace weir::source::log {

// When an append counts as durable, and is acknowledged.
enum class Sync {
    always,    // when the disk has it: nothing acknowledged is lost in a power cut
    interval,  // when the system has it; the disk gets it within a span of time: a power cut may lose that
    never      // when the system has it: only the death of the process loses nothing
};

class Partition {
public:
    struct Item {
        EncodedBatch* batch = nullptr;
        std::int64_t producer = -1, sequence = -1;
        Result<std::int64_t> offset = std::int64_t{-1};  // of the first record; -1: a duplicate, its place forgotten
        bool duplicate = false;
    };

    // Recovers the partition, or makes it. What had to be repaired or is damaged is told in `notes`, a sentence each.
    static Result<Partition> open(const fs::path& folder, const TopicConfig& config, Sync sync, std::int64_t now_ms,
                                  std::vector<std::string>& notes);

    // Writes what the items hold, in their order; each is given its offset, or why it has none. Nobody sees it yet.
    void write(std::span<Item* const> items, std::int64_t now_ms);
    // Makes what was written durable. After a failure the partition takes no more until it is opened again: what the
    // disk holds is not known.
    Status sync();
    // Shows what was written to readers.
    void publish() { tail_.publish(end_offset_); }

    // Whether it takes no more until it is opened again.
    bool failed() const { return failed_.has_value(); }
    bool unsynced() const { return unsynced_; }
    std::int64_t end_offset() const { return end_offset_; }
    // Removes whole segments by the topic's retention; returns the bytes.
    Result<std::int64_t> retain(std::int64_t now_ms);
    // Ends the segment that grows, if it holds anything.
    Status roll(std::int64_t now_ms);
    // Syncs unless the policy is never, and tells readers that the end is settled.
    Status close();

private:
    Partition(fs::path folder, const TopicConfig& config, Sync sync, Tail tail)
        : folder_(std::move(folder)), config_(config), sync_policy_(sync), tail_(std::move(tail)) {}
    Status start_segment(std::int64_t now_ms);
    // Writes the group that was gathered; takes all of it back where that fails.
    void flush_group();
    void take_back(const Error& error);

    fs::path folder_;
    TopicConfig config_;
    Sync sync_policy_;
    Tail tail_;
    FileHandle file_;  // of the newest segment
    std::int64_t segment_base_ = 0;
    std::uint64_t segment_head_bytes_ = 0;
    std::uint64_t position_ = 0;
    std::int64_t end_offset_ = 0;
    std::int64_t appended_at_ = 0;
    Producers producers_;
    bool unsynced_ = false;
    std::optional<Error> failed_;

    // The group that is being gathered.
    std::vector<Item*> group_;
    std::vector<Item*> group_writes_;
    std::uint64_t group_bytes_ = 0;
    std::int64_t group_offset_ = 0;
    std::vector<std::pair<std::int64_t, std::optional<Producers::State>>> group_undo_;
};

}  // namespace weir::source::log
