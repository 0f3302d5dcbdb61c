#include "source/columns/column_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "source/columns/cast.h"
#include "source/columns/json_record.h"

namespace weir::source {
namespace {

constexpr unsigned bit(Kind kind) { return 1u << static_cast<unsigned>(kind); }
constexpr unsigned csv_kinds = bit(Kind::text) | bit(Kind::quoted) | bit(Kind::quoted_escaped);
constexpr unsigned string_kinds = csv_kinds | bit(Kind::json_string) | bit(Kind::json_escaped);
constexpr unsigned number_kinds = csv_kinds | bit(Kind::json_number);
constexpr unsigned boolean_kinds = csv_kinds | bit(Kind::json_true) | bit(Kind::json_false);

constexpr std::size_t shown_bytes = 60;  // of a value in a reason

// Cut to a length that can be read, never inside a character.
std::string shown(std::string_view text) {
    if (text.size() <= shown_bytes) return fmt::format("'{}'", text);
    std::size_t end = shown_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return fmt::format("'{}…' ({} bytes)", text.substr(0, end), text.size());
}

std::string_view noun_of(Kind kind) {
    switch (kind) {
        case Kind::json_string:
        case Kind::json_escaped: return "a JSON string";
        case Kind::json_number: return "a JSON number";
        case Kind::json_true:
        case Kind::json_false: return "a JSON boolean";
        case Kind::json_object: return "a JSON object";
        case Kind::json_array: return "a JSON array";
        default: return "text";
    }
}

}  // namespace

void TextVector::put(std::uint32_t row, std::string_view text) {
    duckdb_string_t& to = data_[row];
    if (text.size() <= sizeof(to.value.inlined.inlined)) {
        to.value.inlined.length = static_cast<std::uint32_t>(text.size());
        std::memset(to.value.inlined.inlined, 0, sizeof(to.value.inlined.inlined));
        std::memcpy(to.value.inlined.inlined, text.data(), text.size());
        return;
    }
    to.value.pointer.length = static_cast<std::uint32_t>(text.size());
    std::memcpy(to.value.pointer.prefix, text.data(), sizeof(to.value.pointer.prefix));
    long_texts_.append(text);
    long_rows_.push_back(row);
}

void TextVector::finish() {
    if (long_rows_.empty()) return;
    // One call copies all long texts into memory that the vector owns; the first row's slot receives it for a moment.
    const auto first = long_rows_.front();
    const auto kept = data_[first];
    duckdb_vector_assign_string_element_len(vector_, first, long_texts_.data(), long_texts_.size());
    char* at = data_[first].value.pointer.ptr;
    data_[first] = kept;
    for (const auto row : long_rows_) {
        data_[row].value.pointer.ptr = at;
        at += data_[row].value.pointer.length;
    }
    long_texts_.clear();
    long_rows_.clear();
}

Result<ColumnPlan> ColumnPlan::make(const declare::ContractColumn& column, const declare::CsvOptions& csv) {
    ColumnPlan plan;
    plan.name = column.name;
    plan.type = column.type;
    plan.raw_json = column.logical_type == "object" || column.logical_type == "array";
    plan.null_on_error = column.on_type_error == declare::OnTypeError::null;
    plan.pii = column.pii;
    plan.missing = column.missing;
    for (const auto& text : csv.nulls) {
        if (text.empty())
            plan.empty_is_null = true;
        else
            plan.nulls.push_back(text);
    }
    using K = Type::Kind;
    switch (column.type.kind) {
        case K::boolean: plan.noun = "a boolean (true, false, 1, 0)"; break;
        case K::int8: plan.noun = "an integer from -128 to 127"; break;
        case K::int16: plan.noun = "an integer from -32768 to 32767"; break;
        case K::int32: plan.noun = "an integer of 32 bits"; break;
        case K::int64: plan.noun = "an integer of 64 bits"; break;
        case K::float32:
        case K::float64: plan.noun = "a number"; break;
        case K::decimal:
            plan.noun = fmt::format("a {} (at most {} digits before and {} behind the point)", to_string(column.type),
                                    column.type.precision - column.type.scale, column.type.scale);
            break;
        case K::string:
        case K::binary: plan.noun = plan.raw_json ? fmt::format("a JSON {}", column.logical_type) : "text"; break;
        case K::date:
            plan.noun =
                column.format.empty() ? "a date such as 2024-03-01" : fmt::format("a date as {}", column.format);
            break;
        case K::timestamp:
        case K::timestamp_ntz:
            plan.noun = column.format.empty() ? "a time such as 2024-03-01T10:00:00Z"
                                              : fmt::format("a time as {}", column.format);
            if (column.type.kind == K::timestamp_ntz && column.format.empty())
                plan.noun = "a time such as 2024-03-01T10:00:00, without a zone";
            break;
        case K::structure:
        case K::array:
        case K::map:
        case K::null:
            return Error{.code = ErrorCode::project_invalid,
                         .message = fmt::format("column '{}': a text file cannot hold the type {}", column.name,
                                                to_string(column.type)),
                         .hint = "declare it as text with logicalType object or array; the JSON text is kept",
                         .where = column.where};
    }
    const bool temporal =
        column.type.kind == K::date || column.type.kind == K::timestamp || column.type.kind == K::timestamp_ntz;
    if (temporal && !column.format.empty()) {
        auto pattern = DatePattern::compile(column.format);
        if (!pattern) {
            auto error = std::move(pattern).error();
            error.message = fmt::format("column '{}': {}", column.name, error.message);
            error.where = column.where;
            return error;
        }
        plan.pattern = std::move(pattern).value();
    }
    return plan;
}

bool ColumnWriter::means_null(Kind kind, std::string_view text) const {
    if (kind == Kind::text && std::find(plan_.nulls.begin(), plan_.nulls.end(), text) != plan_.nulls.end()) return true;
    return std::find(plan_.missing.begin(), plan_.missing.end(), text) != plan_.missing.end();
}

std::string_view ColumnWriter::resolve(Field field, const char* text) {
    const std::string_view plain(text + field.begin, field.length());
    if (field.kind() == Kind::quoted_escaped) {
        unescaped_.clear();
        unescape(dialect_, plain, unescaped_);
        return unescaped_;
    }
    if (field.kind() == Kind::json_escaped) {
        unescaped_.clear();
        json_unescape(plain, unescaped_);
        return unescaped_;
    }
    return plain;
}

void ColumnWriter::refuse(FieldChunk& chunk, std::uint32_t row, Field field, std::string_view text,
                          std::vector<std::uint32_t>& nulled) {
    if (plan_.null_on_error) {
        nulled.push_back(row);
        return;
    }
    std::string value = plan_.pii ? "the value (not shown: the column is classified as sensitive)" : shown(text);
    const auto kind = field.kind();
    const bool json = (bit(kind) & (csv_kinds | bit(Kind::broken))) == 0;
    chunk.reject(row, "type",
                 json ? fmt::format("{}, {}, is not {}", value, noun_of(kind), plan_.noun)
                      : fmt::format("{} is not {}", value, plan_.noun),
                 plan_.name);
}

template <class T, class Cast>
void ColumnWriter::cast_rows(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector,
                             unsigned accepted, std::vector<std::uint32_t>& nulled, Cast cast) {
    auto* data = static_cast<T*>(duckdb_vector_get_data(vector));
    std::uint64_t* validity = nullptr;
    const auto set_null = [&](std::uint32_t row) {
        if (validity == nullptr) {
            duckdb_vector_ensure_validity_writable(vector);
            validity = duckdb_vector_get_validity(vector);
        }
        validity[row / 64] &= ~(std::uint64_t{1} << (row % 64));
    };
    const bool more_nulls = !plan_.nulls.empty() || !plan_.missing.empty();
    const auto rows = static_cast<std::uint32_t>(chunk.rows);
    for (std::uint32_t row = 0; row < rows; ++row) {
        const Field field = fields[row];
        const Kind kind = field.kind();
        if (kind <= Kind::null || (kind == Kind::text && field.length() == 0 && plan_.empty_is_null)) {
            set_null(row);
            continue;
        }
        const bool plain = kind != Kind::quoted_escaped && kind != Kind::json_escaped;
        const std::string_view value =
            plain ? std::string_view(text + field.begin, field.length()) : resolve(field, text);
        if (more_nulls && means_null(kind, value)) {
            set_null(row);
            continue;
        }
        if (((accepted >> static_cast<unsigned>(kind)) & 1) != 0 && cast(value, data[row])) continue;
        set_null(row);
        refuse(chunk, row, field, value, nulled);
    }
}

void ColumnWriter::write_text(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector,
                              std::vector<std::uint32_t>& nulled) {
    TextVector texts(vector);
    std::uint64_t* validity = nullptr;
    const auto set_null = [&](std::uint32_t row) {
        if (validity == nullptr) {
            duckdb_vector_ensure_validity_writable(vector);
            validity = duckdb_vector_get_validity(vector);
        }
        validity[row / 64] &= ~(std::uint64_t{1} << (row % 64));
    };
    unsigned accepted = string_kinds;
    if (plan_.raw_json)
        accepted = csv_kinds | (plan_.noun == "a JSON array" ? bit(Kind::json_array) : bit(Kind::json_object));
    const bool more_nulls = !plan_.nulls.empty() || !plan_.missing.empty();
    const auto rows = static_cast<std::uint32_t>(chunk.rows);
    for (std::uint32_t row = 0; row < rows; ++row) {
        const Field field = fields[row];
        const Kind kind = field.kind();
        if (kind <= Kind::null || (kind == Kind::text && field.length() == 0 && plan_.empty_is_null)) {
            set_null(row);
            continue;
        }
        const std::string_view plain(text + field.begin, field.length());
        std::string_view value = plain;
        if (kind == Kind::quoted_escaped) {
            value = resolve(field, text);
        } else if (kind == Kind::json_escaped) {
            unescaped_.clear();
            if (!json_unescape(plain, unescaped_)) {
                set_null(row);
                refuse(chunk, row, field, plain, nulled);
                continue;
            }
            value = unescaped_;
        }
        if (more_nulls && means_null(kind, value)) {
            set_null(row);
            continue;
        }
        if (((accepted >> static_cast<unsigned>(kind)) & 1) == 0) {
            set_null(row);
            refuse(chunk, row, field, value, nulled);
            continue;
        }
        texts.put(row, value);
    }
    texts.finish();
}

void ColumnWriter::write(FieldChunk& chunk, const Field* fields, const char* text, duckdb_vector vector,
                         std::vector<std::uint32_t>& nulled) {
    const auto integers = [&]<class T>(T) {
        cast_rows<T>(chunk, fields, text, vector, number_kinds, nulled,
                     [](std::string_view value, T& to) { return cast_integer(value, to); });
    };
    const auto floats = [&]<class T>(T) {
        cast_rows<T>(chunk, fields, text, vector, number_kinds, nulled,
                     [](std::string_view value, T& to) { return cast_float(value, to); });
    };
    const auto decimals = [&]<class T>(T) {
        cast_rows<T>(chunk, fields, text, vector, number_kinds, nulled,
                     [precision = plan_.type.precision, scale = plan_.type.scale](std::string_view value, T& to) {
                         return cast_decimal(value, precision, scale, to);
                     });
    };
    using K = Type::Kind;
    switch (plan_.type.kind) {
        case K::boolean:
            cast_rows<bool>(chunk, fields, text, vector, boolean_kinds, nulled,
                            [](std::string_view value, bool& to) { return cast_boolean(value, to); });
            break;
        case K::int8: integers(std::int8_t{}); break;
        case K::int16: integers(std::int16_t{}); break;
        case K::int32: integers(std::int32_t{}); break;
        case K::int64: integers(std::int64_t{}); break;
        case K::float32: floats(float{}); break;
        case K::float64: floats(double{}); break;
        case K::decimal:
            if (plan_.type.precision <= 4)
                decimals(std::int16_t{});
            else if (plan_.type.precision <= 9)
                decimals(std::int32_t{});
            else if (plan_.type.precision <= 18)
                decimals(std::int64_t{});
            else
                decimals(int128{});
            break;
        case K::date:
            cast_rows<std::int32_t>(chunk, fields, text, vector, string_kinds, nulled,
                                    [this](std::string_view value, std::int32_t& to) {
                                        return plan_.pattern ? plan_.pattern->date(value, to) : cast_date(value, to);
                                    });
            break;
        case K::timestamp:
        case K::timestamp_ntz: {
            const auto zone = plan_.type.kind == K::timestamp ? Zone::allowed : Zone::refused;
            cast_rows<std::int64_t>(chunk, fields, text, vector, string_kinds, nulled,
                                    [this, zone](std::string_view value, std::int64_t& to) {
                                        return plan_.pattern ? plan_.pattern->timestamp(value, to)
                                                             : cast_timestamp(value, zone, to);
                                    });
            break;
        }
        default: write_text(chunk, fields, text, vector, nulled);
    }
}

}  // namespace weir::source
