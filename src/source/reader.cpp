#include "source/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "base/stop.h"
#include "source/columns/cast.h"
#include "source/columns/chunk_parser.h"
#include "source/columns/column_writer.h"
#include "source/log/around.h"
#include "source/records/file_reader.h"

namespace weir::source {
namespace {

// Rejects leave when so many or so many bytes have gathered.
constexpr std::size_t batch_rejects = 2048;
constexpr std::size_t batch_bytes = 4u << 20;
// A field's length has 28 bits.
constexpr std::size_t record_bytes_ceiling = Field::length_max - 16;

// Of a value of `_record`.
std::uint32_t block_of(std::int64_t record) { return static_cast<std::uint32_t>(record >> 32); }

duckdb_logical_type make_type(const Type& type) {
    if (type.kind == Type::Kind::decimal)
        return duckdb_create_decimal_type(static_cast<std::uint8_t>(type.precision),
                                          static_cast<std::uint8_t>(type.scale));
    using K = Type::Kind;
    switch (type.kind) {
        case K::boolean: return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
        case K::int8: return duckdb_create_logical_type(DUCKDB_TYPE_TINYINT);
        case K::int16: return duckdb_create_logical_type(DUCKDB_TYPE_SMALLINT);
        case K::int32: return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
        case K::int64: return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
        case K::float32: return duckdb_create_logical_type(DUCKDB_TYPE_FLOAT);
        case K::float64: return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
        case K::binary: return duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
        case K::date: return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
        case K::timestamp: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
        case K::timestamp_ntz: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
        default: return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    }
}

std::size_t width_of(const Type& type) {
    using K = Type::Kind;
    switch (type.kind) {
        case K::boolean:
        case K::int8: return 1;
        case K::int16: return 2;
        case K::int32:
        case K::float32:
        case K::date: return 4;
        case K::int64:
        case K::float64:
        case K::timestamp:
        case K::timestamp_ntz: return 8;
        case K::decimal: return type.precision <= 4 ? 2 : type.precision <= 9 ? 4 : type.precision <= 18 ? 8 : 16;
        default: return sizeof(duckdb_string_t);
    }
}

struct OutputColumn {
    std::string name;
    Type type;
};

void set_null(duckdb_vector vector, std::size_t row) {
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

// Moves the values of the rows in `good` together at the front.
void compact(duckdb_vector vector, std::size_t width, const std::vector<std::uint32_t>& good) {
    auto* data = static_cast<char*>(duckdb_vector_get_data(vector));
    const auto move = [&]<std::size_t n>(std::integral_constant<std::size_t, n>) {
        for (std::size_t to = 0; to < good.size(); ++to) std::memmove(data + to * n, data + good[to] * n, n);
    };
    switch (width) {
        case 1: move(std::integral_constant<std::size_t, 1>{}); break;
        case 2: move(std::integral_constant<std::size_t, 2>{}); break;
        case 4: move(std::integral_constant<std::size_t, 4>{}); break;
        case 8: move(std::integral_constant<std::size_t, 8>{}); break;
        default: move(std::integral_constant<std::size_t, 16>{});
    }
    if (auto* validity = duckdb_vector_get_validity(vector)) {
        for (std::size_t to = 0; to < good.size(); ++to)
            duckdb_validity_set_row_validity(validity, to, duckdb_validity_row_is_valid(validity, good[to]));
    }
}

// By the plan's word, since a part of the contract may be missing among the columns.
std::optional<declare::LogPart> log_part_of(const ReadPlan& plan, const declare::ContractColumn& column) {
    if (!column.inside.empty()) return std::nullopt;
    std::string_view name = column.name;
    if (!plan.whole_records) {
        if (!name.starts_with('_')) return std::nullopt;
        name.remove_prefix(1);
    }
    for (std::size_t i = 0; i < std::size(declare::log_part_names); ++i) {
        const auto part = static_cast<declare::LogPart>(i);
        if (name == declare::log_part_names[i] && (plan.whole_records || part != declare::LogPart::value)) return part;
    }
    return std::nullopt;
}

int& slot_of(LogSlots& slots, declare::LogPart part) {
    using enum declare::LogPart;
    switch (part) {
        case topic: return slots.topic_slot;
        case partition: return slots.partition_slot;
        case offset: return slots.offset_slot;
        case broker_ts: return slots.time_slot;
        case key: return slots.key_slot;
        case headers: return slots.headers_slot;
        case value: break;
    }
    return slots.value_slot;
}

}  // namespace

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

    // ---- handing out blocks
    std::mutex hand_out;
    std::size_t next_file = 0;
    std::size_t next_record = 0;
    std::vector<std::shared_ptr<FileReader>> open_readers;
    std::vector<std::shared_ptr<Block>> free_blocks;
    std::uint32_t next_block_id = 1;
    std::unordered_map<std::uint32_t, std::shared_ptr<Block>> live_blocks;

    std::atomic<bool> started{false};  // a second scan would share the records with the first

    std::mutex error_mutex;
    std::optional<Error> error;

    std::mutex reject_mutex;
    std::vector<Reject> pending;
    std::size_t pending_bytes = 0;

    Error fail(Error met) {
        const std::scoped_lock lock(error_mutex);
        if (!error) error = std::move(met);
        return *error;
    }

    // ---- blocks

    struct Supply {  // of one thread
        std::shared_ptr<FileReader> reader;
        std::shared_ptr<Block> block;
    };

