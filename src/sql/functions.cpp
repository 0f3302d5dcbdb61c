#include "sql/functions.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/murmur2.h"
#include "sql/json_canonical.h"
#include "sql/scalar_function.h"

namespace weir::sql {
namespace {

// The values of one argument, NULLs aside.
template <class T>
class Argument {
public:
    Argument(duckdb_data_chunk input, idx_t column) {
        auto vector = duckdb_data_chunk_get_vector(input, column);
        values_ = static_cast<T*>(duckdb_vector_get_data(vector));
        valid_ = duckdb_vector_get_validity(vector);
    }
    bool is_null(idx_t row) const { return valid_ != nullptr && !duckdb_validity_row_is_valid(valid_, row); }
    T operator[](idx_t row) const { return values_[row]; }

private:
    T* values_;
    std::uint64_t* valid_;
};

void set_null(duckdb_vector output, idx_t row) {
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

void json_canonical(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_string_t> texts(input, 0);
    JsonCanonical canonical;
    std::string made;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        made.clear();
        auto text = texts[row];
        if (!texts.is_null(row) && canonical.append({duckdb_string_t_data(&text), duckdb_string_t_length(text)}, made))
            duckdb_vector_assign_string_element_len(output, row, made.data(), made.size());
        else
            set_null(output, row);
    }
}

void kafka_partition(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_string_t> keys(input, 0);
    const Argument<std::int32_t> partitions(input, 1);
    auto* found = static_cast<std::int32_t*>(duckdb_vector_get_data(output));
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (keys.is_null(row) || partitions.is_null(row) || partitions[row] < 1) {
            set_null(output, row);
            continue;
        }
        auto key = keys[row];
        found[row] = weir::kafka_partition({duckdb_string_t_data(&key), duckdb_string_t_length(key)}, partitions[row]);
    }
}

void uuid_from(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    constexpr std::string_view digits = "0123456789abcdef";
    const Argument<std::uint64_t> first(input, 0), second(input, 1);
    std::array<char, 36> text;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (first.is_null(row) || second.is_null(row)) {
            set_null(output, row);
            continue;
        }
        // Version 4, variant 1: 122 of the bits are the arguments'.
        const auto high = (first[row] & ~std::uint64_t{0xf000}) | 0x4000;
        const auto low = (second[row] & ~(std::uint64_t{0xc} << 60)) | std::uint64_t{0x8} << 60;
        auto* to = text.data();
        for (int digit = 0; digit < 32; ++digit) {
            if (digit == 8 || digit == 12 || digit == 16 || digit == 20) *to++ = '-';
            const auto half = digit < 16 ? high : low;
            *to++ = digits[half >> (60 - digit % 16 * 4) & 15];
        }
        duckdb_vector_assign_string_element_len(output, row, text.data(), text.size());
    }
}

// `number` with leading zeros up to `digits` digits, written to the end of `buffer`; where it begins.
template <std::size_t size>
char* write_padded(std::uint64_t number, int digits, std::array<char, size>& buffer) {
    auto* to = buffer.data() + size;
    do {
        *--to = static_cast<char>('0' + number % 10);
        number /= 10;
        --digits;
    } while (number != 0 || (digits > 0 && to != buffer.data()));
    return to;
}

void numbered(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_string_t> prefixes(input, 0);
    const Argument<std::int64_t> numbers(input, 1);
    const Argument<std::int32_t> digits(input, 2);
    std::array<char, 20> written;
    std::string text;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (prefixes.is_null(row) || numbers.is_null(row) || digits.is_null(row) || numbers[row] < 0) {
            set_null(output, row);
            continue;
        }
        const char* number = write_padded(static_cast<std::uint64_t>(numbers[row]), digits[row], written);
        auto prefix = prefixes[row];
        text.assign(duckdb_string_t_data(&prefix), duckdb_string_t_length(prefix));
        text.append(number, static_cast<const char*>(written.data()) + written.size());
        duckdb_vector_assign_string_element_len(output, row, text.data(), text.size());
    }
}

void iso_utc(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    using namespace std::chrono;
    const Argument<std::int64_t> moments(input, 0);
    std::array<char, 24> text;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        constexpr sys_days first{year{0} / January / 1}, last{year{10000} / January / 1};
        const sys_time<microseconds> moment{microseconds{moments.is_null(row) ? 0 : moments[row]}};
        if (moments.is_null(row) || moment < first || moment >= last) {
            set_null(output, row);
            continue;
        }
        const auto day = floor<days>(moment);
        const year_month_day date{day};
        const auto clock = floor<milliseconds>(moment - day).count();
        auto* to = text.data();
        const auto put = [&](std::int64_t number, int digits, char behind) {
            for (auto* digit = to + digits; digit != to; number /= 10) *--digit = static_cast<char>('0' + number % 10);
            to += digits;
            *to++ = behind;
        };
        put(static_cast<int>(date.year()), 4, '-');
        put(static_cast<unsigned>(date.month()), 2, '-');
        put(static_cast<unsigned>(date.day()), 2, 'T');
        put(clock / 3600000, 2, ':');
        put(clock / 60000 % 60, 2, ':');
        put(clock / 1000 % 60, 2, '.');
        put(clock % 1000, 3, 'Z');
        duckdb_vector_assign_string_element_len(output, row, text.data(), text.size());
    }
}

}  // namespace

bool register_functions(duckdb_connection connection) {
    constexpr auto text = DUCKDB_TYPE_VARCHAR, hash = DUCKDB_TYPE_UBIGINT, integer = DUCKDB_TYPE_INTEGER;
    constexpr auto number = DUCKDB_TYPE_BIGINT;
    return add_scalar(connection, "json_canonical", {text}, text, json_canonical) &&
           add_scalar(connection, "kafka_partition", {text, integer}, integer, kafka_partition) &&
           add_scalar(connection, "numbered", {text, number, integer}, text, numbered) &&
           add_scalar(connection, "iso_utc", {DUCKDB_TYPE_TIMESTAMP}, text, iso_utc) &&
           add_scalar(connection, "uuid_from", {hash, hash}, text, uuid_from);
}

}  // namespace weir::sql
