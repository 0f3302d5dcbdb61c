// weir topic: the topics of the log, or of Kafka.
#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/commands/list.h"
#include "cli/kafka_place.h"
#include "cli/table.h"
#include "sink/value.h"
#include "source/log/publisher.h"
#include "source/log/reader.h"

namespace weir::cli {
namespace {

namespace log = source::log;

struct PartitionFacts {
    std::int64_t begin = 0, end = 0, bytes = 0;
    std::size_t segments = 0;
    std::vector<log::Damage> damage;
};

Result<PartitionFacts> look_at(const fs::path& path, const std::string& topic, int partition, bool check) {
    PartitionFacts facts;
    WEIR_ASSIGN(auto reader, log::Reader::open(path, topic, partition));
    const auto folder = log::partition_folder(path, topic, partition);
    WEIR_ASSIGN(const auto bases, log::list_segments(folder));
    facts.segments = bases.size();
    for (const auto base : bases) {
        struct stat info {};
        if (::stat((folder / log::segment_name(base)).c_str(), &info) == 0) facts.bytes += info.st_size;
    }
    WEIR_ASSIGN(facts.begin, reader.begin());
    WEIR_ASSIGN(facts.end, reader.end());
    if (!check) return facts;
    reader.seek(facts.begin);
    for (;;) {
        const auto batch = reader.next();
        if (!batch) {
            if (!reader.damage()) return batch.error();
            facts.damage.push_back(*reader.damage());
            reader.seek(facts.damage.back().to);
            continue;
        }
        if (!*batch) return facts;
        if (!(*batch)->for_each([](const log::RecordView&) {}))
            facts.damage.push_back({(*batch)->header.base_offset, (*batch)->header.end_offset()});
    }
}

std::string json_text(std::string_view text) {
    std::string json;
    sink::append_json_string(text, json);
    return json;
}

std::string describe(const log::TopicConfig& config) {
    std::string kept = config.compact ? "newest of each key" : "all";
    if (config.retention_ms) kept += fmt::format(", {} s", *config.retention_ms / 1000);
    if (config.retention_bytes) kept += fmt::format(", {} bytes a partition", *config.retention_bytes);
    return kept;
}

Result<std::unique_ptr<source::kafka::Admin>> admin_of(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto place, open_kafka_place(invocation, terminal));
    return source::kafka::Admin::open(place.cluster, place.root);
}

Status list_kafka(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto admin, admin_of(invocation, terminal));
    WEIR_ASSIGN(const auto topics, admin->topics());
    std::string json = "[";
    Table table(terminal, {{"topic"}, {"partitions", true}, {"offsets", true}});
    for (const auto& [topic, partitions] : topics) {
        WEIR_ASSIGN(const auto marks, admin->marks(topic));
        std::int64_t offsets = 0;
        for (const auto& [begin, end] : marks) offsets += end - begin;
        if (terminal.json())
            json += fmt::format("{}{{\"topic\": {}, \"partitions\": {}, \"offsets\": {}}}",
                                json.size() == 1 ? "\n" : ",\n", json_text(topic), partitions, offsets);
        else
            WEIR_TRY(table.add({topic, std::to_string(partitions), std::to_string(offsets)}));
    }
    if (terminal.json()) return terminal.write(json + (json.size() == 1 ? "]\n" : "\n]\n"));
    return topics.empty() ? terminal.write("no topics\n") : table.end();
}

Status show_kafka(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto admin, admin_of(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const auto marks, admin->marks(topic));
    std::string json;
    Table table(terminal, {{"partition", true}, {"begin", true}, {"end", true}});
    for (std::size_t i = 0; i < marks.size(); ++i) {
        const auto [begin, end] = marks[i];
        if (terminal.json())
            json += fmt::format("{}{{\"partition\": {}, \"begin\": {}, \"end\": {}}}", json.empty() ? "" : ", ", i,
                                begin, end);
        else
            WEIR_TRY(table.add({std::to_string(i), std::to_string(begin), std::to_string(end)}));
    }
    if (terminal.json())
        return terminal.write(fmt::format("{{\"topic\": {}, \"partitions\": [{}]}}\n", json_text(topic), json));
    return table.end();
}

