#include "cli/docs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/command.h"
#include "declare/keys.h"
#include "model/system_tables.h"

namespace weir::cli {
namespace {

std::string page(std::string_view title, std::string_view introduction) {
    return fmt::format("# {}\n\n<!-- Printed by `weir docs`; edit the tables in src/ instead. -->\n\n{}\n", title,
                       introduction);
}

// A text inside a cell of a Markdown table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string sentence(std::string_view summary) {
    std::string text(summary);
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::string option_row(const Option& option) {
    const auto name =
        option.letter != 0 ? fmt::format("-{}, {}", option.letter, option.name) : std::string(option.name);
    std::string help(option.help);
    if (!option.choices.empty() && help.find(option.choices.front()) == std::string::npos)
        help += fmt::format(": {}", fmt::join(option.choices, ", "));
    return fmt::format("| `{}{}{}` | {} |\n", name, option.value.empty() ? "" : " ", cell(option.value), cell(help));
}

std::string command_section(const Command& command) {
    std::string text = fmt::format("\n## weir {}\n\n{}.\n", command.name, sentence(command.summary));
    if (!command.description.empty()) text += fmt::format("\n{}\n", command.description);
    text += fmt::format("\n    {}\n", usage_line(command));
    if (!command.arguments.empty()) {
        text += "\n| argument | |\n|---|---|\n";
        for (const auto& argument : command.arguments)
            text += fmt::format("| `{}` | {} |\n", argument.name, cell(argument.help));
    }
    if (!command.options.empty()) {
        text += "\n| option | |\n|---|---|\n";
        for (const auto& option : command.options) text += option_row(option);
    }
    text += command.examples.size() == 1 ? "\nExample:\n\n" : "\nExamples:\n\n";
    for (const auto& example : command.examples) text += fmt::format("- `{}`: {}\n", example.line, example.what);
    return text + fmt::format("\nExit codes: {}.\n", fmt::join(command.exit_codes, ", "));
}

std::string commands_page() {
    auto text = page("Commands",
                     "`PROJECT` is a directory with a `weir.yaml`; the current directory unless given. Results go to "
                     "standard output, everything about them to standard error. Exit codes are explained in "
                     "[exit-codes.md](exit-codes.md).");
    text += "\n## Options of every command\n\n| option | |\n|---|---|\n";
    for (const auto& option : global_options()) text += option_row(option);
    for (const auto& command : commands())
        if (!command.hidden) text += command_section(command);
    return text;
}

std::string exit_codes_page() {
    auto text = page("Exit codes", "What a script may rely on.");
    text += "\n| code | meaning | errors |\n|---|---|---|\n";
    for (const auto& code : exit_codes()) {
        std::string names;
        for (const auto& error : error_codes())
            if (error.exit_code == code.number) names += fmt::format("{}`{}`", names.empty() ? "" : ", ", error.name);
        text += fmt::format("| {} | {} | {} |\n", code.number, code.meaning, names);
    }
    return text;
}

std::string_view who(Domain domain) {
    switch (domain) {
        case Domain::user: return "the author of the project or the data";
        case Domain::external: return "whoever runs the machine";
        case Domain::engine: return "weir";
    }
    return "";
}

std::string errors_page() {
    auto text = page("Errors",
                     "Every error has a stable code. On standard error it is printed as `file:line:column: message`, "
                     "followed by a hint; with `--json` as one object a line with the keys `code`, `severity`, "
                     "`message`, `hint`, `file`, `line`, `column` (from 1; 0: not known) and `path`.");
    text += "\n| code | meaning | who can mend it | exit code |\n|---|---|---|---|\n";
    for (const auto& error : error_codes())
        text += fmt::format("| `{}` | {} | {} | {} |\n", error.name, cell(error.summary), who(error.domain),
                            error.exit_code);
    return text;
}

std::string system_tables_page() {
    auto text =
        page("System tables",
             "What weir knows about itself, as tables: `weir sql \"select * from weir.accounting\"`. Stored ones are "
             "Delta tables under `weir/` in the lake, which any Delta reader can read; the others are computed "
             "when they are read.");
    for (const auto& table : system_tables()) {
        text += fmt::format("\n## weir.{}\n\n{} {}\n\n| column | type | |\n|---|---|---|\n", table.name, table.summary,
                            table.stored ? "Stored." : "Computed.");
        for (std::size_t i = 0; i < table.schema.fields.size(); ++i) {
            const auto& field = table.schema.fields[i];
            text += fmt::format("| `{}` | {} | {} |\n", field.name, weir::to_string(field.type),
                                cell(table.column_help[i]));
        }
    }
    return text;
}

std::string configuration_page() {
    auto text =
        page("Configuration",
             "Every key that the files of a project may hold. An unknown key is an error with the nearest valid "
             "name; `weir check` reports all problems at once.");
    for (const auto& section : declare::configuration_keys()) {
        text += section.path.empty() ? fmt::format("\n## {}\n", section.file)
                                     : fmt::format("\n### {} in {}\n", section.path, section.file);
        text += fmt::format("\n{}\n\n| key | type | default | |\n|---|---|---|---|\n", section.summary);
        for (const auto& key : section.keys)
            text += fmt::format("| `{}` | {} | {} | {} |\n", cell(key.name), cell(key.type),
                                key.required ? "required" : cell(key.fallback), cell(key.help));
    }
    return text;
}

}  // namespace

std::vector<ReferencePage> reference_pages() {
    return {{"commands.md", commands_page()},
            {"exit-codes.md", exit_codes_page()},
            {"errors.md", errors_page()},
            {"configuration.md", configuration_page()},
            {"system-tables.md", system_tables_page()}};
}

}  // namespace weir::cli
