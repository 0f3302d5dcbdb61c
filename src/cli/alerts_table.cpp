#include "cli/alerts_table.h"

#include <fmt/format.h>

#include <limits>

#include "observe/alerts/alert_store.h"

namespace weir::cli {
namespace {

using observe::AlertStore;

using RowsOf = Result<std::string> (*)(const AlertStore& store);

void provide(view::Session& session, std::string_view name, const std::filesystem::path& lake, RowsOf rows_of) {
    session.provide(name, [lake, rows_of](sql::Connection& connection, const std::string& table) -> Status {
        WEIR_ASSIGN(const auto store, AlertStore::look(AlertStore::file_in(lake)));
        if (!store) return ok();
        WEIR_ASSIGN(const auto rows, rows_of(*store));
        return rows.empty() ? ok() : connection.run(fmt::format("INSERT INTO {} VALUES {}", table, rows));
    });
}

}  // namespace

void provide_alerts(view::Session& session, const std::filesystem::path& lake) {
    provide(session, "alerts", lake, [](const AlertStore& store) { return store.alert_rows(SystemClock().now()); });
    provide(session, "alert_history", lake, [](const AlertStore& store) {
        return store.history_rows(static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
    });
}

}  // namespace weir::cli
