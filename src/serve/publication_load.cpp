#include "serve/publication_load.h"

#include <algorithm>

#include "declare/secret.h"
#include "view/publication.h"

namespace weir::serve {
namespace {

// What no two lakes have in common; empty while nothing was published.
Result<std::string> lake_id(const BatchReads& reads) {
    if (reads.publication() == 0) return std::string();
    WEIR_ASSIGN(const auto table, reads.lake().table(view::publications_table));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    return snapshot.metadata().id;
}

}  // namespace

bool holds_all_views(const declare::Serve& settings) { return !settings.store.postgres.empty(); }

KeyAnswers::Specs key_specs(const declare::Project& project) {
    KeyAnswers::Specs specs;
    for (const auto& view : project.serve.views) {
        const auto* declared = project.view(view.view);
        if (view.key.empty() || !view.served || declared == nullptr) continue;
        KeySpec spec;
        for (const auto& column : view.key)
            if (const auto* field = declared->schema.find(column)) spec.key.push_back(*field);
        for (const auto& limit : project.serve.access.rows) {
            const auto* field = declared->schema.find(limit.column);
            if (!declare::matches_pattern(limit.views, view.view) || field == nullptr) continue;
            spec.owners.push_back(*field);
            spec.limits.push_back(limit);
        }
        specs.emplace(view.view, std::move(spec));
    }
    return specs;
}

Result<std::string> postgres_connection_of(const declare::Project& project) {
    const auto& place = project.serve.store;
    if (!declare::is_secret_reference(place.postgres)) return place.postgres;
    auto connection = declare::read_secret(place.postgres, project.root);
    if (connection) return connection;
    auto error = std::move(connection).error();
    error.where = place.where;
    return error;
}

Result<std::unique_ptr<ServingStore>> open_postgres_of(const declare::Project& project, const std::atomic<bool>& stop) {
    WEIR_ASSIGN(auto connection, postgres_connection_of(project));
    return open_postgres_store(
        {.connection = std::move(connection), .schema = project.serve.store.schema, .stop = &stop});
}

Result<Load> load_of(BatchReads& reads, const declare::Serve& settings, const KeyAnswers::Specs& specs) {
    Load load{.epoch = reads.publication()};
    WEIR_ASSIGN(load.lake, lake_id(reads));
    for (const auto& entry : *reads.catalogue()) {
        const auto found = specs.find(entry.name);
        const bool has_key = found != specs.end();
        if (!has_key && !holds_all_views(settings)) continue;
        auto pinned = reads.pin(entry.name, {});
        if (!pinned && pinned.error().code == ErrorCode::not_found) continue;  // no result yet
        if (!pinned) return std::move(pinned).error();
        ViewLoad view{.pinned = *pinned, .description = entry.description};
        // A result of an earlier text of the view may lack columns.
        const auto has = [&](const Field& field) {
            const auto* own = (*pinned)->schema.find(field.name);
            return own != nullptr && own->type == field.type;
        };
        if (has_key && std::all_of(found->second.key.begin(), found->second.key.end(), has) &&
            std::all_of(found->second.owners.begin(), found->second.owners.end(), has)) {
            view.key = found->second.key;
            view.owners = found->second.owners;
        }
        if (const auto* served = settings.view(entry.name))
            for (const auto& columns : served->indexes)
                if (std::all_of(columns.begin(), columns.end(),
                                [&](const std::string& column) { return (*pinned)->schema.find(column) != nullptr; }))
                    view.indexes.push_back(columns);
        if (holds_all_views(settings) || !view.key.empty()) load.views.push_back(std::move(view));
    }
    return load;
}

Result<StoreLoaded> load_postgres(const declare::Project& project) {
    const std::atomic<bool> stop{false};
    WEIR_ASSIGN(const auto reads, BatchReads::open({.lake = project.lake, .project = &project}));
    WEIR_ASSIGN(const auto load, load_of(*reads, project.serve, key_specs(project)));
    WEIR_ASSIGN(const auto store, open_postgres_of(project, stop));
    WEIR_ASSIGN(auto connection, reads->database().connect());
    WEIR_TRY(store->load(load, connection));
    return StoreLoaded{load.epoch, load.views.size()};
}

}  // namespace weir::serve
