#include "cli/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace weir::cli {
namespace {

Error usage(std::string message, std::string hint) {
    return {.code = ErrorCode::usage, .message = std::move(message), .hint = std::move(hint)};
}

std::string see_help(const Command* command) {
    return command == nullptr ? "`weir help` lists the commands" : fmt::format("see `weir help {}`", command->name);
}

std::string suggestion_or(std::string_view word, const std::vector<std::string>& candidates, std::string otherwise) {
    const auto best = nearest(word, candidates);
    return best.empty() ? std::move(otherwise) : fmt::format("did you mean '{}'?", best);
}

class Parser {
public:
    Parser(std::span<const std::string> words, const ParseOptions& options) : words_(words), options_(options) {}

    Result<Invocation> parse() {
        bool only_arguments = false;
        while (at_ < words_.size()) {
            const std::string& word = words_[at_++];
            const bool in_front = invocation_.command == nullptr && group_.empty();
            if (!only_arguments && word == "--") {
                only_arguments = true;
            } else if (!only_arguments && in_front && word == "--version") {
                WEIR_TRY(take_command("version"));
            } else if (!only_arguments && word.size() > 1 && word[0] == '-') {
                WEIR_TRY(take_option(word));
            } else if (invocation_.command == nullptr && !invocation_.help) {
                WEIR_TRY(take_command(word));
            } else {
                arguments_.push_back(word);
            }
        }
        if (invocation_.help) return take_help();
        if (invocation_.command == nullptr) {
            invocation_.topic = group_;
            if (group_.empty()) return invocation_;
            return usage(fmt::format("`weir {}` needs one of its commands", group_),
                         fmt::format("one of: {}", fmt::join(subcommands(), ", ")));
        }
        WEIR_TRY(bind_arguments());
        return std::move(invocation_);
    }

private:
    std::span<const std::string> words_;
    const ParseOptions& options_;
    std::size_t at_ = 0;
    Invocation invocation_;
    std::string group_;
    std::vector<std::string> arguments_;

    std::vector<std::string> subcommands() const {
        std::vector<std::string> names;
        for (const auto& command : commands())
            if (command.name.starts_with(group_ + " ")) names.emplace_back(command.name.substr(group_.size() + 1));
        return names;
    }

    Status take_command(const std::string& word) {
        if (word == "help" && group_.empty()) {
            invocation_.help = true;
            return ok();
        }
        // `weir alerts` is a command, and `weir alerts silence` another.
        const bool goes_on = group_.empty() && at_ < words_.size() && find_command(word + " " + words_[at_]) != nullptr;
        if (goes_on) {
            group_ = word;
            return ok();
        }
        const auto name = group_.empty() ? word : group_ + " " + word;
        if (const Command* command = find_command(name); command != nullptr) {
            invocation_.command = command;
            return ok();
        }
        if (group_.empty()) {
            for (const auto& group : groups()) {
                if (group.name == word) {
                    group_ = word;
                    return ok();
                }
            }
            std::vector<std::string> names{"help"};
            for (const auto& command : commands())
                if (!command.hidden && command.name.find(' ') == std::string_view::npos)
                    names.emplace_back(command.name);
            for (const auto& group : groups()) names.emplace_back(group.name);
            return usage(fmt::format("'{}' is not a weir command", word),
                         suggestion_or(word, names, see_help(nullptr)));
        }
        return usage(fmt::format("'{}' is not a command of `weir {}`", word, group_), suggest(word, subcommands()));
    }

    // `weir help table history` and `weir table history --help`.
    Result<Invocation> take_help() {
        std::string topic = invocation_.command != nullptr ? std::string(invocation_.command->name) : group_;
        if (invocation_.command == nullptr) {
            for (const auto& word : arguments_) topic += (topic.empty() ? "" : " ") + word;
        }
        const bool is_group =
            std::any_of(groups().begin(), groups().end(), [&](const Group& group) { return group.name == topic; });
        if (!topic.empty() && topic != "help" && find_command(topic) == nullptr && !is_group) {
            std::vector<std::string> names;
            for (const auto& command : commands())
                if (!command.hidden) names.emplace_back(command.name);
            return usage(fmt::format("there is no help on '{}'", topic),
                         suggestion_or(topic, names, see_help(nullptr)));
        }
        invocation_.command = nullptr;
        invocation_.topic = topic == "help" ? "" : topic;
        return invocation_;
    }

    const Option* find_option(std::string_view name) const {
        const auto matches = [&](const Option& option) {
            return option.name == name || (name.size() == 2 && option.letter != 0 && name[1] == option.letter);
        };
        if (invocation_.command != nullptr) {
            const auto& own = invocation_.command->options;
            if (const auto found = std::find_if(own.begin(), own.end(), matches); found != own.end()) return &*found;
        }
        const auto global = global_options();
        const auto found = std::find_if(global.begin(), global.end(), matches);
        return found == global.end() ? nullptr : &*found;
    }

    Error unknown_option(const std::string& name) const {
        std::vector<std::string> names;
        if (invocation_.command != nullptr)
            for (const auto& option : invocation_.command->options) names.emplace_back(option.name);
        for (const auto& option : global_options()) names.emplace_back(option.name);
        // Right for another command, or too early on the line.
        std::string elsewhere;
        for (const auto& command : commands())
            for (const auto& option : command.options)
                if (option.name == name && elsewhere.empty() && !command.hidden)
                    elsewhere = fmt::format("it belongs to `weir {}`", command.name);
        if (invocation_.command == nullptr)
            return usage(fmt::format("unknown option {}", name), !elsewhere.empty()
                                                                     ? elsewhere + ", and stands behind it"
                                                                     : suggestion_or(name, names, see_help(nullptr)));
        return usage(fmt::format("`weir {}` has no option {}", invocation_.command->name, name),
                     suggestion_or(name, names, elsewhere.empty() ? see_help(invocation_.command) : elsewhere));
    }

