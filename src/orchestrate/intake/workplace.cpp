#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

Result<lake::Table> open_or_create(const Workplace& at, const std::string& name, const Schema& schema,
                                   const std::vector<std::string>& partition_columns, const std::string& description) {
    WEIR_ASSIGN(auto table, at.lake.table(name));
    table.set_clock(at.clock);
    WEIR_ASSIGN(const bool exists, table.exists());
    if (exists) return table;
    WEIR_ASSIGN(auto transaction, lake::Transaction::create(table, {.schema = schema,
                                                                    .partition_columns = partition_columns,
                                                                    .name = name,
                                                                    .description = description}));
    transaction.set_operation("CREATE TABLE");
    auto committed = lake::commit_or_fail(std::move(transaction));
    // Another process may have made it meanwhile.
    if (!committed && committed.error().code == ErrorCode::table_conflict) {
        WEIR_ASSIGN(const bool there, table.exists());
        if (there) return table;
    }
    WEIR_TRY(committed);
    return table;
}

}  // namespace weir::orchestrate
