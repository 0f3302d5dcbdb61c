// What a commit says, as values, and their JSON lines.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/schema.h"

namespace weir::lake {

// Column name (physical where columns are mapped) → serialised value; nothing is NULL.
using PartitionValues = std::map<std::string, std::optional<std::string>>;

struct Protocol {
    int min_reader = 1;
    int min_writer = 2;
    std::vector<std::string> reader_features{};  // only with min_reader 3
    std::vector<std::string> writer_features{};  // only with min_writer 7
    bool operator==(const Protocol&) const = default;
};

struct Metadata {
    std::string id{};
    std::optional<std::string> name{};
    std::optional<std::string> description{};
    std::string format_options = "{}";  // JSON object text, kept verbatim
    std::string schema_text{};          // the schemaString, kept verbatim
    std::vector<std::string> partition_columns{};
    std::map<std::string, std::string> configuration{};
    std::optional<std::int64_t> created_ms{};
    bool operator==(const Metadata&) const = default;
};

struct DeletionVectorRef {
    std::string storage{};  // "u", "i" or "p"
    std::string path_or_inline{};
    std::optional<std::int64_t> offset{};
    std::int64_t size_bytes = 0;
    std::int64_t cardinality = 0;
    // What makes two vectors of one file different.
    std::string unique_id() const;
    bool operator==(const DeletionVectorRef&) const = default;
};

struct AddFile {
    std::string path{};  // as written: URI-encoded
    PartitionValues partition_values{};
    std::int64_t size_bytes = 0;
    std::int64_t modified_ms = 0;
    bool data_change = true;
    std::optional<std::string> stats{};  // JSON text
    std::optional<std::map<std::string, std::string>> tags{};
    std::optional<DeletionVectorRef> deletion_vector{};
    std::optional<std::int64_t> base_row_id{};
    std::optional<std::int64_t> default_row_commit_version{};
    std::optional<std::string> clustering_provider{};
    bool operator==(const AddFile&) const = default;
};

struct RemoveFile {
    std::string path{};
    std::int64_t deleted_ms = 0;
    bool data_change = true;
    PartitionValues partition_values{};
    std::optional<std::int64_t> size_bytes{};
    std::optional<DeletionVectorRef> deletion_vector{};
    bool operator==(const RemoveFile&) const = default;
};

struct SetTransaction {
    std::string app_id{};
    std::int64_t version = 0;
    std::optional<std::int64_t> updated_ms{};
    bool operator==(const SetTransaction&) const = default;
};

struct DomainMetadata {
    std::string domain{};
    std::string configuration{};
    bool removed = false;
    bool operator==(const DomainMetadata&) const = default;
};

// Free-form; what we read of it, and all of it as JSON text.
struct CommitInfo {
    std::optional<std::int64_t> timestamp_ms{};
    std::optional<std::int64_t> in_commit_timestamp_ms{};
    std::string operation{};
    std::string txn_id{};
    std::optional<bool> blind_append{};
    std::optional<std::int64_t> read_version{};
    std::string text = "{}";
    bool operator==(const CommitInfo&) const = default;
};

using Action = std::variant<CommitInfo, Protocol, Metadata, AddFile, RemoveFile, SetTransaction, DomainMetadata>;

// One JSON line without its line end. An Error says what is wrong with it, without a place. Nothing for actions that we
// do not know (they must be ignored) and for cdc.
Result<std::optional<Action>> parse_action(std::string_view line);
// All actions of one commit or JSON checkpoint; the error names `file` and the line.
Result<std::vector<Action>> parse_commit(std::string_view content, const std::string& file);

// One JSON line without its line end.
std::string print_action(const Action& action);

// Reads add.path, its partition values and so on from a snapshot: the remove that takes a file away.
RemoveFile remove_of(const AddFile& add, std::int64_t now_ms, bool data_change);

// The identity of a data file in the log: canonical path and deletion vector.
std::string file_key(std::string_view path, const std::optional<DeletionVectorRef>& deletion_vector);

}  // namespace weir::lake
