#include "serve/console/page.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "serve/console/assets.h"
#include "serve/http/negotiate.h"
#include "serve/problem.h"

namespace weir::serve {
namespace {

// Scripts and styles come from here alone, and none stands in the page itself. Nobody may frame it.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

std::string unpacked(const Asset& asset) {
    std::string bytes(asset.size, '\0');
    z_stream stream{};
    stream.next_in = const_cast<unsigned char*>(asset.packed.data());  // zlib reads it only
    stream.avail_in = static_cast<uInt>(asset.packed.size());
    stream.next_out = reinterpret_cast<unsigned char*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    constexpr int gzip_window = 15 + 16;
    if (inflateInit2(&stream, gzip_window) != Z_OK) return {};
    inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return bytes;
}

}  // namespace

bool wants_page(const http::Head& head) {
    constexpr std::array offers{std::string_view("application/json"), std::string_view("text/html")};
    const auto best = http::best_media_type(head.joined("accept"), offers);
    return best && *best == 1;
}

http::Response page_answer(const http::Head& head, std::string_view path) {
    const auto assets = console_assets();
    const auto found =
        std::find_if(assets.begin(), assets.end(), [&](const Asset& asset) { return asset.path == path; });
    if (found == assets.end())
        return to_response({.kind = "not-found",
                            .detail = "the page has no such file",
                            .hint = "the page was built anew: load it again"});
    const bool packed = http::best_encoding(head.joined("accept-encoding"), false) == http::Encoding::gzip;
    http::Response response;
    const auto tag = fmt::format("\"{}{}\"", found->tag, packed ? "-gzip" : "");
    response.field("Content-Type", found->type);
    response.field("ETag", tag);
    response.field("Vary", path == "/" ? "Accept, Accept-Encoding" : "Accept-Encoding");
    // Its files have names by content; the page itself names them.
    response.field("Cache-Control", path == "/" ? "no-cache" : "public, max-age=31536000, immutable");
    response.field("Content-Security-Policy", policy);
    if (path == "/")
        response.field("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if (packed) response.field("Content-Encoding", "gzip");
    if (http::names_tag(head.joined("if-none-match"), tag)) {
        response.status = 304;
        return response;
    }
    if (packed) {
        response.body.assign(found->packed.begin(), found->packed.end());
    } else {
        response.body = unpacked(*found);
    }
    return response;
}

}  // namespace weir::serve
