// weir.yaml.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "declare/context.h"
#include "declare/params.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, Param::Kind>, 6> param_kinds{{{"text", Param::Kind::text},
                                                                               {"path", Param::Kind::path},
                                                                               {"date", Param::Kind::date},
                                                                               {"integer", Param::Kind::integer},
                                                                               {"number", Param::Kind::number},
                                                                               {"choice", Param::Kind::choice}}};

struct ParamValue {
    std::string text;
    Where where;
};

// A path of the project: relative to its root. Other file systems are refused here, with a plain sentence.
std::optional<fs::path> lake_path(Context& context, const std::string& text, const fs::path& base, const Where& where) {
    if (text.empty()) {
        context.problems.error(where, "the lake must be a directory, not an empty text");
        return std::nullopt;
    }
    if (text.find("://") != std::string::npos) {
        context.problems.error(where, fmt::format("the lake '{}' is not a local directory", text),
                               "lakes on local disk are supported so far");
        return std::nullopt;
    }
    return (base / text).lexically_normal();
}

void read_engine(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section("weir.yaml", "engine"), file, context.problems);
    auto& engine = context.project.engine;
    engine.threads = reader.take_or("threads", engine.threads);
    if (engine.threads > 1024)
        context.problems.error(reader.where("threads"), fmt::format("{} threads are too many", engine.threads),
                               "0 means one per core");
    if (const auto memory = reader.take<Text>("memory")) {
        const auto bytes = parse_bytes(memory->text);
        constexpr std::size_t least = 16'000'000;
        if (!bytes || *bytes < least) {
            context.problems.error(memory->where,
                                   fmt::format("'memory' must be a size of at least 16MB, not '{}'", memory->text),
                                   "for example 512MB or 4GB");
        } else {
            engine.memory = memory->text;
        }
    }
    reader.finish();
}

void read_log(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section("weir.yaml", "log"), file, context.problems);
    auto& log = context.project.log;
    static constexpr std::array<std::pair<std::string_view, LogPlace::Sync>, 3> policies{
        {{"always", LogPlace::Sync::always}, {"interval", LogPlace::Sync::interval}, {"never", LogPlace::Sync::never}}};
    if (const auto path = reader.take<Text>("path")) {
        if (path->text.empty() || path->text.find("://") != std::string::npos) {
            context.problems.error(path->where, fmt::format("the log '{}' is not a local directory", path->text));
        } else {
            log.path = (context.project.root / path->text).lexically_normal();
        }
    }
    log.sync = reader.take_choice<LogPlace::Sync>("sync", policies).value_or(log.sync);
    log.sync_interval = reader.take_or("sync_interval", log.sync_interval);
    if (log.sync_interval < std::chrono::milliseconds(1) || log.sync_interval > std::chrono::hours(1))
        context.problems.error(reader.where("sync_interval"), "'sync_interval' must be 1ms to 1h");
    reader.finish();
}

void read_batch(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section("weir.yaml", "batch"), file, context.problems);
    auto& every = context.project.batch.every;
    every = reader.take_or("every", every);
    if (every < std::chrono::milliseconds(100) || every > std::chrono::hours(24 * 7))
        context.problems.error(reader.where("every"), "'every' must be 100ms to 7d");
    reader.finish();
}

void read_intake(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section("weir.yaml", "intake"), file, context.problems);
    auto& intake = context.project.intake;
    intake.epoch = reader.take_or("epoch", intake.epoch);
    intake.rows = reader.take_or("rows", intake.rows);
    intake.bytes = reader.take_or("bytes", Bytes{intake.bytes}).count;
    intake.compact_files = reader.take_or("compact_files", intake.compact_files);
    const auto bound = [&](std::string_view key, bool good, std::string_view limits) {
        if (!good) context.problems.error(reader.where(key), fmt::format("'{}' must be {}", key, limits));
    };
    bound("epoch", intake.epoch >= std::chrono::milliseconds(10) && intake.epoch <= std::chrono::hours(1),
          "10ms to 1h");
    bound("rows", intake.rows >= 1 && intake.rows <= 100'000'000, "1 to 100000000");
    bound("bytes", intake.bytes >= 1 && intake.bytes <= std::size_t{1} << 30, "1B to 1GiB");
    bound("compact_files", intake.compact_files == 0 || intake.compact_files >= 2, "0 (never) or 2 and more");
    reader.finish();
}

