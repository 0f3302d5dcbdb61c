// Changes to one table, prepared on the side and then committed at once, or not at all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lake/table.h"
#include "lake/write/conflict.h"
#include "lake/write/data_files.h"

namespace weir::lake {

// Files that no log entry names (yet). Whoever leaves without committing leaves nothing behind.
class StagedFiles {
public:
    explicit StagedFiles(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}
    StagedFiles(StagedFiles&&) noexcept = default;
    StagedFiles& operator=(StagedFiles&& other) noexcept;
    ~StagedFiles();

    // The staging folder, made on first use.
    Result<fs::path> folder();
    Status adopt(const fs::path& staged, const std::string& path);
    const std::vector<std::string>& adopted() const { return adopted_; }
    // Removes the first `count` of those that were adopted.
    void drop(std::size_t count);
    // Called before the log entry is put: an answer that got lost must not remove what the log may name.
    std::vector<std::string> release() { return std::exchange(adopted_, {}); }
    // Called when it is certain that no log entry names them.
    void take_back(std::vector<std::string> paths) { adopted_ = std::move(paths); }

private:
    std::shared_ptr<ObjectStore> store_;
    std::optional<fs::path> folder_;
    std::vector<std::string> adopted_;
};

struct PartitionRows {
    PartitionValues values;
    std::int64_t rows = 0;
};

struct Appended {
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::size_t files = 0;
    std::vector<PartitionRows> partitions;  // one entry without values in a table without partitions
};

struct NewTable {
    Schema schema;
    std::vector<std::string> partition_columns{};
    std::map<std::string, std::string> configuration{};
    std::optional<std::string> name{};
    std::optional<std::string> description{};
};

// Driven by one thread: begin or create → (append | overwrite | …)* → commit. Uncommitted, it removes what it wrote.
class Transaction {
public:
    // Fails with table_unsupported if we may not write this table.
    static Result<Transaction> begin(const Table& table, Snapshot snapshot);
    // Version 0. Fails with usage if the schema cannot be a Delta table's.
    static Result<Transaction> create(const Table& table, NewTable spec);

    // Writes the rows of a query; its columns are matched by name. May be called several times.
    Result<Appended> append(sql::Connection& connection, const std::string& select_sql,
                            const DataFileOptions& options = {});
    // The first `count` of the files appended go, for others that took their place.
    void drop_appended(std::size_t count);
    // Every row of the table goes, besides those appended by this transaction.
    Status overwrite();
    // Every row of these partitions goes, besides those appended. Values may name some of the partition columns only.
    Status overwrite_partitions(std::vector<PartitionValues> partitions);
    // A file of the snapshot goes.
    Status remove_file(const AddFile& file, bool data_change = true);
    // The same by its path in the log; fails with not_found where the snapshot has no such file.
    Status remove_file(const std::string& path, bool data_change = true);
    // Adds a file that lies in the table's folder already; it is not removed if this fails.
    Status adopt_add(AddFile add);
    // Our position in the application's input, and when it was reached, if that matters. Fails with table_conflict if
    // the snapshot is there already.
    Status set_txn(const std::string& app_id, std::int64_t version, std::optional<Time> reached = {});
    // A new table's schema, or any schema together with overwrite(); see write/evolve.h for the gentle way.
    Status set_schema(Schema schema);
    // The same with other partition columns: always together with overwrite().
    Status set_layout(Schema schema, std::vector<std::string> partition_columns);
    // Nothing: the property goes.
    void set_configuration(const std::string& key, const std::optional<std::string>& value);
    // Anything the log may hold, as it is (restore, properties).
    void add_action(Action action) { extra_.push_back(std::move(action)); }

    // For people: commitInfo.operation, operationParameters (JSON object text), and one free JSON value under "weir".
    void set_operation(std::string operation, std::string parameters = "{}");
    Status set_weir_info(std::string json);
    void set_isolation(Isolation isolation) { isolation_ = isolation; }
    void read_whole_table() { reads_.whole_table = true; }
    // Off for work whose failure must not be mixed up with that of a checkpoint.
    void set_checkpointing(bool on) { checkpointing_ = on; }

    const Table& table() const { return table_; }
    const Snapshot* snapshot() const { return snapshot_ ? &*snapshot_ : nullptr; }
    const Schema& schema() const { return layout_.schema; }
    // Nothing would change.
    bool empty() const;

    // The files that commit() would add: what append() wrote and adopt_add() named.
    const std::vector<AddFile>& added() const { return adds_; }
    // The files appended so far stay where they are, whatever becomes of this transaction: another log entry names
    // them.
    void keep_files() { static_cast<void>(staged_.release()); }

private:
    friend class Committer;
    explicit Transaction(const Table& table);

    Table table_;
    std::optional<Snapshot> snapshot_;  // none: the table is created
    DataLayout layout_;
    std::optional<Protocol> protocol_;  // set: is part of the commit
    bool metadata_changed_ = false;
    StagedFiles staged_;
    std::vector<AddFile> adds_;
    std::int64_t rows_added_ = 0;
    std::vector<std::pair<AddFile, bool>> removed_files_;  // by remove_file, with data_change
    bool overwrite_all_ = false;
    std::vector<PartitionValues> overwrite_partitions_;
    std::map<std::string, SetTransaction> txns_;
    std::vector<Action> extra_;
    ReadSet reads_;
    Isolation isolation_ = Isolation::serializable;
    std::string operation_;
    std::string operation_parameters_ = "{}";
    std::optional<std::string> weir_info_;
    bool checkpointing_ = true;
};

struct Committed {
    TableVersion version;
    std::optional<Error> checkpoint_error{};  // the commit stands; the next one tries again
};
// Somebody else's commit stands in the way: look at the table again and decide anew.
struct Conflicted {
    TableVersion winner;
    Conflict conflict;
    Transaction mine;
};
// The answer got lost: read version `version` (its commitInfo.txnId is `txn_id` if it is ours) before trying again.
struct Undecided {
    TableVersion version;
    std::string txn_id;
    Error error;
};
using CommitOutcome = std::variant<Committed, Conflicted, Undecided>;

// Takes the transaction by value: it cannot be committed twice. An Error is one that no retry can mend; nothing was
// committed then.
Result<CommitOutcome> commit(Transaction mine);

// For callers with nothing to decide: Conflicted and Undecided become an Error with table_conflict or io_failed.
Result<Committed> commit_or_fail(Transaction mine);

}  // namespace weir::lake
