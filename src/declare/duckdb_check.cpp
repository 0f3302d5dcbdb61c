#include "declare/duckdb_check.h"

#include <charconv>
#include <utility>

namespace weir::declare {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::size_t> offset_of(const json& object) {
    const auto text = text_of(object, "position");
    std::size_t offset = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return offset;
}

std::string first_line(std::string text) {
    if (const auto end = text.find('\n'); end != std::string::npos) text.resize(end);
    return text;
}

}  // namespace

SqlFault read_fault(std::string_view text) {
    SqlFault fault;
    const auto brace = text.find('{');
    const auto tree = brace == std::string_view::npos ? json(json::value_t::discarded)
                                                      : json::parse(text.substr(brace), nullptr, false);
    if (tree.is_discarded() || !tree.is_object()) {
        fault.message = first_line(std::string(text));
        return fault;
    }
    fault.kind = text_of(tree, "exception_type");
    fault.subtype = text_of(tree, "error_subtype");
    fault.message = first_line(text_of(tree, "exception_message"));
    fault.name = text_of(tree, "name");
    fault.type = text_of(tree, "type");
    fault.offset = offset_of(tree);
    std::string_view rest;
    const auto candidates = text_of(tree, "candidates");
    rest = candidates;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        fault.candidates.emplace_back(rest.substr(0, comma));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    return fault;
}

DuckdbCheck::DuckdbCheck(sql::Database database, sql::Connection connection)
    : database_(std::move(database)), connection_(std::move(connection)) {}

Result<DuckdbCheck> DuckdbCheck::open() {
    // One thread: nothing runs here, and starting threads is what opening costs most.
    WEIR_ASSIGN(auto database, sql::Database::open({.threads = 1}));
    WEIR_ASSIGN(auto connection, database.connect());
    // No file is opened while a text is bound, whatever the text says.
    WEIR_TRY(connection.run("SET enable_external_access = false; SET errors_as_json = true; PRAGMA disable_optimizer"));
    return DuckdbCheck(std::move(database), std::move(connection));
}

std::optional<json> DuckdbCheck::parse(const std::string& sql, SqlFault& fault) {
    if (!serialize_) {
        duckdb_prepared_statement statement = nullptr;
        const auto state = duckdb_prepare(connection_.raw(), "SELECT json_serialize_sql($1::VARCHAR)", &statement);
        serialize_.reset(statement);
        if (state != DuckDBSuccess) {
            const char* text = duckdb_prepare_error(statement);
            fault = read_fault(text == nullptr ? "DuckDB cannot show syntax trees" : text);
            serialize_.reset();
            return std::nullopt;
        }
    }
    duckdb_bind_varchar_length(serialize_.get(), 1, sql.data(), sql.size());
    duckdb_result result;
    std::optional<json> tree;
    if (duckdb_execute_prepared(serialize_.get(), &result) != DuckDBSuccess) {
        const char* text = duckdb_result_error(&result);
        fault = read_fault(text == nullptr ? "the SQL cannot be parsed" : text);
    } else if (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
        auto* cell = static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
        tree = json::parse(std::string_view(duckdb_string_t_data(cell), duckdb_string_t_length(*cell)), nullptr, false);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    if (!tree) return std::nullopt;
    if (tree->is_discarded() || !tree->is_object()) {
        fault.message = "the SQL cannot be parsed";
        return std::nullopt;
    }
    if (const auto error = tree->find("error"); error != tree->end() && error->is_boolean() && error->get<bool>()) {
        fault.kind = text_of(*tree, "error_type");
        fault.subtype = text_of(*tree, "error_subtype");
        fault.message = first_line(text_of(*tree, "error_message"));
        fault.offset = offset_of(*tree);
        return std::nullopt;
    }
    const auto statements = tree->find("statements");
    if (statements == tree->end()) {
        fault.message = "the SQL cannot be parsed";
        return std::nullopt;
    }
    return std::move(*statements);
}

std::optional<std::vector<BoundColumn>> DuckdbCheck::bind(const std::string& sql, SqlFault& fault) {
    duckdb_prepared_statement statement = nullptr;
    std::optional<std::vector<BoundColumn>> columns;
    if (duckdb_prepare(connection_.raw(), sql.c_str(), &statement) != DuckDBSuccess) {
        const char* text = duckdb_prepare_error(statement);
        fault = read_fault(text == nullptr ? "the SQL cannot be bound" : text);
    } else {
        columns.emplace();
        const auto count = duckdb_prepared_statement_column_count(statement);
        for (idx_t i = 0; i < count; ++i) {
            const char* name = duckdb_prepared_statement_column_name(statement, i);
            auto type = duckdb_prepared_statement_column_logical_type(statement, i);
            BoundColumn column;
            column.name = name == nullptr ? "" : name;
            column.type = sql::to_lake_type(type);
            column.boolean = duckdb_get_type_id(type) == DUCKDB_TYPE_BOOLEAN;
            column.numeric = column.type && column.type->is_numeric();
            if (!column.type)
                column.duckdb_type = duckdb_get_type_id(type) == DUCKDB_TYPE_INTERVAL ? "INTERVAL" : "that type";
            duckdb_destroy_logical_type(&type);
            duckdb_free(const_cast<char*>(name));
            columns->push_back(std::move(column));
        }
    }
    duckdb_destroy_prepare(&statement);
    return columns;
}

bool DuckdbCheck::run(const std::string& sql, SqlFault& fault) {
    duckdb_result result;
    const bool good = duckdb_query(connection_.raw(), sql.c_str(), &result) == DuckDBSuccess;
    if (!good) {
        const char* text = duckdb_result_error(&result);
        fault = read_fault(text == nullptr ? "the SQL cannot run" : text);
    }
    duckdb_destroy_result(&result);
    return good;
}

}  // namespace weir::declare
