// How a Parquet file's columns become the contract's, without loss: a value that would change is a broken promise.
#pragma once

#include <string>
#include <vector>

#include "contract/rules.h"
#include "sql/database.h"

namespace weir::contract {

struct ParquetColumns {
    std::vector<std::string> select;   // one SQL expression AS name per contract column, over `read_parquet` AS f
    std::vector<Rule> type_rules;      // over `f`: the value survives the conversion (checked there and back)
    std::vector<std::string> unknown;  // columns of the file that the contract does not name
};

// Columns are found by name, case ignored. Fails where a required column is missing, a type cannot be converted at all,
// or an unknown column is refused; the error names the file's column and both types.
Result<ParquetColumns> parquet_columns(const std::vector<sql::Column>& file, const declare::Contract& contract);

}  // namespace weir::contract
