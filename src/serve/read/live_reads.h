// Published results, and beside them the same views up to the newest commits: layer=merged; and over what came in since
// alone: layer=speed.
//
// A live result lies in memory. It is kept for a while, so that cursors over it can be followed; then they are gone.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>

#include "serve/read/batch_reads.h"
#include "view/speed/speed_layer.h"

namespace weir::serve {

class LiveReads final : public Reads {
public:
    // `project` must outlive the reads. `batch` reads a database of view::open_database(), that of `speed` where it is
    // given: then what came in is in the states already when it is asked for, and the merged layer is the first one.
    static Result<std::unique_ptr<LiveReads>> open(BatchReads& batch, const declare::Project& project,
                                                   view::SpeedLayer* speed);

    std::vector<Layer> layers() const override;
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue() const override;
    Result<std::shared_ptr<const Pinned>> pin(const std::string& view, const Wanted& wanted) override;
    sql::Database& database() override { return batch_.database(); }

private:
    struct Present {
        std::shared_ptr<const Pinned> pinned;
        std::chrono::steady_clock::time_point looked;
    };
    LiveReads(BatchReads& batch, const declare::Project& project) : batch_(batch), project_(project) {}
    Result<std::shared_ptr<const Pinned>> newest(const std::string& view, Layer layer);

    BatchReads& batch_;
    const declare::Project& project_;
    SystemClock clock_;
    bool warm_ = false;  // a speed layer runs
    std::unique_ptr<view::LiveViews> own_live_;
    view::LiveViews* live_ = nullptr;
    std::mutex mutex_;
    std::map<std::pair<std::string, Layer>, Present> present_;     // by view
    std::map<std::string, std::shared_ptr<const Pinned>> pinned_;  // by view and version
    std::deque<std::string> order_;                                // of pinned_, oldest first
};

}  // namespace weir::serve
