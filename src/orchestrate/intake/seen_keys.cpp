#include "orchestrate/intake/seen_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "contract/duplicates.h"

namespace weir::orchestrate {
namespace {

using contract::Hash128;
using contract::KeyEntry;

// Enough keys at once for the index to walk its files in order, few enough to keep in memory.
constexpr std::size_t batch_keys = 1 << 20;

Hash128 to_hash(const duckdb_uhugeint& value) { return {value.upper, value.lower}; }

// The keys and days of a query (k UHUGEINT NOT NULL, day INTEGER), in its order, in batches.
Status stream_keys(sql::Connection& connection, const std::string& query,
                   const std::function<Status(std::vector<KeyEntry>&)>& take) {
    std::vector<KeyEntry> batch;
    WEIR_TRY(connection.stream(query, [&](duckdb_data_chunk chunk) -> Status {
        const auto rows = duckdb_data_chunk_get_size(chunk);
        const auto* keys =
            static_cast<const duckdb_uhugeint*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
        const auto* days =
            static_cast<const std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1)));
        for (idx_t row = 0; row < rows; ++row) batch.push_back({to_hash(keys[row]), days[row]});
        if (batch.size() < batch_keys) return ok();
        auto status = take(batch);
        batch.clear();
        return status;
    }));
    return batch.empty() ? ok() : take(batch);
}

std::string keys_of(const std::string& relation, const std::string& hash) {
    return fmt::format(
        "SELECT k, day FROM (SELECT {} AS k, CAST({} - DATE '1970-01-01' AS INTEGER) AS day FROM {}) WHERE k IS NOT "
        "NULL",
        hash, sql::quote_name(declare::arrival_column), relation);
}

// The files that commits after `covered` added, if the log still tells and they are all still live; nothing otherwise.
Result<std::optional<std::vector<std::string>>> files_after(const lake::Table& table, const lake::Snapshot& snapshot,
                                                            std::int64_t covered) {
    std::unordered_set<std::string> live;
    for (const auto& file : snapshot.files()) live.insert(file.path);
    std::vector<std::string> files;
    for (auto version = covered + 1; version <= snapshot.version().get(); ++version) {
        auto actions = lake::read_commit(table.store(), lake::TableVersion(version));
        if (!actions) {
            if (actions.error().code == ErrorCode::not_found) return std::optional<std::vector<std::string>>();
            return std::move(actions).error();
        }
        for (const auto& action : *actions) {
            const auto* add = std::get_if<lake::AddFile>(&action);
            if (add == nullptr || !add->data_change) continue;
            if (!live.contains(add->path)) return std::optional<std::vector<std::string>>();
            files.push_back(add->path);
        }
    }
    return std::optional(std::move(files));
}

std::string identity_of(const lake::Snapshot& snapshot, const declare::Contract& contract) {
    std::string text = snapshot.metadata().id + " md5/1";
    for (const auto& name : contract::duplicate_columns(contract)) {
        const auto* field = snapshot.schema().find(name);
        text += fmt::format(" {}:{}", name, field == nullptr ? "?" : weir::to_string(field->type));
    }
    if (contract.deduplicate.by == declare::Deduplicate::By::expression) text += " sql:" + contract.deduplicate.sql;
    return text;
}

}  // namespace

Result<SeenKeys> SeenKeys::open(const Workplace& at, const lake::Table& table, const lake::Snapshot& snapshot,
                                const declare::Contract& contract, Day today) {
    const auto directory = at.project.lake / ".weir" / "keys" / snapshot.metadata().id;
    WEIR_ASSIGN(auto index, contract::DuplicateIndex::open(directory, {.identity = identity_of(snapshot, contract)}));
    const auto oldest =
        contract.deduplicate.horizon_days
            ? static_cast<std::int32_t>(today.time_since_epoch().count()) - *contract.deduplicate.horizon_days
            : contract::no_horizon;
    SeenKeys seen(std::move(index), oldest);
    const auto version = snapshot.version().get();
    const auto covered = seen.index_.covers();
    if (covered == version) return seen;

    const auto hash = *contract::key_hash(contract);
    WEIR_ASSIGN(auto connection, at.database.connect());
    if (covered && *covered < version) {
        WEIR_ASSIGN(const auto files, files_after(table, snapshot, *covered));
        if (files) {
            WEIR_ASSIGN(const auto scan,
                        lake::prepare_scan(table.store(), connection, snapshot, "weir_keys", {.only_files = *files}));
            for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
            std::vector<KeyEntry> keys;
            if (!files->empty()) {
                WEIR_TRY(stream_keys(connection, keys_of(scan.relation, hash) + " ORDER BY k",
                                     [&](std::vector<KeyEntry>& batch) {
                                         keys.insert(keys.end(), batch.begin(), batch.end());
                                         return ok();
                                     }));
            }
            WEIR_TRY(seen.index_.add(keys, version, oldest));
            return seen;
        }
    }
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, snapshot, "weir_keys"));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    WEIR_TRY(seen.index_.rebuild(
        version,
        [&](const contract::DuplicateIndex::Take& take) {
            return stream_keys(connection, keys_of(scan.relation, hash),
                               [&](std::vector<KeyEntry>& batch) { return take(batch); });
        },
        oldest));
    return seen;
}

}  // namespace weir::orchestrate
