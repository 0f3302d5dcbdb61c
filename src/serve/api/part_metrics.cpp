#include "serve/api/part_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace weir::serve {
namespace {

// What a family has one sample of.
enum class Of { part, source, partition };

struct Family {
    std::string_view part, fact;
    Of of;
    std::string_view metric, type, help;
};

// Names and units by Prometheus's conventions.
constexpr std::array<Family, 20> families{{
    {"intake", "lag", Of::source, "weir_intake_lag_messages", "gauge",
     "Messages of the topic that are not in the lake yet."},
    {"intake", "lag_seconds", Of::source, "weir_intake_lag_seconds", "gauge",
     "For how long something has waited in the topic, at most, in the partition where it is longest."},
    {"intake", "partition_lag", Of::partition, "weir_intake_partition_lag_messages", "gauge",
     "The same messages by partition, of those that this process reads."},
    {"intake", "partition_lag_seconds", Of::partition, "weir_intake_partition_lag_seconds", "gauge",
     "For how long something has waited in it, at most."},
    {"intake", "bytes", Of::source, "weir_intake_read_bytes_total", "counter",
     "Bytes of messages, with their keys and headers, that were read and landed."},
    {"intake", "landing_seconds", Of::source, "weir_intake_landing_seconds_total", "counter",
     "Time spent on epochs, from what was read to the commit."},
    {"intake", "epochs", Of::source, "weir_intake_epochs_total", "counter", "Epochs that were committed."},
    {"speed", "taken_in", Of::part, "weir_speed_taken_in_total", "counter", "How often something new was taken in."},
    {"speed", "took_seconds", Of::part, "weir_speed_take_in_seconds", "gauge", "How long that took the last time."},
    {"speed", "states", Of::part, "weir_state_tables", "gauge", "States of views."},
    {"speed", "lake_state_rows", Of::part, "weir_state_lake_rows", "gauge", "Rows of states in the lake."},
    {"speed", "lake_state_bytes", Of::part, "weir_state_lake_bytes", "gauge", "Their size."},
    {"speed", "memory_state_rows", Of::part, "weir_state_memory_rows", "gauge",
     "Rows of states in memory: what came in since the last run."},
    {"batch", "runs", Of::part, "weir_batch_runs_total", "counter", "Runs that ended."},
    {"batch", "failed", Of::part, "weir_batch_failed_runs_total", "counter", "Runs that failed."},
    {"batch", "running", Of::part, "weir_batch_running", "gauge", "1: a run is under way."},
    {"batch", "took_seconds", Of::part, "weir_batch_run_seconds", "gauge", "How long the last run took."},
    {"machine", "disk_free_bytes", Of::part, "weir_lake_disk_free_bytes", "gauge", "Free on the lake's file system."},
    {"machine", "disk_free_share", Of::part, "weir_lake_disk_free_ratio", "gauge",
     "The same as a share of it, 0 to 1."},
    {"machine", "memory_bytes", Of::part, "process_resident_memory_bytes", "gauge", "Resident memory of this process."},
}};

Of kind_of(const PartFact& fact) {
    return fact.partition ? Of::partition : fact.source.empty() ? Of::part : Of::source;
}

// As intake's board has it: event_delay_events, event_delay_seconds and event_delay_within_Ns.
void append_event_delays(const std::vector<PartFact>& facts, MetricsText& text) {
    constexpr std::string_view name = "weir_source_event_delay_seconds", prefix = "event_delay_", within = "within_";
    bool told = false;
    for (const auto& fact : facts) {
        std::string_view what = fact.fact;
        if (fact.part != "intake" || !what.starts_with(prefix) || !fact.value) continue;
        if (!std::exchange(told, true))
            text.family(name, "histogram", "From the time of an event to when it was in the lake.");
        what.remove_prefix(prefix.size());
        const MetricsText::Labels source{{"source", fact.source}};
        if (what == "events") {
            text.sample(fmt::format("{}_bucket", name), {{"source", fact.source}, {"le", "+Inf"}}, *fact.value);
            text.sample(fmt::format("{}_count", name), source, *fact.value);
        } else if (what == "seconds") {
            text.sample(fmt::format("{}_sum", name), source, *fact.value);
        } else if (what.starts_with(within)) {
            const auto bound = what.substr(within.size(), what.size() - within.size() - 1);
            text.sample(fmt::format("{}_bucket", name), {{"source", fact.source}, {"le", bound}}, *fact.value);
        }
    }
}

}  // namespace

void append_part_facts(const std::vector<PartFact>& facts, MetricsText& text) {
    for (const auto& family : families) {
        const auto is_of = [&](const PartFact& fact) {
            return fact.part == family.part && fact.fact == family.fact && fact.value && kind_of(fact) == family.of;
        };
        if (std::none_of(facts.begin(), facts.end(), is_of)) continue;
        text.family(family.metric, family.type, family.help);
        for (const auto& fact : facts) {
            if (!is_of(fact)) continue;
            const auto partition = std::to_string(fact.partition.value_or(0));
            MetricsText::Labels labels;
            if (family.of != Of::part) labels.emplace_back("source", fact.source);
            if (family.of == Of::partition) labels.emplace_back("partition", partition);
            text.sample(family.metric, labels, *fact.value);
        }
    }
    append_event_delays(facts, text);
}

}  // namespace weir::serve
