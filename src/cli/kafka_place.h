// From the command line to the Kafka cluster that it means.
#pragma once

#include <map>

#include "cli/log_place.h"
#include "source/kafka/admin.h"

namespace weir::cli {

struct KafkaPlace {
    declare::KafkaCluster cluster;
    fs::path root;  // of the project, for secrets
};

inline bool on_kafka(const Invocation& invocation) { return invocation.has("--kafka"); }
// --kafka BROKERS; a project says besides how they are spoken to. Fails with usage where --log is given too.
Result<KafkaPlace> open_kafka_place(const Invocation& invocation, Terminal& terminal);
// Option --kafka of commands that look at one topic or another.
Option kafka_instead_option();

// What Kafka calls the settings of a new topic.
std::map<std::string, std::string> kafka_settings(const source::log::TopicConfig& config);

}  // namespace weir::cli
