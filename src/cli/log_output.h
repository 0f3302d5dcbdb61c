// Lines of JSON into topics: dumped records by what they say of themselves, other rows into one topic.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>

#include "cli/topic_writer.h"
#include "source/columns/json_record.h"

namespace weir::cli {

struct LogOutputOptions {
    std::string topic;  // of rows that are messages; empty: rows are records {topic, key, value, broker_ts}
    std::string key;    // the column of a message that is its key; empty: none
};

// Driven by one thread at a time.
class LogOutput {
public:
    LogOutput(TopicWriter& writer, LogOutputOptions options);

    // Whole lines. Topics that do not exist are made.
    Status write(std::string_view lines);
    // What was written is in the topics.
    Status flush() { return writer_.flush(); }

private:
    Status add(std::string_view line);

    TopicWriter& writer_;
    LogOutputOptions options_;
    source::JsonKeys keys_;
    source::JsonRecordParser parser_;
    std::vector<source::JsonMember> members_;
    std::string line_;  // with room behind it for the parser
    // Of the row: topic, key, value and time; whether they are named, and not null.
    std::array<std::string, 4> texts_;
    std::array<bool, 4> seen_{}, there_{};
    std::set<std::string> known_topics_;
};

}  // namespace weir::cli
