// Any bytes as CSV: the cut does not depend on how much is in sight, and both passes see the same records.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/records/csv_scan.h"

using namespace weir::source;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 1) return 0;
    const CsvDialect dialects[] = {
        {}, {.quote = '\0'}, {.delimiter = '\t', .quote = '\'', .escape = '\\'}, {.line_end = '\r'}};
    const auto& dialect = dialects[bytes[0] % 4];
    const char* data = reinterpret_cast<const char*>(bytes) + 1;
    --size;
    constexpr std::size_t limit = 1 << 20;
    const auto whole = split_csv(dialect, data, size, true, limit);
    if (whole.consumed != size) std::abort();
    std::size_t at = 0;
    std::vector<CsvField> fields;
    const auto records = [&](std::size_t end) {
        while (at < end) {
            const auto scan = scan_record(dialect, data, at, end, fields);
            // A quoted part that does not end would have been given up.
            if (scan.open_quote || scan.end <= at || scan.end > end || fields.empty()) std::abort();
            at = scan.end;
        }
    };
    for (const auto& hole : whole.holes) {
        if (hole.begin < at || hole.end <= hole.begin || hole.end > size) std::abort();
        records(hole.begin);
        at = hole.end;
    }
    records(size);
    // What was cut with less in sight is cut the same with more.
    const auto part = split_csv(dialect, data, size / 2, false, limit);
    if (part.consumed > size / 2) std::abort();
    for (std::size_t i = 0; i < part.holes.size(); ++i)
        if (i >= whole.holes.size() || whole.holes[i].begin != part.holes[i].begin ||
            whole.holes[i].end != part.holes[i].end)
            std::abort();
    return 0;
}
