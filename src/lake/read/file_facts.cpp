#include "lake/read/file_facts.h"

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace weir::lake {
namespace {

// Collects the leaves of a statistics text with the spelling that they have there: a decimal of 38 digits must not pass
// through a double.
class StatsReader final : public nlohmann::json_sax<nlohmann::json> {
public:
    std::optional<std::int64_t> rows;
    // "minValues", "maxValues" or "nullCount" → top-level column → text
    std::map<std::string, std::map<std::string, std::string>> values;

    bool null() override { return leaf(std::nullopt); }
    bool boolean(bool value) override { return leaf(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return number(value, std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override {
        return number(static_cast<std::int64_t>(value), std::to_string(value));
    }
    bool number_float(number_float_t, const string_t& text) override { return leaf(text); }
    bool string(string_t& text) override { return leaf(text); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override {
        ++depth_;
        return true;
    }
    bool end_object() override {
        --depth_;
        return true;
    }
    bool start_array(std::size_t) override {
        ++arrays_;
        return true;
    }
    bool end_array() override {
        --arrays_;
        return true;
    }
    bool key(string_t& text) override {
        if (depth_ == 1) section_ = text;
        if (depth_ == 2) column_ = text;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    bool number(std::int64_t value, const std::string& text) {
        if (depth_ == 1 && section_ == "numRecords") rows = value;
        return leaf(text);
    }
    bool leaf(std::optional<std::string> text) {
        if (text && depth_ == 2 && arrays_ == 0) values[section_][column_] = std::move(*text);
        return true;
    }
    int depth_ = 0;
    int arrays_ = 0;
    std::string section_;
    std::string column_;
};

bool is_nan(const Value& value) {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && std::isnan(*number);
}

// A millisecond more than a truncated maximum can hide.
Value widened_max(const Type& type, Value value) {
    if (type.kind == Type::Kind::timestamp || type.kind == Type::Kind::timestamp_ntz)
        std::get<std::int64_t>(value) += 1000;
    return value;
}

// A float's text in the statistics is the shortest one for a float or a double; the stored value may differ from it in
// the last digit, so the bound is taken one step wider.
Value widened(const Type& type, Value value, double towards) {
    auto* number = std::get_if<double>(&value);
    if (number == nullptr) return value;
    *number = type.kind == Type::Kind::float32
                  ? std::nextafter(static_cast<float>(*number), static_cast<float>(towards))
                  : std::nextafter(*number, towards);
    return value;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

FileFacts facts_of(const AddFile& add, const TableState& state) {
    FileFacts facts;
    StatsReader stats;
    const bool readable = add.stats && nlohmann::json::sax_parse(*add.stats, &stats);
    if (!readable) stats = StatsReader();
    facts.rows = stats.rows;
    const auto find = [&](const char* section, const std::string& column) -> const std::string* {
        const auto values = stats.values.find(section);
        if (values == stats.values.end()) return nullptr;
        const auto value = values->second.find(column);
        return value == values->second.end() ? nullptr : &value->second;
    };
    for (const auto& field : state.schema.fields) {
        const auto physical = physical_field(field, state.mapping);
        if (!physical) continue;
        auto& column = facts.columns[lower_case(field.name)];
        if (const auto value = add.partition_values.find(physical->name); value != add.partition_values.end()) {
            if (!value->second || value->second->empty()) {
                column.all_null = true;
                continue;
            }
            column.null_count = 0;
            column.min = column.max = parse_value(field.type, *value->second);
            continue;
        }
        if (const auto* text = find("nullCount", physical->name)) {
            if (const auto count = parse_value(Type::of(Type::Kind::int64), *text))
                column.null_count = std::get<std::int64_t>(*count);
        }
        const auto* min = find("minValues", physical->name);
        const auto* max = find("maxValues", physical->name);
        if (min != nullptr) column.min = parse_value(field.type, *min);
        if (max != nullptr) column.max = parse_value(field.type, *max);
        if ((column.min && is_nan(*column.min)) || (column.max && is_nan(*column.max))) column.min = column.max = {};
        if (column.min) column.min = widened(field.type, *column.min, -HUGE_VAL);
        if (column.max) column.max = widened(field.type, widened_max(field.type, *column.max), HUGE_VAL);
    }
    return facts;
}

std::optional<std::int64_t> live_rows(const AddFile& add) {
    if (!add.stats) return std::nullopt;
    StatsReader stats;
    if (!nlohmann::json::sax_parse(*add.stats, &stats) || !stats.rows) return std::nullopt;
    return *stats.rows - (add.deletion_vector ? add.deletion_vector->cardinality : 0);
}

std::int64_t known_rows(const std::vector<AddFile>& files) {
    std::int64_t rows = 0;
    for (const auto& file : files) rows += live_rows(file).value_or(0);
    return rows;
}

}  // namespace weir::lake
