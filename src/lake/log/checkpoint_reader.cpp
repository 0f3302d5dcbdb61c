#include "lake/log/checkpoint_reader.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "lake/log/paths.h"
#include "lake/log/vector_view.h"

namespace weir::lake {
namespace {

// The order of fields matters below: they are read by their position.
constexpr std::array columns{
    CheckpointColumn{"txn", "STRUCT(\"appId\" VARCHAR, \"version\" BIGINT, \"lastUpdated\" BIGINT)"},
    CheckpointColumn{"add",
                     "STRUCT(\"path\" VARCHAR, \"partitionValues\" MAP(VARCHAR, VARCHAR), \"size\" BIGINT, "
                     "\"modificationTime\" BIGINT, \"dataChange\" BOOLEAN, \"tags\" MAP(VARCHAR, VARCHAR), "
                     "\"deletionVector\" STRUCT(\"storageType\" VARCHAR, \"pathOrInlineDv\" VARCHAR, \"offset\" "
                     "INTEGER, \"sizeInBytes\" INTEGER, \"cardinality\" BIGINT), \"baseRowId\" BIGINT, "
                     "\"defaultRowCommitVersion\" BIGINT, \"clusteringProvider\" VARCHAR, \"stats\" VARCHAR)"},
    CheckpointColumn{"remove",
                     "STRUCT(\"path\" VARCHAR, \"deletionTimestamp\" BIGINT, \"dataChange\" BOOLEAN, "
                     "\"extendedFileMetadata\" BOOLEAN, \"partitionValues\" MAP(VARCHAR, VARCHAR), \"size\" BIGINT, "
                     "\"deletionVector\" STRUCT(\"storageType\" VARCHAR, \"pathOrInlineDv\" VARCHAR, \"offset\" "
                     "INTEGER, \"sizeInBytes\" INTEGER, \"cardinality\" BIGINT))"},
    CheckpointColumn{"metaData",
                     "STRUCT(\"id\" VARCHAR, \"name\" VARCHAR, \"description\" VARCHAR, \"format\" STRUCT(\"provider\" "
                     "VARCHAR, \"options\" MAP(VARCHAR, VARCHAR)), \"schemaString\" VARCHAR, \"partitionColumns\" "
                     "VARCHAR[], \"configuration\" MAP(VARCHAR, VARCHAR), \"createdTime\" BIGINT)"},
    CheckpointColumn{"protocol",
                     "STRUCT(\"minReaderVersion\" INTEGER, \"minWriterVersion\" INTEGER, \"readerFeatures\" VARCHAR[], "
                     "\"writerFeatures\" VARCHAR[])"},
    CheckpointColumn{"domainMetadata", "STRUCT(\"domain\" VARCHAR, \"configuration\" VARCHAR, \"removed\" BOOLEAN)"},
};
constexpr std::string_view sidecar_type = "STRUCT(\"path\" VARCHAR)";

std::map<std::string, std::string> read_map(const VectorView& map, std::size_t row) {
    std::map<std::string, std::string> result;
    if (!map.valid(row)) return result;
    const auto entries = map.elements();
    const auto keys = entries.field(0);
    const auto values = entries.field(1);
    const auto [begin, end] = map.range(row);
    for (auto i = begin; i < end; ++i) {
        if (values.valid(i)) result.emplace(keys.text(i), values.text(i));
    }
    return result;
}

PartitionValues read_partition_values(const VectorView& map, std::size_t row) {
    PartitionValues result;
    if (!map.valid(row)) return result;
    const auto entries = map.elements();
    const auto keys = entries.field(0);
    const auto values = entries.field(1);
    const auto [begin, end] = map.range(row);
    for (auto i = begin; i < end; ++i) result.emplace(keys.text(i), values.text_or_null(i));
    return result;
}

std::vector<std::string> read_list(const VectorView& list, std::size_t row) {
    std::vector<std::string> result;
    if (!list.valid(row)) return result;
    const auto elements = list.elements();
    const auto [begin, end] = list.range(row);
    for (auto i = begin; i < end; ++i) result.emplace_back(elements.text(i));
    return result;
}

std::optional<DeletionVectorRef> read_vector(const VectorView& vector, std::size_t row) {
    // Some writers store an empty struct instead of a NULL one.
    if (!vector.valid(row) || !vector.field(0).valid(row)) return std::nullopt;
    DeletionVectorRef ref{.storage = std::string(vector.field(0).text(row)),
                          .path_or_inline = std::string(vector.field(1).text(row))};
    if (const auto offset = vector.field(2).number_or_null<std::int32_t>(row)) ref.offset = *offset;
    ref.size_bytes = vector.field(3).number_or_null<std::int32_t>(row).value_or(0);
    ref.cardinality = vector.field(4).number_or_null<std::int64_t>(row).value_or(0);
    return ref;
}

// A row holds one action. Its key field tells whether this struct is the one that is set.
bool present(const VectorView& action, std::size_t row) { return action.valid(row) && action.field(0).valid(row); }

void read_adds(const VectorView& add, std::size_t rows, const std::function<void(AddFile)>& take) {
    const auto path = add.field(0), values = add.field(1), size = add.field(2), modified = add.field(3);
    const auto tags = add.field(5), vector = add.field(6), row_id = add.field(7), row_version = add.field(8);
    const auto clustering = add.field(9), stats = add.field(10);
    for (std::size_t row = 0; row < rows; ++row) {
        if (!present(add, row)) continue;
        AddFile file{.path = std::string(path.text(row)),
                     .partition_values = read_partition_values(values, row),
                     .size_bytes = size.number_or_null<std::int64_t>(row).value_or(0),
                     .modified_ms = modified.number_or_null<std::int64_t>(row).value_or(0),
                     .data_change = false};
        file.stats = stats.text_or_null(row);
        if (tags.valid(row)) file.tags = read_map(tags, row);
        file.deletion_vector = read_vector(vector, row);
        file.base_row_id = row_id.number_or_null<std::int64_t>(row);
        file.default_row_commit_version = row_version.number_or_null<std::int64_t>(row);
        file.clustering_provider = clustering.text_or_null(row);
        take(std::move(file));
    }
}

void read_removes(const VectorView& remove, std::size_t rows, const std::function<void(Action)>& take) {
    const auto path = remove.field(0), deleted = remove.field(1), values = remove.field(4), size = remove.field(5);
    const auto vector = remove.field(6);
    for (std::size_t row = 0; row < rows; ++row) {
        if (!present(remove, row)) continue;
        take(RemoveFile{.path = std::string(path.text(row)),
                        .deleted_ms = deleted.number_or_null<std::int64_t>(row).value_or(0),
                        .data_change = false,
                        .partition_values = read_partition_values(values, row),
                        .size_bytes = size.number_or_null<std::int64_t>(row),
                        .deletion_vector = read_vector(vector, row)});
    }
}

void read_small(duckdb_data_chunk chunk, std::size_t rows, const std::function<void(Action)>& take) {
    const auto txn = VectorView::column(chunk, 0), metadata = VectorView::column(chunk, 3);
    const auto protocol = VectorView::column(chunk, 4), domain = VectorView::column(chunk, 5);
    for (std::size_t row = 0; row < rows; ++row) {
        if (present(txn, row)) {
            take(SetTransaction{.app_id = std::string(txn.field(0).text(row)),
                                .version = txn.field(1).number_or_null<std::int64_t>(row).value_or(0),
                                .updated_ms = txn.field(2).number_or_null<std::int64_t>(row)});
        }
        if (metadata.valid(row) && metadata.field(4).valid(row)) {
            Metadata data{.id = metadata.field(0).text_or_null(row).value_or(""),
                          .name = metadata.field(1).text_or_null(row),
                          .description = metadata.field(2).text_or_null(row)};
            if (metadata.field(3).valid(row))
                data.format_options = nlohmann::json(read_map(metadata.field(3).field(1), row)).dump();
            data.schema_text = metadata.field(4).text(row);
            data.partition_columns = read_list(metadata.field(5), row);
            data.configuration = read_map(metadata.field(6), row);
            data.created_ms = metadata.field(7).number_or_null<std::int64_t>(row);
            take(std::move(data));
        }
        if (present(protocol, row)) {
            take(Protocol{.min_reader = protocol.field(0).number<std::int32_t>(row),
                          .min_writer = protocol.field(1).number_or_null<std::int32_t>(row).value_or(0),
                          .reader_features = read_list(protocol.field(2), row),
                          .writer_features = read_list(protocol.field(3), row)});
        }
        if (present(domain, row)) {
            take(DomainMetadata{.domain = std::string(domain.field(0).text(row)),
                                .configuration = domain.field(1).text_or_null(row).value_or(""),
                                .removed = domain.field(2).number_or_null<bool>(row).value_or(false)});
        }
    }
}

// Every column by its name with our type: what a file lacks reads as NULL, what it has beyond that is not read.
std::string checkpoint_relation(const std::vector<std::string>& urls, bool with_sidecars) {
    std::string schema;
    const auto describe = [&](std::string_view name, std::string_view type) {
        schema += fmt::format("{}'{}': {{name: '{}', type: '{}', default_value: NULL}}", schema.empty() ? "" : ", ",
                              name, name, type);
    };
    for (const auto& column : columns) describe(column.name, column.type);
    if (with_sidecars) describe("sidecar", sidecar_type);
    return fmt::format("read_parquet({}, hive_partitioning = false, schema = MAP {{{}}})", sql::quote_list(urls),
                       schema);
}

Error damaged_checkpoint(const Error& cause, const std::string& url) {
    return {.code = cause.code == ErrorCode::interrupted || cause.code == ErrorCode::out_of_memory
                        ? cause.code
                        : ErrorCode::table_damaged,
            .message = fmt::format("the checkpoint {} cannot be read: {}", url, cause.message),
            .hint = "if every commit file is still there, removing the checkpoint makes the table readable again"};
}

// The adds that were kept without statistics in JSON may have them as a struct.
Status fill_stats(sql::Connection& connection, const std::vector<std::string>& urls, std::vector<AddFile>& adds) {
    std::vector<std::string> with_struct;
    for (const auto& url : urls) {
        WEIR_ASSIGN(const auto found,
                    connection.query(fmt::format("SELECT count(*) FROM parquet_schema({}) WHERE name = 'stats_parsed'",
                                                 sql::quote_text(url))));
        if (found.integer(0, 0) > 0) with_struct.push_back(url);
    }
    if (with_struct.empty()) return ok();
    std::unordered_map<std::string, std::string> stats;
    WEIR_TRY(connection.stream(
        fmt::format("SELECT \"add\".path, to_json(\"add\".stats_parsed)::VARCHAR FROM read_parquet({}, "
                    "hive_partitioning = false) WHERE \"add\".path IS NOT NULL AND \"add\".stats_parsed IS NOT NULL",
                    sql::quote_list(with_struct)),
        [&](duckdb_data_chunk chunk) -> Status {
            const auto path = VectorView::column(chunk, 0), text = VectorView::column(chunk, 1);
            for (std::size_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
                if (text.valid(row)) stats.emplace(path.text(row), text.text(row));
            }
            return ok();
        }));
    for (auto& add : adds) {
        if (add.stats) continue;
        if (const auto found = stats.find(add.path); found != stats.end()) add.stats = found->second;
    }
    return ok();
}

Status read_parquet_checkpoint(ObjectStore& store, sql::Connection& connection, const std::vector<std::string>& paths,
                               std::vector<std::string>* sidecars, const std::function<void(Action)>& take) {
    std::vector<std::string> urls;
    for (const auto& path : paths) urls.push_back(store.url(path));
    std::string names;
    for (const auto& column : columns) names += fmt::format("\"{}\", ", column.name);
    std::vector<AddFile> adds;
    bool stats_missing = false;
    auto status =
        connection.stream(fmt::format("SELECT {} {} FROM {}", names, sidecars == nullptr ? "NULL" : "sidecar.path",
                                      checkpoint_relation(urls, sidecars != nullptr)),
                          [&](duckdb_data_chunk chunk) -> Status {
                              const auto rows = static_cast<std::size_t>(duckdb_data_chunk_get_size(chunk));
                              read_small(chunk, rows, take);
                              read_adds(VectorView::column(chunk, 1), rows, [&](AddFile add) {
                                  stats_missing = stats_missing || !add.stats;
                                  adds.push_back(std::move(add));
                              });
                              read_removes(VectorView::column(chunk, 2), rows, take);
                              if (sidecars != nullptr) {
                                  const auto path = VectorView::column(chunk, 6);
                                  for (std::size_t row = 0; row < rows; ++row) {
                                      if (path.valid(row)) sidecars->emplace_back(path.text(row));
                                  }
                              }
                              return ok();
                          });
    if (status && stats_missing) status = fill_stats(connection, urls, adds);
    if (!status) return damaged_checkpoint(status.error(), urls.front());
    for (auto& add : adds) take(std::move(add));
    return ok();
}

// A V2 checkpoint in JSON is one action per line, sidecars among them.
Status read_json_checkpoint(ObjectStore& store, const std::string& path, std::vector<std::string>& sidecars,
                            const std::function<void(Action)>& take) {
    WEIR_ASSIGN(const auto content, store.get(path));
    WEIR_ASSIGN(auto actions, parse_commit(content, store.url(path)));
    for (auto& action : actions) take(std::move(action));
    std::string_view rest(content);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.find("\"sidecar\"") == std::string_view::npos) continue;
        const auto json = nlohmann::json::parse(line, nullptr, false);
        const auto sidecar = json.is_object() ? json.find("sidecar") : json.end();
        if (!json.is_object() || sidecar == json.end() || !sidecar->is_object()) continue;
        if (const auto name = sidecar->find("path"); name != sidecar->end() && name->is_string())
            sidecars.push_back(name->get<std::string>());
    }
    return ok();
}

