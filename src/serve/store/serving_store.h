// Rows by their key, of one publication at a time: an index that is made when a result is published, so that a look-up
// costs the same however long the view is.
//
//   published ──► load: one transaction, new tables beside the old ones ──► commit ──► readers move on, each by itself
//
// What is there already is not loaded again: loading twice changes nothing. A reader sees one generation until it
// moves.
#pragma once

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

// A view with a key, as it is to be loaded.
struct KeyedView {
    std::shared_ptr<const Pinned> pinned;
    std::vector<Field> key;
    std::vector<Field> owners;  // columns that rules for rows compare
};

struct FoundRow {
    std::string_view json;                                // of the reader, until its next call
    std::vector<std::optional<std::string_view>> owners;  // in the order of KeyedView::owners
};

enum class KeyState { unknown, ready, not_unique };

// For one thread.
class StoreReader {
public:
    virtual ~StoreReader() = default;
    // Moves to the newest generation; true if there was a newer one.
    virtual Result<bool> move_on() = 0;
    virtual KeyState state(std::string_view view) const = 0;
    // Where the rows of a view come from; nothing where it is unknown.
    virtual const Provenance* provenance(std::string_view view) const = 0;
    // The row with this key, each part as key_text() spells it.
    virtual Result<std::optional<FoundRow>> find(std::string_view view, const std::vector<std::string>& key) = 0;
};

class ServingStore {
public:
    virtual ~ServingStore() = default;
    // The epoch is the publication's number. Rows are read with `connection`, of the database that the views are pinned
    // in. Views that are not among `views` go.
    virtual Status load(std::int64_t epoch, const std::vector<KeyedView>& views, sql::Connection& connection) = 0;
    virtual Result<std::unique_ptr<StoreReader>> reader() = 0;
};

// Embedded: one file.
Result<std::unique_ptr<ServingStore>> open_sqlite_store(const std::filesystem::path& file);

}  // namespace weir::serve
