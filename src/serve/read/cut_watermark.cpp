#include "serve/read/cut_watermark.h"

#include <algorithm>

#include "observe/watermarks.h"

namespace weir::serve {

Result<std::optional<Time>> CutWatermark::of(const std::set<std::string>& tables, view::PinnedTables& pinned) {
    std::optional<Time> least;
    for (const auto& source : project_->sources) {
        if (!source.event_time || !tables.contains(source.table)) continue;
        WEIR_ASSIGN(const auto table, pinned.table(source.table));
        if (!table.snapshot) return std::optional<Time>();
        const std::pair key(source.name, table.snapshot->version().get());
        auto known = known_.find(key);
        if (known == known_.end()) {
            WEIR_ASSIGN(const auto found,
                        observe::watermark_at(*table.snapshot, *connection_, *project_, source, now_));
            known = known_.emplace(key, found.watermark).first;
        }
        if (!known->second) return std::optional<Time>();
        least = least ? std::min(*least, *known->second) : *known->second;
    }
    return least;
}

}  // namespace weir::serve
