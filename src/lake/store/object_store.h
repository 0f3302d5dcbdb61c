// What a Delta table needs of the place that it lies in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace weir::lake {

struct ObjectInfo {
    std::string path;  // relative to the store's root, parts separated by '/'
    std::int64_t size = 0;
    Time modified{};
};

enum class Depth { here, below };  // `here`: only the entries of the folder itself

// Paths are relative to the root, which is a table's root. Safe to use from several threads.
class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    // Fails with not_found where there is no such object.
    virtual Result<std::string> get(const std::string& path) = 0;
    // Readers see the old or the new content, whole.
    virtual Status put(const std::string& path, std::string_view content) = 0;
    // As put, but fails with table_conflict if the object exists: one of several writers succeeds. Any other error
    // leaves open whether the object is there.
    virtual Status put_if_absent(const std::string& path, std::string_view content) = 0;
    // The objects in `folder` ("" is the root) whose names come after `start_after`, sorted by path. A folder that does
    // not exist is empty.
    virtual Result<std::vector<ObjectInfo>> list(const std::string& folder, const std::string& start_after,
                                                 Depth depth) = 0;
    // Fails with not_found where there is no such object.
    virtual Result<ObjectInfo> head(const std::string& path) = 0;
    // Removing what is not there succeeds.
    virtual Status remove(const std::string& path) = 0;

    // A local folder on the same file system that nobody else writes to; data files are written there first.
    virtual Result<fs::path> make_staging() = 0;
    // Removes a staging folder and what is left in it.
    virtual void drop_staging(const fs::path& folder) = 0;
    // Makes a staged local file durable as the object `path`, which must be new.
    virtual Status adopt(const fs::path& staged, const std::string& path) = 0;
    // Makes earlier adopted files' names durable; called once before a commit names them.
    virtual Status settle(const std::vector<std::string>& paths) = 0;

    // What DuckDB opens.
    virtual std::string url(const std::string& path) const = 0;
    // How a person calls this place.
    virtual std::string name() const = 0;
};

}  // namespace weir::lake