void read_param(Context& context, const YamlEntry& entry, const std::string& file,
                std::map<std::string, ParamValue>& defaults) {
    Param param;
    param.name = entry.key;
    param.where = {file, entry.line, entry.column};
    if (!is_plain_name(param.name))
        context.problems.error(param.where, fmt::format("'{}' cannot name a parameter", param.name),
                               "use letters, digits and underscores");
    OptionReader reader(entry.value, key_section("weir.yaml", "params.NAME"), file, context.problems);
    param.kind = reader.take_choice<Param::Kind>("type", param_kinds).value_or(Param::Kind::text);
    param.choices = reader.take_or("choices", std::vector<std::string>{});
    param.description = reader.take_or("help", std::string{});
    if (param.kind == Param::Kind::choice && param.choices.empty())
        context.problems.error(param.where, fmt::format("parameter '{}' is a choice without choices", param.name),
                               "add choices: [a, b]");
    if (param.kind != Param::Kind::choice && !param.choices.empty())
        context.problems.error(reader.where("choices"),
                               fmt::format("parameter '{}' has choices but is not of type choice", param.name),
                               "write type: choice");
    if (const auto fallback = reader.take<Text>("default")) defaults[param.name] = {fallback->text, fallback->where};
    reader.finish();
    context.project.params.push_back(std::move(param));
}

void read_environment(Context& context, const YamlNode& environments, const std::string& file,
                      std::map<std::string, ParamValue>& defaults, std::optional<Text>& lake) {
    auto& project = context.project;
    std::vector<std::string> names;
    for (const auto& entry : environments.entries) {
        names.push_back(entry.key);
        const bool chosen = entry.key == project.environment;
        OptionReader reader(entry.value, key_section("weir.yaml", "environments.NAME"), file, context.problems);
        auto its_lake = reader.take<Text>("lake");
        if (chosen && its_lake) lake = its_lake;
        if (const auto* engine = reader.take_map("engine")) {
            const auto before = project.engine;
            read_engine(context, *engine, file);
            if (!chosen) project.engine = before;
        }
        if (const auto* params = reader.take_map("params")) {
            for (const auto& value : params->entries) {
                const Where at{file, value.line, value.column};
                const auto param = std::find_if(project.params.begin(), project.params.end(),
                                                [&](const Param& p) { return p.name == value.key; });
                if (param == project.params.end()) {
                    std::vector<std::string> known;
                    for (const auto& p : project.params) known.push_back(p.name);
                    context.problems.error(at, fmt::format("there is no parameter '{}'", value.key),
                                           suggest(value.key, known));
                } else if (!value.value.is_scalar()) {
                    context.problems.error(
                        at, fmt::format("'{}' must be a text, not {}", value.key, describe(value.value)));
                } else {
                    const Where value_at{file, value.value.line, value.value.column};
                    // Checked in every environment, used in the chosen one.
                    Problems& problems = context.problems;
                    const auto checked = check_param(*param, value.value.text, project.root, value_at, problems);
                    if (chosen && checked) defaults[value.key] = {value.value.text, value_at};
                }
            }
        }
        reader.finish();
    }
    if (project.environment == "dev") return;
    if (std::find(names.begin(), names.end(), project.environment) == names.end()) {
        auto hint = suggest(project.environment, names);
        if (hint.empty()) hint = "the environments stand under `environments` in weir.yaml";
        context.problems.error({file, environments.line, environments.column},
                               fmt::format("there is no environment '{}'", project.environment), std::move(hint));
    }
}

