// weir produce: lines of files into a topic.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/kafka_place.h"
#include "cli/topic_writer.h"
#include "sink/value.h"
#include "source/columns/json_record.h"

namespace weir::cli {
namespace {

// The value of one key of a JSON object, as a record's key: a text without its quotes, anything else as it is written.
class KeyOfLine {
public:
    explicit KeyOfLine(const std::string& column) : column_(column), keys_({column}), parser_(keys_) {}

    // Nothing for a line without the key, or where it is null. The view lives until the next call.
    Result<std::optional<std::string_view>> find(std::string_view line) {
        members_.clear();
        if (parser_.parse(line.data(), 0, line.size(), members_) != source::JsonRecordParser::Outcome::parsed)
            return Error{.code = ErrorCode::input_malformed,
                         .message = "not a JSON object: " + parser_.problem(),
                         .hint = "mend the line, or leave out --key: lines without a key are taken as they are"};
        std::optional<std::string_view> found;
        for (const auto& member : members_) {
            if (member.column != 0) continue;
            const auto text = line.substr(member.value.begin, member.value.length());
            found = text;
            if (member.value.kind() == source::Kind::null) found.reset();
            if (member.value.kind() != source::Kind::json_escaped) continue;
            text_.clear();
            if (!source::json_unescape(text, text_))
                return Error{.code = ErrorCode::input_malformed,
                             .message = fmt::format("'{}' holds half a pair of UTF-16", column_)};
            found = text_;
        }
        return found;
    }

private:
    std::string column_;
    source::JsonKeys keys_;
    source::JsonRecordParser parser_;
    std::vector<source::JsonMember> members_;
    std::string text_;
};

class LineReader {
public:
    static Result<LineReader> open(const std::string& path) {
        if (path == "-") return LineReader(FileHandle(::dup(STDIN_FILENO)), "standard input");
        WEIR_ASSIGN(auto file, open_for_reading(path));
        return LineReader(std::move(file), path);
    }
    // The next line, without its end, until the next call; nothing at the end.
    Result<std::optional<std::string_view>> next() {
        for (;;) {
            const std::string_view text(buffer_.data() + begin_, size_ - begin_);
            auto end = text.find('\n');
            if (end == std::string_view::npos && ended_) end = text.size();
            if (end != std::string_view::npos) {
                if (ended_ && text.empty()) return std::optional<std::string_view>();
                ++line_;
                begin_ = std::min(begin_ + end + 1, size_);
                auto line = text.substr(0, end);
                if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
                // The parser of records may look at some bytes behind it.
                return std::optional(line);
            }
            if (text.size() > limits::log_batch_bytes_max)
                return Error{.code = ErrorCode::refused,
                             .message = fmt::format("a line of more than {} bytes is too large for the log",
                                                    limits::log_batch_bytes_max),
                             .where = {name_, line_ + 1, 0}};
            WEIR_TRY(read_more());
        }
    }
    const std::string& name() const { return name_; }
    int line() const { return line_; }

private:
    LineReader(FileHandle file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
    Status read_more() {
        if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, size_ - begin_);
        size_ -= begin_;
        begin_ = 0;
        constexpr std::size_t piece = std::size_t{1} << 20, padding = 64;
        buffer_.resize(std::max(buffer_.size(), size_ + piece + padding));
        const auto got = ::read(file_.get(), buffer_.data() + size_, buffer_.size() - padding - size_);
        if (got < 0 && errno == EINTR) return ok();
        if (got < 0) return io_error("read", name_, errno);
        ended_ = got == 0;
        size_ += static_cast<std::size_t>(got);
        return ok();
    }

