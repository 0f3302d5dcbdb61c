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
    EXPECT_EQ(added, 14U);
}

TEST(OwnFunctions, stored_hugeint_is_the_cast) {
    auto database = sql::Database::open({.threads = 1}).value();
    auto connection = database.connect().value();
    ASSERT_TRUE(bool(add_own_functions(connection)));
    const std::string most(38, '9');
    // Over three chunks, constants, lists and NULLs.
    const auto differing = connection.query(
        "WITH v AS (SELECT CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN " + most + " WHEN 2 THEN -" + most +
        " ELSE (i - 2500) * 1000000000000000000000::DECIMAL(38, 0) END::DECIMAL(38, 0) AS d FROM range(5000) r(i)) "
        "SELECT count(*) FROM v WHERE stored_hugeint(d) IS DISTINCT FROM d::HUGEINT OR typeof(stored_hugeint(d)) <> "
        "'HUGEINT' OR stored_hugeint(7::DECIMAL(38, 0)) <> 7 OR stored_hugeint(NULL) IS NOT NULL");
    ASSERT_TRUE(bool(differing)) << differing.error().message;
    EXPECT_EQ(differing->integer(0, 0), 0);
}

}  // namespace
}  // namespace weir::view
