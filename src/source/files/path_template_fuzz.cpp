// Any text as a path template, and matched against any name.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/files/path_template.h"

using namespace weir::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const auto line = std::min(text.find('\n'), text.size());
    auto made = PathTemplate::compile(text.substr(0, line), {"fuzz", 1, 1});
    if (!made) {
        if (made.error().where.column < 1 || made.error().where.column > static_cast<int>(line) + 2) std::abort();
        return 0;
    }
    const auto name = text.substr(std::min(line + 1, text.size())).substr(0, 255);
    std::vector<std::string> values(made->captures().size());
    for (const auto& part : made->names())
        if (!part.folders) made->match(part, name, values);
    return 0;
}