    std::shared_ptr<Block> new_block() {
        const std::scoped_lock lock(hand_out);
        std::shared_ptr<Block> block;
        if (!free_blocks.empty()) {
            block = std::move(free_blocks.back());
            free_blocks.pop_back();
        } else {
            block = std::make_shared<Block>(std::max<std::size_t>(plan.block_bytes, 64));
        }
        block->id = next_block_id++;
        live_blocks.emplace(block->id, block);
        return block;
    }

    void release(Supply& supply) {
        if (!supply.block) return;
        const std::scoped_lock lock(hand_out);
        live_blocks.erase(supply.block->id);
        if (undecided.erase(supply.block->id) > 0) decided.notify_all();
        {
            const std::scoped_lock places_lock(supply.block->places_mutex);
            supply.block->clear();
        }
        // A block that grew for one record is given back to the system, and so is one that came with the plan.
        if (plan.blocks.empty() && supply.block.use_count() == 1 && supply.block->capacity() <= plan.block_bytes * 2)
            free_blocks.push_back(std::move(supply.block));
        supply.block.reset();
    }

    std::shared_ptr<FileReader> take_reader(std::size_t& turn) {
        const std::scoped_lock lock(hand_out);
        if (next_file < plan.files.size()) {
            auto reader = std::make_shared<FileReader>(*context, files[next_file++]);
            open_readers.push_back(reader);
            return reader;
        }
        if (open_readers.empty()) return nullptr;
        return open_readers[turn++ % open_readers.size()];
    }

    void forget(const std::shared_ptr<FileReader>& reader) {
        const std::scoped_lock lock(hand_out);
        std::erase(open_readers, reader);
    }

    // The next block with records in it; false at the end.
    Result<bool> next_block(Supply& supply) {
        release(supply);
        if (!plan.blocks.empty()) {
            if (error_met()) return Error{.code = ErrorCode::internal, .message = "reading has failed"};
            return take_block(supply);
        }
        supply.block = new_block();
        if (!plan.records.empty()) return fill_from_records(*supply.block);
        std::size_t turn = 0;
        for (;;) {
            if (stop_requested())
                return Error{.code = ErrorCode::interrupted, .message = "stopped while reading the input"};
            if (error_met()) return Error{.code = ErrorCode::internal, .message = "reading has failed"};
            if (!supply.reader) supply.reader = take_reader(turn);
            if (!supply.reader) break;
            auto& reader = *supply.reader;
            bool finished = false;
            {
                const std::scoped_lock lock(reader.mutex);
                if (!reader.finished()) WEIR_TRY(reader.fill(*supply.block));
                finished = reader.finished();
            }
            if (finished) {
                forget(supply.reader);
                supply.reader.reset();
            }
            const auto& block = *supply.block;
            if (block.size >= block.capacity() - block.capacity() / 4 ||
                (!finished && (!block.pieces.empty() || !block.rejects.empty())))
                break;
        }
        return !supply.block->pieces.empty() || !supply.block->rejects.empty();
    }

    // Of the plan's own, which are few: whoever stops us waits until they are through.
    bool take_block(Supply& supply) {
        const std::scoped_lock lock(hand_out);
        if (next_given == plan.blocks.size()) return false;
        supply.block = plan.blocks[next_given];
        plan.blocks[next_given++] = nullptr;
        supply.block->id = next_block_id++;
        live_blocks.emplace(supply.block->id, supply.block);
        undecided.insert(supply.block->id);
        return true;
    }
    std::size_t next_given = 0;

    // ---- turns

    std::set<std::uint32_t> undecided;  // of the live blocks that came with the plan
    std::condition_variable decided;

    void await_turn(std::uint32_t block) {
        // A thread may leave a block, of which nothing had to be decided on, for other work.
        constexpr std::chrono::milliseconds patience{100};
        std::unique_lock lock(hand_out);
        decided.wait_for(lock, patience, [&] { return undecided.empty() || *undecided.begin() >= block; });
    }

    void end_turn(std::uint32_t block) {
        const std::scoped_lock lock(hand_out);
        if (undecided.erase(block) > 0) decided.notify_all();
    }

    // Messages that came with the plan, as pieces of their partitions and days.
    Status adopt(Block& block) {
        for (const auto& piece : block.message_pieces) {
            const auto file = state_of_number.find(piece.file_no);
            if (file == state_of_number.end())
                return Error{.code = ErrorCode::internal,
                             .message = fmt::format("messages of part {}, which there is not", piece.file_no)};
            block.pieces.push_back({.file = file->second,
                                    .layout = nullptr,
                                    .begin = piece.begin,
                                    .end = piece.end,
                                    .line = block.messages[piece.begin].offset + 1,
                                    .offset = piece.partition,
                                    .single = false});
        }
        return ok();
    }

    bool error_met() {
        const std::scoped_lock lock(error_mutex);
        return error.has_value();
    }

