#include "declare/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "declare/secret.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

template <class T>
bool parse_whole(std::string_view text, T& value) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// "12.5 ms" → 12.5 and "ms".
bool split_unit(std::string_view text, double& number, std::string& unit) {
    text = trimmed(text);
    const auto digits = text.find_first_not_of("0123456789.");
    const auto split = digits == std::string_view::npos ? text.size() : digits;
    if (!parse_whole(text.substr(0, split), number)) return false;
    unit = lower(trimmed(text.substr(split)));
    return true;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    double number = 0;
    std::string unit;
    if (!split_unit(text, number, unit)) return std::nullopt;
    double factor = 0;
    if (unit == "ms") factor = 1;
    if (unit == "s") factor = 1e3;
    if (unit == "m" || unit == "min") factor = 60e3;
    if (unit == "h") factor = 3600e3;
    if (unit == "d") factor = 86400e3;
    const auto value = number * factor;
    if (factor == 0 || value > 1e15) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(value)));
}

std::optional<std::size_t> parse_bytes(std::string_view text) {
    double number = 0;
    std::string unit;
    if (!split_unit(text, number, unit)) return std::nullopt;
    if (unit.ends_with('b')) unit.pop_back();
    double factor = 0;
    if (unit.empty()) factor = 1;
    if (unit == "k") factor = 1e3;
    if (unit == "m") factor = 1e6;
    if (unit == "g") factor = 1e9;
    if (unit == "t") factor = 1e12;
    if (unit == "ki") factor = 1024.0;
    if (unit == "mi") factor = 1048576.0;
    if (unit == "gi") factor = 1073741824.0;
    if (unit == "ti") factor = 1099511627776.0;
    const auto value = number * factor;
    if (factor == 0 || value > 9e15 || value != std::floor(value)) return std::nullopt;
    return static_cast<std::size_t>(value);
}

OptionReader::OptionReader(const YamlNode& node, const KeySection& section, std::string file, Problems& problems,
                           Fill fill)
    : node_(node), section_(section), file_(std::move(file)), problems_(problems), fill_(std::move(fill)) {
    is_map_ = node.is_map() || node.is_null();
    if (!is_map_)
        problems_.error(where(), fmt::format("a map of keys belongs here, not {}", describe(node)),
                        fmt::format("keys: {}", fmt::join(section.names(), ", ")));
}

bool OptionReader::has(std::string_view key) const {
    const auto* node = node_.find(key);
    return node != nullptr && !node->is_null();
}

Where OptionReader::where() const { return {file_, node_.line, node_.column}; }

Where OptionReader::where(std::string_view key) const {
    const auto* node = node_.find(key);
    return node == nullptr ? where() : Where{file_, node->line, node->column};
}

const YamlNode* OptionReader::take_node(std::string_view key) {
    taken_.emplace_back(key);
    const auto* node = node_.find(key);
    return node == nullptr || node->is_null() ? nullptr : node;
}

const YamlNode* OptionReader::take_map(std::string_view key) {
    const auto* node = take_node(key);
    if (node == nullptr || node->is_map()) return node;
    wrong_type(key, *node, "a map");
    return nullptr;
}

const YamlNode* OptionReader::take_list(std::string_view key) {
    const auto* node = take_node(key);
    if (node == nullptr || node->is_sequence()) return node;
    wrong_type(key, *node, "a list", "write [a, b], or one '- …' a line");
    return nullptr;
}

void OptionReader::ignore(std::initializer_list<std::string_view> keys) {
    for (const auto key : keys) taken_.emplace_back(key);
}

void OptionReader::finish(bool unknown_is_error) {
    if (!is_map_) return;
    for (const auto& spec : section_.keys) {
        if (spec.required && !has(spec.name))
            problems_.error(where(std::string(spec.name)), fmt::format("the key '{}' is missing", spec.name),
                            fmt::format("{}: {}", spec.name, spec.help));
    }
    const auto names = section_.names();
    for (const auto& entry : node_.entries) {
        if (std::find(taken_.begin(), taken_.end(), entry.key) != taken_.end()) continue;
        const auto title =
            section_.path.empty() ? std::string(section_.file) : fmt::format("{} of {}", section_.path, section_.file);
        const Where at{file_, entry.line, entry.column};
        auto message = fmt::format("unknown key '{}' in {}", entry.key, title);
        auto hint = suggest(entry.key, names);
        constexpr std::size_t shown = 14;
        if (hint.empty() && names.size() <= shown) hint = fmt::format("one of: {}", fmt::join(names, ", "));
        if (hint.empty()) hint = "docs/reference/configuration.md lists the keys";
        if (unknown_is_error) {
            problems_.error(at, std::move(message), std::move(hint));
        } else {
            problems_.warning(at, std::move(message), std::move(hint));
        }
    }
}

