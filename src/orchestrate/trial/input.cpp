#include "orchestrate/trial/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/nearest.h"
#include "declare/path_template.h"

namespace weir::orchestrate::trial {
namespace {

using declare::Format;
using declare::Source;
using declare::TestArrival;
using declare::YamlNode;
using nlohmann::json;

bool digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// JSON's grammar of numbers: 007 and .5 are texts.
bool is_json_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    const auto exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos) {
        auto power = text.substr(exponent + 1);
        if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
        if (!digits(power)) return false;
        text = text.substr(0, exponent);
    }
    const auto point = text.find('.');
    if (point != std::string_view::npos && !digits(text.substr(point + 1))) return false;
    const auto whole = text.substr(0, point);
    return digits(whole) && (whole.size() == 1 || whole.front() != '0');
}

std::string quoted(const std::string& text) { return json(text).dump(); }

// The value as JSON; digits stay as they were written.
std::string json_text(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null: return "null";
        case YamlNode::Kind::scalar: {
            const bool bare = node.style == YamlNode::Style::plain &&
                              (node.text == "true" || node.text == "false" || is_json_number(node.text));
            return bare ? node.text : quoted(node.text);
        }
        case YamlNode::Kind::sequence: {
            std::string text;
            for (const auto& item : node.items) text += (text.empty() ? "" : ",") + json_text(item);
            return "[" + text + "]";
        }
        case YamlNode::Kind::map: {
            std::string text;
            for (const auto& entry : node.entries)
                text += (text.empty() ? "" : ",") + quoted(entry.key) + ":" + json_text(entry.value);
            return "{" + text + "}";
        }
    }
    return "null";
}

std::string json_record(const declare::Project& project, const Source& source, const YamlNode& row) {
    const auto* contract = project.contract(source.contract);
    const auto unpacked = [&](const std::string& key) {
        return contract != nullptr &&
               std::any_of(contract->columns.begin(), contract->columns.end(),
                           [&](const auto& column) { return column.unpack && column.name == key; });
    };
    std::string text;
    for (const auto& entry : row.entries) {
        const auto value = json_text(entry.value);
        text += (text.empty() ? "" : ",") + quoted(entry.key) + ":" +
                (entry.value.is_map() && unpacked(entry.key) ? quoted(value) : value);
    }
    return "{" + text + "}";
}

// A CSV field, or nothing where the source's way of writing has no place for the text.
std::optional<std::string> csv_field(const std::string& text, const declare::CsvOptions& csv) {
    const bool means_null = std::find(csv.nulls.begin(), csv.nulls.end(), text) != csv.nulls.end();
    if (!means_null && text.find_first_of(std::string{csv.delimiter, '\r', '\n'}) == std::string::npos &&
        (csv.quote == '\0' || text.find_first_of(std::string{csv.quote, csv.escape}) == std::string::npos))
        return text;
    if (csv.quote == '\0') return std::nullopt;
    std::string field(1, csv.quote);
    for (const char c : text) {
        if (c == csv.quote || c == csv.escape) field += csv.escape;
        field += c;
    }
    return field + csv.quote;
}

Result<std::string> csv_line(const std::vector<const YamlNode*>& values, const declare::CsvOptions& csv,
                             const TestArrival& arrival) {
    std::string line;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) line += csv.delimiter;
        const auto* value = values[i];
        if (value == nullptr || value->is_null()) {
            if (csv.nulls.empty())
                return Error{.code = ErrorCode::project_invalid,
                             .message = fmt::format("source '{}' has no way to write NULL", arrival.source),
                             .where = {arrival.where.file, value != nullptr ? value->line : arrival.where.line,
                                       value != nullptr ? value->column : arrival.where.column}};
            line += csv.nulls.front();
            continue;
        }
        const auto field = csv_field(value->is_scalar() ? value->text : json_text(*value), csv);
        if (!field)
            return Error{
                .code = ErrorCode::project_invalid,
                .message = fmt::format("source '{}' has no quotes, so it cannot hold this text", arrival.source),
                .where = {arrival.where.file, value->line, value->column}};
        line += *field;
    }
    return line + "\n";
}

Result<Records> csv_records(const Source& source, const TestArrival& arrival) {
    const auto& csv = source.csv;
    // The names in the file: those of the rows; a contract's name that the source renames stands for the file's.
    std::vector<std::string> names = csv.columns;
    const auto in_file = [&](const std::string& key) {
        for (const auto& [from, to] : csv.rename)
            if (to == key) return from;
        return key;
    };
    if (csv.header) {
        for (const auto& row : arrival.rows)
            for (const auto& entry : row.entries)
                if (const auto name = in_file(entry.key); std::find(names.begin(), names.end(), name) == names.end())
                    names.push_back(name);
    }
    Records result{.header = std::string(static_cast<std::size_t>(csv.skip_lines), '\n')};
    if (csv.header) {
        std::vector<YamlNode> cells(names.size());
        std::vector<const YamlNode*> values;
        for (std::size_t i = 0; i < names.size(); ++i) {
            cells[i].kind = YamlNode::Kind::scalar;
            cells[i].text = names[i];
            values.push_back(&cells[i]);
        }
        WEIR_ASSIGN(const auto line, csv_line(values, csv, arrival));
        result.header += line;
    }
    for (const auto& row : arrival.rows) {
        std::vector<const YamlNode*> values(names.size(), nullptr);
        for (const auto& entry : row.entries) {
            const auto found = std::find(names.begin(), names.end(), in_file(entry.key));
            if (found == names.end())
                return Error{.code = ErrorCode::project_invalid,
                             .message = fmt::format("files of source '{}' have no column '{}'", source.name, entry.key),
                             .hint = suggest(entry.key, names),
                             .where = {arrival.where.file, entry.line, entry.column}};
            values[static_cast<std::size_t>(found - names.begin())] = &entry.value;
        }
        WEIR_ASSIGN(auto line, csv_line(values, csv, arrival));
        result.records.push_back(std::move(line));
    }
    return result;
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> result;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size() - 1) + 1;
        result.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return result;
}

