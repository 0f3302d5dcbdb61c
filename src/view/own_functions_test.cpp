// What weir adds to the databases of views is refused in a user's text, and not there where a user asks.
#include "declare/own_functions.h"

#include <gtest/gtest.h>

#include <set>

#include "view/own_functions.h"

namespace weir::view {
namespace {

std::set<std::string> functions_of(sql::Connection& connection) {
    const auto rows = connection.query("SELECT DISTINCT function_name FROM duckdb_functions()");
    std::set<std::string> names;
    for (std::size_t row = 0; rows && row < rows->row_count(); ++row) names.emplace(rows->text(row, 0));
    return names;
}

TEST(OwnFunctions, all_have_something_to_write_instead) {
    auto database = sql::Database::open({.threads = 1}).value();
    auto connection = database.connect().value();
    const auto before = functions_of(connection);
    ASSERT_TRUE(bool(add_own_functions(connection)));
    std::size_t added = 0;
    for (const auto& name : functions_of(connection)) {
        const bool own = !before.contains(name);
        added += own ? 1 : 0;
        EXPECT_EQ(declare::instead_of_own_function(name).empty(), !own) << name;
    }
    EXPECT_EQ(added, 13U);
}

}  // namespace
}  // namespace weir::view
