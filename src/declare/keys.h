// Every key that a project's files may hold: name, type, default and meaning. The readers hold users to these tables,
// and docs/reference/configuration.md is printed from them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::declare {

struct KeySpec {
    std::string_view name;
    std::string_view type;      // as a person reads it: "text", "yes/no", "one of: a, b"
    std::string_view fallback;  // what an absent key means; empty: nothing
    std::string_view help;
    bool required = false;
};

struct KeySection {
    std::string_view file;  // "weir.yaml", "sources/*.yaml"
    std::string_view path;  // of the map inside the file: "", "csv", "params.NAME"
    std::string_view summary;
    std::vector<KeySpec> keys;

    std::vector<std::string> names() const;
    const KeySpec* find(std::string_view name) const;
};

// All tables, in the order of the manual.
std::span<const KeySection> configuration_keys();
// The table of one map. `file` and `path` must be in the list.
const KeySection& key_section(std::string_view file, std::string_view path = "");

}  // namespace weir::declare
