#include "observe/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "observe/width.h"

namespace weir::observe {
namespace {

constexpr double terminal_pause = 0.1;
constexpr double json_pause = 1.0;

double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_stderr(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

// One JSON object on one line, built field by field.
class JsonLine {
public:
    explicit JsonLine(std::string_view event) { add("event", event); }
    JsonLine& add(std::string_view key, std::string_view value) {
        begin(key);
        text_ += '"';
        for (const char c : value) {
            if (c == '"' || c == '\\') {
                text_ += '\\';
                text_ += c;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
            } else {
                text_ += c;
            }
        }
        text_ += '"';
        return *this;
    }
    JsonLine& add(std::string_view key, std::int64_t value) {
        begin(key);
        fmt::format_to(std::back_inserter(text_), "{}", value);
        return *this;
    }
    JsonLine& add_seconds(std::string_view key, double value) {
        begin(key);
        fmt::format_to(std::back_inserter(text_), "{:.3f}", value);
        return *this;
    }
    std::string finish() { return text_ + "}\n"; }

private:
    std::string text_ = "{";
    void begin(std::string_view key) {
        if (text_.size() > 1) text_ += ", ";
        fmt::format_to(std::back_inserter(text_), "\"{}\": ", key);
    }
};

std::string name_of(const StepStarted& step) {
    return step.interval.empty() ? fmt::format("{} {}", step.kind, step.node)
                                 : fmt::format("{} {} {}", step.kind, step.node, step.interval);
}

std::string summary_of(const StepStarted& step, const StepDone& done, double seconds) {
    std::string text = fmt::format("{}: {}", name_of(step), done.state);
    if (done.state != "unchanged") {
        text += fmt::format(", {} row{}", count_text(done.rows), done.rows == 1 ? "" : "s");
        if (done.duplicate != 0) text += fmt::format(", {} duplicate", count_text(done.duplicate));
        if (done.quarantined != 0) text += fmt::format(", {} quarantined", count_text(done.quarantined));
        if (done.filtered != 0) text += fmt::format(", {} filtered", count_text(done.filtered));
        text += fmt::format(", {}", seconds_text(seconds));
    }
    if (!done.note.empty()) text += fmt::format(" ({})", done.note);
    return text;
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string count_text(std::int64_t count) {
    if (count >= 1000000000) return fmt::format("{:.2f} G", static_cast<double>(count) / 1e9);
    if (count >= 1000000) return fmt::format("{:.2f} M", static_cast<double>(count) / 1e6);
    if (count >= 1000) return fmt::format("{},{:03}", count / 1000, count % 1000);
    return std::to_string(count);
}

std::string seconds_text(double seconds) {
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
    return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string progress_text(const StepStarted& step, const StepAdvanced& advanced, double seconds) {
    std::string text = name_of(step);
    if (advanced.rows > 0) text += fmt::format("  {} row{}", count_text(advanced.rows), advanced.rows == 1 ? "" : "s");
    if (advanced.bytes > 0) {
        text += fmt::format("  {}", bytes_text(static_cast<std::uint64_t>(advanced.bytes)));
        // Before that, a rate says more about the disk's cache than about the run.
        if (seconds >= 0.5) {
            const auto rate = static_cast<double>(advanced.bytes) / seconds;
            text += fmt::format("  {}/s", bytes_text(static_cast<std::uint64_t>(rate)));
            if (advanced.bytes_total >= advanced.bytes) {
                text += fmt::format("  {:.0f} %", 100.0 * static_cast<double>(advanced.bytes) /
                                                      static_cast<double>(advanced.bytes_total));
                text += fmt::format("  {} left",
                                    seconds_text(static_cast<double>(advanced.bytes_total - advanced.bytes) / rate));
            }
        }
    }
    if (advanced.rows == 0 && advanced.bytes == 0) text += fmt::format("  {}", seconds_text(seconds));
    return text;
}

ProgressOptions Progress::for_stderr(bool quiet) {
    ProgressOptions options;
    if (quiet) return options;
    const char* term = std::getenv("TERM");
    const bool refreshing = ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
    options.to = refreshing ? ProgressOptions::To::terminal : ProgressOptions::To::json_lines;
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.columns = size.ws_col;
    options.seconds = steady_seconds;
    options.write = write_stderr;
    return options;
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)) {}

// An unfinished line is wiped, so that what is printed next begins at the left.
Progress::~Progress() {
    if (line_open_) options_.write("\r\x1b[K");
}

void Progress::tell(const Event& event) {
    if (options_.to == ProgressOptions::To::nobody) return;
    const std::lock_guard guard(mutex_);
    if (const auto* started = std::get_if<StepStarted>(&event)) {
        running_.push_back({*started, options_.seconds()});
        advanced_ = {};
        shown_at_ = -1;
    } else if (const auto* advanced = std::get_if<StepAdvanced>(&event)) {
        advanced_ = *advanced;
    } else if (std::holds_alternative<RunStarted>(event)) {
        run_began_ = options_.seconds();
    }
    Running of = running_.empty() ? Running{} : running_.back();
    if (const auto* done = std::get_if<StepDone>(&event)) {
        const auto step = std::find_if(running_.begin(), running_.end(),
                                       [&](const Running& each) { return each.step.id == done->id; });
        if (step != running_.end()) {
            of = std::move(*step);
            running_.erase(step);
        }
    }
    if (options_.to == ProgressOptions::To::terminal) {
        show(event, of);
    } else {
        print(event, of);
    }
}

void Progress::replace_line(const std::string& line, bool stays) {
    options_.write(
        fmt::format("\r\x1b[K{}{}", stays ? line : cut_to_width(line, options_.columns - 1), stays ? "\n" : ""));
    line_open_ = !stays;
}

void Progress::show(const Event& event, const Running& of) {
    const auto now = options_.seconds();
    if (std::holds_alternative<StepStarted>(event) || std::holds_alternative<StepAdvanced>(event)) {
        if (shown_at_ >= 0 && now - shown_at_ < terminal_pause) return;
        shown_at_ = now;
        replace_line(printable(progress_text(of.step, advanced_, now - of.began)), false);
    } else if (const auto* done = std::get_if<StepDone>(&event)) {
        replace_line(printable(summary_of(of.step, *done, now - of.began)), true);
    } else if (const auto* run = std::get_if<RunDone>(&event)) {
        replace_line(fmt::format("run {} {} in {}", run->run_id, run->failed ? "failed" : "done",
                                 seconds_text(now - run_began_)),
                     true);
    }
}

void Progress::print(const Event& event, const Running& of) {
    const auto now = options_.seconds();
    if (const auto* run = std::get_if<RunStarted>(&event)) {
        options_.write(JsonLine("run_started")
                           .add("run_id", run->run_id)
                           .add("project", run->project)
                           .add("steps", run->steps)
                           .finish());
    } else if (std::holds_alternative<StepStarted>(event)) {
        options_.write(JsonLine("step_started")
                           .add("kind", of.step.kind)
                           .add("node", of.step.node)
                           .add("interval", of.step.interval)
                           .add("reason", of.step.reason)
                           .finish());
        shown_at_ = now;
    } else if (std::holds_alternative<StepAdvanced>(event)) {
        if (now - shown_at_ < json_pause) return;
        shown_at_ = now;
        options_.write(JsonLine("step_advanced")
                           .add("kind", of.step.kind)
                           .add("node", of.step.node)
                           .add("interval", of.step.interval)
                           .add("rows", advanced_.rows)
                           .add("bytes", advanced_.bytes)
                           .add("bytes_total", advanced_.bytes_total)
                           .add_seconds("seconds", now - of.began)
                           .finish());
    } else if (const auto* done = std::get_if<StepDone>(&event)) {
        options_.write(JsonLine("step_done")
                           .add("kind", of.step.kind)
                           .add("node", of.step.node)
                           .add("interval", of.step.interval)
                           .add("state", done->state)
                           .add("rows", done->rows)
                           .add("duplicate", done->duplicate)
                           .add("quarantined", done->quarantined)
                           .add("filtered", done->filtered)
                           .add("note", done->note)
                           .add_seconds("seconds", now - of.began)
                           .finish());
    } else if (const auto* over = std::get_if<RunDone>(&event)) {
        options_.write(JsonLine("run_done")
                           .add("run_id", over->run_id)
                           .add("state", over->failed ? "failed" : "done")
                           .add("rows", over->rows)
                           .add_seconds("seconds", now - run_began_)
                           .finish());
    }
}

}  // namespace weir::observe
