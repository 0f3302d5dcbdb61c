// What is to be read, and what came of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "declare/project.h"

namespace weir::source {

class Block;

// A column that a path template yields, and its value for one file.
struct CaptureColumn {
    std::string name;
    Type type;  // int32 (year, month, day), int64 or string
    bool operator==(const CaptureColumn&) const = default;
};

struct FileToTake {
    std::string path;
    int file_no = 0;                      // the caller's number, given back with every row and reject
    std::uint64_t start_offset = 0;       // raw bytes taken before: reading goes on behind them
    std::uint64_t size = 0;               // as discovered; for the progress display only
    std::vector<std::string> captures{};  // as text, in the order of ReadPlan::captures
};

// A record that was rejected before, to be read again.
struct RecordToTake {
    int file_no = 0;
    std::int64_t line = 0;
    std::int64_t byte_offset = 0;
    std::string raw{};
    std::uint64_t raw_size = 0;  // as in the reject; more than raw.size(): it was cut and cannot be read
    std::string header{};        // CSV: FileReport::header of its file; of a log: Reject::header
    std::vector<std::string> captures{};
};

// A record that did not become a row.
struct Reject {
    int file_no = 0;
    std::int64_t line = 0;         // from 1
    std::int64_t byte_offset = 0;  // in the file; in the decoded UTF-8 text if the file is compressed or encoded
    std::string column{};          // of a type reject
    std::string rule{};            // type, field_count, malformed, too_long, …; empty: see violations
    std::string reason{};
    std::string violations{};    // as given to weir_reject
    std::string raw{};           // the record without its line end, at most limits::rejected_bytes_max bytes
    std::uint64_t raw_size = 0;  // of the whole record
    std::string header{};        // of a log: the record around the message, see log/around.h
};

// Takes rejects in batches, from one thread at a time, while the statement runs. An error ends the statement.
using RejectSink = std::function<Status(std::vector<Reject>&&)>;

struct ReadPlan {
    // Of a log (source.topic): messages that were read before, instead of bytes; `files` are their parts then, with
    // `size` the number of messages. Their file_no are those of the blocks' message_pieces.
    std::vector<std::shared_ptr<Block>> blocks{};
    bool whole_records = false;  // see declare::takes_whole_records
    std::vector<FileToTake> files{};
    std::vector<RecordToTake> records{};  // instead of files
    declare::Source source{};             // format, compression, encoding, csv, record_bytes_max
    std::vector<declare::ContractColumn> columns{};
    declare::UnknownColumns unknown = declare::UnknownColumns::drop;
    std::vector<CaptureColumn> captures{};
    bool type_errors = false;  // whether the column _type_errors is wanted
    int threads = 0;           // 0: as many as DuckDB gives
    RejectSink rejects{};      // none: rejects are counted and thrown away
    std::size_t block_bytes = limits::block_bytes;
};

struct FileReport {
    int file_no = 0;
    std::string path;
    std::uint64_t bytes = 0;  // raw size; the next start_offset
    std::int64_t mtime_ns = 0;
    std::string sha256;
    std::string header;  // CSV: the header record as it stands in the file
    std::int64_t lines = 0;
    std::int64_t records = 0;  // read = emitted + rejected while parsing
    std::int64_t emitted = 0;
    std::int64_t rejected = 0;       // while parsing
    std::int64_t rule_rejected = 0;  // by weir_reject, out of emitted
    std::int64_t filtered = 0;       // by weir_filtered, out of emitted
    std::int64_t blank_lines = 0;
    std::vector<std::int64_t>
        nulled;             // per contract column: values that on_type_error turned into NULL in emitted rows
    bool complete = false;  // read to its end, unchanged

    std::int64_t quarantined() const { return rejected + rule_rejected; }
};

// For a progress display; may be read while the statement runs.
struct Progress {
    std::atomic<std::uint64_t> bytes_done{0};
    std::atomic<std::uint64_t> bytes_total{0};
    std::atomic<std::int64_t> rows{0};
    std::atomic<std::int64_t> files_done{0};
};

}  // namespace weir::source
