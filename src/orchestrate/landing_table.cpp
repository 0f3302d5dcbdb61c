#include "orchestrate/landing_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/sha256.h"
#include "declare/secret.h"
#include "lake/write/evolve.h"
#include "sql/database.h"

namespace weir::orchestrate {
namespace {

using declare::Contract;
using sql::quote_name;

// The parts of the arrival day that a table can be partitioned by.
std::string_view arrival_part(std::string_view column) {
    if (column == "year") return "%Y";
    if (column == "month") return "%m";
    if (column == "day") return "%d";
    return {};
}

const declare::ContractColumn* find_column(const Contract& contract, std::string_view name) {
    const auto found = std::find_if(contract.columns.begin(), contract.columns.end(),
                                    [&](const auto& column) { return equal_ignoring_case(column.name, name); });
    return found == contract.columns.end() ? nullptr : &*found;
}

// HMAC (RFC 2104) pads its key to the block size of the hash: 64 bytes for SHA-256.
constexpr std::size_t hmac_block_bytes = 64;

std::string key_variable(std::string_view column, std::string_view pad) {
    return sql::quote_name(fmt::format("weir_key_{}_{}", pad, column));
}

std::string hex_blob(std::string_view bytes) {
    std::string text = "unhex('";
    for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
    return text + "')";
}

std::string padded_key(std::string key, char pad) {
    key.resize(hmac_block_bytes, '\0');
    for (auto& byte : key) byte = static_cast<char>(byte ^ pad);
    return key;
}

// What of a value lands: itself, or what its masking leaves of it.
std::string masked(const declare::ContractColumn& column, const std::string& value) {
    const auto name = quote_name(column.name);
    if (column.masking == "null" || column.masking == "drop")
        return fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(column.type), name);
    if (column.masking == "hash") return fmt::format("sha256({}) AS {}", value, name);
    if (column.masking == "hmac-sha256")
        return fmt::format(
            "CASE WHEN {0} IS NOT NULL THEN sha256(getvariable('weir_key_outer_{1}') || "
            "unhex(sha256(getvariable('weir_key_inner_{1}') "
            "|| encode({0})))) END AS {2}",
            value, column.name, name);
    return value;
}

}  // namespace

Result<SchemaChange> schema_change(const Schema& have, const Schema& want, const std::string& table) {
    SchemaChange change;
    for (const auto& field : want.fields) {
        const auto* existing = have.find(field.name);
        if (existing == nullptr) {
            change.added.push_back({.name = field.name, .type = field.type});
        } else if (!(existing->type == field.type)) {
            return Error{
                .code = ErrorCode::refused,
                .message = fmt::format("table '{}' holds column '{}' as {}, the contract now says {}", table,
                                       existing->name, weir::to_string(existing->type), weir::to_string(field.type)),
                .hint = "name the new column differently, or land the data anew: rename the source's file in sources/"};
        }
    }
    return change;
}

Status add_columns(const lake::Table& table, const Schema& schema, const std::string& name) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto change, schema_change(snapshot.schema(), schema, name));
    if (change.added.empty()) return ok();
    auto wanted = snapshot.schema();
    wanted.fields.insert(wanted.fields.end(), change.added.begin(), change.added.end());
    WEIR_ASSIGN(const auto evolved, lake::evolve(table, wanted));
    static_cast<void>(evolved);
    return ok();
}

Status prepare_masking(sql::Connection& connection, const Contract& contract, const std::filesystem::path& root) {
    for (const auto& column : contract.columns) {
        if (column.masking != "hmac-sha256") continue;
        WEIR_ASSIGN(auto key, declare::read_secret(column.masking_key, root));
        if (key.size() > hmac_block_bytes) {
            // RFC 2104: a longer key is replaced by its hash.
            const auto hash = sha256_hex(key);
            key.clear();
            for (std::size_t i = 0; i < hash.size(); i += 2)
                key += static_cast<char>(std::stoi(hash.substr(i, 2), nullptr, 16));
        }
        for (const auto& [pad, byte] : {std::pair("inner", '\x36'), std::pair("outer", '\x5c')}) {
            const auto set = connection.run(
                fmt::format("SET VARIABLE {} = {}", key_variable(column.name, pad), hex_blob(padded_key(key, byte))));
            if (!set)
                return Error{.code = ErrorCode::internal,
                             .message = fmt::format("the masking key of column '{}' could not be set", column.name)};
        }
    }
    return ok();
}

std::string landing_select(const Schema& table, const Contract& contract, const std::string& records,
                           const std::string& files, Time ingested_at, const std::vector<OwnColumn>& own) {
    std::vector<std::string> columns;
    for (const auto& field : table.fields) {
        const auto name = quote_name(field.name);
        const auto ours =
            std::find_if(own.begin(), own.end(), [&](const OwnColumn& one) { return one.name == field.name; });
        const auto part = arrival_part(field.name);
        const auto* column = find_column(contract, field.name);
        if (ours != own.end())
            columns.push_back(fmt::format("{} AS {}", ours->sql, name));
        else if (column != nullptr)
            columns.push_back(masked(*column, fmt::format("{}.{}", records, name)));
        else if (field.name == declare::line_column)
            columns.push_back(fmt::format("{}.{}", records, name));
        else if (field.name == declare::extra_column && contract.unknown_columns == declare::UnknownColumns::keep)
            columns.push_back(fmt::format("{}.{}", records, name));
        else if (field.name == declare::arrival_column)
            columns.push_back(fmt::format("{}.arrival AS {}", files, name));
        else if (field.name == declare::file_column)
            columns.push_back(fmt::format("{}.path AS {}", files, name));
        else if (field.name == declare::ingested_column)
            columns.push_back(fmt::format("TIMESTAMPTZ '{}' AS {}", to_iso(ingested_at), name));
        else if (!part.empty())
            columns.push_back(fmt::format("strftime({}.arrival, '{}') AS {}", files, part, name));
        else
            columns.push_back(fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(field.type), name));
    }
    return fmt::format("{}", fmt::join(columns, ", "));
}

}  // namespace weir::orchestrate
