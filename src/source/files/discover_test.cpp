#include "source/files/discover.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "source/files/path_template.h"

namespace weir::source {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DiscoverTest : public testing::Test {
protected:
    DiscoverTest() { fs::create_directories(folder); }
    ~DiscoverTest() override { fs::remove_all(folder); }
    void touch(const std::string& name) {
        fs::create_directories((folder / name).parent_path());
        std::ofstream(folder / name) << "x";
    }
    // Paths relative to the folder, with "name=value" for each capture.
    std::vector<std::string> found(const std::string& pattern) {
        auto result = discover((folder / pattern).string());
        if (!result) return {to_string(result.error())};
        std::vector<std::string> texts;
        for (const auto& file : result->files) {
            auto text = file.path.substr(folder.string().size() + 1);
            for (std::size_t i = 0; i < file.captures.size(); ++i)
                text += fmt::format(" {}={}", result->captures[i].name, file.captures[i]);
            if (file.arrival) text += " " + to_string(*file.arrival);
            texts.push_back(text);
        }
        return texts;
    }
    fs::path folder = fs::temp_directory_path() / fmt::format("weir-discover-test-{}", ::getpid());
};
using Texts = std::vector<std::string>;

TEST_F(DiscoverTest, files_folders_and_wildcards) {
    for (const auto* name :
         {"b.csv", "a.csv", "c.txt", ".hidden.csv", "_SUCCESS", "d.csv.tmp", ".d.csv.crc", "in/a.csv", "in/deep/a.csv",
          "in/_temporary/a.csv", "odd[1].csv", "x1.csv", "x2.csv", "xx.csv"})
        touch(name);
    EXPECT_EQ(found("a.csv"), Texts{"a.csv"});
    EXPECT_EQ(found("in"), (Texts{"in/a.csv", "in/deep/a.csv"}));
    EXPECT_EQ(found("in/"), (Texts{"in/a.csv", "in/deep/a.csv"}));
    EXPECT_EQ(found("[ab].csv"), (Texts{"a.csv", "b.csv"}));
    EXPECT_EQ(found("[!a].csv"), Texts{"b.csv"});
    EXPECT_EQ(found("x?.csv"), (Texts{"x1.csv", "x2.csv", "xx.csv"}));
    EXPECT_EQ(found("x[0-9].csv"), (Texts{"x1.csv", "x2.csv"}));
    EXPECT_EQ(found("**/a.csv"), (Texts{"a.csv", "in/a.csv", "in/deep/a.csv"}));
    EXPECT_EQ(found("in/**"), (Texts{"in/a.csv", "in/deep/a.csv"}));
    EXPECT_EQ(found("*/a.csv"), Texts{"in/a.csv"});
    EXPECT_EQ(found("_S*"), Texts{"_SUCCESS"});
    EXPECT_EQ(found("odd[1].csv"), Texts{"odd[1].csv"});
}

TEST_F(DiscoverTest, captures_become_columns_and_the_arrival_date) {
    for (const auto* name : {"2024/03/01/a.json", "2024/03/2/b.json", "2024/xx/01/a.json", "u12.csv", "u9000000.csv",
                             "ux.csv", "north-2024-02-29.csv"})
        touch(name);
    EXPECT_EQ(found("{year}/{month}/{day}/*.json"), (Texts{"2024/03/01/a.json year=2024 month=03 day=01 2024-03-01",
                                                           "2024/03/2/b.json year=2024 month=03 day=2 2024-03-02"}));
    EXPECT_EQ(found("u{user_id:int}.csv"), (Texts{"u12.csv user_id=12", "u9000000.csv user_id=9000000"}));
    EXPECT_EQ(found("{region}-{year}-{month}-{day}.csv"),
              Texts{"north-2024-02-29.csv region=north year=2024 month=02 day=29 2024-02-29"});
    touch("2023/02/30/a.json");
    EXPECT_THAT(found("{year}/{month}/{day}/*.json").at(0), HasSubstr("2023/02/30/a.json: there is no day 2023-02-30"));
}

TEST_F(DiscoverTest, a_date_in_one_piece_is_the_arrival_date_or_a_column) {
    for (const auto* name : {"2024-02-29.csv", "2024-3-1.csv", "x-2024-03-01-2.csv"}) touch(name);
    EXPECT_EQ(found("{date}.csv"), Texts{"2024-02-29.csv date=2024-02-29 2024-02-29"});
    EXPECT_EQ(found("x-{sold:date}-{part:int}.csv"), Texts{"x-2024-03-01-2.csv sold=2024-03-01 part=2"});
    touch("2023-02-30.csv");
    EXPECT_THAT(found("{date}.csv").at(0), HasSubstr("2023-02-30.csv: there is no day 2023-02-30"));
}

TEST_F(DiscoverTest, a_link_to_nothing_is_an_error_and_a_folder_is_shown_as_one) {
    touch("in/a.csv");
    fs::create_symlink(folder / "gone", folder / "in" / "b.csv");
    EXPECT_THAT(found("in/*.csv").at(0), HasSubstr("in/b.csv: it is a link to a file that is not there"));
    EXPECT_THAT(found("in").at(0), HasSubstr("in/b.csv: it is a link to a file that is not there"));
    fs::create_directories(folder / "sub" / "c.csv");
    EXPECT_THAT(found("sub/*.csv").at(0), HasSubstr("c.csv/"));
    EXPECT_THAT(found("in/a.csv/*.csv").at(0), HasSubstr("in/a.csv is a file, not a folder"));
}

TEST_F(DiscoverTest, nothing_there_is_told_with_what_is) {
    touch("input/recipes-000.json");
    EXPECT_THAT(found("input/recipes-00.json").at(0), HasSubstr("did you mean 'recipes-000.json'?"));
    EXPECT_THAT(found("input/*.csv").at(0), HasSubstr("no file matches"));
    EXPECT_THAT(found("input/*.csv").at(0), HasSubstr("it has recipes-000.json"));
    EXPECT_THAT(found("inputs/2024/*.csv").at(0), HasSubstr("did you mean 'input/'?"));
    auto none = discover((folder / "*.csv").string(), {}, WhenNone::allow);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->files.empty());
    EXPECT_TRUE(discover((folder / "*.csv").string(), {}, WhenNone::allow_pattern));
    EXPECT_FALSE(discover((folder / "a.csv").string(), {}, WhenNone::allow_pattern));
}

