#include "view/publication.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "view/batch/refresh.h"

namespace weir::view {

Versions versions_of(const std::string& cut, const std::set<std::string>& tables) {
    Versions versions;
    const auto parsed = nlohmann::json::parse(cut, nullptr, false);
    if (!parsed.is_object()) return versions;
    for (const auto& [table, version] : parsed.items())
        if (version.is_number_integer()) versions.emplace(table, version.get<std::int64_t>());
    for (const auto& table : tables) versions.emplace(table, not_there);
    return versions;
}

namespace {

Result<Publication> publication_at(const lake::Table& table, const lake::Snapshot& snapshot, sql::Database& database) {
    Publication publication;
    publication.number = snapshot.transaction_version(publication_app).value_or(0);
    if (publication.number == 0) return publication;
    const auto number = std::to_string(publication.number);
    WEIR_ASSIGN(const auto scan, table.scan(snapshot, {.skip = {{"publication", lake::Comparison::equal, number}}}));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format(
                                     "SELECT \"view\", table_version, table_id, \"interval\"::VARCHAR, cut, code, "
                                     "\"rows\", checksum FROM {} WHERE publication = {}",
                                     scan.relation, number)));
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        publication.views.emplace(rows.text(row, 0), PublishedView{.table_version = rows.integer(row, 1),
                                                                   .table_id = std::string(rows.text(row, 2)),
                                                                   .interval = std::string(rows.text(row, 3)),
                                                                   .cut = std::string(rows.text(row, 4)),
                                                                   .code = std::string(rows.text(row, 5)),
                                                                   .rows = rows.integer(row, 6),
                                                                   .checksum = std::string(rows.text(row, 7))});
    }
    return publication;
}

}  // namespace

Result<Publication> newest_publication(const lake::Lake& lake, sql::Database& database) {
    WEIR_ASSIGN(const auto table, lake.table(publications_table));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return Publication();
    return publication_at(table, *snapshot, database);
}

Result<std::shared_ptr<const Publication>> LastPublication::newest(const lake::Lake& lake, sql::Database& database) {
    WEIR_ASSIGN(const auto table, lake.table(publications_table));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    const auto position = snapshot ? position_of(*snapshot) : std::string();
    if (position == read_from_) return publication_;
    Publication publication;
    if (snapshot) {
        WEIR_ASSIGN(publication, publication_at(table, *snapshot, database));
    }
    publication_ = std::make_shared<const Publication>(std::move(publication));
    read_from_ = position;
    return publication_;
}

}  // namespace weir::view
