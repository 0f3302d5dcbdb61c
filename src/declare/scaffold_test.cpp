#include "declare/scaffold.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "declare/csv_guess.h"
#include "declare/load.h"
#include "support/places.h"

namespace weir::declare {
namespace {

class Scaffold : public testing::Test {
protected:
    void SetUp() override {
        directory_ = fs::temp_directory_path() / ("weir_scaffold_" + std::to_string(::getpid()));
        fs::remove_all(directory_);
        fs::create_directories(directory_);
    }
    void TearDown() override { fs::remove_all(directory_); }
    std::string problems(const fs::path& project) {
        const auto loaded = load({.directory = project, .environment = "dev"});
        std::string text;
        for (const auto& problem : loaded.problems) text += to_string(problem) + "\n";
        for (const auto& warning : loaded.warnings) text += to_string(warning) + "\n";
        return text;
    }
    void write(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
    fs::path directory_;
};

TEST_F(Scaffold, every_template_passes_the_check_at_once) {
    for (const auto& name : scaffold_templates()) {
        const auto made = scaffold({.directory = directory_ / (name + "-copy"), .from = name});
        ASSERT_TRUE(made) << to_string(made.error());
        EXPECT_EQ(problems(directory_ / (name + "-copy")), "") << name;
        EXPECT_EQ(load({.directory = directory_ / (name + "-copy"), .environment = "dev"}).project.name,
                  name + "_copy");
    }
}

TEST_F(Scaffold, a_copy_holds_every_file_of_the_shipped_project) {
    ASSERT_TRUE(scaffold({.directory = directory_ / "copy", .from = "recipes"}));
    const fs::path shipped = test::source_folder() / "projects/recipes";
    for (const auto* path : {"README.md", "macros.sql", "sample/2024/03/03/changes.json", "views/run_report.sql"}) {
        const auto copy = read_file(directory_ / "copy" / path, 1 << 20), original = read_file(shipped / path, 1 << 20);
        ASSERT_TRUE(copy && original) << path;
        EXPECT_EQ(*copy, *original) << path;
    }
}

TEST_F(Scaffold, nothing_is_overwritten) {
    write(directory_ / "mine.txt", "mine");
    const auto made = scaffold({.directory = directory_, .from = "recipes"});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::refused);
    EXPECT_FALSE(fs::exists(directory_ / "weir.yaml"));
}

TEST_F(Scaffold, an_unknown_template_names_the_nearest) {
    const auto made = scaffold({.directory = directory_ / "x", .from = "recpies"});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().hint, "did you mean 'recipes'?");
}

TEST_F(Scaffold, a_csv_file_becomes_a_source_and_a_contract) {
    write(directory_ / "My orders-2024.csv",
          "order id;When;price (EUR);note;ok\n"
          "1;05.03.2024;1.5;secret-value;true\n"
          "2;25.03.2024;2.5;\"a;b\";false\n");
    const auto made =
        scaffold({.directory = directory_ / "shop", .from = "", .csv = directory_ / "My orders-2024.csv"});
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_EQ(problems(directory_ / "shop"), "");
    const auto loaded = load({.directory = directory_ / "shop", .environment = "dev"});
    ASSERT_EQ(loaded.project.sources.size(), 1u);
    const auto& source = loaded.project.sources[0];
    EXPECT_EQ(source.table, "My_orders_2024");
    EXPECT_EQ(source.csv.delimiter, ';');
    EXPECT_EQ(source.csv.rename.at("order id"), "order_id");
    EXPECT_EQ(source.csv.rename.at("price (EUR)"), "price_EUR");
    const auto& columns = loaded.project.contracts.at(0).columns;
    ASSERT_EQ(columns.size(), 5u);
    EXPECT_EQ(to_string(columns[0].type), "long");
    EXPECT_EQ(to_string(columns[1].type), "date");
    EXPECT_EQ(columns[1].format, "dd.MM.yyyy");
    EXPECT_EQ(to_string(columns[2].type), "double");
    EXPECT_EQ(to_string(columns[4].type), "boolean");
    for (const auto& file : made->files) {
        const auto text = read_file(directory_ / "shop" / file, 1 << 20);
        ASSERT_TRUE(text);
        EXPECT_EQ(text->find("secret-value"), std::string::npos) << file;
    }
}

TEST_F(Scaffold, a_csv_file_that_is_not_there_is_told) {
    const auto made = scaffold({.directory = directory_ / "x", .from = "", .csv = directory_ / "absent.csv"});
    ASSERT_FALSE(made);
    EXPECT_FALSE(fs::exists(directory_ / "x"));
}

TEST(CsvGuess, formats) {
    EXPECT_EQ(jdk_pattern("%Y-%m-%d"), "");
    EXPECT_EQ(jdk_pattern("%d.%m.%Y"), "dd.MM.yyyy");
    EXPECT_EQ(jdk_pattern("%m/%d/%y %H:%M"), "MM/dd/yy HH:mm");
    EXPECT_EQ(jdk_pattern("%B"), std::nullopt);
}

}  // namespace
}  // namespace weir::declare
