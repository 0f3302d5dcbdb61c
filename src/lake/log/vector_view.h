// Reads DuckDB's vectors in place: texts, numbers, structs, lists and maps.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::lake {

// Borrowed from its chunk. Check `valid` before reading a value.
class VectorView {
public:
    explicit VectorView(duckdb_vector vector)
        : vector_(vector), data_(duckdb_vector_get_data(vector)), validity_(duckdb_vector_get_validity(vector)) {}
    static VectorView column(duckdb_data_chunk chunk, std::size_t index) {
        return VectorView(duckdb_data_chunk_get_vector(chunk, index));
    }

    bool valid(std::size_t row) const { return validity_ == nullptr || duckdb_validity_row_is_valid(validity_, row); }
    template <class T>
    T number(std::size_t row) const {
        return static_cast<const T*>(data_)[row];
    }
    template <class T>
    std::optional<T> number_or_null(std::size_t row) const {
        return valid(row) ? std::optional<T>(number<T>(row)) : std::nullopt;
    }
    std::string_view text(std::size_t row) const {
        auto* strings = static_cast<duckdb_string_t*>(data_);
        return {duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row])};
    }
    std::optional<std::string> text_or_null(std::size_t row) const {
        return valid(row) ? std::optional<std::string>(text(row)) : std::nullopt;
    }
    // A field of a struct.
    VectorView field(std::size_t index) const { return VectorView(duckdb_struct_vector_get_child(vector_, index)); }
    // The elements of all lists of this vector; `range` tells which belong to one row. A map is a list of structs
    // (key, value).
    VectorView elements() const { return VectorView(duckdb_list_vector_get_child(vector_)); }
    struct Range {
        std::size_t begin;
        std::size_t end;
    };
    Range range(std::size_t row) const {
        const auto entry = static_cast<const duckdb_list_entry*>(data_)[row];
        return {entry.offset, entry.offset + entry.length};
    }

private:
    duckdb_vector vector_;
    void* data_;
    std::uint64_t* validity_;
};

}  // namespace weir::lake
