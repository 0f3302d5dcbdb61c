// Values of views as PostgreSQL holds them: the types of columns, and their values in the binary form that COPY takes
// and results have. Pure: no connection.
//
//   DuckDB vectors ──► CopyRows ──► COPY … (FORMAT binary)          a load
//   fields of one row ──► RowChunk ──► a DuckDB chunk of one row    a look-up, written out as any other row
#pragma once

#include <duckdb.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "sink/value.h"

namespace weir::serve::postgres {

// "numeric(10,2)", "timestamp with time zone", "jsonb", as PostgreSQL's own format_type() spells it.
std::string column_type(const Type& type);

// A bigint in binary form; 0 where it is none.
std::int64_t read_bigint(std::string_view bytes);

std::string quote_name(std::string_view name);  // a"b  -> "a""b"
std::string quote_text(std::string_view text);  // it's -> 'it''s'

// Rows of chunks in the binary form of COPY. The texts, once per row behind the columns, are what `json` gives.
class CopyRows {
public:
    // `types` are DuckDB's, one for each field. Fails where a type is not the field's.
    static Result<CopyRows> of(std::string view, const std::vector<Field>& fields,
                               const std::vector<duckdb_logical_type>& types);
    static void append_header(std::string& out);
    static void append_trailer(std::string& out);
    // Before the rows of a chunk.
    void bind(duckdb_data_chunk chunk);
    // One row. `more` is one more text column, or nothing. Fails where PostgreSQL has no such value, naming view,
    // column and row.
    Status append(idx_t row, std::optional<std::string_view> more, std::string& out);

private:
    struct Column {
        Field field;
        std::optional<sink::ValueWriter> nested;  // as JSON
        duckdb_vector vector = nullptr;
        const void* data = nullptr;
        std::uint64_t* validity = nullptr;
    };
    std::string view_;
    std::vector<Column> columns_;
    std::int64_t row_ = 0;
    std::string json_;

    Status append_value(Column& column, idx_t row, std::string& out);
    Error no_such_value(const Column& column, std::string what, std::string hint) const;
};

// One row as a DuckDB chunk, made of the fields that a result in binary form has. Columns of single values alone.
class RowChunk {
public:
    explicit RowChunk(std::vector<Field> fields);
    RowChunk(const RowChunk&) = delete;
    RowChunk& operator=(const RowChunk&) = delete;
    ~RowChunk();
    const std::vector<Field>& fields() const { return fields_; }
    const std::vector<duckdb_logical_type>& types() const { return types_; }
    // Nothing is NULL. False: a field does not have its type's form.
    bool set(std::span<const std::optional<std::string_view>> values);
    duckdb_data_chunk chunk() const { return chunk_; }

private:
    std::vector<Field> fields_;
    std::vector<duckdb_logical_type> types_;
    duckdb_data_chunk chunk_ = nullptr;

    bool set_value(std::size_t column, std::string_view bytes);
};

// A value that a row is looked up by.
struct Parameter {
    std::string value;
    bool binary = false;
};
// Of a key's part, as key_text() spells it. Nothing: PostgreSQL has no such value, so no row has it.
std::optional<Parameter> parameter_of(const Type& type, const std::string& key_text);

}  // namespace weir::serve::postgres
