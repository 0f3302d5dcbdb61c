#include "view/speed/speed_layer.h"

#include "base/thread_name.h"
#include "base/without_exceptions.h"
#include "view/batch/interval_batch.h"

namespace weir::view {
namespace {

// Commits of other processes are seen after this.
constexpr auto look_every = std::chrono::milliseconds(200);

}  // namespace

Result<std::unique_ptr<SpeedLayer>> SpeedLayer::start(const declare::Project& project,
                                                      std::function<void(const Error&)> note) {
    WEIR_ASSIGN(auto database, open_database(project, Access::look));
    std::unique_ptr<SpeedLayer> layer(new SpeedLayer(std::move(database), std::move(note)));
    WEIR_ASSIGN(layer->lake_, lake::Lake::open(project.lake.string(), layer->database_));
    WEIR_ASSIGN(layer->views_, LiveViews::open(*layer->lake_, layer->database_, project, layer->clock_));
    layer->thread_ = std::thread([raw = layer.get()] { raw->run(); });
    return layer;
}

void SpeedLayer::run() {
    name_thread("speed");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        wake_.wait_for(lock, look_every, [this] { return stopping_ || poked_; });
        if (stopping_) return;
        poked_ = false;
        lock.unlock();
        const auto begin = std::chrono::steady_clock::now();
        const auto taken = without_exceptions([this] { return views_->take_in(); });
        const auto took = std::chrono::steady_clock::now() - begin;
        const auto problem = taken ? std::string() : to_string(taken.error());
        const bool is_new = taken && *taken;
        const auto sizes = is_new ? views_->state_sizes() : StateSizes{};
        lock.lock();
        // The same failure is told once.
        const bool told = problem == status_.problem;
        status_.problem = problem;
        if (is_new) {
            status_.states = sizes;
            ++status_.taken_in;
            status_.last = clock_.now();
            status_.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
        }
        if (told || taken) continue;
        lock.unlock();
        note_(taken.error());
        lock.lock();
    }
}

void SpeedLayer::poke() {
    {
        const std::lock_guard lock(mutex_);
        poked_ = true;
    }
    wake_.notify_one();
}

void SpeedLayer::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

SpeedLayer::~SpeedLayer() { stop(); }

SpeedStatus SpeedLayer::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

}  // namespace weir::view
