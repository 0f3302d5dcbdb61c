// A block: some megabytes of text that hold whole records of one or several files. Made by one thread, then read by it.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"

namespace weir::source {

struct FileState;

// How a CSV file's fields fall into columns; found in its header once, shared by files with the same header.
struct CsvLayout {
    std::vector<int> slot_of_field;        // column of the table, `to_extra` or `dropped`
    std::vector<std::string> field_names;  // as in the header
    std::vector<int> absent;               // columns of the table that this file does not have
    std::string header;                    // the header record as it stands in the file; empty without one
    static constexpr int dropped = -1;
    static constexpr int to_extra = -2;
};

// A run of whole records that stand together in one file, or exactly one record (`single`).
struct Piece {
    FileState*
        file;  // of a log: [begin, end) of the block's messages, `line` the first offset + 1, `offset` its partition
    const CsvLayout* layout;   // CSV only
    std::uint32_t begin, end;  // in the block's text
    std::int64_t line;         // of its first byte, from 1
    std::int64_t offset;       // of its first byte in the file's text
    bool single;
    char line_end = '\n';  // CSV only
};

// A record of a log whose key, headers (as JSON) and message stand in a block's text. No value: a tombstone.
struct Message {
    std::int64_t offset = 0;     // in its partition
    std::int64_t timestamp = 0;  // milliseconds since 1970
    std::uint32_t key_begin = 0, key_end = 0;
    std::uint32_t headers_begin = 0, headers_end = 0;
    std::uint32_t begin = 0, end = 0;
    bool has_key = false, has_value = false;
};

// Messages of one partition that arrived on one day: [begin, end) of a block's messages.
struct MessagePiece {
    int file_no;  // the caller's number of the partition and the day
    int partition;
    std::uint32_t begin, end;
};

// A record that was given up while splitting.
struct SplitReject {
    FileState* file;
    std::int64_t line, offset;
    std::string_view rule;
    std::string reason;
    std::string raw;
    std::uint64_t raw_size;
};

// Where a parsed record stands, for whoever rejects it later.
struct RecordPlace {
    std::uint32_t piece;
    std::uint32_t begin, end;
    std::uint32_t line;  // from the piece's line
};

class Block {
public:
    // Readers of text may touch this many bytes behind its end.
    static constexpr std::size_t padding = 64;

    explicit Block(std::size_t capacity) { reserve(capacity); }
    ~Block() { std::free(text_); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    char* text() { return text_; }
    const char* text() const { return text_; }
    std::size_t capacity() const { return capacity_; }
    void reserve(std::size_t capacity) {
        if (capacity <= capacity_) return;
        auto* grown = static_cast<char*>(std::realloc(text_, capacity + padding));
        if (grown == nullptr) throw std::bad_alloc();
        text_ = grown;
        capacity_ = capacity;
    }
    void clear() {
        size = 0;
        pieces.clear();
        rejects.clear();
        places.clear();
        messages.clear();
        message_pieces.clear();
    }

    std::size_t size = 0;
    std::vector<Piece> pieces;
    std::vector<SplitReject> rejects;
    // Of a log, made before it is known for which run; they become pieces there.
    std::vector<Message> messages;
    std::vector<MessagePiece> message_pieces;

    std::uint32_t id = 0;
    std::mutex places_mutex;
    std::vector<RecordPlace> places;

private:
    char* text_ = nullptr;
    std::size_t capacity_ = 0;
};

}  // namespace weir::source
