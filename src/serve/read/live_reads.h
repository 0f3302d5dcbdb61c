// Published results, and beside them the same views up to the newest commits: layer=merged.
//
// A live result lies in memory. It is kept for a while, so that cursors over it can be followed; then they are gone.
#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "serve/read/batch_reads.h"
#include "view/speed/live_views.h"

namespace weir::serve {

class LiveReads final : public Reads {
public:
    // `project` must outlive the reads. `batch` reads a database of view::open_database().
    static Result<std::unique_ptr<LiveReads>> open(BatchReads& batch, const declare::Project& project);

    std::vector<Layer> layers() const override { return {Layer::batch, Layer::merged}; }
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue() const override { return batch_.catalogue(); }
    Result<std::shared_ptr<const Pinned>> pin(const std::string& view, const Wanted& wanted) override;
    sql::Database& database() override { return batch_.database(); }

private:
    explicit LiveReads(BatchReads& batch) : batch_(batch) {}
    Result<std::shared_ptr<const Pinned>> newest(const std::string& view);

    BatchReads& batch_;
    SystemClock clock_;
    std::unique_ptr<view::LiveViews> live_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const Pinned>> pinned_;  // by view and version
    std::deque<std::string> order_;                                // of pinned_, oldest first
};

}  // namespace weir::serve
