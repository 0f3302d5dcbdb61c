#include "view/batch/state_layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weir::view {
namespace {

struct Stored {
    std::string lake_type;  // DuckDB's spelling of what the Delta table holds
    Type type;
};

// HUGEINT, INTERVAL and the like have no counterpart in a Delta table.
Result<Stored> stored_as(sql::Connection& connection, const std::string& type) {
    for (const auto& candidate : {type, std::string(type == "HUGEINT" ? "DECIMAL(38,0)" : "VARCHAR")}) {
        if (const auto schema = connection.schema_of(fmt::format("SELECT NULL::{} AS x", candidate)))
            return Stored{candidate, schema->fields.at(0).type};
    }
    return Error{.code = ErrorCode::internal, .message = "a state cannot hold a value of type " + type};
}

Result<std::vector<Stored>> stored_as(sql::Connection& connection, const std::vector<StateColumn>& columns) {
    std::vector<Stored> result;
    std::vector<std::string> nulls;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& type = columns[i].type;
        nulls.push_back(fmt::format("NULL::{} AS c{}", type == "HUGEINT" ? "DECIMAL(38,0)" : type, i));
    }
    if (nulls.empty()) return result;
    if (const auto schema = connection.schema_of(fmt::format("SELECT {}", fmt::join(nulls, ", ")))) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            result.push_back(
                {columns[i].type == "HUGEINT" ? "DECIMAL(38,0)" : columns[i].type, schema->fields[i].type});
        return result;
    }
    for (const auto& column : columns) {
        WEIR_ASSIGN(auto stored, stored_as(connection, column.type));
        result.push_back(std::move(stored));
    }
    return result;
}

std::vector<StateColumn> columns_of(const State& state) {
    std::vector<StateColumn> columns = state.keys;
    columns.insert(columns.end(), state.values.begin(), state.values.end());
    columns.insert(columns.end(), state.sums.begin(), state.sums.end());
    return columns;
}

}  // namespace

bool is_by_day(const lake::Snapshot& snapshot) {
    const auto& configuration = snapshot.metadata().configuration;
    const auto found = configuration.find(std::string(by_day_property));
    return found != configuration.end() && found->second == "true";
}

Result<lake::Table> state_table(const lake::Lake& lake, const State& state) {
    return lake.table(std::string(state_folder) + state.name);
}

Result<StateLayout> layout_of(sql::Connection& connection, const State& state) {
    StateLayout layout;
    layout.schema.fields.push_back({std::string(state_day_column), Type::of(Type::Kind::date), true});
    const auto columns = columns_of(state);
    WEIR_ASSIGN(const auto stored, stored_as(connection, columns));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& column = columns[i];
        layout.schema.fields.push_back({column.name, stored[i].type, true});
        layout.to_lake += fmt::format(", CAST({} AS {}) AS {}", column.name, stored[i].lake_type, column.name);
        const auto value = column.type == "HUGEINT" ? fmt::format("stored_hugeint({})", column.name)
                                                    : fmt::format("CAST({} AS {})", column.name, column.type);
        layout.from_lake += fmt::format("{}{} AS {}", layout.from_lake.empty() ? "" : ", ", value, column.name);
    }
    if (layout.from_lake.empty()) layout.from_lake = "1 AS nothing";
    return layout;
}

std::string select_partial(const State& state, const StateLayout& layout, const std::string& day) {
    return fmt::format("SELECT DATE '{}' AS {}{} FROM ({})", day, state_day_column, layout.to_lake, state.partial);
}

}  // namespace weir::view
