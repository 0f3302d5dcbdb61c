#include "serve/read/cursor.h"

#include <nlohmann/json.hpp>

#include "serve/auth/bytes.h"

namespace weir::serve {
namespace {

using nlohmann::json;

constexpr int format = 1;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t text_max = 16 * 1024;

}  // namespace

std::string seal_cursor(const Cursor& cursor, std::string_view key) {
    json values = json::array();
    for (const auto& value : cursor.place.values) values.push_back(value ? json(*value) : json());
    const json all = {format, cursor.view,        static_cast<int>(cursor.layer), cursor.version, cursor.question,
                      values, cursor.place.number};
    auto text = all.dump(-1, ' ', false, json::error_handler_t::replace);
    text += hmac_sha256(key, text).substr(0, tag_bytes);
    return base64url(text);
}

std::optional<Cursor> open_cursor(std::string_view text, std::string_view key) {
    if (text.size() > text_max) return std::nullopt;
    const auto bytes = from_base64url(text);
    if (!bytes || bytes->size() <= tag_bytes) return std::nullopt;
    const auto content = std::string_view(*bytes).substr(0, bytes->size() - tag_bytes);
    if (!same_bytes(std::string_view(*bytes).substr(content.size()), hmac_sha256(key, content).substr(0, tag_bytes)))
        return std::nullopt;
    const auto all = json::parse(content, nullptr, false);
    const bool whole = all.is_array() && all.size() == 7 && all[0] == format && all[1].is_string() &&
                       all[2].is_number_integer() && all[3].is_string() && all[4].is_string() && all[5].is_array() &&
                       all[6].is_number_integer();
    if (!whole) return std::nullopt;
    const auto layer = all[2].get<int>();
    if (layer < 0 || layer > static_cast<int>(Layer::merged)) return std::nullopt;
    Cursor cursor{
        .view = all[1], .layer = static_cast<Layer>(layer), .version = all[3], .question = all[4], .place = {}};
    for (const auto& value : all[5]) {
        if (!value.is_null() && !value.is_string()) return std::nullopt;
        cursor.place.values.push_back(value.is_null() ? std::nullopt : std::optional(value.get<std::string>()));
    }
    cursor.place.number = all[6];
    return cursor;
}

}  // namespace weir::serve
