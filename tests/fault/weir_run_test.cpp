// `weir run` under faults: whatever happens, the lake holds the old state or the new one, the next run completes it,
// every row is accounted for, and no row is there twice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <sstream>

#include "fault/fault.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using Kind = Fault::Kind;

// A file of day `day`: new ids, one id of the day before, one row whose amount is no number, one that the source
// filters.
constexpr int new_rows = 20;

std::string file_of_day(int day) {
    std::string text = "id,day,amount\n";
    for (int i = 0; i < new_rows; ++i) text += fmt::format("{},{},{}.50\n", day * 100 + i, day, i);
    if (day > 1) text += fmt::format("{},{},1.00\n", (day - 1) * 100, day);
    text += fmt::format("{},{},many\n", day * 100 + 90, day);
    text += fmt::format("{},{},7.00\n", day * 100 + 99, day);
    return text;
}

class WeirRunFault : public testing::Test {
protected:
    void SetUp() override {
        if (std::getenv("WEIR_FAULT_RUN") == nullptr) GTEST_SKIP() << "skipped: set WEIR_FAULT_RUN=1 to run it";
        write(project / "weir.yaml", "name: fault\nengine: {threads: 2}\n");
        write(project / "sources" / "events.yaml",
              "files: data/{year}/{month}/{day}/*.csv\nformat: csv\ncontract: events\nwhere: id % 100 <> 99\n");
        write(project / "contracts" / "events.odcs.yaml",
              "apiVersion: v3.1.0\nkind: DataContract\nid: fault-events\nversion: \"1.0.0\"\nstatus: active\n"
              "schema:\n- name: events\n  logicalType: object\n"
              "  customProperties:\n  - {property: quarantineLimit, value: 50}\n"
              "  properties:\n"
              "  - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}\n"
              "  - {name: day, logicalType: integer}\n"
              "  - {name: amount, logicalType: number, physicalType: \"decimal(10,2)\"}\n");
        write(project / "views" / "totals.sql",
              "SELECT day, count(*) AS n, sum(amount) AS total FROM events GROUP BY day\n");
    }

    void add_day(int day) {
        write(project / "data" / "2024" / fmt::format("{:02}", 1 + (day - 1) / 28) /
                  fmt::format("{:02}", 1 + (day - 1) % 28) / "events.csv",
              file_of_day(day));
    }

    std::vector<std::string> run_command() const {
        return {weir().string(), "run", project.string(), "--lake", lake.string()};
    }

    // The cells of a query's only row, or nothing where the query fails (no table yet).
    std::optional<std::vector<std::string>> row(const std::string& sql) const {
        const auto done =
            run({weir().string(), "sql", project.string(), "--lake", lake.string(), "--format", "csv", sql});
        if (done.exit_code != 0) return {};
        std::istringstream lines(done.out);
        std::string header, line, cell;
        std::getline(lines, header);
        std::getline(lines, line);
        std::istringstream cells(line);
        std::vector<std::string> found;
        while (std::getline(cells, cell, ',')) found.push_back(cell);
        return found;
    }

    // After a fault: no row twice, whole days only, and never fewer than `days_before`.
    void expect_whole_days(int days_before, int days_after) const {
        const auto cells = row("SELECT count(*), count(DISTINCT id), count(DISTINCT day) FROM events");
        if (!cells) {
            EXPECT_EQ(days_before, 0) << "the table cannot be read any more";
            return;
        }
        ASSERT_EQ(cells->size(), 3u);
        EXPECT_EQ((*cells)[0], (*cells)[1]) << "a row is there twice";
        const int days = std::stoi((*cells)[2]);
        EXPECT_GE(days, days_before);
        EXPECT_LE(days, days_after);
        EXPECT_EQ(std::stoi((*cells)[0]), days * new_rows) << "a day is there in part";
    }

