// What happened during a run, as plain values. The code that works says so once; what operators see is decided here.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace weir::observe {

struct RunStarted {
    std::string run_id;
    std::string project;
    std::int64_t steps = 0;
};

// A source, a view or an export, for one interval where it has one.
struct StepStarted {
    std::string kind;  // "source", "view", "export"
    std::string node;
    std::string interval{};  // "2024-03-01", or empty
    std::string reason{};
    std::int64_t id = 0;  // tells it from others that run at the same time
};

// Totals since the step's start, not differences; of the step that was started last.
struct StepAdvanced {
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::int64_t bytes_total = 0;  // 0: not known
};

struct StepDone {
    std::string state;  // "done", "unchanged", "failed"
    std::int64_t rows = 0;
    std::int64_t duplicate = 0;
    std::int64_t quarantined = 0;
    std::int64_t filtered = 0;
    std::string note{};  // a file written, an error
    std::int64_t id = 0;
};

struct RunDone {
    std::string run_id;
    bool failed = false;
    std::int64_t rows = 0;
};

using Event = std::variant<RunStarted, StepStarted, StepAdvanced, StepDone, RunDone>;

// Told by one or several threads.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void tell(const Event& event) = 0;
};

class NoObserver final : public Observer {
public:
    void tell(const Event&) override {}
};

}  // namespace weir::observe
