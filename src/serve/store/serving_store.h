// Rows by their key, of one publication at a time: an index that is made when a result is published, so that a look-up
// costs the same however long the view is.
//
//   published ──► load: one transaction, new tables beside the old ones ──► commit ──► readers move on, each by itself
//
// What is there already is not loaded again: loading twice changes nothing. A reader sees one generation until it
// moves.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serve/read/reads.h"

namespace weir::serve {

// A view as it is to be loaded.
struct ViewLoad {
    std::shared_ptr<const Pinned> pinned;
    std::vector<Field> key;     // empty: its rows are not looked up
    std::vector<Field> owners;  // columns that rules for rows compare
    // For stores that others read too:
    std::vector<std::vector<std::string>> indexes;
    std::string description;
};

// One publication.
struct Load {
    std::int64_t epoch = 0;  // its number
    std::string lake;        // which lake: numbers of one say nothing of another's
    std::vector<ViewLoad> views;
};

struct FoundRow {
    std::string_view json;                                // of the reader, until its next call
    std::vector<std::optional<std::string_view>> owners;  // in the order of ViewLoad::owners
};

// unknown: it was not loaded, since it has no result. behind: it has one, which is not in the store yet.
enum class KeyState { unknown, behind, ready, not_unique };

struct Found {
    KeyState state = KeyState::unknown;
    std::optional<FoundRow> row;       // nothing: no row has this key
    const Provenance* from = nullptr;  // where the view's rows come from; of the reader, until its next call
};

// For one thread.
class StoreReader {
public:
    virtual ~StoreReader() = default;
    // Moves to the newest generation.
    virtual Status move_on() = 0;
    // Another number: provenances may be others.
    virtual std::int64_t generation() const = 0;
    // The row with this key, each part as key_text() spells it. May move on by itself.
    virtual Result<Found> find(std::string_view view, const std::vector<std::string>& key) = 0;
};

class ServingStore {
public:
    virtual ~ServingStore() = default;
    // Rows are read with `connection`, of the database that the views are pinned in. Views that are not in `load` go.
    virtual Status load(const Load& load, sql::Connection& connection) = 0;
    virtual Result<std::unique_ptr<StoreReader>> reader() = 0;
    // Whether its readers may wait for a network: then they are not for an event loop.
    virtual bool waits() const { return false; }
    // Whether it could be reached when it was tried last.
    virtual bool is_up() const { return true; }
};

// Embedded: one file. Holds views with keys alone. `stop` ends a load that is under way; it must outlive the store.
Result<std::unique_ptr<ServingStore>> open_sqlite_store(const std::filesystem::path& file,
                                                        const std::atomic<bool>* stop = nullptr);

struct PostgresStoreOptions {
    std::string connection;  // a secret
    std::string schema;
    const std::atomic<bool>* stop = nullptr;  // ends what is under way; must outlive the store and its readers
};
// PostgreSQL: a table for each view. Does not connect yet. Fails where the connection string is none.
Result<std::unique_ptr<ServingStore>> open_postgres_store(PostgresStoreOptions options);

}  // namespace weir::serve
