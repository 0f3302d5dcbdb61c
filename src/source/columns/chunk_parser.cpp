#include "source/columns/chunk_parser.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

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
    while (chunk.rows < chunk_rows && piece_ < block_->pieces.size()) {
        const Piece& piece = block_->pieces[piece_];
        if (csv)
            csv_piece(chunk, piece);
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
    chunk.extra.emplace_back(0, 0);
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

void ChunkParser::csv_piece(FieldChunk& chunk, const Piece& piece) {
    const char* text = block_->text();
    dialect_.line_end = piece.line_end;
    while (chunk.rows < chunk_rows && at_ < piece.end) {
        const auto begin = at_;
        const auto scan = scan_record(dialect_, text, begin, piece.end, fields_);
        const bool blank = fields_.size() == 1 && !fields_[0].quoted && scan.text_end == begin;
        at_ = scan.end;
        if (piece.single && at_ < piece.end) {
            // A record that was read before stands alone.
            at_ = piece.end;
            const auto row = static_cast<std::uint32_t>(chunk.rows);
            if (add_row(chunk, begin, piece.end)) chunk.reject(row, "malformed", "more than one record");
            continue;
        }
        if (blank && !piece.single) {
            piece.file->blank_lines.fetch_add(1, std::memory_order_relaxed);
            ++line_;
            continue;
        }
        const auto row = static_cast<std::uint32_t>(chunk.rows);
        if (add_row(chunk, begin, scan.text_end)) {
            if (scan.open_quote)
                chunk.reject(row, "unbalanced_quote", "a quote opens a field and is not closed");
            else if (scan.garbage)
                chunk.reject(row, "malformed", "text follows the closing quote of a field");
            else
                csv_fields(chunk, piece, row);
        }
        line_ += static_cast<std::uint32_t>(scan.lines);
    }
}

void ChunkParser::csv_fields(FieldChunk& chunk, const Piece& piece, std::uint32_t row) {
    const auto& layout = *piece.layout;
    if (fields_.size() != layout.slot_of_field.size()) {
        chunk.reject(
            row, "field_count",
            fmt::format("{} fields, the {} {}", fields_.size(),
                        layout.header.empty() ? "source declares" : "header has", layout.slot_of_field.size()));
        return;
    }
    const char* text = block_->text();
    const auto extra_begin = chunk.extra_text.size();
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const auto& field = fields_[i];
        const auto slot = layout.slot_of_field[i];
        const auto kind = !field.quoted ? Kind::text : field.escaped ? Kind::quoted_escaped : Kind::quoted;
        if (slot >= 0) {
            chunk.column(static_cast<std::size_t>(slot))[row] = Field::of(field.begin, field.end, kind);
        } else if (slot == CsvLayout::to_extra) {
            chunk.extra_text += chunk.extra_text.size() == extra_begin ? '{' : ',';
            json_quote(layout.field_names[i], chunk.extra_text);
            chunk.extra_text += ':';
            const std::string_view value(text + field.begin, field.end - field.begin);
            const auto& nulls = context_.plan.source.csv.nulls;
            if (!field.quoted && std::find(nulls.begin(), nulls.end(), value) != nulls.end()) {
                chunk.extra_text += "null";
            } else if (field.escaped) {
                text_.clear();
                unescape(dialect_, value, text_);
                json_quote(text_, chunk.extra_text);
            } else {
                json_quote(value, chunk.extra_text);
            }
        }
    }
    for (const auto slot : layout.absent) chunk.column(static_cast<std::size_t>(slot))[row] = {};
    if (chunk.extra_text.size() != extra_begin) {
        chunk.extra_text += '}';
        chunk.extra[row] = {static_cast<std::uint32_t>(extra_begin),
                            static_cast<std::uint32_t>(chunk.extra_text.size())};
    }
}

void ChunkParser::json_piece(FieldChunk& chunk, const Piece& piece) {
    const char* text = block_->text();
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
        const auto row = static_cast<std::uint32_t>(chunk.rows);
        if (add_row(chunk, begin, end)) json_fields(chunk, row);
        ++line_;
    }
}

void ChunkParser::json_fields(FieldChunk& chunk, std::uint32_t row) {
    const char* text = block_->text();
    const auto columns = keys_.size();
    if (!json_.parse(text, chunk.places[row].begin, chunk.places[row].end, members_)) {
        chunk.reject(row, "malformed", json_.problem());
        return;
    }
    for (std::size_t slot = 0; slot < columns; ++slot) chunk.column(slot)[row] = {};
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
}

}  // namespace weir::source
