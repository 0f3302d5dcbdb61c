// What other processes say to the owner of a log over its socket, and what it answers. The bytes are drawn in
// frames.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "source/log/log.h"

namespace weir::source::log {

// Requests.
struct AppendFrame {
    AppendRequest request;
};
struct CreateTopicFrame {
    std::string topic;
    std::string config;  // to_json(TopicConfig)
};
struct DeleteTopicFrame {
    std::string topic;
};
struct CompactFrame {
    std::string topic;
};
struct RetainFrame {};
using RequestFrame = std::variant<AppendFrame, CreateTopicFrame, DeleteTopicFrame, CompactFrame, RetainFrame>;

// Answers; requests of one connection are answered in their order.
struct DoneFrame {
    std::vector<std::int64_t> numbers;  // of an append: offset, duplicate; of a compaction: Compacted
};
struct FailedFrame {
    Error error;
};
using AnswerFrame = std::variant<DoneFrame, FailedFrame>;

// Whole frames, with their length.
std::string encode(const RequestFrame& frame);
std::string encode(const AnswerFrame& frame);

inline constexpr std::size_t frame_length_bytes = 4;
// The largest body that is taken: a batch that cannot be compressed, and what stands around it.
std::size_t frame_bytes_max();

// A body, without its length. Nothing where it is no such frame. Batches are checked: every record in them can be read.
std::optional<RequestFrame> read_request(std::string_view body);
std::optional<AnswerFrame> read_answer(std::string_view body);

}  // namespace weir::source::log
