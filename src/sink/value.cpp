#include "sink/value.h"

#include <emmintrin.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "sink/calendar.h"

namespace weir::sink {
namespace {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

Int128 to_int128(duckdb_hugeint value) {
    return static_cast<Int128>((static_cast<Uint128>(static_cast<std::uint64_t>(value.upper)) << 64) | value.lower);
}

Uint128 to_uint128(duckdb_uhugeint value) { return (static_cast<Uint128>(value.upper) << 64) | value.lower; }

Uint128 magnitude_of(Int128 value) {
    return value < 0 ? Uint128{0} - static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

// The digits of `value`, the last `scale` of them behind a point.
void append_digits(Uint128 value, int scale, std::string& out) {
    std::array<char, 48> buffer;
    auto* end = buffer.data() + buffer.size();
    auto* begin = end;
    int written = 0;
    do {
        *--begin = static_cast<char>('0' + static_cast<int>(value % 10));
        value /= 10;
        if (++written == scale && scale > 0) *--begin = '.';
    } while (value != 0 || written <= scale);
    out.append(begin, end);
}

void append_signed(Int128 value, int scale, std::string& out) {
    if (value < 0) out += '-';
    append_digits(magnitude_of(value), scale, out);
}

template <class T>
void append_integer(T value, std::string& out) {
    std::array<char, 24> buffer;
    const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    out.append(buffer.data(), done.ptr);
}

template <class T>
void append_real(T value, std::string& out) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value < 0 ? "-Infinity" : "Infinity";
    } else {
        std::array<char, 64> buffer;
        const auto magnitude = std::abs(value);
        // Within these bounds the plain form is exact and a person reads it more easily.
        const bool plain = magnitude == 0 || (magnitude >= static_cast<T>(1e-5) && magnitude < static_cast<T>(1e15));
        const auto done =
            plain ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed)
                  : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
        const std::string_view text(buffer.data(), static_cast<std::size_t>(done.ptr - buffer.data()));
        out += text;
        // A whole number keeps the mark of its type: readers that guess types see a double.
        if (plain && text.find('.') == std::string_view::npos) out += ".0";
    }
}

void append_hex(std::string_view bytes, std::string& out) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

void append_base64(std::string_view bytes, std::string& out) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto left = bytes.size() - i;
        const auto byte = [&](std::size_t k) {
            return k < left ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + k])) : 0u;
        };
        const auto group = byte(0) << 16 | byte(1) << 8 | byte(2);
        out += digits[group >> 18];
        out += digits[group >> 12 & 63];
        out += left > 1 ? digits[group >> 6 & 63] : '=';
        out += left > 2 ? digits[group & 63] : '=';
    }
}

// The first byte tells how many leading bits are padding.
void append_bits(std::string_view bytes, std::string& out) {
    const auto padding = static_cast<std::size_t>(static_cast<unsigned char>(bytes.empty() ? 0 : bytes[0]));
    for (std::size_t i = 8 + padding; i < bytes.size() * 8; ++i)
        out += (static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8) & 1) != 0 ? '1' : '0';
}

void append_uuid(duckdb_hugeint value, std::string& out) {
    // Stored with the first bit flipped, so that integers sort as the texts do.
    const auto upper = static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63);
    fmt::format_to(std::back_inserter(out), "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", upper >> 32, upper >> 16 & 0xffff,
                   upper & 0xffff, value.lower >> 48, value.lower & 0xffffffffffff);
}

// DuckDB keeps its two infinities at the ends of the range.
template <class T>
bool append_if_infinite(T value, std::string& out) {
    if (value == std::numeric_limits<T>::max()) {
        out += "infinity";
        return true;
    }
    if (value == -std::numeric_limits<T>::max()) {
        out += "-infinity";
        return true;
    }
    return false;
}

void append_moment(std::int64_t ticks, int digits, std::string_view suffix, std::string& out) {
    if (append_if_infinite(ticks, out)) return;
    append_timestamp(ticks, digits, out);
    out += suffix;
}

