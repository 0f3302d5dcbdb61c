#include "source/log/around.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "source/columns/json_record.h"

namespace weir::source {
namespace {

std::string to_hex(std::string_view bytes) {
    std::string text;
    for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
    return text;
}

std::optional<std::string> from_hex(std::string_view text) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    std::string bytes;
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

}  // namespace

std::string broker_time(std::int64_t timestamp_ms) {
    constexpr std::int64_t last = 253'402'300'799'999;  // of year 9999
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds(std::clamp<std::int64_t>(timestamp_ms, 0, last))};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    // Of every message: digits by hand.
    std::string text = "0000-00-00T00:00:00.000Z";
    const auto put = [&](std::size_t end, auto number) {
        for (; number > 0; number /= 10) text[--end] = static_cast<char>('0' + number % 10);
    };
    put(4, static_cast<int>(date.year()));
    put(7, static_cast<unsigned>(date.month()));
    put(10, static_cast<unsigned>(date.day()));
    put(13, clock.hours().count());
    put(16, clock.minutes().count());
    put(19, clock.seconds().count());
    put(23, clock.subseconds().count());
    return text;
}

std::string around_json(const Around& around) {
    auto text = fmt::format("{{\"partition\": {}, \"offset\": {}, \"timestamp\": {}, ", around.partition, around.offset,
                            around.timestamp);
    if (around.key && !simdjson::validate_utf8(around.key->data(), around.key->size())) {
        text += fmt::format("\"key_hex\": \"{}\"", to_hex(*around.key));
    } else {
        text += "\"key\": ";
        if (around.key)
            json_quote(*around.key, text);
        else
            text += "null";
    }
    if (!around.has_value) text += ", \"value\": null";
    if (!around.headers.empty()) {
        text += ", \"headers\": ";
        json_quote(around.headers, text);
    }
    text += '}';
    return text;
}

Result<Around> parse_around(std::string_view json) {
    const auto object = nlohmann::json::parse(json, nullptr, false);
    const auto number = [&](const char* name) -> std::optional<std::int64_t> {
        const auto found = object.find(name);
        if (found == object.end() || !found->is_number_integer()) return std::nullopt;
        return found->get<std::int64_t>();
    };
    Around around;
    bool good = object.is_object();
    if (good) {
        const auto partition = number("partition"), offset = number("offset"), timestamp = number("timestamp");
        good = partition && offset && timestamp;
        around.partition = static_cast<int>(partition.value_or(0));
        around.offset = offset.value_or(0);
        around.timestamp = timestamp.value_or(0);
        around.has_value = !object.contains("value");
        if (const auto headers = object.find("headers"); headers != object.end() && headers->is_string())
            around.headers = headers->get<std::string>();
        if (const auto key = object.find("key"); key != object.end() && key->is_string())
            around.key = key->get<std::string>();
        if (const auto key = object.find("key_hex"); key != object.end() && key->is_string()) {
            around.key = from_hex(key->get<std::string>());
            good = good && around.key;
        }
    }
    if (!good)
        return Error{.code = ErrorCode::table_damaged,
                     .message = fmt::format("the quarantine holds a message whose record cannot be read: {}", json)};
    return around;
}

std::string partition_path(const declare::Source& source, int partition) {
    return fmt::format("{}:{}/{}", source.kafka ? "kafka" : "log", source.topic, partition);
}

}  // namespace weir::source
