// What a lake looks like after crashes, restores and moved files, and what each command makes of it.
#include <nlohmann/json.hpp>

#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class Upkeep : public Shop {
protected:
    std::vector<fs::path> files_in(const fs::path& folder, const std::string& ending) const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    static void age(const fs::path& path) {
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(24 * 10));
    }
    const fs::path lake = project / "lake";
};

TEST_F(Upkeep, planning_makes_nothing) {
    put("in/a.csv", header + rows(3));
    const auto plan = weir_with({"plan"});
    EXPECT_EQ(plan.exit_code, 0) << plan.err;
    EXPECT_FALSE(fs::exists(lake));
    fs::create_directories(lake);
    EXPECT_EQ(weir_with({"plan"}).exit_code, 0);
    EXPECT_TRUE(fs::is_empty(lake));
}

TEST_F(Upkeep, no_command_leaves_a_spill_folder_and_a_killed_ones_goes) {
    put("in/a.csv", header + rows(3));
    run_ok();
    const auto spill = lake / ".weir" / "tmp";
    EXPECT_TRUE(fs::is_empty(spill));
    put("lake/.weir/tmp/4194304-0/duckdb_temp_storage.tmp", "left");
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "3\n");
    EXPECT_TRUE(fs::is_empty(spill));
}

TEST_F(Upkeep, files_that_were_taken_may_be_moved_away) {
    put("in/a.csv", header + rows(3));
    run_ok();
    fs::remove(project / "in" / "a.csv");
    run_ok();
    EXPECT_EQ(accounts(), "3 3 0 0 0\n");
    // A path that names one file is another matter, and so is a pattern that never matched.
    source("in/a.csv");
    run_fails(1, {"no file matches", "in/a.csv"});
}

TEST_F(Upkeep, a_failed_source_says_what_it_was_about_to_take) {
    contract({.quarantine_limit = "0"});
    put("in/a.csv", header + "x,y,z\n");
    run_fails(3, {"broke the contract"});
    EXPECT_EQ(sql("SELECT reason, state FROM weir.runs WHERE node = 't'"), "1 new file,failed\n");
}

TEST_F(Upkeep, a_restored_result_is_computed_again) {
    view("v", "SELECT count(*) AS n FROM t\n");
    put("in/a.csv", header + rows(3));
    run_ok();
    put("in/b.csv", header + rows(2, 3));
    run_ok();
    EXPECT_EQ(sql("SELECT n FROM v"), "5\n");
    const auto history = weir_with({"table", "history", "v", "--json"});
    const auto version = nlohmann::json::parse(history.out).at(0).at("version").get<int>();
    ASSERT_EQ(weir_with({"table", "restore", "v", std::to_string(version - 1)}).exit_code, 0);
    EXPECT_EQ(sql("SELECT n FROM v"), "3\n");
    EXPECT_THAT(weir_with({"plan"}).out, HasSubstr("its table was restored to an earlier version"));
    run_ok();
    EXPECT_EQ(sql("SELECT n FROM v"), "5\n");
    EXPECT_THAT(weir_with({"plan"}).out, Not(HasSubstr("restored")));
}

TEST_F(Upkeep, vacuum_spares_what_a_run_that_was_cut_off_has_still_to_commit) {
    put("in/a.csv", header + rows(3));
    run_ok();
    put("in/b.csv", header + rows(2, 3));
    run_ok();
    // As if it had been killed behind the landing: the rows are in the table, and no account of them is committed.
    const auto system = {"files", "accounting"};
    for (const auto* table : system) fs::remove(files_in(lake / "weir" / table / "_delta_log", ".json").back());
    for (const auto* table : system) {
        for (const auto& file : files_in(lake / "weir" / table, ".parquet")) age(file);
        const auto vacuumed = weir_with({"table", "vacuum", std::string("weir.") + table, "--apply"});
        EXPECT_EQ(vacuumed.exit_code, 0) << vacuumed.err;
        EXPECT_THAT(vacuumed.out, HasSubstr("0 files"));
    }
    run_ok();
    EXPECT_EQ(accounts(), "5 5 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(*) FROM weir.files"), "2\n");
}

TEST_F(Upkeep, status_says_why_a_table_cannot_be_read) {
    put("in/a.csv", header + rows(3));
    run_ok();
    write(files_in(lake / "t" / "_delta_log", ".json").back(), "half");
    const auto status = weir_with({"status"});
    EXPECT_EQ(status.exit_code, 0) << status.err;
    EXPECT_THAT(status.out, HasSubstr("\nt: unreadable: "));
    EXPECT_THAT(status.out, HasSubstr("not valid JSON"));
    EXPECT_THAT(status.out, Not(HasSubstr("NULL")));
    const auto json = nlohmann::json::parse(weir_with({"status", "--json"}).out);
    EXPECT_THAT(json.at("tables").at(0).at("problem").get<std::string>(), HasSubstr("unreadable"));
}

TEST_F(Upkeep, check_reminds_of_a_contract_that_is_not_active) {
    const auto path = project / "contracts" / "t.odcs.yaml";
    const auto active = read(path);
    const std::pair<std::string, std::string> statuses[] = {{"draft", "is a draft, and holds like an active one"},
                                                            {"proposed", "is proposed, and holds like an active one"},
                                                            {"deprecated", "is deprecated"}};
    for (const auto& [status, said] : statuses) {
        auto text = active;
        text.replace(text.find("active"), 6, status);
        write(path, text);
        const auto checked = weir_with({"check"});
        EXPECT_EQ(checked.exit_code, 0) << checked.err;
        EXPECT_THAT(checked.err, HasSubstr(said));
    }
}

}  // namespace
}  // namespace weir::test
