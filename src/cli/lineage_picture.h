// What a view rests on, as a picture: tables on the left, states between, the view on the right.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

namespace weir::cli {

struct Lineage {
    enum class Kind { table, state };
    std::string view;
    std::map<std::string, Kind> parts;
    std::set<std::pair<std::string, std::string>> edges;  // from, to
};

std::string to_dot(const Lineage& lineage);
std::string to_svg(const Lineage& lineage);

}  // namespace weir::cli
