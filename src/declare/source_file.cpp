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

// What of `files` and `log` is read; the other one is forgotten.
void read_log_or_files(Context& context, OptionReader& reader, Source& source) {
    auto& problems = context.problems;
    const bool has_files = reader.has("files");
    if (const auto log = reader.take<Text>("log")) {
        source.log = log->text;
        source.log_where = log->where;
        if (log->text.empty())
            problems.error(log->where, "'log' is empty", "name a topic of the project's log");
        else if (!names_topic(log->text))
            problems.error(log->where, fmt::format("'{}' cannot name a topic", log->text),
                           "up to 249 letters, digits, '.', '_' and '-', not beginning with '.'");
    }
    static constexpr std::array<std::pair<Choice, bool>, 2> places{{{"files", false}, {"log", true}}};
    const auto from = reader.take_choice<bool>("from", places);
    if (reader.has("log") && has_files && !reader.has("from"))
        problems.error(source.log_where, "'files' and 'log' both say where the rows come from",
                       "leave one of them out, or choose with from: log or from: files");
    if (from && !reader.has(*from ? "log" : "files"))
        problems.error(reader.where("from"),
                       fmt::format("the rows come from '{0}', and there is no '{0}'", *from ? "log" : "files"),
                       *from ? "add log: TOPIC" : "add files: PATH");
    if (!has_files && !reader.has("log"))
        problems.error(reader.where(), "the required key 'files' or 'log' is missing",
                       "files: a path, a glob or a template; log: a topic of the project's log");
    source.reset = reader.take_choice<Reset>("reset", resets).value_or(source.reset);
    if (reader.has("reset") && !reader.has("log"))
        problems.error(reader.where("reset"), "'reset' is for a source with 'log'");
    const bool log = from ? *from : !has_files;
    if (!log) {
        source.log.clear();
        return;
    }
    source.files.clear();
    source.format = Format::ndjson;
    for (const auto* key : {"csv", "compression", "encoding", "append_only", "arrival_date"}) {
        if (reader.has(key) && !has_files)
            problems.error(reader.where(key), fmt::format("'{}' is for files, not for a log", key), "remove it");
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
        if (source.files.empty() && reader.has("log") && !reader.has("files") && *format != Format::ndjson)
            problems.error(reader.where("format"), "the messages of a log are JSON objects", "remove 'format'");
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
    read_log_or_files(context, reader, source);
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