Result<int> run_list(const Invocation& invocation, Terminal& terminal) {
    if (on_kafka(invocation)) {
        WEIR_TRY(list_kafka(invocation, terminal));
        return 0;
    }
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    WEIR_ASSIGN(const bool there, log::check_format(place.path));
    static_cast<void>(there);
    WEIR_ASSIGN(const auto topics, log::list_topics(place.path));
    std::string json = "[";
    Table table(terminal, {{"topic"}, {"partitions", true}, {"records", true}, {"bytes", true}, {"codec"}, {"kept"}});
    for (const auto& topic : topics) {
        WEIR_ASSIGN(const auto config, log::load_topic(place.path, topic));
        std::int64_t offsets = 0, bytes = 0;
        for (int partition = 0; partition < config.partitions; ++partition) {
            WEIR_ASSIGN(const auto facts, look_at(place.path, topic, partition, false));
            offsets += facts.end - facts.begin;
            bytes += facts.bytes;
        }
        if (terminal.json()) {
            json +=
                fmt::format("{}{{\"topic\": {}, \"offsets\": {}, \"bytes\": {}, \"config\": {}}}",
                            json.size() == 1 ? "\n" : ",\n", json_text(topic), offsets, bytes, log::to_json(config));
        } else {
            WEIR_TRY(table.add({topic, std::to_string(config.partitions), std::to_string(offsets),
                                std::to_string(bytes), std::string(log::name_of(config.codec)), describe(config)}));
        }
    }
    if (terminal.json()) {
        WEIR_TRY(terminal.write(json + (json.size() == 1 ? "]\n" : "\n]\n")));
        return 0;
    }
    if (topics.empty()) {
        WEIR_TRY(terminal.write(
            fmt::format("no topics in {}; `weir produce` and `weir topic create` make them\n", place.path.string())));
        return 0;
    }
    WEIR_TRY(table.end());
    return 0;
}

Result<int> run_show(const Invocation& invocation, Terminal& terminal) {
    if (on_kafka(invocation)) {
        WEIR_TRY(show_kafka(invocation, terminal));
        return 0;
    }
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const auto config, log::load_topic(place.path, topic));
    const bool check = invocation.has("--check");
    const auto owner = log::owner_of(place.path);
    std::string json, damage;
    Table table(terminal, {{"partition", true}, {"begin", true}, {"end", true}, {"bytes", true}, {"segments", true}});
    if (!terminal.json())
        WEIR_TRY(terminal.write(fmt::format("{}: {}, kept: {}{}\n", topic, log::name_of(config.codec), describe(config),
                                            owner.empty() ? "" : fmt::format(", owned by process {}", owner))));
    for (int partition = 0; partition < config.partitions; ++partition) {
        WEIR_ASSIGN(const auto facts, look_at(place.path, topic, partition, check));
        std::string damaged;
        for (const auto& each : facts.damage) {
            damage += fmt::format("partition {}: the records with offsets {} to {} cannot be read\n", partition,
                                  each.from, each.to - 1);
            damaged += fmt::format("{}[{}, {}]", damaged.empty() ? "" : ", ", each.from, each.to);
        }
        if (terminal.json()) {
            json += fmt::format(
                "{}{{\"partition\": {}, \"begin\": {}, \"end\": {}, \"bytes\": {}, \"segments\": {}, \"damage\": "
                "[{}]}}",
                json.empty() ? "" : ", ", partition, facts.begin, facts.end, facts.bytes, facts.segments, damaged);
        } else {
            WEIR_TRY(table.add({std::to_string(partition), std::to_string(facts.begin), std::to_string(facts.end),
                                std::to_string(facts.bytes), std::to_string(facts.segments)}));
        }
    }
    if (terminal.json()) {
        WEIR_TRY(terminal.write(fmt::format("{{\"topic\": {}, \"owner\": {}, \"config\": {}, \"partitions\": [{}]}}\n",
                                            json_text(topic), owner.empty() ? "null" : json_text(owner),
                                            log::to_json(config), json)));
    } else {
        WEIR_TRY(table.end());
        WEIR_TRY(terminal.write(damage));
        if (check && damage.empty()) WEIR_TRY(terminal.write("every record can be read\n"));
    }
    return damage.empty() ? 0 : info(ErrorCode::log_damaged).exit_code;
}

