#include "cli/parts.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "base/clock.h"
#include "sink/value.h"

namespace weir::cli {

std::span<const PartSpec> parts() {
    static const std::array all{speed_part(), intake_part(), batch_part(), alerts_part(), serve_part()};
    return all;
}

Result<std::shared_ptr<orchestrate::RunLock>> UpContext::lock_lake() const {
    if (!shared.lock) {
        WEIR_ASSIGN(auto lock, orchestrate::RunLock::take(opened.lake));
        shared.lock = std::make_shared<orchestrate::RunLock>(std::move(lock));
    }
    return shared.lock;
}

void UpContext::note(std::string_view part, const std::string& text, std::string_view run_id) const {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    // Over the status line.
    if (terminal.error_is_terminal() && !terminal.json())
        return terminal.note(fmt::format("\r\x1b[Kweir: {}: {}\n", part, text));
    std::string line =
        fmt::format("{{\"event\": \"note\", \"at\": \"{}\", \"part\": \"{}\", ", to_iso(SystemClock().now()), part);
    if (!run_id.empty()) line += fmt::format("\"run_id\": \"{}\", ", run_id);
    line += "\"note\": ";
    sink::append_json_string(text, line);
    terminal.note(line + "}\n");
}

std::string last_and_problem(const std::optional<Time>& last, const std::string& problem) {
    std::string json;
    if (last) json += fmt::format(", \"last\": \"{}\"", to_iso(*last));
    if (!problem.empty()) {
        json += ", \"problem\": ";
        sink::append_json_string(problem, json);
    }
    return json;
}

}  // namespace weir::cli
