// Casts the fields of a chunk into a DuckDB vector, one column at a time.
#pragma once

#include <duckdb.h>

#include <memory>
#include <string>
#include <vector>

#include "declare/project.h"
#include "source/columns/date_pattern.h"
#include "source/columns/fields.h"
#include "source/records/csv_scan.h"

namespace weir::source {

// Texts into a VARCHAR or BLOB vector: short ones inline, long ones in one allocation of the vector's own.
class TextVector {
public:
    explicit TextVector(duckdb_vector vector)
        : vector_(vector), data_(static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))) {}
    void put(std::uint32_t row, std::string_view text);
    void finish();

private:
    duckdb_vector vector_;
    duckdb_string_t* data_;
    std::string long_texts_;
    std::vector<std::uint32_t> long_rows_;
};

// What a column's text may be and what it becomes; shared by all threads.
struct ColumnPlan {
    // project_invalid: a type that a text file cannot hold, or a date pattern that is not understood.
    static Result<ColumnPlan> make(const declare::ContractColumn& column, const declare::CsvOptions& csv);

    std::string name;
    Type type;
    bool raw_json = false;  // an object or array, kept as JSON text
    bool null_on_error = false;
    bool pii = false;
    bool empty_is_null = false;
    std::vector<std::string> nulls;    // further texts that mean NULL, unless quoted
    std::vector<std::string> missing;  // texts that mean NULL
    std::optional<DatePattern> pattern;
    std::string noun;  // "an integer from -128 to 127"
};

// One per thread and column.
class ColumnWriter {
public:
    ColumnWriter(const ColumnPlan& plan, const CsvDialect& dialect) : plan_(plan), dialect_(dialect) {}

    // Writes rows [0, chunk.rows) of column `slot`. A value that cannot be cast becomes NULL and is noted in `nulled`,
    // or rejects its row.
    // `text`: what the fields' places count from.
    void write(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector,
               std::vector<std::uint32_t>& nulled);

private:
    template <class T, class Cast>
    void cast_rows(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector, unsigned accepted,
                   std::vector<std::uint32_t>& nulled, Cast cast);
    void write_text(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector,
                    std::vector<std::uint32_t>& nulled);
    bool means_null(Kind kind, std::string_view text) const;
    std::string_view resolve(Field field, const char* text);
    void refuse(FieldChunk& chunk, std::uint32_t row, Field field, std::string_view text,
                std::vector<std::uint32_t>& nulled);

    const ColumnPlan& plan_;
    CsvDialect dialect_;
    std::string unescaped_;
};

}  // namespace weir::source