// A sidecar is named relative to _delta_log/_sidecars, or by an absolute path or URI.
Result<std::string> sidecar_path(ObjectStore& store, const std::string& written) {
    const auto decoded = decode_data_path(written);
    if (!decoded || decoded->absolute) {
        return Error{
            .code = ErrorCode::table_unsupported,
            .message = fmt::format("{}: the checkpoint's sidecar {} lies outside the table", store.name(), written)};
    }
    if (decoded->text.starts_with("_delta_log/")) return decoded->text;
    return fmt::format("{}/_sidecars/{}", log_folder, decoded->text);
}

}  // namespace

std::span<const CheckpointColumn> checkpoint_columns() { return columns; }

Status read_checkpoint(ObjectStore& store, sql::Database& database, const CheckpointFiles& files,
                       const std::function<void(Action)>& take) {
    WEIR_ASSIGN(auto connection, database.connect());
    std::vector<std::string> sidecars;
    if (files.json) {
        WEIR_TRY(read_json_checkpoint(store, files.paths.front(), sidecars, take));
    } else {
        WEIR_TRY(read_parquet_checkpoint(store, connection, files.paths, &sidecars, take));
    }
    if (sidecars.empty()) return ok();
    std::vector<std::string> paths;
    for (const auto& sidecar : sidecars) {
        WEIR_ASSIGN(auto path, sidecar_path(store, sidecar));
        paths.push_back(std::move(path));
    }
    return read_parquet_checkpoint(store, connection, paths, nullptr, take);
}

}  // namespace weir::lake
