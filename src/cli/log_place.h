// From the command line to the log that it means, and what its commands share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/parse.h"
#include "cli/terminal.h"
#include "source/log/log.h"

namespace weir::cli {

struct LogPlace {
    fs::path path;
    source::log::LogOptions options;
};

// --log DIR, else the project's. What the log has to say about repairs goes to the terminal.
Result<LogPlace> open_log_place(const Invocation& invocation, Terminal& terminal);
Option log_option();
// --kafka BROKERS, instead of the project's.
Option kafka_option(std::string_view help);

// The options that say how a new topic keeps its records, and what was given of them.
std::vector<Option> topic_options();
Result<source::log::TopicConfig> topic_config(const Invocation& invocation);

}  // namespace weir::cli
