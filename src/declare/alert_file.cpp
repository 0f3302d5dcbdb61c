// alerts.yaml.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "declare/context.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view alerts_file = "alerts.yaml";
constexpr std::array<std::pair<std::string_view, AlertSeverity>, 3> severities{
    {{"info", AlertSeverity::info}, {"warning", AlertSeverity::warning}, {"critical", AlertSeverity::critical}}};

constexpr auto days = [](int count) { return milliseconds(std::chrono::hours(24 * count)); };

void take_count(OptionReader& reader, std::string_view key, Problems& problems, int least, int most, int& count) {
    const auto given = reader.take<int>(key);
    if (!given) return;
    if (*given < least || *given > most)
        return problems.error(reader.where(key),
                              fmt::format("'{}' must be {} to {}, not {}", key, least, most, *given));
    count = *given;
}

// The names of a header field, by RFC 9110: what a message of ours cannot be bent with.
bool is_field_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

// The name under which something is declared; nothing where it has none or it is taken.
template <class T>
std::optional<Text> take_name(OptionReader& reader, std::string_view noun, const std::vector<T>& others,
                              Problems& problems) {
    auto name = reader.take<Text>("name");
    if (!name) return std::nullopt;
    if (!is_plain_name(name->text)) {
        problems.error(name->where, fmt::format("'{}' cannot name {}", name->text, noun),
                       "use letters, digits and underscores");
        return std::nullopt;
    }
    if (std::any_of(others.begin(), others.end(), [&](const T& other) { return other.name == name->text; })) {
        problems.error(name->where, fmt::format("{} of the name '{}' stands above", noun, name->text),
                       "give each its own");
        return std::nullopt;
    }
    return name;
}

void read_target(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    OptionReader reader(node, key_section(alerts_file, "notify[]"), file, problems, context.fill());
    AlertTarget target;
    const auto name = take_name(reader, "a target", context.project.alerts.targets, problems);
    target.where = name ? name->where : reader.where();
    target.name = name ? name->text : "";
    if (const auto url = reader.take<SecretRef>("url")) target.url = url->reference;
    if (const auto* header = reader.take_map("header")) {
        OptionReader one(*header, key_section(alerts_file, "notify[].header"), file, problems, context.fill());
        if (const auto field = one.take<Text>("name")) {
            target.header_name = field->text;
            if (!is_field_name(field->text))
                problems.error(field->where, fmt::format("'{}' names no header field", field->text),
                               "for example Authorization");
        }
        if (const auto value = one.take<SecretRef>("value")) target.header_value = value->reference;
        one.finish();
    }
    if (const auto path = reader.take<std::string>("ca"))
        target.ca = (context.project.root / *path).lexically_normal().string();
    take_span(reader, "timeout", problems, milliseconds(100), milliseconds(60'000), target.timeout);
    take_count(reader, "retries", problems, 0, 100, target.retries);
    take_count(reader, "queue", problems, 1, 100'000, target.queue);
    reader.finish();
    if (name) context.project.alerts.targets.push_back(std::move(target));
}

void read_rule(Context& context, const YamlNode& node, const std::string& file, milliseconds every) {
    auto& problems = context.problems;
    OptionReader reader(node, key_section(alerts_file, "alerts[]"), file, problems, context.fill());
    AlertRule rule;
    rule.every = every;
    const auto name = take_name(reader, "an alert", context.project.alerts.rules, problems);
    rule.where = name ? name->where : reader.where();
    rule.name = name ? name->text : "";
    rule.description = reader.take_or<std::string>("description", "");
    const auto* sql = reader.take_node("sql");
    if (sql != nullptr && !sql->is_scalar()) {
        problems.error({file, sql->line, sql->column}, fmt::format("this must be one SELECT, not {}", describe(*sql)));
        sql = nullptr;
    }
    rule.key_where = reader.where("key");
    if (reader.has("key")) rule.key = reader.take<std::vector<std::string>>("key").value_or(std::vector<std::string>());
    take_span(reader, "for", problems, milliseconds(0), days(30), rule.hold);
    take_span(reader, "resolve_after", problems, milliseconds(0), days(30), rule.resolve_after);
    take_span(reader, "repeat", problems, milliseconds(0), days(365), rule.repeat);
    take_span(reader, "every", problems, milliseconds(100), days(1), rule.every);
    rule.severity = reader.take_choice<AlertSeverity>("severity", severities).value_or(AlertSeverity::warning);
    if (const auto message = reader.take<Text>("message")) {
        rule.message = message->text;
        rule.message_where = message->where;
    }
    std::vector<std::string> targets;
    for (const auto& target : context.project.alerts.targets) targets.push_back(target.name);
    rule.notify = targets;
    if (reader.has("notify")) {
        rule.notify.clear();
        for (const auto& target : reader.take<std::vector<Text>>("notify").value_or(std::vector<Text>())) {
            if (std::find(targets.begin(), targets.end(), target.text) == targets.end())
                problems.error(
                    target.where, fmt::format("there is no target '{}'", target.text),
                    targets.empty() ? "declare it under notify: in this file" : suggest(target.text, targets));
            rule.notify.push_back(target.text);
        }
    }
    reader.finish();
    if (!name) return;
    if (sql != nullptr) {
        rule.sql = sql->text;
        rule.sql_where = {file, sql->text_line, sql->text_column};
        context.snippets.push_back({.kind = SqlSnippet::Kind::alert,
                                    .owner = rule.name,
                                    .title = fmt::format("alert {}", rule.name),
                                    .sql = sql->text,
                                    .column = "",
                                    .file = file,
                                    .node = *sql});
    }
    context.project.alerts.rules.push_back(std::move(rule));
}

}  // namespace

std::string_view to_string(AlertSeverity severity) { return severities.at(static_cast<std::size_t>(severity)).first; }

MessageParts parse_message(std::string_view message) {
    MessageParts parsed;
    std::size_t begin = 0;
    for (auto open = message.find('{'); open != std::string_view::npos; open = message.find('{', begin)) {
        const auto close = message.find('}', open);
        if (close == std::string_view::npos) {
            parsed.whole = false;
            break;
        }
        parsed.pieces.push_back({.text = std::string(message.substr(begin, open - begin)),
                                 .column = std::string(message.substr(open + 1, close - open - 1)),
                                 .offset = open + 1});
        begin = close + 1;
    }
    parsed.pieces.push_back({.text = std::string(message.substr(begin)), .column = ""});
    return parsed;
}

void read_alerts_file(Context& context) {
    std::error_code failure;
    if (!std::filesystem::exists(context.project.root / alerts_file, failure)) return;
    const auto root = context.read_yaml(alerts_file);
    if (!root) return;
    const auto file = context.shown(alerts_file);
    OptionReader reader(*root, key_section(alerts_file), file, context.problems, context.fill());
    milliseconds every{10'000};
    take_span(reader, "every", context.problems, milliseconds(100), days(1), every);
    if (const auto* targets = reader.take_list("notify"))
        for (const auto& item : targets->items) read_target(context, item, file);
    if (const auto* rules = reader.take_list("alerts"))
        for (const auto& item : rules->items) read_rule(context, item, file, every);
    reader.finish();
}

}  // namespace weir::declare
