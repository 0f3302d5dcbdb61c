// weir doctor: is everything here that a run needs?
#include <duckdb.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <langinfo.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "cli/commands/list.h"
#include "cli/parse.h"
#include "cli/project.h"
#include "cli/terminal.h"
#include "observe/progress.h"
#include "sink/value.h"
#include "sql/database.h"

namespace weir::cli {
namespace {

enum class Verdict { ok, warning, error };

struct Finding {
    std::string_view check;
    Verdict verdict = Verdict::ok;
    std::string what;
    std::string way_out;
};

constexpr std::string_view duckdb_expected = "v1.5";
// A commit of a day's files with its checkpoint fits well into this; below it the next run is likely to fail.
constexpr std::uint64_t free_bytes_min = 1ull << 30;
constexpr std::uint64_t memory_bytes_min = 1ull << 30;
// Glob reads open many files at once.
constexpr rlim_t files_min = 1024;

Finding check_duckdb() {
    const std::string version = duckdb_library_version();
    if (!version.starts_with(duckdb_expected))
        return {"duckdb", Verdict::warning, fmt::format("DuckDB {}, built for {}", version, duckdb_expected),
                "run ./dev setup, which fetches the right one"};
    auto database = sql::Database::open({});
    if (!database) return {"duckdb", Verdict::error, database.error().message, "run ./dev setup again"};
    auto connection = database->connect();
    if (!connection) return {"duckdb", Verdict::error, connection.error().message, "run ./dev setup again"};
    return {"duckdb", Verdict::ok, fmt::format("DuckDB {}", version), ""};
}

// What a commit does: write, sync, link (exactly one of two writers may win), rename.
Status try_commit_steps(const fs::path& directory) {
    const auto probe = directory / fmt::format(".weir-doctor-{}", ::getpid());
    WEIR_TRY(write_file_if_absent(probe, "a"));
    const auto second = write_file_if_absent(probe, "b");
    auto status = write_file_atomic(probe, "c");
    ::unlink(probe.c_str());
    if (second) {
        return Error{.code = ErrorCode::io_failed,
                     .message = fmt::format("{} lets two writers create the same file", directory.string())};
    }
    return status;
}

Finding check_lake(const fs::path& lake) {
    fs::path existing = fs::absolute(lake).lexically_normal();
    std::error_code error;
    while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
    if (!fs::is_directory(existing, error))
        return {"lake", Verdict::error, fmt::format("{} is not a directory", existing.string()),
                "choose another place with --lake"};
    if (const auto status = try_commit_steps(existing); !status)
        return {"lake", Verdict::error, status.error().message,
                "the lake needs a directory that can be written, on a file system with links (not FAT, not every "
                "network share)"};
    return {
        "lake", Verdict::ok,
        existing == fs::absolute(lake).lexically_normal()
            ? fmt::format("{} can be written; link, rename and fsync work", lake.string())
            : fmt::format("{} does not exist yet; link, rename and fsync work in {}", lake.string(), existing.string()),
        ""};
}

Finding check_space(const fs::path& lake) {
    fs::path existing = fs::absolute(lake);
    std::error_code error;
    while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
    struct statvfs status {};
    if (::statvfs(existing.c_str(), &status) != 0)
        return {"space", Verdict::warning, fmt::format("cannot ask {}: {}", existing.string(), std::strerror(errno)),
                ""};
    const auto free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    if (free < free_bytes_min)
        return {"space", Verdict::warning, fmt::format("{} free at {}", observe::bytes_text(free), existing.string()),
                "free some room; `weir table vacuum` shows what a lake could let go of"};
    return {"space", Verdict::ok, fmt::format("{} free at {}", observe::bytes_text(free), existing.string()), ""};
}

Finding check_memory() {
    std::ifstream file("/proc/meminfo");
    std::string line;
    std::uint64_t available = 0;
    while (std::getline(file, line)) {
        if (unsigned long kib = 0; std::sscanf(line.c_str(), "MemAvailable: %lu kB", &kib) == 1) available = kib * 1024;
    }
    if (available == 0) return {"memory", Verdict::warning, "the system does not say how much is available", ""};
    if (available < memory_bytes_min)
        return {"memory", Verdict::warning, fmt::format("{} available", observe::bytes_text(available)),
                "set engine.memory in weir.yaml to less, or end other programs"};
    return {"memory", Verdict::ok, fmt::format("{} available", observe::bytes_text(available)), ""};
}

Finding check_threads() {
    const auto count = std::thread::hardware_concurrency();
    return {"threads", Verdict::ok, fmt::format("{} core{}", count, count == 1 ? "" : "s"), ""};
}

Finding check_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return {"open files", Verdict::warning, "the system does not say how many are allowed", ""};
    if (limit.rlim_cur < files_min)
        return {"open files", Verdict::warning, fmt::format("{} allowed at once", limit.rlim_cur),
                fmt::format("run `ulimit -n {}` before weir", files_min)};
    return {"open files", Verdict::ok, fmt::format("{} allowed at once", limit.rlim_cur), ""};
}

Finding check_text() {
    std::setlocale(LC_CTYPE, "");
    const std::string encoding = ::nl_langinfo(CODESET);
    if (encoding != "UTF-8")
        return {"text", Verdict::warning, fmt::format("the terminal's encoding is {}, weir writes UTF-8", encoding),
                "export LC_ALL=C.UTF-8"};
    return {"text", Verdict::ok, "UTF-8", ""};
}

std::string_view word_of(Verdict verdict) {
    return verdict == Verdict::ok ? "ok" : verdict == Verdict::warning ? "warning" : "error";
}

std::string json_of(const std::vector<Finding>& findings) {
    std::string text = "[";
    for (const auto& finding : findings) {
        text += text.size() == 1 ? "\n  {" : ",\n  {";
        const auto add = [&](std::string_view key, std::string_view value, bool first = false) {
            text += first ? "" : ", ";
            sink::append_json_string(key, text);
            text += ": ";
            sink::append_json_string(value, text);
        };
        add("check", finding.check, true);
        add("verdict", word_of(finding.verdict));
        add("message", finding.what);
        add("hint", finding.way_out);
        text += "}";
    }
    return text + "\n]\n";
}

// Nothing where there is no project to look at; `lake` becomes the project's.
std::optional<Finding> check_project(const Invocation& invocation, fs::path& lake) {
    std::error_code error;
    if (!fs::is_regular_file(fs::path(invocation.project()) / "weir.yaml", error)) return std::nullopt;
    const auto loaded = declare::load(load_options(invocation));
    if (!loaded.project.lake.empty()) lake = loaded.project.lake;
    if (loaded.problems.empty())
        return Finding{"project", Verdict::ok, fmt::format("{} loads, without problems", loaded.project.name), ""};
    return Finding{"project", Verdict::error,
                   fmt::format("{} problem{}, the first at {}", loaded.problems.size(),
                               loaded.problems.size() == 1 ? "" : "s", to_string(loaded.problems.front().where)),
                   "`weir check` lists them"};
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    fs::path lake = invocation.lake.empty() ? fs::path(invocation.project()) / "lake" : fs::path(invocation.lake);
    const auto project = check_project(invocation, lake);
    std::vector<Finding> findings{check_duckdb(),  check_lake(lake), check_space(lake), check_memory(),
                                  check_threads(), check_files(),    check_text()};
    if (project) findings.push_back(*project);
    bool failed = false;
    std::string text;
    for (const auto& finding : findings) {
        failed = failed || finding.verdict == Verdict::error;
        const auto style = finding.verdict == Verdict::ok        ? Style::green
                           : finding.verdict == Verdict::warning ? Style::yellow
                                                                 : Style::red;
        const auto word = word_of(finding.verdict);
        text += fmt::format("{}{} {:<11} {}\n", terminal.styled(style, word), std::string(8 - word.size(), ' '),
                            finding.check, finding.what);
        if (!finding.way_out.empty()) text += fmt::format("{:21}hint: {}\n", "", finding.way_out);
    }
    WEIR_TRY(terminal.write(terminal.json() ? json_of(findings) : text));
    return failed ? info(ErrorCode::io_failed).exit_code : 0;
}

}  // namespace

Command doctor_command() {
    return {.name = "doctor",
            .summary = "check that everything is here that a run needs",
            .description =
                "One line per check, with a way out where something is missing. Nothing is changed: the lake "
                "directory gets a small file that is removed again.",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project}},
            .options = {},
            .examples = {{"weir doctor", "for the project in the current directory"},
                         {"weir doctor --lake /srv/lake", "would a lake work there?"}},
            .exit_codes = {0, 2, 4},
            .run = run};
}

}  // namespace weir::cli
