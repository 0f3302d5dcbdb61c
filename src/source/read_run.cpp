#include "source/read_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/stop.h"
#include "source/log/around.h"

namespace weir::source {
namespace {

// Rejects leave when so many or so many bytes have gathered.
constexpr std::size_t batch_rejects = 2048;
constexpr std::size_t batch_bytes = 4u << 20;

struct Registry {
    std::mutex mutex;
    std::int64_t next = 1;
    std::unordered_map<std::int64_t, std::weak_ptr<ReadRun::Impl>> runs;
};

Registry& registry() {
    static Registry one;
    return one;
}

}  // namespace

std::int64_t enter_run(const std::shared_ptr<ReadRun::Impl>& run) {
    const std::scoped_lock lock(registry().mutex);
    const auto handle = registry().next++;
    registry().runs.emplace(handle, run);
    return handle;
}

void leave_run(std::int64_t handle) {
    const std::scoped_lock lock(registry().mutex);
    registry().runs.erase(handle);
}

std::shared_ptr<ReadRun::Impl> find_run(std::int64_t handle) {
    const std::scoped_lock lock(registry().mutex);
    const auto found = registry().runs.find(handle);
    return found == registry().runs.end() ? nullptr : found->second.lock();
}

std::string no_such_run(std::int64_t handle) {
    return to_string(Error{.code = ErrorCode::internal, .message = fmt::format("there is no read run {}", handle)});
}

Reject make_reject(const Block& block, std::uint32_t piece_index, std::size_t begin, std::size_t end,
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
        around.headers = std::string(block.text() + found->headers_begin, found->headers_end - found->headers_begin);
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

Error ReadRun::Impl::fail(Error met) {
    const std::scoped_lock lock(error_mutex);
    if (!error) error = std::move(met);
    return *error;
}

std::shared_ptr<Block> ReadRun::Impl::new_block() {
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

void ReadRun::Impl::release(Supply& supply) {
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

std::shared_ptr<FileReader> ReadRun::Impl::take_reader(std::size_t& turn) {
    const std::scoped_lock lock(hand_out);
    if (next_file < plan.files.size()) {
        auto reader = std::make_shared<FileReader>(*context, files[next_file++]);
        open_readers.push_back(reader);
        return reader;
    }
    if (open_readers.empty()) return nullptr;
    return open_readers[turn++ % open_readers.size()];
}

void ReadRun::Impl::forget(const std::shared_ptr<FileReader>& reader) {
    const std::scoped_lock lock(hand_out);
    std::erase(open_readers, reader);
}

Result<bool> ReadRun::Impl::next_block(Supply& supply) {
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

bool ReadRun::Impl::take_block(Supply& supply) {
    const std::scoped_lock lock(hand_out);
    if (next_given == plan.blocks.size()) return false;
    supply.block = plan.blocks[next_given];
    plan.blocks[next_given++] = nullptr;
    supply.block->id = next_block_id++;
    live_blocks.emplace(supply.block->id, supply.block);
    undecided.insert(supply.block->id);
    return true;
}

void ReadRun::Impl::await_turn(std::uint32_t block) {
    // A thread may leave a block, of which nothing had to be decided on, for other work.
    constexpr std::chrono::milliseconds patience{100};
    std::unique_lock lock(hand_out);
    decided.wait_for(lock, patience, [&] { return undecided.empty() || *undecided.begin() >= block; });
}

void ReadRun::Impl::end_turn(std::uint32_t block) {
    const std::scoped_lock lock(hand_out);
    if (undecided.erase(block) > 0) decided.notify_all();
}

Status ReadRun::Impl::adopt(Block& block) {
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

bool ReadRun::Impl::error_met() {
    const std::scoped_lock lock(error_mutex);
    return error.has_value();
}

Result<bool> ReadRun::Impl::fill_from_records(Block& block) {
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

Status ReadRun::Impl::add_message(Block& block, FileState& file, const RecordToTake& record) {
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

Status ReadRun::Impl::add_rejects(std::vector<Reject>&& rejects) {
    const std::scoped_lock lock(reject_mutex);
    if (!plan.rejects) return ok();
    for (auto& reject : rejects) {
        pending_bytes += reject.raw.size() + reject.reason.size();
        pending.push_back(std::move(reject));
        if (pending.size() >= batch_rejects || pending_bytes >= batch_bytes) WEIR_TRY(hand_over());
    }
    return ok();
}

Status ReadRun::Impl::hand_over() {
    if (pending.empty()) return ok();
    pending_bytes = 0;
    return plan.rejects(std::exchange(pending, {}));
}

}  // namespace weir::source
