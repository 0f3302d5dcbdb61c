// A result as CSV, NDJSON or a JSON array, chunk by chunk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sink/value.h"
#include "sql/database.h"

namespace weir::sink {

enum class Format { csv, json, ndjson, parquet };

Result<Format> parse_format(std::string_view name);
std::string_view to_string(Format format);
// "csv", "json", "ndjson", "parquet": what stands behind the point of a file name.
std::string_view extension(Format format);

// How CSV is written, beyond what is always so.
struct CsvStyle {
    bool clock_with_space = false;  // moments without a zone: 2024-03-01 10:00:00, not 2024-03-01T10:00:00
};

// How JSON is written, beyond what is always so.
struct JsonStyle {
    bool omit_nulls = false;  // a column that is NULL is left out of its object
};

// Takes bytes; an error ends the writing.
using Output = std::function<Status(std::string_view)>;

// UTF-8 without a byte order mark, lines end in LF.
//   csv     RFC 4180, a header always, quotes only where needed. NULL is nothing, an empty text is "".
//   json    one array, one object a line
//   ndjson  one object a line
class RowsWriter {
public:
    RowsWriter(Format format, Output output, CsvStyle style = {}, JsonStyle json = {})
        : format_(format), output_(std::move(output)), style_(style), json_(json), buffer_(own_buffer_) {}
    // Appends everything to a text, which must outlive the writer.
    RowsWriter(Format format, std::string& to, CsvStyle style = {}, JsonStyle json = {})
        : format_(format), style_(style), json_(json), buffer_(to) {}
    RowsWriter(const RowsWriter&) = delete;
    Status begin(const sql::ResultHeader& header);
    Status take(duckdb_data_chunk chunk);
    Status end();
    std::int64_t rows() const { return rows_; }

private:
    Format format_;
    Output output_;  // or nothing: all stays in the buffer
    CsvStyle style_;
    JsonStyle json_;
    std::vector<ValueWriter> columns_;
    std::vector<std::string> keys_;  // "\"name\":"
    std::string own_buffer_;
    std::string& buffer_;
    std::string field_;
    std::int64_t rows_ = 0;

    void append_csv_row(idx_t row);
    void append_json_row(idx_t row);
    Status flush();
};

// `text` as one CSV field, quoted only if it must be.
void append_csv_field(std::string_view text, std::string& out);

// Runs one SELECT and writes its rows; returns how many. Not for Format::parquet, which needs a file.
Result<std::int64_t> write_rows(sql::Connection& connection, const std::string& sql, Format format, Output output,
                                CsvStyle style = {}, JsonStyle json = {});

// Runs a statement and appends its rows, one JSON object a line.
Status append_json_lines(sql::Statement& statement, JsonStyle style, std::string& to);

}  // namespace weir::sink
