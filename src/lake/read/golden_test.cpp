// Every golden table gives its expected rows.
#include <gtest/gtest.h>

#include <cstdlib>

#include "lake/read/scan.h"
#include "lake/store/local_store.h"
#include "support/places.h"

namespace weir::lake {
namespace {

fs::path golden_root() { return test::data_folder() / "delta-golden"; }

class GoldenTest : public testing::Test {
protected:
    void SetUp() override {
        if (!fs::exists(golden_root())) GTEST_SKIP() << "skipped: no golden tables (set WEIR_TEST_DATA)";
        database = std::move(sql::Database::open({})).value();
        connection = std::move(database->connect()).value();
    }
    std::string scan(const std::string& table, const At& at = Newest{}, const ScanOptions& options = {}) {
        LocalStore store(golden_root() / table / "delta");
        const auto snapshot = read_snapshot(store, *database, at);
        EXPECT_TRUE(snapshot) << to_string(snapshot.error());
        const auto plan = scan_sql(store, *snapshot, options);
        EXPECT_TRUE(plan) << to_string(plan.error());
        return plan->relation;
    }
    std::int64_t count(const std::string& sql) {
        const auto rows = connection->query(sql);
        EXPECT_TRUE(rows) << sql << "\n" << to_string(rows.error());
        return rows ? rows->integer(0, 0) : -1;
    }
    void expect_equal(const std::string& left, const std::string& right) {
        EXPECT_EQ(count("SELECT count(*) FROM " + left), count("SELECT count(*) FROM " + right));
        EXPECT_EQ(count(fmt_except(left, right)), 0);
        EXPECT_EQ(count(fmt_except(right, left)), 0);
    }
    static std::string fmt_except(const std::string& a, const std::string& b) {
        return "SELECT count(*) FROM (SELECT * FROM " + a + " EXCEPT ALL SELECT * FROM " + b + ")";
    }
    std::optional<sql::Database> database;
    std::optional<sql::Connection> connection;
};

class GoldenRows : public GoldenTest, public testing::WithParamInterface<const char*> {};

TEST_P(GoldenRows, equal_the_expected_ones) {
    const std::string table = GetParam();
    const auto actual = scan(table);
    const auto columns = connection->describe("SELECT * FROM " + actual);
    ASSERT_TRUE(columns) << to_string(columns.error());
    std::string list;
    for (const auto& column : *columns)
        list += (list.empty() ? "" : ", ") + sql::quote_name(column.name) + "::" + column.type;
    expect_equal(actual, "(SELECT " + list + " FROM read_parquet('" +
                             (golden_root() / table / "expected" / "*.parquet").string() +
                             "', hive_partitioning = false))");
}

INSTANTIATE_TEST_SUITE_P(tables, GoldenRows,
                         testing::Values("basic-decimal-table", "basic-with-inserts-deletes-checkpoint",
                                         "basic-with-inserts-updates", "corrupted-last-checkpoint-kernel",
                                         "data-reader-escaped-chars", "data-reader-map", "data-reader-primitives",
                                         "data-skipping-partition-and-data-column", "dv-with-columnmapping",
                                         "kernel-timestamp-int96", "time-travel-start-start20"));

TEST_F(GoldenTest, without_expected_rows_the_note_counts) {
    EXPECT_EQ(count("SELECT count(*) FROM " + scan("app-txn-checkpoint")), 22);
}

TEST_F(GoldenTest, deletion_vectors_take_one_row_per_commit) {
    for (std::int64_t version = 0; version <= 15; ++version)
        EXPECT_EQ(count("SELECT count(*) FROM " + scan("dv-with-columnmapping", TableVersion(version))), 50 - version);
}

TEST_F(GoldenTest, time_travel_gives_the_old_rows) {
    expect_equal(scan("time-travel-start-start20", TableVersion(0)), "(SELECT range::BIGINT AS id FROM range(10))");
    expect_equal(scan("time-travel-start-start20"), "(SELECT range::BIGINT AS id FROM range(20))");
}

TEST_F(GoldenTest, int96_and_zoneless_partition_values_are_utc) {
    EXPECT_EQ(count("SELECT epoch_us(part) FROM " + scan("kernel-timestamp-int96") + " WHERE id = 0"),
              1577866150001000);
    EXPECT_EQ(count("SELECT epoch_us(\"time\") FROM " + scan("kernel-timestamp-int96") + " WHERE id = 0"),
              1580544550000000);
}

TEST_F(GoldenTest, files_are_skipped_by_their_statistics) {
    LocalStore store(golden_root() / "data-skipping-partition-and-data-column" / "delta");
    const auto snapshot = read_snapshot(store, *database);
    ASSERT_TRUE(snapshot) << to_string(snapshot.error());
    const auto files = [&](Predicates skip) {
        const auto plan = scan_sql(store, *snapshot, {.skip = std::move(skip)});
        EXPECT_TRUE(plan) << to_string(plan.error());
        return plan ? plan->files_read : 0;
    };
    const Predicate part{"part", Comparison::equal, "1"};
    const Predicate id{"id", Comparison::equal, "1"};
    EXPECT_EQ(files({part}), 2u);
    EXPECT_EQ(files({id}), 2u);
    EXPECT_EQ(files({part, id}), 1u);
}

}  // namespace
}  // namespace weir::lake
