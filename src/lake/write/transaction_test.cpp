#include "lake/write/transaction.h"

#include <gtest/gtest.h>

#include "lake/lake.h"
#include "lake/testing.h"

namespace weir::lake {
namespace {

using TransactionTest = LakeTest;

TEST_F(TransactionTest, creates_appends_and_reads_back) {
    auto table =
        make_table("t", "SELECT 1::BIGINT AS id, 'a' AS name, TIMESTAMPTZ '2024-01-01 10:00:00.123456+00' AS at");
    append(table, "SELECT 2 AS id");
    const auto snapshot = must(table.snapshot());
    EXPECT_EQ(snapshot.version().get(), 1);
    EXPECT_EQ(snapshot.protocol(), Protocol{});
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"1|a|2024-01-01 10:00:00.123456+00", "2|NULL|NULL"}));
}

}  // namespace
}  // namespace weir::lake
