#include "model/system_tables.h"

#include <array>
#include <cassert>

namespace weir {
namespace {

struct ColumnSpec {
    std::string_view name;
    Type::Kind kind;
    std::string_view help;
};

SystemTable make(std::string_view name, bool stored, std::string_view summary,
                 std::initializer_list<ColumnSpec> columns) {
    SystemTable table{.name = name, .summary = summary, .stored = stored, .schema = {}, .column_help = {}};
    for (const auto& column : columns) {
        table.schema.fields.push_back({.name = std::string(column.name), .type = Type::of(column.kind)});
        table.column_help.push_back(column.help);
    }
    return table;
}

const std::array<SystemTable, 12>& tables() {
    using enum Type::Kind;
    static const std::array all{
        make("accounting", true,
             "One row per source, arrival day and commit: read = accepted + duplicate + quarantined + filtered.",
             {{"source", string, "the source's name"},
              {"kind", string, "intake, or replay of quarantined rows"},
              {"interval_from", date, "the arrival day; the interval is that day"},
              {"epoch", int64, "the source's commit counter, also the version of its txn action"},
              {"run_id", string, "the run that committed it"},
              {"read", int64, "records found"},
              {"accepted", int64, "rows that are in the table"},
              {"duplicate", int64, "rows seen before, counted and not kept"},
              {"quarantined", int64, "rows that broke the contract"},
              {"filtered", int64, "rows that the source's predicate dropped"},
              {"nulled", int64, "values of a wrong type that became NULL, as the contract says"},
              {"committed_at", timestamp, "when"},
              {"late", int64, "accepted rows that were not after the watermark before them; see event_time"}}),
        make("files", true,
             "Every input file that was taken, once per intake; the newest row of a path is its present state. Of a "
             "log: "
             "each partition and day, with offsets for bytes and lines.",
             {{"source", string, "the source's name"},
              {"path", string, "where the file was"},
              {"size", int64, "bytes"},
              {"mtime_ns", int64, "modification time, nanoseconds since 1970"},
              {"sha256", string, "of the bytes taken"},
              {"arrival_date", date, "the day that its rows belong to"},
              {"start_offset", int64, "bytes taken before; above 0 where a grown file continued"},
              {"records", int64, "records read in this intake"},
              {"lines", int64, "lines of the file up to the end of what was taken"},
              {"quarantined", int64, "of them quarantined"},
              {"epoch", int64, "the source's commit counter"},
              {"run_id", string, "the run that took it"},
              {"taken_at", timestamp, "when"}}),
        make("quarantine", true,
             "Rows that broke their contract, with what arrived, where, and why; the newest state of each.",
             {{"id", string, "names the row in `weir quarantine`"},
              {"state", string, "pending, replayed or discarded"},
              {"source", string, "the source's name"},
              {"arrival_date", date, "the day that the row belongs to"},
              {"file", string, "the file it came from; of a log: log:TOPIC/PARTITION"},
              {"line", int64, "the line on which it starts; of a log: the offset + 1"},
              {"byte_offset", int64, "where it starts in the decoded file; of a log: the offset"},
              {"column", string, "the column at fault; empty where the whole row is"},
              {"rule", string, "the rule that it broke"},
              {"reason", string, "a sentence for a person"},
              {"raw", binary, "the bytes as they arrived"},
              {"cut", boolean, "whether raw is only the beginning of a record that was too long to keep"},
              {"header", string,
               "the file's column names, as its own header line; of a log: partition, offset, timestamp and key of the "
               "record as JSON; else NULL"},
              {"run_id", string, "the run that set this state"},
              {"epoch", int64, "the commit counter of its source, or of the replay"},
              {"changed_at", timestamp, "when this state was set"},
              {"note", string, "why it was discarded"}}),
        make("publications", true,
             "One row per view and publication: which results are served together; the newest number is what readers "
             "see.",
             {{"publication", int64, "its number, from 1"},
              {"run_id", string, "the run that published"},
              {"published_at", timestamp, "when"},
              {"view", string, "the view"},
              {"table_version", int64, "the version of the view's table"},
              {"table_id", string, "which table that is: the id in its metadata"},
              {"interval", date, "the last day computed"},
              {"cut", string, "JSON: the version of each table that the view rests on"},
              {"code", string, "hash of the texts that computed it"},
              {"rows", int64, "rows of the result"},
              {"checksum", string, "of the rows, in any order; comparable within one version of weir"}}),
        make("verdicts", true,
             "What `weir verify` found: whether a published result is what its rows in the lake give.",
             {{"verified_at", timestamp, "when"},
              {"view", string, "the view"},
              {"interval", date, "the day verified"},
              {"publication", int64, "the publication verified; 0: the view up to the newest commits"},
              {"verdict", string, "equal or differs"},
              {"rows", int64, "rows of the published result"},
              {"missing", int64, "rows that the recomputation has and the result has not"},
              {"surplus", int64, "rows that the result has and the recomputation has not"},
              {"detail", string, "the first differing row"}}),
        make("watermarks", false, "How far the events of each source have come that says when they happened.",
             {{"source", string, "the source's name"},
              {"watermark", timestamp, "no more events are expected that are not after it; NULL: none came yet"},
              {"newest_event", timestamp, "the newest event time of an accepted row"},
              {"partitions", int64, "of its topic that gave events; files are one"},
              {"idle", int64, "of them idle: they do not hold the watermark back"},
              {"moved_at", timestamp, "when a row last came in"},
              {"late", int64, "accepted rows that were late"}}),
        make("runs", false, "Every step of every run, from the ledger.",
             {{"run_id", string, "the run"},
              {"started_at", timestamp, "when the step began"},
              {"finished_at", timestamp, "when it ended; NULL while it runs or if the process was killed"},
              {"node", string, "the source or view"},
              {"kind", string, "source, view or export"},
              {"interval_from", date, "the day computed; NULL for a source"},
              {"state", string, "running, done, unchanged or failed"},
              {"rows", int64, "rows accepted or written"},
              {"reason", string, "why it ran"},
              {"error", string, "the message, if it failed"}}),
        make("parts", false,
             "What the parts of a running `weir up` say of themselves, about once a second; empty elsewhere.",
             {{"part", string, "intake, speed, batch, alerts or serve; machine: disk and memory"},
              {"source", string, "the source that it is about; NULL: the part as a whole"},
              {"partition", int64, "the partition of its topic; NULL: all of them"},
              {"fact", string, "its name, as in the status lines: lag, epochs, took_seconds, disk_free_bytes, …"},
              {"value", float64, "a number; of true and false 1 and 0"},
              {"text", string, "what is no number: a state, a problem, a moment"}}),
        make("lineage", false, "Which columns of tables and views each column of a view rests on.",
             {{"view", string, "the view"},
              {"column", string, "its column"},
              {"from_table", string, "the table or view that it reads; NULL: the column is a constant"},
              {"from_column", string, "its column; * for the rows as such, which count(*) counts"},
              {"kind", string, "value: what the column is made of; condition: what decides which rows count"}}),
        make("alerts", false, "Every alert that was looked at, and its instances, as they are now.",
             {{"alert", string, "the alert's name"},
              {"severity", string, "info, warning or critical"},
              {"state", string, "inactive, pending, firing, or resolved for a day"},
              {"instance", string, "JSON: the columns of its key; NULL: the alert has no instance"},
              {"message", string, "the sentence for people"},
              {"details", string, "JSON: all columns of its row, as texts"},
              {"since", timestamp, "when its row was there first"},
              {"fired_at", timestamp, "when it began to fire"},
              {"resolved_at", timestamp, "when it was over"},
              {"told_at", timestamp, "when somebody was told last that it fires"},
              {"silenced_until", timestamp, "until then it is not told"},
              {"looked_at", timestamp, "when the alert was looked at last"},
              {"problem", string, "why it could not be looked at; its states are those from before"}}),
        make("alert_history", false, "Every change of the state of an alert's instance, newest first.",
             {{"changed_at", timestamp, "when"},
              {"alert", string, "the alert's name"},
              {"severity", string, "info, warning or critical"},
              {"state", string, "the state that it came to"},
              {"was", string, "the state before"},
              {"instance", string, "JSON: the columns of its key"},
              {"message", string, "the sentence for people"}}),
        make("tables", false, "Every table of the lake.",
             {{"name", string, "the table's name"},
              {"version", int64, "its newest commit"},
              {"rows", int64, "live rows"},
              {"files", int64, "live data files"},
              {"bytes", int64, "their size"},
              {"columns", string, "names and types"},
              {"partition_columns", string, "in order"},
              {"changed_at", timestamp, "time of the newest commit"}}),
    };
    return all;
}

}  // namespace

std::span<const SystemTable> system_tables() { return tables(); }

const SystemTable& system_table(std::string_view name) {
    for (const auto& table : tables()) {
        if (table.name == name) return table;
    }
    assert(false && "no such system table");
    return tables().front();
}

}  // namespace weir
