#include "source/records/file_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/nearest.h"
#include "source/columns/cast.h"

namespace weir::source {
namespace {

std::string_view without_line_end(std::string_view line, const CsvDialect& dialect) {
    if (!line.empty() && line.back() == dialect.line_end) line.remove_suffix(1);
    if (dialect.line_end == '\n' && !line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

constexpr std::string_view headerless_hint =
    "give the names yourself: csv: {header: false, skip_lines: 1, columns: [...]}";

}  // namespace

CsvDialect ReadContext::dialect() const {
    const auto& csv = plan.source.csv;
    return {.delimiter = csv.delimiter, .quote = csv.quote, .escape = csv.escape, .line_end = '\n'};
}

Result<const CsvLayout*> ReadContext::layout(std::string_view header, const std::string& path, int line,
                                             const CsvDialect& dialect) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = layouts_.find(header); known != layouts_.end()) return known->second.get();

    auto layout = std::make_unique<CsvLayout>();
    layout->header = std::string(header);
    std::vector<int> places;  // columns of the names in the header line, from 1
    const auto& csv = plan.source.csv;
    const auto refuse = [&](std::size_t field, std::string message, std::string hint) {
        return Error{.code = ErrorCode::input_malformed,
                     .message = std::move(message),
                     .hint = std::move(hint),
                     .where = {path, line, field < places.size() ? places[field] : 0}};
    };
    if (csv.header) {
        if (header.find('\0') != std::string_view::npos || !simdjson::validate_utf8(header.data(), header.size()))
            return refuse(0, "the header is not text in UTF-8",
                          "if the file has another encoding, declare it (encoding: …); is it the right kind of file?");
        std::vector<CsvField> fields;
        scan_record(dialect, header.data(), 0, header.size(), fields);
        for (const auto& field : fields) {
            std::string name;
            const auto text = header.substr(field.begin, field.end - field.begin);
            if (field.escaped)
                unescape(dialect, text, name);
            else
                name = std::string(text);
            auto renamed = csv.rename.find(name);
            if (renamed == csv.rename.end()) renamed = csv.rename.find(std::string(trimmed(name)));
            layout->field_names.push_back(renamed == csv.rename.end() ? std::string(trimmed(name)) : renamed->second);
            places.push_back(static_cast<int>(field.begin - (field.quoted ? 1 : 0)) + 1);
        }
    } else {
        layout->field_names = csv.columns;
    }

    const auto& names = layout->field_names;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty())
            return refuse(i, fmt::format("column {} of the header has no name", i + 1), std::string(headerless_hint));
        for (std::size_t j = 0; j < i; ++j)
            if (equal_ignoring_case(names[i], names[j]))
                return refuse(i, fmt::format("the header names '{}' twice: columns {} and {}", names[i], j + 1, i + 1),
                              std::string(headerless_hint));
    }
    const bool keep = plan.unknown == declare::UnknownColumns::keep;
    std::vector<bool> present(plan.columns.size(), false);
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto column = std::find_if(plan.columns.begin(), plan.columns.end(),
                                         [&](const auto& c) { return equal_ignoring_case(c.name, names[i]); });
        if (column == plan.columns.end()) {
            unknown.push_back(i);
            layout->slot_of_field.push_back(keep ? CsvLayout::to_extra : CsvLayout::dropped);
            continue;
        }
        const auto slot = column - plan.columns.begin();
        layout->slot_of_field.push_back(static_cast<int>(slot));
        present[static_cast<std::size_t>(slot)] = true;
    }
    for (std::size_t slot = 0; slot < plan.columns.size(); ++slot) {
        if (present[slot]) continue;
        layout->absent.push_back(static_cast<int>(slot));
        const auto& column = plan.columns[slot];
        const bool captured = std::any_of(plan.captures.begin(), plan.captures.end(),
                                          [&](const auto& c) { return equal_ignoring_case(c.name, column.name); });
        if (!column.required || captured) continue;
        const auto meant = suggest(column.name, names);
        return refuse(names.size(), fmt::format("the required column '{}' is missing", column.name),
                      csv.header
                          ? fmt::format("the header has {}; map another spelling with csv: {{rename: {{...}}}}{}",
                                        fmt::join(names, ", "), meant.empty() ? "" : "; " + meant)
                          : "name it in the source's csv: columns");
    }
    if (plan.unknown == declare::UnknownColumns::refuse && !unknown.empty())
        return refuse(unknown.front(),
                      fmt::format("the column '{}' is not in the contract, which refuses unknown columns",
                                  names[unknown.front()]),
                      "add it to the contract, or say there: unknown columns are dropped or kept");
    const auto* found = layout.get();
    layouts_.emplace(std::string(header), std::move(layout));
    return found;
}

