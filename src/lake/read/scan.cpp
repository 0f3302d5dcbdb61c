#include "lake/read/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/limits.h"
#include "base/nearest.h"
#include "lake/log/paths.h"
#include "lake/read/deletion_vector.h"

namespace weir::lake {
namespace {

// Where the log does not tell how many rows a file has.
constexpr std::int64_t guessed_row_bytes = 50;

// A column of the table, with its place in the data files.
struct ScanColumn {
    const Field* field;
    PhysicalField physical;
    std::string alias;  // its name inside the scan: cannot meet the names of DuckDB's virtual columns
    bool partition = false;
};

struct ScanFile {
    const AddFile* add;
    std::string url;
    std::vector<std::string> partition_literals;  // one per partition column
};

// The type as it lies in the files: structs carry physical names.
Result<Type> physical_type(const Type& type, ColumnMapping mapping) {
    Type result = type;
    for (auto& field : result.fields) {
        if (type.kind == Type::Kind::structure) {
            WEIR_ASSIGN(auto physical, physical_field(field, mapping));
            field.name = std::move(physical.name);
        }
        WEIR_ASSIGN(field.type, physical_type(field.type, mapping));
    }
    return result;
}

// Gives the fields of structs inside `expression` their logical names.
Result<std::string> rename_fields(const Type& type, const std::string& expression, ColumnMapping mapping, int depth) {
    const auto variable = fmt::format("x{}", depth);
    switch (type.kind) {
        case Type::Kind::structure: {
            std::string fields;
            for (const auto& field : type.fields) {
                WEIR_ASSIGN(const auto physical, physical_field(field, mapping));
                WEIR_ASSIGN(const auto inner,
                            rename_fields(field.type, fmt::format("{}.{}", expression, sql::quote_name(physical.name)),
                                          mapping, depth));
                fields += fmt::format("{}{} := {}", fields.empty() ? "" : ", ", sql::quote_name(field.name), inner);
            }
            return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE struct_pack({}) END", expression, fields);
        }
        case Type::Kind::array: {
            if (!type.fields[0].type.is_nested()) return expression;
            WEIR_ASSIGN(const auto inner, rename_fields(type.fields[0].type, variable, mapping, depth + 1));
            return fmt::format("list_transform({}, lambda {}: {})", expression, variable, inner);
        }
        case Type::Kind::map: {
            if (!type.fields[0].type.is_nested() && !type.fields[1].type.is_nested()) return expression;
            WEIR_ASSIGN(const auto key, rename_fields(type.fields[0].type, variable + ".key", mapping, depth + 1));
            WEIR_ASSIGN(const auto value, rename_fields(type.fields[1].type, variable + ".value", mapping, depth + 1));
            return fmt::format(
                "map_from_entries(list_transform(map_entries({}), lambda {}: struct_pack(key := {}, value := {})))",
                expression, variable, key, value);
        }
        default: return expression;
    }
}

class ScanBuilder {
public:
    ScanBuilder(ObjectStore& store, const Snapshot& snapshot, const ScanOptions& options, std::string name)
        : store_(store), snapshot_(snapshot), options_(options), name_(std::move(name)) {}

    Result<ScanPlan> build() {
        WEIR_TRY(resolve_columns());
        WEIR_TRY(choose_files());
        if (files_.empty()) {
            plan_.relation = empty_relation();
            return std::move(plan_);
        }
        std::vector<const ScanFile*> plain;
        std::vector<const ScanFile*> with_vector;
        for (const auto& file : files_) (file.add->deletion_vector ? with_vector : plain).push_back(&file);
        std::vector<std::string> branches;
        WEIR_TRY(add_branches(plain, branches));
        WEIR_TRY(add_branches(with_vector, branches));
        std::string text = "(";
        for (std::size_t i = 0; i < branches.size(); ++i) text += (i ? " UNION ALL " : "") + branches[i];
        plan_.relation = text + ")";
        return std::move(plan_);
    }

private:
    bool in_temporary(std::size_t items) const { return !name_.empty() && items > limits::scan_inline_items_max; }

    Status resolve_columns() {
        const auto& schema = snapshot_.schema();
        for (const auto& field : schema.fields) {
            WEIR_ASSIGN(auto physical, physical_field(field, snapshot_.mapping()));
            const auto& parts = snapshot_.partition_columns();
            const bool partition = std::any_of(parts.begin(), parts.end(),
                                               [&](const auto& p) { return equal_ignoring_case(p, field.name); });
            columns_.push_back({&field, std::move(physical), fmt::format("c{}", columns_.size()), partition});
        }
        if (options_.columns.empty()) {
            for (const auto& column : columns_) output_.push_back(&column);
            return ok();
        }
        for (const auto& name : options_.columns) {
            const auto index = schema.index_of(name);
            if (!index) {
                const auto names = schema.names();
                return Error{.code = ErrorCode::usage,
                             .message = fmt::format("{} has no column '{}'", store_.name(), name),
                             .hint = suggest(name, names)};
            }
            output_.push_back(&columns_[*index]);
        }
        return ok();
    }

