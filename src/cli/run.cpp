#include "cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/stop.h"
#include "base/without_exceptions.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/terminal.h"

namespace weir::cli {
namespace {

bool looks_like_project(const std::string& word) {
    std::error_code error;
    return fs::is_regular_file(fs::path(word) / "weir.yaml", error) || word == "." || word == ".." ||
           (word.find('/') != std::string::npos && !word.ends_with(".test.yaml"));
}

// Known before parsing, so that a usage error is already told the way that was asked for.
void configure_early(std::span<const std::string> words, Terminal& terminal) {
    bool json = false;
    for (const auto& word : words) json = json || word == "--json";
    terminal.configure("auto", json, false);
}

Result<int> run_words(std::span<const std::string> words, Terminal& terminal) {
    // PROJECT is looked for from the directory that -C names, wherever -C stands on the line.
    std::string directory;
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if ((words[i] == "-C" || words[i] == "--directory") && i + 1 < words.size()) directory = words[i + 1];
        if (words[i].starts_with("-C") && words[i].size() > 2) directory = words[i].substr(2);
        if (words[i].starts_with("--directory=")) directory = words[i].substr(12);
    }
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) {
        auto error = io_error("change to", directory, errno);
        error.code = ErrorCode::not_found;
        error.hint = "-C DIR names an existing directory";
        return error;
    }
    WEIR_ASSIGN(const auto invocation, parse(words, {.is_project = looks_like_project}));
    terminal.configure(invocation.color, invocation.json, invocation.quiet);
    if (invocation.command == nullptr) {
        const auto text = help_text(invocation.topic, terminal);
        if (invocation.help) {
            WEIR_TRY(terminal.write(text));
            return 0;
        }
        terminal.note(text);
        return info(ErrorCode::usage).exit_code;
    }
    return invocation.command->run(invocation, terminal);
}

}  // namespace

int run(std::span<const std::string> words) {
    stop_on_signals();
    Terminal terminal;
    configure_early(words, terminal);
    const auto code = without_exceptions([&] { return run_words(words, terminal); });
    if (code) return *code;
    terminal.report(code.error());
    return info(code.error().code).exit_code;
}

}  // namespace weir::cli
