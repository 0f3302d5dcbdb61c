// The valid name that a typo most likely meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// The candidate within a small edit distance (case ignored, a swap of neighbours is one edit), or empty.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

// "did you mean 'x'?", else "one of: a, b, c" (at most ten), else empty.
std::string suggest(std::string_view name, std::span<const std::string> candidates);

}  // namespace weir
