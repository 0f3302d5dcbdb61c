// Time comes from here, so that tests can set it.
#pragma once

#include <chrono>
#include <string>

namespace weir {

// A moment in UTC, to the microsecond.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
public:
    Time now() const override;
};

class ManualClock final : public Clock {
public:
    explicit ManualClock(Time start) : now_(start) {}
    Time now() const override { return now_; }
    void set(Time now) { now_ = now; }

private:
    Time now_;
};

// "2024-03-01T10:00:00.000000Z"
std::string to_iso(Time time);
std::int64_t to_unix_millis(Time time);

}  // namespace weir
