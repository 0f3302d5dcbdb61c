// How Delta spells names: log files, data file paths, partition folders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lake/version.h"

namespace weir::lake {

inline constexpr std::string_view log_folder = "_delta_log";

// What a name in _delta_log stands for; nothing for names that are not ours to read.
struct LogFile {
    enum class Kind { commit, checkpoint, checkpoint_part, checkpoint_v2, crc, compacted };
    Kind kind;
    TableVersion version;
    std::int64_t part = 1;   // checkpoint_part: 1 …
    std::int64_t parts = 1;  // checkpoint_part: … of
    bool json = false;       // checkpoint_v2
};
std::optional<LogFile> parse_log_file(std::string_view name);

std::string commit_path(TableVersion version);      // "_delta_log/00000000000000000007.json"
std::string checkpoint_path(TableVersion version);  // "_delta_log/00000000000000000007.checkpoint.parquet"
std::string log_path_before(TableVersion version);  // sorts before everything of this version

// "%20" -> " ". '+' stays; a '%' that two hex digits do not follow stays as it is.
std::string uri_decode(std::string_view text);
// Encodes what may not stand in a URI path; '/' and '=' stay.
std::string uri_encode_path(std::string_view text);

// Hive's escaping of one partition folder's name or value.
std::string hive_escape(std::string_view text);
inline constexpr std::string_view hive_null = "__HIVE_DEFAULT_PARTITION__";

// The path of an add or remove action, ready to open or compare.
struct DataPath {
    std::string text;       // decoded; relative to the table, or absolute
    bool absolute = false;  // in another place than the table (a shallow clone)
};
// "file:///a/b", "file:/a/b" and "/a/b" are the same; nothing for another scheme than file.
std::optional<DataPath> decode_data_path(std::string_view path);

}  // namespace weir::lake
