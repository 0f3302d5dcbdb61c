#include "cli/due.h"

#include <fmt/format.h>

#include <map>

#include "cli/table.h"
#include "observe/progress.h"

namespace weir::cli {

using nlohmann::json;
using orchestrate::Due;

json to_json_value(const orchestrate::Plan& plan) {
    json sources = json::array(), views = json::array();
    for (const auto& source : plan.sources) {
        json days = json::array();
        for (const auto day : source.days()) days.push_back(to_string(day));
        sources.push_back({{"source", source.source->name},
                           {"table", source.source->table},
                           {"files_new", source.files_new()},
                           {"files_grown", source.grown},
                           {"files_changed", source.changed.size()},
                           {"messages", source.messages},
                           {"files_unchanged", source.unchanged},
                           {"files_outside", source.outside},
                           {"bytes", source.bytes},
                           {"intervals", std::move(days)}});
    }
    for (const auto& view : plan.views)
        views.push_back({{"view", view.view->name},
                         {"interval", to_string(view.day)},
                         {"due", view.due != Due::up_to_date},
                         {"reason", orchestrate::to_string(view.due)}});
    return {{"sources", std::move(sources)}, {"views", std::move(views)}};
}

std::string days_text(const std::set<Day>& days) {
    if (days.empty()) return "";
    if (days.size() == 1) return to_string(*days.begin());
    return fmt::format("{} days, {} to {}", days.size(), to_string(*days.begin()), to_string(*days.rbegin()));
}

Status print_due(const orchestrate::Plan& plan, Terminal& terminal) {
    struct DueView {
        const declare::View* view;
        std::set<Day> days;
        std::set<Due> reasons;
    };
    std::vector<DueView> views;
    for (const auto& planned : plan.views) {
        if (planned.due == Due::up_to_date) continue;
        auto found =
            std::find_if(views.begin(), views.end(), [&](const DueView& due) { return due.view == planned.view; });
        if (found == views.end()) found = views.insert(views.end(), DueView{planned.view, {}, {}});
        found->days.insert(planned.day);
        found->reasons.insert(planned.due);
    }
    const bool nothing_to_take = std::all_of(plan.sources.begin(), plan.sources.end(), [](const auto& source) {
        return source.take.empty() && source.messages == 0;
    });
    if (views.empty() && nothing_to_take) return terminal.write("nothing: all results are up to date\n");
    Table table(terminal, {{"what"}, {"intervals"}, {"why"}});
    for (const auto& source : plan.sources) {
        if (source.messages > 0)
            WEIR_TRY(
                table.add({source.source->name, days_text(source.days()),
                           fmt::format("{} message{} to take", source.messages, source.messages == 1 ? "" : "s")}));
        if (source.take.empty()) continue;
        const auto files = source.take.size();
        WEIR_TRY(table.add(
            {source.source->name, days_text(source.days()),
             fmt::format("{} file{} to take, {}", files, files == 1 ? "" : "s", observe::bytes_text(source.bytes))}));
    }
    for (const auto& due : views) {
        std::string why;
        for (const auto reason : due.reasons) why += (why.empty() ? "" : "; ") + std::string(to_string(reason));
        WEIR_TRY(table.add({due.view->name, days_text(due.days), why}));
    }
    return table.end();
}

}  // namespace weir::cli
