// Every bound that weir keeps, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::limits {

// One record of a text file. Larger ones are almost always a missing line end; they go to quarantine, cut.
inline constexpr std::size_t record_bytes_max = 16u << 20;
// Enough of a rejected record to recognise and replay it; a broken file is not copied into the quarantine.
inline constexpr std::size_t rejected_bytes_max = 1u << 20;
// Records travel from the reader to the parser in blocks of about this size: they stay in L2/L3 and memory stays
// bounded.
inline constexpr std::size_t block_bytes = 4u << 20;
// Deeper JSON than this is refused: it is an attack or a bug, and recursion must end somewhere.
inline constexpr std::size_t json_depth_max = 1024;
// Macros that call macros: what is written out with more calls than this is larger than any text of a person.
inline constexpr std::size_t macro_calls_max = 1000;
// A file of a project that is larger than this is no declaration.
inline constexpr std::size_t declaration_bytes_max = 4u << 20;
inline constexpr int yaml_depth_max = 64;
// Structs in structs: real tables stay below ten, and our own recursion must end somewhere.
inline constexpr int schema_depth_max = 64;
// A contract of 5,000 columns has about this many values; more is not written by people.
inline constexpr std::size_t yaml_nodes_max = 200'000;
// Four writers that commit all the time lose three races out of four: fifteen tries would fail one commit in a hundred,
// fifty practically none.
inline constexpr int commit_attempts_max = 50;
// The longest wait between two tries: about as long as a commit takes on a slow disk.
inline constexpr int commit_backoff_ms_max = 50;
// What the reader of a checkpoint's lines is given for one of them at least; a metaData with a large schema gets more.
inline constexpr std::size_t checkpoint_line_bytes_min = std::size_t{1} << 20;
// A scan's file list, partition values or deleted rows up to this many stand in the SQL text itself; DuckDB parses
// about a hundred thousand list items a second.
inline constexpr std::size_t scan_inline_items_max = 1000;
// Each distinct partition value becomes a branch of its own that DuckDB can prune; more branches than these cost more
// to plan than a join on the file's number.
inline constexpr std::size_t scan_branches_max = 32;
// To read so many commits costs less than to read a checkpoint of a small table.
inline constexpr std::int64_t checkpoint_interval = 50;
// A commit or other log file larger than this is damage: a million files need about 500 MB.
inline constexpr std::size_t log_entry_bytes_max = std::size_t{2} << 30;

// Records of the log, before compression, in one batch: what a reader must hold at once, and what an append is at most.
// Sixteen times Kafka's own bound for a message; whatever is larger belongs into a file.
inline constexpr std::size_t log_batch_bytes_max = std::size_t{16} << 20;
inline constexpr std::size_t log_batch_records_max = std::size_t{1} << 20;
// Producers cut here: large enough that compression and checksums cost nothing per record, small enough to stay in L2.
inline constexpr std::size_t log_batch_bytes_target = std::size_t{512} << 10;
// Batches that wait to be written, over all partitions; then whoever appends waits.
inline constexpr std::size_t log_queue_bytes_max = std::size_t{64} << 20;
// As many partitions as one process can hold open under the usual limit of 1,024 files, twice.
inline constexpr int log_partitions_max = 256;
// Producers of a partition whose sequence is known; the longest silent ones are forgotten beyond that.
inline constexpr std::size_t log_producers_max = 10'000;
// Appends of one producer whose offsets are known, for those that come again; Kafka remembers as many.
inline constexpr std::size_t log_producer_batches = 5;
// Keys that a compaction of one partition holds at the same time, about 50 bytes each: less than a gigabyte.
inline constexpr std::size_t log_compact_keys_max = 16'000'000;
// Processes that publish through the owner at the same time; each has two threads.
inline constexpr int log_connections_max = 64;

// Instances of one alert that are followed: nobody reads more sentences, and a condition that holds for more rows than
// these says something about all of them.
inline constexpr std::size_t alert_instances_max = 1'000;

}  // namespace weir::limits
