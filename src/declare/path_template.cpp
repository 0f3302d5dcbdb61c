#include "declare/path_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/nearest.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

struct Slot {
    std::string name;
    std::string type;
};

std::vector<Slot> slots_of(std::string_view files) {
    std::vector<Slot> slots;
    for (;;) {
        const auto open = files.find('{');
        const auto close = files.find('}', open == std::string_view::npos ? 0 : open);
        if (open == std::string_view::npos || close == std::string_view::npos) return slots;
        const auto inside = files.substr(open + 1, close - open - 1);
        const auto colon = inside.find(':');
        slots.push_back({std::string(inside.substr(0, colon)),
                         colon == std::string_view::npos ? "" : std::string(inside.substr(colon + 1))});
        files.remove_prefix(close + 1);
    }
}

bool is_arrival(const std::string& name) {
    return name == "year" || name == "month" || name == "day" || name == "date";
}

}  // namespace

std::vector<Field> path_columns(std::string_view files) {
    std::vector<Field> fields;
    for (const auto& slot : slots_of(files)) {
        if (is_arrival(slot.name)) continue;
        auto kind = Type::Kind::string;
        if (slot.type == "int") kind = Type::Kind::int64;
        if (slot.type == "date") kind = Type::Kind::date;
        fields.push_back({.name = slot.name, .type = Type::of(kind)});
    }
    return fields;
}

bool has_arrival_date(std::string_view files) {
    std::set<std::string> names;
    for (const auto& slot : slots_of(files)) names.insert(slot.name);
    return names.contains("date") || (names.contains("year") && names.contains("month") && names.contains("day"));
}

void check_path_template(std::string_view files, const Where& where, Problems& problems) {
    int depth = 0;
    for (const char c : files) {
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (depth < 0 || depth > 1) break;
    }
    if (depth != 0) {
        problems.error(where, fmt::format("the braces in '{}' do not match", files),
                       "a template's name is written {name}");
        return;
    }
    static const std::vector<std::string> types{"int", "text", "date"};
    std::set<std::string> names;
    for (const auto& slot : slots_of(files)) {
        if (!is_plain_name(slot.name))
            problems.error(where, fmt::format("'{{{}}}' in the path is no name", slot.name),
                           "use letters, digits and underscores: {user_id} or {user_id:int}");
        if (!slot.type.empty() && std::find(types.begin(), types.end(), slot.type) == types.end())
            problems.error(where, fmt::format("'{}' is no type of a name in a path", slot.type),
                           suggest(slot.type, types));
        if (!names.insert(slot.name).second)
            problems.error(where, fmt::format("the name '{}' stands twice in the path", slot.name));
    }
}

}  // namespace weir::declare