void append_time_tz(duckdb_time_tz value, std::string& out) {
    const auto parts = duckdb_from_time_tz(value);
    append_clock(parts.time.hour * 3600 + parts.time.min * 60 + parts.time.sec, parts.time.micros, 6, out);
    const auto offset = parts.offset;
    const auto magnitude = offset < 0 ? -offset : offset;
    if (offset == 0) {
        out += 'Z';
        return;
    }
    fmt::format_to(std::back_inserter(out), "{}{:02}:{:02}", offset < 0 ? '-' : '+', magnitude / 3600,
                   magnitude / 60 % 60);
    if (magnitude % 60 != 0) fmt::format_to(std::back_inserter(out), ":{:02}", magnitude % 60);
}

class LogicalType {
public:
    explicit LogicalType(duckdb_logical_type type) : type_(type) {}
    LogicalType(const LogicalType&) = delete;
    LogicalType& operator=(const LogicalType&) = delete;
    ~LogicalType() { duckdb_destroy_logical_type(&type_); }
    duckdb_logical_type get() const { return type_; }

private:
    duckdb_logical_type type_;
};

std::string take_text(char* text) {
    std::string copy = text == nullptr ? "" : text;
    duckdb_free(text);
    return copy;
}

}  // namespace

namespace {

// Of 16 bytes, those that JSON does not take as they are: a quote, a backslash, control characters.
std::uint32_t escaped_in(__m128i bytes) {
    const auto quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const auto backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const auto control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)));
}

// Writes at most 6 bytes; returns the place behind them.
char* escape(char c, char* to) {
    *to++ = '\\';
    if (c == '"' || c == '\\') {
        *to++ = c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
        *to++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    } else {
        constexpr std::string_view digits = "0123456789abcdef";
        for (const char digit : {'u', '0', '0', digits[static_cast<std::size_t>(c) >> 4], digits[c & 15]})
            *to++ = digit;
    }
    return to;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
    // Written here first, and appended in pieces: a text with many quotes would otherwise be appended in small ones.
    std::array<char, 2048> piece;
    constexpr std::size_t window = 16, window_escaped = window * 6 + window;  // copies are of a whole window
    const auto* const full = piece.data() + piece.size() - window_escaped;
    auto* to = piece.data();
    const auto copy = [](const char* from, char* place) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(place), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    };
    // The first `count` bytes of a window; two windows are read.
    const auto take = [&](const char* from, std::size_t count) {
        if (to > full) {
            out.append(piece.data(), to);
            to = piece.data();
        }
        auto escapes = escaped_in(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))) & ((1u << count) - 1);
        std::size_t done = 0;
        for (; escapes != 0; escapes &= escapes - 1) {
            const auto next = static_cast<std::size_t>(std::countr_zero(escapes));
            copy(from + done, to);
            to = escape(from[next], to + (next - done));
            done = next + 1;
        }
        copy(from + done, to);
        to += count - done;
    };
    *to++ = '"';
    const auto* from = text.data();
    auto left = text.size();
    for (; left >= 2 * window; left -= window, from += window) take(from, window);
    if (left > 0) {
        std::array<char, 4 * window> rest{};
        std::memcpy(rest.data(), from, left);
        take(rest.data(), std::min(left, window));
        if (left > window) take(rest.data() + window, left - window);
    }
    if (to > full) {
        out.append(piece.data(), to);
        to = piece.data();
    }
    *to++ = '"';
    out.append(piece.data(), to);
}

void append_double(double value, std::string& out) { append_real(value, out); }