    Result<bool> fill_from_records(Block& block) {
        const std::scoped_lock lock(record_mutex);
        while (next_record < plan.records.size() && (block.size < plan.block_bytes || block.pieces.empty())) {
            const auto& record = plan.records[next_record++];
            FileState& file = *state_of_number.at(record.file_no);
            if (record.raw_size > record.raw.size()) {
                block.rejects.push_back(
                    {&file, record.line, record.byte_offset, "too_long",
                     fmt::format("only {} of the record's {} bytes were kept", record.raw.size(), record.raw_size),
                     record.raw, record.raw_size});
                continue;
            }
            const CsvLayout* layout = nullptr;
            if (plan.source.format == declare::Format::csv) {
                WEIR_ASSIGN(layout, context->layout(record.header, file.file->path, 1, context->dialect()));
            }
            if (!plan.source.topic.empty()) {
                WEIR_TRY(add_message(block, file, record));
                continue;
            }
            block.reserve(block.size + record.raw.size());
            std::memcpy(block.text() + block.size, record.raw.data(), record.raw.size());
            const auto begin = static_cast<std::uint32_t>(block.size);
            block.size += record.raw.size();
            block.pieces.push_back(
                {&file, layout, begin, static_cast<std::uint32_t>(block.size), record.line, record.byte_offset, true});
        }
        return !block.pieces.empty() || !block.rejects.empty();
    }
    // A message that was rejected before, with what stood around it.
    Status add_message(Block& block, FileState& file, const RecordToTake& record) {
        WEIR_ASSIGN(const auto around, parse_around(record.header));
        const auto put = [&](std::string_view text) {
            const auto begin = static_cast<std::uint32_t>(block.size);
            block.reserve(block.size + text.size() + 1);
            std::memcpy(block.text() + block.size, text.data(), text.size());
            block.size += text.size();
            block.text()[block.size++] = '\n';
            return begin;
        };
        Message message{.offset = around.offset, .timestamp = around.timestamp};
        message.has_key = around.key.has_value();
        message.has_value = around.has_value;
        message.key_begin = put(around.key.value_or(""));
        message.key_end = static_cast<std::uint32_t>(block.size - 1);
        message.headers_begin = put(around.headers);
        message.headers_end = static_cast<std::uint32_t>(block.size - 1);
        message.begin = put(record.raw);
        message.end = static_cast<std::uint32_t>(block.size - 1);
        const auto at = static_cast<std::uint32_t>(block.messages.size());
        block.messages.push_back(message);
        block.pieces.push_back({.file = &file,
                                .layout = nullptr,
                                .begin = at,
                                .end = at + 1,
                                .line = around.offset + 1,
                                .offset = around.partition,
                                .single = true});
        return ok();
    }
    std::mutex record_mutex;

    // ---- rejects

    Status add_rejects(std::vector<Reject>&& rejects) {
        const std::scoped_lock lock(reject_mutex);
        if (!plan.rejects) return ok();
        for (auto& reject : rejects) {
            pending_bytes += reject.raw.size() + reject.reason.size();
            pending.push_back(std::move(reject));
            if (pending.size() >= batch_rejects || pending_bytes >= batch_bytes) WEIR_TRY(hand_over());
        }
        return ok();
    }

    Status hand_over() {  // under reject_mutex
        if (pending.empty()) return ok();
        pending_bytes = 0;
        return plan.rejects(std::exchange(pending, {}));
    }
};

namespace {

struct Registry {
    std::mutex mutex;
    std::int64_t next = 1;
    std::unordered_map<std::int64_t, std::weak_ptr<void>> runs;
};

Registry& registry() {
    static Registry one;
    return one;
}

}  // namespace

// The callbacks of the C API.
struct ReadFunctions {
    using Run = ReadRun::Impl;

    struct Bound {
        std::shared_ptr<Run> run;
    };

    struct Thread {
        explicit Thread(std::shared_ptr<Run> r)
            : run(std::move(r)), parser(*run->context, *run->keys), chunk(run->column_plans.size()) {
            for (const auto& plan : run->column_plans) writers.emplace_back(plan, run->context->dialect());
        }
        ~Thread() { run->release(supply); }
        std::shared_ptr<Run> run;
        Run::Supply supply;
        ChunkParser parser;
        FieldChunk chunk;
        std::vector<ColumnWriter> writers;
        bool has_block = false;
        bool done = false;
        std::vector<std::uint32_t> good, nulled;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> all_nulled;  // slot, row
        std::vector<Field> captured;
        std::string captured_text;
        std::vector<std::string> type_errors;  // by row
    };

    static std::shared_ptr<Run> find(std::int64_t handle) {
        const std::scoped_lock lock(registry().mutex);
        const auto found = registry().runs.find(handle);
        return found == registry().runs.end() ? nullptr : std::static_pointer_cast<Run>(found->second.lock());
    }

    static std::string no_run(std::int64_t handle) {
        return to_string(Error{.code = ErrorCode::internal, .message = fmt::format("there is no read run {}", handle)});
    }

    static void bind(duckdb_bind_info info) {
        auto parameter = duckdb_bind_get_parameter(info, 0);
        const auto handle = duckdb_get_int64(parameter);
        duckdb_destroy_value(&parameter);
        auto run = find(handle);
        if (!run) {
            duckdb_bind_set_error(info, no_run(handle).c_str());
            return;
        }
        for (const auto& column : run->outputs) {
            auto type = make_type(column.type);
            duckdb_bind_add_result_column(info, column.name.c_str(), type);
            duckdb_destroy_logical_type(&type);
        }
        // How many rows come is not known, but more than any table that they are joined with has: that one is hashed.
        constexpr idx_t many = 1'000'000'000;
        duckdb_bind_set_cardinality(info, many, false);
        duckdb_bind_set_bind_data(info, new Bound{std::move(run)},
                                  [](void* data) { delete static_cast<Bound*>(data); });
    }

    static void init(duckdb_init_info info) {
        auto& run = *static_cast<Bound*>(duckdb_init_get_bind_data(info))->run;
        if (run.started.exchange(true)) {
            const auto error =
                run.fail({.code = ErrorCode::internal, .message = "a statement reads the same run twice"});
            duckdb_init_set_error(info, to_string(error).c_str());
            return;
        }
        duckdb_init_set_max_threads(info, static_cast<idx_t>(run.plan.threads > 0 ? run.plan.threads : 256));
    }

