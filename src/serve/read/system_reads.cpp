#include "serve/read/system_reads.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "lake/read/file_facts.h"
#include "model/system_tables.h"
#include "view/batch/interval_batch.h"

namespace weir::serve {
namespace {

constexpr std::size_t computed_max = 32;

std::string no_rows(const Schema& schema) {
    std::string columns;
    for (const auto& field : schema.fields)
        columns += fmt::format("{}NULL::{} AS {}", columns.empty() ? "" : ", ", to_duckdb(field.type),
                               sql::quote_name(field.name));
    return fmt::format("(SELECT {} WHERE false)", columns);
}

Error not_kept(const std::string& table) {
    return {.code = ErrorCode::offsets_gone,
            .message = fmt::format("this version of {} is not kept any more", table),
            .hint = "begin again without a cursor"};
}

}  // namespace

SystemReads::SystemReads(const lake::Lake& lake, sql::Database& database, std::map<std::string, Computed> computed)
    : lake_(&lake), database_(&database), computed_(std::move(computed)) {
    computed_.emplace("tables", [this] { return tables_relation(); });
    auto entries = std::make_shared<std::vector<CatalogueEntry>>();
    for (const auto& table : system_tables()) {
        const std::string name(table.name);
        if (!table.stored && !computed_.contains(name)) continue;
        entries->push_back({.name = name,
                            .description = std::string(table.summary),
                            .kind = "system",
                            .schema = table.schema,
                            .has_result = true});
    }
    std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    catalogue_ = std::move(entries);
}

bool SystemReads::has(const std::string& table) const {
    return std::any_of(catalogue_->begin(), catalogue_->end(),
                       [&](const CatalogueEntry& entry) { return entry.name == table; });
}

Result<SystemReads::TableFacts> SystemReads::facts(const std::string& name) {
    WEIR_ASSIGN(const auto table, lake_->table(name));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    TableFacts facts{.name = name};
    if (!snapshot) return facts;
    facts.version = snapshot->version().get();
    facts.rows = 0;
    for (const auto& file : snapshot->files()) {
        ++facts.files;
        facts.bytes += file.size_bytes;
        const auto live = lake::live_rows(file);
        facts.rows = facts.rows >= 0 && live ? facts.rows + *live : -1;
    }
    return facts;
}

Result<std::string> SystemReads::tables_relation() {
    WEIR_ASSIGN(const auto names, lake_->tables());
    std::string values;
    for (const auto& name : names) {
        WEIR_ASSIGN(const auto facts, this->facts(name));
        WEIR_ASSIGN(const auto listed, lake_->table(name));
        WEIR_ASSIGN(const auto snapshot, listed.newest());
        if (!snapshot) continue;
        std::string columns, partitions;
        for (const auto& field : snapshot->schema().fields)
            columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", field.name, weir::to_string(field.type));
        for (const auto& column : snapshot->partition_columns())
            partitions += (partitions.empty() ? "" : ", ") + column;
        const auto changed = snapshot->state().in_commit_timestamp_ms;
        values += fmt::format("{}({}, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}, {}, {}::TIMESTAMPTZ)",
                              values.empty() ? "" : ", ", sql::quote_text(name), facts.version,
                              facts.rows < 0 ? "NULL" : std::to_string(facts.rows), facts.files, facts.bytes,
                              sql::quote_text(columns), sql::quote_text(partitions),
                              changed ? fmt::format("make_timestamptz({})", *changed * 1000) : "NULL");
    }
    const auto& schema = system_table("tables").schema;
    if (values.empty()) return no_rows(schema);
    std::string names_of;
    for (const auto& field : schema.fields)
        names_of += fmt::format("{}{}", names_of.empty() ? "" : ", ", sql::quote_name(field.name));
    return fmt::format("(SELECT * FROM (VALUES {}) t({}))", values, names_of);
}

Result<std::shared_ptr<const Pinned>> SystemReads::pin(const std::string& table, const Wanted& wanted) {
    if (!has(table))
        return Error{.code = ErrorCode::not_found, .message = fmt::format("there is no system table '{}'", table)};
    if (wanted.known_at || wanted.as_of)
        return Error{.code = ErrorCode::refused,
                     .message = "system tables are as of now",
                     .hint = "leave out known_at and as_of; their columns tell when"};
    return computed_.contains(table) ? pin_computed(table, wanted.version) : pin_stored(table, wanted.version);
}

Result<std::shared_ptr<const Pinned>> SystemReads::pin_stored(const std::string& name, const std::string& version) {
    auto pinned = std::make_shared<Pinned>();
    pinned->view = name;
    pinned->schema = system_table(name).schema;
    WEIR_ASSIGN(const auto table, lake_->table("weir/" + name));
    WEIR_ASSIGN(auto snapshot, table.newest());
    if (!snapshot) {
        pinned->version = "none";
        pinned->relation = no_rows(pinned->schema);
        return std::shared_ptr<const Pinned>(std::move(pinned));
    }
    const auto text_of = [](const lake::Snapshot& of) {
        return fmt::format("{}-{}", of.version().get(), of.metadata().id);
    };
    if (!version.empty() && version != text_of(*snapshot)) {
        // As a cursor has it: it was given by us, and cannot be made up.
        const auto dash = version.find('-');
        if (dash == std::string::npos) return not_kept(name);
        auto earlier = table.snapshot(lake::TableVersion(std::strtoll(version.c_str(), nullptr, 10)));
        if (!earlier || earlier->metadata().id != version.substr(dash + 1)) return not_kept(name);
        snapshot = std::move(*earlier);
    }
    pinned->version = text_of(*snapshot);
    pinned->schema = snapshot->schema();
    WEIR_ASSIGN(const auto plan, table.scan(*snapshot));
    pinned->relation = name == "quarantine" ? view::newest_states(plan.relation) : plan.relation;
    pinned->from.cut = fmt::format("{{\"weir.{}\":{}}}", name, snapshot->version().get());
    return std::shared_ptr<const Pinned>(std::move(pinned));
}

Result<std::shared_ptr<const Pinned>> SystemReads::pin_computed(const std::string& name, const std::string& version) {
    const auto find = [&](const std::string& wanted) -> std::shared_ptr<const Pinned> {
        const auto known = std::find_if(kept_.begin(), kept_.end(), [&](const auto& kept) {
            return kept->view == name && kept->version == wanted;
        });
        return known == kept_.end() ? nullptr : *known;
    };
    if (!version.empty()) {
        const std::lock_guard lock(mutex_);
        if (auto known = find(version)) return known;
        return not_kept(name);
    }
    WEIR_ASSIGN(auto relation, computed_.at(name)());
    auto pinned = std::make_shared<Pinned>();
    pinned->view = name;
    pinned->schema = system_table(name).schema;
    pinned->version = "computed-" + sha256_hex(relation).substr(0, 24);
    pinned->relation = std::move(relation);
    const std::lock_guard lock(mutex_);
    if (auto known = find(pinned->version)) return known;
    kept_.push_back(pinned);
    if (kept_.size() > computed_max) kept_.pop_front();
    return std::shared_ptr<const Pinned>(std::move(pinned));
}

}  // namespace weir::serve
