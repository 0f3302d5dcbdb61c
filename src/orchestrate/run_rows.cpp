#include "orchestrate/run_rows.h"

#include <fmt/format.h>

#include "sql/database.h"

namespace weir::orchestrate {
namespace {

std::string moment(Time time) { return fmt::format("make_timestamptz({})", time.time_since_epoch().count()); }

std::string or_null(const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); }

}  // namespace

std::string run_rows(std::span<const Step> steps) {
    std::string rows;
    for (const auto& step : steps)
        rows += fmt::format(
            "{}({}, {}, {}, {}, {}, {}, {}, {}, {}, {})", rows.empty() ? "" : ", ", sql::quote_text(step.run_id),
            moment(step.started_at), step.finished_at ? moment(*step.finished_at) : "NULL", sql::quote_text(step.node),
            sql::quote_text(to_string(step.kind)),
            step.interval_from ? sql::quote_text(weir::to_string(*step.interval_from)) : "NULL",
            sql::quote_text(to_string(step.state)), step.rows, or_null(step.reason), or_null(step.error));
    return rows;
}

}  // namespace weir::orchestrate