Result<ValueWriter> ValueWriter::of(duckdb_logical_type type, std::string_view column) {
    ValueWriter writer;
    writer.kind_ = duckdb_get_type_id(type);
    const auto add_child = [&](duckdb_logical_type child) -> Status {
        const LogicalType owned(child);
        WEIR_ASSIGN(auto child_writer, of(owned.get(), column));
        writer.children_.push_back(std::move(child_writer));
        return ok();
    };
    const auto add_key = [&](char* name) {
        std::string key;
        append_json_string(take_text(name), key);
        writer.keys_.push_back(key + ':');
    };
    switch (writer.kind_) {
        case DUCKDB_TYPE_DECIMAL:
            writer.storage_ = duckdb_decimal_internal_type(type);
            writer.scale_ = duckdb_decimal_scale(type);
            break;
        case DUCKDB_TYPE_ENUM:
            writer.storage_ = duckdb_enum_internal_type(type);
            for (std::uint32_t i = 0; i < duckdb_enum_dictionary_size(type); ++i)
                writer.dictionary_.push_back(take_text(duckdb_enum_dictionary_value(type, i)));
            break;
        case DUCKDB_TYPE_VARCHAR: writer.is_json_ = take_text(duckdb_logical_type_get_alias(type)) == "JSON"; break;
        case DUCKDB_TYPE_LIST: WEIR_TRY(add_child(duckdb_list_type_child_type(type))); break;
        case DUCKDB_TYPE_ARRAY:
            writer.array_size_ = duckdb_array_type_array_size(type);
            WEIR_TRY(add_child(duckdb_array_type_child_type(type)));
            break;
        case DUCKDB_TYPE_STRUCT:
            for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
                add_key(duckdb_struct_type_child_name(type, i));
                WEIR_TRY(add_child(duckdb_struct_type_child_type(type, i)));
            }
            break;
        case DUCKDB_TYPE_MAP:
            WEIR_TRY(add_child(duckdb_map_type_key_type(type)));
            WEIR_TRY(add_child(duckdb_map_type_value_type(type)));
            break;
        case DUCKDB_TYPE_UNION:
            for (idx_t i = 0; i < duckdb_union_type_member_count(type); ++i)
                WEIR_TRY(add_child(duckdb_union_type_member_type(type, i)));
            break;
        case DUCKDB_TYPE_INVALID:
        case DUCKDB_TYPE_ANY:
        case DUCKDB_TYPE_BIGNUM:
        case DUCKDB_TYPE_STRING_LITERAL:
        case DUCKDB_TYPE_INTEGER_LITERAL:
            return Error{.code = ErrorCode::sql_invalid,
                         .message = fmt::format("column '{}' has a type that cannot be written as text", column),
                         .hint = "cast it, for example to VARCHAR"};
        default: break;
    }
    return writer;
}

void ValueWriter::bind(duckdb_vector vector) {
    data_ = duckdb_vector_get_data(vector);
    validity_ = duckdb_vector_get_validity(vector);
    switch (kind_) {
        case DUCKDB_TYPE_LIST: children_[0].bind(duckdb_list_vector_get_child(vector)); break;
        case DUCKDB_TYPE_ARRAY: children_[0].bind(duckdb_array_vector_get_child(vector)); break;
        case DUCKDB_TYPE_STRUCT:
            for (std::size_t i = 0; i < children_.size(); ++i)
                children_[i].bind(duckdb_struct_vector_get_child(vector, i));
            break;
        case DUCKDB_TYPE_MAP: {
            duckdb_vector entries = duckdb_list_vector_get_child(vector);
            children_[0].bind(duckdb_struct_vector_get_child(entries, 0));
            children_[1].bind(duckdb_struct_vector_get_child(entries, 1));
            break;
        }
        case DUCKDB_TYPE_UNION:
            // The first child is the tag.
            data_ = duckdb_vector_get_data(duckdb_struct_vector_get_child(vector, 0));
            for (std::size_t i = 0; i < children_.size(); ++i)
                children_[i].bind(duckdb_struct_vector_get_child(vector, i + 1));
            break;
        default: break;
    }
}

bool ValueWriter::is_null(idx_t row) const {
    if (kind_ == DUCKDB_TYPE_SQLNULL) return true;
    if (validity_ != nullptr && (validity_[row / 64] >> (row % 64) & 1) == 0) return true;
    return kind_ == DUCKDB_TYPE_UNION && children_[at<std::uint8_t>(row)].is_null(row);
}

bool ValueWriter::is_wall_clock() const {
    return kind_ == DUCKDB_TYPE_TIMESTAMP || kind_ == DUCKDB_TYPE_TIMESTAMP_S || kind_ == DUCKDB_TYPE_TIMESTAMP_MS ||
           kind_ == DUCKDB_TYPE_TIMESTAMP_NS;
}

