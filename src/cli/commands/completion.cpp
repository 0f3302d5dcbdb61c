// weir completion SHELL prints a script; that script asks `weir __complete` at each key press of the user.
#include <fmt/format.h>

#include "base/file.h"
#include "cli/commands/list.h"
#include "cli/completion.h"
#include "cli/parse.h"
#include "cli/terminal.h"

namespace weir::cli {
namespace {

constexpr std::string_view bash_script = R"(# bash completion for weir:  source <(weir completion bash)
_weir() {
    local line kind=""
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :*) kind="$line" ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <(weir __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    local current="${COMP_WORDS[COMP_CWORD]}"
    [[ "$current" == "=" ]] && current=""
    case "$kind" in
        :files) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null ;;
        :directories) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current"); compopt -o filenames 2>/dev/null ;;
    esac
}
complete -F _weir weir
)";

constexpr std::string_view zsh_script = R"(#compdef weir
# zsh completion for weir:  source <(weir completion zsh)
_weir() {
    local -a answers names
    local line kind=""
    answers=("${(@f)$(weir __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${answers[@]}"; do
        case "$line" in
            '') ;;
            :*) kind="$line" ;;
            *) names+=("$line") ;;
        esac
    done
    (( ${#names} )) && compadd -a names
    case "$kind" in
        :files) _files ;;
        :directories) _files -/ ;;
    esac
}
compdef _weir weir
)";

constexpr std::string_view fish_script = R"(# fish completion for weir:  weir completion fish | source
function __weir_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (weir __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':directories'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c weir -f -a '(__weir_complete)'
)";

Result<int> print_script(const Invocation& invocation, Terminal& terminal) {
    const auto shell = invocation.argument("SHELL");
    if (shell == "bash") {
        WEIR_TRY(terminal.write(bash_script));
    } else if (shell == "zsh") {
        WEIR_TRY(terminal.write(zsh_script));
    } else if (shell == "fish") {
        WEIR_TRY(terminal.write(fish_script));
    } else {
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("there is no completion for '{}'", shell),
                     .hint = "one of: bash, zsh, fish"};
    }
    return 0;
}

// By the names of files: this runs at each key press, and a project that does not load has names too.
std::vector<std::string> stems(const fs::path& directory, std::string_view ending) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.ends_with(ending)) names.push_back(name.substr(0, name.size() - ending.size()));
    }
    return names;
}

std::vector<std::string> tables_in(const fs::path& lake) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(lake, error), end; !error && entry != end; entry.increment(error)) {
        if (fs::is_directory(entry->path() / "_delta_log", error)) names.push_back(entry->path().filename().string());
        error.clear();
    }
    return names;
}

// Read at each key press; no project file comes near it.
constexpr std::size_t project_file_bytes_max = std::size_t{1} << 20;

// The `lake:` key, found by its beginning: a project that does not load has a lake too.
std::string lake_of_project() {
    const auto text = read_file("weir.yaml", project_file_bytes_max);
    if (!text) return "lake";
    std::string_view rest = *text;
    while (!rest.empty()) {
        auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (!line.starts_with("lake:")) continue;
        line.remove_prefix(5);
        line = line.substr(0, line.find(" #"));
        const auto unwanted = std::string_view(" \t\r\"'");
        const auto begin = line.find_first_not_of(unwanted);
        if (begin == std::string_view::npos) break;
        return std::string(line.substr(begin, line.find_last_not_of(unwanted) - begin + 1));
    }
    return "lake";
}

std::vector<std::string> names_here(Words words, const std::string& named_lake) {
    const auto lake = named_lake.empty() ? lake_of_project() : named_lake;
    switch (words) {
        case Words::source: return stems("sources", ".yaml");
        case Words::view: return stems("views", ".sql");
        case Words::table: return tables_in(lake);
        case Words::view_or_table: {
            auto names = stems("views", ".sql");
            for (auto& table : tables_in(lake)) names.push_back(std::move(table));
            return names;
        }
        default: return {};
    }
}

Result<int> print_candidates(const Invocation& invocation, Terminal& terminal) {
    const auto words = invocation.all_arguments("WORD");
    std::string lake;
    for (std::size_t i = 0; i + 2 < words.size(); ++i)
        if (words[i] == "--lake") lake = words[i + 1];
    const auto completion = complete(words, [&](Words kind) { return names_here(kind, lake); });
    std::string text;
    for (const auto& word : completion.words) text += word + "\n";
    if (completion.rest == Completion::Rest::files) text += ":files\n";
    if (completion.rest == Completion::Rest::directories) text += ":directories\n";
    WEIR_TRY(terminal.write(text));
    return 0;
}

}  // namespace

Command completion_command() {
    return {.name = "completion",
            .summary = "print a script that completes commands, options and names in your shell",
            .description = "The script asks weir itself, so it stays right when weir or the project changes.",
            .arguments = {{.name = "SHELL", .help = "bash, zsh or fish", .required = true, .words = Words::shell}},
            .options = {},
            .examples = {{"source <(weir completion bash)", "in ~/.bashrc"},
                         {"source <(weir completion zsh)", "in ~/.zshrc, behind compinit"},
                         {"weir completion fish | source", "in ~/.config/fish/config.fish"}},
            .exit_codes = {0, 2},
            .run = print_script};
}

Command complete_command() {
    return {.name = "__complete",
            .summary = "the words that the shell may offer",
            .description = "",
            .arguments = {{.name = "WORD", .help = "the command line behind weir, up to the cursor", .many = true}},
            .options = {},
            .examples = {{"weir __complete -- ta", "table"}},
            .exit_codes = {0},
            .run = print_candidates,
            .hidden = true};
}

}  // namespace weir::cli
