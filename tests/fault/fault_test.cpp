// The fault tools see what they must see, and the small protocols hold under them.
#include "fault/fault.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "contract/dedup/duplicate_index.h"
#include "source/log/reader.h"
#include "sql/database.h"

namespace weir::test {
namespace {

using Kind = Fault::Kind;
const std::vector<Kind> all_kinds{Kind::eio, Kind::disk_full, Kind::short_write, Kind::kill_before, Kind::kill_after};

bool killed(const Faulted& faulted) { return faulted.finished.exit_code == 128 + 9; }

class FaultTest : public testing::Test {
protected:
    std::vector<std::string> probe(const std::string& what) const { return {WEIR_FAULT_PROBE, what, folder.string()}; }

    Scratch scratch{"fault"};
    std::filesystem::path folder = std::filesystem::canonical(scratch.path()) / "lake";
};

TEST_F(FaultTest, counts_without_a_fault) {
    std::filesystem::create_directories(folder);
    const auto faulted = run_with_fault(probe("atomic"), folder, {});
    EXPECT_EQ(faulted.finished.exit_code, 0) << faulted.finished.err;
    EXPECT_FALSE(faulted.happened);
    // create, write, sync, rename, sync of the folder
    EXPECT_EQ(faulted.calls, 5u) << faulted.log;
}

TEST_F(FaultTest, calls_elsewhere_are_left_alone) {
    std::filesystem::create_directories(folder);
    const auto faulted = run_with_fault(probe("atomic"), folder / "below", {Kind::eio, 1});
    EXPECT_EQ(faulted.finished.exit_code, 0);
    EXPECT_EQ(faulted.calls, 0u);
}

TEST_F(FaultTest, sees_calls_made_inside_duckdb) {
    std::filesystem::create_directories(folder);
    const auto counted = run_with_fault(probe("duckdb"), folder, {});
    EXPECT_EQ(counted.finished.exit_code, 0) << counted.finished.err;
    EXPECT_NE(counted.log.find("write"), std::string::npos) << counted.log;
    EXPECT_NE(counted.log.find("rows.parquet"), std::string::npos) << counted.log;
    const auto failed = run_with_fault(probe("duckdb"), folder, {Kind::disk_full, 1});
    EXPECT_TRUE(failed.happened);
    EXPECT_EQ(failed.finished.exit_code, 1);
}

TEST_F(FaultTest, sees_calls_made_inside_sqlite) {
    std::filesystem::create_directories(folder);
    const auto counted = run_with_fault(probe("sqlite"), folder, {});
    EXPECT_EQ(counted.finished.exit_code, 0) << counted.finished.err;
    for (const auto* part : {"write", "sync", "unlink", "rows.sqlite-journal"}) {
        EXPECT_NE(counted.log.find(part), std::string::npos) << part << " is not in\n" << counted.log;
    }
}

TEST_F(FaultTest, kills_before_and_after_a_call) {
    std::filesystem::create_directories(folder);
    // The first call creates the temporary file.
    EXPECT_TRUE(killed(run_with_fault(probe("atomic"), folder, {Kind::kill_before, 1})));
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_TRUE(killed(run_with_fault(probe("atomic"), folder, {Kind::kill_after, 1})));
    EXPECT_FALSE(std::filesystem::is_empty(folder));
}

TEST_F(FaultTest, a_short_write_is_followed_by_a_full_disk) {
    std::filesystem::create_directories(folder);
    const auto faulted = run_with_fault(probe("atomic"), folder, {Kind::short_write, 2});
    EXPECT_TRUE(faulted.happened);
    EXPECT_EQ(faulted.finished.exit_code, 1);
    EXPECT_NE(faulted.finished.err.find("No space left"), std::string::npos) << faulted.finished.err;
}

TEST_F(FaultTest, a_file_replaced_atomically_is_old_or_new) {
    const int rounds = every_call_goes_wrong({.command = probe("atomic"),
                                              .folder = folder,
                                              .kinds = all_kinds,
                                              .prepare = [&] { write(folder / "file", "old content"); },
                                              .check =
                                                  [&](const Faulted& faulted) {
                                                      const auto content = read(folder / "file");
                                                      const bool is_new = content == "new content, a little longer";
                                                      EXPECT_TRUE(is_new || content == "old content") << content;
                                                      if (faulted.finished.exit_code == 0) {
                                                          EXPECT_TRUE(is_new);
                                                      }
                                                      if (!killed(faulted)) {
                                                          EXPECT_EQ(faulted.finished.exit_code != 0, faulted.happened);
                                                      }
                                                  }});
    EXPECT_GE(rounds, 6 * 5);
}

TEST_F(FaultTest, a_file_put_if_absent_is_whole_or_not_there) {
    every_call_goes_wrong(
        {.command = probe("absent"), .folder = folder, .kinds = all_kinds, .check = [&](const Faulted& faulted) {
             const bool there = std::filesystem::exists(folder / "file");
             if (there) {
                 EXPECT_EQ(read(folder / "file"), "new content, a little longer");
             }
             if (faulted.finished.exit_code == 0) {
                 EXPECT_TRUE(there);
             }
         }});
}

TEST_F(FaultTest, a_sqlite_transaction_is_whole_or_not_there) {
    every_call_goes_wrong(
        {.command = probe("sqlite"), .folder = folder, .kinds = all_kinds, .check = [&](const Faulted& faulted) {
             sqlite3* database = nullptr;
             ASSERT_EQ(sqlite3_open((folder / "rows.sqlite").c_str(), &database), SQLITE_OK);
             std::string rows;
             const auto take = [](void* into, int, char** values, char**) {
                 *static_cast<std::string*>(into) = values[0];
                 return 0;
             };
             const int code = sqlite3_exec(database, "SELECT count(*) FROM numbers", take, &rows, nullptr);
             sqlite3_close(database);
             if (code == SQLITE_OK) {
                 EXPECT_TRUE(rows == "0" || rows == "3") << rows;
             }
             if (faulted.finished.exit_code == 0) {
                 EXPECT_EQ(rows, "3");
             }
         }});
}

TEST_F(FaultTest, the_duplicate_index_covers_exactly_what_it_says) {
    every_call_goes_wrong({.command = probe("index"),
                           .folder = folder,
                           .kinds = all_kinds,
                           .rotate = true,
                           .check = [&](const Faulted& faulted) {
                               auto index = contract::DuplicateIndex::open(folder / "index", {.identity = "probe"});
                               ASSERT_TRUE(index.ok()) << to_string(index.error());
                               EXPECT_TRUE(index->damage().empty());
                               EXPECT_EQ(index->keys(),
                                         3000u * static_cast<std::uint64_t>(index->covers().value_or(-1) + 1));
                               if (faulted.finished.exit_code == 0) {
                                   EXPECT_EQ(index->covers(), 5);
                               }
                               // The next run completes it.
                               const auto again = run(probe("index"));
                               ASSERT_EQ(again.exit_code, 0) << again.err;
                               index = contract::DuplicateIndex::open(folder / "index", {.identity = "probe"});
                               ASSERT_TRUE(index.ok());
                               EXPECT_EQ(index->keys(), 6u * 3000u);
                           }});
}

// The numbers of the probe's records, by offset.
std::map<std::int64_t, int> log_of(const std::filesystem::path& folder) {
    std::map<std::int64_t, int> numbers;
    auto reader = source::log::Reader::open(folder / "log", "t", 0);
    if (!reader) return numbers;
    for (;;) {
        auto batch = reader->next();
        EXPECT_TRUE(batch.ok()) << to_string(batch.error());
        if (!batch || !*batch) return numbers;
        EXPECT_TRUE((*batch)->for_each([&](const source::log::RecordView& record) {
            numbers[record.offset] = std::stoi(std::string(record.value->substr(0, 8)));
        }));
    }
}

TEST_F(FaultTest, the_log_keeps_what_it_acknowledged_and_takes_the_rest_once) {
    every_call_goes_wrong(
        {.command = probe("log"), .folder = folder, .kinds = all_kinds, .check = [&](const Faulted& faulted) {
             const auto& out = faulted.finished.out;
             const auto acknowledged = std::count(out.begin(), out.end(), '\n') * 10;
             auto numbers = log_of(folder);
             EXPECT_GE(static_cast<std::ptrdiff_t>(numbers.size()), acknowledged);
             for (const auto& [offset, number] : numbers) EXPECT_EQ(number, offset);
             // The same producer sends everything again.
             const auto again = run(probe("log"));
             ASSERT_EQ(again.exit_code, 0) << again.err;
             numbers = log_of(folder);
             EXPECT_EQ(numbers.size(), 80u);
             for (const auto& [offset, number] : numbers) EXPECT_EQ(number, offset);
         }});
}

TEST_F(FaultTest, a_compaction_leaves_the_newest_of_each_key_whatever_goes_wrong) {
    every_call_goes_wrong({.command = probe("compact"),
                           .folder = folder,
                           .kinds = all_kinds,
                           .prepare = [&] { ASSERT_EQ(run_without_sync(probe("log")).exit_code, 0); },
                           .check =
                               [&](const Faulted& faulted) {
                                   const auto numbers = log_of(folder);
                                   EXPECT_TRUE(faulted.finished.exit_code != 0 || numbers.size() == 10)
                                       << numbers.size();
                                   for (const auto& [offset, number] : numbers) EXPECT_EQ(number, offset);
                                   for (int newest = 70; newest < 80; ++newest)
                                       EXPECT_EQ(numbers.count(newest), 1u) << newest;
                                   EXPECT_EQ(run_without_sync(probe("compact")).exit_code, 0);
                                   EXPECT_EQ(log_of(folder).size(), 10u);
                               }});
}

}  // namespace
}  // namespace weir::test
