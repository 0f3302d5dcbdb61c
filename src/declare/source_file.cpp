// sources/*.yaml
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "declare/context.h"
#include "declare/path_template.h"
#include "declare/text.h"
#include "model/interval.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;
using Choice = std::string_view;

constexpr std::array<std::pair<Choice, Format>, 4> formats{{{"csv", Format::csv},
                                                            {"ndjson", Format::ndjson},
                                                            {"json_array", Format::json_array},
                                                            {"parquet", Format::parquet}}};
constexpr std::array<std::pair<Choice, Compression>, 4> compressions{{{"detect", Compression::detect},
                                                                      {"none", Compression::none},
                                                                      {"gzip", Compression::gzip},
                                                                      {"zstd", Compression::zstd}}};
constexpr std::array<std::pair<Choice, Encoding>, 5> encodings{{{"detect", Encoding::detect},
                                                                {"utf8", Encoding::utf8},
                                                                {"utf16le", Encoding::utf16le},
                                                                {"utf16be", Encoding::utf16be},
                                                                {"windows1252", Encoding::windows1252}}};

constexpr std::array<std::pair<Choice, Reset>, 3> resets{
    {{"fail", Reset::fail}, {"earliest", Reset::earliest}, {"latest", Reset::latest}}};

std::string without_compression(std::string name) {
    for (const std::string_view ending : {".gz", ".zst", ".gzip", ".zstd"}) {
        if (name.ends_with(ending)) name.resize(name.size() - ending.size());
    }
    return name;
}

std::optional<Format> format_by_name(const std::string& files) {
    const auto name = without_compression(files);
    if (name.ends_with(".csv") || name.ends_with(".tsv")) return Format::csv;
    if (name.ends_with(".ndjson") || name.ends_with(".jsonl")) return Format::ndjson;
    if (name.ends_with(".parquet")) return Format::parquet;
    return std::nullopt;
}

// After read_from: only a topic has a clock.
void read_event_time(Context& context, const YamlNode& node, const OptionReader& of_source, const std::string& file,
                     Source& source) {
    OptionReader reader(node, key_section("sources/*.yaml", "event_time"), file, context.problems, context.fill());
    EventTime event_time;
    const auto column = reader.take<Text>("column");
    if (column) {
        event_time.column = column->text;
        event_time.where = column->where;
    } else if (!reader.has("column")) {
        context.problems.error({file, node.line, node.column}, "'event_time' names no column",
                               "add column: the timestamp column of the contract that says when it happened");
    }
    event_time.delay = reader.take_or("delay", event_time.delay);
    const auto idle = reader.take<std::chrono::milliseconds>("idle");
    if (idle && !of_source.has("log") && !of_source.has("kafka"))
        context.problems.error(reader.where("idle"), "files are never idle: they have no clock", "remove 'idle'");
    if (!source.topic.empty()) event_time.idle = idle.value_or(std::chrono::seconds(30));
    event_time.ahead = reader.take_or("ahead", event_time.ahead);
    if (const auto watermark = reader.take<Text>("watermark")) {
        event_time.watermark = watermark->text;
        event_time.watermark_where = watermark->where;
        if (!is_plain_name(watermark->text))
            context.problems.error(watermark->where, fmt::format("'{}' cannot name a column", watermark->text),
                                   "use letters, digits and underscores");
    }
    reader.finish();
    source.event_time = std::move(event_time);
}

