#include "serve/store/postgres_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include "source/columns/cast.h"

namespace weir::serve::postgres {
namespace {

using enum Type::Kind;
using source::int128;
__extension__ typedef unsigned __int128 uint128;

// PostgreSQL counts from 2000-01-01.
constexpr std::int64_t days_to_2000 = 10957;
constexpr std::int64_t micros_to_2000 = days_to_2000 * source::micros_per_day;
// 4713-11-24 BC to 5874897-12-31 of days, to 294276-12-31 of moments; as days and microseconds since 2000-01-01.
constexpr std::int64_t day_min = -2451545, day_end = 2145031949;
constexpr std::int64_t moment_min = day_min * source::micros_per_day, moment_end = 9223371331200000000;
constexpr std::int16_t negative_sign = 0x4000;

template <class T>
void append_big_endian(T value, std::string& out) {
    using Bits = std::make_unsigned_t<T>;
    const auto bits = static_cast<Bits>(value);
    for (int shift = (static_cast<int>(sizeof(T)) - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>(static_cast<unsigned char>(bits >> shift & 0xff));
}

template <class T>
T big_endian(std::string_view bytes) {
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bits = static_cast<std::make_unsigned_t<T>>(bits << (sizeof(T) == 1 ? 0 : 8) |
                                                    static_cast<unsigned char>(bytes[i]));
    return static_cast<T>(bits);
}

template <class T>
void append_field(T value, std::string& out) {
    append_big_endian(static_cast<std::int32_t>(sizeof(T)), out);
    append_big_endian(value, out);
}

template <class T>
T at(const void* data, idx_t row) {
    return static_cast<const T*>(data)[row];
}

int128 to_int128(duckdb_hugeint value) {
    return static_cast<int128>(static_cast<uint128>(static_cast<std::uint64_t>(value.upper)) << 64 | value.lower);
}

duckdb_type decimal_storage(int precision) {
    return precision <= 4    ? DUCKDB_TYPE_SMALLINT
           : precision <= 9  ? DUCKDB_TYPE_INTEGER
           : precision <= 18 ? DUCKDB_TYPE_BIGINT
                             : DUCKDB_TYPE_HUGEINT;
}

int128 decimal_at(const void* data, int precision, idx_t row) {
    switch (decimal_storage(precision)) {
        case DUCKDB_TYPE_SMALLINT: return at<std::int16_t>(data, row);
        case DUCKDB_TYPE_INTEGER: return at<std::int32_t>(data, row);
        case DUCKDB_TYPE_BIGINT: return at<std::int64_t>(data, row);
        default: return to_int128(at<duckdb_hugeint>(data, row));
    }
}

// Groups of four digits on either side of the point; `weight` is the power of 10,000 that the first one stands for.
void append_numeric(int128 value, int scale, std::string& out) {
    const bool negative = value < 0;
    std::string digits;
    for (auto rest = value; rest != 0; rest /= 10) {
        const auto digit = static_cast<int>(rest % 10);
        digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    }
    const auto places = static_cast<std::size_t>(scale);
    // From the right: the last group is filled up behind the last place, the first one before the first digit.
    digits.insert(0, (4 - places % 4) % 4, '0');
    const auto groups_behind = (places + 3) / 4;
    digits.resize(std::max((digits.size() + 3) / 4 * 4, groups_behind * 4), '0');
    std::vector<std::int16_t> groups;  // from the left
    for (auto end = digits.size(); end > 0; end -= 4) {
        std::int16_t group = 0;
        for (std::size_t i = 1; i <= 4; ++i) group = static_cast<std::int16_t>(group * 10 + (digits[end - i] - '0'));
        groups.push_back(group);
    }
    auto weight = static_cast<std::int16_t>(static_cast<int>(groups.size() - groups_behind) - 1);
    std::size_t first = 0;
    while (first < groups.size() && groups[first] == 0) ++first, --weight;
    while (groups.size() > first && groups.back() == 0) groups.pop_back();
    if (first == groups.size()) weight = 0;
    append_big_endian(static_cast<std::int32_t>(8 + 2 * (groups.size() - first)), out);
    append_big_endian(static_cast<std::int16_t>(groups.size() - first), out);
    append_big_endian(weight, out);
    append_big_endian(negative ? negative_sign : std::int16_t{0}, out);
    append_big_endian(static_cast<std::int16_t>(scale), out);
    for (auto i = first; i < groups.size(); ++i) append_big_endian(groups[i], out);
}

bool read_numeric(std::string_view bytes, int scale, int128& value) {
    if (bytes.size() < 8) return false;
    const auto count = static_cast<std::size_t>(big_endian<std::uint16_t>(bytes));
    const int weight = big_endian<std::int16_t>(bytes.substr(2));
    const auto sign = big_endian<std::int16_t>(bytes.substr(4));
    if (bytes.size() != 8 + 2 * count || (sign != 0 && sign != negative_sign)) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        int128 group = big_endian<std::int16_t>(bytes.substr(8 + 2 * i));
        int exponent = (weight - static_cast<int>(i)) * 4 + scale;
        if (group == 0) continue;
        if (exponent > 38 || exponent < -4) return false;
        for (; exponent > 0; --exponent) group *= 10;
        for (; exponent < 0; ++exponent) group /= 10;
        value += group;
    }
    if (sign == negative_sign) value = -value;
    return true;
}

std::string_view text_at(const void* data, idx_t row) {
    auto* value = const_cast<duckdb_string_t*>(&static_cast<const duckdb_string_t*>(data)[row]);
    return {duckdb_string_t_data(value), duckdb_string_t_length(*value)};
}

// Whether a text of the JSON holds \u0000, which is not the same as an escaped backslash before u0000.
bool holds_escaped_nul(std::string_view json) {
    for (auto found = json.find("\\u0000"); found != std::string_view::npos; found = json.find("\\u0000", found + 1)) {
        std::size_t backslashes = 0;
        while (backslashes < found && json[found - backslashes - 1] == '\\') ++backslashes;
        if (backslashes % 2 == 0) return true;
    }
    return false;
}

// DuckDB's two infinities lie at the ends of its range, PostgreSQL's at the ends of the integer. Nothing: out of range.
std::optional<std::int32_t> day_of(std::int32_t days) {
    if (days == std::numeric_limits<std::int32_t>::max()) return days;
    if (days == -std::numeric_limits<std::int32_t>::max()) return std::numeric_limits<std::int32_t>::min();
    const auto shifted = std::int64_t{days} - days_to_2000;
    if (shifted < day_min || shifted >= day_end) return std::nullopt;
    return static_cast<std::int32_t>(shifted);
}

std::optional<std::int64_t> moment_of(std::int64_t micros) {
    if (micros == std::numeric_limits<std::int64_t>::max()) return micros;
    if (micros == -std::numeric_limits<std::int64_t>::max()) return std::numeric_limits<std::int64_t>::min();
    if (micros < moment_min + micros_to_2000 || micros - micros_to_2000 >= moment_end) return std::nullopt;
    return micros - micros_to_2000;
}

duckdb_type storage_of(const Type& type) {
    switch (type.kind) {
        case boolean: return DUCKDB_TYPE_BOOLEAN;
        case int8: return DUCKDB_TYPE_TINYINT;
        case int16: return DUCKDB_TYPE_SMALLINT;
        case int32: return DUCKDB_TYPE_INTEGER;
        case int64: return DUCKDB_TYPE_BIGINT;
        case float32: return DUCKDB_TYPE_FLOAT;
        case float64: return DUCKDB_TYPE_DOUBLE;
        case decimal: return DUCKDB_TYPE_DECIMAL;
        case string: return DUCKDB_TYPE_VARCHAR;
        case binary: return DUCKDB_TYPE_BLOB;
        case date: return DUCKDB_TYPE_DATE;
        case timestamp: return DUCKDB_TYPE_TIMESTAMP_TZ;
        case timestamp_ntz: return DUCKDB_TYPE_TIMESTAMP;
        default: return DUCKDB_TYPE_INVALID;  // any: nested values are JSON, and there are none of `null`
    }
}

}  // namespace

std::string column_type(const Type& type) {
    switch (type.kind) {
        case boolean: return "boolean";
        case int8:
        case int16: return "smallint";
        case int32: return "integer";
        case int64: return "bigint";
        case float32: return "real";
        case float64: return "double precision";
        case decimal: return fmt::format("numeric({},{})", type.precision, type.scale);
        case binary: return "bytea";
        case date: return "date";
        case timestamp: return "timestamp with time zone";
        case timestamp_ntz: return "timestamp without time zone";
        case structure:
        case array:
        case map: return "jsonb";
        default: return "text";
    }
}

std::int64_t read_bigint(std::string_view bytes) { return bytes.size() == 8 ? big_endian<std::int64_t>(bytes) : 0; }

std::string quote_name(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + '"';
}

std::string quote_text(std::string_view text) {
    std::string quoted = text.find('\\') == std::string_view::npos ? "'" : "E'";
    for (const char c : text) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
    return quoted + '\'';
}

Result<CopyRows> CopyRows::of(std::string view, const std::vector<Field>& fields,
                              const std::vector<duckdb_logical_type>& types) {
    CopyRows rows;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        Column column{.field = fields[i]};
        const auto expected = storage_of(fields[i].type);
        if (expected != DUCKDB_TYPE_INVALID && duckdb_get_type_id(types[i]) != expected)
            return Error{.code = ErrorCode::internal,
                         .message = fmt::format("view {}: column '{}' is read as another type than {}", view,
                                                fields[i].name, to_string(fields[i].type))};
        if (fields[i].type.is_nested()) {
            WEIR_ASSIGN(column.nested, sink::ValueWriter::of(types[i], fields[i].name));
        }
        rows.columns_.push_back(std::move(column));
    }
    rows.view_ = std::move(view);
    return rows;
}

void CopyRows::append_header(std::string& out) {
    out.append("PGCOPY\n\377\r\n\0", 11);
    append_big_endian(std::int32_t{0}, out);
    append_big_endian(std::int32_t{0}, out);
}

void CopyRows::append_trailer(std::string& out) { append_big_endian(std::int16_t{-1}, out); }

void CopyRows::bind(duckdb_data_chunk chunk) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        auto& column = columns_[i];
        column.vector = duckdb_data_chunk_get_vector(chunk, i);
        column.data = duckdb_vector_get_data(column.vector);
        column.validity = duckdb_vector_get_validity(column.vector);
        if (column.nested) column.nested->bind(column.vector);
    }
}

