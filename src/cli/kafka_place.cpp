#include "cli/kafka_place.h"

#include "cli/project.h"

namespace weir::cli {

Option kafka_instead_option() {
    return kafka_option("topics of Kafka at these brokers, host:port with commas between them, instead of the log's");
}

Result<KafkaPlace> open_kafka_place(const Invocation& invocation, Terminal& terminal) {
    if (invocation.has("--log"))
        return Error{.code = ErrorCode::usage,
                     .message = "--log and --kafka both say where the topics are",
                     .hint = "give one of them"};
    KafkaPlace place;
    std::error_code error;
    const fs::path directory = invocation.project();
    if (fs::is_regular_file(directory / "weir.yaml", error)) {
        WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
        place.cluster = project.kafka;
        place.root = project.root;
    } else {
        place.cluster.brokers = invocation.option("--kafka");
        place.root = fs::absolute(directory);
    }
    return place;
}

std::map<std::string, std::string> kafka_settings(const source::log::TopicConfig& config) {
    const source::log::TopicConfig usual;
    std::map<std::string, std::string> settings;
    if (config.retention_ms) settings["retention.ms"] = std::to_string(*config.retention_ms);
    if (config.retention_bytes) settings["retention.bytes"] = std::to_string(*config.retention_bytes);
    if (config.compact) {
        settings["cleanup.policy"] = "compact";
        settings["delete.retention.ms"] = std::to_string(config.tombstone_ms);
    }
    if (config.segment_bytes != usual.segment_bytes) settings["segment.bytes"] = std::to_string(config.segment_bytes);
    if (config.codec != usual.codec)
        settings["compression.type"] = config.codec == source::log::Codec::none ? "uncompressed" : "zstd";
    return settings;
}

}  // namespace weir::cli
