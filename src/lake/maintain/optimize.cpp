#include "lake/maintain/optimize.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lake/write/transaction.h"

namespace weir::lake {
namespace {

Result<OptimizeResult> try_once(const Table& table, const OptimizeOptions& options, std::string& conflict) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    const auto& files = snapshot.files();
    const auto groups = plan_compaction(files, options.target_bytes);
    OptimizeResult result;
    if (groups.empty()) return result;
    WEIR_ASSIGN(auto transaction, Transaction::begin(table, snapshot));
    WEIR_ASSIGN(auto connection, table.database().connect());
    for (const auto& group : groups) {
        ScanOptions scan{.only_files = std::vector<std::string>()};
        for (const auto index : group) {
            scan.only_files->push_back(files[index].path);
            WEIR_TRY(transaction.remove_file(files[index], false));
            ++result.files_removed;
            result.bytes_removed += files[index].size_bytes;
        }
        WEIR_ASSIGN(const auto plan, prepare_scan(table.store(), connection, snapshot, "optimize", scan));
        WEIR_ASSIGN(const auto written,
                    transaction.append(connection, "SELECT * FROM " + plan.relation, {.data_change = false}));
        result.files_added += written.files;
        result.bytes_added += written.bytes;
        result.rows += written.rows;
    }
    transaction.set_isolation(Isolation::snapshot);
    transaction.set_operation("OPTIMIZE", nlohmann::json{{"targetSize", std::to_string(options.target_bytes)}}.dump());
    WEIR_ASSIGN(auto outcome, commit(std::move(transaction)));
    if (const auto* committed = std::get_if<Committed>(&outcome)) {
        result.version = committed->version;
        return result;
    }
    if (auto* undecided = std::get_if<Undecided>(&outcome)) return std::move(undecided->error);
    conflict = std::get<Conflicted>(outcome).conflict.message;
    return OptimizeResult();
}

}  // namespace

std::vector<std::vector<std::size_t>> plan_compaction(const std::vector<AddFile>& files, std::int64_t target_bytes) {
    struct Bin {
        std::vector<std::size_t> files;
        std::int64_t bytes = 0;
        bool with_vector = false;
    };
    std::map<PartitionValues, Bin> open;
    std::vector<std::vector<std::size_t>> groups;
    const auto close = [&](Bin& bin) {
        // One file alone is worth rewriting only to get rid of its deleted rows.
        if (bin.files.size() > 1 || bin.with_vector) groups.push_back(std::move(bin.files));
        bin = Bin();
    };
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto& file = files[i];
        const bool with_vector = file.deletion_vector.has_value();
        // A file of three quarters of the target would gain little.
        if (!with_vector && file.size_bytes > target_bytes / 4 * 3) continue;
        auto& bin = open[file.partition_values];
        if (!bin.files.empty() && bin.bytes + file.size_bytes > target_bytes) close(bin);
        bin.files.push_back(i);
        bin.bytes += file.size_bytes;
        bin.with_vector = bin.with_vector || with_vector;
    }
    for (auto& [values, bin] : open) close(bin);
    return groups;
}

Result<OptimizeResult> optimize(const Table& table, const OptimizeOptions& options) {
    std::string conflict;
    for (int attempt = 1; attempt <= options.attempts_max; ++attempt) {
        conflict.clear();
        WEIR_ASSIGN(auto result, try_once(table, options, conflict));
        result.attempts = attempt;
        if (conflict.empty()) return result;
    }
    OptimizeResult result;
    result.attempts = options.attempts_max;
    result.gave_up_because = fmt::format("another writer came first: {}", conflict);
    return result;
}

}  // namespace weir::lake
