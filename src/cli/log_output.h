// Lines of JSON into topics of the log: dumped records by what they say of themselves, other rows into one topic.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "cli/log_place.h"
#include "source/columns/json_record.h"
#include "source/log/producer.h"

namespace weir::cli {

struct LogOutputOptions {
    std::string topic;  // of rows that are messages; empty: rows are records {topic, key, value, broker_ts}
    std::string key;    // the column of a message that is its key; empty: none
    source::log::TopicConfig new_topics{};
};

// Driven by one thread at a time.
class LogOutput {
public:
    LogOutput(LogPlace place, LogOutputOptions options);

    // Whole lines. Topics that do not exist are made.
    Status write(std::string_view lines);
    // What was written is in the topics.
    Status flush();
    // Everything is durable by the owner's policy, and the log is let go of.
    Status close();
    std::int64_t records() const { return records_; }

private:
    Status add(std::string_view line);
    Result<source::log::Producer*> producer(const std::string& topic);

    LogPlace place_;
    LogOutputOptions options_;
    source::JsonKeys keys_;
    source::JsonRecordParser parser_;
    std::vector<source::JsonMember> members_;
    std::string line_;  // with room behind it for the parser
    // Of the row: topic, key, value and time; whether they are named, and not null.
    std::array<std::string, 4> texts_;
    std::array<bool, 4> seen_{}, there_{};
    std::map<std::string, source::log::Producer> producers_;
    std::int64_t records_ = 0;
};

}  // namespace weir::cli
