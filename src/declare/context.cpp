#include "declare/context.h"

#include <algorithm>

#include "base/file.h"
#include "base/limits.h"
#include "declare/params.h"
#include "declare/text.h"

namespace weir::declare {

std::string Context::shown(const fs::path& relative) const {
    const auto& directory = options.directory;
    if (directory.empty() || directory == ".") return relative.string();
    return (directory / relative).lexically_normal().string();
}

std::optional<std::string> Context::read_text(const fs::path& relative) {
    auto content = read_file(project.root / relative, limits::declaration_bytes_max);
    if (!content) {
        problems.error({shown(relative)}, content.error().message, content.error().hint, content.error().code);
        return std::nullopt;
    }
    return std::move(content).value();
}

std::optional<YamlNode> Context::read_yaml(const fs::path& relative) {
    const auto text = read_text(relative);
    if (!text) return std::nullopt;
    YamlNode root;
    if (!parse_yaml(*text, {.file = shown(relative)}, root, problems)) return std::nullopt;
    return root;
}

std::vector<fs::path> Context::list(const std::string& directory, const std::string& ending, const std::string& hint) {
    std::vector<fs::path> found;
    std::error_code failure;
    const auto path = project.root / directory;
    if (!fs::exists(path, failure)) return found;
    if (!fs::is_directory(path, failure)) {
        problems.error({shown(directory)}, "this must be a directory", hint);
        return found;
    }
    for (fs::directory_iterator entry(path, failure), end; !failure && entry != end; entry.increment(failure)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with('.') || name.ends_with('~')) continue;
        if (name.ends_with(ending) && name.size() > ending.size()) {
            found.push_back(fs::path(directory) / name);
        } else if (!name.ends_with(".md")) {
            problems.warning({shown(fs::path(directory) / name)}, "this file is not read", hint);
        }
    }
    if (failure) problems.error({shown(directory)}, "the directory cannot be listed: " + failure.message());
    std::sort(found.begin(), found.end());
    return found;
}

OptionReader::Fill Context::fill() {
    return [this](const std::string& text, const Where& where) {
        return fill_params(text, project.param_values, where, problems);
    };
}

}  // namespace weir::declare
