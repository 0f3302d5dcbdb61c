// Days and clock readings as ISO 8601 text, for every value that DuckDB can hold.
#pragma once

#include <cstdint>
#include <string>

namespace weir::sink {

// Days since 1970-01-01: "2024-03-01". Years beyond four digits keep them all; years before 0 carry a minus.
void append_date(std::int64_t days, std::string& out);

// "10:00:00", with `digits` decimals when `fraction` (in units of 10^-digits seconds) is not zero.
void append_clock(std::int64_t seconds, std::int64_t fraction, int digits, std::string& out);

// A reading in units of 10^-digits seconds since 1970-01-01T00:00:00: "2024-03-01T10:00:00.500000".
void append_timestamp(std::int64_t ticks, int digits, std::string& out);

// "P1Y2M3DT4H5M6.5S"; "PT0S" for nothing.
void append_duration(std::int32_t months, std::int32_t days, std::int64_t micros, std::string& out);

}  // namespace weir::sink
