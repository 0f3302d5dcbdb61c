#include "source/log/topic.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "base/limits.h"
#include "base/nearest.h"

namespace weir::source::log {
namespace {

constexpr std::string_view format_line = "weir log 1\n";
constexpr std::string_view format_prefix = "weir log ";
constexpr std::size_t topic_name_bytes_max = 200;
constexpr std::size_t topic_id_bytes = 16;
constexpr std::size_t config_bytes_max = 64 * 1024;
// A segment must hold the largest batch; above that, it is what is removed at once, and what is read again at a start.
constexpr std::int64_t segment_bytes_min = std::int64_t{64} << 10;
constexpr std::int64_t segment_bytes_max = std::int64_t{4} << 30;

Error usage(std::string message, std::string hint) {
    return {.code = ErrorCode::usage, .message = std::move(message), .hint = std::move(hint)};
}

fs::path format_path(const fs::path& log) { return log / "format"; }

bool may_stand_in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool is_topic_id(std::string_view id) {
    return id.size() == topic_id_bytes &&
           std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// A member of the object: `fallback` where there is none, nothing where it is of another kind.
std::optional<std::int64_t> integer(const nlohmann::json& object, const char* key, std::int64_t fallback) {
    const auto found = object.find(key);
    if (found == object.end()) return fallback;
    if (!found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
}

}  // namespace

bool TopicConfig::operator==(const TopicConfig& other) const {
    const auto kept = [](const TopicConfig& config) {
        return std::tie(config.partitions, config.codec, config.segment_bytes, config.retention_ms,
                        config.retention_bytes, config.compact, config.tombstone_ms);
    };
    return kept(*this) == kept(other);
}

std::string new_topic_id() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

Status check_topic_name(std::string_view name) {
    const bool good = !name.empty() && name.size() <= topic_name_bytes_max && name.front() != '.' &&
                      std::all_of(name.begin(), name.end(), may_stand_in_name);
    if (good) return ok();
    return usage(
        fmt::format("'{}' cannot be the name of a topic", name),
        fmt::format("up to {} letters, digits, '.', '_' and '-', not beginning with '.'", topic_name_bytes_max));
}

Status check_config(const TopicConfig& config) {
    if (config.partitions < 1 || config.partitions > limits::log_partitions_max)
        return usage(fmt::format("a topic cannot have {} partitions", config.partitions),
                     fmt::format("1 to {}", limits::log_partitions_max));
    if (config.segment_bytes < segment_bytes_min || config.segment_bytes > segment_bytes_max)
        return usage(fmt::format("segments cannot have {} bytes", config.segment_bytes),
                     fmt::format("{} to {}", segment_bytes_min, segment_bytes_max));
    if (config.retention_ms.value_or(1) < 1 || config.retention_bytes.value_or(1) < 1 || config.tombstone_ms < 0)
        return usage("retention must be above 0", "leave it out to keep everything");
    return ok();
}

std::string to_json(const TopicConfig& config) {
    nlohmann::ordered_json json{{"partitions", config.partitions},
                                {"compression", name_of(config.codec)},
                                {"segment_bytes", config.segment_bytes},
                                {"retention_ms", nullptr},
                                {"retention_bytes", nullptr},
                                {"compact", config.compact},
                                {"tombstone_ms", config.tombstone_ms}};
    if (!config.id.empty()) json["id"] = config.id;
    if (config.retention_ms) json["retention_ms"] = *config.retention_ms;
    if (config.retention_bytes) json["retention_bytes"] = *config.retention_bytes;
    return json.dump();
}

Result<TopicConfig> config_from_json(std::string_view text, const std::string& name) {
    const auto damaged = [&](std::string_view what) {
        return Error{.code = ErrorCode::log_damaged,
                     .message = fmt::format("{} is no description of a topic: {}", name, what),
                     .hint = "write it again as `weir topic create` does; the records are not touched"};
    };
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return damaged("no JSON object");
    TopicConfig config;
    const auto partitions = integer(json, "partitions", config.partitions);
    const auto segment_bytes = integer(json, "segment_bytes", config.segment_bytes);
    const auto tombstone_ms = integer(json, "tombstone_ms", config.tombstone_ms);
    if (!partitions || !segment_bytes || !tombstone_ms || *partitions > limits::log_partitions_max || *partitions < 1)
        return damaged("a number is wrong");
    config.partitions = static_cast<int>(*partitions);
    config.segment_bytes = *segment_bytes;
    config.tombstone_ms = *tombstone_ms;
    for (const auto& [key, to] :
         {std::pair("retention_ms", &config.retention_ms), std::pair("retention_bytes", &config.retention_bytes)}) {
        const auto found = json.find(key);
        if (found == json.end() || found->is_null()) continue;
        if (!found->is_number_integer()) return damaged(key);
        *to = found->get<std::int64_t>();
    }
    if (const auto found = json.find("id"); found != json.end()) {
        config.id = found->is_string() ? found->get<std::string>() : std::string();
        if (!is_topic_id(config.id)) return damaged("id");
    }
    if (const auto found = json.find("compact"); found != json.end()) {
        if (!found->is_boolean()) return damaged("compact");
        config.compact = found->get<bool>();
    }
    if (const auto found = json.find("compression"); found != json.end()) {
        const auto codec = found->is_string() ? codec_named(found->get<std::string>()) : std::nullopt;
        if (!codec) return damaged("compression");
        config.codec = *codec;
    }
    if (const auto good = check_config(config); !good) return damaged(good.error().message);
    return config;
}

fs::path topic_folder(const fs::path& log, const std::string& topic) { return log / "topics" / topic; }

fs::path partition_folder(const fs::path& log, const std::string& topic, int partition) {
    return topic_folder(log, topic) / std::to_string(partition);
}

Result<TopicConfig> load_topic(const fs::path& log, const std::string& topic) {
    WEIR_TRY(check_topic_name(topic));
    const auto path = topic_folder(log, topic) / "topic.json";
    WEIR_ASSIGN(const auto text, read_file_if_there(path, config_bytes_max));
    if (text) return config_from_json(*text, path.string());
    WEIR_ASSIGN(const auto topics, list_topics(log));
    auto hint = suggest(topic, topics);
    if (hint.empty()) hint = fmt::format("`weir topic create {}` makes it, `weir topic ls` shows what is there", topic);
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("the log {} has no topic '{}'", log.string(), topic),
                 .hint = std::move(hint)};
}

Result<std::vector<std::string>> list_topics(const fs::path& log) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(log / "topics", error), end; !error && entry != end; entry.increment(error)) {
        auto name = entry->path().filename().string();
        std::error_code ignored;
        if (check_topic_name(name) && fs::exists(entry->path() / "topic.json", ignored)) names.push_back(name);
    }
    if (error && error != std::errc::no_such_file_or_directory) return io_error("list", log / "topics", error.value());
    std::sort(names.begin(), names.end());
    return names;
}

