#include "view/speed/since_published.h"

#include <algorithm>

#include "view/batch/interval_batch.h"
#include "view/batch/refresh.h"

namespace weir::view {

Result<std::optional<Versions>> only_grown_since(const declare::Project& project, PinnedTables& tables,
                                                 const Versions& now, const declare::View& view, const Split& split,
                                                 const PublishedView& published, Day day) {
    const std::optional<Versions> none;
    const auto published_day = parse_day(published.interval);
    if (view.keep != declare::View::Keep::latest || published.code != text_hash(project, view) || !published_day)
        return none;
    if (day != *published_day && looks_at_interval(project, split)) return none;
    const auto bases = base_tables(project, view);
    auto after = versions_of(published.cut, bases);
    for (const auto& name : bases) {
        const auto at = after.find(name);
        if (at == after.end()) return none;
        const auto version = at->second;
        const auto source = std::find_if(project.sources.begin(), project.sources.end(),
                                         [&](const auto& each) { return equal_ignoring_case(each.table, name); });
        if (source == project.sources.end() || version > now.at(name)) return none;
        lake::Changes came;
        if (version != now.at(name)) {
            if (source->reference || version == not_there) return none;
            WEIR_ASSIGN(const auto arrivals, tables.since(name, version));
            if (!arrivals->broken.empty()) return none;
            came = arrivals->changes;
        }
        if (source->reference || version == not_there || day == *published_day) continue;
        // Rows of later days may have been there already, which the published result does not see.
        WEIR_ASSIGN(const auto pinned, tables.existing(name));
        WEIR_ASSIGN(const bool hidden, had_rows_from(*pinned.snapshot, came, std::string(declare::arrival_column),
                                                     weir::to_string(*published_day + std::chrono::days{1})));
        if (hidden) return none;
    }
    return std::optional(std::move(after));
}

}  // namespace weir::view
