#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "declare/context.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weir::declare::Problems problems;
    weir::declare::YamlNode root;
    std::vector<weir::declare::SqlSnippet> snippets;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (!weir::declare::parse_yaml(text, {.file = "f"}, root, problems)) return 0;
    const auto contract = weir::declare::read_contract(root, "f", "fuzzed", problems, snippets);
    // A contract without problems has usable columns.
    if (problems.none()) {
        for (const auto& column : contract.columns) {
            if (column.name.empty()) std::abort();
        }
    }
    return 0;
}
