// What a client would take: media types, encodings, and versions that it has already.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace weir::serve::http {

// The offer that `accept` likes best (RFC 9110 §12.5.1); of equals the first one. An absent or empty field takes all.
// Nothing: none is acceptable. A field that cannot be understood takes all.
std::optional<std::size_t> best_media_type(std::string_view accept, std::span<const std::string_view> offers);

enum class Encoding { identity, gzip, zstd };
std::string_view to_string(Encoding encoding);
// The best one that is acceptable; identity where nothing else is, or nothing is said.
Encoding best_encoding(std::string_view accept_encoding, bool has_zstd = true);

// Whether If-None-Match names the tag ("*" names any), compared weakly.
bool names_tag(std::string_view if_none_match, std::string_view tag);
// Whether If-Match does, compared strongly.
bool names_tag_strongly(std::string_view if_match, std::string_view tag);

}  // namespace weir::serve::http
