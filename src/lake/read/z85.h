// Z85: four bytes as five printable characters (ZeroMQ RFC 32).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::lake {

// Nothing where the text is no Z85: a length that five does not divide, a foreign character, a group beyond 32 bits.
std::optional<std::string> z85_decode(std::string_view text);
// `bytes`' length must be a multiple of four.
std::string z85_encode(std::string_view bytes);

}  // namespace weir::lake
