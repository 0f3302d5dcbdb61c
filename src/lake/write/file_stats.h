// Per-file statistics for the log, from what DuckDB reports about a Parquet file that it wrote. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lake/log/actions.h"

namespace weir::lake {

// One leaf column of a written file, as DuckDB prints its values.
struct LeafStats {
    std::optional<std::string> min{};
    std::optional<std::string> max{};
    std::optional<std::int64_t> null_count{};
    bool has_nan = false;
};
// By quoted and dotted name: "\"a\".\"b\"".
using WrittenStats = std::map<std::string, LeafStats>;
std::string leaf_name(const std::vector<std::string>& path);

// The JSON text of add.stats. `columns` are the columns in the file; how many are indexed follows the table's
// properties.
std::string print_stats(const Schema& columns, const Metadata& metadata, std::int64_t rows, const WrittenStats& stats);

// A lower bound of at most 32 characters.
std::string shorten_min(std::string_view text);
// An upper bound of little more than 32 characters; nothing where there is none short enough.
std::optional<std::string> shorten_max(std::string_view text);

}  // namespace weir::lake
