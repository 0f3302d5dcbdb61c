#include "serve/http/negotiate.h"

#include <charconv>

#include "base/ascii.h"
#include "serve/http/request.h"

namespace weir::serve::http {
namespace {

// Takes the part before `separator` off the front; quoted text is kept together.
std::string_view take_item(std::string_view& text, char separator) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && quoted) {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == separator && !quoted) {
            const auto item = text.substr(0, i);
            text.remove_prefix(i + 1);
            return trimmed(item);
        }
    }
    const auto item = text;
    text = {};
    return trimmed(item);
}

struct Weighted {
    std::string_view name;
    double quality = 1;
    bool understood = true;
    bool has_parameters = false;
};

Weighted weighted(std::string_view item) {
    Weighted result;
    result.name = take_item(item, ';');
    while (!item.empty()) {
        const auto parameter = take_item(item, ';');
        const auto equals = parameter.find('=');
        const auto name = trimmed(parameter.substr(0, equals));
        if (!equals_lower(name, "q")) {
            if (!equals_lower(name, "charset") && !equals_lower(name, "header")) result.has_parameters = true;
            continue;
        }
        const auto value =
            equals == std::string_view::npos ? std::string_view() : trimmed(parameter.substr(equals + 1));
        const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), result.quality);
        if (failure != std::errc{} || end != value.data() + value.size() ||
            !(result.quality >= 0 && result.quality <= 1))
            result.understood = false;
    }
    return result;
}

// How closely a range names a type: 3 exactly, 2 "text/*", 1 "*/*", 0 not at all.
int closeness(std::string_view range, std::string_view type) {
    if (equals_lower(range, type)) return 3;
    if (range == "*/*") return 1;
    const auto slash = range.find('/');
    const auto own = type.find('/');
    if (slash == std::string_view::npos || range.substr(slash) != "/*") return 0;
    return equals_lower(range.substr(0, slash), type.substr(0, own)) ? 2 : 0;
}

std::string_view opaque(std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; }

}  // namespace

std::optional<std::size_t> best_media_type(std::string_view accept, std::span<const std::string_view> offers) {
    if (trimmed(accept).empty()) return 0;
    std::optional<std::size_t> best;
    double best_quality = 0;
    for (std::size_t i = 0; i < offers.size(); ++i) {
        auto rest = accept;
        int closest = 0;
        double quality = 0;
        while (!rest.empty()) {
            const auto range = weighted(take_item(rest, ','));
            if (range.name.empty()) continue;
            if (!range.understood || range.name.find('/') == std::string_view::npos) return 0;
            const int close = range.has_parameters ? 0 : closeness(range.name, offers[i]);
            if (close > closest) {
                closest = close;
                quality = range.quality;
            }
        }
        if (closest > 0 && quality > best_quality) {
            best = i;
            best_quality = quality;
        }
    }
    return best;
}

std::string_view to_string(Encoding encoding) {
    switch (encoding) {
        case Encoding::gzip: return "gzip";
        case Encoding::zstd: return "zstd";
        default: return "identity";
    }
}

Encoding best_encoding(std::string_view accept_encoding, bool has_zstd) {
    double gzip = -1, zstd = -1, identity = -1, others = -1;
    while (!accept_encoding.empty()) {
        const auto coding = weighted(take_item(accept_encoding, ','));
        if (!coding.understood) continue;
        if (equals_lower(coding.name, "gzip") || equals_lower(coding.name, "x-gzip")) gzip = coding.quality;
        if (equals_lower(coding.name, "zstd")) zstd = coding.quality;
        if (equals_lower(coding.name, "identity")) identity = coding.quality;
        if (coding.name == "*") others = coding.quality;
    }
    if (gzip < 0) gzip = others;
    if (zstd < 0) zstd = others;
    if (!has_zstd) zstd = 0;
    if (zstd > 0 && zstd >= gzip && zstd >= identity) return Encoding::zstd;
    if (gzip > 0 && gzip >= identity) return Encoding::gzip;
    return Encoding::identity;
}

bool names_tag(std::string_view if_none_match, std::string_view tag) {
    if (trimmed(if_none_match) == "*") return true;
    while (!if_none_match.empty())
        if (opaque(take_item(if_none_match, ',')) == opaque(tag)) return true;
    return false;
}

bool names_tag_strongly(std::string_view if_match, std::string_view tag) {
    if (trimmed(if_match) == "*") return true;
    while (!if_match.empty())
        if (const auto item = take_item(if_match, ','); item == tag && !item.starts_with("W/")) return true;
    return false;
}

}  // namespace weir::serve::http
