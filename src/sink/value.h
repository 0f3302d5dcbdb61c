// One column's values as text. The type is resolved once, the vector bound once per chunk.
#pragma once

#include <duckdb.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::sink {

// Numbers are exact: decimals with their scale, doubles in the shortest form that reads back as the same double.
// Dates and times are ISO 8601, moments in UTC with Z. NaN and infinities are "NaN", "Infinity", "-Infinity".
class ValueWriter {
public:
    // Fails for the few types that have no text form here (BIGNUM, VARIANT, …), with the column's name.
    static Result<ValueWriter> of(duckdb_logical_type type, std::string_view column);

    // The vector of the next chunk; it must outlive the calls below.
    void bind(duckdb_vector vector);

    bool is_null(idx_t row) const;
    // Numbers stand on the right in a table.
    bool is_number() const;
    // A day and a time without a zone.
    bool is_wall_clock() const;
    // A JSON value; NULL is null, binary is base64, a map an object, a JSON column stays the JSON that it is.
    void append_json(idx_t row, std::string& out) const;
    // The bare text; nothing for NULL; binary is hex, nested values are JSON.
    void append_text(idx_t row, std::string& out) const;

private:
    duckdb_type kind_ = DUCKDB_TYPE_INVALID;
    duckdb_type storage_ = DUCKDB_TYPE_INVALID;  // DECIMAL and ENUM: the integer that holds it
    int scale_ = 0;
    bool is_json_ = false;
    std::uint64_t array_size_ = 0;
    std::vector<ValueWriter> children_;
    std::vector<std::string> keys_;        // of a struct: "\"name\":"
    std::vector<std::string> dictionary_;  // of an ENUM
    const void* data_ = nullptr;
    std::uint64_t* validity_ = nullptr;

    template <class T>
    T at(idx_t row) const {
        return static_cast<const T*>(data_)[row];
    }
    std::string_view bytes_at(idx_t row) const;
    bool is_quoted_in_json() const;
    bool is_nested() const;
    void append_decimal(idx_t row, std::string& out) const;
    void append_nested(idx_t row, std::string& out) const;
    void append_elements(idx_t offset, idx_t length, std::string& out) const;
};

// A JSON string with its quotes. `text` is UTF-8.
void append_json_string(std::string_view text, std::string& out);
void append_double(double value, std::string& out);

}  // namespace weir::sink