    static void init_thread(duckdb_init_info info) {
        const auto& run = static_cast<Bound*>(duckdb_init_get_bind_data(info))->run;
        duckdb_init_set_init_data(info, new Thread(run), [](void* data) { delete static_cast<Thread*>(data); });
    }

    static void read(duckdb_function_info info, duckdb_data_chunk output) {
        auto& thread = *static_cast<Thread*>(duckdb_function_get_local_init_data(info));
        auto rows = next_chunk_or_error(thread, output);
        if (!rows) {
            const auto error = thread.run->fail(std::move(rows).error());
            duckdb_function_set_error(info, to_string(error).c_str());
            return;
        }
        duckdb_data_chunk_set_size(output, *rows);
    }

    static Result<std::size_t> next_chunk_or_error(Thread& thread, duckdb_data_chunk output) {
        try {
            return next_chunk(thread, output);
        } catch (const std::bad_alloc&) {
            return Error{.code = ErrorCode::out_of_memory,
                         .message = "there is not enough memory for a block of records",
                         .hint = "lower the source's record limit or the number of threads"};
        }
    }

    static Result<std::size_t> next_chunk(Thread& thread, duckdb_data_chunk output) {
        auto& run = *thread.run;
        while (!thread.done) {
            if (!thread.has_block) {
                WEIR_ASSIGN(const bool some, run.next_block(thread.supply));
                if (!some) {
                    thread.done = true;
                    run.release(thread.supply);
                    break;
                }
                thread.has_block = true;
                auto& block = *thread.supply.block;
                thread.parser.begin(block);
                WEIR_TRY(file_split_rejects(run, block));
            }
            if (!thread.parser.next(thread.chunk)) {
                thread.has_block = false;
                continue;
            }
            WEIR_ASSIGN(const auto rows, write_chunk(thread, output));
            if (rows > 0) return rows;
            // Not one row was good; what was marked NULL on the way must not show in the next ones.
            duckdb_data_chunk_reset(output);
        }
        return std::size_t{0};
    }

    static Status file_split_rejects(Run& run, Block& block) {
        if (block.rejects.empty()) return ok();
        std::vector<Reject> rejects;
        for (auto& reject : block.rejects) {
            reject.file->records.fetch_add(1, std::memory_order_relaxed);
            reject.file->rejected.fetch_add(1, std::memory_order_relaxed);
            rejects.push_back({.file_no = reject.file->file->file_no,
                               .line = reject.line,
                               .byte_offset = reject.offset,
                               .rule = std::string(reject.rule),
                               .reason = std::move(reject.reason),
                               .raw = std::move(reject.raw),
                               .raw_size = reject.raw_size});
        }
        block.rejects.clear();
        return run.add_rejects(std::move(rejects));
    }

    static Reject make_reject(const Block& block, std::uint32_t piece_index, std::size_t begin, std::size_t end,
                              std::uint32_t line) {
        const auto& piece = block.pieces[piece_index];
        const auto size = end - begin;
        if (!block.messages.empty()) {
            const auto offset = piece.line - 1 + line;
            const auto found =
                std::lower_bound(block.messages.begin() + piece.begin, block.messages.begin() + piece.end, offset,
                                 [](const Message& message, std::int64_t wanted) { return message.offset < wanted; });
            Around around{.partition = static_cast<int>(piece.offset),
                          .offset = offset,
                          .timestamp = found->timestamp,
                          .has_value = found->has_value};
            if (found->has_key)
                around.key = std::string(block.text() + found->key_begin, found->key_end - found->key_begin);
            around.headers =
                std::string(block.text() + found->headers_begin, found->headers_end - found->headers_begin);
            return {.file_no = piece.file->file->file_no,
                    .line = offset + 1,
                    .byte_offset = offset,
                    .raw = std::string(block.text() + begin, std::min(size, limits::rejected_bytes_max)),
                    .raw_size = size,
                    .header = around_json(around)};
        }
        return {.file_no = piece.file->file->file_no,
                .line = piece.line + line,
                .byte_offset = piece.offset + static_cast<std::int64_t>(begin - piece.begin),
                .raw = std::string(block.text() + begin, std::min(size, limits::rejected_bytes_max)),
                .raw_size = size};
    }

    static Result<std::size_t> write_chunk(Thread& thread, duckdb_data_chunk output) {
        auto& run = *thread.run;
        auto& chunk = thread.chunk;
        auto& block = *thread.supply.block;
        const auto columns = run.column_plans.size();
        fill_captured(thread);
        thread.all_nulled.clear();
        for (std::size_t slot = 0; slot < columns; ++slot) {
            const Field* fields = chunk.column(slot);
            const char* text = run.of_unpacked[slot] ? chunk.unpacked_text.data() : block.text();
            const auto capture = std::find(run.capture_slot.begin(), run.capture_slot.end(), static_cast<int>(slot));
            if (capture != run.capture_slot.end()) {
                fields =
                    thread.captured.data() + static_cast<std::size_t>(capture - run.capture_slot.begin()) * chunk_rows;
                text = thread.captured_text.data();
            }
            thread.nulled.clear();
            thread.writers[slot].write(chunk, fields, text, duckdb_data_chunk_get_vector(output, slot), thread.nulled);
            for (const auto row : thread.nulled) thread.all_nulled.emplace_back(static_cast<std::uint32_t>(slot), row);
        }
        for (const auto& [slot, row] : thread.all_nulled)
            if (!chunk.bad[row])
                block.pieces[chunk.places[row].piece].file->nulled[slot].fetch_add(1, std::memory_order_relaxed);

        auto& good = thread.good;
        good.clear();
        for (std::uint32_t row = 0; row < chunk.rows; ++row)
            if (!chunk.bad[row]) good.push_back(row);
        if (good.size() != chunk.rows && !good.empty()) {
            for (std::size_t slot = 0; slot < columns; ++slot)
                compact(duckdb_data_chunk_get_vector(output, slot), width_of(run.column_plans[slot].type), good);
        }
        count(chunk, block);
        if (!chunk.rejects.empty()) {
            std::vector<Reject> rejects;
            rejects.reserve(chunk.rejects.size());
            std::sort(chunk.rejects.begin(), chunk.rejects.end(),
                      [](const auto& a, const auto& b) { return a.row < b.row; });
            for (auto& bad : chunk.rejects) {
                const auto& place = chunk.places[bad.row];
                auto reject = make_reject(block, place.piece, place.begin, place.end, place.line);
                reject.rule = std::string(bad.rule);
                reject.column = std::move(bad.column);
                reject.reason = std::move(bad.reason);
                rejects.push_back(std::move(reject));
            }
            WEIR_TRY(run.add_rejects(std::move(rejects)));
        }
        write_positions(thread, output, columns);
        run.context->progress.rows.fetch_add(static_cast<std::int64_t>(good.size()), std::memory_order_relaxed);
        return good.size();
    }