void set_param_values(Context& context, const std::map<std::string, ParamValue>& defaults) {
    auto& project = context.project;
    std::vector<std::string> names;
    for (auto& param : project.params) {
        names.push_back(param.name);
        if (const auto given = defaults.find(param.name); given != defaults.end()) {
            param.fallback =
                check_param(param, given->second.text, project.root, given->second.where, context.problems);
            if (param.fallback) project.param_values[param.name] = *param.fallback;
        }
        const auto set = context.options.params.find(param.name);
        if (set != context.options.params.end()) {
            if (auto value = check_param(param, set->second, fs::current_path(), {}, context.problems))
                project.param_values[param.name] = *value;
        } else if (!defaults.contains(param.name)) {
            context.problems.error(param.where, fmt::format("parameter '{}' has no value", param.name),
                                   fmt::format("give --param {}=…, or a default", param.name),
                                   ErrorCode::param_invalid);
        }
        // Whoever uses a parameter whose value was refused is not reported a second time.
        project.param_values.try_emplace(param.name, param.choices.empty() ? "" : param.choices.front());
    }
    for (const auto& [name, value] : context.options.params) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        auto hint = suggest(name, names);
        if (hint.empty()) hint = "parameters are declared under params in weir.yaml";
        context.problems.error({}, fmt::format("there is no parameter '{}'", name), std::move(hint),
                               ErrorCode::param_invalid);
    }
}

std::string chosen_environment(const LoadOptions& options) {
    if (!options.environment.empty()) return options.environment;
    const char* variable = std::getenv("ENVIRONMENT");
    return variable == nullptr || *variable == '\0' ? "dev" : variable;
}

}  // namespace

void read_project_file(Context& context) {
    auto& project = context.project;
    project.environment = chosen_environment(context.options);
    project.log.path = (project.root / "log").lexically_normal();
    const auto root = context.read_yaml("weir.yaml");
    const auto file = context.shown("weir.yaml");
    std::map<std::string, ParamValue> defaults;
    std::optional<Text> lake;
    const YamlNode* kafka = nullptr;
    if (root) {
        OptionReader reader(*root, key_section("weir.yaml"), file, context.problems);
        if (const auto name = reader.take<Text>("name")) {
            project.name = name->text;
            if (!is_plain_name(name->text))
                context.problems.error(name->where, fmt::format("'{}' cannot name a project", name->text),
                                       "use letters, digits and underscores");
        }
        lake = reader.take<Text>("lake");
        project.zone = reader.take_or("zone", project.zone);
        context.places["zone"] = reader.where("zone");
        if (const auto* log = reader.take_map("log")) read_log(context, *log, file);
        kafka = reader.take_map("kafka");
        if (const auto* intake = reader.take_map("intake")) read_intake(context, *intake, file);
        if (const auto* batch = reader.take_map("batch")) read_batch(context, *batch, file);
        if (const auto* engine = reader.take_map("engine")) read_engine(context, *engine, file);
        if (const auto* params = reader.take_map("params")) {
            for (const auto& entry : params->entries) read_param(context, entry, file, defaults);
        }
        static const YamlNode no_environments;
        const auto* environments = reader.take_map("environments");
        read_environment(context, environments == nullptr ? no_environments : *environments, file, defaults, lake);
        reader.finish();
    }
    if (!context.options.lake.empty()) {
        if (auto path = lake_path(context, context.options.lake, fs::current_path(), {})) project.lake = *path;
    } else {
        const auto text = lake ? lake->text : "lake";
        if (auto path = lake_path(context, text, project.root, lake ? lake->where : Where{file})) project.lake = *path;
    }
    set_param_values(context, defaults);
    if (kafka != nullptr) {
        OptionReader reader(*kafka, key_section("weir.yaml", "kafka"), file, context.problems, context.fill());
        read_kafka_cluster(context, reader, "weir.yaml", project.kafka);
        reader.finish();
    }
    if (!context.options.kafka_brokers.empty()) project.kafka.brokers = context.options.kafka_brokers;
}

}  // namespace weir::declare