Result<std::unique_ptr<log::Publisher>> publisher_of(const LogPlace& place) {
    return log::open_publisher(place.path, place.options);
}

Result<int> run_create(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto config, topic_config(invocation));
    const auto topic = invocation.argument("TOPIC");
    WEIR_TRY(log::check_topic_name(topic));
    if (on_kafka(invocation)) {
        WEIR_ASSIGN(const auto admin, admin_of(invocation, terminal));
        WEIR_TRY(admin->create(topic, config.partitions, kafka_settings(config)));
        WEIR_TRY(terminal.write(terminal.json() ? fmt::format("{{\"topic\": {}, \"partitions\": {}}}\n",
                                                              json_text(topic), config.partitions)
                                                : fmt::format("topic {} is there: {} partition{}\n", topic,
                                                              config.partitions, config.partitions == 1 ? "" : "s")));
        return 0;
    }
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    WEIR_ASSIGN(auto publisher, publisher_of(place));
    WEIR_TRY(publisher->create_topic(topic, config));
    WEIR_TRY(publisher->close());
    WEIR_TRY(terminal.write(
        terminal.json() ? fmt::format("{{\"topic\": {}, \"config\": {}}}\n", json_text(topic), log::to_json(config))
                        : fmt::format("topic {} is there: {} partition{}, {}\n", topic, config.partitions,
                                      config.partitions == 1 ? "" : "s", log::name_of(config.codec))));
    return 0;
}

Result<int> run_compact(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    const auto topic = invocation.argument("TOPIC");
    WEIR_ASSIGN(const auto config, log::load_topic(place.path, topic));
    static_cast<void>(config);
    WEIR_ASSIGN(auto publisher, publisher_of(place));
    WEIR_ASSIGN(const auto retained, publisher->retain());
    WEIR_ASSIGN(const auto done, publisher->compact(topic));
    WEIR_TRY(publisher->close());
    if (terminal.json()) {
        WEIR_TRY(terminal.write(fmt::format(
            "{{\"records_before\": {}, \"records_after\": {}, \"bytes_before\": {}, \"bytes_after\": {}, \"segments\": "
            "{}, \"damaged_segments\": {}, \"bytes_by_retention\": {}}}\n",
            done.records_before, done.records_after, done.bytes_before, done.bytes_after, done.segments,
            done.damaged_segments, retained)));
        return 0;
    }
    WEIR_TRY(terminal.write(fmt::format("{} of {} records stay, {} of {} bytes\n", done.records_after,
                                        done.records_before, done.bytes_after, done.bytes_before)));
    if (done.damaged_segments > 0)
        WEIR_TRY(
            terminal.write(fmt::format("{} damaged segment{} stayed as they are; `weir topic show {} --check` says "
                                       "which records cannot be read\n",
                                       done.damaged_segments, done.damaged_segments == 1 ? "" : "s", topic)));
    return 0;
}

Status delete_in_log(const Invocation& invocation, Terminal& terminal, const std::string& topic) {
    WEIR_ASSIGN(const auto place, open_log_place(invocation, terminal));
    WEIR_ASSIGN(const auto config, log::load_topic(place.path, topic));
    static_cast<void>(config);
    WEIR_ASSIGN(auto publisher, publisher_of(place));
    WEIR_TRY(publisher->delete_topic(topic));
    return publisher->close();
}

