#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iterator>

#include "base/file.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

bool colors_for(std::string_view color, bool is_terminal) {
    if (color != "auto") return color == "always";
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    if (no_color != nullptr && *no_color != '\0') return false;
    return is_terminal && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_width() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

std::string_view code_of(Style style) {
    switch (style) {
        case Style::plain: return "";
        case Style::bold: return "\x1b[1m";
        case Style::dim: return "\x1b[2m";
        case Style::red: return "\x1b[31m";
        case Style::yellow: return "\x1b[33m";
        case Style::green: return "\x1b[32m";
    }
    return "";
}

}  // namespace

void Terminal::configure(std::string_view color, bool json, bool quiet) {
    json_ = json;
    quiet_ = quiet;
    out_is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
    error_is_terminal_ = ::isatty(STDERR_FILENO) == 1;
    out_colors_ = colors_for(color, out_is_terminal_) && !json;
    error_colors_ = colors_for(color, error_is_terminal_) && !json;
    width_ = out_is_terminal_ ? terminal_width() : 0;
}

Status Terminal::write(std::string_view text) {
    const int failed = write_all(STDOUT_FILENO, text);
    if (failed == 0) return ok();
    if (failed == EPIPE) return Error{.code = ErrorCode::interrupted, .message = ""};
    return io_error("write to", "standard output", failed);
}

// Nothing can be told about a standard error that cannot be written.
void Terminal::note(std::string_view text) { write_all(STDERR_FILENO, text); }

std::string Terminal::paint(bool colors, Style style, std::string_view text) {
    if (!colors || style == Style::plain || text.empty()) return std::string(text);
    return fmt::format("{}{}\x1b[0m", code_of(style), text);
}

std::string Terminal::describe(const Error& problem, std::string_view severity) const {
    const bool warning = severity == "warning";
    std::string text;
    const bool has_place = !problem.where.file.empty();
    if (has_place) text += styled_note(Style::bold, to_string(problem.where) + ":") + " ";
    // A place says by itself that what follows is a problem.
    if (warning || !has_place)
        text += styled_note(warning ? Style::yellow : Style::red, fmt::format("{}:", severity)) + " ";
    text += problem.message;
    for (const auto& step : problem.path) text += fmt::format("\n  while {}", step);
    if (!problem.hint.empty()) text += fmt::format("\n  {} {}", styled_note(Style::bold, "hint:"), problem.hint);
    return text + "\n";
}

void Terminal::report(std::span<const Error> problems, std::string_view severity) {
    std::string text;
    for (const auto& problem : problems) {
        if (problem.message.empty()) continue;
        text += json_ ? to_json(problem, severity) + "\n" : describe(problem, severity);
    }
    note(text);
}

std::string to_json(const Error& problem, std::string_view severity) {
    std::string text = "{";
    const auto add = [&](std::string_view key, std::string_view value) {
        if (text.size() > 1) text += ", ";
        sink::append_json_string(key, text);
        text += ": ";
        sink::append_json_string(value, text);
    };
    add("code", info(problem.code).name);
    add("severity", severity);
    add("message", problem.message);
    add("hint", problem.hint);
    add("file", problem.where.file);
    fmt::format_to(std::back_inserter(text), ", \"line\": {}, \"column\": {}, \"path\": [", problem.where.line,
                   problem.where.column);
    for (std::size_t i = 0; i < problem.path.size(); ++i) {
        if (i != 0) text += ", ";
        sink::append_json_string(problem.path[i], text);
    }
    return text + "]}";
}

}  // namespace weir::cli
