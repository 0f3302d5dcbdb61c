#include "lake/read/added_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lake/read/file_facts.h"

namespace weir::lake {

std::set<std::string> live_paths(const Snapshot& snapshot) {
    std::set<std::string> paths;
    for (const auto& file : snapshot.files()) paths.insert(file.path);
    return paths;
}

Result<std::string> prepare_added(const Table& table, sql::Connection& connection, const Snapshot& snapshot,
                                  const Changes& changes, const std::string& name,
                                  const std::set<std::string>* columns) {
    const auto live = live_paths(snapshot);
    std::map<std::int64_t, std::vector<std::string>> by_version;  // the version to read a file in
    for (const auto& added : changes.added) {
        const auto version = live.contains(added.file.path) ? snapshot.version() : added.version;
        by_version[version.get()].push_back(added.file.path);
    }
    std::vector<std::string> relations;
    const auto read = [&](const Snapshot& at, std::vector<std::string> files) -> Status {
        std::vector<std::string> wanted;
        for (const auto& field : at.schema().fields)
            if (columns != nullptr && columns->contains(lower_case(field.name))) wanted.push_back(field.name);
        WEIR_ASSIGN(const auto scan,
                    prepare_scan(table.store(), connection, at, fmt::format("{}_{}", name, relations.size()),
                                 {.columns = std::move(wanted), .only_files = std::move(files)}));
        for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
        relations.push_back(fmt::format("SELECT * FROM {}", scan.relation));
        return ok();
    };
    if (by_version.empty()) WEIR_TRY(read(snapshot, {}));
    for (auto& [version, files] : by_version) {
        if (version == snapshot.version().get()) {
            WEIR_TRY(read(snapshot, std::move(files)));
        } else {
            WEIR_ASSIGN(const auto then, table.snapshot(TableVersion(version)));
            WEIR_TRY(read(then, std::move(files)));
        }
    }
    return fmt::format("({})", fmt::join(relations, " UNION ALL BY NAME "));
}

}  // namespace weir::lake
