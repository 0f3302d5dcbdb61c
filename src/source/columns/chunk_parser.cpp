#include "source/columns/chunk_parser.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "source/log/around.h"

namespace weir::source {
namespace {

bool is_blank(const char* from, const char* to) {
    return std::all_of(from, to, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
}

}  // namespace

void ChunkParser::begin(Block& block) {
    block_ = &block;
    piece_ = 0;
    at_ = block.pieces.empty() ? 0 : block.pieces.front().begin;
    line_ = 0;
    dirty_ = find_byte(block.text(), block.text() + block.size, '\0') != nullptr ||
             !simdjson::validate_utf8(block.text(), block.size);
}

bool ChunkParser::next(FieldChunk& chunk) {
    chunk.clear();
    const bool csv = context_.plan.source.format == declare::Format::csv;
    // JSON gives the columns that a record has; a CSV layout gives all of them.
    if (!csv) std::fill(chunk.fields.begin(), chunk.fields.end(), Field{});
    while (chunk.rows < chunk_rows && piece_ < block_->pieces.size()) {
        const Piece& piece = block_->pieces[piece_];
        if (csv)
            csv_piece(chunk, piece);
        else if (keys_.log)
            message_piece(chunk, piece);
        else
            json_piece(chunk, piece);
        if (at_ < piece.end) break;
        ++piece_;
        line_ = 0;
        if (piece_ < block_->pieces.size()) at_ = block_->pieces[piece_].begin;
    }
    return chunk.rows > 0;
}

bool ChunkParser::add_row(FieldChunk& chunk, std::size_t begin, std::size_t end) {
    const auto row = static_cast<std::uint32_t>(chunk.rows++);
    chunk.places[row] = {piece_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), line_};
    chunk.bad[row] = 0;
    if (keep_) chunk.extra[row] = {0, 0};
    const auto size = end - begin;
    if (size > context_.record_bytes_max) {
        chunk.reject(row, "too_long",
                     fmt::format("the record has {} bytes, the limit is {}", size, context_.record_bytes_max));
        return false;
    }
    if (!dirty_) return true;
    const char* text = block_->text();
    if (const char* nul = find_byte(text + begin, text + end, '\0')) {
        chunk.reject(row, "nul_byte", fmt::format("byte {} of the record is NUL", nul - (text + begin) + 1));
        return false;
    }
    if (!simdjson::validate_utf8(text + begin, size)) {
        chunk.reject(row, "invalid_utf8",
                     "the record is not valid UTF-8; if the file has another encoding, declare it (encoding: ...)");
        return false;
    }
    return true;
}

void ChunkParser::aim(FieldChunk& chunk, const CsvLayout& layout) {
    if (aimed_ == &layout) return;
    aimed_ = &layout;
    targets_.clear();
    const auto others =
        std::count_if(layout.slot_of_field.begin(), layout.slot_of_field.end(), [](int s) { return s < 0; });
    others_.resize(static_cast<std::size_t>(others) * chunk_rows);
    Field* next_other = others_.data();
    for (const auto slot : layout.slot_of_field) {
        if (slot >= 0) {
            targets_.push_back(chunk.column(static_cast<std::size_t>(slot)));
        } else {
            targets_.push_back(next_other);
            next_other += chunk_rows;
        }
    }
}

// The same grammar as scan_record(), 64 bytes at a time and straight into the columns.
void ChunkParser::csv_piece(FieldChunk& chunk, const Piece& piece) {
    const CsvLayout& layout = *piece.layout;
    aim(chunk, layout);
    dialect_.line_end = piece.line_end;
    const auto wanted = targets_.size();
    Field* const* const targets = targets_.data();
    const char delimiter = dialect_.delimiter, line_end = dialect_.line_end;
    // Without quoting, nothing but the two others is looked for.
    const char quote = dialect_.quote == '\0' ? delimiter : dialect_.quote;
    const bool quoting = dialect_.quote != '\0';
    const bool crlf = line_end == '\n';
    const char* const text = block_->text();
    const char* const end = text + piece.end;
    const char* at = text + at_;
    const char* window = at;
    std::uint64_t bits = find_three(window, delimiter, line_end, quote);
    const auto next = [&]() -> const char* {
        while (bits == 0) {
            window += 64;
            if (window >= end) return end;
            bits = find_three(window, delimiter, line_end, quote);
        }
        const char* found = window + __builtin_ctzll(bits);
        bits &= bits - 1;
        return found < end ? found : end;
    };

    while (chunk.rows < chunk_rows && at < end) {
        const char* const record = at;
        const auto row = static_cast<std::uint32_t>(chunk.rows);
        const auto line = line_;
        std::size_t count = 0;
        bool garbage = false, open_quote = false, any_quoted = false;
        const char* text_end;
        for (;;) {
            const char* stop = next();
            const char* from = at;
            const char* to = at;
            Kind kind = Kind::text;
            if (quoting && stop == at && stop != end && *stop == quote) {
                const char* close = find_close(dialect_, at + 1, end, false);
                if (close == nullptr) {
                    open_quote = true;
                } else {
                    any_quoted = true;
                    from = at + 1;
                    const bool escaped = find_byte(from, close, dialect_.escape) != nullptr;
                    kind = escaped ? Kind::quoted_escaped : Kind::quoted;
                    line_ += static_cast<std::uint32_t>(count_byte(from, close, line_end));
                    at = window = close + 1;
                    bits = at < end ? find_three(window, delimiter, line_end, quote) : 0;
                    to = close;
                }
                stop = next();
            }
            // A quote inside a field means nothing.
            while (quoting && stop != end && *stop == quote) stop = next();
            const bool ends = stop == end || *stop == line_end;
            const char* field_end = stop;
            if (ends && crlf && field_end != at && field_end[-1] == '\r') --field_end;
            if (kind == Kind::text)
                to = field_end;
            else if (field_end != at)
                garbage = true;
            if (count < wanted)
                targets[count][row] =
                    Field::of(static_cast<std::size_t>(from - text), static_cast<std::size_t>(to - text), kind);
            ++count;
            at = stop == end ? end : stop + 1;
            if (ends) {
                text_end = field_end;
                break;
            }
        }
        const auto begin = static_cast<std::size_t>(record - text);
        const auto line_after = line_ + 1;
        line_ = line;
        if (piece.single && at != end) {
            // A record that was read before stands alone.
            at = end;
            if (add_row(chunk, begin, piece.end)) chunk.reject(row, "malformed", "more than one record");
            continue;
        }
        if (count == 1 && text_end == record && !any_quoted && !piece.single) {
            piece.file->blank_lines.fetch_add(1, std::memory_order_relaxed);
            line_ = line_after;
            continue;
        }
        if (add_row(chunk, begin, static_cast<std::size_t>(text_end - text))) {
            if (open_quote) {
                chunk.reject(row, "unbalanced_quote", "a quote opens a field and is not closed");
            } else if (garbage) {
                chunk.reject(row, "malformed", "text follows the closing quote of a field");
            } else if (count != wanted) {
                chunk.reject(row, "field_count",
                             fmt::format("{} fields, the {} {}", count,
                                         layout.header.empty() ? "source declares" : "header has", wanted));
            } else if (keep_ && !others_.empty()) {
                csv_extra(chunk, layout, row);
            }
        }
        if (chunk.bad[row])
            for (const auto slot : layout.slot_of_field)
                if (slot >= 0) chunk.column(static_cast<std::size_t>(slot))[row] = {};
        for (const auto slot : layout.absent) chunk.column(static_cast<std::size_t>(slot))[row] = {};
        line_ = line_after;
    }
    at_ = static_cast<std::size_t>(at - text);
}

void ChunkParser::csv_extra(FieldChunk& chunk, const CsvLayout& layout, std::uint32_t row) {
    const char* text = block_->text();
    const auto& nulls = context_.plan.source.csv.nulls;
    const auto extra_begin = chunk.extra_text.size();
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        if (layout.slot_of_field[i] != CsvLayout::to_extra) continue;
        const Field field = targets_[i][row];
        const std::string_view value(text + field.begin, field.length());
        chunk.extra_text += chunk.extra_text.size() == extra_begin ? '{' : ',';
        json_quote(layout.field_names[i], chunk.extra_text);
        chunk.extra_text += ':';
        if (field.kind() == Kind::text && std::find(nulls.begin(), nulls.end(), value) != nulls.end()) {
            chunk.extra_text += "null";
        } else if (field.kind() == Kind::quoted_escaped) {
            text_.clear();
            unescape(dialect_, value, text_);
            json_quote(text_, chunk.extra_text);
        } else {
            json_quote(value, chunk.extra_text);
        }
    }
    chunk.extra_text += '}';
    chunk.extra[row] = {static_cast<std::uint32_t>(extra_begin), static_cast<std::uint32_t>(chunk.extra_text.size())};
}

