#include "base/clock.h"

#include <fmt/compile.h>

namespace weir {
using namespace std::chrono;

Time SystemClock::now() const { return floor<microseconds>(system_clock::now()); }

std::string to_iso(Time time) {
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z"), static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::int64_t to_unix_millis(Time time) { return floor<milliseconds>(time).time_since_epoch().count(); }

}  // namespace weir
