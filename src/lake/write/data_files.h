// Writes the rows of a query as Parquet files of a table, staged, with statistics; no log entry is made here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lake/log/actions.h"
#include "lake/store/object_store.h"
#include "sql/database.h"

namespace weir::lake {

struct DataLayout {
    Schema schema;
    Metadata metadata;  // partition columns and the properties that matter to statistics
};

// DuckDB's default.
constexpr std::int64_t row_group_rows_max = 122'880;

// So many rows a row group that each thread has one of each file to compress, where these are all rows there are. A
// thread of DuckDB compresses a group when it has its rows, and at the end what it has left if that is half a group or
// more; one thread does the rest. A multiple of 2048, the rows of a vector.
std::int64_t row_group_rows_for(std::int64_t rows, std::size_t files, std::size_t threads);

struct DataFileOptions {
    // Roughly; 0: one file per partition (and thread, where there are many rows). Ignored in partitioned tables.
    std::int64_t target_bytes = 0;
    bool data_change = true;
    // The caller knows that all rows have these values, as the log spells them, in the partition columns (every one of
    // them is named): nothing has to be sorted out.
    std::map<std::string, std::string> all_in{};
    // The query has every column of the table, by its name, of a type that casts exactly: it is not asked for them.
    bool every_column = false;
    bool checksums = false;  // each file gets the tag of read/checksum.h
    std::int64_t row_group_rows = row_group_rows_max;
};

struct DataFile {
    fs::path staged;   // where it lies now
    std::string path;  // where it belongs, relative to the table, not encoded
    AddFile add;
    std::int64_t rows = 0;
};

// The files lie in `staging` afterwards. No file is made for no rows. Fails with usage where a row breaks NOT NULL or
// the query does not fit the table, with what DuckDB says where the query fails.
Result<std::vector<DataFile>> write_data_files(sql::Connection& connection, const DataLayout& layout,
                                               const std::string& select_sql, const fs::path& staging,
                                               std::int64_t now_ms, const DataFileOptions& options);

}  // namespace weir::lake
