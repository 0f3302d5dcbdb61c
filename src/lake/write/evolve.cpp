#include "lake/write/evolve.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "lake/write/transaction.h"

namespace weir::lake {
namespace {

Error refused(std::string message, std::string hint) {
    return {.code = ErrorCode::refused, .message = std::move(message), .hint = std::move(hint)};
}

Result<Type> evolve_type(const Type& current, const Type& wanted, const std::string& column);

Result<std::vector<Field>> evolve_fields(const std::vector<Field>& current, const std::vector<Field>& wanted,
                                         const std::string& parent) {
    const Schema new_fields{wanted};
    const Schema old_fields{current};
    const auto path = [&](const Field& field) { return parent.empty() ? field.name : parent + "." + field.name; };
    std::vector<Field> result;
    for (const auto& field : current) {
        const auto* target = new_fields.find(field.name);
        if (target == nullptr) {
            return refused(fmt::format("the table's column '{}' is not in the new schema", path(field)),
                           "a column cannot be dropped or renamed: keep it in the schema and leave it empty");
        }
        if (field.nullable && !target->nullable) {
            return refused(
                fmt::format("column '{}' allows NULL in the table and may not be made NOT NULL", path(field)),
                "earlier rows may hold NULL: check new rows by a rule of the contract instead");
        }
        Field evolved = field;
        evolved.nullable = field.nullable || target->nullable;
        WEIR_ASSIGN(evolved.type, evolve_type(field.type, target->type, path(field)));
        result.push_back(std::move(evolved));
    }
    for (const auto& field : wanted) {
        if (old_fields.find(field.name) != nullptr) continue;
        if (!field.nullable) {
            return refused(
                fmt::format("the new column '{}' is NOT NULL, but earlier rows have no value for it", path(field)),
                "let it allow NULL");
        }
        result.push_back(field);
    }
    return result;
}

Result<Type> evolve_type(const Type& current, const Type& wanted, const std::string& column) {
    if (current.kind != wanted.kind || current.precision != wanted.precision || current.scale != wanted.scale) {
        return refused(fmt::format("column '{}' is {} in the table and cannot become {}", column, to_string(current),
                                   to_string(wanted)),
                       "add a new column with that type, or build a new table");
    }
    Type evolved = current;
    WEIR_ASSIGN(evolved.fields, evolve_fields(current.fields, wanted.fields, column));
    return evolved;
}

}  // namespace

Result<Schema> plan_evolution(const Schema& current, const Schema& wanted) {
    Schema schema;
    WEIR_ASSIGN(schema.fields, evolve_fields(current.fields, wanted.fields, ""));
    return schema;
}

Result<Snapshot> evolve(const Table& table, const Schema& wanted) {
    for (int attempt = 0; attempt < limits::commit_attempts_max; ++attempt) {
        WEIR_ASSIGN(auto snapshot, table.snapshot());
        auto schema = plan_evolution(snapshot.schema(), wanted);
        if (!schema) return std::move(schema.error()).within(fmt::format("changing the schema of {}", table.name()));
        if (*schema == snapshot.schema()) return snapshot;
        WEIR_ASSIGN(auto transaction, Transaction::begin(table, std::move(snapshot)));
        WEIR_TRY(transaction.set_schema(std::move(*schema)));
        transaction.set_operation("ADD COLUMNS");
        WEIR_ASSIGN(const auto outcome, commit(std::move(transaction)));
        if (std::holds_alternative<Committed>(outcome)) return table.snapshot();
        if (const auto* undecided = std::get_if<Undecided>(&outcome)) return undecided->error;
    }
    return Error{.code = ErrorCode::table_conflict,
                 .message = fmt::format("{}: other writers were faster {} times in a row", table.name(),
                                        limits::commit_attempts_max),
                 .hint = "run again when fewer writers are at work"};
}

}  // namespace weir::lake
