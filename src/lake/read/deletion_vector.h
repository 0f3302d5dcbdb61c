// Deletion vectors: which rows of a data file no longer count (a 64-bit Roaring bitmap in Delta's envelope).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lake/log/actions.h"
#include "lake/store/object_store.h"

namespace weir::lake {

// The set bits of a serialised vector (magic number, then the bitmap), ascending. Errors say what is wrong, without a
// place.
Result<std::vector<std::int64_t>> decode_deletion_vector(std::string_view payload);

// Where a vector of storage type "u" lies: "ab^-aqEH.-t@S}K{vb[*k^" → "ab/deletion_vector_<uuid>.bin".
Result<std::string> deletion_vector_path(std::string_view path_or_inline);

// Reads, checks (size, CRC-32, cardinality) and decodes the vector of one data file.
Result<std::vector<std::int64_t>> read_deletion_vector(ObjectStore& store, const DeletionVectorRef& ref);

}  // namespace weir::lake