    Status choose_files() {
        WEIR_TRY(check_predicates(options_.skip, snapshot_.schema()));
        std::unordered_set<std::string> wanted;
        if (options_.only_files) wanted.insert(options_.only_files->begin(), options_.only_files->end());
        for (const auto& add : snapshot_.files()) {
            if (options_.only_files && !wanted.contains(add.path)) continue;
            if (!options_.skip.empty() &&
                !may_match(facts_of(add, snapshot_.state()), options_.skip, snapshot_.schema())) {
                ++plan_.files_skipped;
                continue;
            }
            ScanFile file{.add = &add, .url = {}, .partition_literals = {}};
            WEIR_ASSIGN(file.url, url_of(add));
            for (const auto* column : output_) {
                if (!column->partition) continue;
                WEIR_ASSIGN(auto literal, partition_literal(add, *column));
                file.partition_literals.push_back(std::move(literal));
            }
            files_.push_back(std::move(file));
        }
        plan_.files_read = files_.size();
        return ok();
    }

    Result<std::string> url_of(const AddFile& add) const {
        auto path = decode_data_path(add.path);
        if (!path) {
            return Error{.code = ErrorCode::table_unsupported,
                         .message = fmt::format("{} keeps the data file {} in a place that weir cannot read",
                                                store_.name(), add.path)};
        }
        return path->absolute ? std::move(path->text) : store_.url(path->text);
    }

    Result<std::string> partition_literal(const AddFile& add, const ScanColumn& column) const {
        const auto value = add.partition_values.find(column.physical.name);
        const auto text = value == add.partition_values.end() ? std::nullopt : value->second;
        auto literal = sql_literal(column.field->type, text);
        if (!literal) {
            return Error{
                .code = ErrorCode::table_damaged,
                .message = fmt::format("{}: the data file {} has the value '{}' for the partition column '{}', "
                                       "which is {}",
                                       store_.name(), add.path, text.value_or(""), column.field->name,
                                       to_string(column.field->type))};
        }
        return std::move(*literal);
    }

    std::string empty_relation() const {
        std::string list;
        for (const auto* column : output_)
            list += fmt::format("{}CAST(NULL AS {}) AS {}", list.empty() ? "" : ", ", to_duckdb(column->field->type),
                                sql::quote_name(column->field->name));
        if (!options_.file_column.empty())
            list += fmt::format(", CAST(NULL AS VARCHAR) AS {}", sql::quote_name(options_.file_column));
        return fmt::format("(SELECT {} WHERE false)", list);
    }

    // Files of one kind: few distinct partition values become constants of one branch each, which DuckDB can prune;
    // many are looked up by the file's number.
    Status add_branches(const std::vector<const ScanFile*>& files, std::vector<std::string>& branches) {
        std::map<std::vector<std::string>, std::vector<const ScanFile*>> groups;
        for (const auto* file : files) groups[file->partition_literals].push_back(file);
        if (groups.size() <= limits::scan_branches_max) {
            for (const auto& [literals, group] : groups) {
                WEIR_ASSIGN(auto branch, branch_of(group, &literals));
                branches.push_back(std::move(branch));
            }
            return ok();
        }
        WEIR_ASSIGN(auto branch, branch_of(files, nullptr));
        branches.push_back(std::move(branch));
        return ok();
    }

    Result<std::string> branch_of(const std::vector<const ScanFile*>& files,
                                  const std::vector<std::string>* constants) {
        std::string list;
        std::size_t partition = 0;
        for (const auto* column : output_) {
            std::string expression;
            if (column->partition) {
                expression = constants != nullptr ? (*constants)[partition] : fmt::format("p.p{}", partition);
                ++partition;
            } else if (snapshot_.mapping() == ColumnMapping::none || !column->field->type.is_nested()) {
                expression = "r." + column->alias;
            } else {
                WEIR_ASSIGN(expression,
                            rename_fields(column->field->type, "r." + column->alias, snapshot_.mapping(), 0));
            }
            list +=
                fmt::format("{}{} AS {}", list.empty() ? "" : ", ", expression, sql::quote_name(column->field->name));
        }
        if (!options_.file_column.empty())
            list += fmt::format(", r.filename AS {}", sql::quote_name(options_.file_column));
        WEIR_ASSIGN(const auto read, read_relation(files));
        auto text = fmt::format("SELECT {} FROM {} r", list, read);
        if (constants == nullptr)
            text += fmt::format(" JOIN {} p ON r.file_index = p.i", partition_lookup(files, partition));
        if (files.front()->add->deletion_vector) {
            WEIR_ASSIGN(const auto deleted, deleted_rows(files));
            text += fmt::format(" ANTI JOIN {} d ON r.file_index = d.i AND r.file_row_number = d.n", deleted);
        }
        return text;
    }

