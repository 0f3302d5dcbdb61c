// Any bytes as a schemaString: parsed or refused, and what was parsed comes back from its own print.
#include <cstdlib>

#include "lake/log/schema_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto schema = weir::lake::parse_schema({reinterpret_cast<const char*>(data), size});
    if (!schema) return 0;
    const auto text = weir::lake::print_schema(*schema);
    const auto again = weir::lake::parse_schema(text);
    if (!again || weir::lake::print_schema(*again) != text) std::abort();
    return 0;
}
