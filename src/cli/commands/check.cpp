// weir check: every problem of a project at once.
#include <fmt/format.h>

#include "cli/commands/list.h"
#include "cli/effective.h"
#include "cli/project.h"
#include "declare/test_file.h"

namespace weir::cli {
namespace {

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    auto loaded = declare::load(load_options(invocation));
    if (loaded.problems.empty()) {
        auto tests = declare::load_tests(load_options(invocation), loaded.project);
        loaded.problems = std::move(tests.problems);
        loaded.warnings.insert(loaded.warnings.end(), tests.warnings.begin(), tests.warnings.end());
    }
    int code = 0;
    for (const auto& problem : loaded.problems) code = std::max(code, info(problem.code).exit_code);
    const bool effective = invocation.has("--effective") && loaded.problems.empty();
    if (effective && terminal.json()) {
        terminal.report(loaded.warnings, "warning");
        WEIR_TRY(terminal.write(effective_json(loaded.project)));
        return 0;
    }
    if (terminal.json()) {
        std::string text = "[";
        const auto add = [&](const std::vector<Error>& list, std::string_view severity) {
            for (const auto& problem : list) text += (text.size() == 1 ? "\n  " : ",\n  ") + to_json(problem, severity);
        };
        add(loaded.problems, "error");
        add(loaded.warnings, "warning");
        WEIR_TRY(terminal.write(text + (text.size() == 1 ? "]\n" : "\n]\n")));
        return code == 0 ? 0 : 1;
    }
    terminal.report(loaded.warnings, "warning");
    terminal.report(loaded.problems);
    const auto count = [](std::size_t number, std::string_view what) {
        return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
    };
    if (!loaded.problems.empty()) {
        terminal.note(fmt::format("{} in {}\n", count(loaded.problems.size(), "problem"), invocation.project()));
        return 1;
    }
    const auto& project = loaded.project;
    if (effective) {
        WEIR_TRY(terminal.write(effective_text(project)));
        return 0;
    }
    if (!terminal.quiet())
        WEIR_TRY(terminal.write(
            fmt::format("{}: {}, {}, {}, {}{}; no problems\n", project.name, count(project.sources.size(), "source"),
                        count(project.contracts.size(), "contract"), count(project.views.size(), "view"),
                        count(project.exports.size(), "export"),
                        loaded.warnings.empty() ? "" : ", " + count(loaded.warnings.size(), "warning"))));
    return 0;
}

}  // namespace

Command check_command() {
    return {
        .name = "check",
        .summary = "read every file of a project and report all problems at once",
        .description =
            "Each problem has its place (file:line:column), what is wrong, and a way out. Nothing is "
            "changed and no data is read. With --json the list goes to standard output.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project}},
        .options = {{.name = "--effective",
                     .value = "",
                     .help = "print the configuration in effect: environment, lake, parameters, places; no secrets"}},
        .examples = {{"weir check", "the project in the current directory"},
                     {"weir check --effective --env production", "what would hold in production"},
                     {"weir check shop --json", "for an editor or a pipeline"}},
        .exit_codes = {0, 1, 2},
        .run = run};
}

}  // namespace weir::cli
