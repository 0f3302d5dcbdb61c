// Any bytes as a commit: parsed or refused, and what was parsed is printed so that it parses to the same.
#include <cstdlib>

#include "lake/log/actions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view content(reinterpret_cast<const char*>(data), size);
    const auto actions = weir::lake::parse_commit(content, "fuzz.json");
    if (!actions) return 0;
    for (const auto& action : *actions) {
        const auto line = weir::lake::print_action(action);
        const auto again = weir::lake::parse_action(line);
        if (!again || !*again) std::abort();
        if (weir::lake::print_action(**again) != line) std::abort();
    }
    return 0;
}
