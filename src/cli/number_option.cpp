#include "cli/number_option.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::cli {

Result<std::optional<std::int64_t>> number_option(const Invocation& invocation, std::string_view option,
                                                  std::int64_t least) {
    if (!invocation.has(option)) return std::optional<std::int64_t>();
    const auto text = invocation.option(option);
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || number < least)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("{} cannot be '{}'", option, text),
                     .hint = fmt::format("a whole number from {}", least)};
    return std::optional(number);
}

}  // namespace weir::cli