Status FileReader::open() {
    const auto& source = context_.plan.source;
    WEIR_ASSIGN(stream_, DecodedFile::open(state_.file->path, {.compression = source.compression,
                                                               .encoding = source.encoding,
                                                               .start_offset = state_.file->start_offset}));
    dialect_ = context_.dialect();
    header_done_ = source.format != declare::Format::csv;
    if (source.format == declare::Format::json_array) array_.emplace();
    return ok();
}

void FileReader::advance(const char* from, const char* to) {
    line_ += static_cast<std::int64_t>(count_byte(from, to, dialect_.line_end));
    offset_ += to - from;
    if (to != from) line_open_ = to[-1] != dialect_.line_end;
}

Status FileReader::read_into(Block& block) {
    while (!end_ && block.size + 16 <= block.capacity()) {
        WEIR_ASSIGN(const auto got, stream_->read(block.text() + block.size, block.capacity() - block.size));
        if (offset_ == 0 && stream_->verbatim()) offset_ = stream_->mark_bytes();
        block.size += got;
        end_ = got == 0;
        if (stream_->before_start()) break;
    }
    return ok();
}

Result<bool> FileReader::take_header(const char* text, std::size_t size, bool final, std::size_t& used) {
    const auto& csv = context_.plan.source.csv;
    if (!line_end_known_) {
        dialect_.line_end = find_line_end({text, size});
        // A CR that stands last may belong to CR LF.
        if (!final && find_byte(text, text + size, dialect_.line_end) == nullptr) return false;
        line_end_known_ = true;
    }
    std::size_t at = 0;
    for (int skip = 0; skip < csv.skip_lines; ++skip) {
        const char* line = find_byte(text + at, text + size, dialect_.line_end);
        if (line == nullptr) {
            if (!final) return false;
            used = size;
            header_done_ = true;
            return true;
        }
        at = static_cast<std::size_t>(line + 1 - text);
    }
    int line = 1 + csv.skip_lines;
    if (!csv.header) {
        WEIR_ASSIGN(layout_, context_.layout("", state_.file->path, line, dialect_));
        used = at;
        header_done_ = true;
        return true;
    }
    for (;;) {
        // Blank lines before the header mean nothing.
        const char* end = find_byte(text + at, text + size, dialect_.line_end);
        if (end == nullptr ||
            !without_line_end({text + at, static_cast<std::size_t>(end + 1 - text) - at}, dialect_).empty())
            break;
        at = static_cast<std::size_t>(end + 1 - text);
        ++line;
    }
    if (at == size) {
        if (!final) return false;
        used = size;
        header_done_ = true;
        return true;
    }
    const auto split = split_csv(dialect_, text + at, size - at, final, context_.record_bytes_max);
    if (!split.holes.empty() && split.holes.front().begin == 0)
        return Error{.code = ErrorCode::input_malformed,
                     .message = "the header has a quote that is not closed",
                     .hint = "if the file is not quoted, say csv: {quote: ''}",
                     .where = {state_.file->path, line, 1}};
    if (split.consumed == 0) return false;
    std::vector<CsvField> fields;
    const auto scan = scan_record(dialect_, text + at, 0, size - at, fields);
    const std::string_view header(text + at, scan.text_end);
    if (header.size() > context_.record_bytes_max)
        return Error{.code = ErrorCode::input_malformed,
                     .message = fmt::format("the header is longer than {} bytes", context_.record_bytes_max),
                     .where = {state_.file->path, line, 1}};
    WEIR_ASSIGN(layout_, context_.layout(header, state_.file->path, line, dialect_));
    state_.header = layout_->header;
    used = at + scan.end;
    header_done_ = true;
    return true;
}