void ChunkParser::json_piece(FieldChunk& chunk, const Piece& piece) {
    using Outcome = JsonRecordParser::Outcome;
    const char* text = block_->text();
    std::int64_t passed_over = 0;
    while (chunk.rows < chunk_rows && at_ < piece.end) {
        const auto begin = at_;
        std::size_t end = piece.end;
        at_ = piece.end;
        if (!piece.single) {
            if (const char* line_end = find_byte(text + begin, text + piece.end, '\n')) {
                end = static_cast<std::size_t>(line_end - text);
                at_ = end + 1;
            }
            if (end > begin && text[end - 1] == '\r') --end;
            if (is_blank(text + begin, text + end)) {
                piece.file->blank_lines.fetch_add(1, std::memory_order_relaxed);
                ++line_;
                continue;
            }
        }
        const bool readable = end - begin <= context_.record_bytes_max;
        const auto outcome = readable ? json_.parse(text, begin, end, members_) : Outcome::malformed;
        if (outcome == Outcome::passed_over) {
            ++passed_over;
            ++line_;
            continue;
        }
        const auto row = static_cast<std::uint32_t>(chunk.rows);
        if (add_row(chunk, begin, end)) {
            if (outcome == Outcome::parsed)
                json_fields(chunk, row);
            else
                chunk.reject(row, "malformed", json_.problem());
        }
        ++line_;
    }
    if (passed_over == 0) return;
    piece.file->records.fetch_add(passed_over, std::memory_order_relaxed);
    piece.file->emitted.fetch_add(passed_over, std::memory_order_relaxed);
    piece.file->filtered.fetch_add(passed_over, std::memory_order_relaxed);
}

