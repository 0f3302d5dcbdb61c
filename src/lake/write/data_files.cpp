#include "lake/write/data_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lake/log/paths.h"
#include "lake/log/vector_view.h"
#include "lake/uuid.h"
#include "lake/write/casting.h"
#include "lake/write/file_stats.h"

namespace weir::lake {
namespace {

// DuckDB's default is 3: on tables of numbers and short texts it takes a fifth more time to write, for files that are
// no smaller.
constexpr int zstd_level = 1;
constexpr std::int64_t vector_rows = 2048;
constexpr std::int64_t row_group_rows_min = 4 * vector_rows;
constexpr std::size_t file_name_bytes_max = 255;
constexpr std::string_view long_value = "the partition column ";
constexpr std::string_view short_values = "partition by a column with short values";

// The text of a partition value, as the log spells it; NULL for NULL and for an empty string.
std::string partition_text(const Type& type, const std::string& expression) {
    switch (type.kind) {
        case Type::Kind::timestamp:
            return fmt::format("strftime({} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')", expression);
        case Type::Kind::timestamp_ntz: return fmt::format("strftime({}, '%Y-%m-%d %H:%M:%S.%f')", expression);
        case Type::Kind::string: return fmt::format("nullif({}, '')", expression);
        default: return fmt::format("CAST({} AS VARCHAR)", expression);
    }
}

std::string partition_key(std::size_t index) { return fmt::format("__weir_partition_{}", index); }

// What DuckDB reports about one written file.
struct Written {
    fs::path staged;
    std::int64_t rows = 0;
    WrittenStats stats;
    std::vector<std::optional<std::string>> partition_values;
};

WrittenStats read_stats(const VectorView& map, std::size_t row) {
    WrittenStats stats;
    if (!map.valid(row)) return stats;
    const auto columns = map.elements();
    const auto names = columns.field(0);
    const auto facts = columns.field(1);
    const auto [begin, end] = map.range(row);
    for (auto column = begin; column < end; ++column) {
        auto& leaf = stats[std::string(names.text(column))];
        if (!facts.valid(column)) continue;
        const auto entries = facts.elements();
        const auto keys = entries.field(0);
        const auto values = entries.field(1);
        const auto [first, last] = facts.range(column);
        for (auto i = first; i < last; ++i) {
            if (!values.valid(i)) continue;
            const auto key = keys.text(i);
            const auto value = values.text(i);
            if (key == "min") leaf.min = value;
            if (key == "max") leaf.max = value;
            if (key == "has_nan") leaf.has_nan = value == "true";
            if (key == "null_count") {
                std::int64_t count = 0;
                std::from_chars(value.data(), value.data() + value.size(), count);
                leaf.null_count = count;
            }
        }
    }
    return stats;
}

// Each key carries a letter, so that NULL and the text "NULL" or "" stay different: "v" + value, or "n".
std::vector<std::optional<std::string>> read_partition_values(const VectorView& map, std::size_t row,
                                                              std::size_t count) {
    std::vector<std::optional<std::string>> result(count);
    if (!map.valid(row)) return result;
    const auto entries = map.elements();
    const auto keys = entries.field(0);
    const auto values = entries.field(1);
    const auto [begin, end] = map.range(row);
    for (auto i = begin; i < end; ++i) {
        for (std::size_t index = 0; index < count; ++index) {
            if (keys.text(i) == partition_key(index) && values.valid(i) && values.text(i).starts_with('v'))
                result[index] = std::string(values.text(i).substr(1));
        }
    }
    return result;
}

class DataFileWriter {
public:
    DataFileWriter(sql::Connection& connection, const DataLayout& layout, const fs::path& staging, std::int64_t now_ms,
                   const DataFileOptions& options)
        : connection_(connection), layout_(layout), staging_(staging), now_ms_(now_ms), options_(options) {
        for (const auto& name : layout.metadata.partition_columns) {
            const auto index = layout.schema.index_of(name);
            if (index) partition_indexes_.push_back(*index);
        }
        for (std::size_t i = 0; i < layout.schema.fields.size(); ++i) {
            const auto& field = layout.schema.fields[i];
            // `void` columns are never written; they read as NULL.
            if (!is_partition(i) && field.type.kind != Type::Kind::null) file_columns_.fields.push_back(field);
        }
    }

