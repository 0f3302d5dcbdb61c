#include "observe/part_facts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sql/database.h"

namespace weir::observe {
namespace {

using json = nlohmann::ordered_json;

// A fact of `about`, which has all but the name and the value.
void add(PartFact about, const std::string& name, const json& member, std::vector<PartFact>& facts) {
    about.fact += name;
    if (member.is_boolean()) {
        about.value = member.get<bool>() ? 1 : 0;
    } else if (member.is_number()) {
        about.value = member.get<double>();
    } else if (member.is_string()) {
        about.text = member.get<std::string>();
    } else if (member.is_object()) {
        about.fact += "_";
        for (const auto& [inner, value] : member.items()) add(about, inner, value, facts);
        return;
    } else {
        return;
    }
    facts.push_back(std::move(about));
}

void add_all(const PartFact& about, const json& members, std::string_view but, std::vector<PartFact>& facts) {
    for (const auto& [name, member] : members.items())
        if (name != but) add(about, name, member, facts);
}

// The objects of an array that say `key`, if that is what the member is.
std::vector<json> objects_of(const json& members, const std::string& name, const std::string& key) {
    std::vector<json> objects;
    const auto found = members.find(name);
    if (found == members.end() || !found->is_array()) return objects;
    for (const auto& one : *found)
        if (one.is_object() && one.contains(key)) objects.push_back(one);
    return objects;
}

}  // namespace

std::vector<PartFact> part_facts(const std::string& board) {
    std::vector<PartFact> facts;
    const auto parts = json::parse(board, nullptr, false);
    if (!parts.is_object()) return facts;
    for (const auto& [part, members] : parts.items()) {
        if (!members.is_object()) continue;
        add_all({.part = part}, members, "", facts);
        for (const auto& source : objects_of(members, "sources", "source")) {
            PartFact about{.part = part, .source = source.value("source", "")};
            add_all(about, source, "source", facts);
            for (const auto& partition : objects_of(source, "partitions", "partition")) {
                about.partition = partition.value("partition", std::int64_t{0});
                about.fact = "partition_";
                add_all(about, partition, "partition", facts);
            }
        }
    }
    return facts;
}

std::string part_rows(const std::vector<PartFact>& facts) {
    const auto text_or_null = [](const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); };
    std::string rows;
    for (const auto& fact : facts)
        rows += fmt::format("{}({}, {}, {}, {}, {}, {})", rows.empty() ? "" : ", ", sql::quote_text(fact.part),
                            text_or_null(fact.source), fact.partition ? std::to_string(*fact.partition) : "NULL",
                            sql::quote_text(fact.fact), fact.value ? fmt::format("{}", *fact.value) : "NULL",
                            text_or_null(fact.text));
    return rows;
}

}  // namespace weir::observe
