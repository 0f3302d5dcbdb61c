// From the words of a command line to a command with its options and arguments, or to a usage error.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace weir::cli {

struct Invocation {
    const Command* command = nullptr;  // nothing: help was asked for, about `topic`
    std::string topic;                 // "", "table", "table history"
    bool help = false;

    std::string directory;  // -C
    bool json = false;
    bool quiet = false;
    std::string color = "auto";
    std::string environment;
    std::string lake;
    std::map<std::string, std::string> params;

    std::map<std::string, std::vector<std::string>, std::less<>> options;    // by name, "--format"
    std::map<std::string, std::vector<std::string>, std::less<>> arguments;  // by name, "PROJECT"

    bool has(std::string_view option) const { return options.find(option) != options.end(); }
    // The last value of an option, or `fallback`.
    std::string option(std::string_view name, std::string fallback = {}) const;
    std::vector<std::string> all(std::string_view option) const;
    // The same, of names that may stand with commas between them.
    std::vector<std::string> names(std::string_view option) const;
    std::string argument(std::string_view name, std::string fallback = {}) const;
    std::vector<std::string> all_arguments(std::string_view name) const;
    // PROJECT, or the current directory.
    std::string project() const { return argument("PROJECT", "."); }
};

struct ParseOptions {
    // Whether a word names a project: decides where `[PROJECT] [VIEW…]` begins.
    std::function<bool(const std::string&)> is_project;
};

Result<Invocation> parse(std::span<const std::string> words, const ParseOptions& options);

}  // namespace weir::cli
