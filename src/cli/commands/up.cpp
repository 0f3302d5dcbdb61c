// weir up: everything that runs until it is told to stop.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/nearest.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/parts.h"

namespace weir::cli {
namespace {

constexpr auto look_every = std::chrono::milliseconds(50);

// Those that --only names, in their own order; all where it names none.
Result<std::vector<const PartSpec*>> chosen_parts(const Invocation& invocation) {
    const auto wanted = invocation.all("--only");
    std::vector<std::string> names;
    for (const auto& part : parts()) names.emplace_back(part.name);
    for (const auto& name : wanted) {
        if (std::find(names.begin(), names.end(), name) == names.end())
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("there is no part '{}'", name),
                         .hint = suggest(name, names)};
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

// In the opposite order of their start. The first failure counts; the others are told.
Status stop_all(std::vector<Running>& running, Terminal& terminal) {
    Status first;
    while (!running.empty()) {
        auto stopped = running.back().part->stop();
        if (!stopped) {
            if (first) {
                first = std::move(stopped).error().within(fmt::format("stopping {}", running.back().name));
            } else {
                terminal.report(stopped.error());
            }
        }
        running.pop_back();
    }
    return first;
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto chosen, chosen_parts(invocation));
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    const UpContext context{invocation, terminal, opened};
    std::vector<Running> running;
    for (const auto* spec : chosen) {
        auto part = spec->start(context);
        if (!part) {
            static_cast<void>(stop_all(running, terminal));
            return std::move(part).error().within(fmt::format("starting {}", spec->name));
        }
        running.push_back({spec->name, std::move(*part)});
        context.note(spec->name, running.back().part->describe());
    }
    while (!stop_requested()) {
        for (const auto& one : running) {
            if (auto status = one.part->check(); !status) {
                auto error = std::move(status).error().within(fmt::format("running {}", one.name));
                static_cast<void>(stop_all(running, terminal));
                return error;
            }
        }
        std::this_thread::sleep_for(look_every);
    }
    WEIR_TRY(stop_all(running, terminal));
    return 0;
}

}  // namespace

Command up_command() {
    return {
        .name = "up",
        .summary = "run everything until stopped: so far, the views over HTTP",
        .description =
            "Runs until SIGTERM or Ctrl-C; requests under way then get their answers. Without any key in serve.yaml it "
            "listens on this machine alone, and everybody on it may read. A lake is served as it stands, and what "
            "`weir run` publishes is there about a second later.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one; --lake works without a project)",
                       .words = Words::project}},
        .options = {{.name = "--only",
                     .value = "PART",
                     .help = "only this part: serve; may be repeated",
                     .choices = {"serve"},
                     .repeatable = true},
                    {.name = "--listen",
                     .value = "ADDRESS:PORT",
                     .help = "where to listen, instead of serve.yaml's (127.0.0.1:8080); port 0: any that is free"}},
        .examples = {{"timeout 1 weir up --listen 127.0.0.1:0 || true",
                      "serves the project in this directory, for a second"},
                     {"timeout 1 weir up --only serve --lake lake --listen 127.0.0.1:0 || true",
                      "serves a lake as it stands"}},
        .exit_codes = {0, 1, 2, 4, 130},
        .run = run};
}

}  // namespace weir::cli
