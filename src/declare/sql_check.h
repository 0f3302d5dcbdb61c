// All SQL of a project against DuckDB: parsed for what it reads, bound against empty tables, every error at its place.
#pragma once

#include "declare/context.h"

namespace weir::declare {

// Reads macros.sql and views/*.sql into the project (views in dependency order) and checks every SQL text.
void check_sql(Context& context);

}  // namespace weir::declare
