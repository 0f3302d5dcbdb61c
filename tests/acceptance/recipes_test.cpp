// The shipped recipes project, from the command line, over real files: the numbers, repeats, later days, late days.
#include <gtest/gtest.h>

#include "support/places.h"
#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

const fs::path project = source_folder() / "projects" / "recipes";

class Recipes : public testing::Test {
protected:
    Scratch scratch{"recipes"};

    Finished weir_at(const std::string& command, const std::vector<std::string>& more) {
        std::vector<std::string> words{weir().string(), command, project.string()};
        words.insert(words.end(), more.begin(), more.end());
        words.insert(words.end(), {"--lake", (scratch / "lake").string()});
        return run(words);
    }
    void run_ok(const fs::path& input, const std::string& day, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"--param", "input=" + input.string(), "--param", "arrival_date=" + day});
        const auto finished = weir_at("run", more);
        ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    }
    std::string report(std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"difficulty_report", "--format", "csv", "--out", (scratch / "out").string()});
        const auto finished = weir_at("export", more);
        EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
        return read(scratch / "out" / "difficulty_report.csv");
    }
    std::string sql(const std::string& statement) {
        const auto finished = weir_at("sql", {statement, "--format", "csv"});
        EXPECT_EQ(finished.exit_code, 0) << statement << "\n" << finished.out << finished.err;
        return finished.out;
    }
    void copy(const std::string& name) {
        fs::create_directories(scratch / "in");
        fs::copy_file(data_folder() / "recipes" / name, scratch / "in" / name);
    }
};

#define NEEDS_DATA() \
    if (data_folder().empty()) GTEST_SKIP() << "skipped: no real data (set WEIR_TEST_DATA)"

// The numbers that the project's README shows.
TEST_F(Recipes, the_sample_gives_the_numbers_of_the_readme) {
    const auto first = weir_at("run", {});
    ASSERT_EQ(first.exit_code, 0);
    EXPECT_NE(first.err.find("warning: recipe_changes: 1 kept row breaks pattern: datePublished "), std::string::npos)
        << first.err;
    const std::string numbers = "difficulty,avg_total_cooking_time\neasy,12.0\nmedium,45.0\nhard,225.71428571428572\n";
    EXPECT_EQ(report(), numbers);
    EXPECT_EQ(report({"--interval", "2024-03-01"}),
              "difficulty,avg_total_cooking_time\neasy,16.0\nmedium,60.0\nhard,171.25\n");
    EXPECT_EQ(sql("SELECT \"read\", accepted, quarantined FROM weir.accounting ORDER BY interval_from"),
              "read,accepted,quarantined\n24,23,1\n9,9,0\n8,8,0\n");
    EXPECT_EQ(sql("SELECT measure, detail, value FROM run_report"),
              "measure,detail,value\nrecords,read,41\nrecords,accepted,40\nrejected,bad_ingredients,1\n"
              "recipes,current,38\nrecipes,reported,15\ntimes,invalid,1\ntimes,known,12\ntimes,partial,1\n"
              "times,unknown,1\nlevel,easy,4\nlevel,hard,7\nlevel,medium,2\n");
    // Declared exports lie in the lake, and nothing in the project's directory.
    EXPECT_EQ(read(scratch / "lake" / "export" / "difficulty_report.csv"), numbers);
    EXPECT_TRUE(fs::exists(scratch / "lake" / "export" / "run_report.csv"));
    EXPECT_FALSE(fs::exists(project / "export"));
    EXPECT_FALSE(fs::exists(project / "lake"));
    std::string readme = numbers;
    for (std::size_t at = 0; (at = readme.find('\n', at)) != std::string::npos && at + 1 < readme.size(); at += 5)
        readme.replace(at, 1, "\n    ");
    EXPECT_NE(read(project / "README.md").find("    " + readme), std::string::npos);
}

TEST_F(Recipes, the_three_real_files_give_the_known_numbers) {
    NEEDS_DATA();
    run_ok(data_folder() / "recipes", "2024-03-01");
    EXPECT_EQ(report(),
              "difficulty,avg_total_cooking_time\n"
              "easy,19.625\n"
              "medium,45.0\n"
              "hard,194.3913043478261\n");
    EXPECT_EQ(sql("SELECT sum(read), sum(accepted), sum(quarantined) FROM weir.accounting"),
              "\"sum(\"\"read\"\")\",sum(accepted),sum(quarantined)\n1042,1042,0\n");
    EXPECT_TRUE(fs::exists(scratch / "lake" / "recipe_changes" / "year=2024" / "month=03" / "day=01"));
}

