// Any text as Z85: what decodes encodes to the same text again.
#include <cstdlib>

#include "lake/read/z85.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto bytes = weir::lake::z85_decode(text);
    if (bytes && weir::lake::z85_encode(*bytes) != text) std::abort();
    return 0;
}
