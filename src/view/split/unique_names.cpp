#include "view/split/unique_names.h"

namespace weir::view {
namespace {

using Seen = std::map<std::string, std::string>;  // a name as it is written, lower case -> what it became

// Each name of a WITH is known to those after it and to the query; its own body knows it if it is recursive.
class Renaming {
public:
    explicit Renaming(bool only_look) : only_look_(only_look) {}

    void query(Tree& tree, const Seen& outer) {
        auto seen = outer;
        if (tree.contains("cte_map") && tree["cte_map"].contains("map")) {
            for (auto& entry : tree["cte_map"]["map"]) {
                const auto old_name = text_of(entry, "key");
                auto& body = entry["value"]["query"]["node"];
                const auto name = only_look_ ? old_name : unique(old_name);
                auto inside = seen;
                if (is_type(body, "RECURSIVE_CTE_NODE")) {
                    inside[lowered(old_name)] = name;
                    body["cte_name"] = name;
                }
                query(body, inside);
                entry["key"] = name;
                seen[lowered(old_name)] = name;
            }
        }
        for (auto& [key, part] : tree.items()) {
            if (key == "cte_map" || !part.is_structured()) continue;
            each_part(part, [&](Tree& each) {
                if (each.contains("cte_map")) {
                    query(each, seen);
                    return false;
                }
                if (is_type(each, "BASE_TABLE")) table(each, seen);
                return true;
            });
        }
    }

    // Names that mean tables, then all names given.
    std::set<std::string> taken;

private:
    void table(Tree& from, const Seen& seen) {
        const auto schema = lowered(text_of(from, "schema_name"));
        const auto old_name = text_of(from, "table_name");
        // The rows so far of a recursive query with USING KEY.
        if (!schema.empty() && schema != "recurring") return;
        const auto found = seen.find(lowered(old_name));
        if (found == seen.end()) {
            taken.insert(lowered(old_name));
        } else if (lowered(found->second) != lowered(old_name)) {
            from["table_name"] = found->second;
            if (text_of(from, "alias").empty()) from["alias"] = old_name;
        }
    }

    std::string unique(const std::string& name) {
        auto candidate = name;
        for (int number = 2; !taken.insert(lowered(candidate)).second; ++number)
            candidate = name + "_" + std::to_string(number);
        return candidate;
    }

    bool only_look_;
};

}  // namespace

void make_names_unique(Tree& query) {
    Renaming look(true);
    look.query(query, {});
    Renaming rename(false);
    rename.taken = std::move(look.taken);
    rename.query(query, {});
}

}  // namespace weir::view