// Whether a file is plain text that can be cut between its records.
bool cuttable(const Source& source, const std::filesystem::path& file) {
    const auto extension = file.extension().string();
    return (source.format == Format::csv || source.format == Format::ndjson) &&
           (source.encoding == declare::Encoding::utf8 || source.encoding == declare::Encoding::detect) &&
           (source.compression == declare::Compression::none || source.compression == declare::Compression::detect) &&
           extension != ".gz" && extension != ".gzip" && extension != ".zst" && extension != ".zstd";
}

// Larger files come in whole.
constexpr std::size_t cut_bytes_max = std::size_t{16} << 20;

}  // namespace

Records split_csv(const std::string& text, const declare::CsvOptions& options) {
    Records result;
    std::string record;
    bool quoted = false;
    int before = options.skip_lines;
    bool header = options.header;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        record += c;
        if (before == 0 && options.quote != '\0') {
            if (quoted && c == options.escape && options.escape != options.quote && i + 1 < text.size()) {
                record += text[++i];
                continue;
            }
            if (c == options.quote) quoted = !quoted;
        }
        if (c != '\n' || quoted) continue;
        if (before > 0 || header) {
            if (before > 0)
                --before;
            else
                header = false;
            result.header += record;
        } else {
            result.records.push_back(record);
        }
        record.clear();
    }
    if (!record.empty()) (before > 0 || header ? result.header : result.records.emplace_back()) += record;
    return result;
}

Result<Records> records_of(const declare::Project& project, const TestArrival& arrival) {
    const auto& source = *project.source(arrival.source);
    auto text = arrival.text;
    if (!arrival.path.empty()) {
        WEIR_ASSIGN(text, read_file(arrival.path, cut_bytes_max));
    }
    if (!text.empty()) return source.format == Format::csv ? split_csv(text, source.csv) : Records{"", lines(text)};
    if (source.format == Format::csv) return csv_records(source, arrival);
    Records result;
    for (const auto& row : arrival.rows) result.records.push_back(json_record(project, source, row) + "\n");
    return result;
}

Result<Input> Input::of(const declare::Project& project, const declare::TestCase& test) {
    Input input;
    std::size_t total = 0;
    for (const auto& arrival : test.arrivals) {
        const auto& source = *project.source(arrival.source);
        if (const auto columns = declare::path_columns(source.files); !columns.empty())
            return Error{.code = ErrorCode::project_invalid,
                         .message = fmt::format("source '{}' takes the column '{}' from the path of its files",
                                                source.name, columns.front().name),
                         .hint = "such a source cannot be tested this way; test a contract over a source without it",
                         .where = arrival.where};
        File file{.source = source.name, .day = arrival.day, .name = fmt::format("{:04}", input.files_.size() + 1)};
        std::error_code failure;
        const bool whole = !arrival.path.empty() && (!cuttable(source, arrival.path) ||
                                                     std::filesystem::file_size(arrival.path, failure) > cut_bytes_max);
        if (whole) {
            file.copy = arrival.path;
            file.name += "-" + arrival.path.filename().string();
            file.content.records.emplace_back();
        } else {
            WEIR_ASSIGN(file.content, records_of(project, arrival));
            file.array = source.format == Format::json_array;
            file.name += source.format == Format::csv ? ".csv" : ".json";
            // A file without records is a file all the same.
            if (file.content.records.empty()) file.content.records.emplace_back();
        }
        total += file.content.records.size();
        input.ends_.push_back(total);
        input.files_.push_back(std::move(file));
    }
    return input;
}

std::string Input::files(const std::filesystem::path& folder, const std::string& source) {
    return (folder / source / "{date}" / "*").string();
}

std::vector<std::string> Input::sources(std::size_t count) const {
    std::vector<std::string> names;
    std::size_t begin = 0;
    for (const auto& file : files_) {
        if (begin < count && std::find(names.begin(), names.end(), file.source) == names.end())
            names.push_back(file.source);
        begin += file.content.records.size();
    }
    return names;
}

Status Input::write(const std::filesystem::path& folder, std::size_t from, std::size_t to) const {
    std::size_t begin = 0;
    for (const auto& file : files_) {
        const auto first = begin;
        begin += file.content.records.size();
        if (begin <= from || first >= to) continue;
        const auto a = std::max(from, first) - first, b = std::min(to, begin) - first;
        const auto day = folder / file.source / file.day;
        WEIR_TRY(make_directories(day));
        if (!file.copy.empty()) {
            std::error_code failure;
            std::filesystem::copy_file(file.copy, day / file.name, failure);
            if (failure) return io_error("copy", file.copy, failure.value());
            continue;
        }
        std::string text;
        for (auto i = a; i < b; ++i) {
            if (file.array && i > a) text += ',';
            text += file.content.records[i];
        }
        auto name = file.name;
        if (file.array) {
            name.insert(4, fmt::format("-{:04}", a));
            text.insert(0, 1, '[');
            text += ']';
        } else if (a == 0) {
            text.insert(0, file.content.header);
        }
        std::ofstream stream(day / name, std::ios::app | std::ios::binary);
        stream << text;
        stream.close();
        if (!stream) return io_error("write", day / name, errno);
    }
    return ok();
}

}  // namespace weir::orchestrate::trial
