#include "cli/effective.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

// Whether a parameter has another value than the project's default.
bool is_set(const declare::Project& project, const declare::Param& param) {
    const auto value = project.param_values.find(param.name);
    return value != project.param_values.end() && value->second != param.fallback.value_or("");
}

std::string value_of(const declare::Project& project, const declare::Param& param) {
    const auto value = project.param_values.find(param.name);
    return value == project.param_values.end() ? "" : value->second;
}

}  // namespace

std::string effective_text(const declare::Project& project) {
    std::string text;
    const auto line = [&](std::string_view key, std::string_view value) {
        text += fmt::format("{:<13}{}\n", key, value);
    };
    line("project", project.name);
    line("directory", project.root.string());
    line("environment", project.environment);
    line("lake", project.lake.string());
    line("zone", project.zone);
    line("threads", project.engine.threads == 0 ? "one per core" : std::to_string(project.engine.threads));
    line("memory", project.engine.memory);
    for (const auto& param : project.params) {
        const auto value = value_of(project, param);
        line("parameter", fmt::format("{} = {}{}", param.name, value.empty() ? "(not given)" : value,
                                      is_set(project, param) ? "" : "  (default)"));
    }
    for (const auto& source : project.sources)
        line("source",
             fmt::format("{}: {} → table {}, contract {}", source.name,
                         source.topic.empty() ? source.files : (source.kafka ? "kafka " : "log ") + source.topic,
                         source.table, source.contract));
    for (const auto& view : project.views)
        line("view", fmt::format("{}{}", view.name,
                                 view.keep == declare::View::Keep::every_interval ? ", every interval kept"
                                 : view.keep == declare::View::Keep::none         ? ", not stored"
                                                                                  : ""));
    for (const auto& declared : project.exports) line("export", fmt::format("{} → {}", declared.view, declared.path));
    return text;
}

std::string effective_json(const declare::Project& project) {
    using json = nlohmann::ordered_json;
    json params = json::array(), sources = json::array(), views = json::array(), exports = json::array();
    for (const auto& param : project.params)
        params.push_back({{"name", param.name},
                          {"value", value_of(project, param)},
                          {"default", param.fallback ? json(*param.fallback) : json()}});
    for (const auto& source : project.sources)
        sources.push_back({{"name", source.name},
                           {"files", source.files},
                           {"log", source.kafka ? "" : source.topic},
                           {"kafka", source.kafka ? source.topic : ""},
                           {"table", source.table},
                           {"contract", source.contract},
                           {"partition_by", source.partition_by}});
    for (const auto& view : project.views)
        views.push_back({{"name", view.name},
                         {"reads", view.reads},
                         {"keep", view.keep == declare::View::Keep::every_interval ? "every_interval"
                                  : view.keep == declare::View::Keep::none         ? "none"
                                                                                   : "latest"}});
    for (const auto& declared : project.exports)
        exports.push_back({{"view", declared.view}, {"format", declared.format}, {"path", declared.path}});
    const json value{{"project", project.name},
                     {"directory", project.root.string()},
                     {"environment", project.environment},
                     {"lake", project.lake.string()},
                     {"zone", project.zone},
                     {"engine", {{"threads", project.engine.threads}, {"memory", project.engine.memory}}},
                     {"params", std::move(params)},
                     {"sources", std::move(sources)},
                     {"views", std::move(views)},
                     {"exports", std::move(exports)}};
    return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace weir::cli
