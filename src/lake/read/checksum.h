// Data files that know their content: add.tags["weir.xxh3"], 16 hex digits of XXH3 (64 bits).
#pragma once

#include <string>

#include "lake/log/snapshot.h"

namespace weir::lake {

inline constexpr const char* checksum_tag = "weir.xxh3";

Result<std::string> file_checksum(const fs::path& path);

// Fails with table_damaged, naming the file, where a file with a checksum is missing or holds something else.
Status verify_checksums(ObjectStore& store, const Snapshot& snapshot);

}  // namespace weir::lake
