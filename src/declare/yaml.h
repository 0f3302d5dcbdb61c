// YAML as a small tree that remembers where every key and value stands. A subset: one document, no anchors, aliases,
// merge keys or tags, no duplicate keys. Everything else is reported with its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "declare/problems.h"

namespace weir::declare {

struct YamlEntry;

struct YamlNode {
    enum class Kind { null, scalar, sequence, map };
    enum class Style { plain, quoted, literal, folded };
    Kind kind = Kind::null;
    Style style = Style::plain;          // of a scalar
    std::string text;                    // of a scalar, unescaped
    int line = 1, column = 1;            // of the node; columns count characters, from 1
    int text_line = 1, text_column = 1;  // of a scalar's first character
    bool one_line = true;                // the scalar's text stands in the file as it is, on one line
    std::vector<YamlNode> items;         // of a sequence
    std::vector<YamlEntry> entries;      // of a map, in the order of the file

    // The value of a key, or nothing. A null value counts as a value.
    const YamlNode* find(std::string_view key) const;
    const YamlEntry* entry(std::string_view key) const;
    bool is_map() const { return kind == Kind::map; }
    bool is_sequence() const { return kind == Kind::sequence; }
    bool is_scalar() const { return kind == Kind::scalar; }
    bool is_null() const { return kind == Kind::null; }
};

struct YamlEntry {
    std::string key;
    int line = 1, column = 1;
    YamlNode value;
};

struct YamlText {
    std::string file;      // as shown to the user
    int first_line = 1;    // the file's line on which `text` starts (headers inside other files)
    int first_column = 1;  // the file's column on which it starts
};

// Reports every problem it finds; false if the tree must not be used.
bool parse_yaml(std::string_view text, const YamlText& origin, YamlNode& root, Problems& problems);

// The file's place of a place inside a scalar's text (both count from 1): exact for literal blocks and for scalars on
// one line, the scalar's own place otherwise.
Where place_inside(const YamlNode& scalar, const std::string& file, int line, int column);

// What the node is, for messages: "a map", "a list", "the text 'abc'".
std::string describe(const YamlNode& node);

}  // namespace weir::declare
