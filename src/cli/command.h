// One row per command. Parsing, help, completion, suggestions and the reference manual read the same rows.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::cli {

class Terminal;
struct Invocation;

// What a word of the command line may be; completion offers those.
enum class Words {
    anything,
    nothing,
    directory,
    file,
    command,
    project,
    table,
    source,
    view,
    view_or_table,
    format,
    shell
};

struct Option {
    std::string_view name;   // "--format"
    std::string_view value;  // "FORMAT"; empty: a switch
    std::string_view help;
    std::vector<std::string_view> choices{};
    Words words = Words::anything;
    char letter = 0;          // "-C"
    bool repeatable = false;  // may be given several times, each with one value
    bool many = false;        // takes every following word up to the next option
};

struct Argument {
    std::string_view name;  // "PROJECT"
    std::string_view help;
    bool required = false;
    bool many = false;
    Words words = Words::anything;
};

struct Example {
    std::string_view line;  // "weir check shop"
    std::string_view what;
};

struct Command {
    std::string_view name;  // "check", "table history"
    std::string_view summary;
    std::string_view description;
    std::vector<Argument> arguments;
    std::vector<Option> options;
    std::vector<Example> examples;
    std::vector<int> exit_codes;
    Result<int> (*run)(const Invocation&, Terminal&);  // the exit code
    bool hidden = false;
};

struct Group {
    std::string_view name;  // "table"
    std::string_view summary;
};

struct ExitCode {
    int number;
    std::string_view meaning;
};

std::span<const Command> commands();
std::span<const Group> groups();
// Options that every command takes.
std::span<const Option> global_options();
std::span<const ExitCode> exit_codes();

const Command* find_command(std::string_view name);
std::string usage_line(const Command& command);

}  // namespace weir::cli
