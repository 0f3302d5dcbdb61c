// Typed reading of one YAML map against its table of keys. Keys are taken; what nobody took is an unknown key.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "declare/keys.h"
#include "declare/problems.h"
#include "declare/yaml.h"

namespace weir::declare {

// A text and the place where it was written.
struct Text {
    std::string text;
    Where where;
};

// Where a secret comes from: "${env:NAME}" or "${file:path}". Never its value.
struct SecretRef {
    std::string reference;
    Where where;
};

struct Bytes {
    std::size_t count = 0;
};

// "250ms", "30s", "5m", "12h", "7d".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "512", "64KB", "1 GiB"; k, m, g, t are powers of 1000, ki, mi, gi, ti powers of 1024.
std::optional<std::size_t> parse_bytes(std::string_view text);

class OptionReader {
public:
    // Fills in references such as ${param:NAME}; reports what it cannot and returns nothing then.
    using Fill = std::function<std::optional<std::string>(const std::string& text, const Where& where)>;

    // `node` must outlive the reader. A node that is not a map is reported (null reads as an empty map).
    OptionReader(const YamlNode& node, const KeySection& section, std::string file, Problems& problems, Fill fill = {});

    bool has(std::string_view key) const;
    // The place of the key's value, or of the map.
    Where where(std::string_view key) const;
    Where where() const;
    const std::string& file() const { return file_; }

    // The value, or nothing if the key is absent or its value was reported. T: std::string, Text, bool, int,
    // std::int64_t, double, char, Bytes, std::chrono::milliseconds, SecretRef, std::vector<std::string>,
    // std::vector<Text>.
    template <class T>
    std::optional<T> take(std::string_view key) {
        const auto* node = take_node(key);
        if (node == nullptr) return std::nullopt;
        T value{};
        if (!read(key, *node, value)) return std::nullopt;
        return value;
    }
    template <class T>
    T take_or(std::string_view key, T fallback) {
        auto value = take<T>(key);
        return value ? std::move(*value) : std::move(fallback);
    }
    // One of a few words; anything else is reported with the nearest of them.
    template <class E>
    std::optional<E> take_choice(std::string_view key, std::span<const std::pair<std::string_view, E>> choices) {
        const auto word = take<Text>(key);
        if (!word) return std::nullopt;
        std::vector<std::string> names;
        for (const auto& [name, value] : choices) {
            if (name == word->text) return value;
            names.emplace_back(name);
        }
        problems_.error(word->where, fmt::format("'{}' is not a value of '{}'", word->text, key),
                        suggest(word->text, names));
        return std::nullopt;
    }
    // The raw value, for nested maps and lists; null counts as absent.
    const YamlNode* take_node(std::string_view key);
    // As take_node, and reports anything that is not a map or not a list.
    const YamlNode* take_map(std::string_view key);
    const YamlNode* take_list(std::string_view key);
    // Takes and ignores keys.
    void ignore(std::initializer_list<std::string_view> keys);

    // Reports missing required keys and keys that nobody took. `unknown_is_error` false: only a warning.
    void finish(bool unknown_is_error = true);

private:
    bool read(std::string_view key, const YamlNode& node, Text& value);
    bool read(std::string_view key, const YamlNode& node, std::string& value);
    bool read(std::string_view key, const YamlNode& node, bool& value);
    bool read(std::string_view key, const YamlNode& node, int& value);
    bool read(std::string_view key, const YamlNode& node, std::int64_t& value);
    bool read(std::string_view key, const YamlNode& node, double& value);
    bool read(std::string_view key, const YamlNode& node, char& value);
    bool read(std::string_view key, const YamlNode& node, Bytes& value);
    bool read(std::string_view key, const YamlNode& node, std::chrono::milliseconds& value);
    bool read(std::string_view key, const YamlNode& node, SecretRef& value);
    bool read(std::string_view key, const YamlNode& node, std::vector<Text>& value);
    bool read(std::string_view key, const YamlNode& node, std::vector<std::string>& value);
    bool wrong_type(std::string_view key, const YamlNode& node, std::string_view wanted, std::string hint = {});

    const YamlNode& node_;
    const KeySection& section_;
    std::string file_;
    Problems& problems_;
    Fill fill_;
    std::vector<std::string> taken_;
    bool is_map_ = true;
};

// Takes a duration from `least` to `most` into `span`, which stays as it is where the key is absent or its value was
// reported.
void take_span(OptionReader& reader, std::string_view key, Problems& problems, std::chrono::milliseconds least,
               std::chrono::milliseconds most, std::chrono::milliseconds& span);

}  // namespace weir::declare
