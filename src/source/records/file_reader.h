// One input file on its way into blocks: decoded, its header understood, cut behind whole records.
//
//   read → [before start_offset: header, then dropped] → header → split → block, the rest is carried to the next block
//
// A record that does not end within the record limit is given up as too_long: its first bytes are kept, the stream goes
// on behind the line's end, and memory stays within the limit.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "source/files/decode.h"
#include "source/plan.h"
#include "source/records/block.h"
#include "source/records/csv_scan.h"
#include "source/records/json_array.h"

namespace weir::source {

// What is counted for one file while it is read; shared by all threads.
struct FileState {
    const FileToTake* file = nullptr;
    std::atomic<std::int64_t> records{0}, emitted{0}, rejected{0}, rule_rejected{0}, filtered{0}, blank_lines{0};
    std::vector<std::atomic<std::int64_t>> nulled;
    // Set by the reader at the file's end.
    std::string header, sha256;
    std::uint64_t bytes = 0;
    std::int64_t mtime_ns = 0, lines = 0;
    bool complete = false;
};

// What is the same for all files of a run.
class ReadContext {
public:
    ReadContext(const ReadPlan& what, std::size_t record_limit) : plan(what), record_bytes_max(record_limit) {}

    const ReadPlan& plan;
    const std::size_t record_bytes_max;
    Progress progress;

    // The layout of a header record (without its line end); the same header gives the same object.
    Result<const CsvLayout*> layout(std::string_view header, const std::string& path, int line,
                                    const CsvDialect& dialect);
    CsvDialect dialect() const;

private:
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<CsvLayout>, std::less<>> layouts_;
};

class FileReader {
public:
    FileReader(ReadContext& context, FileState& state) : context_(context), state_(state) {}

    // Appends records to the block until it is full or the file ends. Nothing is appended when what comes next needs a
    // block of its own.
    Status fill(Block& block);
    bool finished() const { return finished_; }

    std::mutex mutex;  // held by the thread that calls

private:
    struct TooLong {
        std::int64_t line, offset;
        std::string kept;
        std::uint64_t size;
        char last;  // byte so far
    };

    Status open();
    Status skip_to_start(Block& block);
    // Reads into the block up to its capacity; `end_` is set when the file ends.
    Status read_into(Block& block);
    // Consumes skipped lines and the header at `at`; false when more text is needed.
    Result<bool> take_header(const char* text, std::size_t size, bool final, std::size_t& used);
    Status split(Block& block, std::size_t begin);
    Status finish();
    void add_piece(Block& block, std::size_t begin, std::size_t end);
    void advance(const char* from, const char* to);
    bool pass_too_long(Block& block, std::size_t& begin, std::size_t settled);

    ReadContext& context_;
    FileState& state_;
    std::unique_ptr<DecodedFile> stream_;
    std::string carry_;
    std::size_t carry_settled_ = 0;  // line ends before it stand in quoted parts
    CsvDialect dialect_;
    bool line_end_known_ = false;
    bool header_done_ = false;
    const CsvLayout* layout_ = nullptr;
    std::optional<JsonArraySplitter> array_;
    std::optional<TooLong> too_long_;
    std::uint64_t bytes_told_ = 0;  // to the progress
    bool check_first_byte_ = false;
    bool end_ = false;
    bool finished_ = false;
    bool line_open_ = false;   // text stands behind the last line end
    std::int64_t line_ = 1;    // of the next byte
    std::int64_t offset_ = 0;  // of the next byte
};

}  // namespace weir::source
