#include "cli/parts.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "sink/value.h"

namespace weir::cli {

std::span<const PartSpec> parts() {
    static const std::array all{intake_part(), serve_part()};
    return all;
}

void UpContext::note(std::string_view part, const std::string& text) const {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    // Over the status line, where there is one.
    const auto* clear = terminal.error_is_terminal() ? "\r\x1b[K" : "";
    if (!terminal.json()) return terminal.note(fmt::format("{}weir: {}: {}\n", clear, part, text));
    std::string line = fmt::format("{{\"part\": \"{}\", \"note\": ", part);
    sink::append_json_string(text, line);
    terminal.note(line + "}\n");
}

}  // namespace weir::cli
