#include "lake/log/snapshot.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "lake/store/local_store.h"
#include "support/places.h"

namespace weir::lake {
namespace {

struct GoldenVersion {
    const char* table;
    std::int64_t version;
    std::size_t files;
};

fs::path golden_root() { return test::data_folder() / "delta-golden"; }

class GoldenFiles : public testing::TestWithParam<GoldenVersion> {};

TEST_P(GoldenFiles, match_the_independent_replay) {
    if (!fs::exists(golden_root())) GTEST_SKIP() << "skipped: no golden tables (set WEIR_TEST_DATA)";
    auto database = std::move(sql::Database::open({})).value();
    LocalStore store(golden_root() / GetParam().table / "delta");
    const auto snapshot = read_snapshot(store, database, TableVersion(GetParam().version));
    ASSERT_TRUE(snapshot) << to_string(snapshot.error());
    EXPECT_EQ(snapshot->files().size(), GetParam().files);
    EXPECT_EQ(snapshot->version().get(), GetParam().version);
}

INSTANTIATE_TEST_SUITE_P(versions, GoldenFiles,
                         testing::Values(GoldenVersion{"app-txn-checkpoint", 1, 4},
                                         GoldenVersion{"app-txn-checkpoint", 0, 2},
                                         GoldenVersion{"basic-with-inserts-deletes-checkpoint", 13, 7},
                                         GoldenVersion{"basic-with-inserts-deletes-checkpoint", 10, 6},
                                         GoldenVersion{"basic-with-inserts-deletes-checkpoint", 4, 5},
                                         GoldenVersion{"basic-with-inserts-updates", 1, 2},
                                         GoldenVersion{"corrupted-last-checkpoint-kernel", 11, 2},
                                         GoldenVersion{"corrupted-last-checkpoint-kernel", 10, 22},
                                         GoldenVersion{"dv-with-columnmapping", 15, 15},
                                         GoldenVersion{"dv-with-columnmapping", 9, 19},
                                         GoldenVersion{"dv-with-columnmapping", 0, 20}));

TEST(Golden, a_gap_is_an_error_that_names_the_commit) {
    if (!fs::exists(golden_root())) GTEST_SKIP() << "skipped: no golden tables (set WEIR_TEST_DATA)";
    auto database = std::move(sql::Database::open({})).value();
    LocalStore store(golden_root() / "versions-not-contiguous" / "delta");
    const auto snapshot = read_snapshot(store, database);
    ASSERT_FALSE(snapshot);
    EXPECT_EQ(snapshot.error().code, ErrorCode::table_damaged);
    EXPECT_NE(snapshot.error().message.find("needs commit 1"), std::string::npos) << to_string(snapshot.error());
}

TEST(Golden, transactions_come_out_of_a_checkpoint) {
    if (!fs::exists(golden_root())) GTEST_SKIP() << "skipped: no golden tables (set WEIR_TEST_DATA)";
    auto database = std::move(sql::Database::open({})).value();
    LocalStore store(golden_root() / "app-txn-checkpoint" / "delta");
    const auto snapshot = read_snapshot(store, database);
    ASSERT_TRUE(snapshot) << to_string(snapshot.error());
    EXPECT_EQ(snapshot->transaction_version("my-app"), 3);
    EXPECT_EQ(snapshot->transaction_version("my-app2"), 2);
    EXPECT_EQ(snapshot->transaction_version("unknown"), std::nullopt);
}

}  // namespace
}  // namespace weir::lake
