#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "base/limits.h"
#include "lake/log/paths.h"
#include "lake/log/protocol.h"
#include "lake/maintain/checkpoint.h"
#include "lake/maintain/history.h"
#include "lake/maintain/optimize.h"
#include "lake/maintain/restore.h"
#include "lake/maintain/vacuum.h"
#include "lake/testing.h"
#include "support/places.h"

namespace weir::lake {
namespace {

using namespace std::chrono_literals;

class MaintainTest : public LakeTest {
protected:
    static void age(const Table& table, const std::string& path, std::chrono::hours hours) {
        fs::last_write_time(table.store().url(path), fs::file_time_type::clock::now() - hours);
    }
    void overwrite(const Table& table, const std::string& select) {
        auto transaction = must(Transaction::begin(table, must(table.snapshot())));
        must(transaction.overwrite());
        must(transaction.append(connection, select));
        must(commit_or_fail(std::move(transaction)));
    }
};

TEST_F(MaintainTest, a_checkpoint_says_what_the_log_says) {
    auto table = make_table("t", "SELECT 1 AS id, 'a b' AS p, TIMESTAMP '2024-01-01' AS at", {"p"});
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    must(transaction.set_txn("app", 41));
    transaction.add_action(DomainMetadata{"delta.domain", R"({"a":"b"})", false});
    transaction.set_configuration("unknown.key", "kept");
    must(transaction.append(connection, "SELECT 2 AS id, NULL::VARCHAR AS p"));
    must(commit_or_fail(std::move(transaction)));
    overwrite(table, "SELECT i AS id, 'p' || i AS p FROM range(5) t(i)");
    const auto from_log = contents(must(read_snapshot(table.store(), database)));
    const auto written = must(write_checkpoint(table));
    EXPECT_EQ(written.actions, static_cast<std::int64_t>(from_log.size()));
    for (int version = 0; version < 2; ++version) must(table.store().remove(commit_path(TableVersion(version))));
    EXPECT_EQ(contents(must(read_snapshot(table.store(), database))), from_log);
    EXPECT_EQ(must(table.snapshot()).transaction_version("app"), 41);
    EXPECT_EQ(count_of(table), 5);
    append(table, "SELECT 9 AS id, 'q' AS p");
    EXPECT_EQ(count_of(table), 6);
}

TEST_F(MaintainTest, a_checkpoint_is_written_now_and_then_and_a_broken_hint_does_no_harm) {
    constexpr auto interval = limits::checkpoint_interval;
    constexpr auto newest = 2 * interval + 1;
    auto table = make_table("t", "SELECT 0 AS id");
    for (int i = 1; i <= newest; ++i) append(table, fmt::format("SELECT {} AS id", i));
    const auto listing = must(table.store().list("_delta_log", "", Depth::here));
    std::vector<std::int64_t> versions;
    for (const auto& checkpoint : complete_checkpoints(listing)) versions.push_back(checkpoint.version.get());
    EXPECT_EQ(versions, (std::vector<std::int64_t>{interval, 2 * interval}));
    const auto contents_before = contents(must(table.snapshot()));
    for (const auto* hint :
         {"", "{", R"({"version":50,"size":1})", R"({"version":999,"size":1})", R"({"version":"x"})"}) {
        must(table.store().put("_delta_log/_last_checkpoint", hint));
        EXPECT_EQ(contents(must(table_at("t").snapshot())), contents_before) << hint;
    }
    for (std::int64_t version = 0; version <= newest; ++version)
        EXPECT_EQ(count_of(table, TableVersion(version)), version + 1);
    EXPECT_FALSE(table.snapshot(TableVersion(newest + 1)));
}

TEST_F(MaintainTest, a_failing_checkpoint_fails_no_commit) {
    auto table = make_table("t", "SELECT 0 AS id");
    constexpr auto interval = limits::checkpoint_interval;
    for (int i = 1; i < interval; ++i) append(table, "SELECT 1 AS id");
    fs::create_directories(table.store().url(checkpoint_path(TableVersion(interval))) + "/in_the_way");
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    must(transaction.append(connection, "SELECT 1 AS id"));
    const auto committed = must(commit_or_fail(std::move(transaction)));
    EXPECT_EQ(committed.version.get(), interval);
    EXPECT_TRUE(committed.checkpoint_error);
    EXPECT_EQ(count_of(table), interval + 1);
}

TEST_F(MaintainTest, a_snapshot_moves_forward_as_it_would_be_read) {
    auto table = make_table("t", "SELECT 0 AS id");
    must(table.snapshot());
    for (int i = 1; i <= 12; ++i) {
        if (i % 4 == 0)
            overwrite(table, fmt::format("SELECT {} AS id", i));
        else
            append(table, fmt::format("SELECT {} AS id", i));
        EXPECT_EQ(contents(must(table.snapshot())), contents(must(table_at("t").snapshot()))) << i;
    }
    EXPECT_EQ(must(table.snapshot()).version(), TableVersion(12));
}

TEST_F(MaintainTest, a_table_that_was_made_anew_is_read_anew) {
    const auto table = make_table("t", "SELECT 0 AS id");
    append(table, "SELECT 1 AS id");
    const auto before = must(table.snapshot());
    fs::remove_all(root / "t");
    EXPECT_EQ(must(table.newest()), std::nullopt);
    auto again = make_table("t", "SELECT 'a' AS name");
    for (const auto* name : {"b", "c"}) append(again, fmt::format("SELECT '{}' AS name", name));
    const auto now = must(table.snapshot());
    EXPECT_NE(now.metadata().id, before.metadata().id);
    EXPECT_EQ(contents(now), contents(must(again.snapshot())));
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"a", "b", "c"}));
    // What was read before is a value.
    EXPECT_EQ(before.version(), TableVersion(1));
}

