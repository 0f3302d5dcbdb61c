// The socket of a log's owner: a stream of frames in both directions, all numbers little-endian.
//
//   u32 bytes of the body     u8 version, 1     u8 kind     what belongs to the kind
//
//   1  append          text topic, i32 partition, i64 producer, i64 sequence, a batch (batch.cpp) whose offset is open
//   2  create topic    text topic, text configuration as in topic.json
//   3  delete topic    text topic
//   4  compact         text topic
//   5  retain          —
//  64  done            u32 count, as many i64: of an append the first offset, and 1 if it was there before; of a
//                      compaction records before and after, bytes before and after, segments, damaged segments; of
//                      retain the bytes
//  65  failed          u32 number of the error code, text message, text hint
//
//   text: u32 bytes, UTF-8
//
// Requests of one connection are carried out and answered in their order; several may be on their way. A body that
// cannot be read, or is longer than a batch can be, ends the connection.
#include "source/log/frames.h"

#include <cstring>

#include "base/limits.h"

namespace weir::source::log {
namespace {

constexpr std::uint8_t version = 1;
enum class FrameKind : std::uint8_t {
    append = 1,
    create_topic = 2,
    delete_topic = 3,
    compact = 4,
    retain = 5,
    done = 64,
    failed = 65
};
constexpr std::size_t text_bytes_max = 64 * 1024;
constexpr std::size_t numbers_max = 16;

class Writer {
public:
    explicit Writer(FrameKind kind) : bytes_(frame_length_bytes, '\0') {
        number(version);
        number(static_cast<std::uint8_t>(kind));
    }
    template <class T>
    void number(T value) {
        char bytes[sizeof(T)];
        std::memcpy(bytes, &value, sizeof(T));
        bytes_.append(bytes, sizeof(T));
    }
    void text(std::string_view text) {
        text = text.substr(0, text_bytes_max);
        number(static_cast<std::uint32_t>(text.size()));
        bytes_.append(text);
    }
    std::string& bytes() { return bytes_; }
    std::string finish() {
        const auto length = static_cast<std::uint32_t>(bytes_.size() - frame_length_bytes);
        std::memcpy(bytes_.data(), &length, sizeof(length));
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

class Taker {
public:
    explicit Taker(std::string_view bytes) : rest_(bytes) {}
    template <class T>
    bool number(T& value) {
        if (rest_.size() < sizeof(T)) return false;
        std::memcpy(&value, rest_.data(), sizeof(T));
        rest_.remove_prefix(sizeof(T));
        return true;
    }
    bool text(std::string& to) {
        std::uint32_t size = 0;
        if (!number(size) || size > text_bytes_max || size > rest_.size()) return false;
        to.assign(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return true;
    }
    std::string_view rest() const { return rest_; }
    bool end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

std::optional<RequestFrame> read_append(Taker& body) {
    AppendFrame frame;
    auto& request = frame.request;
    std::int32_t partition = 0;
    if (!body.text(request.topic) || !body.number(partition) || !body.number(request.producer) ||
        !body.number(request.sequence))
        return std::nullopt;
    request.partition = partition;
    const auto header = read_header(body.rest());
    if (!header || header->bytes != body.rest().size() || header->records == 0 || header->records != header->offsets)
        return std::nullopt;
    if (request.producer < -1 || request.sequence < -1 || (request.producer >= 0) != (request.sequence >= 0) ||
        request.sequence > INT64_MAX - header->records)
        return std::nullopt;
    const auto payload = body.rest().substr(batch_header_bytes);
    std::string buffer;
    std::string_view raw;
    if (!open_payload(*header, payload, buffer, raw) || !check_records(*header, raw, request.batch.all_keyed))
        return std::nullopt;
    request.batch.header = *header;
    request.batch.payload = payload;
    return frame;
}

template <class Frame>
std::optional<RequestFrame> read_topic(Taker& body) {
    Frame frame;
    if (!body.text(frame.topic) || !body.end()) return std::nullopt;
    return frame;
}

struct Encode {
    std::string operator()(const AppendFrame& frame) const {
        Writer writer(FrameKind::append);
        const auto& request = frame.request;
        writer.text(request.topic);
        writer.number(static_cast<std::int32_t>(request.partition));
        writer.number(request.producer);
        writer.number(request.sequence);
        char header[batch_header_bytes];
        write_header(request.batch.header, header);
        writer.bytes().append(header, sizeof(header));
        writer.bytes().append(request.batch.payload);
        return writer.finish();
    }
    std::string operator()(const CreateTopicFrame& frame) const {
        Writer writer(FrameKind::create_topic);
        writer.text(frame.topic);
        writer.text(frame.config);
        return writer.finish();
    }
    std::string operator()(const DeleteTopicFrame& frame) const { return topic(FrameKind::delete_topic, frame.topic); }
    std::string operator()(const CompactFrame& frame) const { return topic(FrameKind::compact, frame.topic); }
    std::string operator()(const RetainFrame&) const { return Writer(FrameKind::retain).finish(); }
    std::string operator()(const DoneFrame& frame) const {
        Writer writer(FrameKind::done);
        writer.number(static_cast<std::uint32_t>(frame.numbers.size()));
        for (const auto number : frame.numbers) writer.number(number);
        return writer.finish();
    }
    std::string operator()(const FailedFrame& frame) const {
        Writer writer(FrameKind::failed);
        writer.number(static_cast<std::uint32_t>(frame.error.code));
        writer.text(frame.error.message);
        writer.text(frame.error.hint);
        return writer.finish();
    }

private:
    static std::string topic(FrameKind kind, const std::string& name) {
        Writer writer(kind);
        writer.text(name);
        return writer.finish();
    }
};

}  // namespace

std::string encode(const RequestFrame& frame) { return std::visit(Encode{}, frame); }
std::string encode(const AnswerFrame& frame) { return std::visit(Encode{}, frame); }

std::size_t frame_bytes_max() { return limits::log_batch_bytes_max + batch_header_bytes + 1024; }

std::optional<RequestFrame> read_request(std::string_view bytes) {
    Taker body(bytes);
    std::uint8_t spoken = 0, kind = 0;
    if (!body.number(spoken) || !body.number(kind) || spoken != version) return std::nullopt;
    switch (static_cast<FrameKind>(kind)) {
        case FrameKind::append: return read_append(body);
        case FrameKind::delete_topic: return read_topic<DeleteTopicFrame>(body);
        case FrameKind::compact: return read_topic<CompactFrame>(body);
        case FrameKind::retain: return body.end() ? std::optional<RequestFrame>(RetainFrame{}) : std::nullopt;
        case FrameKind::create_topic: {
            CreateTopicFrame frame;
            if (!body.text(frame.topic) || !body.text(frame.config) || !body.end()) return std::nullopt;
            return frame;
        }
        default: return std::nullopt;
    }
}

std::optional<AnswerFrame> read_answer(std::string_view bytes) {
    Taker body(bytes);
    std::uint8_t spoken = 0, kind = 0;
    std::uint32_t number = 0;
    if (!body.number(spoken) || !body.number(kind) || spoken != version || !body.number(number)) return std::nullopt;
    if (static_cast<FrameKind>(kind) == FrameKind::done) {
        if (number > numbers_max) return std::nullopt;
        DoneFrame frame;
        frame.numbers.resize(number);
        for (auto& each : frame.numbers)
            if (!body.number(each)) return std::nullopt;
        return body.end() ? std::optional<AnswerFrame>(frame) : std::nullopt;
    }
    if (static_cast<FrameKind>(kind) != FrameKind::failed || number >= error_codes().size()) return std::nullopt;
    FailedFrame frame{.error = {.code = static_cast<ErrorCode>(number), .message = {}}};
    if (!body.text(frame.error.message) || !body.text(frame.error.hint) || !body.end()) return std::nullopt;
    return frame;
}

}  // namespace weir::source::log
