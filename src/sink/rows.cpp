#include "sink/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace weir::sink {
namespace {

constexpr std::array<std::string_view, 4> names{"csv", "json", "ndjson", "parquet"};
// Written in pieces of about this size: large enough that the system calls do not count.
constexpr std::size_t piece_bytes = 256 * 1024;

}  // namespace

Result<Format> parse_format(std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<Format>(found - names.begin());
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("'{}' is not a format", name),
                 .hint = suggest(name, std::vector<std::string>(names.begin(), names.end()))};
}

std::string_view to_string(Format format) { return names.at(static_cast<std::size_t>(format)); }
std::string_view extension(Format format) { return to_string(format); }

void append_csv_field(std::string_view text, std::string& out) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

Status RowsWriter::begin(const sql::ResultHeader& header) {
    for (std::size_t i = 0; i < header.names.size(); ++i) {
        WEIR_ASSIGN(auto column, ValueWriter::of(header.types[i], header.names[i]));
        columns_.push_back(std::move(column));
        std::string key;
        append_json_string(header.names[i], key);
        key += ':';
        if (format_ != Format::csv && std::find(keys_.begin(), keys_.end(), key) != keys_.end()) {
            return Error{.code = ErrorCode::sql_invalid,
                         .message = fmt::format("two columns are called '{}', which JSON cannot hold", header.names[i]),
                         .hint = "give one of them another name with AS"};
        }
        keys_.push_back(std::move(key));
    }
    if (format_ == Format::csv) {
        for (std::size_t i = 0; i < header.names.size(); ++i) {
            if (i != 0) buffer_ += ',';
            append_csv_field(header.names[i], buffer_);
        }
        buffer_ += '\n';
    } else if (format_ == Format::json) {
        buffer_ += '[';
    }
    return ok();
}

void RowsWriter::append_csv_row(idx_t row) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (i != 0) buffer_ += ',';
        const auto& column = columns_[i];
        if (column.is_null(row)) {
            // Alone on its line, nothing would be a blank line, which readers skip.
            if (columns_.size() == 1) buffer_ += "\"\"";
        } else if (column.is_number()) {
            column.append_text(row, buffer_);
        } else {
            field_.clear();
            column.append_text(row, field_);
            if (style_.clock_with_space && column.is_wall_clock()) std::replace(field_.begin(), field_.end(), 'T', ' ');
            append_csv_field(field_, buffer_);
        }
    }
    buffer_ += '\n';
}

void RowsWriter::append_json_row(idx_t row) {
    if (format_ == Format::json) buffer_ += rows_ == 0 ? "\n" : ",\n";
    buffer_ += '{';
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (json_.omit_nulls && columns_[i].is_null(row)) continue;
        if (buffer_.back() != '{') buffer_ += ',';
        buffer_ += keys_[i];
        columns_[i].append_json(row, buffer_);
    }
    buffer_ += '}';
    if (format_ == Format::ndjson) buffer_ += '\n';
}

Status RowsWriter::take(duckdb_data_chunk chunk) {
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].bind(duckdb_data_chunk_get_vector(chunk, i));
    const auto size = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < size; ++row, ++rows_) {
        if (format_ == Format::csv) {
            append_csv_row(row);
        } else {
            append_json_row(row);
        }
        if (output_ && buffer_.size() >= piece_bytes) WEIR_TRY(flush());
    }
    return ok();
}

Status RowsWriter::end() {
    if (format_ == Format::json) buffer_ += rows_ == 0 ? "]\n" : "\n]\n";
    return flush();
}

Status RowsWriter::flush() {
    if (!output_) return ok();
    auto status = output_(buffer_);
    buffer_.clear();
    return status;
}

Result<std::int64_t> write_rows(sql::Connection& connection, const std::string& sql, Format format, Output output,
                                CsvStyle style, JsonStyle json) {
    if (format == Format::parquet)
        return Error{
            .code = ErrorCode::usage, .message = "Parquet cannot be written to a stream", .hint = "name a file for it"};
    RowsWriter writer(format, std::move(output), style, json);
    WEIR_TRY(connection.stream(
        sql, [&](const sql::ResultHeader& header) { return writer.begin(header); },
        [&](duckdb_data_chunk chunk) { return writer.take(chunk); }));
    WEIR_TRY(writer.end());
    return writer.rows();
}

Status append_json_lines(sql::Statement& statement, JsonStyle style, std::string& to) {
    RowsWriter writer(Format::ndjson, to, {}, style);
    WEIR_TRY(statement.stream([&](const sql::ResultHeader& header) { return writer.begin(header); },
                              [&](duckdb_data_chunk chunk) { return writer.take(chunk); }));
    return writer.end();
}

}  // namespace weir::sink