bool ValueWriter::is_number() const {
    switch (kind_) {
        case DUCKDB_TYPE_TINYINT:
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_UTINYINT:
        case DUCKDB_TYPE_USMALLINT:
        case DUCKDB_TYPE_UINTEGER:
        case DUCKDB_TYPE_UBIGINT:
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT:
        case DUCKDB_TYPE_FLOAT:
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_DECIMAL: return true;
        default: return false;
    }
}

bool ValueWriter::is_nested() const {
    return kind_ == DUCKDB_TYPE_LIST || kind_ == DUCKDB_TYPE_ARRAY || kind_ == DUCKDB_TYPE_STRUCT ||
           kind_ == DUCKDB_TYPE_MAP;
}

bool ValueWriter::is_quoted_in_json() const { return !is_number() && kind_ != DUCKDB_TYPE_BOOLEAN; }

std::string_view ValueWriter::bytes_at(idx_t row) const {
    // The C API takes it without const and does not change it.
    auto* value = const_cast<duckdb_string_t*>(&static_cast<const duckdb_string_t*>(data_)[row]);
    return {duckdb_string_t_data(value), duckdb_string_t_length(*value)};
}

void ValueWriter::append_decimal(idx_t row, std::string& out) const {
    switch (storage_) {
        case DUCKDB_TYPE_SMALLINT: append_signed(at<std::int16_t>(row), scale_, out); break;
        case DUCKDB_TYPE_INTEGER: append_signed(at<std::int32_t>(row), scale_, out); break;
        case DUCKDB_TYPE_BIGINT: append_signed(at<std::int64_t>(row), scale_, out); break;
        default: append_signed(to_int128(at<duckdb_hugeint>(row)), scale_, out);
    }
}

void ValueWriter::append_text(idx_t row, std::string& out) const {
    if (is_null(row)) return;
    switch (kind_) {
        case DUCKDB_TYPE_BOOLEAN: out += at<bool>(row) ? "true" : "false"; break;
        case DUCKDB_TYPE_TINYINT: append_integer(at<std::int8_t>(row), out); break;
        case DUCKDB_TYPE_SMALLINT: append_integer(at<std::int16_t>(row), out); break;
        case DUCKDB_TYPE_INTEGER: append_integer(at<std::int32_t>(row), out); break;
        case DUCKDB_TYPE_BIGINT: append_integer(at<std::int64_t>(row), out); break;
        case DUCKDB_TYPE_UTINYINT: append_integer(at<std::uint8_t>(row), out); break;
        case DUCKDB_TYPE_USMALLINT: append_integer(at<std::uint16_t>(row), out); break;
        case DUCKDB_TYPE_UINTEGER: append_integer(at<std::uint32_t>(row), out); break;
        case DUCKDB_TYPE_UBIGINT: append_integer(at<std::uint64_t>(row), out); break;
        case DUCKDB_TYPE_HUGEINT: append_signed(to_int128(at<duckdb_hugeint>(row)), 0, out); break;
        case DUCKDB_TYPE_UHUGEINT: append_digits(to_uint128(at<duckdb_uhugeint>(row)), 0, out); break;
        case DUCKDB_TYPE_FLOAT: append_real(at<float>(row), out); break;
        case DUCKDB_TYPE_DOUBLE: append_real(at<double>(row), out); break;
        case DUCKDB_TYPE_DECIMAL: append_decimal(row, out); break;
        case DUCKDB_TYPE_VARCHAR: out += bytes_at(row); break;
        case DUCKDB_TYPE_BLOB: append_hex(bytes_at(row), out); break;
        case DUCKDB_TYPE_BIT: append_bits(bytes_at(row), out); break;
        case DUCKDB_TYPE_UUID: append_uuid(at<duckdb_hugeint>(row), out); break;
        case DUCKDB_TYPE_ENUM:
            out += dictionary_[storage_ == DUCKDB_TYPE_UTINYINT    ? at<std::uint8_t>(row)
                               : storage_ == DUCKDB_TYPE_USMALLINT ? at<std::uint16_t>(row)
                                                                   : at<std::uint32_t>(row)];
            break;
        case DUCKDB_TYPE_DATE:
            if (!append_if_infinite(at<std::int32_t>(row), out)) append_date(at<std::int32_t>(row), out);
            break;
        case DUCKDB_TYPE_TIME:
            append_clock(at<std::int64_t>(row) / 1000000, at<std::int64_t>(row) % 1000000, 6, out);
            break;
        case DUCKDB_TYPE_TIME_NS:
            append_clock(at<std::int64_t>(row) / 1000000000, at<std::int64_t>(row) % 1000000000, 9, out);
            break;
        case DUCKDB_TYPE_TIME_TZ: append_time_tz(at<duckdb_time_tz>(row), out); break;
        case DUCKDB_TYPE_TIMESTAMP: append_moment(at<std::int64_t>(row), 6, "", out); break;
        case DUCKDB_TYPE_TIMESTAMP_TZ: append_moment(at<std::int64_t>(row), 6, "Z", out); break;
        case DUCKDB_TYPE_TIMESTAMP_S: append_moment(at<std::int64_t>(row), 0, "", out); break;
        case DUCKDB_TYPE_TIMESTAMP_MS: append_moment(at<std::int64_t>(row), 3, "", out); break;
        case DUCKDB_TYPE_TIMESTAMP_NS: append_moment(at<std::int64_t>(row), 9, "", out); break;
        case DUCKDB_TYPE_INTERVAL: {
            const auto value = at<duckdb_interval>(row);
            append_duration(value.months, value.days, value.micros, out);
            break;
        }
        case DUCKDB_TYPE_UNION: children_[at<std::uint8_t>(row)].append_text(row, out); break;
        default: append_nested(row, out);
    }
}

