#include "observe/part_facts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sql/database.h"

namespace weir::observe {
namespace {

using json = nlohmann::ordered_json;

void add(const std::string& part, const std::string& source, const json& members, std::vector<PartFact>& facts) {
    for (const auto& [name, member] : members.items()) {
        PartFact fact{.part = part, .source = source, .fact = name, .value = {}, .text = {}};
        if (member.is_boolean()) {
            fact.value = member.get<bool>() ? 1 : 0;
        } else if (member.is_number()) {
            fact.value = member.get<double>();
        } else if (member.is_string() && name != "source") {
            fact.text = member.get<std::string>();
        } else {
            continue;
        }
        facts.push_back(std::move(fact));
    }
}

}  // namespace

std::vector<PartFact> part_facts(const std::string& board) {
    std::vector<PartFact> facts;
    const auto parts = json::parse(board, nullptr, false);
    if (!parts.is_object()) return facts;
    for (const auto& [part, members] : parts.items()) {
        if (!members.is_object()) continue;
        add(part, "", members, facts);
        const auto sources = members.find("sources");
        if (sources == members.end() || !sources->is_array()) continue;
        for (const auto& source : *sources)
            if (source.is_object()) add(part, source.value("source", ""), source, facts);
    }
    return facts;
}

std::string part_rows(const std::vector<PartFact>& facts) {
    const auto text_or_null = [](const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); };
    std::string rows;
    for (const auto& fact : facts)
        rows += fmt::format("{}({}, {}, {}, {}, {})", rows.empty() ? "" : ", ", sql::quote_text(fact.part),
                            text_or_null(fact.source), sql::quote_text(fact.fact),
                            fact.value ? fmt::format("{}", *fact.value) : "NULL", text_or_null(fact.text));
    return rows;
}

}  // namespace weir::observe
