#include "source/log/codec.h"

#include <lz4.h>
#include <zstd.h>

#include <array>
#include <limits>

namespace weir::source::log {
namespace {

constexpr std::array<std::string_view, 3> names{"none", "lz4", "zstd"};
// As fast as lz4 on small records, and a third smaller; the higher levels cost more than the disk does.
constexpr int zstd_level = 1;

Error too_large() { return {.code = ErrorCode::internal, .message = "a batch is too large to be compressed"}; }

}  // namespace

std::string_view name_of(Codec codec) { return names[static_cast<std::size_t>(codec)]; }

std::optional<Codec> codec_named(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<Codec>(i);
    return std::nullopt;
}

Status compress(Codec codec, std::string_view bytes, std::string& to) {
    if (codec == Codec::none) {
        to.assign(bytes);
        return ok();
    }
    if (bytes.size() > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE)) return too_large();
    if (codec == Codec::lz4) {
        const int size = static_cast<int>(bytes.size());
        to.resize(static_cast<std::size_t>(LZ4_compressBound(size)));
        const int used = LZ4_compress_default(bytes.data(), to.data(), size, static_cast<int>(to.size()));
        if (used <= 0) return too_large();
        to.resize(static_cast<std::size_t>(used));
        return ok();
    }
    to.resize(ZSTD_compressBound(bytes.size()));
    const auto used = ZSTD_compress(to.data(), to.size(), bytes.data(), bytes.size(), zstd_level);
    if (ZSTD_isError(used) != 0) return too_large();
    to.resize(used);
    return ok();
}

bool decompress(Codec codec, std::string_view bytes, std::size_t size, std::string& to) {
    constexpr auto int_max = static_cast<std::size_t>(std::numeric_limits<int>::max());
    if (bytes.size() > int_max || size > int_max) return false;
    if (codec == Codec::none) {
        to.assign(bytes);
        return bytes.size() == size;
    }
    to.resize(size);
    if (codec == Codec::lz4) {
        return LZ4_decompress_safe(bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(size)) ==
               static_cast<int>(size);
    }
    return ZSTD_decompress(to.data(), size, bytes.data(), bytes.size()) == size;
}

}  // namespace weir::source::log