    Result<std::vector<DataFile>> write(const std::string& select_sql) {
        WEIR_ASSIGN(const auto copy, copy_statement(select_sql));
        const auto copied = connection_.query(copy);
        if (!copied) return told_by_us(copied.error());
        const auto& rows = *copied;
        std::vector<DataFile> files;
        for (const auto& chunk : rows.chunks()) {
            const auto names = VectorView::column(chunk, 0), counts = VectorView::column(chunk, 1);
            const auto stats = VectorView::column(chunk, 4), keys = VectorView::column(chunk, 5);
            for (std::size_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
                Written written{.staged = fs::path(names.text(row)),
                                .rows = static_cast<std::int64_t>(counts.number<std::uint64_t>(row)),
                                .stats = read_stats(stats, row),
                                .partition_values = read_partition_values(keys, row, partition_indexes_.size())};
                if (written.rows == 0) continue;
                if (!options_.all_in.empty()) {
                    for (std::size_t i = 0; i < partition_indexes_.size(); ++i)
                        written.partition_values[i] =
                            options_.all_in.at(layout_.schema.fields[partition_indexes_[i]].name);
                }
                WEIR_ASSIGN(auto file, finish(std::move(written)));
                files.push_back(std::move(file));
            }
        }
        return files;
    }

private:
    bool is_partition(std::size_t index) const {
        return std::find(partition_indexes_.begin(), partition_indexes_.end(), index) != partition_indexes_.end();
    }

    Result<std::string> copy_statement(const std::string& select_sql) {
        auto query = layout_.schema;
        if (!options_.every_column) {
            WEIR_ASSIGN(query, connection_.schema_of(select_sql));
        }
        WEIR_ASSIGN(const auto expressions, cast_columns(query, layout_.schema, "source"));
        std::string list;
        const auto select = [&](const std::string& expression, const std::string& name) {
            list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", expression, sql::quote_name(name));
        };
        for (std::size_t i = 0; i < expressions.size(); ++i) {
            const auto& field = layout_.schema.fields[i];
            if (is_partition(i) || field.type.kind == Type::Kind::null) continue;
            select(guarded(field, expressions[i]), field.name);
        }
        std::string keys;
        for (std::size_t i = 0; i < partition_indexes_.size() && options_.all_in.empty(); ++i) {
            const auto index = partition_indexes_[i];
            const auto& field = layout_.schema.fields[index];
            const auto text = partition_text(field.type, expressions[index]);
            select(fmt::format("coalesce('v' || {}, 'n')",
                               field.type.kind == Type::Kind::string ? short_enough(i, text, query) : text),
                   partition_key(i));
            keys += fmt::format("{}{}", keys.empty() ? "" : ", ", sql::quote_name(partition_key(i)));
        }
        fs::path target;
        std::string extra;
        if (!partition_indexes_.empty() && options_.all_in.empty()) {
            target = staging_ / new_uuid();
            extra = fmt::format(", PARTITION_BY ({}), FILENAME_PATTERN 'part-{{uuid}}'", keys);
        } else if (options_.target_bytes > 0 && partition_indexes_.empty()) {
            target = staging_ / new_uuid();
            extra = fmt::format(", FILE_SIZE_BYTES {}", options_.target_bytes);
        } else {
            target = staging_ / (new_uuid() + ".parquet");
            extra = ", USE_TMP_FILE false";
        }
        return fmt::format(
            "COPY (SELECT {} FROM ({}\n) source) TO {} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {}, "
            "ROW_GROUP_SIZE {}, RETURN_STATS true{})",
            list, select_sql, sql::quote_text(target.string()), zstd_level, options_.row_group_rows, extra);
    }

    // The value becomes a folder's name, here and in the table: an error that names the row where that is too long.
    std::string short_enough(std::size_t partition, const std::string& text, const Schema& query) const {
        const auto& name = layout_.schema.fields[partition_indexes_[partition]].name;
        const auto folder_bytes = std::max(hive_escape(name).size() + 1, partition_key(partition).size() + 2);
        const auto room = file_name_bytes_max - std::min(folder_bytes, file_name_bytes_max);
        // Each byte is written with three at most.
        const auto surely_short = room / 3;
        const bool placed = query.find("_source_file") != nullptr && query.find("_source_line") != nullptr;
        return fmt::format(
            "CASE WHEN strlen({0}) > {1} AND strlen(url_encode({0})) > {2} THEN error({3} || strlen({0}) || ' bytes: ' "
            "|| "
            "left({0}, 40) || '…'{4}) ELSE {0} END",
            text, surely_short, room, sql::quote_text(fmt::format("{}'{}' has a value of ", long_value, name)),
            placed ? " || ' (' || source.\"_source_file\" || ', line ' || source.\"_source_line\" || ')'" : "");
    }

