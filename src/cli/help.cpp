#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "observe/width.h"

namespace weir::cli {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t line_width = 100;
constexpr std::size_t left_width_max = 34;

std::string wrapped(std::string_view text, std::size_t indent, std::size_t first_column) {
    std::string out;
    std::size_t column = first_column;
    bool line_begins = true;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto word = text.substr(0, space);
        if (!line_begins && column + 1 + observe::display_width(word) > line_width) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!line_begins) {
            out += ' ';
            ++column;
        }
        line_begins = false;
        out += word;
        column += observe::display_width(word);
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return out;
}

std::string two_columns(const Lines& lines) {
    std::size_t left = 0;
    for (const auto& [name, what] : lines)
        left = std::max(left, std::min(observe::display_width(name), left_width_max));
    std::string out;
    for (const auto& [name, what] : lines) {
        const auto width = observe::display_width(name);
        out += "  " + name;
        out += width > left ? "\n" + std::string(left + 4, ' ') : std::string(left - width + 2, ' ');
        out += wrapped(what, left + 4, left + 4) + "\n";
    }
    return out;
}

std::string option_name(const Option& option) {
    std::string name =
        option.letter != 0 ? fmt::format("-{}, {}", option.letter, option.name) : std::string(option.name);
    if (!option.value.empty()) name += fmt::format(" {}{}", option.value, option.many ? "…" : "");
    return name;
}

std::string option_help(const Option& option) {
    std::string help(option.help);
    if (!option.choices.empty() && help.find(option.choices.front()) == std::string::npos)
        help += fmt::format(": {}", fmt::join(option.choices, ", "));
    return help;
}

Lines option_lines(std::span<const Option> options) {
    Lines lines;
    for (const auto& option : options) lines.emplace_back(option_name(option), option_help(option));
    return lines;
}

std::string title(const Terminal& terminal, std::string_view text) {
    return "\n" + terminal.styled(Style::bold, text) + "\n";
}

std::string command_help(const Command& command, const Terminal& terminal) {
    std::string text = fmt::format("weir {}: {}\n", command.name, command.summary);
    if (!command.description.empty()) text += "\n" + wrapped(command.description, 0, 0) + "\n";
    text += title(terminal, "Usage") + "  " + wrapped(usage_line(command), 6, 2) + "\n";
    if (!command.arguments.empty()) {
        Lines lines;
        for (const auto& argument : command.arguments) lines.emplace_back(argument.name, argument.help);
        text += title(terminal, "Arguments") + two_columns(lines);
    }
    if (!command.options.empty()) text += title(terminal, "Options") + two_columns(option_lines(command.options));
    text += title(terminal, "Options of every command") + two_columns(option_lines(global_options()));
    text += title(terminal, "Examples");
    for (const auto& example : command.examples)
        text += fmt::format("  {}\n      {}\n", example.line, wrapped(example.what, 6, 6));
    Lines codes;
    for (const auto& code : exit_codes())
        if (std::find(command.exit_codes.begin(), command.exit_codes.end(), code.number) != command.exit_codes.end())
            codes.emplace_back(std::to_string(code.number), code.meaning);
    return text + title(terminal, "Exit codes") + two_columns(codes);
}

Lines command_lines(std::string_view prefix) {
    Lines lines;
    for (const auto& command : commands()) {
        const bool in_group = command.name.find(' ') != std::string_view::npos;
        if (command.hidden || (prefix.empty() ? in_group : !command.name.starts_with(prefix))) continue;
        lines.emplace_back(command.name, command.summary);
    }
    if (prefix.empty())
        for (const auto& group : groups()) lines.emplace_back(fmt::format("{} …", group.name), group.summary);
    return lines;
}

std::string overview(const Terminal& terminal) {
    std::string text = "weir: files in, contract, Delta lake, SQL views, exports; every row accounted for\n";
    text += title(terminal, "Usage") +
            "  weir COMMAND [PROJECT] [OPTIONS]      PROJECT is the current directory unless given\n";
    text += title(terminal, "Commands") + two_columns(command_lines(""));
    text += title(terminal, "Options of every command") + two_columns(option_lines(global_options()));
    return text + "\n`weir help COMMAND` shows arguments, options, examples and exit codes.\n";
}

std::string group_help(const Group& group, const Terminal& terminal) {
    std::string text = fmt::format("weir {}: {}\n", group.name, group.summary);
    text += title(terminal, "Commands") + two_columns(command_lines(fmt::format("{} ", group.name)));
    return text +
           fmt::format("\n`weir help {} COMMAND` shows arguments, options, examples and exit codes.\n", group.name);
}

}  // namespace

std::string help_text(std::string_view topic, const Terminal& terminal) {
    if (const Command* command = find_command(topic); command != nullptr) return command_help(*command, terminal);
    for (const auto& group : groups())
        if (group.name == topic) return group_help(group, terminal);
    return overview(terminal);
}

}  // namespace weir::cli
