#include "sink/export.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

// DuckDB opens the file by its name: where there is none, it writes one that is read again and thrown away.
Result<std::int64_t> write_parquet(sql::Connection& connection, const std::string& sql, StagedFile& to) {
    if (!to.temporary().empty()) return write_parquet(connection, sql, to.temporary());
    std::error_code error;
    const auto folder = fs::temp_directory_path(error);
    if (error) return io_error("find", "the folder of temporary files", error.value());
    WEIR_ASSIGN(const auto file, StagedFile::create(folder / "weir.parquet"));
    WEIR_ASSIGN(const auto rows, write_parquet(connection, sql, file.temporary()));
    WEIR_ASSIGN(const auto written, open_for_reading(file.temporary()));
    std::array<char, 64 * 1024> buffer;
    for (;;) {
        const auto got = ::read(written.get(), buffer.data(), buffer.size());
        if (got < 0) return io_error("read", file.temporary(), errno);
        if (got == 0) return rows;
        WEIR_TRY(to.write({buffer.data(), static_cast<std::size_t>(got)}));
    }
}

}  // namespace

Result<Exported> export_query(sql::Connection& connection, const std::string& sql, Format format, const fs::path& path,
                              CsvStyle style) {
    WEIR_ASSIGN(auto file, StagedFile::create(path));
    Exported exported;
    if (format == Format::parquet) {
        WEIR_ASSIGN(exported.rows, write_parquet(connection, sql, file));
    } else {
        WEIR_ASSIGN(exported.rows,
                    write_rows(
                        connection, sql, format, [&](std::string_view bytes) { return file.write(bytes); }, style));
    }
    WEIR_ASSIGN(exported.bytes, std::move(file).commit());
    return exported;
}

}  // namespace weir::sink
