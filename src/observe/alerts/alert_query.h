// The SELECT of an alert, as it is run: over relations that stand ready, at a moment.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "declare/alerts.h"
#include "observe/alerts/alert_state.h"
#include "sql/database.h"

namespace weir::observe {

struct AlertRows {
    std::vector<AlertRow> rows;  // with different keys; where two rows have the same, the first stands
    bool more = false;           // than limits::alert_instances_max
};

class AlertQuery {
public:
    // Where weir's own tables stand: in their schema, or as "weir.NAME", which a temporary view can be called.
    enum class SystemTables { in_schema, as_names };
    // `connection` parses; nothing runs. The rule outlives the query.
    static Result<AlertQuery> make(sql::Connection& connection, const declare::AlertRule& rule, SystemTables tables);

    const std::string& sql() const { return sql_; }
    // What now() gives from here on; before anything is bound.
    static Status set_moment(sql::Connection& connection, Time now);
    // What it reads has to stand on the connection.
    Result<AlertRows> rows(sql::Connection& connection) const;

private:
    AlertQuery(const declare::AlertRule& rule, std::string sql) : rule_(&rule), sql_(std::move(sql)) {}
    const declare::AlertRule* rule_;
    std::string sql_;
};

// The text of a message, for a row's columns and values.
std::string fill_message(const std::string& message, const std::vector<std::string>& columns,
                         const std::vector<std::optional<std::string>>& values);

}  // namespace weir::observe
