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

// As if weir had been killed behind its last landings: the rows are in the table, and no account of them is committed.
class OpenLandings : public Upkeep {
protected:
    OpenLandings() {
        for (int i = 0; i < 3; ++i) {
            put("in/" + std::to_string(i) + ".csv", header + rows(2, 2 * i));
            run_ok();
        }
        for (const auto* table : system)
            for (int i = 0; i < 2; ++i) fs::remove(files_in(lake / "weir" / table / "_delta_log", ".json").back());
        EXPECT_EQ(sql("SELECT count(*), (SELECT sum(accepted)::BIGINT FROM weir.accounting) FROM t"), "6,2\n");
    }
    // Changes what the newest landing says of the others.
    void rewrite_landing(const std::string& text, const std::string& with) const {
        const auto path = files_in(lake / "t" / "_delta_log", ".json").back();
        auto entry = read(path);
        const auto at = entry.find(text);
        ASSERT_NE(at, std::string::npos) << entry;
        write(path, entry.replace(at, text.size(), with));
    }
    static constexpr auto system = {"files", "accounting"};
};

TEST_F(OpenLandings, are_all_followed_by_the_next_run_and_spared_by_vacuum) {
    for (const auto* table : system) {
        for (const auto& file : files_in(lake / "weir" / table, ".parquet")) age(file);
        const auto vacuumed = weir_with({"table", "vacuum", std::string("weir.") + table, "--apply"});
        EXPECT_EQ(vacuumed.exit_code, 0) << vacuumed.err;
        // The rows of weir.accounting stand in the landings themselves.
        EXPECT_THAT(vacuumed.out, HasSubstr(table == std::string("files") ? "0 files" : "2 files"));
    }
    run_ok();
    EXPECT_EQ(accounts(), "6 6 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(*), count(DISTINCT epoch) FROM weir.files"), "3,3\n");
    EXPECT_EQ(sql("SELECT epoch, accepted FROM weir.accounting ORDER BY epoch"), "1,2\n2,2\n3,2\n");
}

TEST_F(OpenLandings, keep_the_log_that_names_them) {
    ASSERT_EQ(weir_with({"table", "checkpoint", "t"}).exit_code, 0);
    const auto log = files_in(lake / "t" / "_delta_log", ".json");
    for (const auto& entry : log)
        fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(24 * 40));
    const auto vacuumed = weir_with({"table", "vacuum", "t", "--apply"});
    EXPECT_EQ(vacuumed.exit_code, 0) << vacuumed.err;
    EXPECT_EQ(files_in(lake / "t" / "_delta_log", ".json"), log);
    run_ok();
    EXPECT_EQ(accounts(), "6 6 0 0 0\n");
    ASSERT_EQ(weir_with({"table", "vacuum", "t", "--apply"}).exit_code, 0);
    EXPECT_LT(files_in(lake / "t" / "_delta_log", ".json").size(), log.size());
}

TEST_F(OpenLandings, that_somebody_took_from_the_log_are_told) {
    ASSERT_EQ(weir_with({"table", "checkpoint", "t"}).exit_code, 0);
    auto log = files_in(lake / "t" / "_delta_log", ".json");
    log.pop_back();
    for (const auto& entry : log) fs::remove(entry);
    run_fails(4, {"has the landings up to epoch 1, and those of epochs 2 to 3 are not all in the table's log",
                  "put weir/accounting back from a copy"});
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "6\n");
}

TEST_F(OpenLandings, of_a_weir_that_knew_fewer_columns_are_followed) {
    rewrite_landing("\"late\":0,", "");
    run_ok();
    EXPECT_EQ(accounts(), "6 6 0 0 0\n");
    EXPECT_EQ(sql("SELECT epoch, late FROM weir.accounting ORDER BY epoch"), "1,0\n2,0\n3,\n");
}

TEST_F(OpenLandings, that_are_damaged_are_told) {
    const auto path = files_in(lake / "t" / "_delta_log", ".json").back();
    const auto entry = read(path);
    const std::pair<std::string, std::string> damages[] = {{"\"rows\":{", "\"rows\":7,\"was\":{"},
                                                           {"{\"weir/accounting\":[", "{\"weir/accounting\":[7,"},
                                                           {"{\"weir/accounting\":[", "{\"weir/unheard\":["},
                                                           {"\"follow\":{", "\"follow\":[],\"was\":{"}};
    for (const auto& [text, with] : damages) {
        rewrite_landing(text, with);
        run_fails(4, {"the landing of epoch 3 does not say what follows"});
        EXPECT_EQ(sql("SELECT sum(accepted)::BIGINT FROM weir.accounting"), "2\n") << with;
        write(path, entry);
    }
    run_ok();
    EXPECT_EQ(accounts(), "6 6 0 0 0\n");
}

TEST_F(Upkeep, each_of_many_days_of_one_intake_has_its_account) {
    source("in/{date}.csv", "arrival_date: path\n");
    for (int i = 0; i < 120; ++i) put("in/" + std::to_string(1900 + i) + "-01-01.csv", header + rows(1, i));
    run_ok();
    EXPECT_EQ(accounts(), "120 120 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(*), count(DISTINCT interval_from), max(epoch) FROM weir.accounting"), "120,120,1\n");
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
