#include "lake/write/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "lake/log/paths.h"
#include "lake/log/protocol.h"
#include "lake/read/checksum.h"
#include "lake/read/file_facts.h"
#include "lake/uuid.h"
#include "lake/write/new_table.h"

namespace weir::lake {

StagedFiles& StagedFiles::operator=(StagedFiles&& other) noexcept {
    // What we held is removed when `other` goes.
    std::swap(store_, other.store_);
    std::swap(folder_, other.folder_);
    std::swap(adopted_, other.adopted_);
    return *this;
}

StagedFiles::~StagedFiles() {
    if (store_ == nullptr) return;  // moved from
    drop(adopted_.size());
    if (folder_) store_->drop_staging(*folder_);
}

void StagedFiles::drop(std::size_t count) {
    const auto end = adopted_.begin() + static_cast<std::ptrdiff_t>(count);
    for (auto path = adopted_.begin(); path != end; ++path) {
        // A leftover costs room until the next vacuum and nothing else.
        [[maybe_unused]] const auto removed = store_->remove(*path);
    }
    adopted_.erase(adopted_.begin(), end);
}

Result<fs::path> StagedFiles::folder() {
    if (!folder_) {
        WEIR_ASSIGN(auto made, store_->make_staging());
        folder_ = std::move(made);
    }
    return *folder_;
}

Status StagedFiles::adopt(const fs::path& staged, const std::string& path) {
    // Remembered first: a rename may have happened although its sync failed.
    adopted_.push_back(path);
    return store_->adopt(staged, path);
}

Transaction::Transaction(const Table& table) : table_(table), staged_(table.shared_store()) {}

Result<Transaction> Transaction::begin(const Table& table, Snapshot snapshot) {
    auto writable = check_writable(snapshot.protocol(), snapshot.metadata(), snapshot.schema());
    if (!writable) return std::move(writable.error()).within(fmt::format("opening {} for writing", table.name()));
    Transaction transaction(table);
    transaction.layout_ = {snapshot.schema(), snapshot.metadata()};
    transaction.snapshot_ = std::move(snapshot);
    transaction.operation_ = "WRITE";
    transaction.operation_parameters_ = R"({"mode":"Append"})";
    return transaction;
}

Result<Transaction> Transaction::create(const Table& table, NewTable spec) {
    WEIR_TRY(check_new_table(spec.schema, spec.partition_columns));
    Transaction transaction(table);
    const auto now = to_unix_millis(table.clock().now());
    auto& metadata = transaction.layout_.metadata;
    metadata.id = new_uuid();
    metadata.name = std::move(spec.name);
    metadata.description = std::move(spec.description);
    metadata.schema_text = print_schema(spec.schema);
    metadata.partition_columns = std::move(spec.partition_columns);
    metadata.configuration = std::move(spec.configuration);
    metadata.created_ms = now;
    transaction.layout_.schema = std::move(spec.schema);
    transaction.protocol_ = protocol_for(transaction.layout_.schema);
    transaction.metadata_changed_ = true;
    transaction.operation_ = "CREATE TABLE";
    transaction.operation_parameters_ =
        nlohmann::json{{"partitionBy", nlohmann::json(metadata.partition_columns).dump()}}.dump();
    return transaction;
}

Result<Appended> Transaction::append(sql::Connection& connection, const std::string& select_sql,
                                     const DataFileOptions& options) {
    WEIR_ASSIGN(const auto folder, staged_.folder());
    const auto now = to_unix_millis(table_.clock().now());
    auto files = write_data_files(connection, layout_, select_sql, folder, now, options);
    if (!files) return std::move(files.error()).within(fmt::format("writing data files of {}", table_.name()));
    Appended appended;
    std::map<PartitionValues, std::int64_t> partitions;
    for (auto& file : *files) {
        if (options.checksums) {
            WEIR_ASSIGN(auto checksum, file_checksum(file.staged));
            file.add.tags.emplace()[checksum_tag] = std::move(checksum);
        }
        WEIR_TRY(staged_.adopt(file.staged, file.path));
        appended.rows += file.rows;
        appended.bytes += file.add.size_bytes;
        ++appended.files;
        partitions[file.add.partition_values] += file.rows;
        adds_.push_back(std::move(file.add));
    }
    rows_added_ += appended.rows;
    for (auto& [values, rows] : partitions) appended.partitions.push_back({values, rows});
    return appended;
}

void Transaction::drop_appended(std::size_t count) {
    const auto& mine = staged_.adopted();
    const auto end = mine.begin() + static_cast<std::ptrdiff_t>(count);
    std::erase_if(adds_, [&](const AddFile& add) {
        const bool goes = std::find(mine.begin(), end, uri_decode(add.path)) != end;
        if (goes) rows_added_ -= live_rows(add).value_or(0);
        return goes;
    });
    staged_.drop(count);
}

Status Transaction::overwrite() {
    if (!snapshot_) return ok();
    if (property_is_true(layout_.metadata, "delta.appendOnly")) {
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("{} is append-only (delta.appendOnly = true)", table_.name())};
    }
    overwrite_all_ = true;
    reads_.whole_table = true;
    operation_parameters_ = R"({"mode":"Overwrite"})";
    return ok();
}