    Status take_option(const std::string& word) {
        auto name = word;
        std::optional<std::string> value;
        if (word.starts_with("--")) {
            if (const auto equals = word.find('='); equals != std::string::npos) {
                name = word.substr(0, equals);
                value = word.substr(equals + 1);
            }
        } else if (word.size() > 2) {
            name = word.substr(0, 2);
            value = word.substr(2);
        }
        const Option* option = find_option(name);
        if (option == nullptr) return unknown_option(name);
        if (option->value.empty()) {
            if (value) return usage(fmt::format("{} takes no value", option->name), see_help(invocation_.command));
            return store(*option, "");
        }
        if (!value) {
            if (at_ == words_.size())
                return usage(fmt::format("{} needs a value", option->name),
                             fmt::format("{} {}: {}", option->name, option->value, option->help));
            value = words_[at_++];
        }
        WEIR_TRY(store(*option, *value));
        while (option->many && at_ < words_.size() && !words_[at_].starts_with("-"))
            WEIR_TRY(store(*option, words_[at_++]));
        return ok();
    }

    Status store(const Option& option, const std::string& value) {
        if (!option.choices.empty() &&
            std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end()) {
            const std::vector<std::string> choices(option.choices.begin(), option.choices.end());
            return usage(fmt::format("{} cannot be '{}'", option.name, value),
                         fmt::format("one of: {}", fmt::join(choices, ", ")));
        }
        if (option.name == "--help") {
            invocation_.help = true;
        } else if (option.name == "--json") {
            invocation_.json = true;
        } else if (option.name == "--quiet") {
            invocation_.quiet = true;
        } else if (option.name == "--color") {
            invocation_.color = value;
        } else if (option.name == "--directory") {
            invocation_.directory = value;
        } else if (option.name == "--env") {
            invocation_.environment = value;
        } else if (option.name == "--lake") {
            invocation_.lake = value;
        } else if (option.name == "--param") {
            const auto equals = value.find('=');
            if (equals == std::string::npos || equals == 0)
                return usage(fmt::format("--param {} has no value", value), "write --param NAME=VALUE");
            if (!invocation_.params.emplace(value.substr(0, equals), value.substr(equals + 1)).second)
                return usage(fmt::format("--param {} is given twice", value.substr(0, equals)),
                             "leave one of them out");
        } else {
            auto& values = invocation_.options[std::string(option.name)];
            if (!option.value.empty() && !option.repeatable && !option.many && !values.empty())
                return usage(fmt::format("{} is given twice", option.name), "leave one of them out");
            values.push_back(value);
        }
        return ok();
    }

    // Required arguments come first in need, optional ones are filled from the left with what is left over.
    Status bind_arguments() {
        const auto& rows = invocation_.command->arguments;
        const auto required = static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(), [](const Argument& argument) { return argument.required; }));
        if (arguments_.size() < required) {
            std::size_t given = arguments_.size();
            for (const auto& row : rows) {
                if (!row.required) continue;
                if (given == 0)
                    return usage(fmt::format("`weir {}` needs {}", invocation_.command->name, row.name),
                                 fmt::format("usage: {}", usage_line(*invocation_.command)));
                --given;
            }
        }
        std::size_t spare = arguments_.size() - required;
        std::size_t at = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& row = rows[i];
            std::size_t count = row.required ? 1 : std::min<std::size_t>(spare, 1);
            if (row.many) count = spare + (row.required ? 1 : 0);
            const bool names_may_follow = i + 1 < rows.size() && rows[i + 1].many;
            if (row.name == "PROJECT" && names_may_follow && count == 1 && !options_.is_project(arguments_[at]))
                count = 0;
            for (std::size_t k = 0; k < count; ++k)
                invocation_.arguments[std::string(row.name)].push_back(arguments_[at++]);
            if (row.many)
                spare = 0;
            else if (!row.required)
                spare -= count;
        }
        if (at < arguments_.size())
            return usage(fmt::format("`weir {}` has no place for '{}'", invocation_.command->name, arguments_[at]),
                         fmt::format("usage: {}", usage_line(*invocation_.command)));
        return ok();
    }
};

}  // namespace

std::string Invocation::option(std::string_view name, std::string fallback) const {
    const auto found = options.find(name);
    if (found == options.end()) return fallback;
    return found->second.back();
}

std::vector<std::string> Invocation::all(std::string_view option) const {
    const auto found = options.find(option);
    return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::vector<std::string> Invocation::names(std::string_view option) const {
    std::vector<std::string> names;
    for (const auto& given : all(option)) {
        for (std::size_t begin = 0; begin <= given.size();) {
            const auto end = std::min(given.find(',', begin), given.size());
            names.push_back(given.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    return names;
}

std::string Invocation::argument(std::string_view name, std::string fallback) const {
    const auto found = arguments.find(name);
    if (found == arguments.end()) return fallback;
    return found->second.front();
}

std::vector<std::string> Invocation::all_arguments(std::string_view name) const {
    const auto found = arguments.find(name);
    return found == arguments.end() ? std::vector<std::string>{} : found->second;
}

Result<Invocation> parse(std::span<const std::string> words, const ParseOptions& options) {
    return Parser(words, options).parse();
}

}  // namespace weir::cli
