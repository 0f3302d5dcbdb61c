// weir test: the project's tests, each in every way its rows can come in.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "base/nearest.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/project.h"
#include "declare/test_file.h"
#include "observe/progress.h"
#include "orchestrate/trial/trial.h"

namespace weir::cli {
namespace {

using declare::TestCase;
using nlohmann::json;
using orchestrate::trial::Outcome;

// The tests that the words name: a file, by its path or its name, or a test.
Result<std::vector<TestCase>> chosen(std::vector<TestCase> tests, const std::vector<std::string>& words) {
    if (words.empty()) return tests;
    const auto names = [](const std::string& word, const TestCase& test) {
        const fs::path path(word);
        return word == test.name || path.lexically_normal() == fs::path(test.file) ||
               fs::path(test.file).filename() == path ||
               fs::path(test.where.file).lexically_normal() == path.lexically_normal();
    };
    std::vector<std::string> known;
    for (const auto& test : tests) {
        if (std::find(known.begin(), known.end(), test.file) == known.end()) known.push_back(test.file);
        known.push_back(test.name);
    }
    for (const auto& word : words) {
        if (std::none_of(tests.begin(), tests.end(), [&](const auto& test) { return names(word, test); }))
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("the project has no test and no test file '{}'", word),
                         .hint = suggest(word, known)};
    }
    std::erase_if(tests, [&](const TestCase& test) {
        return std::none_of(words.begin(), words.end(), [&](const auto& word) { return names(word, test); });
    });
    return tests;
}

Result<std::uint64_t> seed_of(const Invocation& invocation) {
    const auto text = invocation.option("--seed");
    if (text.empty()) return std::uint64_t{std::random_device{}()};
    if (text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--seed takes a whole number, not '{}'", text),
                     .hint = "--seed 42"};
    return std::uint64_t{std::stoull(text)};
}

json json_of(const TestCase& test, const Outcome& outcome) {
    json value{{"name", test.name},          {"file", test.file},
               {"line", test.where.line},    {"passed", !outcome.failure},
               {"records", outcome.records}, {"ways", outcome.ways},
               {"cuts", outcome.cuts},       {"possible_cuts", outcome.possible_cuts}};
    if (!outcome.failure) return value;
    const auto& failure = *outcome.failure;
    const auto row = [](const std::string& text) { return text.empty() ? json() : json::parse(text, nullptr, false); };
    value["failure"] = {
        {"way", failure.way},         {"relation", failure.relation},      {"column", failure.column},
        {"message", failure.message}, {"expected", row(failure.expected)}, {"actual", row(failure.actual)},
        {"file", failure.where.file}, {"line", failure.where.line},        {"column_number", failure.where.column}};
    return value;
}

std::string ways_text(const Outcome& outcome) {
    const auto records = fmt::format("{} record{}", outcome.records, outcome.records == 1 ? "" : "s");
    if (outcome.ways == 1) return fmt::format("{}, one way", records);
    return fmt::format("{}, {} ways{}", records, outcome.ways,
                       outcome.sampled() ? fmt::format(", {} of {} cuts", outcome.cuts, outcome.possible_cuts) : "");
}

Status print(const TestCase& test, const Outcome& outcome, Terminal& terminal) {
    const auto word = outcome.failure ? terminal.styled(Style::red, "failed") : terminal.styled(Style::green, "passed");
    if (!outcome.failure)
        return terminal.write(fmt::format("{}  {}: {} ({})\n", word, fs::path(test.file).filename().string(), test.name,
                                          ways_text(outcome)));
    const auto& failure = *outcome.failure;
    WEIR_TRY(terminal.write(
        fmt::format("{}  {}: {} ({})\n", word, fs::path(test.file).filename().string(), test.name, failure.way)));
    WEIR_TRY(terminal.write(fmt::format("  {}: {}{}\n", to_string(failure.where),
                                        failure.relation.empty() ? "" : failure.relation + ": ", failure.message)));
    if (failure.expected.empty() && failure.actual.empty()) return ok();
    WEIR_TRY(
        terminal.write(fmt::format("  expected  {}\n", failure.expected.empty() ? "no such row" : failure.expected)));
    return terminal.write(fmt::format("  got       {}\n", failure.actual.empty() ? "no such row" : failure.actual));
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    stop_on_signals();
    WEIR_ASSIGN(const auto seed, seed_of(invocation));
    WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
    const auto options = load_options(invocation);
    auto loaded = declare::load_tests(options, project);
    if (!loaded.problems.empty()) {
        terminal.report(loaded.problems);
        return told(ErrorCode::project_invalid);
    }
    WEIR_ASSIGN(const auto tests, chosen(std::move(loaded.tests), invocation.all_arguments("TEST")));
    if (tests.empty())
        return Error{.code = ErrorCode::not_found,
                     .message = "the project has no tests",
                     .hint = "write tests/NAME.test.yaml; `weir test --help` and the guide show one"};
    observe::Progress progress(observe::Progress::for_stderr(invocation.quiet));
    progress.tell(
        observe::RunStarted{.run_id = "", .project = project.name, .steps = static_cast<std::int64_t>(tests.size())});
    json list = json::array();
    std::size_t failed = 0;
    bool sampled = false;
    std::vector<std::pair<const TestCase*, Outcome>> outcomes;
    std::vector<Error> problems;
    for (const auto& test : tests) {
        progress.tell(observe::StepStarted{.kind = "test", .node = test.name});
        auto outcome = orchestrate::trial::try_test(options, test, seed);
        progress.tell(observe::StepDone{.state = outcome && !outcome->failure ? "done" : "failed",
                                        .rows = outcome ? static_cast<std::int64_t>(outcome->records) : 0});
        if (!outcome && info(outcome.error().code).domain == Domain::user &&
            outcome.error().code != ErrorCode::interrupted) {
            problems.push_back(std::move(outcome.error()));
            continue;
        }
        if (!outcome) return outcome.error();
        failed += outcome->failure.has_value();
        sampled = sampled || outcome->sampled();
        outcomes.emplace_back(&test, std::move(*outcome));
    }
    progress.tell(observe::RunDone{.run_id = "", .failed = failed + problems.size() > 0});
    const bool good = failed == 0 && problems.empty();
    for (const auto& [test, outcome] : outcomes) {
        if (terminal.json())
            list.push_back(json_of(*test, outcome));
        else if (!terminal.quiet() || outcome.failure)
            WEIR_TRY(print(*test, outcome, terminal));
    }
    terminal.report(problems);
    const auto count = outcomes.size() + problems.size();
    if (terminal.json()) {
        const json value{{"passed", good}, {"seed", seed}, {"not_tried", problems.size()}, {"tests", std::move(list)}};
        WEIR_TRY(terminal.write(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
    } else if (!terminal.quiet()) {
        WEIR_TRY(terminal.write(fmt::format(
            "{} test{}: {}{}{}\n", count, count == 1 ? "" : "s", good ? "all passed" : fmt::format("{} failed", failed),
            problems.empty() ? "" : fmt::format(", {} could not be tried", problems.size()),
            sampled ? fmt::format("; cuts drawn with --seed {}", seed) : "")));
    }
    return good ? 0 : 1;
}

}  // namespace

Command test_command() {
    return {
        .name = "test",
        .summary = "try the project's tests: rows in, rows out, however the rows come in",
        .description =
            "Reads tests/*.test.yaml. The rows of each test go through the real intake into a scratch lake, and the "
            "real views are computed: in one go, cut in two at every point, and row by row where there are few. "
            "Every way must give what is expected, and the same. Above 20 records some cuts are drawn, and the seed "
            "is told. Your lake is not touched.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project},
                      {.name = "TEST",
                       .help = "these tests, or those of these files (default: all)",
                       .many = true,
                       .words = Words::file}},
        .options = {{.name = "--seed", .value = "N", .help = "draw the same cuts as an earlier time"}},
        .examples = {{"weir test", "every test of the project in the current directory"},
                     {"weir test projects/recipes recipe.test.yaml", "the tests of one file"},
                     {"weir test recipe.test.yaml --json", "for a program"}},
        .exit_codes = {0, 1, 2, 4, 130},
        .run = run};
}

}  // namespace weir::cli