// A continued file: its old part is read again for its header, its line numbers and its hash.
Status FileReader::skip_to_start(Block& block) {
    const auto begin = block.size;
    char last = '\n';
    for (;;) {
        if (block.capacity() - block.size < 16) block.reserve(block.capacity() * 2);
        WEIR_ASSIGN(const auto got, stream_->read(block.text() + block.size, block.capacity() - block.size));
        if (offset_ == 0 && stream_->verbatim()) offset_ = stream_->mark_bytes();
        if (!stream_->before_start()) {
            // The first text behind the start.
            carry_.assign(block.text() + block.size, got);
            end_ = got == 0;
            break;
        }
        block.size += got;
        if (!header_done_) {
            std::size_t used = 0;
            WEIR_ASSIGN(const bool done, take_header(block.text() + begin, block.size - begin, false, used));
            if (!done) {
                if (block.size - begin > context_.record_bytes_max) break;
                continue;
            }
        }
        if (block.size > begin) last = block.text()[block.size - 1];
        advance(block.text() + begin, block.text() + block.size);
        block.size = begin;
    }
    if (block.size > begin) {  // a header that was not complete, or no header yet
        carry_.insert(0, block.text() + begin, block.size - begin);
        block.size = begin;
        return ok();
    }
    check_first_byte_ = last != dialect_.line_end;
    return ok();
}

void FileReader::add_piece(Block& block, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    block.pieces.push_back({.file = &state_,
                            .layout = layout_,
                            .begin = static_cast<std::uint32_t>(begin),
                            .end = static_cast<std::uint32_t>(end),
                            .line = line_,
                            .offset = offset_,
                            .single = false,
                            .line_end = dialect_.line_end});
    advance(block.text() + begin, block.text() + end);
}

// Skips what belongs to a record that is too long, at least `settled` bytes; false while its end is not in sight.
bool FileReader::pass_too_long(Block& block, std::size_t& begin, std::size_t settled) {
    const char* from = block.text() + begin;
    const char* to = block.text() + block.size;
    const char* stop = to;
    bool ended = false;
    if (array_) {
        const auto passed = array_->pass({from, static_cast<std::size_t>(to - from)});
        stop = from + passed.bytes;
        ended = passed.ended;
    } else if (const char* line_end = find_byte(from + settled, to, dialect_.line_end)) {
        stop = line_end;
        ended = true;
    }
    auto& record = *too_long_;
    const auto room = limits::rejected_bytes_max - std::min(record.kept.size(), limits::rejected_bytes_max);
    record.kept.append(from, std::min(room, static_cast<std::size_t>(stop - from)));
    record.size += static_cast<std::uint64_t>(stop - from);
    if (stop != from) record.last = stop[-1];
    if (ended && !array_) ++stop;
    advance(from, stop);
    begin = static_cast<std::size_t>(stop - block.text());
    if (!ended && !end_) return false;
    if (!ended && array_) {
        // The splitter tells that the array is not closed.
        too_long_.reset();
        return true;
    }
    if (!array_ && dialect_.line_end == '\n' && record.last == '\r') {
        --record.size;
        record.kept.resize(std::min<std::uint64_t>(record.kept.size(), record.size));
    }
    block.rejects.push_back(
        {.file = &state_,
         .line = record.line,
         .offset = record.offset,
         .rule = "too_long",
         .reason = fmt::format("the record has {} bytes, the limit is {}", record.size, context_.record_bytes_max),
         .raw = std::move(record.kept),
         .raw_size = record.size});
    too_long_.reset();
    return true;
}

Status FileReader::fill(Block& block) {
    if (!stream_) {
        WEIR_TRY(open());
        if (state_.file->start_offset > 0) WEIR_TRY(skip_to_start(block));
    }
    const auto block_begin = block.size;
    const bool shared = !block.pieces.empty() || !block.rejects.empty();
    block.reserve(block.size + carry_.size() + 64);
    std::memcpy(block.text() + block.size, carry_.data(), carry_.size());
    block.size += carry_.size();
    carry_.clear();
    std::size_t begin = block_begin;
    for (;;) {
        WEIR_TRY(read_into(block));
        context_.progress.bytes_done.fetch_add(stream_->raw_bytes() - bytes_told_, std::memory_order_relaxed);
        bytes_told_ = stream_->raw_bytes();

        if (check_first_byte_ && block.size > begin) {
            check_first_byte_ = false;
            if (block.text()[begin] != '\n' && block.text()[begin] != '\r')
                return Error{.code = ErrorCode::input_changed,
                             .message = fmt::format("{}: its last line was taken before it was complete (line {})",
                                                    state_.file->path, line_),
                             .hint =
                                 "its writer must end every line before the file is read; discard the half record "
                                 "and give the file a new name to take it again"};
        }
        if (!header_done_) {
            std::size_t used = 0;
            WEIR_ASSIGN(const bool done, take_header(block.text() + begin, block.size - begin, end_, used));
            if (done) {
                advance(block.text() + begin, block.text() + begin + used);
                begin += used;
            } else if (block.size - begin > context_.record_bytes_max) {
                return Error{.code = ErrorCode::input_malformed,
                             .message = fmt::format("{}: the header does not end within {} bytes", state_.file->path,
                                                    context_.record_bytes_max),
                             .hint = "is this a text file with this format, quote and compression?"};
            } else {
                block.reserve(block.capacity() * 2);
                continue;
            }
        }
        if (too_long_ && !pass_too_long(block, begin, 0)) {
            block.size = begin = block_begin;
            continue;
        }
        WEIR_TRY(split(block, begin));  // leaves what is not whole in carry_
        if (end_) return finish();
        if (block.size > begin) return ok();
        // Nothing whole was in sight.
        if (shared) return ok();
        if (carry_.size() > context_.record_bytes_max + 2) {
            too_long_ = TooLong{line_, offset_, {}, 0, '\0'};
            std::memcpy(block.text() + begin, carry_.data(), carry_.size());
            block.size = begin + carry_.size();
            carry_.clear();
            pass_too_long(block, begin, array_ ? 0 : carry_settled_);
            block.size = begin = block_begin;
            continue;
        }
        block.reserve(std::min(block.capacity() * 2, begin + context_.record_bytes_max + 4096));
        std::memcpy(block.text() + begin, carry_.data(), carry_.size());
        block.size = begin + carry_.size();
        carry_.clear();
    }
}