TEST_F(DiscoverTest, mistakes_in_a_template_name_their_column) {
    const struct {
        const char* text;
        const char* message;
        int column;
    } cases[] = {
        {"a/{year", "'{' is not closed", 12},    {"a/[bc", "'[' is not closed", 12},
        {"a/x**", "'**' must stand alone", 13},  {"{a}{a}", "'a' is captured twice", 14},
        {"{a:float}", "'float' is no kind", 13}, {"{date:int}", "'date' is a day", 16},
        {"{1a}", "'1a' is no name", 11},         {"{}", "'' is no name", 11},
        {"a}", "'}' without '{'", 11},           {"[z-a]", "the range z-a is empty", 11},
    };
    for (const auto& c : cases) {
        auto made = PathTemplate::compile(c.text, {"s.yaml", 3, 10});
        ASSERT_FALSE(made) << c.text;
        EXPECT_THAT(made.error().message, HasSubstr(c.message));
        EXPECT_EQ(made.error().where.column, c.column) << c.text;
    }
}

TEST_F(DiscoverTest, hostile_patterns_end) {
    touch(std::string(200, 'a'));
    std::string pattern;
    for (int i = 0; i < 30; ++i) pattern += "*a";
    EXPECT_THAT(found(pattern + "b").at(0), HasSubstr("no file matches"));
}

TEST_F(DiscoverTest, lists_tens_of_thousands_of_files) {
    const auto some = folder / "u";
    fs::create_directories(some);
    const int count = 20'000;
    for (int i = 0; i < count; ++i)
        fs::create_hard_link(
            [&] {
                if (i % 10'000 == 0) touch(fmt::format("seed{}", i));
                return folder / fmt::format("seed{}", i / 10'000 * 10'000);
            }(),
            some / fmt::format("u{}.csv", i));
    auto result = discover((some / "u{user_id:int}.csv").string());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->files.size(), static_cast<std::size_t>(count));
}

}  // namespace
}  // namespace weir::source
