// One load of a PostgreSQL store.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "serve/store/postgres_tables.h"

namespace weir::serve::postgres {

struct LoadDone {
    bool changed = false;             // and is committed
    std::vector<std::string> filled;  // tables all of whose rows are new, quoted: for the planner to look at
};
// In one transaction. On an error, the connection is to be thrown away: that is the rollback. `stop` ends the waiting
// for others.
Result<LoadDone> load(const Load& what, const Shapes& shapes, const std::string& schema, Connection& to,
                      sql::Connection& source, const std::function<bool()>& stop);

}  // namespace weir::serve::postgres
