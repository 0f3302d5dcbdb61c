#include "serve/read/live_reads.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "serve/read/cut_watermark.h"

namespace weir::serve {
namespace {

// Live results that are kept for cursors; each lies in memory.
constexpr std::size_t kept_max = 64;
// Several requests in such a while share one look at the lake.
constexpr auto look_every = std::chrono::milliseconds(20);

}  // namespace

Result<std::unique_ptr<LiveReads>> LiveReads::open(BatchReads& batch, const declare::Project& project,
                                                   view::SpeedLayer* speed) {
    auto reads = std::unique_ptr<LiveReads>(new LiveReads(batch, project));
    reads->warm_ = speed != nullptr;
    if (speed == nullptr) {
        WEIR_ASSIGN(reads->own_live_, view::LiveViews::open(batch.lake(), batch.database(), project, reads->clock_));
    }
    reads->live_ = speed != nullptr ? &speed->views() : reads->own_live_.get();
    return reads;
}

std::vector<Layer> LiveReads::layers() const {
    return warm_ ? std::vector{Layer::merged, Layer::batch, Layer::speed}
                 : std::vector{Layer::batch, Layer::merged, Layer::speed};
}

std::shared_ptr<const std::vector<CatalogueEntry>> LiveReads::catalogue() const {
    auto published = batch_.catalogue();
    if (!warm_) return published;
    auto entries = std::make_shared<std::vector<CatalogueEntry>>(*published);
    for (auto& entry : *entries) entry.has_result = true;
    return entries;
}

Result<std::shared_ptr<const Pinned>> LiveReads::pin(const std::string& view, const Wanted& wanted) {
    if (wanted.layer == Layer::batch) return batch_.pin(view, wanted);
    if (wanted.known_at || wanted.as_of)
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("the {} layer is as of now", to_string(wanted.layer)),
                     .hint = "leave out known_at and as_of, or ask for layer=batch"};
    if (wanted.version.empty()) return newest(view, wanted.layer);
    const std::lock_guard lock(mutex_);
    const auto known = pinned_.find(view + "\n" + wanted.version);
    if (known != pinned_.end()) return known->second;
    return Error{.code = ErrorCode::offsets_gone,
                 .message = fmt::format("this live result of view {} is not kept any more", view),
                 .hint = "begin again without a cursor, or ask for layer=batch, whose pages hold for long"};
}

Result<std::shared_ptr<const Pinned>> LiveReads::newest(const std::string& view, Layer layer) {
    if (!batch_.is_served(view))
        return Error{.code = ErrorCode::not_found, .message = fmt::format("view {} has no result", view)};
    const auto now = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        const auto known = present_.find({view, layer});
        if (known != present_.end() && now - known->second.looked < look_every) return known->second.pinned;
    }
    WEIR_ASSIGN(const auto moment, layer == Layer::speed ? live_->read_newest(view) : live_->read({view}));
    const auto found = moment.views.find(view);
    if (found == moment.views.end())
        return Error{.code = ErrorCode::not_found, .message = fmt::format("view {} has no live result", view)};
    const auto& live = found->second;
    const auto version = fmt::format("{}-{}", to_string(layer), sha256_hex(live.made_from).substr(0, 24));
    const auto name = view + "\n" + version;
    nlohmann::json cut = nlohmann::json::object();
    for (const auto& table : batch_.base_tables_of(view))
        if (const auto at = moment.versions.find(table); at != moment.versions.end() && at->second != view::not_there)
            cut[table] = at->second;
    auto pinned = std::make_shared<Pinned>();
    pinned->view = view;
    pinned->version = version;
    pinned->relation = live.table->relation();
    pinned->held = live.table;
    pinned->from = {.layer = layer,
                    .publication = moment.publication,
                    .published_at = moment.taken,
                    .interval = weir::to_string(live.day),
                    .cut = cut.dump()};
    WEIR_ASSIGN(auto connection, batch_.database().connect());
    WEIR_ASSIGN(pinned->from.watermark,
                CutWatermark(project_, connection, moment.taken).of(batch_.base_tables_of(view), *moment.tables));
    WEIR_ASSIGN(pinned->schema, connection.schema_of("SELECT * FROM " + pinned->relation));
    const std::lock_guard lock(mutex_);
    if (!pinned_.contains(name)) order_.push_back(name);
    pinned_[name] = pinned;
    present_[{view, layer}] = {pinned, now};
    while (order_.size() > kept_max) {
        pinned_.erase(order_.front());
        order_.pop_front();
    }
    return std::shared_ptr<const Pinned>(std::move(pinned));
}

}  // namespace weir::serve