    // The captured values of the rows' files, as fields of their own text.
    static void fill_captured(Thread& thread) {
        auto& run = *thread.run;
        if (run.plan.captures.empty()) return;
        auto& chunk = thread.chunk;
        thread.captured.resize(run.plan.captures.size() * chunk_rows);
        thread.captured_text.clear();
        for (std::size_t i = 0; i < run.plan.captures.size(); ++i) {
            const FileState* file = nullptr;
            Field field;
            for (std::size_t row = 0; row < chunk.rows; ++row) {
                const auto* now = thread.supply.block->pieces[chunk.places[row].piece].file;
                if (now != file) {
                    file = now;
                    const auto& value = file->file->captures[i];
                    field = Field::of(thread.captured_text.size(), thread.captured_text.size() + value.size(),
                                      Kind::quoted);
                    thread.captured_text += value;
                }
                thread.captured[i * chunk_rows + row] = field;
            }
        }
    }

    static void count(const FieldChunk& chunk, const Block& block) {
        for (std::size_t row = 0; row < chunk.rows;) {
            auto* file = block.pieces[chunk.places[row].piece].file;
            std::int64_t records = 0, rejected = 0;
            for (; row < chunk.rows && block.pieces[chunk.places[row].piece].file == file; ++row) {
                ++records;
                rejected += chunk.bad[row];
            }
            file->records.fetch_add(records, std::memory_order_relaxed);
            file->rejected.fetch_add(rejected, std::memory_order_relaxed);
        }
    }

