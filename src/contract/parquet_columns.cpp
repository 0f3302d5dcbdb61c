#include "contract/parquet_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace weir::contract {
namespace {

using declare::ContractColumn;
using sql::quote_name;

enum class Family { number, moment, text, nested, boolean, bytes, other };

Family family_of(std::string_view type) {
    if (type.ends_with("[]") || type.starts_with("STRUCT") || type.starts_with("MAP")) return Family::nested;
    for (const auto* name : {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                             "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE"}) {
        if (type == name) return Family::number;
    }
    if (type.starts_with("DECIMAL")) return Family::number;
    if (type.starts_with("TIMESTAMP") || type == "DATE") return Family::moment;
    if (type == "VARCHAR" || type == "UUID" || type == "JSON" || type.starts_with("ENUM")) return Family::text;
    if (type == "BOOLEAN") return Family::boolean;
    if (type == "BLOB") return Family::bytes;
    return Family::other;
}

}  // namespace

Result<ParquetColumns> parquet_columns(const std::vector<sql::Column>& file, const declare::Contract& contract) {
    ParquetColumns result;
    std::vector<std::string> names;
    for (const auto& column : file) names.push_back(column.name);
    for (const auto& column : contract.columns) {
        if (!column.derived.empty()) continue;
        const auto found = std::find_if(file.begin(), file.end(),
                                        [&](const sql::Column& c) { return equal_ignoring_case(c.name, column.name); });
        const auto target = to_duckdb(column.type);
        if (found == file.end()) {
            if (column.required)
                return Error{.code = ErrorCode::input_malformed,
                             .message = fmt::format("has no column '{}', which the contract requires", column.name),
                             .hint = suggest(column.name, names)};
            result.select.push_back(fmt::format("CAST(NULL AS {}) AS {}", target, quote_name(column.name)));
            continue;
        }
        const auto from = "f." + quote_name(found->name);
        const auto source_family = family_of(found->type), target_family = family_of(target);
        if (found->type == target || found->type == "\"NULL\"") {
            result.select.push_back(fmt::format("{} AS {}", from, quote_name(column.name)));
        } else if (source_family == Family::nested && target_family == Family::text &&
                   (column.logical_type == "object" || column.logical_type == "array")) {
            result.select.push_back(fmt::format("CAST(to_json({}) AS VARCHAR) AS {}", from, quote_name(column.name)));
        } else if (source_family == target_family && source_family != Family::other &&
                   source_family != Family::nested) {
            const auto converted = fmt::format("TRY_CAST({} AS {})", from, target);
            result.select.push_back(fmt::format("{} AS {}", converted, quote_name(column.name)));
            if (column.on_type_error == declare::OnTypeError::quarantine)
                result.type_rules.push_back(
                    {.name = "type",
                     .column = column.name,
                     .predicate = fmt::format("{0} IS NULL OR coalesce(TRY_CAST({1} AS {2}) = {0}, false)", from,
                                              converted, found->type),
                     .reason = fmt::format("{} does not fit {} without loss", column.name, to_string(column.type))});
        } else {
            return Error{.code = ErrorCode::input_malformed,
                         .message = fmt::format("holds column '{}' as {}, the contract says {}", found->name,
                                                found->type, to_string(column.type)),
                         .hint = "correct the contract's logicalType, or convert the file"};
        }
    }
    for (const auto& column : file) {
        const bool known = std::any_of(contract.columns.begin(), contract.columns.end(), [&](const ContractColumn& c) {
            return equal_ignoring_case(c.name, column.name);
        });
        if (known) continue;
        if (contract.unknown_columns == declare::UnknownColumns::refuse)
            return Error{.code = ErrorCode::input_malformed,
                         .message = fmt::format("has a column '{}' that the contract does not name", column.name),
                         .hint = "name it in the contract, or set unknownColumns to drop or keep"};
        result.unknown.push_back(column.name);
    }
    return result;
}

}  // namespace weir::contract
