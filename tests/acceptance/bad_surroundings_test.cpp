// Full disks, other processes, damaged lakes: the old state or the new one stands, and the next run completes the work.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class BadSurroundings : public Shop {
protected:
    std::vector<fs::path> commits(const std::string& table) const {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(project / "lake" / table / "_delta_log")) {
            if (entry.path().extension() == ".json") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
        return files;
    }
    std::vector<fs::path> data_files(const std::string& table) const {
        std::vector<fs::path> files;
        for (const auto& entry : fs::recursive_directory_iterator(project / "lake" / table)) {
            if (entry.path().extension() == ".parquet") files.push_back(entry.path());
        }
        return files;
    }
    Finished shell(const std::string& line) const { return run({"bash", "-c", line}, {.directory = project}); }
};

// ---- room

TEST_F(BadSurroundings, a_full_disk_and_then_room_again) {
    if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root may mount a small disk";
    const auto disk = project / "disk";
    fs::create_directories(disk);
    if (shell("mount -t tmpfs -o size=3m tmpfs disk").exit_code != 0)
        GTEST_SKIP() << "skipped: mounting is not allowed";
    struct Unmount {
        fs::path place;
        ~Unmount() { static_cast<void>(::system(("umount '" + place.string() + "'").c_str())); }
    } const unmount{disk};
    put("weir.yaml", "name: shop\nlake: disk/lake\n");
    view("v", "SELECT count(*) AS n FROM t\n");
    put("in/a.csv", header + rows(1000));
    run_ok();
    put("in/b.csv", header + rows(1'000'000, 1000));
    for (int i = 0; i < 2; ++i) {
        run_fails(4, {"o space left on device"});
        EXPECT_EQ(accounts(), "1000 1000 0 0 0\n");
        EXPECT_EQ(sql("SELECT n FROM v"), "1000\n");
    }
    // Not a byte left: not even a ledger row fits.
    static_cast<void>(shell("head -c 10000000 /dev/zero > disk/filler"));
    EXPECT_EQ(run_all().exit_code, 4);
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "1000\n");
    fs::remove(disk / "filler");
    ASSERT_EQ(shell("mount -o remount,size=300m disk").exit_code, 0);
    run_ok();
    EXPECT_EQ(accounts(), "1001000 1001000 0 0 0\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "1001000\n");
}