Status FileReader::split(Block& block, std::size_t begin) {
    const char* text = block.text() + begin;
    const auto size = block.size - begin;
    std::size_t consumed = 0;
    if (array_) {
        auto scan = array_->scan({text, size}, end_);
        std::size_t at = 0;
        for (const auto& element : scan.elements) {
            advance(text + at, text + element.begin);
            at = element.begin;
            block.pieces.push_back({.file = &state_,
                                    .layout = nullptr,
                                    .begin = static_cast<std::uint32_t>(begin + element.begin),
                                    .end = static_cast<std::uint32_t>(begin + element.end),
                                    .line = line_,
                                    .offset = offset_,
                                    .single = true,
                                    .line_end = '\n'});
        }
        advance(text + at, text + scan.consumed);
        if (!scan.problem.empty())
            return Error{.code = ErrorCode::input_malformed,
                         .message = fmt::format("{} (byte {})", scan.problem, offset_),
                         .hint = "format json_array reads one array of objects; one object a line is format ndjson",
                         .where = {state_.file->path, static_cast<int>(line_), 0}};
        consumed = scan.consumed;
    } else if (context_.plan.source.format == declare::Format::csv) {
        const auto cut = split_csv(dialect_, text, size, end_, context_.record_bytes_max);
        std::size_t at = 0;
        for (const auto& hole : cut.holes) {
            add_piece(block, begin + at, begin + hole.begin);
            const auto raw = without_line_end({text + hole.begin, hole.end - hole.begin}, dialect_);
            // A line that long is told as such, whether or not the quote in it was seen.
            const bool long_line = raw.size() > context_.record_bytes_max;
            block.rejects.push_back({.file = &state_,
                                     .line = line_,
                                     .offset = offset_,
                                     .rule = long_line ? "too_long" : "unbalanced_quote",
                                     .reason = long_line
                                                   ? fmt::format("the record has {} bytes, the limit is {}", raw.size(),
                                                                 context_.record_bytes_max)
                                                   : "a quote opens a field and is not closed where a field may end",
                                     .raw = std::string(raw.substr(0, limits::rejected_bytes_max)),
                                     .raw_size = raw.size()});
            advance(text + hole.begin, text + hole.end);
            at = hole.end;
        }
        add_piece(block, begin + at, begin + cut.consumed);
        consumed = cut.consumed;
        carry_settled_ = std::max(cut.settled, consumed) - consumed;
    } else {
        const char* last = end_ ? text + size : find_last_byte(text, text + size, '\n');
        consumed = last == nullptr ? 0 : static_cast<std::size_t>(last - text) + (end_ ? 0 : 1);
        add_piece(block, begin, begin + consumed);
    }
    carry_.assign(text + consumed, size - consumed);
    block.size = begin + consumed;
    return ok();
}

Status FileReader::finish() {
    WEIR_TRY(stream_->finish());
    state_.sha256 = stream_->sha256();
    state_.bytes = stream_->size();
    state_.mtime_ns = stream_->mtime_ns();
    state_.lines = line_ - 1 + (line_open_ ? 1 : 0);
    state_.complete = true;
    finished_ = true;
    context_.progress.files_done.fetch_add(1, std::memory_order_relaxed);
    stream_.reset();
    return ok();
}

}  // namespace weir::source