    static void write_positions(Thread& thread, duckdb_data_chunk output, std::size_t column) {
        auto& run = *thread.run;
        auto& chunk = thread.chunk;
        auto& block = *thread.supply.block;
        const auto& good = thread.good;
        for (std::size_t i = 0; i < run.plan.captures.size(); ++i) {
            if (run.capture_slot[i] >= 0) continue;
            auto vector = duckdb_data_chunk_get_vector(output, column++);
            const Field* fields = thread.captured.data() + i * chunk_rows;
            const auto value_of = [&](std::uint32_t row) {
                return std::string_view(thread.captured_text).substr(fields[row].begin, fields[row].length());
            };
            if (run.plan.captures[i].type.kind == Type::Kind::string) {
                TextVector texts(vector);
                for (std::size_t to = 0; to < good.size(); ++to)
                    texts.put(static_cast<std::uint32_t>(to), value_of(good[to]));
                texts.finish();
            } else if (run.plan.captures[i].type.kind == Type::Kind::int32) {
                auto* data = static_cast<std::int32_t*>(duckdb_vector_get_data(vector));
                for (std::size_t to = 0; to < good.size(); ++to) cast_integer(value_of(good[to]), data[to]);
            } else {
                auto* data = static_cast<std::int64_t*>(duckdb_vector_get_data(vector));
                for (std::size_t to = 0; to < good.size(); ++to) cast_integer(value_of(good[to]), data[to]);
            }
        }
        if (run.has_extra) {
            auto vector = duckdb_data_chunk_get_vector(output, column++);
            TextVector texts(vector);
            for (std::size_t to = 0; to < good.size(); ++to) {
                const auto [begin, end] = chunk.extra[good[to]];
                if (begin == end)
                    set_null(vector, to);
                else
                    texts.put(static_cast<std::uint32_t>(to),
                              std::string_view(chunk.extra_text).substr(begin, end - begin));
            }
            texts.finish();
        }
        auto* file_no =
            static_cast<std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column)));
        auto* line =
            static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column + 1)));
        auto* record =
            static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column + 2)));
        const std::scoped_lock lock(block.places_mutex);
        const FileState* last_file = nullptr;
        FileState* file = nullptr;
        std::int64_t emitted = 0;
        for (std::size_t to = 0; to < good.size(); ++to) {
            const auto& place = chunk.places[good[to]];
            const auto& piece = block.pieces[place.piece];
            if (piece.file != last_file) {
                if (file != nullptr) file->emitted.fetch_add(emitted, std::memory_order_relaxed);
                last_file = file = piece.file;
                emitted = 0;
            }
            ++emitted;
            file_no[to] = piece.file->file->file_no;
            line[to] = piece.line + place.line;
            record[to] = static_cast<std::int64_t>(block.id) << 32 | static_cast<std::int64_t>(block.places.size());
            block.places.push_back({place.piece, place.begin, place.end, place.line});
        }
        if (file != nullptr) file->emitted.fetch_add(emitted, std::memory_order_relaxed);
        if (run.plan.type_errors) write_type_errors(thread, duckdb_data_chunk_get_vector(output, column + 3));
    }

    // The names of the columns of each row whose values became NULL: ",a,b,".
    static void write_type_errors(Thread& thread, duckdb_vector vector) {
        auto& run = *thread.run;
        const auto& good = thread.good;
        auto& of_row = thread.type_errors;
        of_row.resize(chunk_rows);
        for (const auto& [slot, row] : thread.all_nulled)
            of_row[row] += (of_row[row].empty() ? "," : "") + run.column_plans[slot].name + ",";
        duckdb_vector_ensure_validity_writable(vector);
        auto* validity = duckdb_vector_get_validity(vector);
        std::fill(validity, validity + (good.size() + 63) / 64, std::uint64_t{0});
        if (thread.all_nulled.empty()) return;
        TextVector texts(vector);
        for (std::size_t to = 0; to < good.size(); ++to) {
            if (of_row[good[to]].empty()) continue;
            texts.put(static_cast<std::uint32_t>(to), of_row[good[to]]);
            duckdb_validity_set_row_valid(validity, to);
        }
        texts.finish();
        for (const auto& [slot, row] : thread.all_nulled) of_row[row].clear();
    }

    // ---- weir_reject(handle, record, violations), weir_filtered(handle, file_no)

    static void reject(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
        const auto rows = duckdb_data_chunk_get_size(input);
        auto* results = static_cast<bool*>(duckdb_vector_get_data(output));
        const auto* handles =
            static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
        auto records_vector = duckdb_data_chunk_get_vector(input, 1);
        const auto* records = static_cast<std::int64_t*>(duckdb_vector_get_data(records_vector));
        auto violations_vector = duckdb_data_chunk_get_vector(input, 2);
        auto* violations = static_cast<duckdb_string_t*>(duckdb_vector_get_data(violations_vector));
        auto* valid = duckdb_vector_get_validity(violations_vector);
        if (rows == 0) return;
        const auto run = find(handles[0]);
        if (!run) {
            duckdb_scalar_function_set_error(info, no_run(handles[0]).c_str());
            return;
        }
        std::vector<Reject> rejects;
        rejects.reserve(rows);
        for (idx_t row = 0; row < rows; ++row) {
            results[row] = false;
            auto made = find_record(*run, records[row]);
            if (!made) {
                duckdb_scalar_function_set_error(info, to_string(run->fail(std::move(made).error())).c_str());
                return;
            }
            if (valid == nullptr || duckdb_validity_row_is_valid(valid, row))
                made->violations.assign(duckdb_string_t_data(&violations[row]),
                                        duckdb_string_t_length(violations[row]));
            rejects.push_back(std::move(made).value());
        }
        if (auto status = run->add_rejects(std::move(rejects)); !status)
            duckdb_scalar_function_set_error(info, to_string(run->fail(std::move(status).error())).c_str());
    }

    static Result<Reject> find_record(Run& run, std::int64_t record) {
        std::shared_ptr<Block> block;
        {
            const std::scoped_lock lock(run.hand_out);
            const auto found = run.live_blocks.find(block_of(record));
            if (found != run.live_blocks.end()) block = found->second;
        }
        const auto index = static_cast<std::uint32_t>(record);
        if (block) {
            const std::scoped_lock lock(block->places_mutex);
            if (index < block->places.size()) {
                const auto place = block->places[index];
                block->pieces[place.piece].file->rule_rejected.fetch_add(1, std::memory_order_relaxed);
                return make_reject(*block, place.piece, place.begin, place.end, place.line);
            }
        }
        return Error{.code = ErrorCode::internal,
                     .message = fmt::format("record {} was rejected after its block was gone: the statement does not "
                                            "filter right above weir_read",
                                            record)};
    }

    // Its argument. DuckDB does not move a filter below a column that comes from it, nor computes it twice.
    static void verdict(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
        const auto rows = duckdb_data_chunk_get_size(input);
        auto vector = duckdb_data_chunk_get_vector(input, 0);
        auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
        auto* valid = duckdb_vector_get_validity(vector);
        duckdb_vector_ensure_validity_writable(output);
        auto* kept = duckdb_vector_get_validity(output);
        for (idx_t row = 0; row < rows; ++row) {
            const bool broken = valid == nullptr || duckdb_validity_row_is_valid(valid, row);
            duckdb_validity_set_row_validity(kept, row, broken);
            if (broken)
                duckdb_vector_assign_string_element_len(output, row, duckdb_string_t_data(&texts[row]),
                                                        duckdb_string_t_length(texts[row]));
        }
    }

    static void filtered(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
        const auto rows = duckdb_data_chunk_get_size(input);
        auto* results = static_cast<bool*>(duckdb_vector_get_data(output));
        const auto* handles =
            static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
        const auto* numbers =
            static_cast<std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1)));
        if (rows == 0) return;
        const auto run = find(handles[0]);
        if (!run) {
            duckdb_scalar_function_set_error(info, no_run(handles[0]).c_str());
            return;
        }
        FileState* file = nullptr;
        for (idx_t row = 0; row < rows; ++row) {
            results[row] = false;
            if (file == nullptr || file->file->file_no != numbers[row]) {
                const auto found = run->state_of_number.find(numbers[row]);
                if (found == run->state_of_number.end()) {
                    duckdb_scalar_function_set_error(
                        info, to_string(run->fail({.code = ErrorCode::internal,
                                                   .message = fmt::format("weir_filtered: no file {}", numbers[row])}))
                                  .c_str());
                    return;
                }
                file = found->second;
            }
            file->filtered.fetch_add(1, std::memory_order_relaxed);
        }
    }
};

