#include "contract/duplicates.h"

#include <gtest/gtest.h>

#include "sql/database.h"

namespace weir::contract {
namespace {

using declare::Contract;
using declare::Deduplicate;

Contract two_columns(Deduplicate::By by) {
    Contract contract;
    contract.columns.resize(2);
    contract.columns[0].name = "a";
    contract.columns[1].name = "b";
    contract.deduplicate = {.by = by, .columns = {"a", "b"}};
    return contract;
}

std::int64_t distinct(const std::string& hash, const std::string& rows) {
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    auto result =
        connection.query("SELECT count(DISTINCT h) FROM (SELECT " + hash + " AS h FROM (VALUES " + rows + ") t(a, b))");
    EXPECT_TRUE(result) << to_string(result.error());
    return result ? result->integer(0, 0) : -1;
}

TEST(Duplicates, different_keys_have_different_hashes) {
    const auto hash = *key_hash(two_columns(Deduplicate::By::columns));
    EXPECT_EQ(distinct(hash, "('a', 'bc'), ('ab', 'c'), ('a', 'bc')"), 2);
    EXPECT_EQ(distinct(hash, "('1:a', ''), ('', '1:a')"), 2);
    EXPECT_EQ(distinct(hash, "('ä', 'x'), ('a', 'x'), ('A', 'x')"), 3);
}

TEST(Duplicates, null_in_a_key_is_nobodys_duplicate_but_whole_rows_with_null_are) {
    EXPECT_EQ(distinct(*key_hash(two_columns(Deduplicate::By::columns)), "('a', NULL), ('a', NULL)"), 0);
    EXPECT_EQ(distinct(*key_hash(two_columns(Deduplicate::By::row)), "('a', NULL), ('a', NULL), ('a', '')"), 2);
    EXPECT_FALSE(key_hash(two_columns(Deduplicate::By::nothing)));
}

}  // namespace
}  // namespace weir::contract