TEST_F(MaintainTest, optimize_keeps_the_rows_and_changes_no_data) {
    auto table = make_table("t", "SELECT 0 AS id, 0 AS p", {"p"});
    for (int i = 1; i < 9; ++i) append(table, fmt::format("SELECT {} AS id, {} AS p", i, i % 2));
    const auto before = rows_of(table);
    const auto result = must(optimize(table));
    EXPECT_EQ(result.files_removed, 9u);
    EXPECT_EQ(result.files_added, 2u);
    EXPECT_EQ(result.rows, 9);
    EXPECT_EQ(rows_of(table), before);
    EXPECT_EQ(rows_of(table, TableVersion(8)), before);
    EXPECT_TRUE(only_rearranges(must(read_commit(table.store(), *result.version))));
    EXPECT_FALSE(must(optimize(table)).version) << "nothing is left to do";
}

TEST(CompactionPlan, fills_files_up_to_the_target_per_partition) {
    const auto file = [](std::int64_t size, const char* partition, bool vector = false) {
        AddFile add{.path = "x", .size_bytes = size};
        add.partition_values = {{"p", partition}};
        if (vector) add.deletion_vector = DeletionVectorRef{"i", "x", {}, 1, 1};
        return add;
    };
    using Groups = std::vector<std::vector<std::size_t>>;
    EXPECT_EQ(plan_compaction({file(10, "a"), file(10, "b")}, 100), Groups{});
    EXPECT_EQ(plan_compaction({file(10, "a"), file(10, "b"), file(10, "a")}, 100), (Groups{{0, 2}}));
    EXPECT_EQ(plan_compaction({file(40, "a"), file(40, "a"), file(40, "a"), file(40, "a")}, 100),
              (Groups{{0, 1}, {2, 3}}));
    EXPECT_EQ(plan_compaction({file(90, "a"), file(10, "a")}, 100), Groups{});
    EXPECT_EQ(plan_compaction({file(90, "a", true)}, 100), (Groups{{0}}));
}