Status CopyRows::append(idx_t row, std::optional<std::string_view> more, std::string& out) {
    ++row_;
    append_big_endian(static_cast<std::int16_t>(columns_.size() + (more ? 1 : 0)), out);
    for (auto& column : columns_) {
        const bool null = column.field.type.kind == Type::Kind::null ||
                          (column.validity != nullptr && !duckdb_validity_row_is_valid(column.validity, row));
        if (null) {
            append_big_endian(std::int32_t{-1}, out);
        } else {
            WEIR_TRY(append_value(column, row, out));
        }
    }
    if (more) {
        append_big_endian(static_cast<std::int32_t>(more->size()), out);
        out += *more;
    }
    return ok();
}

Error CopyRows::no_such_value(const Column& column, std::string what, std::string hint) const {
    return {.code = ErrorCode::refused,
            .message = fmt::format("view {}: column '{}' holds {} in row {}, which PostgreSQL's {} cannot hold", view_,
                                   column.field.name, what, row_, column_type(column.field.type)),
            .hint = std::move(hint)};
}

Status CopyRows::append_value(Column& column, idx_t row, std::string& out) {
    constexpr std::string_view without_nul = "take it out in the view: replace(column, chr(0), '')";
    const auto* data = column.data;
    const auto& type = column.field.type;
    switch (type.kind) {
        case boolean: append_field(std::int8_t{at<bool>(data, row)}, out); break;
        case int8: append_field(std::int16_t{at<std::int8_t>(data, row)}, out); break;
        case int16: append_field(at<std::int16_t>(data, row), out); break;
        case int32: append_field(at<std::int32_t>(data, row), out); break;
        case int64: append_field(at<std::int64_t>(data, row), out); break;
        case float32: append_field(std::bit_cast<std::int32_t>(at<float>(data, row)), out); break;
        case float64: append_field(std::bit_cast<std::int64_t>(at<double>(data, row)), out); break;
        case decimal: append_numeric(decimal_at(data, type.precision, row), type.scale, out); break;
        case date: {
            const auto day = day_of(at<std::int32_t>(data, row));
            if (!day) return no_such_value(column, "a day outside of 4713 BC to 5874897", "leave it out in the view");
            append_field(*day, out);
            break;
        }
        case timestamp:
        case timestamp_ntz: {
            const auto moment = moment_of(at<std::int64_t>(data, row));
            if (!moment) return no_such_value(column, "a moment before 4713 BC", "leave it out in the view");
            append_field(*moment, out);
            break;
        }
        case structure:
        case array:
        case map:
            json_.assign(1, '\1');  // jsonb, version 1
            column.nested->append_json(row, json_);
            if (holds_escaped_nul(json_)) return no_such_value(column, "a character NUL", std::string(without_nul));
            append_big_endian(static_cast<std::int32_t>(json_.size()), out);
            out += json_;
            break;
        default: {
            const auto text = text_at(data, row);
            if (type.kind == string && std::memchr(text.data(), 0, text.size()) != nullptr)
                return no_such_value(column, "a character NUL", std::string(without_nul));
            append_big_endian(static_cast<std::int32_t>(text.size()), out);
            out += text;
        }
    }
    return ok();
}