    FileHandle file_;
    std::string name_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0, size_ = 0;
    bool ended_ = false;
    int line_ = 0;
};

// NAME=VALUE, views of the words.
Result<std::vector<source::log::RecordHeader>> headers_of(const std::vector<std::string>& words) {
    std::vector<source::log::RecordHeader> headers;
    for (const std::string_view word : words) {
        const auto equals = word.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("--header cannot be '{}'", word),
                         .hint = "a name and a value: --header source=shop"};
        headers.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
    return headers;
}

// `without_key`: how many records got none, though one was asked for.
Status produce_file(const std::string& path, std::optional<KeyOfLine>& key, const std::string& topic,
                    TopicWriter::Headers headers, TopicWriter& writer, std::int64_t& without_key) {
    WEIR_ASSIGN(auto lines, LineReader::open(path));
    const SystemClock clock;
    auto now = to_unix_millis(clock.now());
    for (;;) {
        WEIR_ASSIGN(const auto line, lines.next());
        if (!line) return ok();
        if (line->empty()) continue;
        constexpr int lines_between_looks = 1024;
        if (lines.line() % lines_between_looks == 0) {
            now = to_unix_millis(clock.now());
            if (stop_requested())
                return Error{.code = ErrorCode::interrupted,
                             .message = fmt::format("stopped at {}:{}", lines.name(), lines.line())};
        }
        std::optional<std::string_view> record_key;
        if (key) {
            auto found = key->find(*line);
            if (!found) {
                found.error().where = {lines.name(), lines.line(), 0};
                return std::move(found).error();
            }
            record_key = *found;
        }
        auto added = writer.add(topic, now, record_key, *line, headers);
        if (!added && added.error().code == ErrorCode::refused) added.error().where = {lines.name(), lines.line(), 0};
        WEIR_TRY(std::move(added));
        if (key && !record_key) ++without_key;
    }
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    const auto files = invocation.all("--from");
    if (files.empty())
        return Error{.code = ErrorCode::usage, .message = "which lines?", .hint = "--from FILE…, or --from - "};
    const auto words = invocation.all("--header");
    WEIR_ASSIGN(const auto headers, headers_of(words));
    // Looked at and not opened: what is written into a pipe can be read once.
    for (const auto& file : files)
        if (file != "-" && ::access(file.c_str(), R_OK) != 0) return io_error("open", file, errno);
    WEIR_ASSIGN(const auto writer, open_topic_writer(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const auto partitions, writer->find_or_make(topic));
    WEIR_ASSIGN(const bool needs_keys, writer->needs_keys(topic));
    if (needs_keys && !invocation.has("--key"))
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("topic {} is compacted by key", topic),
                     .hint = "--key COLUMN"};
    if (on_kafka(invocation)) stop_on_signals();
    std::optional<KeyOfLine> key;
    if (invocation.has("--key")) key.emplace(invocation.option("--key"));
    Status read;
    std::int64_t without_key = 0;
    for (const auto& file : files) {
        read = produce_file(file, key, topic, headers, *writer, without_key);
        if (!read) break;
    }
    // What stands before a line that cannot be taken is in the topic, and said so.
    const auto closed = writer->close();
    if (without_key > 0) {
        const Error warning{
            .code = ErrorCode::input_malformed,
            .message = fmt::format("{} of {} records have no key: their lines have no '{}', or it is null", without_key,
                                   writer->records(), invocation.option("--key"))};
        terminal.report({&warning, 1}, "warning");
    }
    if (terminal.json()) {
        std::string name;
        sink::append_json_string(topic, name);
        WEIR_TRY(
            terminal.write(fmt::format("{{\"topic\": {}, \"partitions\": {}, \"records\": {}, \"bytes\": {}, "
                                       "\"without_key\": {}}}\n",
                                       name, partitions, writer->records(), writer->bytes(), without_key)));
    } else if (!terminal.quiet()) {
        WEIR_TRY(terminal.write(fmt::format("{} record{} into {} ({} bytes{})\n", writer->records(),
                                            writer->records() == 1 ? "" : "s", topic, writer->bytes(),
                                            on_kafka(invocation) ? "" : " as stored")));
    }
    WEIR_TRY(read);
    WEIR_TRY(closed);
    return 0;
}

}  // namespace

Command produce_command() {
    auto options = std::vector<Option>{
        {.name = "--from",
         .value = "FILE",
         .help = "files whose lines are the records; - is standard input",
         .words = Words::file,
         .many = true},
        {.name = "--key",
         .value = "COLUMN",
         .help = "each line is a JSON object, and this value in it is the record's key"},
        {.name = "--header", .value = "NAME=VALUE", .help = "a header that every record gets", .many = true},
    };
    for (auto& option : topic_options()) options.push_back(std::move(option));
    options.push_back(log_option());
    options.push_back(kafka_instead_option());
    return {.name = "produce",
            .summary = "put the lines of files into a topic of the log or of Kafka",
            .description =
                "Each line that is not empty becomes one record. Records with the same key go to the same partition, "
                "in their order; Kafka's default partitioner chooses it. A topic that does not exist is made. If "
                "another process owns the log, it appends them for us. The command ends when all of them are durable "
                "as `log: sync:` in weir.yaml says; of Kafka, when all replicas that have to have them do. A line that "
                "cannot be taken ends it; the lines before are in.",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project},
                          {.name = "TOPIC", .help = "the topic", .required = true}},
            .options = std::move(options),
            .examples = {{"weir produce orders --from ../orders.csv", "each line a record"},
                         {"echo '{\"id\": 7}' | weir produce orders --from - --key id --header sent_by=till-3",
                          "from another program, with a header"}},
            .exit_codes = {0, 1, 2, 3, 4, 130},
            .run = run};
}

}  // namespace weir::cli
