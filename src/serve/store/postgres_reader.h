// Look-ups by key in the tables of a PostgreSQL store.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "serve/store/postgres_tables.h"

namespace weir::serve::postgres {

// What the store and its readers share.
struct Shared {
    Options options;
    std::string schema;
    const std::atomic<bool>* stop = nullptr;
    std::atomic<bool> up{false};
    std::atomic<std::uint64_t> moves{1};  // loads of this process, also those that failed: what readers know may be old
    std::mutex mutex;
    std::shared_ptr<const Shapes> shapes = std::make_shared<const Shapes>();  // guarded by mutex

    bool is_stopping() const { return stop != nullptr && stop->load(); }
    std::shared_ptr<const Shapes> known_shapes() {
        const std::lock_guard lock(mutex);
        return shapes;
    }
};

// Connects when it is first asked, if the store is up.
std::unique_ptr<StoreReader> make_reader(std::shared_ptr<Shared> shared);

}  // namespace weir::serve::postgres
