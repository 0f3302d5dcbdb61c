// Records of a block, a chunk at a time, to fields in columns. Rejects what is no record: bad bytes, wrong shape.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/columns/fields.h"
#include "source/columns/json_record.h"
#include "source/records/block.h"
#include "source/records/file_reader.h"

namespace weir::source {

// The columns that are parts of a log's record; -1: nobody wants it.
struct LogSlots {
    std::string topic;
    int topic_slot = -1, partition_slot = -1, offset_slot = -1, time_slot = -1, key_slot = -1, headers_slot = -1;
    int value_slot = -1;  // the message itself, whose keys are columns
};

// Which columns of the contract are keys of the record, and which of the object that is unpacked.
struct RecordKeys {
    JsonKeys outer, inner;
    int only_column = -1;  // records in which it is not `only_value` are passed over
    std::string only_value{};
    int unpack_column = -1;
    std::optional<LogSlots> log{};  // the records are messages of a log
};

// One per thread.
class ChunkParser {
public:
    ChunkParser(const ReadContext& context, const RecordKeys& keys)
        : context_(context),
          keys_(keys),
          json_(keys.outer, keys.only_column, keys.only_value),
          unpacked_(keys.inner),
          dialect_(context.dialect()),
          keep_(context.plan.unknown == declare::UnknownColumns::keep) {}

    void begin(Block& block);
    // Fills the chunk (cleared first) with the next records; false when the block is used up and no record came.
    bool next(FieldChunk& chunk);

private:
    void csv_piece(FieldChunk& chunk, const Piece& piece);
    void json_piece(FieldChunk& chunk, const Piece& piece);
    // Adds a row with all its columns absent; false if its bytes are refused (the row is rejected then).
    bool add_row(FieldChunk& chunk, std::size_t begin, std::size_t end);
    // Where the fields of a layout go: a column of the chunk, or a column of `others_`.
    void aim(FieldChunk& chunk, const CsvLayout& layout);
    void csv_extra(FieldChunk& chunk, const CsvLayout& layout, std::uint32_t row);
    void json_fields(FieldChunk& chunk, std::uint32_t row);
    void unpack(FieldChunk& chunk, std::uint32_t row);
    void message_piece(FieldChunk& chunk, const Piece& piece);
    void message_value(FieldChunk& chunk, std::uint32_t row, const Message& message);
    void record_fields(FieldChunk& chunk, std::uint32_t row, const Piece& piece, const Message& message);

    const ReadContext& context_;
    const RecordKeys& keys_;
    JsonRecordParser json_;
    JsonRecordParser unpacked_;
    CsvDialect dialect_;
    Block* block_ = nullptr;
    bool dirty_ = false;  // some bytes of the block are NUL or no UTF-8: look at each record
    std::uint32_t piece_ = 0;
    std::size_t at_ = 0;
    std::uint32_t line_ = 0;       // from the piece's line
    std::vector<Field*> targets_;  // per field of `aimed_`
    const CsvLayout* aimed_ = nullptr;
    std::vector<Field> others_;  // fields that are no column: dropped, or for _extra
    bool keep_;
    std::vector<JsonMember> members_;
    std::string text_;
    // The time of the message before, written out.
    std::int64_t time_ = 0;
    std::string time_text_;
};

}  // namespace weir::source
