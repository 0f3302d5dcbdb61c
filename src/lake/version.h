// The number of a commit of one table.
#pragma once

#include "base/strong.h"

namespace weir::lake {

using TableVersion = Strong<std::int64_t, struct TableVersionTag>;

inline TableVersion next(TableVersion version) { return TableVersion(version.get() + 1); }
inline TableVersion previous(TableVersion version) { return TableVersion(version.get() - 1); }

}  // namespace weir::lake
