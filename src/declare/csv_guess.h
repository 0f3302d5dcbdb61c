// What a CSV file looks like: dialect, names and types of its columns, from a sample of its rows. No value is kept.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::declare {

struct CsvGuess {
    char delimiter = ',';
    char quote = '"';  // '\0': none
    char escape = '"';
    bool header = true;
    int skip_lines = 0;
    struct Column {
        std::string name;
        std::string logical_type;  // of ODCS
        std::string format;        // of dates and times that are not ISO 8601
    };
    std::vector<Column> columns;
};

Result<CsvGuess> guess_csv(const std::filesystem::path& path);

// "%d.%m.%Y" as a JDK pattern, "dd.MM.yyyy"; empty for ISO 8601; nothing where there is no counterpart.
std::optional<std::string> jdk_pattern(std::string_view strptime_format);

}  // namespace weir::declare