// The unpacked column's text, as it is meant, goes into the chunk; its keys become fields there.
void ChunkParser::unpack(FieldChunk& chunk, std::uint32_t row) {
    Field& packed = chunk.column(static_cast<std::size_t>(keys_.unpack_column))[row];
    const auto kind = packed.kind();
    if (kind <= Kind::null) return;
    const std::string_view written(block_->text() + packed.begin, packed.length());
    auto& to = chunk.unpacked_text;
    const auto begin = to.size();
    bool good = kind == Kind::json_string || kind == Kind::json_object || kind == Kind::json_escaped;
    if (kind == Kind::json_escaped)
        good = json_unescape(written, to);
    else
        to.append(written);
    good = good && unpacked_.parse(to.data(), begin, to.size(), members_) == JsonRecordParser::Outcome::parsed;
    packed = Field::of(begin, to.size(), good ? Kind::json_object : Kind::broken);
    if (!good) return;
    for (const auto& member : members_) {
        if (member.column != JsonKeys::unknown)
            chunk.column(static_cast<std::size_t>(member.column))[row] = member.value;
    }
}

void ChunkParser::message_piece(FieldChunk& chunk, const Piece& piece) {
    using Outcome = JsonRecordParser::Outcome;
    const char* text = block_->text();
    const bool whole = keys_.log->value_slot >= 0;
    std::int64_t passed_over = 0;
    while (chunk.rows < chunk_rows && at_ < piece.end) {
        const Message& message = block_->messages[at_++];
        line_ = static_cast<std::uint32_t>(message.offset + 1 - piece.line);
        const bool readable = message.has_value && message.end - message.begin <= context_.record_bytes_max;
        auto outcome = Outcome::parsed;
        if (!whole && readable) outcome = json_.parse(text, message.begin, message.end, members_);
        if (outcome == Outcome::passed_over) {
            ++passed_over;
            continue;
        }
        const auto row = static_cast<std::uint32_t>(chunk.rows);
        if (!add_row(chunk, message.begin, message.end)) continue;
        if (whole)
            message_value(chunk, row, message);
        else if (!message.has_value)
            chunk.reject(row, "tombstone", "the record has no message (a tombstone)");
        else if (message.begin == message.end)
            chunk.reject(row, "malformed", "the message is empty");
        else if (outcome == Outcome::malformed)
            chunk.reject(row, "malformed", json_.problem());
        else
            json_fields(chunk, row);
        record_fields(chunk, row, piece, message);
    }
    if (passed_over == 0) return;
    piece.file->records.fetch_add(passed_over, std::memory_order_relaxed);
    piece.file->emitted.fetch_add(passed_over, std::memory_order_relaxed);
    piece.file->filtered.fetch_add(passed_over, std::memory_order_relaxed);
}

