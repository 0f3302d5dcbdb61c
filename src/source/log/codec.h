// How the records of a batch are compressed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::source::log {

// As the number stands in a batch.
enum class Codec : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };

std::string_view name_of(Codec codec);
std::optional<Codec> codec_named(std::string_view name);

// Replaces `to`; `codec` none copies.
Status compress(Codec codec, std::string_view bytes, std::string& to);

// Replaces `to` with exactly `size` bytes, which the caller has bounded. False: the bytes are no such text.
bool decompress(Codec codec, std::string_view bytes, std::size_t size, std::string& to);

}  // namespace weir::source::log
