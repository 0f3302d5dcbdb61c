#include "observe/alerts/alert_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/limits.h"
#include "declare/determinism.h"
#include "view/split/tree.h"

namespace weir::observe {
namespace {

using view::Tree;

// "weir".runs becomes "weir.runs", by which name its columns can still be told apart as runs.state.
void name_system_tables(Tree& tree) {
    if (tree.is_object() && view::is_type(tree, "BASE_TABLE") &&
        equal_ignoring_case(view::text_of(tree, "schema_name"), "weir")) {
        const auto name = view::text_of(tree, "table_name");
        tree["schema_name"] = "";
        tree["table_name"] = "weir." + view::lowered(name);
        if (view::text_of(tree, "alias").empty()) tree["alias"] = name;
    }
    if (tree.is_structured())
        for (auto& part : tree) name_system_tables(part);
}

Status set_time(view::Trees& trees, Tree& query) {
    Status status = ok();
    view::each_part(query, [&](Tree& part) {
        std::string name;
        if (view::is_class(part, "FUNCTION"))
            name = view::lowered(view::text_of(part, "function_name"));
        else if (view::is_class(part, "COLUMN_REF") && part["column_names"].size() == 1)
            name = view::lowered(part["column_names"][0].get<std::string>());
        const auto meaning = name.empty() ? std::string_view() : declare::time_in_alert(name);
        if (!status || meaning.empty()) return true;
        auto time = trees.expression(std::string(meaning));
        if (!time) {
            status = std::move(time).error();
            return false;
        }
        part = view::with_alias(std::move(*time), view::text_of(part, "alias"));
        return false;
    });
    return status;
}

std::string json_object(const std::vector<std::string>& columns, const std::vector<std::optional<std::string>>& values,
                        const std::function<bool(const std::string&)>& wanted) {
    auto object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (wanted(columns[i])) object[columns[i]] = values[i] ? nlohmann::ordered_json(*values[i]) : nullptr;
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string fill_message(const std::string& message, const std::vector<std::string>& columns,
                         const std::vector<std::optional<std::string>>& values) {
    std::string text;
    for (const auto& piece : declare::parse_message(message).pieces) {
        text += piece.text;
        const auto column = std::find(columns.begin(), columns.end(), piece.column);
        if (column == columns.end()) continue;
        const auto& value = values[static_cast<std::size_t>(column - columns.begin())];
        text += value ? *value : "NULL";
    }
    return text;
}

Result<AlertQuery> AlertQuery::make(sql::Connection& connection, const declare::AlertRule& rule, SystemTables tables) {
    view::Trees trees(connection);
    WEIR_ASSIGN(auto query, trees.query(rule.sql));
    WEIR_TRY(set_time(trees, query));
    if (tables == SystemTables::as_names) name_system_tables(query);
    WEIR_ASSIGN(auto sql, trees.sql(query));
    return AlertQuery(rule, std::move(sql));
}

Status AlertQuery::set_moment(sql::Connection& connection, Time now) {
    return connection.run(fmt::format("CREATE OR REPLACE TEMP MACRO alert_moment() AS make_timestamptz({}::BIGINT)",
                                      now.time_since_epoch().count()));
}

Result<AlertRows> AlertQuery::rows(sql::Connection& connection) const {
    WEIR_ASSIGN(const auto described, connection.describe(sql_));
    std::vector<std::string> names;
    std::string list;
    for (const auto& column : described) {
        names.push_back(column.name);
        list += fmt::format("{}CAST({} AS VARCHAR)", list.empty() ? "" : ", ", sql::quote_name(column.name));
    }
    WEIR_ASSIGN(const auto found, connection.query(fmt::format("SELECT {} FROM ({}\n) LIMIT {}", list, sql_,
                                                               limits::alert_instances_max + 1)));
    AlertRows all;
    std::set<std::string> keys;
    for (std::size_t row = 0; row < found.row_count(); ++row) {
        std::vector<std::optional<std::string>> values;
        for (std::size_t column = 0; column < names.size(); ++column) values.push_back(found.text_or_null(row, column));
        auto key = json_object(names, values, [&](const std::string& name) {
            return std::find(rule_->key.begin(), rule_->key.end(), name) != rule_->key.end();
        });
        if (!keys.insert(key).second) continue;
        all.more = all.rows.size() == limits::alert_instances_max;
        if (all.more) break;
        all.rows.push_back({.key = std::move(key),
                            .values = json_object(names, values, [](const std::string&) { return true; }),
                            .message = fill_message(rule_->message, names, values)});
    }
    return all;
}

}  // namespace weir::observe
