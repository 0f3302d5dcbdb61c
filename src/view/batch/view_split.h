// A project's views, split: what each name in their SQL means, and which views are read as part of others.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "declare/project.h"
#include "lake/lake.h"
#include "view/batch/kept_splits.h"
#include "view/split/lineage.h"
#include "view/split/macros.h"
#include "view/split/split.h"

namespace weir::view {

// How rows of a source's table can be taken back; nothing where they cannot.
std::optional<Weights> weights_of(const declare::Project& project, std::string_view table);

// An in-memory database without rows that knows every table of the project: sources as the lake has them, or as their
// contracts say where the lake does not have them yet, other views by what they give, and the macros.
class Catalog {
public:
    enum class For { running, people };  // people: with what only they look at
    static Result<Catalog> open(const lake::Lake& lake, const declare::Project& project, For reader = For::running);

    // Split once, then kept; several threads may ask. Fails where the view does not bind.
    Result<const Split*> split(const declare::View& view);

    // Keeps what was split below the lake, for the next start; nothing where the lake cannot be written.
    void keep();

    // The columns of tables and views that a view's columns rest on. Fails where the view does not bind.
    Result<std::vector<ColumnLineage>> lineage(const declare::View& view);

    // The states that views which keep every interval use: rows of different days have to stay apart in them.
    Result<std::set<std::string>> states_by_day();

    // The columns that the states of all views read, and those that tell when a row arrived.
    StateColumns columns_of_states();

private:
    Catalog(const declare::Project& project, For reader)
        : project_(&project), reader_(reader), mutex_(std::make_unique<std::mutex>()) {}
    // The database with its tables, the first time that it is needed.
    Status know_tables();
    // Whether a view looks at events one row at a time, so that what reads it can aggregate events directly.
    Result<bool> row_by_row(const declare::View& view);

    const declare::Project* project_;
    For reader_;
    std::map<std::string, Weights> weights_;  // by table, lower case
    std::string tables_;                      // the statements that make them
    std::filesystem::path kept_file_;         // empty: splits are not kept
    std::string fingerprint_;
    std::unique_ptr<std::mutex> mutex_;
    // Guarded by mutex_.
    std::unique_ptr<sql::Database> database_;
    std::unique_ptr<sql::Connection> connection_;  // null until it is needed
    Macros macros_;
    Splits splits_;
    bool all_kept_ = true;
    std::map<std::string, bool> row_by_row_;
};

// The catalog of a project as long as tables have the columns that they had: to split views costs more than to ask.
// One call at a time.
class CatalogKeeper {
public:
    // The project is the same one at each call.
    Result<Catalog*> current(const lake::Lake& lake, const declare::Project& project);

private:
    std::string columns_;  // of all tables
    std::optional<Catalog> catalog_;
};

}  // namespace weir::view
