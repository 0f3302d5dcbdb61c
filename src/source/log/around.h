// What stands around a message in its record, as text: for the quarantine, and for dumps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "declare/project.h"

namespace weir::source {

// "2024-03-01T10:00:00.000Z"; times that no calendar has are cut to the years 1970 to 9999.
std::string broker_time(std::int64_t timestamp_ms);

struct Around {
    int partition = 0;
    std::int64_t offset = 0, timestamp = 0;
    std::optional<std::string> key;
    bool has_value = true;
    std::string headers{};  // as JSON; empty: it has none
};

// {"partition": 0, "offset": 7, "timestamp": 1709287200000, "key": "c1"}; a key that is no UTF-8 as "key_hex"; "value":
// null for a tombstone; "headers", their JSON as a text, where there are some.
std::string around_json(const Around& around);
// Fails with table_damaged: the quarantine does not hold what we wrote.
Result<Around> parse_around(std::string_view json);

// The path that stands for a partition of a source's topic where files have theirs: "log:orders/0", "kafka:orders/0".
std::string partition_path(const declare::Source& source, int partition);

}  // namespace weir::source
