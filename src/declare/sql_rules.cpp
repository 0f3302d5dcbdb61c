#include "declare/sql_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "declare/contract_values.h"
#include "declare/determinism.h"
#include "declare/own_functions.h"
#include "declare/table_schema.h"
#include "model/system_tables.h"

namespace weir::declare {
namespace {

using sql::quote_name;

// Holds the tables behind the relations that a text reads.
constexpr std::string_view hidden_schema = "weir_rows";
constexpr const char* way_out_of_rowid =
    "rows have no numbers of their own: take _source_file with _source_line, or the column that the source's "
    "`sequence` names";

}  // namespace

void SqlRules::check_zone() {
    if (project.zone == "UTC") return;
    SqlFault fault;
    if (!duckdb.run("SET TimeZone = " + sql::quote_text(project.zone), fault)) {
        problems.error(context.places["zone"], fmt::format("'{}' is no time zone", project.zone),
                       "for example UTC or Europe/Berlin");
        project.zone = "UTC";
    }
    (void)duckdb.run("SET TimeZone = 'UTC'", fault);
}

void SqlRules::create_tables() {
    std::string script = fmt::format("CREATE SCHEMA {}; CREATE SCHEMA {};", system_schema, hidden_schema);
    for (const auto& table : system_tables()) {
        script += create(fmt::format("{}.{}", system_schema, quote_name(table.name)), table.schema);
    }
    for (const auto& source : project.sources) {
        known_names.push_back(source.table);
        const auto* contract = project.contract(source.contract);
        if (contract == nullptr || contract->columns.empty()) continue;
        const auto schema = view_schema(source, *contract);
        if (!creatable(schema) || !source_tables.insert(lower(source.table)).second) continue;
        script += create(quote_name(source.table), schema);
    }
    for (const auto& contract : project.contracts) {
        Schema schema;
        for (const auto& column : contract.columns) schema.fields.push_back({.name = column.name, .type = column.type});
        if (schema.fields.empty()) continue;
        schema.fields.push_back({.name = std::string(line_column), .type = Type::of(Type::Kind::int64)});
        schema.fields.push_back({.name = std::string(type_errors_column), .type = Type::of(Type::Kind::string)});
        if (!creatable(schema)) continue;
        contract_tables.insert(contract.name);
        script += create(contract_table(contract.name), schema);
    }
    SqlFault fault;
    if (!duckdb.run(script, fault))
        problems.error({context.shown("contracts")}, "the tables of the contracts cannot be made: " + fault.message);
}

std::string SqlRules::contract_table(const std::string& contract) {
    return fmt::format("{}.{}", system_schema, quote_name("contract " + contract));
}

std::string SqlRules::create(const std::string& name, const Schema& schema) {
    const auto table = fmt::format("{}.{}", hidden_schema, quote_name(name));
    std::string sql = fmt::format("CREATE TABLE {}(", table);
    for (std::size_t i = 0; i < schema.fields.size(); ++i)
        sql +=
            fmt::format("{}{} {}", i ? ", " : "", quote_name(schema.fields[i].name), to_duckdb(schema.fields[i].type));
    return sql + fmt::format("); CREATE VIEW {} AS FROM {};", name, table);
}

bool SqlRules::creatable(const Schema& schema) {
    std::set<std::string> names;
    for (const auto& field : schema.fields) {
        if (field.name.empty() || !names.insert(lower(field.name)).second) return false;
    }
    return !schema.fields.empty();
}

void SqlRules::report(const SqlFault& fault, const std::string& what, const At& at) {
    auto message = fault.message;
    std::string hint;
    if (fault.subtype == "COLUMN_NOT_FOUND" || fault.message.starts_with("Referenced column")) {
        message = fmt::format("there is no column '{}'", fault.name);
        hint = lower(fault.name) == "rowid" ? way_out_of_rowid : suggest(fault.name, fault.candidates);
        if (hint.empty() && !fault.candidates.empty())
            hint = fmt::format("near: {}", fmt::join(fault.candidates, ", "));
    } else if (fault.subtype == "MISSING_ENTRY") {
        const auto kind = lower(fault.type);
        const auto noun = kind.find("function") != std::string::npos ? "function" : kind == "type" ? "type" : "table";
        message = fmt::format("there is no {} '{}'", noun, fault.name);
        const auto instead = instead_of_own_function(lower(fault.name));
        if (!instead.empty()) {
            message = fmt::format("'{}' is a function of weir's own, for states of views", fault.name);
            hint = instead;
        } else if (!fault.candidates.empty() && noun != std::string_view("table"))
            hint = nearest(fault.name, fault.candidates).empty() ? "" : suggest(fault.name, fault.candidates);
    } else if (fault.subtype == "NO_MATCHING_FUNCTION") {
        hint = fault.candidates.empty() ? "" : fmt::format("it takes: {}", fault.candidates.front());
    }
    if (fault.message.find("does not have a column named") != std::string::npos) {
        for (const std::string_view noun : {"Table \"", "Values list \""})
            if (fault.message.starts_with(noun)) message = "table \"" + fault.message.substr(noun.size());
        if (lower(message).ends_with("\"rowid\"")) hint = way_out_of_rowid;
    }
    problems.error(at(fault.offset.value_or(std::string::npos)), fmt::format("{}: {}", what, message), std::move(hint),
                   ErrorCode::sql_invalid);
}

// Whether one of the tables has a column of this name: it goes before a function.
bool SqlRules::is_column_of(const std::string& name, const std::vector<SqlUse>& tables) {
    return std::any_of(tables.begin(), tables.end(), [&](const SqlUse& table) {
        const auto quoted = (table.schema.empty() ? "" : table.schema + ".") + quote_name(table.name);
        SqlFault fault;
        return duckdb.bind(fmt::format("SELECT weir_read.{} FROM {} weir_read", quote_name(name), quoted), fault);
    });
}

void SqlRules::check_deterministic(const SqlUses& uses, const std::string& what, const At& at, Time time) {
    for (const auto& use : uses.functions) refuse_if_undecided(use, what, at, time);
    for (const auto& use : uses.samples)
        refuse_undecided(use, what, at, "leave the sample out, or choose rows by a column: WHERE hash(id) % 10 = 0");
    for (const auto& use : uses.collations)
        problems.error(
            at(use.offset),
            fmt::format("{}: nobody says which of the values that are equal by COLLATE {} is meant", what, use.name),
            "compare and order with COLLATE, and group by a value of its own: lower(name), "
            "strip_accents(name)",
            ErrorCode::sql_invalid);
    for (const auto& use : uses.positional_joins)
        problems.error(at(use.offset),
                       fmt::format("{}: a POSITIONAL JOIN depends on the order in which rows come", what),
                       "join on a key, or on row_number() OVER (ORDER BY …) of both sides", ErrorCode::sql_invalid);
}

void SqlRules::check_columns_deterministic(const SqlUses& uses, const std::string& what, const At& at, Time time) {
    for (const auto& use : uses.columns)
        if (is_written_as_column(use.name) && !is_column_of(use.name, uses.tables))
            refuse_if_undecided(use, what, at, time);
}

void SqlRules::refuse_if_undecided(const SqlUse& use, const std::string& what, const At& at, Time time) {
    if (time == Time::known && !time_in_view(use.name).empty()) return;
    if (const auto way_out = way_out_of_nondeterminism(use.name); !way_out.empty())
        refuse_undecided(use, what, at, way_out);
}

void SqlRules::refuse_undecided(const SqlUse& use, const std::string& what, const At& at, std::string_view way_out) {
    problems.error(at(use.offset), fmt::format("{}: '{}' gives another answer each time", what, use.name),
                   std::string(way_out), ErrorCode::sql_invalid);
}

void SqlRules::check_asof(const SqlUses& uses, const std::string& what, const At& at) {
    for (const auto& each : uses.asof_joins) {
        const auto found = asof_keys(each.join, [&](const nlohmann::json& expression, const nlohmann::json& relation) {
            return binds_over(expression, relation, each.names);
        });
        if (!found.why_not.empty())
            problems.error(at(each.offset),
                           fmt::format("{}: nobody says which of the equally near rows this ASOF JOIN takes: {}", what,
                                       found.why_not),
                           found.way_out, ErrorCode::sql_invalid);
    }
}

bool SqlRules::binds_over(const nlohmann::json& expression, const nlohmann::json& relation,
                          const nlohmann::json& names) {
    SqlFault fault;
    auto question = duckdb.parse("SELECT 1", fault);
    if (!question) return false;
    auto& node = question->front()["node"];
    node["select_list"] = nlohmann::json::array({expression});
    node["from_table"] = relation;
    node["cte_map"]["map"] = names;
    const nlohmann::json all{{"error", false}, {"statements", std::move(*question)}};
    const auto text =
        duckdb.connection().query(fmt::format("SELECT json_deserialize_sql({})", sql::quote_text(all.dump())));
    return text && duckdb.bind(std::string(text->text(0, 0)), fault);
}

std::optional<FilledSql> SqlRules::filled(const SqlSnippet& snippet) {
    Problems unplaced;
    auto filled = fill_sql(SqlOrigin{snippet.file, 1, snippet.sql}, project, unplaced);
    for (auto error : unplaced.errors()) {
        error.where = place_inside(snippet.node, snippet.file, error.where.line, error.where.column);
        problems.add(std::move(error));
    }
    if (!unplaced.none()) return std::nullopt;
    return filled;
}

bool SqlRules::check_sources(const SqlUses& uses, const std::string& what, const At& at) {
    bool good = true;
    for (const auto& use : uses.table_functions) {
        if (is_pure_table_function(use.name) || macros.contains(use.name)) continue;
        const bool reader = use.name.starts_with("read_") || use.name.ends_with("_scan") || use.name == "glob";
        problems.error(at(use.offset), fmt::format("{}: '{}' is not allowed behind FROM", what, use.name),
                       reader ? "declare a source in sources/ and read its table: then every row is checked and counted"
                              : "read a table, a view, or a macro of macros.sql",
                       ErrorCode::sql_invalid);
        good = false;
    }
    for (const auto& use : uses.shows) {
        problems.error(at(use.offset), fmt::format("{}: {} is not allowed behind FROM", what, use.name),
                       "read a table or a view", ErrorCode::sql_invalid);
        good = false;
    }
    return good;
}

}  // namespace weir::declare