TEST_F(MaintainTest, optimize_refuses_what_we_do_not_write) {
    const auto golden = test::data_folder() / "delta-golden/dv-with-columnmapping/delta";
    if (!fs::exists(golden)) GTEST_SKIP() << "skipped: no golden tables (set WEIR_TEST_DATA)";
    fs::create_directories(root);
    fs::copy(golden, root / "dv", fs::copy_options::recursive);
    // It maps its columns, which we do not write: refused by name, and nothing is touched.
    const auto result = optimize(table_at("dv"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::table_unsupported);
    EXPECT_NE(result.error().message.find("columnMapping"), std::string::npos);
}

TEST_F(MaintainTest, vacuum_shows_first_and_keeps_what_is_needed) {
    auto table = make_table("t", "SELECT 0 AS id, 0 AS _p", {"_p"});
    overwrite(table, "SELECT 1 AS id, 1 AS _p");
    const auto old_file = must(table.snapshot(TableVersion(0))).files()[0].path;
    const auto live_file = must(table.snapshot()).files()[0].path;
    must(table.store().put("orphan.parquet", "x"));
    must(table.store().put("_hidden/keep", "x"));
    must(table.store().put(".hidden", "x"));
    must(table.store().put("young.parquet", "x"));
    must(table.store().put("_weir_staging/dead/data.parquet", "x"));
    must(table.store().put("_weir_staging/alive/data.parquet", "x"));
    for (const auto& path : {old_file, live_file, std::string("orphan.parquet"), std::string("_hidden/keep"),
                             std::string(".hidden"), std::string("_weir_staging/dead/data.parquet")})
        age(table, path, 24h * 8);
    const auto paths = [](const VacuumResult& result) {
        std::vector<std::string> names;
        for (const auto& file : result.files) names.push_back(file.path);
        return names;
    };
    // The old file was removed from the table a moment ago: its version may still be read for a week.
    const std::vector<std::string> expected{"_weir_staging/dead/data.parquet", "orphan.parquet"};
    EXPECT_EQ(paths(must(vacuum(table))), expected);
    EXPECT_TRUE(table.store().head("orphan.parquet")) << "a dry run removes nothing";
    const auto refused = vacuum(table, {.retention_ms = 0, .dry_run = false});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::refused);
    EXPECT_EQ(paths(must(vacuum(table, {.dry_run = false}))), expected);
    EXPECT_FALSE(table.store().head("orphan.parquet"));
    EXPECT_EQ(count_of(table, TableVersion(0)), 1);
    ManualClock later(SystemClock().now() + 24h * 30);
    table.set_clock(later);
    must(vacuum(table, {.dry_run = false}));
    EXPECT_FALSE(table.store().head(old_file));
    EXPECT_TRUE(table.store().head(live_file));
    EXPECT_TRUE(table.store().head("_hidden/keep"));
    EXPECT_EQ(count_of(table), 1);
}

TEST_F(MaintainTest, vacuum_takes_what_killed_writers_left) {
    auto table = make_table("t", "SELECT 0 AS id");
    const std::string old_half = "_delta_log/.00000000000000000001.json.tmp-77-1";
    const std::string young_half = "_delta_log/.00000000000000000001.json.tmp-78-1";
    must(table.store().put(old_half, "{"));
    must(table.store().put(young_half, "{"));
    const fs::path staging = table.store().url("_weir_staging");
    fs::create_directories(staging / "empty" / "below");
    fs::create_directories(staging / "young");
    must(table.store().put("_weir_staging/full/part/data.parquet", "x"));
    must(table.store().put("awaited.parquet", "x"));
    for (const auto* path : {"_weir_staging/full/part/data.parquet", "awaited.parquet"}) age(table, path, 24h * 8);
    age(table, old_half, 24h * 8);
    for (const auto* folder : {"empty/below", "empty"})
        fs::last_write_time(staging / folder, fs::file_time_type::clock::now() - 24h * 8);
    const auto result = must(vacuum(table, {.dry_run = false, .spare = {"awaited.parquet"}}));
    std::vector<std::string> paths;
    for (const auto& file : result.files) paths.push_back(file.path);
    EXPECT_EQ(paths,
              (std::vector<std::string>{old_half, "_weir_staging/empty/", "_weir_staging/full/part/data.parquet"}));
    EXPECT_FALSE(table.store().head(old_half));
    EXPECT_TRUE(table.store().head(young_half));
    EXPECT_FALSE(fs::exists(staging / "empty"));
    EXPECT_FALSE(fs::exists(staging / "full"));
    EXPECT_TRUE(fs::exists(staging / "young"));
    EXPECT_TRUE(table.store().head("awaited.parquet"));
    EXPECT_EQ(count_of(table), 1);
}

