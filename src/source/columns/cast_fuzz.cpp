// Any text through every cast; integers and floats agree with the standard library.
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.h"
#include "source/columns/cast.h"
#include "source/columns/date_pattern.h"

using namespace weir::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    std::int64_t integer = 0;
    const bool taken = cast_integer(text, integer);
    auto plain = weir::trimmed(text);
    if (!plain.empty() && plain.front() == '+')
        plain = plain.size() > 1 && plain[1] == '-' ? std::string_view() : plain.substr(1);
    std::int64_t same = 0;
    const auto done = std::from_chars(plain.data(), plain.data() + plain.size(), same);
    const bool expected = done.ec == std::errc{} && done.ptr == plain.data() + plain.size();
    if (taken != expected || (taken && integer != same)) std::abort();
    int128 decimal = 0;
    cast_decimal(text, 38, 10, decimal);
    std::int16_t small = 0;
    if (cast_decimal(text, 4, 2, small) && (small > 9999 || small < -9999)) std::abort();
    double real = 0;
    cast_float(text, real);
    bool flag = false;
    cast_boolean(text, flag);
    std::int32_t days = 0;
    cast_date(text, days);
    std::int64_t micros = 0;
    cast_timestamp(text, Zone::allowed, micros);
    // The first line as a pattern, the rest as a text.
    const auto line = text.find('\n');
    if (line != std::string_view::npos) {
        if (auto pattern = DatePattern::compile(text.substr(0, line))) {
            pattern->date(text.substr(line + 1), days);
            pattern->timestamp(text.substr(line + 1), micros);
        }
    }
    return 0;
}