void read_csv(Context& context, const YamlNode& node, const std::string& file, Source& source) {
    OptionReader reader(node, key_section("sources/*.yaml", "csv"), file, context.problems);
    auto& csv = source.csv;
    csv.delimiter = reader.take_or("delimiter", csv.delimiter);
    const auto* quote = node.find("quote");
    if (quote != nullptr && quote->is_scalar() && quote->text == "none") {
        reader.ignore({"quote"});
        csv.quote = '\0';
    } else {
        csv.quote = reader.take_or("quote", csv.quote);
    }
    csv.escape = reader.take_or("escape", csv.quote == '\0' ? '"' : csv.quote);
    csv.header = reader.take_or("header", csv.header);
    csv.columns = reader.take_or("columns", csv.columns);
    csv.nulls = reader.take_or("nulls", csv.nulls);
    csv.skip_lines = reader.take_or("skip_lines", csv.skip_lines);
    if (const auto* rename = reader.take_map("rename")) {
        for (const auto& entry : rename->entries) {
            if (!entry.value.is_scalar()) {
                context.problems.error(
                    {file, entry.value.line, entry.value.column},
                    fmt::format("'{}' must be renamed to a column, not to {}", entry.key, describe(entry.value)));
                continue;
            }
            csv.rename[entry.key] = entry.value.text;
        }
    }
    reader.finish();
    if (source.format != Format::csv)
        context.problems.error({file, node.line, node.column}, "'csv' stands in a source of another format",
                               "remove it, or write format: csv");
    if (csv.header && !csv.columns.empty())
        context.problems.error(reader.where("columns"), "'columns' is for files without a header",
                               "add header: false, or use rename");
    if (!csv.header && csv.columns.empty())
        context.problems.error(reader.where("header"), "a file without a header needs its column names",
                               "add columns: [a, b, …] in the order of the file");
    if (csv.delimiter == csv.quote)
        context.problems.error(reader.where("delimiter"), "delimiter and quote are the same character");
}

void read_arrival(Context& context, OptionReader& reader, Source& source) {
    const auto text = reader.take<Text>("arrival_date");
    source.arrival.where = text ? text->where : source.where;
    const auto word = text ? text->text : std::string("auto");
    const bool in_path = has_arrival_date(source.files);
    if (word == "auto" || word.empty()) {
        source.arrival.kind = in_path ? Arrival::Kind::path : Arrival::Kind::file_time;
    } else if (word == "file_time") {
        source.arrival.kind = Arrival::Kind::file_time;
    } else if (word == "path") {
        source.arrival.kind = Arrival::Kind::path;
        if (!in_path && !source.files.empty())
            context.problems.error(source.arrival.where, "the arrival date comes from the path, which names no day",
                                   "write {year}, {month} and {day}, or {date}, into `files`");
    } else if (parse_day(word)) {
        source.arrival.kind = Arrival::Kind::text;
        source.arrival.text = word;
    } else {
        context.problems.error(source.arrival.where, fmt::format("'{}' is no arrival date", word),
                               "write auto, path, file_time, or a day such as 2024-03-01");
    }
}

void read_only(Context& context, OptionReader& reader, const std::string& file, Source& source) {
    const auto* only = reader.take_map("only");
    if (only == nullptr) return;
    const Where where{file, only->line, only->column};
    if (only->entries.size() != 1 || !only->entries.front().value.is_scalar()) {
        context.problems.error(where, "'only' is one column and its value", "write only: {topic: orders}");
        return;
    }
    const auto& entry = only->entries.front();
    source.only = Only{entry.key, entry.value.text, {file, entry.line, entry.column}};
    if (source.format != Format::ndjson && source.format != Format::json_array)
        context.problems.error(where, "'only' is for records of JSON", "write where: topic = 'orders'");
}

bool names_topic(std::string_view name) {
    constexpr std::size_t bytes_max = 249;
    return name.size() <= bytes_max && !name.starts_with('.') && std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '_' || c == '-';
           });
}

enum class From { files, log, kafka };
constexpr std::array<std::pair<Choice, From>, 3> places{
    {{"files", From::files}, {"log", From::log}, {"kafka", From::kafka}}};

std::optional<Text> checked_topic(OptionReader& reader, std::string_view key, Problems& problems) {
    auto topic = reader.take<Text>(key);
    if (!topic) return topic;
    if (topic->text.empty())
        problems.error(topic->where, fmt::format("'{}' is empty", key), "name a topic");
    else if (!names_topic(topic->text))
        problems.error(topic->where, fmt::format("'{}' cannot name a topic", topic->text),
                       "up to 249 letters, digits, '.', '_' and '-', not beginning with '.'");
    return topic;
}

