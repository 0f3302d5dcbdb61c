// What an operator sees while a run works: one refreshing line on a terminal, JSON lines elsewhere.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "observe/events.h"

namespace weir::observe {

struct ProgressOptions {
    enum class To { terminal, json_lines, nobody };
    To to = To::nobody;
    std::size_t columns = 80;  // of the terminal
    // Seconds from any fixed moment, never going back.
    std::function<double()> seconds{};
    std::function<void(std::string_view)> write{};
};

// Terminal: the running step's rows, bytes, rate, share and time left, at most ten times a second; a line stays for
// each step that is over. JSON lines: every event, but advances at most once a second.
class Progress final : public Observer {
public:
    // To standard error, by what it is; `quiet` silences everything.
    static ProgressOptions for_stderr(bool quiet);

    explicit Progress(ProgressOptions options);
    ~Progress() override;
    void tell(const Event& event) override;

private:
    const ProgressOptions options_;
    // Guarded by mutex_.
    std::mutex mutex_;
    struct Running {
        StepStarted step;
        double began = 0;
    };
    std::vector<Running> running_;  // the one that was started last is shown
    StepAdvanced advanced_;
    double run_began_ = 0;
    double shown_at_ = -1;
    bool line_open_ = false;

    // `of`: the step that the event is about.
    void show(const Event& event, const Running& of);
    void print(const Event& event, const Running& of);
    void replace_line(const std::string& line, bool stays);
};

// The refreshing line's text: "events 2024-03-01  1.2 M rows  345 MiB  120 MiB/s  34 %  0:12 left".
std::string progress_text(const StepStarted& step, const StepAdvanced& advanced, double seconds);
std::string bytes_text(std::uint64_t bytes);  // "512 B", "1.5 KiB", "23.4 GiB"
std::string count_text(std::int64_t count);   // "999", "12,345", "1.2 M"
std::string seconds_text(double seconds);     // "0.4 s", "12 s", "3:05 min", "1:02 h"

}  // namespace weir::observe
