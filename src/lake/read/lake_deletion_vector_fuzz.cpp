// Any bytes as a deletion vector: rows in ascending buckets or an error, never a crash.
#include "lake/read/deletion_vector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto rows = weir::lake::decode_deletion_vector({reinterpret_cast<const char*>(data), size});
    if (rows && !rows->empty() && rows->front() < 0) __builtin_trap();
    return 0;
}
