#include "orchestrate/view_groups.h"

#include <algorithm>
#include <map>

namespace weir::orchestrate {

std::vector<std::vector<const declare::View*>> view_groups(const declare::Project& project) {
    std::map<std::string, std::string> leader;  // a view leads to another of its group; the last one leads to itself
    const auto leader_of = [&](std::string name) {
        while (leader.at(name) != name) name = leader.at(name);
        return name;
    };
    for (const auto& view : project.views) leader.emplace(view.name, view.name);
    for (const auto& view : project.views) {
        for (const auto& read : view.reads)
            if (const auto* other = project.view(read)) leader[leader_of(other->name)] = leader_of(view.name);
    }
    std::map<std::string, std::vector<const declare::View*>> by_leader;
    for (const auto& view : project.views) by_leader[leader_of(view.name)].push_back(&view);
    std::vector<std::vector<const declare::View*>> groups;
    groups.reserve(by_leader.size());
    for (auto& [name, group] : by_leader) groups.push_back(std::move(group));
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
    return groups;
}

}  // namespace weir::orchestrate
