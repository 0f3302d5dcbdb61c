// Any bytes as a JSON record and as a JSON array: what the record parser takes, nlohmann's parser takes, and the
// reverse.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "source/columns/json_record.h"
#include "source/records/json_array.h"

using namespace weir::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(bytes), size);
    static const JsonKeys keys({"id", "name", "a"});
    JsonRecordParser parser(keys);
    std::vector<JsonMember> members;
    const bool taken = parser.parse(text.data(), 0, text.size(), members) == JsonRecordParser::Outcome::parsed;
    if (taken) {
        for (const auto& member : members) {
            if (member.value.begin + member.value.length() > text.size()) std::abort();
            std::string unescaped;
            if (member.value.kind() == Kind::json_escaped)
                json_unescape({text.data() + member.value.begin, member.value.length()}, unescaped);
        }
    }
    // Where bytes are UTF-8 and no escape is half a pair, the two parsers agree.
    if (text.find("\\u") == std::string::npos && text.find('\0') == std::string::npos &&
        simdjson::validate_utf8(text.data(), text.size()) && !text.starts_with("\xEF\xBB\xBF") && size < 500) {
        const auto other = nlohmann::json::parse(text, nullptr, false);
        if ((!other.is_discarded() && other.is_object()) != taken) std::abort();
    }
    const auto scan_all = [&](std::size_t step) {
        JsonArraySplitter splitter;
        std::vector<std::string> elements;
        std::size_t from = 0;
        for (std::size_t to = std::min(step, size);; to = std::min(to + step, size)) {
            const bool final = to == size;
            const auto scan = splitter.scan(std::string_view(text).substr(from, to - from), final);
            for (const auto& e : scan.elements) elements.push_back(text.substr(from + e.begin, e.end - e.begin));
            if (!scan.problem.empty()) return elements;
            from += scan.consumed;
            if (final) return elements;
        }
    };
    if (scan_all(size + 1) != scan_all(7)) std::abort();
    return 0;
}
