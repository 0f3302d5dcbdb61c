// The serving store and its indexes in serve.yaml.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "declare/load.h"
#include "support/places.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// The recipes with another serve.yaml.
class ServeFile : public testing::Test {
public:
    ~ServeFile() override { fs::remove_all(folder_); }

protected:
    ServeFile() : folder_(fs::temp_directory_path() / ("weir-serve-file-" + std::to_string(::getpid()))) {
        fs::remove_all(folder_);
        fs::copy(test::source_folder() / "projects/recipes", folder_, fs::copy_options::recursive);
    }
    Loaded with(const std::string& serve) const {
        std::ofstream(folder_ / "serve.yaml") << serve;
        return load({.directory = folder_, .environment = "dev"});
    }
    static std::string all(const std::vector<Error>& errors) {
        std::string text;
        for (const auto& error : errors) text += to_string(error) + "\n";
        return text;
    }

private:
    fs::path folder_;
};

TEST_F(ServeFile, a_store_and_indexes_are_read) {
    const auto loaded = with(
        "store: {postgres: \"${env:WEIR_STORE}\"}\n"
        "views: [{view: difficulty_report, key: [difficulty], indexes: [[difficulty, avg_total_cooking_time], "
        "difficulty]}]\n");
    EXPECT_EQ(all(loaded.problems), "");
    EXPECT_EQ(all(loaded.warnings), "");
    const auto& serve = loaded.project.serve;
    EXPECT_EQ(serve.store.postgres, "${env:WEIR_STORE}");
    EXPECT_EQ(serve.store.schema, "weir");
    const std::vector<std::vector<std::string>> indexes{{"difficulty", "avg_total_cooking_time"}, {"difficulty"}};
    EXPECT_EQ(serve.views.at(0).indexes, indexes);
    EXPECT_EQ(all(with("store: {postgres: \"postgresql://weir@db:5432/serving\", schema: bi}\n").problems), "");
}

TEST_F(ServeFile, mistakes_are_told_with_their_place) {
    const struct {
        std::string serve, said;
    } cases[] = {
        {"store: {}\n", "the key 'postgres' is missing"},
        {"store: {postgress: x}\n", "did you mean 'postgres'"},
        {"store: {postgres: [a]}\n", "serve.yaml:1:19: 'postgres' must be a connection string, not a list"},
        {"store: {postgres: \"host=db password=hunter2\"}\n", "serve.yaml:1:19: 'postgres' holds a password"},
        {"store: {postgres: \"postgresql://weir:hunter2@db/x\"}\n", "'postgres' holds a password"},
        {"store: {postgres: \"host=db password=${env:P}\"}\n", "holds a reference among other text"},
        {"store: {postgres: \"host=db\", schema: pg_own}\n", "'pg_own' cannot be the name of a schema"},
        {"views: [{view: difficulty_report, indexes: [[dificulty]]}]\n", "did you mean 'difficulty'"},
        {"views: [{view: difficulty_report, indexes: [{a: b}]}]\n", "an index is a list of columns, not a map"},
        {"views: [{view: difficulty_report, indexes: [[]]}]\n", "an index is a list of columns"},
        {"access: {rows: [{views: \"*_report\", claim: sub, column: difficulty}]}\n",
         "view run_report has no column 'difficulty'\n  hint: '*_report' matches it too: take narrower patterns, one "
         "rule each, for difficulty_report"},
        {"access: {rows: [{views: run_report, claim: sub, column: rows}]}\n", "view run_report has no column 'rows'"},
    };
    for (const auto& one : cases) {
        const auto said = all(with(one.serve).problems);
        EXPECT_THAT(said, HasSubstr(one.said)) << one.serve;
        EXPECT_THAT(said, Not(HasSubstr("hunter2"))) << one.serve;
    }
    const auto loaded = with("views: [{view: difficulty_report, indexes: [[difficulty]]}]\n");
    EXPECT_EQ(all(loaded.problems), "");
    EXPECT_THAT(all(loaded.warnings), HasSubstr("the indexes of view 'difficulty_report' are not made"));
}

TEST(ServePassword, is_seen_in_every_spelling) {
    for (const auto* text : {"password=x", "postgresql://u:p@h/d", "postgres://u:@h", "postgresql://h/d?password=x",
                             "postgresql://u:p@x@h/d", "sslpassword=x"})
        EXPECT_TRUE(holds_password(text)) << text;
    for (const auto* text :
         {"", "host=db user=weir dbname=x", "postgresql://u@h:5432/d", "postgresql:///d?host=/run/postgresql"})
        EXPECT_FALSE(holds_password(text)) << text;
}

}  // namespace
}  // namespace weir::declare