    // After the run that completes: exactly `days` days, and the accounting agrees with the tables.
    void expect_complete(int days) const {
        const auto finished = run(run_command());
        ASSERT_EQ(finished.exit_code, 0) << finished.err;
        const auto cells =
            row("SELECT (SELECT count(*) FROM events), (SELECT count(DISTINCT id) FROM events), "
                "(SELECT coalesce(sum(read), 0)::BIGINT FROM weir.accounting), "
                "(SELECT coalesce(sum(accepted), 0)::BIGINT FROM weir.accounting), "
                "(SELECT coalesce(sum(duplicate), 0)::BIGINT FROM weir.accounting), "
                "(SELECT coalesce(sum(quarantined), 0)::BIGINT FROM weir.accounting), "
                "(SELECT coalesce(sum(filtered), 0)::BIGINT FROM weir.accounting), "
                "(SELECT count(*) FROM weir.accounting WHERE read <> accepted + duplicate + quarantined + filtered), "
                "(SELECT count(*) FROM weir.quarantine), "
                "(SELECT count(*) FROM weir.files), "
                "(SELECT sum(n)::BIGINT FROM totals)");
        ASSERT_TRUE(cells.has_value());
        const int duplicates = days - 1;
        const std::vector<int> expected{days * new_rows,
                                        days * new_rows,
                                        days * (new_rows + 2) + duplicates,
                                        days * new_rows,
                                        duplicates,
                                        days,
                                        days,
                                        0,
                                        days,
                                        days,
                                        days * new_rows};
        std::vector<int> found;
        for (const auto& cell : *cells) found.push_back(std::stoi(cell));
        EXPECT_EQ(found, expected) << "rows, distinct rows, read, accepted, duplicate, quarantined, filtered, "
                                      "unbalanced, in quarantine, files, in view";
    }

    Scratch scratch{"run-fault"};
    fs::path home = fs::canonical(scratch.path());
    fs::path project = home / "project";
    fs::path lake = home / "lake";
};

bool wants_long_run() { return std::getenv("WEIR_FAULT_LONG") != nullptr; }

// In CI each call meets one kind of fault, in turn; WEIR_FAULT_LONG=1 tries every kind at every call.
TEST_F(WeirRunFault, every_call_of_a_first_run_goes_wrong) {
    add_day(1);
    const int rounds = every_call_goes_wrong(
        {.command = run_command(),
         .folder = lake,
         .kinds = {Kind::eio, Kind::kill_after, Kind::disk_full, Kind::short_write, Kind::kill_before},
         .rotate = !wants_long_run(),
         .check = [&](const Faulted&) {
             expect_whole_days(0, 1);
             expect_complete(1);
         }});
    RecordProperty("rounds", rounds);
    EXPECT_GT(rounds, 20);
}

TEST_F(WeirRunFault, every_call_of_a_later_run_goes_wrong) {
    add_day(1);
    ASSERT_EQ(run(run_command()).exit_code, 0);
    const fs::path before = home / "before";
    fs::copy(lake, before, fs::copy_options::recursive);
    add_day(2);
    const int rounds = every_call_goes_wrong(
        {.command = run_command(),
         .folder = lake,
         .kinds = {Kind::kill_before, Kind::disk_full, Kind::eio, Kind::kill_after, Kind::short_write},
         .rotate = !wants_long_run(),
         .prepare = [&] { fs::copy(before, lake, fs::copy_options::recursive | fs::copy_options::overwrite_existing); },
         .check =
             [&](const Faulted&) {
                 expect_whole_days(1, 2);
                 expect_complete(2);
             }});
    RecordProperty("rounds", rounds);
    EXPECT_GT(rounds, 20);
}

// Killed at a random moment, over and over, while days keep arriving.
TEST_F(WeirRunFault, killed_at_random_moments) {
    const char* wanted = std::getenv("WEIR_FAULT_ROUNDS");
    const int rounds = wanted != nullptr ? std::stoi(wanted) : 200;
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);

    add_day(1);
    const auto start = std::chrono::steady_clock::now();
    expect_complete(1);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    int days = 1;
    int killed = 0;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        // A new day for every fourth kill: the same work is interrupted in several places before it is done.
        if (round % 4 == 0) add_day(++days);
        const double after = 0.005 + std::uniform_real_distribution(0.0, seconds)(random);
        auto command = run_command();
        command.insert(command.begin(), {"timeout", "--signal=KILL", fmt::format("{:.3f}", after)});
        killed += run(command).exit_code == 128 + 9 ? 1 : 0;
        if (round % 4 == 1) expect_whole_days(days - 1, days);
        if (round % 4 == 3) expect_complete(days);
    }
    expect_complete(days);
    RecordProperty("killed", killed);
    EXPECT_GT(killed, rounds / 4) << "most runs were over before they could be killed";
}

}  // namespace
}  // namespace weir::test