bool OptionReader::wrong_type(std::string_view key, const YamlNode& node, std::string_view wanted, std::string hint) {
    problems_.error({file_, node.line, node.column},
                    fmt::format("'{}' must be {}, not {}", key, wanted, describe(node)), std::move(hint));
    return false;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, Text& value) {
    if (!node.is_scalar()) return wrong_type(key, node, "a text");
    value.where = {file_, node.line, node.column};
    value.text = node.text;
    if (node.text.find("${") == std::string::npos) return true;
    if (has_secret_reference(node.text)) {
        problems_.error(value.where, fmt::format("a secret reference has no place in '{}'", key),
                        "${env:…} and ${file:…} stand only where a secret is meant; use ${param:NAME} for settings");
        return false;
    }
    if (!fill_) return true;
    auto filled = fill_(node.text, value.where);
    if (!filled) return false;
    value.text = std::move(*filled);
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, std::string& value) {
    Text text;
    if (!read(key, node, text)) return false;
    value = std::move(text.text);
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, bool& value) {
    Text text;
    if (!node.is_scalar()) return wrong_type(key, node, "true or false");
    if (!read(key, node, text)) return false;
    if (text.text == "true" || text.text == "false") {
        value = text.text == "true";
        return true;
    }
    const auto word = lower(text.text);
    std::string hint;
    if (word == "yes" || word == "on" || word == "1" || word == "true") hint = "write true";
    if (word == "no" || word == "off" || word == "0" || word == "false") hint = "write false";
    return wrong_type(key, node, "true or false", std::move(hint));
}

bool OptionReader::read(std::string_view key, const YamlNode& node, std::int64_t& value) {
    Text text;
    if (!node.is_scalar()) return wrong_type(key, node, "a whole number");
    if (!read(key, node, text)) return false;
    return parse_whole(text.text, value) || wrong_type(key, node, "a whole number");
}

bool OptionReader::read(std::string_view key, const YamlNode& node, int& value) {
    std::int64_t wide = 0;
    if (!read(key, node, wide)) return false;
    if (wide < 0 || wide > 1'000'000'000) return wrong_type(key, node, "a number from 0 to 1000000000");
    value = static_cast<int>(wide);
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, double& value) {
    Text text;
    if (!node.is_scalar()) return wrong_type(key, node, "a number");
    if (!read(key, node, text)) return false;
    return (parse_whole(text.text, value) && std::isfinite(value)) || wrong_type(key, node, "a number");
}

bool OptionReader::read(std::string_view key, const YamlNode& node, char& value) {
    Text text;
    if (!read(key, node, text)) return false;
    if (text.text == "\\t" || text.text == "tab") text.text = "\t";
    if (text.text.size() != 1 || static_cast<unsigned char>(text.text[0]) >= 0x80 || text.text == "\n" ||
        text.text == "\r" || text.text == std::string(1, '\0'))
        return wrong_type(key, node, "one ASCII character", "write it in quotes, for example ';' or '\\t'");
    value = text.text[0];
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, Bytes& value) {
    Text text;
    if (!read(key, node, text)) return false;
    const auto count = parse_bytes(text.text);
    if (!count) return wrong_type(key, node, "a size", "for example 64 KB or 16 MiB");
    value.count = *count;
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, std::chrono::milliseconds& value) {
    Text text;
    if (!read(key, node, text)) return false;
    const auto duration = parse_duration(text.text);
    if (!duration) return wrong_type(key, node, "a duration", "for example 500ms, 30s, 5m, 12h or 7d");
    value = *duration;
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, SecretRef& value) {
    const Where at{file_, node.line, node.column};
    if (!node.is_scalar() || !is_secret_reference(node.text)) {
        // The value itself is never shown: it may be the secret.
        problems_.error(at, fmt::format("'{}' is a secret and must not be written here", key),
                        "write ${env:NAME} or ${file:path}, and keep the value there");
        return false;
    }
    value = {node.text, at};
    return true;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, std::vector<Text>& value) {
    if (!node.is_sequence()) return wrong_type(key, node, "a list", "write [a, b], or one '- …' a line");
    bool good = true;
    for (const auto& item : node.items) {
        Text text;
        if (read(key, item, text)) {
            value.push_back(std::move(text));
        } else {
            good = false;
        }
    }
    return good;
}

bool OptionReader::read(std::string_view key, const YamlNode& node, std::vector<std::string>& value) {
    std::vector<Text> texts;
    if (!read(key, node, texts)) return false;
    for (auto& text : texts) value.push_back(std::move(text.text));
    return true;
}

void take_span(OptionReader& reader, std::string_view key, Problems& problems, std::chrono::milliseconds least,
               std::chrono::milliseconds most, std::chrono::milliseconds& span) {
    const auto given = reader.take<std::chrono::milliseconds>(key);
    if (!given) return;
    if (*given < least || *given > most)
        return problems.error(reader.where(key),
                              fmt::format("'{}' must be {}ms to {}ms", key, least.count(), most.count()));
    span = *given;
}

}  // namespace weir::declare
