// Where CSV records and fields end. One grammar for both passes: the splitter cuts a stream into whole records, the
// field scan cuts records into fields, and both must see the same ends.
//
//   record  = field (delimiter field)* line-end
//   field   = quote ( any | quote quote )* quote text-without-delimiter-or-line-end   a quote opens only as the first
//           | text-without-delimiter-or-line-end                                      byte of a field
//
// A quoted part that does not end, that ends behind the record limit, or that spans lines and is followed by something
// other than a delimiter or a line end was opened by a stray quote: its physical line alone is given up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::source {

struct CsvDialect {
    char delimiter = ',';
    char quote = '"';      // '\0': no quoting
    char escape = '"';     // the quote itself: doubled
    char line_end = '\n';  // '\r': lines end in CR alone
};

inline std::size_t count_byte(const char* from, const char* to, char wanted) {
    std::size_t count = 0;
#if defined(__SSE2__)
    const __m128i pattern = _mm_set1_epi8(wanted);
    while (to - from >= 16) {
        // Each byte lane counts down from zero for every hit, 255 times at most.
        const auto rounds = std::min<std::ptrdiff_t>((to - from) / 16, 255);
        __m128i lanes = _mm_setzero_si128();
        for (std::ptrdiff_t i = 0; i < rounds; ++i, from += 16)
            lanes =
                _mm_sub_epi8(lanes, _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), pattern));
        const auto sums = _mm_sad_epu8(lanes, _mm_setzero_si128());
        count += static_cast<std::size_t>(_mm_cvtsi128_si32(sums)) +
                 static_cast<std::size_t>(_mm_cvtsi128_si32(_mm_srli_si128(sums, 8)));
    }
#endif
    for (; from != to; ++from) count += *from == wanted;
    return count;
}

inline const char* find_byte(const char* from, const char* to, char wanted) {
    return from == to ? nullptr
                      : static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(to - from)));
}

inline const char* find_last_byte(const char* from, const char* to, char wanted) {
    return from == to ? nullptr
                      : static_cast<const char*>(::memrchr(from, wanted, static_cast<std::size_t>(to - from)));
}

// A bit for each of the 64 bytes at `from` that is one of three; all 64 must be readable.
inline std::uint64_t find_three(const char* from, char a, char b, char c) {
    std::uint64_t bits = 0;
#if defined(__SSE2__)
    const __m128i pa = _mm_set1_epi8(a), pb = _mm_set1_epi8(b), pc = _mm_set1_epi8(c);
    for (int i = 0; i < 4; ++i) {
        const auto part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
        const auto hits =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(part, pa), _mm_cmpeq_epi8(part, pb)), _mm_cmpeq_epi8(part, pc));
        bits |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(hits))) << (16 * i);
    }
#else
    for (int i = 0; i < 64; ++i) bits |= static_cast<std::uint64_t>(from[i] == a || from[i] == b || from[i] == c) << i;
#endif
    return bits;
}

// The closing quote of a quoted part whose first byte is `from`; null when it is not in sight. `more`: bytes may follow
// `to`, so a quote that stands last may be the first half of a doubled one and is not taken as the end.
inline const char* find_close(const CsvDialect& dialect, const char* from, const char* to, bool more) {
    const char* at = from;
    while ((at = find_byte(at, to, dialect.quote)) != nullptr) {
        if (dialect.escape == dialect.quote) {
            if (at + 1 == to) return more ? nullptr : at;
            if (at[1] != dialect.quote) return at;
            at += 2;
            continue;
        }
        std::size_t escapes = 0;
        while (at - escapes != from && at[-1 - static_cast<std::ptrdiff_t>(escapes)] == dialect.escape) ++escapes;
        if (escapes % 2 == 0) return at;
        ++at;
    }
    return nullptr;
}

// Whether the closing quote at `close` is followed by the end of a field. `to` counts as an end when no more follows.
inline bool ends_field(const CsvDialect& dialect, const char* close, const char* to) {
    if (close + 1 == to) return true;
    if (close[1] == dialect.delimiter || close[1] == dialect.line_end) return true;
    return close[1] == '\r' && (close + 2 == to || close[2] == '\n');
}

struct CsvSplit {
    struct Hole {  // a physical line that is given up: rule unbalanced_quote
        std::size_t begin, end;
    };
    std::size_t consumed = 0;  // end of the last whole record (line end included); offsets count from `data`
    std::vector<Hole> holes;   // in order, within [0, consumed)
    // Line ends in [consumed, settled) stand in quoted parts that are closed.
    std::size_t settled = 0;
};

// Cuts data[0, size) behind its last whole record. `final`: nothing follows. `limit`: longest record.
CsvSplit split_csv(const CsvDialect& dialect, const char* data, std::size_t size, bool final, std::size_t limit);

// One field: bytes [begin, end) of the data; without its quotes if it is quoted.
struct CsvField {
    std::uint32_t begin, end;
    bool quoted;
    bool escaped;  // holds doubled quotes or escapes
};

struct CsvRecordScan {
    std::size_t end = 0;       // behind the line end
    std::size_t text_end = 0;  // before the line end (CR LF counts as one)
    int lines = 1;             // physical lines
    bool garbage = false;      // text between a closing quote and the end of its field
    bool open_quote = false;   // a quote opens a field and is not closed
};

// The fields of the one record at `begin`; the record must be whole.
CsvRecordScan scan_record(const CsvDialect& dialect, const char* data, std::size_t begin, std::size_t size,
                          std::vector<CsvField>& fields);

// The text of an escaped field, appended to `to`.
void unescape(const CsvDialect& dialect, std::string_view field, std::string& to);

// LF or CR: whichever ends the first line; CR LF counts as LF. LF while no line end is in sight.
char find_line_end(std::string_view text);

}  // namespace weir::source
