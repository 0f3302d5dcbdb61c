#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "declare/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weir::declare::Problems problems;
    weir::declare::YamlNode root;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (weir::declare::parse_yaml(text, {.file = "f"}, root, problems) != problems.none()) std::abort();
    return 0;
}
