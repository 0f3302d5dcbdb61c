// Where a command's words go: standard output for results, standard error for everything about them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::cli {

enum class Style { plain, bold, dim, red, yellow, green };

class Terminal {
public:
    // `color` is auto, always or never; auto looks at NO_COLOR, TERM and whether the stream is a terminal.
    void configure(std::string_view color, bool json, bool quiet);

    bool json() const { return json_; }
    bool quiet() const { return quiet_; }
    bool out_is_terminal() const { return out_is_terminal_; }
    bool error_is_terminal() const { return error_is_terminal_; }
    // Columns of the terminal; 0 where there is none, and nothing is cut.
    std::size_t width() const { return width_; }

    // To standard output. A reader that has gone away is an error without a message: the command ends quietly.
    Status write(std::string_view text);
    // To standard error.
    void note(std::string_view text);

    std::string styled(Style style, std::string_view text) const { return paint(out_colors_, style, text); }
    std::string styled_note(Style style, std::string_view text) const { return paint(error_colors_, style, text); }

    // The problems, each as "file:line:column: message" with its hint, or as JSON lines with --json.
    void report(std::span<const Error> problems, std::string_view severity = "error");
    void report(const Error& problem) { report(std::span(&problem, 1)); }

private:
    bool json_ = false;
    bool quiet_ = false;
    bool out_is_terminal_ = false;
    bool error_is_terminal_ = false;
    bool out_colors_ = false;
    bool error_colors_ = false;
    std::size_t width_ = 0;

    static std::string paint(bool colors, Style style, std::string_view text);
    std::string describe(const Error& problem, std::string_view severity) const;
};

// {"code": …, "severity": …, "message": …, "hint": …, "file": …, "line": …, "column": …, "path": […]}, on one line.
std::string to_json(const Error& problem, std::string_view severity = "error");

}  // namespace weir::cli
