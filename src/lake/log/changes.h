// What became different between two versions of a table, for readers that go on from where they were.
#pragma once

#include <string>
#include <vector>

#include "lake/log/snapshot.h"

namespace weir::lake {

struct AddedFile {
    AddFile file;
    TableVersion version;  // the commit that added it
};

struct Changes {
    std::vector<AddedFile> added;  // with new rows; files that only hold rows of others (optimize) are not among them
    bool only_added = true;        // false: rows went, or the table was made anew
};

// The changes of the commits after `after`, up to `upto`. Fails with not_found where a commit is not in the log any
// more.
Result<Changes> changes_between(ObjectStore& store, TableVersion after, TableVersion upto);

}  // namespace weir::lake
