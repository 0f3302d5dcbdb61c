// The rows of one SELECT as one file.
#pragma once

#include <cstdint>

#include "base/file.h"
#include "sink/rows.h"

namespace weir::sink {

struct Exported {
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
};

// Readers of `path` see the file that was there before, or the whole new one. `sql` is one statement that ends neither
// in a semicolon nor in a comment.
Result<Exported> export_query(sql::Connection& connection, const std::string& sql, Format format, const fs::path& path,
                              CsvStyle style = {});

}  // namespace weir::sink
