#include "orchestrate/due.h"

#include <algorithm>

namespace weir::orchestrate {

std::string to_string(const Fingerprint& fingerprint) {
    const auto known = fingerprint.text + ":" + fingerprint.inputs;
    return fingerprint.restores == 0 ? known : known + ":" + std::to_string(fingerprint.restores);
}

std::string_view to_string(Due due) {
    switch (due) {
        case Due::up_to_date: return "up to date";
        case Due::never_computed: return "never computed";
        case Due::text_changed: return "its text, a macro or a parameter changed";
        case Due::inputs_changed: return "its inputs changed";
        case Due::restored: return "its table was restored to an earlier version";
    }
    return "";
}

Due judge_result(std::string_view known, const Fingerprint& now) {
    if (known.empty()) return Due::never_computed;
    const auto colon = known.find(':');
    if (known.substr(0, colon) != now.text) return Due::text_changed;
    const auto inputs = colon == std::string_view::npos ? std::string_view() : known.substr(colon + 1);
    if (inputs.substr(0, inputs.find(':')) != now.inputs) return Due::inputs_changed;
    return known == to_string(now) ? Due::up_to_date : Due::restored;
}

std::vector<Day> result_days(declare::View::Keep keep, const std::optional<Interval>& requested,
                             const std::set<Day>& days_with_data, const std::set<Day>& days_with_result, Day fallback) {
    std::vector<Day> days;
    if (requested) {
        for (Day day = requested->from; day < requested->to; day += std::chrono::days{1}) days.push_back(day);
    } else {
        std::set_union(days_with_data.begin(), days_with_data.end(), days_with_result.begin(), days_with_result.end(),
                       std::back_inserter(days));
        if (days.empty()) days.push_back(fallback);
    }
    if (keep == declare::View::Keep::every_interval) return days;
    // The present state is never replaced by that of an earlier day: a backfill of an old day corrects it as of its
    // last day.
    Day last = days.back();
    if (!days_with_data.empty()) last = std::max(last, *days_with_data.rbegin());
    if (!days_with_result.empty()) last = std::max(last, *days_with_result.rbegin());
    return {last};
}

}  // namespace weir::orchestrate