TEST_F(MaintainTest, a_restore_is_counted) {
    auto table = make_table("t", "SELECT 0 AS id");
    append(table, "SELECT 1 AS id");
    must(restore(table, TableVersion(0)));
    must(restore(table, TableVersion(1)));
    EXPECT_EQ(must(table.snapshot()).transaction_version(std::string(restore_app)), 2);
}

TEST(VacuumNames, hidden_ones_are_left_alone) {
    EXPECT_TRUE(hidden_from_vacuum("_delta_log/0.json", {}));
    EXPECT_TRUE(hidden_from_vacuum("a/.b/c", {}));
    EXPECT_TRUE(hidden_from_vacuum("_p=1/x", {}));
    EXPECT_FALSE(hidden_from_vacuum("_p=1/x", {"_p"}));
    EXPECT_FALSE(hidden_from_vacuum("_change_data/x", {}));
    EXPECT_FALSE(hidden_from_vacuum("a/b", {}));
}

TEST_F(MaintainTest, restore_brings_a_version_back_unless_its_files_are_gone) {
    auto table = make_table("t", "SELECT 0 AS id");
    append(table, "SELECT 1 AS id");
    overwrite(table, "SELECT 2 AS id");
    const auto result = must(restore(table, TableVersion(1)));
    EXPECT_EQ(result.files_added, 2u);
    EXPECT_EQ(result.files_removed, 1u);
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"0", "1"}));
    EXPECT_EQ(rows_of(table, TableVersion(2)), (std::vector<std::string>{"2"}));
    EXPECT_FALSE(must(restore(table, TableVersion(3))).version) << "it is like that already";
    const auto gone = must(table.snapshot(TableVersion(2))).files()[0].path;
    must(table.store().remove(gone));
    const auto refused = restore(table, TableVersion(2));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::refused);
    EXPECT_NE(refused.error().message.find(gone), std::string::npos);
}

TEST_F(MaintainTest, a_checkpoint_is_due_where_as_many_commits_came_as_lie_between_two) {
    auto table = make_table("t", "SELECT 0 AS id");
    const auto append_without_checkpoint = [&](int id) {
        auto transaction = must(Transaction::begin(table, must(table.snapshot())));
        transaction.set_checkpointing(false);
        must(transaction.append(connection, fmt::format("SELECT {} AS id", id)));
        EXPECT_TRUE(must(commit_or_fail(std::move(transaction))).checkpoint_error == std::nullopt);
    };
    for (int i = 1; i < limits::checkpoint_interval; ++i) append_without_checkpoint(i);
    EXPECT_FALSE(must(write_due_checkpoint(table)));
    append_without_checkpoint(50);
    append_without_checkpoint(51);
    EXPECT_FALSE(fs::exists(fs::path(table.name()) / checkpoint_path(TableVersion(50))));
    EXPECT_EQ(must(write_due_checkpoint(table)).value().version, TableVersion(51));
    EXPECT_TRUE(fs::exists(fs::path(table.name()) / checkpoint_path(TableVersion(51))));
    EXPECT_FALSE(must(write_due_checkpoint(table)));
    EXPECT_EQ(count_of(table, TableVersion(51)), 52);
}

