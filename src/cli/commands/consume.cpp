// weir consume: the records of a topic on standard output.
#include <fmt/format.h>

#include <charconv>

#include "base/stop.h"
#include "cli/as_of.h"
#include "cli/commands/list.h"
#include "cli/kafka_place.h"
#include "cli/number_option.h"
#include "source/kafka/record_reader.h"
#include "source/log/reader.h"
#include "source/log/record_json.h"

namespace weir::cli {
namespace {

namespace log = source::log;

constexpr std::size_t write_bytes = std::size_t{64} << 10;

template <class Record>
void append_json(int partition, const Record& record, const std::vector<log::RecordHeader>& headers, std::string& to) {
    to += fmt::format("{{\"partition\": {}, \"offset\": {}, \"timestamp\": {}, ", partition, record.offset,
                      record.timestamp);
    log::append_member("key", record.key, to);
    to += ", ";
    log::append_member("value", record.value, to);
    to += ", \"headers\": ";
    log::append_headers(headers, to);
    to += "}\n";
}

// `partition` gives its oldest offset, its end, and the first offset at a time.
template <class Begin, class End, class At>
Result<std::int64_t> first_offset(const std::string& from, const Begin& begin, const End& end, const At& at) {
    if (from == "earliest") return begin();
    if (from == "latest") return end();
    std::int64_t offset = 0;
    const auto [rest, failure] = std::from_chars(from.data(), from.data() + from.size(), offset);
    if (failure == std::errc{} && rest == from.data() + from.size() && offset >= 0) return offset;
    const auto moment = parse_as_of(from);
    const auto* time = moment ? std::get_if<lake::AtTime>(&*moment) : nullptr;
    if (time == nullptr)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--from cannot be '{}'", from),
                     .hint = "earliest, latest, an offset, or a moment such as 2024-03-01T10:00:00Z"};
    return at(to_unix_millis(time->time));
}

// Several readers in turn, a batch of each.
class Output {
public:
    Output(Terminal& terminal, std::optional<std::int64_t> count) : terminal_(terminal), left_(count) {}

