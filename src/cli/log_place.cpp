#include "cli/log_place.h"

#include <fmt/format.h>

#include "cli/number_option.h"
#include "cli/project.h"
#include "declare/options.h"

namespace weir::cli {

namespace log = source::log;

Option log_option() {
    return {.name = "--log",
            .value = "DIR",
            .help = "the log's place, instead of the project's",
            .words = Words::directory};
}

Option kafka_option(std::string_view help) { return {.name = "--kafka", .value = "BROKERS", .help = help}; }

Result<LogPlace> open_log_place(const Invocation& invocation, Terminal& terminal) {
    LogPlace place;
    if (invocation.has("--log")) {
        place.path = fs::absolute(invocation.option("--log")).lexically_normal();
    } else {
        WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
        place.path = project.log.path;
        place.options = log::options_of(project.log);
    }
    place.options.note = [&terminal](const std::string& note) { terminal.note(fmt::format("weir: {}\n", note)); };
    return place;
}

std::vector<Option> topic_options() {
    return {{.name = "--partitions", .value = "N", .help = "how many partitions a new topic gets (default: 1)"},
            {.name = "--compression",
             .value = "CODEC",
             .help = "how a new topic's batches are compressed (default: lz4)",
             .choices = {"none", "lz4", "zstd"}}};
}

Result<log::TopicConfig> topic_config(const Invocation& invocation) {
    log::TopicConfig config;
    WEIR_ASSIGN(const auto partitions, number_option(invocation, "--partitions", 1));
    if (partitions) config.partitions = static_cast<int>(std::min<std::int64_t>(*partitions, INT32_MAX));
    if (invocation.has("--compression"))
        config.codec = log::codec_named(invocation.option("--compression")).value_or(config.codec);
    const auto duration = [&](std::string_view option) -> Result<std::optional<std::int64_t>> {
        if (!invocation.has(option)) return std::optional<std::int64_t>();
        const auto span = declare::parse_duration(invocation.option(option));
        if (!span)
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("{} cannot be '{}'", option, invocation.option(option)),
                         .hint = "a span of time, for example 30m, 12h or 7d"};
        return std::optional<std::int64_t>(span->count());
    };
    const auto size = [&](std::string_view option) -> Result<std::optional<std::int64_t>> {
        if (!invocation.has(option)) return std::optional<std::int64_t>();
        const auto bytes = declare::parse_bytes(invocation.option(option));
        if (!bytes || *bytes > static_cast<std::size_t>(INT64_MAX))
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("{} cannot be '{}'", option, invocation.option(option)),
                         .hint = "a size, for example 512MB or 20GB"};
        return std::optional(static_cast<std::int64_t>(*bytes));
    };
    WEIR_ASSIGN(config.retention_ms, duration("--retention"));
    WEIR_ASSIGN(config.retention_bytes, size("--retention-bytes"));
    WEIR_ASSIGN(const auto tombstones, duration("--tombstones"));
    if (tombstones) config.tombstone_ms = *tombstones;
    WEIR_ASSIGN(const auto segment, size("--segment-bytes"));
    if (segment) config.segment_bytes = *segment;
    config.compact = invocation.has("--compact");
    if (tombstones && !config.compact)
        return Error{.code = ErrorCode::usage,
                     .message = "--tombstones is for a topic that is compacted",
                     .hint = "--compact keeps the newest record of each key; without it nothing is left out"};
    WEIR_TRY(log::check_config(config));
    return config;
}

}  // namespace weir::cli
