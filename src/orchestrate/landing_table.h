// The table that a source lands in: how its schema may change, and the SELECT that brings checked rows into its
// columns.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/rules.h"
#include "declare/project.h"
#include "lake/table.h"
#include "sql/database.h"

namespace weir::orchestrate {

// How a table's columns may differ from what a source lands today.
struct SchemaChange {
    std::vector<Field> added;  // to be added as nullable columns
};
// What has to change in `have` so that rows of `want` fit. Columns that `have` alone knows stay and become NULL. A
// changed type is refused, with both types and the way out.
Result<SchemaChange> schema_change(const Schema& have, const Schema& want, const std::string& table);

// Gives the table the columns of the schema that it does not have yet. Errors call it `name`.
Status add_columns(const lake::Table& table, const Schema& schema, const std::string& name);

// Makes the keys of masked columns known to the connection; they never stand in a statement's text. Fails with
// secret_missing.
Status prepare_masking(sql::Connection& connection, const declare::Contract& contract,
                       const std::filesystem::path& root);

// What lands in a column of weir's own, as SQL.
struct OwnColumn {
    std::string name, sql;
};

// What `records` (an alias of the reader's rows) and `files` (file_no, path, arrival) give, in the order of `table`;
// columns that only the table knows are NULL.
std::string landing_select(const Schema& table, const declare::Contract& contract, const std::string& records,
                           const std::string& files, Time ingested_at, const std::vector<OwnColumn>& own = {});

}  // namespace weir::orchestrate
