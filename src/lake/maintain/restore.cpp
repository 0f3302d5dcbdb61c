#include "lake/maintain/restore.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "lake/log/paths.h"
#include "lake/write/transaction.h"

namespace weir::lake {
namespace {

std::unordered_set<std::string> keys_of(const std::vector<AddFile>& files) {
    std::unordered_set<std::string> keys;
    for (const auto& file : files) keys.insert(file_key(file.path, file.deletion_vector));
    return keys;
}

Status check_present(const Table& table, const std::vector<AddFile>& files, TableVersion version) {
    std::vector<std::string> gone;
    for (const auto& file : files) {
        const auto path = decode_data_path(file.path);
        if (!path) continue;
        std::error_code ignored;
        const bool there = path->absolute ? fs::exists(path->text, ignored) : table.store().head(path->text).ok();
        if (!there) gone.push_back(path->text);
    }
    if (gone.empty()) return ok();
    return Error{
        .code = ErrorCode::refused,
        .message = fmt::format("{} cannot go back to version {}: {} of its files {} gone, {} among them", table.name(),
                               version.get(), gone.size(), gone.size() == 1 ? "is" : "are", gone.front()),
        .hint = "vacuum removed them; choose a later version"};
}

}  // namespace

Result<RestoreResult> restore(const Table& table, const At& at) {
    WEIR_ASSIGN(auto current, table.snapshot());
    WEIR_ASSIGN(const auto target, table.snapshot(at));
    RestoreResult result{.restored = target.version()};
    const auto current_keys = keys_of(current.files());
    const auto target_keys = keys_of(target.files());
    std::vector<AddFile> back;
    for (const auto& file : target.files()) {
        if (!current_keys.contains(file_key(file.path, file.deletion_vector))) back.push_back(file);
    }
    WEIR_TRY(check_present(table, back, target.version()));
    WEIR_ASSIGN(auto transaction, Transaction::begin(table, current));
    for (const auto& file : current.files()) {
        if (target_keys.contains(file_key(file.path, file.deletion_vector))) continue;
        WEIR_TRY(transaction.remove_file(file));
        ++result.files_removed;
    }
    for (auto& file : back) {
        file.data_change = true;
        transaction.add_action(std::move(file));
        ++result.files_added;
    }
    // The protocol is never lowered: features that came later may be in use by the log itself.
    if (target.metadata() != current.metadata()) transaction.add_action(target.metadata());
    if (transaction.empty()) return result;
    const std::string app(restore_app);
    WEIR_TRY(transaction.set_txn(app, current.transaction_version(app).value_or(0) + 1));
    transaction.read_whole_table();
    transaction.set_operation("RESTORE", nlohmann::json{{"version", std::to_string(target.version().get())}}.dump());
    WEIR_ASSIGN(const auto committed, commit_or_fail(std::move(transaction)));
    result.version = committed.version;
    return result;
}

}  // namespace weir::lake
