#include "serve/alerts/alert_message.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/sha256.h"

namespace weir::serve {
namespace {

using nlohmann::ordered_json;
using observe::AlertState;

ordered_json time_or_null(const std::optional<Time>& time) { return time ? ordered_json(to_iso(*time)) : nullptr; }

ordered_json object_of(const std::string& text) {
    auto object = ordered_json::parse(text, nullptr, false);
    return object.is_discarded() ? ordered_json::object() : object;
}

}  // namespace

std::string alert_sentence(std::string_view alert, std::string_view severity, const observe::AlertNotice& notice) {
    const auto state = notice.instance.state == AlertState::resolved ? "resolved"
                       : notice.again                                ? "still firing"
                                                                     : "firing";
    // What was wrong is told as past: the row that said it is not there any more.
    const auto* was = notice.instance.state == AlertState::resolved ? "it was: " : "";
    return fmt::format("[{}] {}: {}: {}{}", severity, state, alert, was, notice.instance.row.message);
}

std::string alert_message(std::string_view project, std::string_view alert, std::string_view severity,
                          const observe::AlertNotice& notice, Time now) {
    const auto& instance = notice.instance;
    const auto key = fmt::format("{}/{}{}", project, alert, instance.row.key);
    const auto state = to_string(instance.state);
    const ordered_json message{
        {"id", sha256_hex(fmt::format("{} {} {}", key, state, now.time_since_epoch().count())).substr(0, 32)},
        {"project", project},
        {"alert", alert},
        {"severity", severity},
        {"state", state},
        {"again", notice.again},
        {"key", key},
        {"text", alert_sentence(alert, severity, notice)},
        {"message", instance.row.message},
        {"instance", object_of(instance.row.key)},
        {"details", object_of(instance.row.values)},
        {"since", to_iso(instance.since)},
        {"fired_at", time_or_null(instance.fired_at)},
        {"resolved_at", time_or_null(instance.resolved_at)},
        {"at", to_iso(now)}};
    return message.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace weir::serve