TEST_F(BadSurroundings, a_limit_on_the_size_of_files) {
    put("in/a.csv", header + rows(300'000));
    const auto finished = shell("ulimit -f 300; trap '' XFSZ; exec '" + weir().string() + "' run");
    EXPECT_EQ(finished.exit_code, 4) << finished.out << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("ile too large"));
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    run_ok();
    EXPECT_EQ(accounts(), "300000 300000 0 0 0\n");
}

TEST_F(BadSurroundings, a_lake_that_cannot_be_written) {
    put("in/a.csv", header + rows(3));
    run_ok();
    run_fails(4, {"in/a.csv", "cannot create"}, {"--lake", "in/a.csv"});
    run_fails(4, {"in/a.csv/lake"}, {"--lake", "in/a.csv/lake"});
    put("in/b.csv", header + rows(3, 3));
    if (::geteuid() == 0) {
        if (shell("mount --bind lake lake && mount -o remount,ro,bind lake").exit_code != 0)
            GTEST_SKIP() << "skipped: mounting is not allowed";
        run_fails(4, {"ead-only file system"});
        EXPECT_EQ(sql("SELECT count(*) FROM t"), "3\n");
        EXPECT_EQ(shell("umount lake").exit_code, 0);
    } else {
        static_cast<void>(shell("chmod -R a-w lake"));
        run_fails(4, {"ermission denied"});
        EXPECT_EQ(sql("SELECT count(*) FROM t"), "3\n");
        static_cast<void>(shell("chmod -R u+w lake"));
    }
    run_ok();
    EXPECT_EQ(accounts(), "6 6 0 0 0\n");
}

// ---- other processes

// A run of its own, started and seen to have begun with the table.
pid_t started_run(const fs::path& project) {
    const auto run = ::fork();
    if (run == 0) {
        end_with_parent(SIGKILL);
        if (::chdir(project.c_str()) != 0 || ::freopen("/dev/null", "w", stdout) == nullptr ||
            ::freopen("/dev/null", "w", stderr) == nullptr)
            ::_exit(126);
        ::execl(weir().c_str(), "weir", "run", nullptr);
        ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!fs::exists(project / "lake" / "t" / "_delta_log" / "00000000000000000000.json") &&
           std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return run;
}

TEST_F(BadSurroundings, one_run_at_a_time) {
    put("in/a.csv", header + rows(3'000'000));
    const auto first = started_run(project);
    ::kill(first, SIGSTOP);
    run_fails(4, {"another weir (process " + std::to_string(first) + ") is running", "wait for it"});
    EXPECT_EQ(weir_with({"plan"}).exit_code, 0);
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "0\n");
    // It dies where it stands; the lock dies with it.
    ::kill(first, SIGKILL);
    ::waitpid(first, nullptr, 0);
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    run_ok();
    EXPECT_EQ(accounts(), "3000000 3000000 0 0 0\n");
}

TEST_F(BadSurroundings, a_run_that_is_stopped_leaves_the_old_state) {
    put("in/a.csv", header + rows(3'000'000));
    const auto stopped = started_run(project);
    ::kill(stopped, SIGINT);
    int status = 0;
    ::waitpid(stopped, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << status;
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    run_ok();
    EXPECT_EQ(accounts(), "3000000 3000000 0 0 0\n");
}

// ---- damage

TEST_F(BadSurroundings, a_damaged_newest_commit_is_told_and_nothing_is_done_on_top_of_it) {
    view("v", "SELECT count(*) AS n FROM t\n");
    put("in/a.csv", header + rows(10));
    run_ok();
    put("in/b.csv", header + rows(5, 10));
    run_ok();
    put("in/c.csv", header + rows(5, 15));
    const auto newest = commits("t").back();
    const auto whole = read(newest);
    const std::pair<std::string, std::string> damages[] = {{whole.substr(0, whole.size() / 2), "not valid JSON"},
                                                           {"xxx{{{\n", "not valid JSON"},
                                                           {"", "is empty"},
                                                           {std::string(whole.size(), '\0'), "not valid JSON"}};
    for (const auto& [content, said] : damages) {
        write(newest, content);
        run_fails(4, {newest.string(), said, "put back an intact copy"});
        const auto select = weir_with({"sql", "SELECT count(*) FROM t"});
        EXPECT_EQ(select.exit_code, 4);
        EXPECT_THAT(select.err, HasSubstr("error: " + newest.string()));
        EXPECT_EQ(sql("SELECT n FROM v"), "15\n");
    }
    // Without that commit the table looks sound, and five rows that were taken are missing.
    fs::remove(newest);
    run_fails(4, {"table 't' holds 1 of the 2 intakes", "put the table's newest commits back"});
    EXPECT_EQ(sql("SELECT n FROM v"), "15\n");
    write(newest, whole);
    run_ok();
    EXPECT_EQ(accounts(), "20 20 0 0 0\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "20\n");
}

TEST_F(BadSurroundings, a_damaged_table_stops_only_what_rests_on_it) {
    put("sources/good.yaml", "files: in/*.csv\ncontract: t\n");
    view("v", "SELECT count(*) AS n FROM t\n");
    view("w", "SELECT count(*) AS n FROM good\n");
    put("in/a.csv", header + rows(10));
    run_ok();
    const auto newest = commits("t").back();
    const auto whole = read(newest);
    write(newest, "half");
    put("in/b.csv", header + rows(5, 10));
    run_fails(4, {newest.string()});
    EXPECT_EQ(sql("SELECT count(*) FROM good"), "15\n");
    EXPECT_EQ(sql("SELECT v.n, w.n FROM v, w"), "10,10\n") << "two runs are mixed";
    write(newest, whole);
    run_ok();
    EXPECT_EQ(sql("SELECT v.n, w.n FROM v, w"), "15,15\n");
}

TEST_F(BadSurroundings, damaged_accounts_stop_the_intake_and_not_the_reader) {
    put("in/a.csv", header + rows(10));
    run_ok();
    const auto newest = commits("weir/accounting").back();
    const auto whole = read(newest);
    write(newest, whole.substr(0, 50));
    put("in/b.csv", header + rows(5, 10));
    run_fails(4, {newest.string()});
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "10\n");
    write(newest, whole);
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
}

TEST_F(BadSurroundings, a_gap_in_the_log) {
    for (int i = 0; i < 3; ++i) {
        put("in/" + std::to_string(i) + ".csv", header + rows(5, 5 * i));
        run_ok();
    }
    const auto log = commits("t");
    const auto lost = log[log.size() - 2];
    const auto whole = read(lost);
    fs::remove(lost);
    run_fails(4, {"the log has a gap: version 3 needs commit 2, which is missing"});
    EXPECT_EQ(weir_with({"sql", "SELECT count(*) FROM t"}).exit_code, 4);
    write(lost, whole);
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
}

TEST_F(BadSurroundings, a_data_file_that_is_cut_or_gone) {
    view("v", "SELECT sum(id) AS n FROM t\n");
    put("in/a.csv", header + rows(10));
    run_ok();
    const auto file = data_files("t").front();
    const auto whole = read(file);
    put("in/b.csv", header + rows(5, 10));
    write(file, whole.substr(0, whole.size() / 2));
    auto select = weir_with({"sql", "SELECT sum(id) FROM t"});
    EXPECT_EQ(select.exit_code, 4) << select.out;
    EXPECT_THAT(select.err, HasSubstr(file.filename().string()));
    EXPECT_THAT(select.err, HasSubstr("put back an intact copy"));
    const auto full = weir_with({"run", "--full"});
    EXPECT_EQ(full.exit_code, 4) << full.out;
    for (const std::string& part :
         {file.filename().string(), std::string("while computing view 'v'"), std::string("put back an intact copy")})
        EXPECT_THAT(full.err, HasSubstr(part));
    EXPECT_EQ(sql("SELECT n FROM v"), "45\n");
    fs::remove(file);
    select = weir_with({"sql", "SELECT sum(id) FROM t"});
    EXPECT_EQ(select.exit_code, 4) << select.out;
    EXPECT_THAT(select.err, HasSubstr(file.filename().string()));
    write(file, whole);
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "105\n");
}

TEST_F(BadSurroundings, features_that_are_not_known) {
    put("in/a.csv", header + rows(10));
    run_ok();
    put("in/b.csv", header + rows(5, 10));
    const auto next = commits("t").back().parent_path() / "00000000000000000002.json";
    const std::string start = R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[)";
    write(next, start + R"("warpDrive"],"writerFeatures":["warpDrive"]}})" + "\n");
    run_fails(4, {"features that weir cannot read: warpDrive", (project / "lake" / "t").string()});
    const auto select = weir_with({"sql", "SELECT count(*) FROM t"});
    EXPECT_EQ(select.exit_code, 4);
    EXPECT_THAT(select.err, HasSubstr("warpDrive"));
    write(next, start + R"(],"writerFeatures":["warpDrive"]}})" + "\n");
    run_fails(4, {"features that weir cannot write: warpDrive", "it can still be read"});
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "10\n");
    fs::remove(next);
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
}

