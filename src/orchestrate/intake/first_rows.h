// Which rows of a landing go on, decided while they are read: of each key the first row that never landed before.
//
//   auto first = FirstRows::start(connection, probe);
//   connection.run("COPY (SELECT … FROM (SELECT *, " + first->column(key, order, …) + " AS _first FROM …) WHERE _first)
//   …") first->finish(status)                       the statement's error, if it came from here first->overtaken() rows
//   to take out again
//
// The column has to be one of a SELECT below the WHERE that asks for it: DuckDB does not move a filter below a column
// that a volatile function gives, so it is evaluated once for each row, and only for those that were accepted.
//
// Several threads read at once, and take their turn where the reader knows one. A row whose key came before at an
// earlier position is a duplicate; one that comes before the row of its key that went on goes on too, and the other is
// overtaken.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contract/dedup/first_positions.h"
#include "sql/database.h"

namespace weir::orchestrate {

// Where a row stands in what is taken in: its file's number, and its line there.
struct RowPlace {
    std::int64_t file_no = 0;
    std::int64_t line = 0;
};
// As one number that orders rows by file, then line.
std::string row_order(const std::string& file_no, const std::string& line);
RowPlace row_place(std::int64_t order);

class FirstRows {
public:
    // For each of the ascending hashes 1 if its key landed before, else 0; asked by several threads at once.
    using Probe = std::function<Result<std::vector<std::uint8_t>>(std::span<const contract::Hash128>)>;
    static Result<std::unique_ptr<FirstRows>> start(sql::Connection& connection, Probe probe);
    FirstRows(const FirstRows&) = delete;
    ~FirstRows();

    // BOOLEAN: whether the row with this key (UHUGEINT; NULL: it can be no duplicate) and row_order goes on. `record`
    // is
    // `_record` of the reader's run that it comes from, where there is one.
    std::string column(const std::string& key, const std::string& order, std::optional<std::int64_t> run,
                       const std::string& record) const;
    Status finish(Status statement);

    // Rows that went on although one of the same key stands before them, by row_order.
    const std::vector<std::int64_t>& overtaken() const { return overtaken_; }
    // How many rows of each file are duplicates, the overtaken among them.
    const std::map<std::int64_t, std::int64_t>& duplicates() const { return duplicates_; }
    // The keys that landed, ascending, with the day on which their row's file arrived.
    std::vector<contract::KeyEntry> keys(const std::vector<std::int32_t>& day_of_file) const;

private:
    struct Calls;
    explicit FirstRows(Probe probe) : probe_(std::move(probe)) {}

    const Probe probe_;
    std::int64_t handle_ = 0;
    std::mutex mutex_;
    contract::FirstPositions positions_;
    std::vector<std::int64_t> overtaken_;
    std::map<std::int64_t, std::int64_t> duplicates_;
    std::optional<Error> failed_;
};

}  // namespace weir::orchestrate