    Status add(int partition, const log::ReadBatch& batch) {
        Status status;
        const bool whole = batch.for_each([&](const log::RecordView& record) {
            if (!done() && status) status = add_record(partition, record, [&] { return record.headers(); });
        });
        WEIR_TRY(status);
        if (whole) return ok();
        return Error{
            .code = ErrorCode::log_damaged,
            .message = fmt::format("partition {}: the records from offset {} on cannot be read", partition,
                                   batch.header.base_offset),
            .hint = fmt::format("read on behind them: --partition {} --from {}", partition, batch.header.end_offset())};
    }
    template <class Record, class Headers>
    Status add_record(int partition, const Record& record, const Headers& headers) {
        if (left_) --*left_;
        if (terminal_.json()) {
            append_json(partition, record, headers(), text_);
        } else {
            text_ += record.value.value_or("null");
            text_ += '\n';
        }
        return text_.size() >= write_bytes ? flush() : ok();
    }
    Status flush() {
        auto written = terminal_.write(text_);
        text_.clear();
        return written;
    }
    bool done() const { return left_ == 0; }

private:
    Terminal& terminal_;
    std::optional<std::int64_t> left_;
    std::string text_;
};

Error no_partition(const std::string& topic, std::int64_t wanted, int partitions) {
    return {.code = ErrorCode::usage,
            .message = fmt::format("topic {} has no partition {}", topic, wanted),
            .hint = fmt::format("0 to {}", partitions - 1)};
}

Result<int> run_on_kafka(const Invocation& invocation, Terminal& terminal, std::optional<std::int64_t> only,
                         Output& output) {
    stop_on_signals();
    WEIR_ASSIGN(const auto place, open_kafka_place(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const auto reader, source::kafka::RecordReader::open(place.cluster, place.root, topic));
    source::Positions begins, ends;
    for (int partition = 0; partition < reader->partitions(); ++partition) {
        if (only && *only != partition) continue;
        WEIR_ASSIGN(const auto marks, reader->marks(partition));
        WEIR_ASSIGN(begins[partition],
                    first_offset(
                        invocation.option("--from", "earliest"), [&] { return Result<std::int64_t>(marks.first); },
                        [&] { return Result<std::int64_t>(marks.second); },
                        [&](std::int64_t time) { return reader->offset_at(partition, time); }));
        ends[partition] = marks.second;
    }
    if (begins.empty()) return no_partition(topic, *only, reader->partitions());
    WEIR_TRY(reader->begin(begins));
    const bool follow = invocation.has("--follow");
    while (!output.done() && (follow || !reader->at_end(ends))) {
        auto read = reader->next([&](const source::kafka::WholeRecord& whole) -> Result<bool> {
            WEIR_TRY(output.add_record(whole.partition, whole.record, [&] { return whole.headers; }));
            return !output.done();
        });
        WEIR_TRY(output.flush());
        WEIR_TRY(read);
        if (stop_requested()) return info(ErrorCode::interrupted).exit_code;
    }
    return 0;
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto count, number_option(invocation, "--count", 0));
    WEIR_ASSIGN(const auto only, number_option(invocation, "--partition", 0));
    Output output(terminal, count);
    if (on_kafka(invocation)) return run_on_kafka(invocation, terminal, only, output);
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const bool there, log::check_format(place.path));
    static_cast<void>(there);
    WEIR_ASSIGN(const auto config, log::load_topic(place.path, topic));
    const bool follow = invocation.has("--follow");
    std::vector<std::pair<int, log::Reader>> readers;
    for (int partition = 0; partition < config.partitions; ++partition) {
        if (only && *only != partition) continue;
        WEIR_ASSIGN(auto reader, log::Reader::open(place.path, topic, partition));
        WEIR_ASSIGN(const auto offset,
                    first_offset(
                        invocation.option("--from", "earliest"), [&] { return reader.begin(); },
                        [&] { return reader.end(); }, [&](std::int64_t time) { return reader.offset_at(time); }));
        reader.seek(offset);
        readers.emplace_back(partition, std::move(reader));
    }
    if (readers.empty()) return no_partition(topic, *only, config.partitions);
    while (!output.done()) {
        bool any = false;
        for (auto& [partition, reader] : readers) {
            auto batch = reader.next();
            if (!batch) {
                WEIR_TRY(output.flush());
                return std::move(batch).error();
            }
            if (!*batch || output.done()) continue;
            any = true;
            WEIR_TRY(output.add(partition, **batch));
        }
        if (stop_requested()) {
            WEIR_TRY(output.flush());
            return info(ErrorCode::interrupted).exit_code;
        }
        if (any) continue;
        WEIR_TRY(output.flush());
        if (!follow) break;
        // One partition wakes us; of several, each is looked at often enough.
        readers.front().second.wait(std::chrono::milliseconds(readers.size() == 1 ? 500 : 10));
    }
    WEIR_TRY(output.flush());
    return 0;
}

}  // namespace

Command consume_command() {
    return {
        .name = "consume",
        .summary = "print the records of a topic of the log or of Kafka",
        .description =
            "Prints each record's value on a line of its own (null for a tombstone); with --json one object a line: "
            "partition, offset, timestamp (milliseconds since 1970), key, value, headers. Bytes that are no UTF-8 "
            "stand in key_base64 and value_base64. Records of one partition come in the order of their offsets. "
            "Reading needs nobody's leave, and changes nothing: whoever else reads is not disturbed. Damaged records "
            "end it with their offsets.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project},
                      {.name = "TOPIC", .help = "the topic", .required = true}},
        .options = {{.name = "--from",
                     .value = "WHERE",
                     .help =
                         "earliest (default), latest, an offset, or a moment: the first record of that time or later"},
                    {.name = "--partition", .value = "N", .help = "only this partition"},
                    {.name = "--count", .value = "N", .help = "end after so many records"},
                    {.name = "--follow", .value = "", .help = "wait for more, until stopped"},
                    log_option(),
                    kafka_instead_option()},
        .examples = {{"weir consume orders", "all that is there"},
                     {"weir consume orders --from 1 --count 1 --json", "one record, with its key and place"},
                     {"timeout 1 weir consume orders --from latest --follow || true", "what comes from now on"}},
        .exit_codes = {0, 1, 2, 3, 4, 130},
        .run = run};
}

}  // namespace weir::cli