Result<bool> check_format(const fs::path& log) {
    WEIR_ASSIGN(const auto text, read_file_if_there(format_path(log), config_bytes_max));
    if (text && *text == format_line) return true;
    if (!text) {
        std::error_code ignored;
        if (!fs::exists(log / "topics", ignored)) return false;
        return Error{
            .code = ErrorCode::log_damaged,
            .message = fmt::format("{} holds topics, and no file `format` that says in which form", log.string()),
            .hint = "restore the file, or name another folder as the log"};
    }
    if (text->substr(0, format_prefix.size()) == format_prefix) {
        const auto version = text->substr(format_prefix.size(), text->find('\n') - format_prefix.size());
        return Error{
            .code = ErrorCode::log_unsupported,
            .message = fmt::format("the log {} is of version {}, and this weir reads version 1", log.string(), version),
            .hint = "use the weir that wrote it, or name another folder as the log"};
    }
    return Error{.code = ErrorCode::log_damaged,
                 .message = fmt::format("{} is no log: its file `format` begins otherwise", log.string()),
                 .hint = "name another folder as the log"};
}

Status make_log(const fs::path& log) {
    WEIR_ASSIGN(const bool there, check_format(log));
    if (there) return ok();
    WEIR_TRY(make_directories(log));
    return write_file_atomic(format_path(log), format_line);
}

}  // namespace weir::source::log