Result<int> run_delete(const Invocation& invocation, Terminal& terminal) {
    const auto topic = invocation.argument("TOPIC");
    if (on_kafka(invocation)) {
        WEIR_ASSIGN(const auto admin, admin_of(invocation, terminal));
        WEIR_TRY(admin->remove(topic));
    } else {
        WEIR_TRY(delete_in_log(invocation, terminal, topic));
    }
    WEIR_TRY(terminal.write(terminal.json() ? fmt::format("{{\"topic\": {}}}\n", json_text(topic))
                                            : fmt::format("topic {} is gone, with its records\n", topic)));
    return 0;
}

const Argument project_argument{
    .name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project};
const Argument topic_argument{.name = "TOPIC", .help = "the topic", .required = true};

}  // namespace

std::vector<Command> topic_commands() {
    auto create_options = topic_options();
    create_options.insert(
        create_options.end(),
        {{.name = "--retention",
          .value = "SPAN",
          .help = "remove segments whose records were appended before that, as 7d"},
         {.name = "--retention-bytes", .value = "SIZE", .help = "keep about so much of each partition, as 20GB"},
         {.name = "--compact", .value = "", .help = "every record has a key, and of each key the newest is kept"},
         {.name = "--tombstones", .value = "SPAN", .help = "how long compaction leaves tombstones (default: 24h)"},
         {.name = "--segment-bytes",
          .value = "SIZE",
          .help = "the size of one file of a partition (default: 134217728)"},
         log_option(),
         kafka_instead_option()});
    return {
        {.name = "topic ls",
         .summary = "the topics of the log or of Kafka",
         .description =
             "With --json: one object a topic: topic, offsets (from the oldest to the end), bytes, config; of Kafka: "
             "topic, partitions, offsets.",
         .arguments = {project_argument},
         .options = {log_option(), kafka_instead_option()},
         .examples = {{"weir topic ls", "all of them"}},
         .exit_codes = {0, 1, 2, 4},
         .run = run_list},
        {.name = "topic show",
         .summary = "a topic's partitions: where they begin and end, and whether they can be read",
         .description =
             "With --json: topic, owner, config, and for each partition begin, end, bytes, segments, damage. "
             "With --check every record is read; exit code 4 says that some cannot be.",
         .arguments = {project_argument, topic_argument},
         .options = {{.name = "--check", .value = "", .help = "read every record"},
                     log_option(),
                     kafka_instead_option()},
         .examples = {{"weir topic show orders --check", "is everything there?"}},
         .exit_codes = {0, 1, 2, 4},
         .run = run_show},
        {.name = "topic create",
         .summary = "make a topic",
         .description = "Succeeds where the topic is there already with the same configuration. The number of "
                        "partitions cannot be changed later: keys belong to them.",
         .arguments = {project_argument, topic_argument},
         .options = std::move(create_options),
         .examples = {{"weir topic create clicks --partitions 4 --retention 7d", "a week of clicks"},
                      {"weir topic create prices --compact --compression zstd", "the newest price of each key"}},
         .exit_codes = {0, 1, 2, 4},
         .run = run_create},
        {.name = "topic compact",
         .summary = "keep the newest record of each key, and what retention lets stay",
         .description = "Offsets stay as they are. Records without a key stay. Appending and reading go on meanwhile.",
         .arguments = {project_argument, topic_argument},
         .options = {log_option()},
         .examples = {{"weir topic compact prices", "now"}},
         .exit_codes = {0, 1, 2, 4},
         .run = run_compact},
        {.name = "topic delete",
         .summary = "remove a topic and its records",
         .description = "There is no way back.",
         .arguments = {project_argument, topic_argument},
         .options = {log_option(), kafka_instead_option()},
         .examples = {{"weir topic delete prices", "the topic and its records"}},
         .exit_codes = {0, 1, 2, 4},
         .run = run_delete}};
}

}  // namespace weir::cli
