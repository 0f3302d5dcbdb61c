// DuckDB as a checker: syntax trees and binder errors with exact positions.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "sql/database.h"

namespace weir::declare {

// What DuckDB says about a SQL text.
struct SqlFault {
    std::string kind;     // "Binder", "Parser", "Catalog", …
    std::string subtype;  // "COLUMN_NOT_FOUND", "MISSING_ENTRY", …
    std::string message;  // its first line
    std::string name;     // what was not found
    std::string type;     // "Table", "Scalar Function", … for MISSING_ENTRY
    std::vector<std::string> candidates;
    std::optional<std::size_t> offset;  // bytes into the SQL text
};

struct BoundColumn {
    std::string name;
    std::optional<Type> type;  // nothing: a lake cannot hold it
    bool boolean = false;
    bool numeric = false;
    std::string duckdb_type;  // filled only where a lake cannot hold it
};

class DuckdbCheck {
public:
    static Result<DuckdbCheck> open();
    // The statements of json_serialize_sql; only SELECTs have a tree.
    std::optional<nlohmann::json> parse(const std::string& sql, SqlFault& fault);
    // Binds one statement; nothing runs.
    std::optional<std::vector<BoundColumn>> bind(const std::string& sql, SqlFault& fault);
    bool run(const std::string& sql, SqlFault& fault);
    sql::Connection& connection() { return connection_; }

private:
    DuckdbCheck(sql::Database database, sql::Connection connection);
    sql::Database database_;
    sql::Connection connection_;
    struct Destroy {
        void operator()(duckdb_prepared_statement statement) const { duckdb_destroy_prepare(&statement); }
    };
    std::unique_ptr<std::remove_pointer_t<duckdb_prepared_statement>, Destroy> serialize_;
};

// DuckDB's error text as a fault: JSON (errors_as_json), or plain.
SqlFault read_fault(std::string_view text);

}  // namespace weir::declare
