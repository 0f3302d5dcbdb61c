#include "cli/project.h"

#include <fmt/format.h>

namespace weir::cli {

namespace fs = std::filesystem;

Error told(ErrorCode code) { return {.code = code, .message = ""}; }

declare::LoadOptions load_options(const Invocation& invocation) {
    return {.directory = invocation.project(),
            .params = invocation.params,
            .lake = invocation.lake,
            .kafka_brokers = invocation.option("--kafka"),
            .environment = invocation.environment};
}

Result<declare::Project> load_project(const Invocation& invocation, Terminal& terminal) {
    auto loaded = declare::load(load_options(invocation));
    if (loaded.problems.empty()) {
        if (invocation.has("--log"))
            loaded.project.log.path = fs::absolute(invocation.option("--log")).lexically_normal();
        return std::move(loaded.project);
    }
    terminal.report(loaded.problems);
    if (!terminal.json())
        terminal.note(fmt::format("{} problem{}; nothing was done\n", loaded.problems.size(),
                                  loaded.problems.size() == 1 ? "" : "s"));
    return told(loaded.problems.front().code);
}

Result<Opened> open_project_or_lake(const Invocation& invocation, Terminal& terminal) {
    std::error_code error;
    const fs::path directory = invocation.project();
    if (fs::is_regular_file(directory / "weir.yaml", error)) {
        WEIR_ASSIGN(auto project, load_project(invocation, terminal));
        const auto lake = project.lake;
        return Opened{.project = std::move(project), .lake = lake};
    }
    if (!invocation.lake.empty()) return Opened{.project = std::nullopt, .lake = fs::absolute(invocation.lake)};
    return Error{
        .code = ErrorCode::not_found,
        .message = fmt::format("there is no weir.yaml in {}", fs::absolute(directory).lexically_normal().string()),
        .hint = "name the project's directory, or a lake with --lake"};
}

Result<view::Session> open_session(const Opened& opened, const lake::At& as_of, bool live) {
    return view::Session::open(
        {.lake = opened.lake, .project = opened.project ? &*opened.project : nullptr, .as_of = as_of, .live = live});
}

fs::path ledger_path(const fs::path& lake) { return lake / ".weir" / "ledger.db"; }

}  // namespace weir::cli
