#include "sink/export.h"

#include <fmt/format.h>

#include "sink/staged_file.h"

namespace weir::sink {
namespace {

Result<std::int64_t> write_parquet(sql::Connection& connection, const std::string& sql, const fs::path& file) {
    // Bound by itself first: an error's place is then a place in `sql`.
    if (auto bound = connection.bind(sql); !bound) return std::move(bound).error();
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format("COPY ({}\n) TO {} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
                                             sql, sql::quote_text(file.string()))));
    return rows.integer(0, 0);
}

}  // namespace

Result<Exported> export_query(sql::Connection& connection, const std::string& sql, Format format, const fs::path& path,
                              CsvStyle style) {
    WEIR_ASSIGN(auto file, StagedFile::create(path));
    Exported exported;
    if (format == Format::parquet) {
        WEIR_ASSIGN(exported.rows, write_parquet(connection, sql, file.temporary()));
    } else {
        WEIR_ASSIGN(exported.rows,
                    write_rows(
                        connection, sql, format, [&](std::string_view bytes) { return file.write(bytes); }, style));
    }
    WEIR_ASSIGN(exported.bytes, std::move(file).commit());
    return exported;
}

}  // namespace weir::sink