TEST_F(MaintainTest, the_log_is_cleaned_up_below_a_checkpoint_only) {
    auto table = make_table("t", "SELECT 0 AS id");
    for (int i = 1; i <= 25; ++i) append(table, fmt::format("SELECT {} AS id", i));
    must(write_checkpoint(table, TableVersion(10)));
    EXPECT_TRUE(must(clean_up_log(table, {.dry_run = false})).files.empty());
    for (std::int64_t version = 0; version <= 15; ++version) age(table, commit_path(TableVersion(version)), 24h * 31);
    const auto before = must(table.snapshot()).files().size();
    EXPECT_TRUE(must(clean_up_log(table, {.dry_run = false, .needed_from = TableVersion(9)})).files.empty());
    const auto result = must(clean_up_log(table, {.dry_run = false, .needed_from = TableVersion(10)}));
    EXPECT_EQ(result.checkpoint, TableVersion(10));
    EXPECT_EQ(result.files.size(), 10u);
    EXPECT_EQ(must(table.snapshot()).files().size(), before);
    EXPECT_EQ(count_of(table, TableVersion(10)), 11);
    EXPECT_FALSE(table.snapshot(TableVersion(9)));
}

TEST_F(MaintainTest, history_and_summary_tell_what_happened) {
    auto table = make_table("t", "SELECT 0 AS id");
    append(table, "SELECT 1 AS id UNION ALL SELECT 2");
    must(optimize(table));
    const auto entries = must(history(table));
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].operation, "OPTIMIZE");
    EXPECT_EQ(entries[1].operation, "WRITE");
    EXPECT_EQ(entries[1].metrics.at("numOutputRows"), "2");
    EXPECT_EQ(entries[1].blind_append, true);
    EXPECT_EQ(entries[2].operation, "CREATE TABLE");
    EXPECT_EQ(must(history(table, 1)).size(), 1u);
    const auto summary = must(summarize(table));
    EXPECT_EQ(summary.rows, 3);
    EXPECT_EQ(summary.files, 1u);
    EXPECT_EQ(summary.removed_files, 2u);
    EXPECT_TRUE(summary.time);
}

TEST_F(MaintainTest, a_lake_lists_its_tables) {
    make_table("orders", "SELECT 0 AS id");
    make_table("weir/files", "SELECT 0 AS id");
    fs::create_directories(root / "empty" / "folder");
    // What is left of a process that was killed before it made its table.
    fs::create_directories(root / "begun" / "_delta_log");
    std::ofstream(root / "begun" / "_delta_log" / ".00000000000000000000.json.tmp-1-1") << "{";
    const auto lake = must(Lake::open("file://" + root.string(), database));
    EXPECT_EQ(must(lake.tables()), (std::vector<std::string>{"orders", "weir/files"}));
    EXPECT_EQ(count_of(must(lake.table("weir/files"))), 1);
    EXPECT_EQ(count_of(must(lake.find((root / "orders").string()))), 1);
    const auto missing = lake.find("oders");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().hint.find("orders"), std::string::npos);
    EXPECT_FALSE(lake.table("../x"));
    EXPECT_FALSE(Table::at("s3://bucket/t", database));
    EXPECT_TRUE(must(must(Lake::open((root / "nowhere").string(), database)).tables()).empty());
}

// A table of many commits must open from its checkpoint, not by replaying them.
TEST_F(MaintainTest, ten_thousand_commits_open_fast) {
    auto table = make_table("t", "SELECT 1 AS id");
    const auto snapshot = must(table.snapshot());
    auto add = snapshot.files()[0];
    fs::create_directories(root / "t/_delta_log");
    std::string lines;
    for (int version = 1; version < 10'000; ++version) {
        add.path = fmt::format("part-00000-{:08}-0000-4000-8000-000000000000-c000.zstd.parquet", version);
        std::ofstream(table.store().url(commit_path(TableVersion(version)))) << print_action(add) << "\n";
    }
    must(write_checkpoint(table, TableVersion(9'990)));
    EXPECT_EQ(must(table_at("t").snapshot()).files().size(), 10'000u);
    // From where it was read before, too.
    EXPECT_EQ(must(table.snapshot()).files().size(), 10'000u);
}

}  // namespace
}  // namespace weir::lake
