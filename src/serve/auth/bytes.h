// base64url, hex, HMAC and comparison in constant time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::serve {

std::string base64url(std::string_view bytes);
// Strict: no padding, no other letters, no bits left over.
std::optional<std::string> from_base64url(std::string_view text);

std::string hmac_sha256(std::string_view key, std::string_view text);  // 32 bytes
std::string sha256_bytes(std::string_view text);                       // 32 bytes
// In a time that does not depend on where they differ.
bool same_bytes(std::string_view a, std::string_view b);
// From the system's generator for secrets.
std::string random_bytes(std::size_t count);

}  // namespace weir::serve
