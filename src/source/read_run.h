// What the threads of one reading statement share: the blocks that are handed out, whose turn it is, what was refused.
// The functions that DuckDB calls find it by its handle.
#pragma once

#include <condition_variable>
#include <deque>
#include <set>
#include <unordered_map>

#include "source/columns/chunk_parser.h"
#include "source/columns/column_writer.h"
#include "source/reader.h"
#include "source/records/file_reader.h"

namespace weir::source {

struct OutputColumn {
    std::string name;
    Type type;
};

struct ReadRun::Impl {
    ReadPlan plan;
    std::int64_t handle = 0;
    std::unique_ptr<ReadContext> context;
    std::vector<ColumnPlan> column_plans;
    std::unique_ptr<RecordKeys> keys;
    std::vector<bool> of_unpacked;  // of each column: its fields stand in the chunk's unpacked text
    std::vector<int> capture_slot;  // of each captured column: the contract column that it fills, or -1
    std::vector<OutputColumn> outputs;
    std::vector<sql::Column> described;
    bool has_extra = false;

    std::deque<FileToTake> record_files;  // plan.records: one per file_no
    std::deque<FileState> files;
    std::unordered_map<int, FileState*> state_of_number;
    std::vector<FileReport> reports;

    std::atomic<bool> started{false};  // a second scan would share the records with the first

    // ---- the first error, which ends all threads

    std::mutex error_mutex;
    std::optional<Error> error;

    Error fail(Error met);
    bool error_met();

    // ---- blocks

    struct Supply {  // of one thread
        std::shared_ptr<FileReader> reader;
        std::shared_ptr<Block> block;
    };

    std::mutex hand_out;
    std::size_t next_file = 0;
    std::size_t next_given = 0;  // of the plan's blocks
    std::vector<std::shared_ptr<FileReader>> open_readers;
    std::vector<std::shared_ptr<Block>> free_blocks;
    std::uint32_t next_block_id = 1;
    std::unordered_map<std::uint32_t, std::shared_ptr<Block>> live_blocks;

    // The next block with records in it; false at the end.
    Result<bool> next_block(Supply& supply);
    void release(Supply& supply);
    // Messages that came with the plan, as pieces of their partitions and days.
    Status adopt(Block& block);

    std::shared_ptr<Block> new_block();
    std::shared_ptr<FileReader> take_reader(std::size_t& turn);
    void forget(const std::shared_ptr<FileReader>& reader);
    // Of the plan's own, which are few: whoever stops us waits until they are through.
    bool take_block(Supply& supply);

    // ---- records that come again

    std::mutex record_mutex;
    std::size_t next_record = 0;

    Result<bool> fill_from_records(Block& block);
    // A message that was rejected before, with what stood around it.
    Status add_message(Block& block, FileState& file, const RecordToTake& record);

    // ---- turns

    std::set<std::uint32_t> undecided;  // of the live blocks that came with the plan; guarded by hand_out
    std::condition_variable decided;

    void await_turn(std::uint32_t block);
    void end_turn(std::uint32_t block);

    // ---- rejects

    std::mutex reject_mutex;
    std::vector<Reject> pending;
    std::size_t pending_bytes = 0;

    Status add_rejects(std::vector<Reject>&& rejects);
    Status hand_over();  // under reject_mutex
};

// Known by the handle that this gives until it is left or gone.
std::int64_t enter_run(const std::shared_ptr<ReadRun::Impl>& run);
void leave_run(std::int64_t handle);
// Null: there is none.
std::shared_ptr<ReadRun::Impl> find_run(std::int64_t handle);
std::string no_such_run(std::int64_t handle);

// Of a value of `_record`.
inline std::uint32_t block_of(std::int64_t record) { return static_cast<std::uint32_t>(record >> 32); }

// The record of a piece that stands from `begin` to `end` in the block, with what is kept of it.
Reject make_reject(const Block& block, std::uint32_t piece_index, std::size_t begin, std::size_t end,
                   std::uint32_t line);

}  // namespace weir::source