    Result<std::string> read_relation(const std::vector<const ScanFile*>& files) {
        std::string schema;
        // DuckDB takes no schema without columns.
        const bool some =
            std::any_of(output_.begin(), output_.end(), [](const auto* each) { return !each->partition; });
        for (const auto& column : columns_) {
            const bool read = !some || std::find(output_.begin(), output_.end(), &column) != output_.end();
            if (column.partition || !read) continue;
            WEIR_ASSIGN(const auto type, physical_type(column.field->type, snapshot_.mapping()));
            const bool by_id = snapshot_.mapping() == ColumnMapping::id;
            const auto key =
                by_id ? std::to_string(column.physical.id.value_or(0)) : sql::quote_text(column.physical.name);
            schema += fmt::format("{}{}: {{name: '{}', type: {}, default_value: NULL}}", schema.empty() ? "" : ", ",
                                  key, column.alias, sql::quote_text(to_duckdb(type)));
        }
        std::vector<std::string> urls;
        urls.reserve(files.size());
        for (const auto* file : files) urls.push_back(file->url);
        auto text = sql::quote_list(urls);
        if (in_temporary(urls.size())) {
            const auto variable = next_name();
            plan_.setup.push_back(fmt::format("SET VARIABLE {} = {}", variable, text));
            text = fmt::format("getvariable('{}')", variable);
        }
        // With a schema, DuckDB opens no file when it plans, and takes all of them for empty.
        std::int64_t rows = 0;
        for (const auto* file : files)
            rows += live_rows(*file->add).value_or(file->add->size_bytes / guessed_row_bytes);
        return fmt::format(
            "read_parquet({}, hive_partitioning = false, explicit_cardinality = {}, schema = MAP {{{}}})", text,
            std::max<std::int64_t>(rows, 1), schema);
    }

    std::string partition_lookup(const std::vector<const ScanFile*>& files, std::size_t columns) {
        std::string names = "i";
        for (std::size_t i = 0; i < columns; ++i) names += fmt::format(", p{}", i);
        std::string rows;
        for (std::size_t i = 0; i < files.size(); ++i) {
            rows += fmt::format("{}({}", i ? ", " : "", i);
            for (const auto& literal : files[i]->partition_literals) rows += ", " + literal;
            rows += ')';
        }
        return lookup(fmt::format("SELECT * FROM (VALUES {}) v({})", rows, names), files.size());
    }

    Result<std::string> deleted_rows(const std::vector<const ScanFile*>& files) {
        std::string indexes;
        std::string numbers;
        std::size_t count = 0;
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto& ref = *files[i]->add->deletion_vector;
            auto rows = read_deletion_vector(store_, ref);
            if (!rows) return std::move(rows.error()).within(fmt::format("reading {}", files[i]->url));
            for (const auto row : *rows) {
                indexes += fmt::format("{}{}", count ? "," : "", i);
                numbers += fmt::format("{}{}", count ? "," : "", row);
                ++count;
            }
        }
        return lookup(fmt::format("SELECT unnest([{}]::BIGINT[]) AS i, unnest([{}]::BIGINT[]) AS n", indexes, numbers),
                      count);
    }

    std::string lookup(const std::string& select, std::size_t items) {
        if (!in_temporary(items)) return fmt::format("({})", select);
        auto table = next_name();
        plan_.setup.push_back(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", table, select));
        return table;
    }

    std::string next_name() { return fmt::format("weir_scan_{}_{}", name_, temporaries_++); }

    ObjectStore& store_;
    const Snapshot& snapshot_;
    const ScanOptions& options_;
    const std::string name_;  // empty: everything inline
    std::vector<ScanColumn> columns_;
    std::vector<const ScanColumn*> output_;
    std::vector<ScanFile> files_;
    ScanPlan plan_;
    int temporaries_ = 0;
};

}  // namespace

Result<ScanPlan> scan_sql(ObjectStore& store, const Snapshot& snapshot, const ScanOptions& options) {
    return ScanBuilder(store, snapshot, options, "").build();
}

Result<ScanPlan> prepare_scan(ObjectStore& store, sql::Connection& connection, const Snapshot& snapshot,
                              const std::string& name, const ScanOptions& options) {
    WEIR_ASSIGN(auto plan, ScanBuilder(store, snapshot, options, name).build());
    for (const auto& statement : plan.setup) WEIR_TRY(connection.run(statement));
    return plan;
}

Result<std::vector<std::string>> matching_files(const Snapshot& snapshot, const Predicates& predicates) {
    WEIR_TRY(check_predicates(predicates, snapshot.schema()));
    std::vector<std::string> paths;
    for (const auto& add : snapshot.files()) {
        if (may_match(facts_of(add, snapshot.state()), predicates, snapshot.schema())) paths.push_back(add.path);
    }
    return paths;
}

}  // namespace weir::lake
