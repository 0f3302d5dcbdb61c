// What the log knows about the values in one data file: its partition values and its statistics.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lake/log/state.h"
#include "lake/log/values.h"

namespace weir::lake {

// Bounds are nothing where they are not known or cannot be trusted; a bound may be wider than the values.
struct ColumnFacts {
    std::optional<Value> min{};
    std::optional<Value> max{};
    std::optional<std::int64_t> null_count{};
    bool all_null = false;  // known without counts: a partition value of NULL
};

struct FileFacts {
    std::optional<std::int64_t> rows;            // physical rows, deleted ones included
    std::map<std::string, ColumnFacts> columns;  // by logical name in lower case; top-level columns only
};

// Statistics that do not parse are no statistics: they must never make a scan lose rows.
FileFacts facts_of(const AddFile& add, const TableState& state);

// The file's number of rows that still count, if the log tells.
std::optional<std::int64_t> live_rows(const AddFile& add);
// Of all these; files of which the log does not tell count as empty.
std::int64_t known_rows(const std::vector<AddFile>& files);

std::string lower_case(std::string_view text);

}  // namespace weir::lake
