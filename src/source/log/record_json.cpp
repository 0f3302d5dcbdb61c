#include "source/log/record_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "source/columns/json_record.h"

namespace weir::source::log {
namespace {

constexpr std::string_view base64_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        const auto count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) text += k <= count ? base64_letters[group >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

}  // namespace

void append_member(std::string_view name, std::optional<std::string_view> bytes, std::string& to) {
    const bool text = !bytes || simdjson::validate_utf8(bytes->data(), bytes->size());
    json_quote(text ? std::string(name) : fmt::format("{}_base64", name), to);
    to += ": ";
    if (!bytes)
        to += "null";
    else
        json_quote(text ? std::string(*bytes) : base64(*bytes), to);
}

void append_headers(std::span<const RecordHeader> headers, std::string& to) {
    to += '[';
    bool first = true;
    for (const auto& header : headers) {
        to += first ? "{" : ", {";
        first = false;
        append_member("name", header.name, to);
        to += ", ";
        append_member("value", header.value, to);
        to += '}';
    }
    to += ']';
}

}  // namespace weir::source::log