TEST_F(BadSurroundings, a_ledger_that_is_lost_or_damaged_costs_history_and_no_rows) {
    view("v", "SELECT count(*) AS n FROM t\n");
    put("in/a.csv", header + rows(10));
    run_ok();
    const auto ledger = project / "lake" / ".weir" / "ledger.db";
    ASSERT_TRUE(fs::exists(ledger));
    write(ledger, std::string(5000, 'x'));
    const auto finished = run_all();
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("the ledger of runs was damaged"));
    fs::remove(ledger);
    put("in/b.csv", header + rows(5, 10));
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "15\n");
}

TEST_F(BadSurroundings, a_project_that_is_moved_with_its_lake_knows_its_files) {
    source("in/*.csv");
    contract({});
    put("in/1.csv", header + rows(3));
    put("in/2.csv", header + rows(3, 3));
    run_ok();
    const auto elsewhere = scratch.path() / "elsewhere";
    fs::copy(project, elsewhere, fs::copy_options::recursive);
    write(elsewhere / "in" / "2.csv", header + rows(3, 6));  // another file of the same name
    write(elsewhere / "in" / "3.csv", header + rows(3, 9));
    for (int runs = 0; runs < 2; ++runs) {
        const auto ran = weir_with({"-C", elsewhere.string(), "run"});
        EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
        const auto found = weir_with(
            {"-C", elsewhere.string(), "sql", "SELECT count(*), count(DISTINCT id) FROM t", "--format", "csv"});
        EXPECT_THAT(found.out, testing::EndsWith("\n12,12\n"));
    }
    source("in/*.csv", "append_only: true\n");
    fs::remove_all(elsewhere);
    fs::copy(project, elsewhere, fs::copy_options::recursive);
    write(elsewhere / "in" / "1.csv", header + rows(4));
    const auto grown = weir_with({"-C", elsewhere.string(), "run"});
    EXPECT_NE(grown.exit_code, 0);
    EXPECT_THAT(grown.out + grown.err, HasSubstr("before the project was moved, and has grown since"));
}

}  // namespace
}  // namespace weir::test
