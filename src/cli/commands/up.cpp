// weir up: everything that runs until it is told to stop.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/log_place.h"
#include "cli/parts.h"
#include "observe/machine.h"
#include "serve/serving.h"

namespace weir::cli {
namespace {

constexpr auto look_every = std::chrono::milliseconds(50);
constexpr auto tell_every = std::chrono::seconds(1);

// Those that --only names, in their own order; all where it names none.
Result<std::vector<const PartSpec*>> chosen_parts(const std::vector<std::string>& wanted) {
    std::vector<std::string> names;
    for (const auto& part : parts()) names.emplace_back(part.name);
    for (const auto& name : wanted) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        auto hint = suggest(name, names);
        if (hint.empty()) hint = fmt::format("--only {}", fmt::join(names, ","));
        return Error{
            .code = ErrorCode::usage, .message = fmt::format("there is no part '{}'", name), .hint = std::move(hint)};
    }
    std::vector<const PartSpec*> chosen;
    for (const auto& part : parts())
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), part.name) != wanted.end())
            chosen.push_back(&part);
    return chosen;
}

struct Running {
    std::string_view name;
    std::unique_ptr<Part> part;
};

// On a terminal always the same line, elsewhere an object of JSON each.
void tell(const std::vector<Running>& running, Terminal& terminal, SharedParts& shared) {
    std::string text, json, board;
    if (const auto machine = observe::look_at_machine(shared.lake))
        json = board = fmt::format(", \"machine\": {{{}}}", observe::to_json_members(*machine));
    const auto add = [](std::string& to, std::string_view part, const std::string& members) {
        if (!members.empty()) to += fmt::format(", \"{}\": {{{}}}", part, members);
    };
    for (const auto& one : running) {
        const auto its_text = one.part->status_text();
        if (!its_text.empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : "  |  ", one.name, its_text);
        add(json, one.name, one.part->status_json());
        add(board, one.name, one.part->board_json());
    }
    shared.board.put(board.empty() ? "{}" : "{" + board.substr(2) + "}");
    if (terminal.quiet()) return;
    if (!terminal.error_is_terminal()) {
        if (!json.empty())
            terminal.note(
                fmt::format("{{\"event\": \"status\", \"at\": \"{}\"{}}}\n", to_iso(SystemClock().now()), json));
        return;
    }
    if (text.empty()) return;
    if (terminal.width() > 0 && text.size() >= terminal.width()) text.resize(terminal.width() - 1);
    terminal.note("\r\x1b[K" + text);
}

// In the opposite order of their start. The first failure counts; the others are told.
Status stop_all(std::vector<Running>& running, Terminal& terminal, SharedParts& shared) {
    Status first;
    for (auto one = running.rbegin(); one != running.rend(); ++one) {
        auto stopped = one->part->stop();
        if (stopped) continue;
        if (first) {
            first = std::move(stopped).error().within(fmt::format("stopping {}", one->name));
        } else {
            terminal.report(stopped.error());
        }
    }
    // What was finished meanwhile.
    tell(running, terminal, shared);
    if (terminal.error_is_terminal() && !terminal.quiet()) terminal.note("\n");
    while (!running.empty()) running.pop_back();
    return first;
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    const auto wanted = invocation.names("--only");
    WEIR_ASSIGN(const auto chosen, chosen_parts(wanted));
    stop_on_signals();
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    const auto serves = [](const PartSpec* spec) { return spec->name == "serve"; };
    if (opened.project && std::any_of(chosen.begin(), chosen.end(), serves))
        WEIR_TRY(serve::check_secrets(*opened.project));
    SharedParts shared{.lake = opened.lake};
    const UpContext context{invocation, terminal, opened, shared};
    std::vector<Running> running;
    for (const auto* spec : chosen) {
        auto part = spec->start(context);
        if (!part) {
            static_cast<void>(stop_all(running, terminal, shared));
            return std::move(part).error().within(fmt::format("starting {}", spec->name));
        }
        if (!*part) {
            if (!wanted.empty()) context.note(spec->name, "nothing in this project is for this part");
            continue;
        }
        running.push_back({spec->name, std::move(*part)});
        context.note(spec->name, running.back().part->describe());
    }
    if (running.empty())
        return Error{
            .code = ErrorCode::project_invalid,
            .message = "nothing in this project runs continuously",
            .hint = "a source with log: TOPIC or kafka: TOPIC is taken in by `weir up`; files are by `weir run`"};
    auto next = std::chrono::steady_clock::now() + tell_every;
    while (!stop_requested()) {
        if (std::chrono::steady_clock::now() >= next) {
            tell(running, terminal, shared);
            next += tell_every;
        }
        for (const auto& one : running) {
            if (auto status = one.part->check(); !status) {
                auto error = std::move(status).error().within(fmt::format("running {}", one.name));
                static_cast<void>(stop_all(running, terminal, shared));
                return error;
            }
        }
        std::this_thread::sleep_for(look_every);
    }
    WEIR_TRY(stop_all(running, terminal, shared));
    return 0;
}

}  // namespace

Command up_command() {
    return {
        .name = "up",
        .summary = "run everything until stopped: topics into the lake, views up to the second, over HTTP",
        .description =
            "Parts: intake takes the topics of the log into the lake, in epochs that `intake` in weir.yaml bounds, and "
            "owns the log meanwhile: `weir produce` appends through it; topics of Kafka too, which several processes "
            "with "
            "--only intake share. batch runs what is due, files too, and "
            "publishes it, as often as `batch` in weir.yaml says. speed keeps what came in since in the states of the "
            "views, and serve gives the views over HTTP: up to the second (layer=merged) and as published "
            "(layer=batch). alerts looks at what alerts.yaml declares, and tells the log and its targets. "
            "One status line a second on a terminal, JSON lines elsewhere, on standard error. A source that cannot "
            "go on is told, and the others do; when none can, the command ends with its error. "
            "Runs until SIGTERM or Ctrl-C: the epoch under way is finished, requests under way get their answers. "
            "Without any key in serve.yaml it "
            "listens on this machine alone, and everybody on it may read. With --only serve a lake is served as it "
            "stands, and what `weir run` publishes is there about a second later.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one; --lake works without a project)",
                       .words = Words::project}},
        .options = {{.name = "--only",
                     .value = "PARTS",
                     .help = "only these parts: speed, intake, batch, alerts, serve; with commas between them, or the "
                             "option again",
                     .repeatable = true},
                    log_option(),
                    kafka_option("the brokers of the project's Kafka, host:port with commas between them"),
                    {.name = "--listen",
                     .value = "ADDRESS:PORT",
                     .help = "where to listen, instead of serve.yaml's (127.0.0.1:8080); port 0: any that is free"}},
        .examples = {{"timeout 1 weir up --listen 127.0.0.1:0 || true",
                      "serves the project in this directory, for a second"},
                     {"timeout 1 weir up --only serve --lake lake --listen 127.0.0.1:0 || true",
                      "serves a lake as it stands"},
                     {"timeout 3 weir up projects/learning --only intake --param from=log --log my-log || true",
                      "the topics of a log into the lake, no more"}},
        .exit_codes = {0, 1, 2, 3, 4, 5, 130},
        .run = run};
}

}  // namespace weir::cli
