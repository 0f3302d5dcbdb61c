// What the lake's tests share: a temporary lake, and rows as text.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lake/lake.h"
#include "lake/uuid.h"

namespace weir::lake {

// The value of a result that must be one; otherwise the test fails with the error's text.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(to_string(result.error()));
    return std::move(result).value();
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(to_string(status.error()));
}

class LakeTest : public testing::Test {
public:
    ~LakeTest() override {
        std::error_code ignored;
        fs::remove_all(root, ignored);
    }

protected:
    Table table_at(const std::string& name) { return must(Table::at((root / name).string(), database, Sync::none)); }

    // A table with the schema and rows of a query.
    Table make_table(const std::string& name, const std::string& select, std::vector<std::string> partitions = {}) {
        auto table = table_at(name);
        auto transaction = must(Transaction::create(
            table, {.schema = must(connection.schema_of(select)), .partition_columns = std::move(partitions)}));
        must(transaction.append(connection, select));
        must(commit_or_fail(std::move(transaction)));
        return table;
    }
    Appended append(const Table& table, const std::string& select) {
        auto transaction = must(Transaction::begin(table, must(table.snapshot())));
        auto appended = must(transaction.append(connection, select));
        must(commit_or_fail(std::move(transaction)));
        return appended;
    }
    // Everything that a snapshot holds, in an order of its own.
    static std::vector<std::string> contents(const Snapshot& snapshot) {
        std::vector<std::string> lines{print_action(snapshot.protocol()), print_action(snapshot.metadata())};
        for (auto file : snapshot.files()) {
            file.data_change = false;
            lines.push_back(print_action(file));
        }
        for (auto remove : snapshot.tombstones()) {
            remove.data_change = false;
            lines.push_back(print_action(remove));
        }
        for (const auto& [app_id, txn] : snapshot.transactions()) lines.push_back(print_action(txn));
        for (const auto& [name, domain] : snapshot.domains()) lines.push_back(print_action(domain));
        std::sort(lines.begin(), lines.end());
        return lines;
    }
    // Every row of a query as "a|b|c", sorted.
    std::vector<std::string> rows_of_query(const std::string& select) {
        const auto rows = must(connection.query("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + select + ")"));
        std::vector<std::string> lines;
        for (std::size_t row = 0; row < rows.row_count(); ++row) {
            std::string line;
            for (std::size_t column = 0; column < rows.column_count(); ++column)
                line += (column ? "|" : "") + rows.text_or_null(row, column).value_or("NULL");
            lines.push_back(std::move(line));
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }
    std::vector<std::string> rows_of(const Table& table, const At& at = Newest{}, const ScanOptions& options = {}) {
        const auto snapshot = must(table.snapshot(at));
        return rows_of_query("SELECT * FROM " + must(table.scan(snapshot, options)).relation);
    }
    std::int64_t count_of(const Table& table, const At& at = Newest{}) {
        const auto snapshot = must(table.snapshot(at));
        return must(connection.query("SELECT count(*) FROM " + must(table.scan(snapshot)).relation)).integer(0, 0);
    }
    // Every file below the table's folder but its log, relative.
    std::vector<std::string> files_of(const Table& table) {
        std::vector<std::string> paths;
        for (const auto& object : must(table.store().list("", "", Depth::below))) {
            if (!object.path.starts_with("_delta_log")) paths.push_back(object.path);
        }
        return paths;
    }

    const fs::path root = fs::temp_directory_path() / ("weir-lake-" + new_uuid());
    sql::Database database = must(sql::Database::open({.threads = 2}));
    sql::Connection connection = must(database.connect());
};

}  // namespace weir::lake