TEST_F(Recipes, a_file_without_beef_gives_a_header_only) {
    NEEDS_DATA();
    run_ok(data_folder() / "recipes" / "recipes-002.json", "2024-03-01");
    EXPECT_EQ(report(), "difficulty,avg_total_cooking_time\n");
}

TEST_F(Recipes, the_same_day_twice_changes_nothing) {
    NEEDS_DATA();
    run_ok(data_folder() / "recipes", "2024-03-01");
    const auto first = report();
    run_ok(data_folder() / "recipes", "2024-03-01");
    EXPECT_EQ(report(), first);
    EXPECT_EQ(sql("SELECT count(*) AS n FROM recipe_changes"), "n\n1042\n");
    EXPECT_EQ(sql("SELECT sum(read)::BIGINT AS n FROM weir.accounting"), "n\n1042\n");
}

TEST_F(Recipes, days_arrive_over_the_turn_of_the_year_and_late) {
    NEEDS_DATA();
    copy("recipes-000.json");
    run_ok(scratch / "in", "2023-12-31");
    EXPECT_EQ(report(),
              "difficulty,avg_total_cooking_time\neasy,21.2\nmedium,48.333333333333336\nhard,166.8181818181818\n");
    copy("recipes-001.json");
    run_ok(scratch / "in", "2024-01-01");
    copy("recipes-002.json");
    run_ok(scratch / "in", "2024-01-02");
    EXPECT_EQ(report(), "difficulty,avg_total_cooking_time\neasy,19.625\nmedium,45.0\nhard,194.3913043478261\n");
    // The report of an earlier day knows what had arrived by then.
    EXPECT_EQ(report({"--interval", "2023-12-31"}),
              "difficulty,avg_total_cooking_time\neasy,21.2\nmedium,48.333333333333336\nhard,166.8181818181818\n");
    EXPECT_EQ(sql("SELECT year, month, day, count(*) AS n FROM recipe_changes GROUP BY ALL ORDER BY ALL"),
              "year,month,day,n\n2023,12,31,484\n2024,01,01,244\n2024,01,02,314\n");
}

TEST_F(Recipes, filters_and_readings_of_missing_times) {
    NEEDS_DATA();
    struct Case {
        const char *word, *times, *easy;
    };
    for (const auto& [word, times, easy] :
         {Case{"chicken", "partial", "easy,23.5"}, Case{"chicken", "zero", "easy,15.666666666666666"},
          Case{"chilies", "strict", "easy,17.75"}, Case{"chocolate", "zero", "easy,6.619047619047619"},
          Case{"chocolate", "strict", "easy,21.3"}}) {
        fs::remove_all(scratch / "lake");
        run_ok(data_folder() / "recipes", "2024-03-01",
               {"--param", std::string("word=") + word, "--param", std::string("times=") + times});
        EXPECT_NE(report({"--param", std::string("word=") + word, "--param", std::string("times=") + times}).find(easy),
                  std::string::npos)
            << word << " " << times;
    }
}

TEST_F(Recipes, broken_records_are_quarantined_and_accounted) {
    std::string lines;
    for (int i = 0; i < 60; ++i)
        lines +=
            R"({"name":"n","ingredients":"1 lb Beef","url":"u)" + std::to_string(i) +
            R"(","image":"","cookTime":"PT10M","recipeYield":"","datePublished":"2013-01-01","prepTime":"PT5M","description":""})"
            "\n";
    write(scratch / "in" / "a.json", lines + "{\"name\": broken\n\r\n{\"name\":\"x\",\"url\":\"y\"}\n[1]\n");
    run_ok(scratch / "in", "2024-03-01");
    EXPECT_EQ(report(), "difficulty,avg_total_cooking_time\neasy,15.0\n");
    EXPECT_EQ(sql("SELECT line, rule FROM weir.quarantine ORDER BY line"),
              "line,rule\n61,malformed\n63,bad_ingredients\n64,malformed\n");
    EXPECT_EQ(sql("SELECT \"read\", accepted, quarantined FROM weir.accounting"),
              "read,accepted,quarantined\n63,60,3\n");
}

TEST_F(Recipes, too_many_broken_records_stop_the_run_and_commit_nothing) {
    write(scratch / "in" / "a.json", "{\n{\n{\"ingredients\":\"x\"}\n");
    const auto finished =
        weir_at("run", {"--param", "input=" + (scratch / "in").string(), "--param", "arrival_date=2024-03-01"});
    EXPECT_EQ(finished.exit_code, 3) << finished.out << finished.err;
    EXPECT_NE(finished.err.find("a.json:1"), std::string::npos) << finished.err;
    EXPECT_EQ(sql("SELECT count(*) AS n FROM weir.accounting"), "n\n0\n");
}

}  // namespace
}  // namespace weir::test