void ValueWriter::append_elements(idx_t offset, idx_t length, std::string& out) const {
    out += '[';
    for (idx_t i = 0; i < length; ++i) {
        if (i != 0) out += ',';
        children_[0].append_json(offset + i, out);
    }
    out += ']';
}

void ValueWriter::append_nested(idx_t row, std::string& out) const {
    switch (kind_) {
        case DUCKDB_TYPE_LIST: {
            const auto entry = at<duckdb_list_entry>(row);
            append_elements(entry.offset, entry.length, out);
            break;
        }
        case DUCKDB_TYPE_ARRAY: append_elements(row * array_size_, array_size_, out); break;
        case DUCKDB_TYPE_STRUCT:
            out += '{';
            for (std::size_t i = 0; i < children_.size(); ++i) {
                if (i != 0) out += ',';
                out += keys_[i];
                children_[i].append_json(row, out);
            }
            out += '}';
            break;
        case DUCKDB_TYPE_MAP: {
            const auto entry = at<duckdb_list_entry>(row);
            out += '{';
            std::string key;
            for (auto i = entry.offset; i < entry.offset + entry.length; ++i) {
                if (i != entry.offset) out += ',';
                key.clear();
                children_[0].append_text(i, key);
                append_json_string(key, out);
                out += ':';
                children_[1].append_json(i, out);
            }
            out += '}';
            break;
        }
        default: break;
    }
}

void ValueWriter::append_json(idx_t row, std::string& out) const {
    if (is_null(row)) {
        out += "null";
    } else if (is_nested()) {
        append_nested(row, out);
    } else if (kind_ == DUCKDB_TYPE_UNION) {
        children_[at<std::uint8_t>(row)].append_json(row, out);
    } else if (is_json_) {
        // Line ends can only be white space in JSON, and one row is one line.
        for (const char c : bytes_at(row)) out += c == '\n' || c == '\r' ? ' ' : c;
    } else if (kind_ == DUCKDB_TYPE_VARCHAR) {
        append_json_string(bytes_at(row), out);
    } else if (kind_ == DUCKDB_TYPE_BLOB) {
        out += '"';
        append_base64(bytes_at(row), out);
        out += '"';
    } else if (kind_ == DUCKDB_TYPE_ENUM) {
        std::string text;
        append_text(row, text);
        append_json_string(text, out);
    } else if (is_quoted_in_json()) {
        out += '"';
        append_text(row, out);
        out += '"';
    } else {
        const auto begin = out.size();
        append_text(row, out);
        // JSON has no word for NaN and the infinities.
        const char last = out.back();
        if (out.size() > begin && (last == 'N' || last == 'y')) {
            out.insert(begin, 1, '"');
            out += '"';
        }
    }
}

}  // namespace weir::sink
