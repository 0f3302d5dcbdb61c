// What a part of a running `weir up` says of itself: a row of weir.parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir {

struct PartFact {
    std::string part;                         // intake, speed, batch, …
    std::string source;                       // of which source; empty: of the part as a whole
    std::optional<std::int64_t> partition{};  // of its topic; nothing: of all
    std::string fact;
    std::optional<double> value;  // a number; of true and false 1 and 0
    std::string text;             // what is no number
};

}  // namespace weir
