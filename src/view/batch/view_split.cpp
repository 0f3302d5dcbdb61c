#include "view/batch/view_split.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/build_id.h"
#include "base/sha256.h"
#include "declare/sql_text.h"
#include "declare/table_schema.h"
#include "model/system_tables.h"
#include "view/own_functions.h"
#include "view/split/aggregates.h"
#include "view/split/linear.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

std::string create_table(const std::string& name, const Schema& schema) {
    std::string columns;
    for (const auto& field : schema.fields)
        columns +=
            fmt::format("{}{} {}", columns.empty() ? "" : ", ", sql::quote_name(field.name), to_duckdb(field.type));
    return fmt::format("CREATE TABLE {} ({})", name, columns);
}

// As the lake has it, or as its contract says where it is not there yet; nothing: there is no contract.
Result<std::optional<Schema>> schema_of_table(const lake::Lake& lake, const declare::Project& project,
                                              const declare::Source& source) {
    const auto* contract = project.contract(source.contract);
    if (contract == nullptr) return std::optional<Schema>();
    auto schema = declare::table_schema(source, *contract);
    WEIR_ASSIGN(const auto table, lake.table(source.table));
    WEIR_ASSIGN(const bool exists, table.exists());
    if (exists) {
        // A table that cannot be read is told where its rows are read.
        if (auto snapshot = table.snapshot()) schema = snapshot->schema();
    }
    return std::optional(std::move(schema));
}

// The tables of sources as they are called in the lake, in whichever case a text names them.
std::set<std::string> as_declared(const declare::Project& project, const std::set<std::string>& tables) {
    std::set<std::string> declared;
    for (const auto& source : project.sources)
        if (std::any_of(tables.begin(), tables.end(),
                        [&](const std::string& name) { return equal_ignoring_case(source.table, name); }))
            declared.insert(source.table);
    return declared;
}

TableRole role_of(const declare::Project& project, std::string_view table) {
    for (const auto& source : project.sources) {
        if (equal_ignoring_case(source.table, table))
            return source.reference ? TableRole::reference : TableRole::events;
    }
    const auto* view = project.view(table);
    return view != nullptr && view->keep == declare::View::Keep::latest ? TableRole::result : TableRole::other;
}

}  // namespace

std::optional<Weights> weights_of(const declare::Project& project, std::string_view table) {
    for (const auto& source : project.sources) {
        if (source.weight.empty() || !equal_ignoring_case(source.table, table)) continue;
        const auto* contract = project.contract(source.contract);
        if (contract == nullptr) return std::nullopt;
        return Weights{source.weight, declare::view_schema(source, *contract).names()};
    }
    return std::nullopt;
}

Result<Catalog> Catalog::open(const lake::Lake& lake, const declare::Project& project, For reader) {
    Catalog catalog(project, reader);
    auto& statements = catalog.tables_;
    statements = "CREATE SCHEMA weir;";
    for (const auto& table : system_tables())
        statements += create_table("weir." + sql::quote_name(table.name), table.schema) + ";";
    std::string roles;
    for (const auto& source : project.sources) {
        WEIR_ASSIGN(const auto found, schema_of_table(lake, project, source));
        if (!found) continue;
        const auto& schema = *found;
        if (source.reference) roles += fmt::format("reference {}\n", source.table);
        if (const auto weighted = weights_of(project, source.table)) {
            roles += fmt::format("weight {} {}\n", source.table, weighted->column);
            statements += create_table(changes_relation(source.table), schema) + ";";
            statements += fmt::format("CREATE VIEW {} AS {};", sql::quote_name(source.table),
                                      select_left(*weighted, changes_relation(source.table)));
            catalog.weights_.emplace(lowered(source.table), *weighted);
        } else {
            statements += create_table(sql::quote_name(source.table), schema) + ";";
        }
    }
    // Any day: only types are asked of it.
    statements +=
        "CREATE MACRO interval_start() AS DATE '2000-01-01'; CREATE MACRO interval_end() AS DATE '2000-01-02';";
    for (const auto& view : project.views)
        statements += fmt::format("CREATE VIEW {} AS {};", sql::quote_name(view.name), view.sql);
    const auto program = build_id();
    if (reader == For::running && !program.empty()) {
        catalog.kept_file_ = lake.root() / ".weir" / "splits";
        catalog.fingerprint_ = sha256_hex(
            fmt::format("{}\n{}\n{}\n{}{}", program, duckdb_library_version(), project.macros, roles, statements));
        catalog.splits_ = read_kept_splits(catalog.kept_file_, catalog.fingerprint_);
    }
    return catalog;
}

Status Catalog::know_tables() {
    if (connection_ != nullptr) return ok();
    WEIR_ASSIGN(auto database, sql::Database::open({.threads = 1}));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(add_own_functions(connection));
    for (const auto& range : declare::sql_statements(tables_)) {
        const auto statement = tables_.substr(range.begin, range.end - range.begin);
        if (connection.run(statement)) continue;
        // A view calls macros, which read tables and views before it.
        WEIR_TRY(make_macros(connection, project_->macros));
        WEIR_TRY(connection.run(statement));
    }
    WEIR_TRY(make_macros(connection, project_->macros));
    WEIR_ASSIGN(macros_, Macros::of(connection, project_->macros));
    database_ = std::make_unique<sql::Database>(std::move(database));
    connection_ = std::make_unique<sql::Connection>(std::move(connection));
    return ok();
}

