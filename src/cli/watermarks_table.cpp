#include "cli/watermarks_table.h"

#include <fmt/format.h>

#include "observe/watermarks.h"

namespace weir::cli {

void provide_watermarks(view::Session& session, const std::filesystem::path& path, const declare::Project* project) {
    session.provide("watermarks", [path, project](sql::Connection& connection, const std::string& table) -> Status {
        if (project == nullptr) return ok();
        WEIR_ASSIGN(auto database, sql::Database::open({.threads = 1}));
        WEIR_ASSIGN(const auto lake, lake::Lake::open(path.string(), database));
        WEIR_ASSIGN(auto reader, database.connect());
        const auto now = SystemClock().now();
        WEIR_ASSIGN(const auto rows, observe::watermark_rows(lake, reader, *project, now));
        return rows.empty() ? ok() : connection.run(fmt::format("INSERT INTO {} VALUES {}", table, rows));
    });
}

}  // namespace weir::cli
