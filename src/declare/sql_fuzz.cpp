#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "declare/sql_text.h"
#include "declare/view_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t end = 0;
    for (const auto& token : weir::declare::sql_tokens(text)) {
        if (token.begin < end || token.end <= token.begin || token.end > text.size()) std::abort();
        end = token.end;
    }
    weir::declare::Problems problems;
    weir::declare::View view;
    const auto split = weir::declare::split_view(text, "f", problems);
    weir::declare::read_view_header(split, "f", view, problems);
    return 0;
}
