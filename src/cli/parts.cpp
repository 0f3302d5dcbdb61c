#include "cli/parts.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "sink/value.h"

namespace weir::cli {

std::span<const PartSpec> parts() {
    static const std::array all{serve_part()};
    return all;
}

void UpContext::note(std::string_view part, const std::string& text) const {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (!terminal.json()) return terminal.note(fmt::format("weir: {}: {}\n", part, text));
    std::string line = fmt::format("{{\"part\": \"{}\", \"note\": ", part);
    sink::append_json_string(text, line);
    terminal.note(line + "}\n");
}

}  // namespace weir::cli