Status register_functions(sql::Connection& connection) {
    auto bigint = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    auto integer = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    auto text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    auto boolean = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);

    auto table = duckdb_create_table_function();
    duckdb_table_function_set_name(table, "weir_read");
    duckdb_table_function_add_parameter(table, bigint);
    duckdb_table_function_set_bind(table, ReadFunctions::bind);
    duckdb_table_function_set_init(table, ReadFunctions::init);
    duckdb_table_function_set_local_init(table, ReadFunctions::init_thread);
    duckdb_table_function_set_function(table, ReadFunctions::read);
    bool registered = duckdb_register_table_function(connection.raw(), table) == DuckDBSuccess;
    duckdb_destroy_table_function(&table);

    const auto scalar = [&](const char* name, const std::vector<duckdb_logical_type>& parameters,
                            duckdb_scalar_function_t function) {
        auto made = duckdb_create_scalar_function();
        duckdb_scalar_function_set_name(made, name);
        for (auto parameter : parameters) duckdb_scalar_function_add_parameter(made, parameter);
        duckdb_scalar_function_set_return_type(made, boolean);
        duckdb_scalar_function_set_volatile(made);
        duckdb_scalar_function_set_special_handling(made);
        duckdb_scalar_function_set_function(made, function);
        registered = duckdb_register_scalar_function(connection.raw(), made) == DuckDBSuccess && registered;
        duckdb_destroy_scalar_function(&made);
    };
    scalar("weir_reject", {bigint, bigint, text}, ReadFunctions::reject);
    auto verdict = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(verdict, "weir_verdict");
    duckdb_scalar_function_add_parameter(verdict, text);
    duckdb_scalar_function_set_return_type(verdict, text);
    duckdb_scalar_function_set_volatile(verdict);
    duckdb_scalar_function_set_special_handling(verdict);
    duckdb_scalar_function_set_function(verdict, ReadFunctions::verdict);
    registered = duckdb_register_scalar_function(connection.raw(), verdict) == DuckDBSuccess && registered;
    duckdb_destroy_scalar_function(&verdict);
    scalar("weir_filtered", {bigint, integer}, ReadFunctions::filtered);
    for (auto* type : {&bigint, &integer, &text, &boolean}) duckdb_destroy_logical_type(type);
    if (!registered)
        return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions that read files"};
    return ok();
}

void await_turn(std::int64_t handle, std::int64_t record) {
    if (const auto run = ReadFunctions::find(handle)) run->await_turn(block_of(record));
}

void end_turn(std::int64_t handle, std::int64_t record) {
    if (const auto run = ReadFunctions::find(handle)) run->end_turn(block_of(record));
}

ReadRun::ReadRun() : impl_(std::make_shared<Impl>()) {}

ReadRun::~ReadRun() {
    const std::scoped_lock lock(registry().mutex);
    registry().runs.erase(impl_->handle);
}

