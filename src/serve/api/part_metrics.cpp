#include "serve/api/part_metrics.h"

#include <algorithm>
#include <array>

namespace weir::serve {
namespace {

struct Family {
    std::string_view part, fact;
    bool of_sources;  // one sample a source
    std::string_view metric, type, help;
};

// Names and units by Prometheus's conventions.
constexpr std::array<Family, 15> families{{
    {"intake", "lag", true, "weir_intake_lag_messages", "gauge", "Messages of the topic that are not in the lake yet."},
    {"intake", "epochs", true, "weir_intake_epochs_total", "counter", "Epochs that were committed."},
    {"speed", "taken_in", false, "weir_speed_taken_in_total", "counter", "How often something new was taken in."},
    {"speed", "took_seconds", false, "weir_speed_take_in_seconds", "gauge", "How long that took the last time."},
    {"speed", "states", false, "weir_state_tables", "gauge", "States of views."},
    {"speed", "lake_state_rows", false, "weir_state_lake_rows", "gauge", "Rows of states in the lake."},
    {"speed", "lake_state_bytes", false, "weir_state_lake_bytes", "gauge", "Their size."},
    {"speed", "memory_state_rows", false, "weir_state_memory_rows", "gauge",
     "Rows of states in memory: what came in since the last run."},
    {"batch", "runs", false, "weir_batch_runs_total", "counter", "Runs that ended."},
    {"batch", "failed", false, "weir_batch_failed_runs_total", "counter", "Runs that failed."},
    {"batch", "running", false, "weir_batch_running", "gauge", "1: a run is under way."},
    {"batch", "took_seconds", false, "weir_batch_run_seconds", "gauge", "How long the last run took."},
    {"machine", "disk_free_bytes", false, "weir_lake_disk_free_bytes", "gauge", "Free on the lake's file system."},
    {"machine", "disk_free_share", false, "weir_lake_disk_free_ratio", "gauge", "The same as a share of it, 0 to 1."},
    {"machine", "memory_bytes", false, "process_resident_memory_bytes", "gauge", "Resident memory of this process."},
}};

}  // namespace

void append_part_facts(const std::vector<PartFact>& facts, MetricsText& text) {
    for (const auto& family : families) {
        const auto is_of = [&](const PartFact& fact) {
            return fact.part == family.part && fact.fact == family.fact && fact.value &&
                   fact.source.empty() != family.of_sources;
        };
        if (std::none_of(facts.begin(), facts.end(), is_of)) continue;
        text.family(family.metric, family.type, family.help);
        for (const auto& fact : facts) {
            if (!is_of(fact)) continue;
            const MetricsText::Labels labels{{"source", fact.source}};
            text.sample(family.metric, family.of_sources ? labels : MetricsText::Labels{}, *fact.value);
        }
    }
}

}  // namespace weir::serve