// `kafka: TOPIC`, or a map.
std::optional<Text> read_kafka(Context& context, OptionReader& reader, Source& source) {
    const auto& node = *reader.take_node("kafka");
    auto& kafka = source.kafka.emplace(
        Source::Kafka{context.project.kafka, fmt::format("weir.{}.{}", context.project.name, source.name)});
    std::optional<Text> topic;
    if (!node.is_map()) {
        topic = checked_topic(reader, "kafka", context.problems);
    } else {
        OptionReader map(node, key_section("sources/*.yaml", "kafka"), reader.file(), context.problems, context.fill());
        topic = checked_topic(map, "topic", context.problems);
        kafka.group = map.take_or("group", kafka.group);
        // Another cluster is spoken to in its own way.
        if (map.has("brokers")) kafka.cluster = {};
        read_kafka_cluster(context, map, "sources/*.yaml", kafka.cluster);
        map.finish();
        if (!map.has("topic")) topic = Text{"", map.where()};
    }
    return topic;
}

std::string_view name_of(From from) { return places[static_cast<std::size_t>(from)].first; }

// What of `files`, `log` and `kafka` is read; the others are forgotten.
void read_from(Context& context, OptionReader& reader, Source& source) {
    auto& problems = context.problems;
    std::vector<From> there;
    for (const auto& [name, place] : places)
        if (reader.has(name)) there.push_back(place);
    const auto in_log = checked_topic(reader, "log", problems);
    std::optional<Text> in_kafka;
    if (reader.has("kafka")) in_kafka = read_kafka(context, reader, source);
    const auto chosen = reader.take_choice<From>("from", places);
    const bool named = !chosen || std::find(there.begin(), there.end(), *chosen) != there.end();
    if (!named)
        problems.error(reader.where("from"),
                       fmt::format("the rows come from '{0}', and there is no '{0}'", name_of(*chosen)),
                       fmt::format("add {}: {}", name_of(*chosen), *chosen == From::files ? "PATH" : "TOPIC"));
    if (there.empty())
        problems.error(reader.where(), "the required key 'files', 'log' or 'kafka' is missing",
                       "files: a path, a glob or a template; log: a topic of the project's log; kafka: one of Kafka's");
    if (there.size() > 1 && !reader.has("from")) {
        const auto second = there.back();
        problems.error(
            reader.where(name_of(second)),
            fmt::format("'{}' and '{}' both say where the rows come from", name_of(there.front()), name_of(second)),
            fmt::format("leave one of them out, or choose with from: {} or from: {}", name_of(second),
                        name_of(there.front())));
    }
    source.reset = reader.take_choice<Reset>("reset", resets).value_or(source.reset);
    const bool has_topic = reader.has("log") || reader.has("kafka");
    if (reader.has("reset") && !has_topic)
        problems.error(reader.where("reset"), "'reset' is for a source with 'log' or 'kafka'");
    const auto from = chosen ? *chosen : there.empty() ? From::files : there.front();
    if (from != From::kafka) source.kafka.reset();
    if (from == From::files) return;
    const auto& topic = from == From::log ? in_log : in_kafka;
    if (topic) {
        source.topic = topic->text;
        source.topic_where = topic->where;
    }
    // Known to be one, so that what else is wrong is told of a topic.
    if (source.topic.empty()) source.topic = source.name;
    if (source.kafka && source.kafka->cluster.brokers.empty())
        problems.error(source.topic_where, fmt::format("where is the topic '{}'? No brokers are named", source.topic),
                       "add kafka: {brokers: \"host:9092\"} to weir.yaml");
    source.files.clear();
    source.format = Format::ndjson;
    const bool has_files = reader.has("files");
    for (const auto* key : {"csv", "compression", "encoding", "append_only", "arrival_date"}) {
        if (reader.has(key) && !has_files)
            problems.error(reader.where(key), fmt::format("'{}' is for files, not for a topic", key), "remove it");
    }
}

