// A publication as a serving store takes it, and one load of it for who runs without serving.
#pragma once

#include <atomic>
#include <memory>

#include "serve/api/key_answer.h"
#include "serve/read/batch_reads.h"
#include "serve/store/serving_store.h"

namespace weir::serve {

// Whether every served view goes into the store, for others to read, and not only those that are looked up by key.
bool holds_all_views(const declare::Serve& settings);

// The served views whose rows have keys.
KeyAnswers::Specs key_specs(const declare::Project& project);

// How the PostgreSQL of a project is reached. Fails with secret_missing.
Result<std::string> postgres_connection_of(const declare::Project& project);

// The store of a project that has it in PostgreSQL; does not connect yet. Fails with secret_missing.
Result<std::unique_ptr<ServingStore>> open_postgres_of(const declare::Project& project, const std::atomic<bool>& stop);

// What of the newest publication goes into the store.
Result<Load> load_of(BatchReads& reads, const declare::Serve& settings, const KeyAnswers::Specs& specs);

struct StoreLoaded {
    std::int64_t publication = 0;
    std::size_t views = 0;
};
// Brings the newest publication of the project's lake into its PostgreSQL store; what is there already stays as it is.
Result<StoreLoaded> load_postgres(const declare::Project& project);

}  // namespace weir::serve