    // Ours, if that is what stopped DuckDB.
    static Error told_by_us(Error error) {
        const auto at = error.message.find(long_value);
        if (at == std::string::npos) return error;
        return Error{
            .code = ErrorCode::refused, .message = error.message.substr(at), .hint = std::string(short_values)};
    }

    // Plain columns are judged by the statistics afterwards; only nested ones need a check per row.
    std::string guarded(const Field& field, const std::string& expression) const {
        if (!field.type.is_nested()) return expression;
        const auto broken = null_violation(field, expression);
        if (broken.empty()) return expression;
        return fmt::format(
            "CASE WHEN {} THEN error({}) ELSE {} END", broken,
            sql::quote_text(fmt::format("column '{}' holds NULL where the table forbids it", field.name)), expression);
    }

    Status check_nulls(const Written& written) const {
        const auto refuse = [](const std::string& column, std::int64_t count) {
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("column '{}' may not be NULL, but {} of the rows {} it NULL", column,
                                                count, count == 1 ? "has" : "have"),
                         .hint = "give it a value, or relax the table's column to allow NULL"};
        };
        for (const auto& field : file_columns_.fields) {
            if (field.nullable || field.type.is_nested()) continue;
            const auto leaf = written.stats.find(leaf_name({field.name}));
            if (leaf == written.stats.end() || !leaf->second.null_count) {
                return Error{.code = ErrorCode::internal,
                             .message = fmt::format("DuckDB did not report how many rows have no '{}'", field.name)};
            }
            if (*leaf->second.null_count > 0) return refuse(field.name, *leaf->second.null_count);
        }
        for (std::size_t i = 0; i < partition_indexes_.size(); ++i) {
            const auto& field = layout_.schema.fields[partition_indexes_[i]];
            if (!field.nullable && !written.partition_values[i]) return refuse(field.name, written.rows);
        }
        return ok();
    }

    Result<DataFile> finish(Written written) const {
        WEIR_TRY(check_nulls(written));
        DataFile file{.staged = written.staged, .path = {}, .add = {}, .rows = written.rows};
        for (std::size_t i = 0; i < partition_indexes_.size(); ++i) {
            const auto& name = layout_.schema.fields[partition_indexes_[i]].name;
            const auto& value = written.partition_values[i];
            const auto folder =
                fmt::format("{}={}", hive_escape(name), value ? hive_escape(*value) : std::string(hive_null));
            if (folder.size() > file_name_bytes_max)
                return told_by_us({.message = fmt::format("{}'{}' has a value of {} bytes: {}…", long_value, name,
                                                          value->size(), value->substr(0, 40))});
            file.path += folder + "/";
            file.add.partition_values.emplace(name, value);
        }
        file.path += fmt::format("part-00000-{}-c000.zstd.parquet", new_uuid());
        std::error_code error;
        const auto size = fs::file_size(written.staged, error);
        if (error) return io_error("look at", written.staged, error.value());
        file.add.path = uri_encode_path(file.path);
        file.add.size_bytes = static_cast<std::int64_t>(size);
        file.add.modified_ms = now_ms_;
        file.add.data_change = options_.data_change;
        file.add.stats = print_stats(file_columns_, layout_.metadata, written.rows, written.stats);
        return file;
    }

    sql::Connection& connection_;
    const DataLayout& layout_;
    const fs::path& staging_;
    const std::int64_t now_ms_;
    const DataFileOptions& options_;
    std::vector<std::size_t> partition_indexes_;
    Schema file_columns_;
};

}  // namespace

std::int64_t row_group_rows_for(std::int64_t rows, std::size_t files, std::size_t threads) {
    const auto share = rows / static_cast<std::int64_t>(std::max<std::size_t>(1, files * threads));
    return std::clamp(share / vector_rows * vector_rows, row_group_rows_min, row_group_rows_max);
}

Result<std::vector<DataFile>> write_data_files(sql::Connection& connection, const DataLayout& layout,
                                               const std::string& select_sql, const fs::path& staging,
                                               std::int64_t now_ms, const DataFileOptions& options) {
    return DataFileWriter(connection, layout, staging, now_ms, options).write(select_sql);
}

}  // namespace weir::lake