RowChunk::RowChunk(std::vector<Field> fields) : fields_(std::move(fields)) {
    for (const auto& field : fields_) {
        const auto storage = storage_of(field.type);
        types_.push_back(
            field.type.kind == decimal
                ? duckdb_create_decimal_type(static_cast<std::uint8_t>(field.type.precision),
                                             static_cast<std::uint8_t>(field.type.scale))
                : duckdb_create_logical_type(storage == DUCKDB_TYPE_INVALID ? DUCKDB_TYPE_VARCHAR : storage));
    }
    chunk_ = duckdb_create_data_chunk(types_.data(), types_.size());
}

RowChunk::~RowChunk() {
    duckdb_destroy_data_chunk(&chunk_);
    for (auto& type : types_) duckdb_destroy_logical_type(&type);
}

bool RowChunk::set(std::span<const std::optional<std::string_view>> values) {
    if (values.size() != fields_.size()) return false;
    duckdb_data_chunk_reset(chunk_);
    duckdb_data_chunk_set_size(chunk_, 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i]) {
            if (!set_value(i, *values[i])) return false;
            continue;
        }
        auto* vector = duckdb_data_chunk_get_vector(chunk_, i);
        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), 0);
    }
    return true;
}

bool RowChunk::set_value(std::size_t column, std::string_view bytes) {
    auto* vector = duckdb_data_chunk_get_vector(chunk_, column);
    auto* data = duckdb_vector_get_data(vector);
    const auto put = [&](auto value) {
        std::memcpy(data, &value, sizeof(value));
        return true;
    };
    const auto& type = fields_[column].type;
    const auto has = [&](std::size_t size) { return bytes.size() == size; };
    switch (type.kind) {
        case boolean: return has(1) && put(bytes[0] != 0);
        case int8: return has(2) && put(static_cast<std::int8_t>(big_endian<std::int16_t>(bytes)));
        case int16: return has(2) && put(big_endian<std::int16_t>(bytes));
        case int32:
        case float32: return has(4) && put(big_endian<std::int32_t>(bytes));
        case int64:
        case float64: return has(8) && put(big_endian<std::int64_t>(bytes));
        case decimal: {
            int128 value = 0;
            if (!read_numeric(bytes, type.scale, value)) return false;
            switch (decimal_storage(type.precision)) {
                case DUCKDB_TYPE_SMALLINT: return put(static_cast<std::int16_t>(value));
                case DUCKDB_TYPE_INTEGER: return put(static_cast<std::int32_t>(value));
                case DUCKDB_TYPE_BIGINT: return put(static_cast<std::int64_t>(value));
                default:
                    return put(duckdb_hugeint{.lower = static_cast<std::uint64_t>(value),
                                              .upper = static_cast<std::int64_t>(value >> 64)});
            }
        }
        case date: {
            if (!has(4)) return false;
            const auto day = big_endian<std::int32_t>(bytes);
            if (day == std::numeric_limits<std::int32_t>::max()) return put(day);
            if (day == std::numeric_limits<std::int32_t>::min()) return put(-std::numeric_limits<std::int32_t>::max());
            return put(static_cast<std::int32_t>(day + days_to_2000));
        }
        case timestamp:
        case timestamp_ntz: {
            if (!has(8)) return false;
            const auto moment = big_endian<std::int64_t>(bytes);
            if (moment == std::numeric_limits<std::int64_t>::max()) return put(moment);
            if (moment == std::numeric_limits<std::int64_t>::min())
                return put(-std::numeric_limits<std::int64_t>::max());
            return put(moment + micros_to_2000);
        }
        case string:
        case binary: duckdb_vector_assign_string_element_len(vector, 0, bytes.data(), bytes.size()); return true;
        default: return false;
    }
}

std::optional<Parameter> parameter_of(const Type& type, const std::string& key_text) {
    Parameter parameter{.value = {}, .binary = true};
    switch (type.kind) {
        case date: {
            std::int32_t days = 0;
            if (!source::cast_date(key_text, days)) return std::nullopt;
            const auto day = day_of(days);
            if (!day) return std::nullopt;
            append_big_endian(*day, parameter.value);
            return parameter;
        }
        case timestamp:
        case timestamp_ntz: {
            std::int64_t micros = 0;
            const auto* end = key_text.data() + key_text.size();
            if (std::from_chars(key_text.data(), end, micros).ptr != end) return std::nullopt;
            const auto moment = moment_of(micros);
            if (!moment) return std::nullopt;
            append_big_endian(*moment, parameter.value);
            return parameter;
        }
        default: return Parameter{.value = key_text, .binary = false};
    }
}

}  // namespace weir::serve::postgres
