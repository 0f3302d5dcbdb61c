#include "declare/load.h"
#include "support/places.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace weir::declare {
namespace {

namespace fs = std::filesystem;

std::string all(const std::vector<Error>& errors) {
    std::string text;
    for (const auto& error : errors) text += to_string(error) + "\n";
    return text;
}

const fs::path recipes = test::source_folder() / "projects/recipes";

TEST(Load, the_shipped_recipes_have_no_problem) {
    const auto loaded = load({.directory = recipes, .environment = "dev"});
    EXPECT_EQ(all(loaded.problems), "");
    EXPECT_EQ(all(loaded.warnings), "");
    ASSERT_EQ(loaded.project.sources.size(), 1u);
    EXPECT_EQ(loaded.project.sources[0].table, "recipe_changes");
    EXPECT_EQ(loaded.project.sources[0].arrival.kind, Arrival::Kind::path);
    ASSERT_EQ(loaded.project.views.size(), 5u);
    EXPECT_EQ(loaded.project.views[0].name, "recipe_history");
    EXPECT_EQ(loaded.project.views[0].reads, std::vector<std::string>{"recipe_changes"});
    ASSERT_NE(loaded.project.view("difficulty_report"), nullptr);
    EXPECT_EQ(loaded.project.view("difficulty_report")->keep, View::Keep::every_interval);
    EXPECT_EQ(loaded.project.lake, recipes / "lake");
}

TEST(Load, an_environment_replaces_lake_and_engine) {
    const auto loaded = load({.directory = recipes, .environment = "production"});
    EXPECT_EQ(all(loaded.problems), "");
    EXPECT_EQ(loaded.project.lake, recipes / "lake-production");
    EXPECT_EQ(loaded.project.engine.memory, "4GB");
}

TEST(Load, a_directory_without_a_project_says_so) {
    const auto loaded = load({.directory = test::source_folder() / "src"});
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.problems[0].code, ErrorCode::not_found);
    EXPECT_EQ(load({.directory = "/nowhere/at/all"}).problems.at(0).code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::declare