Status Transaction::overwrite_partitions(std::vector<PartitionValues> partitions) {
    if (!snapshot_) return ok();
    if (property_is_true(layout_.metadata, "delta.appendOnly")) {
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("{} is append-only (delta.appendOnly = true)", table_.name())};
    }
    const auto& columns = layout_.metadata.partition_columns;
    for (const auto& partition : partitions) {
        for (const auto& [name, value] : partition) {
            if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
                return Error{.code = ErrorCode::usage,
                             .message = fmt::format("{} is not partitioned by '{}'", table_.name(), name),
                             .hint = suggest(name, columns)};
            }
        }
        overwrite_partitions_.push_back(partition);
        reads_.partitions.push_back(partition);
    }
    operation_parameters_ = R"({"mode":"Overwrite"})";
    return ok();
}

Status Transaction::remove_file(const AddFile& file, bool data_change) {
    if (data_change && property_is_true(layout_.metadata, "delta.appendOnly")) {
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("{} is append-only (delta.appendOnly = true)", table_.name())};
    }
    reads_.files.insert(file_key(file.path, file.deletion_vector));
    removed_files_.emplace_back(file, data_change);
    return ok();
}

Status Transaction::remove_file(const std::string& path, bool data_change) {
    if (snapshot_) {
        for (const auto& file : snapshot_->files()) {
            if (file.path == path) return remove_file(file, data_change);
        }
    }
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("{} has no data file {} in the version that was read", table_.name(), path)};
}

Status Transaction::adopt_add(AddFile add) {
    const auto path = decode_data_path(add.path);
    if (!path || path->absolute) {
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("the data file {} does not lie in the table", add.path)};
    }
    WEIR_ASSIGN(const auto object, table_.store().head(path->text));
    if (object.size != add.size_bytes) {
        return Error{.code = ErrorCode::table_damaged,
                     .message = fmt::format("{} has {} bytes and not {}", table_.store().url(path->text), object.size,
                                            add.size_bytes)};
    }
    adds_.push_back(std::move(add));
    return ok();
}

Status Transaction::set_txn(const std::string& app_id, std::int64_t version, std::optional<Time> reached) {
    if (const auto done = snapshot_ ? snapshot_->transaction_version(app_id) : std::nullopt; done && *done >= version) {
        return Error{.code = ErrorCode::table_conflict,
                     .message = fmt::format("{}: '{}' has committed {} already and may not commit {}", table_.name(),
                                            app_id, *done, version),
                     .hint = "this work is done: skip it"};
    }
    txns_[app_id] = {.app_id = app_id, .version = version};
    if (reached)
        txns_[app_id].updated_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(reached->time_since_epoch()).count();
    reads_.app_ids.insert(app_id);
    return ok();
}

Status Transaction::set_schema(Schema schema) {
    return set_layout(std::move(schema), layout_.metadata.partition_columns);
}

Status Transaction::set_layout(Schema schema, std::vector<std::string> partition_columns) {
    WEIR_TRY(check_new_table(schema, partition_columns));
    const auto current = snapshot_ ? snapshot_->protocol() : protocol_for(layout_.schema);
    const auto needed = snapshot_ ? upgraded_for(current, schema) : protocol_for(schema);
    if (!snapshot_ || needed != current) protocol_ = needed;
    layout_.metadata.schema_text = print_schema(schema);
    layout_.metadata.partition_columns = std::move(partition_columns);
    layout_.schema = std::move(schema);
    metadata_changed_ = true;
    return ok();
}

void Transaction::set_configuration(const std::string& key, const std::optional<std::string>& value) {
    auto& configuration = layout_.metadata.configuration;
    const auto known = configuration.find(key);
    if (value ? known != configuration.end() && known->second == *value : known == configuration.end()) return;
    if (value)
        configuration[key] = *value;
    else
        configuration.erase(known);
    metadata_changed_ = true;
}

void Transaction::set_operation(std::string operation, std::string parameters) {
    operation_ = std::move(operation);
    operation_parameters_ = std::move(parameters);
}

Status Transaction::set_weir_info(std::string json) {
    if (!nlohmann::json::accept(json))
        return Error{.code = ErrorCode::internal, .message = "the commit's own information is not JSON"};
    weir_info_ = std::move(json);
    return ok();
}

bool Transaction::empty() const {
    return snapshot_ && adds_.empty() && removed_files_.empty() && !overwrite_all_ && overwrite_partitions_.empty() &&
           txns_.empty() && extra_.empty() && !metadata_changed_ && !protocol_;
}

}  // namespace weir::lake