void read_source(Context& context, const fs::path& path) {
    auto& problems = context.problems;
    const auto file = context.shown(path);
    Source source;
    source.name = path.stem().string();
    source.where = {file, 1, 1};
    if (!is_plain_name(source.name))
        problems.error({file}, fmt::format("'{}' cannot name a source", source.name),
                       "rename the file: letters, digits and underscores");
    const auto root = context.read_yaml(path);
    if (root && !root->is_map() && !root->is_null())
        problems.error({file, root->line, root->column},
                       fmt::format("a map of keys belongs here, not {}", describe(*root)),
                       "a source is written `files: …`");
    if (!root || !(root->is_map() || root->is_null())) {
        // Known by name, so that views over it are not reported as well.
        source.table = source.contract = source.name;
        source.where.line = 0;
        context.project.sources.push_back(std::move(source));
        return;
    }
    OptionReader reader(*root, key_section("sources/*.yaml"), file, problems, context.fill());
    reader.ignore({"description"});
    std::string written_files;
    if (const auto files = reader.take<Text>("files")) {
        source.files_where = files->where;
        if (files->text.empty()) {
            problems.error(files->where, "'files' is empty", "name a file, a directory, a glob or a template");
        } else if (files->text.find("://") != std::string::npos) {
            problems.error(files->where, fmt::format("'{}' is not a local path", files->text),
                           "files on local disk are supported so far");
        } else {
            source.files = (context.project.root / files->text).lexically_normal().string();
            check_path_template(files->text, files->where, problems);
            written_files = files->text;
        }
    }
    if (const auto format = reader.take_choice<Format>("format", formats)) {
        source.format = *format;
        const bool topic_alone = !reader.has("files") && (reader.has("log") || reader.has("kafka"));
        if (topic_alone && *format != Format::ndjson)
            problems.error(reader.where("format"), "the messages of a topic are JSON objects", "remove 'format'");
    } else if (const auto guessed = format_by_name(source.files)) {
        source.format = *guessed;
    } else if (!source.files.empty() && !reader.has("format")) {
        problems.error(source.files_where,
                       fmt::format("the name '{}' does not say how the files are written", written_files),
                       "add format: csv, ndjson, json_array or parquet");
    }
    if (without_compression(source.files).ends_with(".tsv")) source.csv.delimiter = '\t';
    source.compression = reader.take_choice<Compression>("compression", compressions).value_or(source.compression);
    source.encoding = reader.take_choice<Encoding>("encoding", encodings).value_or(source.encoding);
    if (const auto* csv = reader.take_map("csv")) read_csv(context, *csv, file, source);
    read_arrival(context, reader, source);
    read_from(context, reader, source);
    const auto contract = reader.take<Text>("contract");
    source.contract = contract ? contract->text : source.name;
    source.contract_where = contract ? contract->where : reader.where();
    const auto table = reader.take<Text>("table");
    source.table = table ? table->text : source.name;
    if (table && !is_plain_name(table->text))
        problems.error(table->where, fmt::format("'{}' cannot name a table", table->text),
                       "use letters, digits and underscores");
    source.partition_by = reader.take_or("partition_by", source.partition_by);
    context.places["source " + source.name + " partition_by"] = reader.where("partition_by");
    context.places["source " + source.name + " csv"] = reader.where("csv");
    if (const auto* where = root->find("where"); where != nullptr && where->is_scalar()) {
        reader.ignore({"where"});
        source.where_sql = where->text;
        source.where_sql_where = {file, where->text_line, where->text_column};
        context.snippets.push_back({.kind = SqlSnippet::Kind::where,
                                    .owner = source.name,
                                    .title = "'where'",
                                    .sql = where->text,
                                    .file = file,
                                    .node = *where});
    } else {
        (void)reader.take<std::string>("where");
    }
    read_only(context, reader, file, source);
    if (const auto sequence = reader.take<Text>("sequence")) {
        source.sequence = sequence->text;
        source.sequence_where = sequence->where;
        if (!is_plain_name(sequence->text))
            problems.error(sequence->where, fmt::format("'{}' cannot name a column", sequence->text),
                           "use letters, digits and underscores");
    }
    if (const auto weight = reader.take<Text>("weight")) {
        source.weight = weight->text;
        source.weight_where = weight->where;
    }
    if (const auto* event_time = reader.take_map("event_time"))
        read_event_time(context, *event_time, reader, file, source);
    source.record_bytes_max = reader.take_or("record_bytes_max", Bytes{}).count;
    source.append_only = reader.take_or("append_only", source.append_only);
    source.reference = reader.take_or("reference", source.reference);
    reader.finish();
    context.project.sources.push_back(std::move(source));
}

}  // namespace

void read_sources(Context& context) {
    for (const auto& path : context.list("sources", ".yaml", "sources are files named NAME.yaml"))
        read_source(context, path);
}

}  // namespace weir::declare
