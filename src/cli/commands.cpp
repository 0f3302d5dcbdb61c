// The whole list, in the order of help.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/commands/list.h"

namespace weir::cli {

std::span<const Command> commands() {
    static const std::vector<Command> all = [] {
        std::vector<Command> list{new_command(),
                                  check_command(),
                                  plan_command(),
                                  run_command(),
                                  up_command(),
                                  explain_command(),
                                  verify_command(),
                                  test_command(),
                                  sql_command(),
                                  export_command(),
                                  generate_command(),
                                  produce_command(),
                                  consume_command(),
                                  status_command(),
                                  quarantine_list_command(),
                                  quarantine_show_command(),
                                  quarantine_replay_command(),
                                  quarantine_discard_command()};
        for (auto& command : table_commands()) list.push_back(std::move(command));
        for (auto& command : topic_commands()) list.push_back(std::move(command));
        for (auto& command : token_commands()) list.push_back(std::move(command));
        for (auto& command : alert_commands()) list.push_back(std::move(command));
        list.insert(list.end(),
                    {doctor_command(), version_command(), completion_command(), complete_command(), docs_command()});
        return list;
    }();
    return all;
}

std::span<const Group> groups() {
    static const std::vector<Group> all{
        {"quarantine", "rows that broke their contract"},
        {"table", "Delta tables: what they are, what happened to them, maintenance"},
        {"topic", "topics of the log: what is in them, how they are kept"},
        {"token", "keys and tokens for the HTTP interface"},
    };
    return all;
}

std::span<const Option> global_options() {
    static const std::vector<Option> all{
        {.name = "--help", .value = "", .help = "show this help", .letter = 'h'},
        {.name = "--directory",
         .value = "DIR",
         .help = "work as if started in DIR",
         .words = Words::directory,
         .letter = 'C'},
        {.name = "--json", .value = "", .help = "results and errors as JSON"},
        {.name = "--quiet", .value = "", .help = "no progress and no notes", .letter = 'q'},
        {.name = "--color",
         .value = "WHEN",
         .help = "colours: auto, always or never (NO_COLOR is respected)",
         .choices = {"auto", "always", "never"}},
        {.name = "--env", .value = "NAME", .help = "the environment (default: $ENVIRONMENT, else dev)"},
        {.name = "--lake",
         .value = "URI",
         .help = "the lake's place, instead of the project's",
         .words = Words::directory},
        {.name = "--param",
         .value = "NAME=VALUE",
         .help = "a parameter that weir.yaml declares; may be repeated",
         .repeatable = true},
    };
    return all;
}

std::span<const ExitCode> exit_codes() {
    static const std::vector<ExitCode> all{
        {0, "Done."},
        {1, "The project, the SQL or the request has a problem; it is printed."},
        {2, "The command line could not be understood."},
        {3, "The data was refused: a threshold of a contract was missed, or an input cannot be taken as it is."},
        {4, "The surroundings failed: disk, permissions, memory, another process, a damaged table."},
        {5, "A fault of weir itself."},
        {130, "Stopped by a signal (Ctrl-C); the old state stands."},
    };
    return all;
}

const Command* find_command(std::string_view name) {
    const auto all = commands();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Command& command) { return command.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string usage_line(const Command& command) {
    std::string text = fmt::format("weir {}", command.name);
    for (const auto& argument : command.arguments) {
        const auto name = argument.many ? fmt::format("{}…", argument.name) : std::string(argument.name);
        text += argument.required ? " " + name : fmt::format(" [{}]", name);
    }
    for (const auto& option : command.options) {
        if (option.value.empty()) {
            text += fmt::format(" [{}]", option.name);
        } else {
            text += fmt::format(" [{} {}]{}", option.name, option.value, option.repeatable || option.many ? "…" : "");
        }
    }
    return text;
}

}  // namespace weir::cli
