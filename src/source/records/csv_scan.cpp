#include "source/records/csv_scan.h"

#include <string>

namespace weir::source {

CsvSplit split_csv(const CsvDialect& dialect, const char* data, std::size_t size, bool final, std::size_t limit) {
    CsvSplit split;
    const char* const end = data + size;
    const char* record = data;                  // start of the record that `at` stands in, as far as it is known
    const char* at = data;                      // everything before is outside quotes or a closed quoted part
    const auto advance = [&](const char* to) {  // [at, to) holds no quoted part
        if (const char* last = find_last_byte(at, to, dialect.line_end)) record = last + 1;
        at = to;
    };
    while (dialect.quote != '\0') {
        const char* quote = find_byte(at, end, dialect.quote);
        if (quote == nullptr) break;
        const bool opens =
            quote == data || quote == record || quote[-1] == dialect.delimiter || quote[-1] == dialect.line_end;
        if (!opens) {
            advance(quote + 1);
            continue;
        }
        advance(quote);
        const char* close = find_close(dialect, quote + 1, end, !final);
        bool stray = false;
        const bool follows_unknown =
            close != nullptr && !final && (close + 1 == end || (close[1] == '\r' && close + 2 == end));
        if (close == nullptr || follows_unknown) {
            // What follows the quote is needed to judge it.
            if (!final && static_cast<std::size_t>(end - record) <= limit + 2) break;
            stray = close == nullptr;
        }
        if (!stray) {
            const bool spans = find_byte(quote, close, dialect.line_end) != nullptr;
            stray = spans && (static_cast<std::size_t>(close - record) > limit || !ends_field(dialect, close, end));
        }
        if (!stray) {
            at = close + 1;
            continue;
        }
        const char* line = find_byte(quote, end, dialect.line_end);
        if (line == nullptr && !final) break;
        const char* after = line == nullptr ? end : line + 1;
        split.holes.push_back({static_cast<std::size_t>(record - data), static_cast<std::size_t>(after - data)});
        record = at = after;
        if (at == end) break;
    }
    if (at != end && !(dialect.quote != '\0' && find_byte(at, end, dialect.quote) != nullptr)) advance(end);
    split.settled = static_cast<std::size_t>(at - data);
    split.consumed = final ? size : static_cast<std::size_t>(record - data);
    return split;
}

CsvRecordScan scan_record(const CsvDialect& dialect, const char* data, std::size_t begin, std::size_t size,
                          std::vector<CsvField>& fields) {
    fields.clear();
    CsvRecordScan scan;
    const char* const end = data + size;
    const char* field = data + begin;
    for (;;) {
        const char* at = field;
        CsvField out{};
        if (dialect.quote != '\0' && at != end && *at == dialect.quote) {
            const char* close = find_close(dialect, at + 1, end, false);
            if (close != nullptr) {
                out.quoted = true;
                out.begin = static_cast<std::uint32_t>(at + 1 - data);
                out.end = static_cast<std::uint32_t>(close - data);
                out.escaped = find_byte(at + 1, close, dialect.escape) != nullptr;
                scan.lines += static_cast<int>(count_byte(at, close, dialect.line_end));
                at = close + 1;
            } else {
                scan.open_quote = true;
            }
        }
        const char* stop = at;
        while (stop != end && *stop != dialect.delimiter && *stop != dialect.line_end) ++stop;
        const bool line_ends = stop == end || *stop == dialect.line_end;
        const char* text_end = stop;
        if (line_ends && dialect.line_end == '\n' && text_end != at && text_end[-1] == '\r') --text_end;
        if (out.quoted) {
            if (at != text_end) scan.garbage = true;
        } else {
            out.begin = static_cast<std::uint32_t>(field - data);
            out.end = static_cast<std::uint32_t>(text_end - data);
        }
        fields.push_back(out);
        if (line_ends) {
            scan.text_end = static_cast<std::size_t>(text_end - data);
            scan.end = static_cast<std::size_t>(stop == end ? stop - data : stop + 1 - data);
            return scan;
        }
        field = stop + 1;
    }
}

void unescape(const CsvDialect& dialect, std::string_view field, std::string& to) {
    for (std::size_t at = 0; at < field.size(); ++at) {
        if (field[at] == dialect.escape && at + 1 < field.size()) ++at;
        to += field[at];
    }
}

char find_line_end(std::string_view text) {
    const auto at = text.find_first_of("\r\n");
    if (at == std::string_view::npos || text[at] == '\n') return '\n';
    return at + 1 < text.size() && text[at + 1] != '\n' ? '\r' : '\n';
}

}  // namespace weir::source