void Catalog::keep() {
    const std::lock_guard lock(*mutex_);
    std::error_code ignored;
    if (kept_file_.empty() || all_kept_ || !std::filesystem::is_directory(kept_file_.parent_path(), ignored)) return;
    all_kept_ = keep_splits(kept_file_, fingerprint_, splits_).ok();
}

Result<Catalog*> CatalogKeeper::current(const lake::Lake& lake, const declare::Project& project) {
    std::string columns;
    for (const auto& source : project.sources) {
        WEIR_ASSIGN(const auto schema, schema_of_table(lake, project, source));
        if (schema) columns += create_table(sql::quote_name(source.table), *schema) + "\n";
    }
    if (!catalog_ || columns != columns_) {
        WEIR_ASSIGN(catalog_, Catalog::open(lake, project));
        columns_ = std::move(columns);
    }
    return &*catalog_;
}

Result<bool> Catalog::row_by_row(const declare::View& view) {
    if (const auto known = row_by_row_.find(view.name); known != row_by_row_.end()) return known->second;
    WEIR_ASSIGN(const auto text, macros_.write_out(*connection_, view.sql));
    Trees trees(*connection_);
    WEIR_ASSIGN(const auto query, trees.query(text.sql));
    const auto role = [&](std::string_view table) {
        if (const auto* other = project_->view(table)) {
            const auto inner = row_by_row(*other);
            return inner && *inner ? TableRole::events : TableRole::other;
        }
        return role_of(*project_, table);
    };
    const bool answer = text.why_not.empty() && linear_query(query, {}, role).linear();
    row_by_row_.emplace(view.name, answer);
    return answer;
}

Result<const Split*> Catalog::split(const declare::View& view) {
    const std::lock_guard lock(*mutex_);
    if (const auto known = splits_.find(view.name); known != splits_.end()) return &known->second;
    WEIR_TRY(know_tables());
    WEIR_ASSIGN(const auto text, macros_.write_out(*connection_, view.sql));
    SplitInput input{
        .sql = text.sql, .inlined = {}, .role = [this](std::string_view table) { return role_of(*project_, table); }};
    input.weights = [this](std::string_view table) -> const Weights* {
        const auto found = weights_.find(lowered(table));
        return found == weights_.end() ? nullptr : &found->second;
    };
    input.meaning = project_->macros;
    input.explain = reader_ == For::people;
    // Views are in the order of their dependencies; what this one does not reach is left out by the split.
    std::set<std::string> reached(view.reads.begin(), view.reads.end());
    for (auto other = project_->views.rbegin(); other != project_->views.rend(); ++other) {
        if (std::none_of(reached.begin(), reached.end(),
                         [&](const std::string& name) { return equal_ignoring_case(name, other->name); }))
            continue;
        WEIR_ASSIGN(const bool part, row_by_row(*other));
        if (!part) continue;
        reached.insert(other->reads.begin(), other->reads.end());
        WEIR_ASSIGN(auto inlined, macros_.write_out(*connection_, other->sql));
        input.inlined.emplace_back(other->name, std::move(inlined.sql));
    }
    std::reverse(input.inlined.begin(), input.inlined.end());
    // Then nothing of it is split.
    if (!text.why_not.empty()) input.role = [](std::string_view) { return TableRole::other; };
    auto made = view::split(*connection_, input);
    if (made && !text.why_not.empty()) {
        made->row_by_row = {text.why_not};
        made->touched.why_not = text.why_not;
    }
    if (!made) return std::move(made).error().within(fmt::format("splitting view '{}'", view.name));
    for (const auto& read : made->reads) {
        const auto* other = project_->view(read);
        if (other != nullptr && other->keep != declare::View::Keep::latest && made->touched.why_not.empty())
            made->touched.why_not = fmt::format("it reads '{}', of which no newest result is stored", other->name);
    }
    for (auto& state : made->states) {
        state.events = as_declared(*project_, state.events);
        state.references = as_declared(*project_, state.references);
    }
    all_kept_ = false;
    return &splits_.emplace(view.name, std::move(*made)).first->second;
}

Result<std::vector<ColumnLineage>> Catalog::lineage(const declare::View& view) {
    const std::lock_guard lock(*mutex_);
    WEIR_TRY(know_tables());
    WEIR_ASSIGN(const auto text, macros_.write_out(*connection_, view.sql));
    auto columns = lineage_of(*connection_, text.sql);
    if (!columns) return std::move(columns).error().within(fmt::format("the lineage of view '{}'", view.name));
    return columns;
}

Result<std::set<std::string>> Catalog::states_by_day() {
    std::set<std::string> names;
    for (const auto& view : project_->views) {
        if (view.keep != declare::View::Keep::every_interval) continue;
        WEIR_ASSIGN(const auto* parts, split(view));
        for (const auto& state : parts->states) names.insert(state.name);
    }
    return names;
}

StateColumns Catalog::columns_of_states() {
    StateColumns columns;
    std::set<std::string> whole;
    for (const auto& view : project_->views) {
        const auto parts = split(view);
        if (!parts) return {};  // told where the view is computed
        for (const auto& state : (*parts)->states) {
            for (const auto& table : state.events) {
                columns[table].insert(state.columns.begin(), state.columns.end());
                if (state.reads_whole_rows) whole.insert(table);
            }
        }
    }
    for (const auto& table : whole) columns.erase(table);
    for (auto& [table, names] : columns) names.insert(std::string(declare::arrival_column));
    return columns;
}

}  // namespace weir::view