Result<std::unique_ptr<ReadRun>> ReadRun::start(ReadPlan plan) {
    std::unique_ptr<ReadRun> made(new ReadRun());
    auto& run = *made->impl_;
    run.plan = std::move(plan);
    const auto& source = run.plan.source;
    if (source.format == declare::Format::parquet)
        return Error{.code = ErrorCode::internal, .message = "Parquet files are not read as text"};
    const auto record_bytes = source.record_bytes_max == 0 ? limits::record_bytes_max : source.record_bytes_max;
    if (record_bytes > record_bytes_ceiling)
        return Error{
            .code = ErrorCode::project_invalid,
            .message = fmt::format("source '{}': a record limit of {} bytes is too large", source.name, record_bytes),
            .hint = fmt::format("at most {}", record_bytes_ceiling),
            .where = source.where};
    if (source.format == declare::Format::csv && !source.csv.header && source.csv.columns.empty())
        return Error{.code = ErrorCode::project_invalid,
                     .message = fmt::format("source '{}' has no header and declares no columns", source.name),
                     .hint = "name them in file order: csv: {header: false, columns: [...]}",
                     .where = source.where};
    run.context = std::make_unique<ReadContext>(run.plan, record_bytes);

    std::vector<std::string> names;
    std::vector<bool> outside, inside;
    int unpack_column = -1, only_column = -1;
    std::optional<LogSlots> log;
    if (!source.topic.empty()) log.emplace().topic = source.topic;
    for (const auto& column : run.plan.columns) {
        const auto slot = static_cast<int>(names.size());
        const auto part = log ? log_part_of(run.plan, column) : std::nullopt;
        if (part) slot_of(*log, *part) = slot;
        const bool nested = !column.inside.empty();
        outside.push_back(!nested);
        inside.push_back(nested || part);
        // The message itself, and with it what it holds, stands in the block.
        const bool in_message = part == declare::LogPart::value || (log && run.plan.whole_records && nested);
        run.of_unpacked.push_back(!in_message && (column.unpack || nested || part));
        if (column.unpack) unpack_column = slot;
        if (source.only && equal_ignoring_case(source.only->column, column.name)) only_column = slot;
        WEIR_ASSIGN(auto column_plan, ColumnPlan::make(column, source.csv));
        run.column_plans.push_back(std::move(column_plan));
        run.outputs.push_back({column.name, column.type});
        names.push_back(column.name);
    }
    run.keys = std::make_unique<RecordKeys>(RecordKeys{.outer = JsonKeys(names, inside),
                                                       .inner = JsonKeys(names, outside),
                                                       .only_column = run.plan.whole_records ? -1 : only_column,
                                                       .only_value = source.only ? source.only->value : "",
                                                       .unpack_column = unpack_column,
                                                       .log = std::move(log)});
    for (const auto& capture : run.plan.captures) {
        const auto same = std::find_if(names.begin(), names.end(),
                                       [&](const auto& name) { return equal_ignoring_case(name, capture.name); });
        run.capture_slot.push_back(same == names.end() ? -1 : static_cast<int>(same - names.begin()));
        if (same == names.end()) run.outputs.push_back({capture.name, capture.type});
    }
    run.has_extra = run.plan.unknown == declare::UnknownColumns::keep;
    if (run.has_extra) run.outputs.push_back({std::string(declare::extra_column), Type::of(Type::Kind::string)});
    run.outputs.push_back({"_file_no", Type::of(Type::Kind::int32)});
    run.outputs.push_back({std::string(declare::line_column), Type::of(Type::Kind::int64)});
    run.outputs.push_back({"_record", Type::of(Type::Kind::int64)});
    if (run.plan.type_errors)
        run.outputs.push_back({std::string(declare::type_errors_column), Type::of(Type::Kind::string)});
    for (const auto& output : run.outputs) run.described.push_back({output.name, to_duckdb(output.type)});

    const auto add_state = [&](const FileToTake& file) -> Status {
        if (file.captures.size() != run.plan.captures.size())
            return Error{.code = ErrorCode::internal,
                         .message = fmt::format("{}: {} captured values for {} columns", file.path,
                                                file.captures.size(), run.plan.captures.size())};
        if (source.format == declare::Format::json_array && file.start_offset > 0)
            return Error{.code = ErrorCode::input_changed,
                         .message = fmt::format("{} grew, and a JSON array cannot be continued", file.path),
                         .hint = "write new records to a new file, or use one object a line (format ndjson)"};
        auto& state = run.files.emplace_back();
        state.file = &file;
        state.nulled = std::vector<std::atomic<std::int64_t>>(run.column_plans.size());
        if (!run.state_of_number.emplace(file.file_no, &state).second)
            return Error{.code = ErrorCode::internal,
                         .message = fmt::format("two files have the number {}", file.file_no)};
        return ok();
    };
    for (const auto& file : run.plan.files) {
        WEIR_TRY(add_state(file));
        run.context->progress.bytes_total += file.size;
    }
    for (const auto& block : run.plan.blocks) WEIR_TRY(run.adopt(*block));
    for (const auto& record : run.plan.records) {
        if (run.state_of_number.contains(record.file_no)) continue;
        run.record_files.push_back(
            {.path = fmt::format("file {}", record.file_no), .file_no = record.file_no, .captures = record.captures});
        WEIR_TRY(add_state(run.record_files.back()));
    }

    auto& all = registry();
    const std::scoped_lock lock(all.mutex);
    run.handle = all.next++;
    all.runs.emplace(run.handle, made->impl_);
    return made;
}

std::string ReadRun::table() const { return fmt::format("weir_read({})", impl_->handle); }
std::int64_t ReadRun::handle() const { return impl_->handle; }
const std::vector<sql::Column>& ReadRun::columns() const { return impl_->described; }
const Progress& ReadRun::progress() const { return impl_->context->progress; }
const std::vector<FileReport>& ReadRun::report() const { return impl_->reports; }

Status ReadRun::finish(Status statement) {
    auto& run = *impl_;
    run.reports.clear();
    for (const auto& state : run.files) {
        FileReport report;
        report.file_no = state.file->file_no;
        report.path = state.file->path;
        report.bytes = state.bytes;
        report.mtime_ns = state.mtime_ns;
        report.sha256 = state.sha256;
        report.header = state.header;
        report.lines = state.lines;
        report.records = state.records;
        report.emitted = state.emitted;
        report.rejected = state.rejected;
        report.rule_rejected = state.rule_rejected;
        report.filtered = state.filtered;
        report.blank_lines = state.blank_lines;
        for (const auto& count : state.nulled) report.nulled.push_back(count);
        report.complete = state.complete;
        run.reports.push_back(std::move(report));
    }
    {
        const std::scoped_lock lock(run.error_mutex);
        if (run.error) return *run.error;
    }
    if (!statement) return statement;
    {
        const std::scoped_lock lock(run.reject_mutex);
        WEIR_TRY(run.hand_over());
    }
    for (const auto& report : run.reports) {
        if (report.records != report.emitted + report.rejected)
            return Error{.code = ErrorCode::accounting_mismatch,
                         .message = fmt::format("{}: {} records read, but {} rows given and {} rejected", report.path,
                                                report.records, report.emitted, report.rejected)};
        if (!run.plan.blocks.empty()) {
            const auto expected = static_cast<std::int64_t>(run.state_of_number.at(report.file_no)->file->size);
            if (report.records == expected) continue;
            return Error{
                .code = ErrorCode::accounting_mismatch,
                .message = fmt::format("{}: {} of {} messages were read", report.path, report.records, expected)};
        }
        if (!report.complete && run.plan.records.empty())
            return Error{.code = ErrorCode::accounting_mismatch,
                         .message = fmt::format("{} was not read to its end", report.path),
                         .hint = "the statement over it must not stop early (LIMIT)"};
    }
    return statement;
}

}  // namespace weir::source
