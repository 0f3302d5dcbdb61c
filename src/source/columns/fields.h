// The fields of a chunk of records, column by column, not yet cast: where each one's text stands and what it looks
// like.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/records/block.h"

namespace weir::source {

enum class Kind : std::uint8_t {
    absent,
    null,
    text,            // CSV, not quoted
    quoted,          // CSV
    quoted_escaped,  // CSV, with doubled quotes or escapes in it
    json_string,
    json_escaped,  // a string with escapes in it
    json_number,
    json_true,
    json_false,
    json_object,
    json_array,
    broken,  // a text that was to be unpacked and is no JSON object
};

// Bytes [begin, begin + length) of the block's text, without quotes.
struct Field {
    std::uint32_t begin = 0;
    std::uint32_t length_and_kind = 0;

    static constexpr std::uint32_t length_max = (1u << 28) - 1;
    static Field of(std::size_t begin, std::size_t end, Kind kind) {
        return {static_cast<std::uint32_t>(begin),
                static_cast<std::uint32_t>(end - begin) | static_cast<std::uint32_t>(kind) << 28};
    }
    Kind kind() const { return static_cast<Kind>(length_and_kind >> 28); }
    std::uint32_t length() const { return length_and_kind & length_max; }
};

inline constexpr std::size_t chunk_rows = 2048;

// One record of the chunk.
struct RowPlace {
    std::uint32_t piece;
    std::uint32_t begin, end;  // in the block's text, without the line end
    std::uint32_t line;        // from the piece's line
};

// A record that does not become a row, by its number in the chunk.
struct RowReject {
    std::uint32_t row;
    std::string_view rule;
    std::string column;
    std::string reason;
};

struct FieldChunk {
    explicit FieldChunk(std::size_t columns)
        : fields(columns * chunk_rows), places(chunk_rows), bad(chunk_rows), extra(chunk_rows) {}

    Field* column(std::size_t slot) { return fields.data() + slot * chunk_rows; }
    void reject(std::uint32_t row, std::string_view rule, std::string reason, std::string column = {}) {
        if (bad[row]) return;
        bad[row] = 1;
        rejects.push_back({row, rule, std::move(column), std::move(reason)});
    }
    void clear() {
        rows = 0;
        rejects.clear();
        extra_text.clear();
        unpacked_text.clear();
    }

    std::size_t rows = 0;
    std::vector<Field> fields;  // column by column, chunk_rows each
    std::vector<RowPlace> places;
    std::vector<std::uint8_t> bad;  // rejected rows; cleared row by row as rows are added
    std::vector<RowReject> rejects;
    // Unknown columns as JSON text: [begin, end) of extra_text; empty: none. Kept only under the policy keep.
    std::string extra_text;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> extra;
    // The texts of the unpacked column; what its fields and those of the columns in it count from.
    std::string unpacked_text;
};

}  // namespace weir::source
