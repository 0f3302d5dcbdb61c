// Topics: what they are called, how they keep their records, and where they lie.
//
//   LOG/format                     "weir log 1": another version is refused
//   LOG/lock                       held by the process that owns the log; its number, for messages
//   LOG/socket                     where the owner takes what others publish (frames.h)
//   LOG/topics/NAME/topic.json     TopicConfig
//   LOG/topics/NAME/0/…            partition 0: its segments (segment.cpp) and its tail (tail.cpp)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "source/log/codec.h"

namespace weir::source::log {

struct TopicConfig {
    // Tells it apart from any other topic of its name. Given when it is made; empty: by a weir before it did so.
    std::string id{};
    int partitions = 1;
    Codec codec = Codec::lz4;
    std::int64_t segment_bytes = std::int64_t{128} << 20;
    std::optional<std::int64_t> retention_ms;      // whole segments go when all their records were appended before that
    std::optional<std::int64_t> retention_bytes;   // for each partition
    bool compact = false;                          // every record has a key, and of each the newest is kept
    std::int64_t tombstone_ms = 24 * 3600 * 1000;  // how long compaction leaves a tombstone
    // Whether topics are kept alike; they may be different ones.
    bool operator==(const TopicConfig& other) const;
};

// A usage error says what is wrong with it.
Status check_topic_name(std::string_view name);
Status check_config(const TopicConfig& config);

std::string to_json(const TopicConfig& config);
// Fails with log_damaged; `name` is for the message.
Result<TopicConfig> config_from_json(std::string_view json, const std::string& name);

std::string new_topic_id();

fs::path topic_folder(const fs::path& log, const std::string& topic);
fs::path partition_folder(const fs::path& log, const std::string& topic, int partition);

// Fails with not_found, naming the nearest topic.
Result<TopicConfig> load_topic(const fs::path& log, const std::string& topic);
// Names, sorted. A log that does not exist has none.
Result<std::vector<std::string>> list_topics(const fs::path& log);

// Whether this is a log that this version reads: log_unsupported for another version's, log_damaged for something
// else. false: nothing is there.
Result<bool> check_format(const fs::path& log);
// Makes an empty log where nothing is.
Status make_log(const fs::path& log);

}  // namespace weir::source::log