// The message as it stands in the block; its keys become fields there.
void ChunkParser::message_value(FieldChunk& chunk, std::uint32_t row, const Message& message) {
    Field& value = chunk.column(static_cast<std::size_t>(keys_.log->value_slot))[row];
    if (!message.has_value) {
        value = Field::of(message.begin, message.begin, Kind::null);
        return;
    }
    const bool good =
        unpacked_.parse(block_->text(), message.begin, message.end, members_) == JsonRecordParser::Outcome::parsed;
    value = Field::of(message.begin, message.end, good ? Kind::json_object : Kind::broken);
    if (!good) return;
    for (const auto& member : members_) {
        if (member.column != JsonKeys::unknown)
            chunk.column(static_cast<std::size_t>(member.column))[row] = member.value;
    }
}

// What of the record is not the message, written as a dump of the topic has it.
void ChunkParser::record_fields(FieldChunk& chunk, std::uint32_t row, const Piece& piece, const Message& message) {
    const auto& slots = *keys_.log;
    auto& to = chunk.unpacked_text;
    const auto put = [&](int slot, Kind kind, const auto& append) {
        if (slot < 0) return;
        const auto begin = to.size();
        append();
        chunk.column(static_cast<std::size_t>(slot))[row] = Field::of(begin, to.size(), kind);
    };
    put(slots.topic_slot, Kind::json_string, [&] { to += slots.topic; });
    put(slots.partition_slot, Kind::json_number, [&] { to += fmt::format_int(piece.offset).str(); });
    put(slots.offset_slot, Kind::json_number, [&] {
        const fmt::format_int offset(message.offset);
        to.append(offset.data(), offset.size());
    });
    put(slots.time_slot, Kind::json_string, [&] {
        if (time_text_.empty() || time_ != message.timestamp) {
            time_ = message.timestamp;
            time_text_ = broker_time(time_);
        }
        to += time_text_;
    });
    put(slots.headers_slot, Kind::json_array, [&] {
        const auto size = message.headers_end - message.headers_begin;
        to += size == 0 ? std::string_view("[]") : std::string_view(block_->text() + message.headers_begin, size);
    });
    if (slots.key_slot < 0) return;
    const char* key = block_->text() + message.key_begin;
    const std::size_t key_size = message.key_end - message.key_begin;
    const bool text = !dirty_ || simdjson::validate_utf8(key, key_size);
    put(slots.key_slot,
        !message.has_key ? Kind::null
        : text           ? Kind::json_string
                         : Kind::broken,
        [&] { to.append(key, key_size); });
}

void ChunkParser::json_fields(FieldChunk& chunk, std::uint32_t row) {
    const char* text = block_->text();
    const auto extra_begin = chunk.extra_text.size();
    for (const auto& member : members_) {
        if (member.column != JsonKeys::unknown) {
            chunk.column(static_cast<std::size_t>(member.column))[row] = member.value;
            continue;
        }
        if (context_.plan.unknown == declare::UnknownColumns::drop) continue;
        if (context_.plan.unknown == declare::UnknownColumns::refuse) {
            chunk.reject(row, "unknown_column",
                         fmt::format("the key '{}' is not in the contract, which refuses unknown columns", member.key));
            return;
        }
        chunk.extra_text += chunk.extra_text.size() == extra_begin ? '{' : ',';
        chunk.extra_text += '"';
        chunk.extra_text += member.key;
        chunk.extra_text += "\":";
        const auto kind = member.value.kind();
        const bool string = kind == Kind::json_string || kind == Kind::json_escaped;
        if (string) chunk.extra_text += '"';
        chunk.extra_text.append(text + member.value.begin, member.value.length());
        if (string) chunk.extra_text += '"';
    }
    if (chunk.extra_text.size() != extra_begin) {
        chunk.extra_text += '}';
        chunk.extra[row] = {static_cast<std::uint32_t>(extra_begin),
                            static_cast<std::uint32_t>(chunk.extra_text.size())};
    }
    if (keys_.unpack_column >= 0) unpack(chunk, row);
}

}  // namespace weir::source
