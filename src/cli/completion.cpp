#include "cli/completion.h"

#include <algorithm>

namespace weir::cli {
namespace {

const Option* option_named(const Command* command, const std::string& word) {
    const auto matches = [&](const Option& option) {
        return option.name == word ||
               (word.size() == 2 && word[0] == '-' && option.letter != 0 && word[1] == option.letter);
    };
    if (command != nullptr)
        for (const auto& option : command->options)
            if (matches(option)) return &option;
    for (const auto& option : global_options())
        if (matches(option)) return &option;
    return nullptr;
}

void offer(Completion& completion, Words words, const NamesOf& names_of) {
    switch (words) {
        case Words::directory:
        case Words::project: completion.rest = Completion::Rest::directories; return;
        case Words::file: completion.rest = Completion::Rest::files; return;
        case Words::shell: completion.words.insert(completion.words.end(), {"bash", "fish", "zsh"}); return;
        case Words::anything:
        case Words::nothing: return;
        default: break;
    }
    for (auto& name : names_of(words)) completion.words.push_back(std::move(name));
}

void offer_commands(Completion& completion, const std::string& group) {
    const auto prefix = group.empty() ? "" : group + " ";
    for (const auto& command : commands()) {
        if (command.hidden || !command.name.starts_with(prefix)) continue;
        const auto rest = command.name.substr(prefix.size());
        if (rest.find(' ') == std::string_view::npos) completion.words.emplace_back(rest);
    }
    if (!group.empty()) return;
    for (const auto& name : groups()) completion.words.emplace_back(name.name);
    completion.words.emplace_back("help");
}

void offer_options(Completion& completion, const Command* command) {
    if (command != nullptr)
        for (const auto& option : command->options) completion.words.emplace_back(option.name);
    for (const auto& option : global_options()) completion.words.emplace_back(option.name);
}

}  // namespace

Completion complete(std::span<const std::string> words, const NamesOf& names_of) {
    Completion completion;
    std::string group;
    const Command* command = nullptr;
    bool help = false;
    const Option* open = nullptr;  // takes the word being typed
    std::size_t position = 0;      // of that word among the command's arguments
    const std::string last = words.empty() ? "" : words.back();
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (word == "=") continue;  // bash makes a word of it
        if (open != nullptr) {
            if (!open->many) open = nullptr;
            if (!word.starts_with("-")) continue;
        }
        if (word.starts_with("-")) {
            const Option* option = option_named(command, word);
            open = option != nullptr && !option->value.empty() ? option : nullptr;
        } else if (word == "help" && command == nullptr) {
            help = true;
        } else if (command == nullptr) {
            const auto name = group.empty() ? word : group + " " + word;
            command = find_command(name);
            if (command == nullptr) group = word;
        } else {
            ++position;
        }
    }
    if (open != nullptr && !(open->many && last.starts_with("-"))) {
        for (const auto choice : open->choices) completion.words.emplace_back(choice);
        if (open->choices.empty()) offer(completion, open->words, names_of);
    } else if (last.starts_with("-")) {
        offer_options(completion, command);
    } else if (command == nullptr || help) {
        offer_commands(completion, group);
    } else {
        // An optional PROJECT may have been left out: its neighbour is offered too.
        const auto& arguments = command->arguments;
        if (!arguments.empty()) {
            const auto at = std::min(position, arguments.size() - 1);
            if (position < arguments.size() || arguments.back().many) offer(completion, arguments[at].words, names_of);
            if (at + 1 < arguments.size() && !arguments[at].required)
                offer(completion, arguments[at + 1].words, names_of);
        }
    }
    const std::string prefix = last == "=" ? "" : last;
    std::erase_if(completion.words, [&](const std::string& word) { return !word.starts_with(prefix); });
    std::sort(completion.words.begin(), completion.words.end());
    completion.words.erase(std::unique(completion.words.begin(), completion.words.end()), completion.words.end());
    return completion;
}

}  // namespace weir::cli
