#include "lake/log/changes.h"

#include <algorithm>

namespace weir::lake {

Result<Changes> changes_between(ObjectStore& store, TableVersion after, TableVersion upto) {
    Changes changes;
    for (auto version = after.get() + 1; version <= upto.get(); ++version) {
        WEIR_ASSIGN(const auto actions, read_commit(store, TableVersion(version)));
        for (const auto& action : actions) {
            if (const auto* add = std::get_if<AddFile>(&action)) {
                if (add->data_change) changes.added.push_back({*add, TableVersion(version)});
            } else if (const auto* remove = std::get_if<RemoveFile>(&action)) {
                if (!remove->data_change) continue;
                const auto key = file_key(remove->path, remove->deletion_vector);
                const auto gone = std::erase_if(changes.added, [&](const AddedFile& added) {
                    return file_key(added.file.path, added.file.deletion_vector) == key;
                });
                if (gone == 0) changes.only_added = false;
            }
        }
    }
    return changes;
}

}  // namespace weir::lake
