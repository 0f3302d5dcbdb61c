// The shipped recipes project: its SQL against tables of durations, limits and words, and against real numbers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "declare/load.h"
#include "declare/table_schema.h"
#include "model/system_tables.h"
#include "sql/database.h"
#include "support/places.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;
using sql::quote_name;
using sql::quote_text;

// The project's views over a table of texts, as a run would see them.
class Recipes : public testing::Test {
protected:
    void open(const std::map<std::string, std::string>& params = {}) {
        auto loaded =
            load({.directory = test::source_folder() / "projects/recipes", .params = params, .environment = "dev"});
        for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem);
        project_ = std::move(loaded.project);
        auto database = sql::Database::open({.threads = 2});
        ASSERT_TRUE(database) << to_string(database.error());
        database_.emplace(std::move(*database));
        auto connection = database_->connect();
        ASSERT_TRUE(connection) << to_string(connection.error());
        connection_.emplace(std::move(*connection));
        run(project_.macros);
        const auto& source = project_.sources.at(0);
        create(quote_name(source.table), table_schema(source, *project_.contract(source.contract)));
        run("CREATE SCHEMA weir");
        for (const auto name : {"accounting", "quarantine"})
            create(fmt::format("weir.{}", name), system_table(name).schema);
        for (const auto& view : project_.views)
            run(fmt::format("CREATE VIEW {} AS {}", quote_name(view.name), view.sql));
    }
    void create(const std::string& name, const Schema& schema) {
        std::string columns;
        for (const auto& field : schema.fields)
            columns +=
                fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_name(field.name), to_duckdb(field.type));
        run(fmt::format("CREATE TABLE {}({})", name, columns));
    }
    void run(const std::string& text) {
        const auto status = connection_->run(text);
        ASSERT_TRUE(status) << to_string(status.error()) << "\n" << text;
    }
    void add(const std::string& ingredients, const std::string& cook, const std::string& prep,
             const std::string& url = "", const std::string& day = "2024-03-01") {
        run(
            fmt::format("INSERT INTO recipe_changes(name, ingredients, url, cookTime, prepTime, _arrival_date, "
                        "_source_file, _source_line) VALUES ('n', {}, {}, {}, {}, DATE '{}', 'f', {})",
                        quote_text(ingredients), quote_text(url), quote_text(cook), quote_text(prep), day, ++line_));
    }
    // Cells of all rows as text, "a|b;c|d".
    std::string rows(const std::string& query) {
        const auto result = connection_->query(fmt::format("SELECT COLUMNS(*)::VARCHAR FROM ({})", query));
        if (!result) return to_string(result.error());
        std::string text;
        for (std::size_t row = 0; row < result->row_count(); ++row) {
            if (row > 0) text += ";";
            for (std::size_t column = 0; column < result->column_count(); ++column)
                text += fmt::format("{}{}", column ? "|" : "", result->text_or_null(row, column).value_or("NULL"));
        }
        return text;
    }

    Project project_;
    std::optional<sql::Database> database_;
    std::optional<sql::Connection> connection_;
    int line_ = 0;
};

TEST_F(Recipes, durations_are_exact_and_missing_is_neither_invalid_nor_zero) {
    open();
    struct Case {
        std::string text, status, seconds;
    };
    const std::vector<Case> cases{
        {"NULL", "missing", "NULL"},
        {"''", "missing", "NULL"},
        {"'  '", "missing", "NULL"},
        {"'P'", "missing", "NULL"},
        {"'PT'", "missing", "NULL"},
        {"'PT0M'", "known", "0.000000000"},
        {"'PT0S'", "known", "0.000000000"},
        {"'P0D'", "known", "0.000000000"},
        {"'PT15M'", "known", "900.000000000"},
        {"' PT15M '", "known", "900.000000000"},
        {"'PT90M'", "known", "5400.000000000"},
        {"'PT950M'", "known", "57000.000000000"},
        {"'PT1H'", "known", "3600.000000000"},
        {"'PT1H15M'", "known", "4500.000000000"},
        {"'PT24H'", "known", "86400.000000000"},
        {"'P1D'", "known", "86400.000000000"},
        {"'P1DT2H'", "known", "93600.000000000"},
        {"'P1DT2H3M4S'", "known", "93784.000000000"},
        {"'P2W'", "known", "1209600.000000000"},
        {"'P0.5W'", "known", "302400.000000000"},
        {"'P1,5D'", "known", "129600.000000000"},
        {"'PT1.5H'", "known", "5400.000000000"},
        {"'PT1H0.5M'", "known", "3630.000000000"},
        {"'PT0.1S'", "known", "0.100000000"},
        {"'PT0,000000001S'", "known", "0.000000001"},
        {"'PT0000000000000000015M'", "known", "900.000000000"},
        {"'P1Y'", "invalid", "NULL"},
        {"'P1M'", "invalid", "NULL"},
        {"'-PT5M'", "invalid", "NULL"},
        {"'PT-5M'", "invalid", "NULL"},
        {"'+PT5M'", "invalid", "NULL"},
        {"'PT5M1H'", "invalid", "NULL"},
        {"'PT1S1M'", "invalid", "NULL"},
        {"'PTM'", "invalid", "NULL"},
        {"'PTH'", "invalid", "NULL"},
        {"'P1DT'", "invalid", "NULL"},
        {"'PT1.5H30M'", "invalid", "NULL"},
        {"'P1.5DT1H'", "invalid", "NULL"},
        {"'P1WT1H'", "invalid", "NULL"},
        {"'P1W1D'", "invalid", "NULL"},
        {"'pt15m'", "invalid", "NULL"},
        {"'PT15m'", "invalid", "NULL"},
        {"'15'", "invalid", "NULL"},
        {"'15 minutes'", "invalid", "NULL"},
        {"'PT.5M'", "invalid", "NULL"},
        {"'PT5.M'", "invalid", "NULL"},
        {"'PT1 5M'", "invalid", "NULL"},
        {"'PT15MX'", "invalid", "NULL"},
        {"'PT1234567890123M'", "invalid", "NULL"},
    };
    for (const auto& one : cases) {
        EXPECT_EQ(rows(fmt::format("SELECT duration_status({0}), duration_seconds({0})", one.text)),
                  one.status + "|" + one.seconds)
            << one.text;
    }
}

TEST_F(Recipes, the_times_of_a_recipe_are_read_in_three_ways) {
    open();
    struct Case {
        std::string cook, prep, status, partial, zero, strict;
    };
    const std::vector<Case> cases{
        {"PT10M", "PT5M", "known", "900", "900", "900"},
        {"PT10M", "", "partial", "600", "600", "NULL"},
        {"PT", "PT5M", "partial", "300", "300", "NULL"},
        {"", "PT", "unknown", "NULL", "0", "NULL"},
        {"PT0M", "PT0M", "known", "0", "0", "0"},
        {"PT0M", "", "partial", "0", "0", "NULL"},
        {"later", "PT5M", "invalid", "NULL", "300", "NULL"},
        {"P1M", "", "invalid", "NULL", "0", "NULL"},
    };
    for (const auto& one : cases) {
        const auto total = [&](const char* times) {
            return fmt::format(
                "total_seconds_of(duration_seconds('{0}'), duration_seconds('{1}'), "
                "time_status_of(duration_status('{0}'), duration_status('{1}')), '{2}')::BIGINT",
                one.cook, one.prep, times);
        };
        EXPECT_EQ(rows(fmt::format("SELECT time_status_of(duration_status('{}'), duration_status('{}')), {}, {}, {}",
                                   one.cook, one.prep, total("partial"), total("zero"), total("strict"))),
                  fmt::format("{}|{}|{}|{}", one.status, one.partial, one.zero, one.strict))
            << one.cook << " " << one.prep;
    }
}

TEST_F(Recipes, both_limits_are_medium) {
    open();
    EXPECT_EQ(rows("SELECT difficulty_of(s, 30, 60) FROM (VALUES (0, 0), (1, 1799.999999999), (2, 1800), (3, 3600), "
                   "(4, 3600.000000001), (5, NULL)) AS t(i, s) ORDER BY i"),
              "easy;easy;medium;medium;hard;NULL");
}

TEST_F(Recipes, a_word_is_whole_in_every_script_and_any_case) {
    open();
    for (const auto* text :
         {"Ground Beef", "BEEF BROTH", "(beef, Bison, Turkey)", "Roast Beef Or Ham", "beef-flavored", "pork/beef",
          "beef's", "Corned\u00A0Beef", "salt\nbeef\npepper", "beef", "\u201Cbeef\u201D"})
        EXPECT_EQ(rows(fmt::format("SELECT has_word({}, 'beef')", quote_text(text))), "true") << text;
    for (const auto* text : {"Beefsteak Tomatoes", "beefy", "Beefeater", "roastbeef", "beef2go", "beef\u00E9",
                             "\u0436beef", "_beef", "beef_", "bee f", "", "beefe\u0301", "beef\u0301"})
        EXPECT_EQ(rows(fmt::format("SELECT has_word({}, 'beef')", quote_text(text))), "false") << text;
    // The word is text, not a pattern, and an empty one asks nothing.
    EXPECT_EQ(rows("SELECT has_word('a.c', 'a.c'), has_word('abc', 'a.c'), has_word('', ''), has_word('x (y', '(y')"),
              "true|false|true|true");
    EXPECT_EQ(rows("SELECT has_word('Crème FRAÎCHE', 'fraîche')"), "true");
}

TEST_F(Recipes, the_newest_version_of_a_url_counts_and_a_recipe_without_one_stands_alone) {
    open();
    add("beef", "PT10M", "PT5M", "u1", "2024-03-01");
    add("beef", "PT20M", "PT5M", "u1", "2024-03-02");
    add("tofu", "PT20M", "PT5M", "u2", "2024-03-02");
    add("beef", "PT1H", "PT5M", "u2", "2024-03-01");
    add("beef", "PT40M", "", "", "2024-03-01");
    add("beef", "PT50M", "", "", "2024-03-01");
    EXPECT_EQ(rows("SELECT count(*) FROM current_recipes"), "4");
    EXPECT_EQ(rows("FROM difficulty_report"), "easy|25.0;medium|45.0");
}

TEST_F(Recipes, the_run_report_counts_everything) {
    open();
    add("beef", "PT10M", "PT5M", "a");
    add("beef", "", "", "b");
    add("beef", "soon", "PT5M", "c");
    add("tofu", "PT2H", "PT5M", "d");
    run("INSERT INTO weir.accounting(source, kind, read) VALUES ('recipe_changes', 'intake', 5)");
    run("INSERT INTO weir.quarantine(source, state, rule) VALUES ('recipe_changes', 'pending', 'bad_ingredients')");
    EXPECT_EQ(rows("FROM run_report"),
              "records|read|5;records|accepted|4;rejected|bad_ingredients|1;recipes|current|4;recipes|reported|3;"
              "times|invalid|1;times|known|1;times|partial|0;times|unknown|1;level|easy|1;level|hard|0;level|medium|0");
}

class RealRecipes : public Recipes {
protected:
    void SetUp() override {
        directory_ = test::data_folder() / "recipes";
        if (!fs::exists(directory_)) GTEST_SKIP() << "skipped: no real recipes in " << directory_;
    }
    void read(const std::string& glob = "*.json") {
        run(fmt::format(
            "INSERT INTO recipe_changes(name, ingredients, url, image, cookTime, recipeYield, datePublished, "
            "prepTime, description, _arrival_date, _source_file, _source_line) "
            "SELECT name, ingredients, url, image, cookTime, recipeYield, datePublished, prepTime, description, "
            "DATE '2024-03-01', filename, row_number() OVER () FROM read_json({}, format = 'newline_delimited', "
            "filename = true, columns = {{name: 'VARCHAR', ingredients: 'VARCHAR', url: 'VARCHAR', "
            "image: 'VARCHAR', cookTime: 'VARCHAR', recipeYield: 'VARCHAR', datePublished: 'VARCHAR', "
            "prepTime: 'VARCHAR', description: 'VARCHAR'}})",
            quote_text((directory_ / glob).string())));
    }
    std::string levels() {
        return rows(
            "SELECT count(*), round(sum(total_seconds) / (60 * count(*)), 4) FROM reported_recipes WHERE difficulty "
            "IS NOT NULL GROUP BY difficulty ORDER BY difficulty = 'hard', difficulty");
    }
    fs::path directory_;
};

TEST_F(RealRecipes, beef_takes_as_long_as_the_domain_says) {
    for (const std::string times : {"partial", "zero", "strict"}) {
        open({{"times", times}});
        read();
        EXPECT_EQ(rows("SELECT count(*) FROM reported_recipes"), "47");
        EXPECT_EQ(rows("FROM difficulty_report"), "easy|19.625;medium|45.0;hard|194.3913043478261") << times;
    }
}

TEST_F(RealRecipes, files_alone) {
    open();
    read("recipes-000.json");
    EXPECT_EQ(levels(), "5|21.2;6|48.3333;11|166.8182");
    open();
    read("recipes-001.json");
    EXPECT_EQ(levels(), "3|17.0;10|43.0;12|219.6667");
    open();
    read("recipes-002.json");
    EXPECT_EQ(rows("FROM difficulty_report"), "");
}

TEST_F(RealRecipes, limits_matter) {
    open({{"easy_below_minutes", "31"}});
    read();
    EXPECT_EQ(levels(), "12|23.0833;12|50.0;23|194.3913");
    open({{"hard_above_minutes", "59"}});
    read();
    EXPECT_EQ(levels(), "8|19.625;12|40.0;27|174.4815");
}

TEST_F(RealRecipes, other_words_and_readings) {
    struct Case {
        std::string word, matches, partial, zero, strict;
    };
    const std::vector<Case> cases{
        {"", "1042", "215|17.1023;295|41.8881;228|163.6184", "519|7.0848;295|41.8881;228|163.6184",
         "161|18.9938;280|42.0786;215|156.907"},
        {"chicken", "106", "10|23.5;48|42.0417;43|163.7209", "15|15.6667;48|42.0417;43|163.7209",
         "10|23.5;47|42.2979;43|163.7209"},
        {"chilies", "20", "6|16.0;3|40.0;6|115.8333", "11|8.7273;3|40.0;6|115.8333", "4|17.75;3|40.0;6|115.8333"},
        {"chocolate", "76", "15|18.5333;16|42.0625;18|162.7222", "42|6.619;16|42.0625;18|162.7222",
         "10|21.3;14|41.6429;16|160.5625"},
    };
    for (const auto& one : cases) {
        for (const auto& [times, expected] :
             {std::pair{"partial", one.partial}, std::pair{"zero", one.zero}, std::pair{"strict", one.strict}}) {
            open({{"word", one.word}, {"times", times}});
            read();
            EXPECT_EQ(rows("SELECT count(*) FROM reported_recipes"), one.matches) << one.word;
            EXPECT_EQ(levels(), expected) << one.word << " " << times;
        }
    }
    open({{"word", ""}});
    read();
    EXPECT_EQ(rows("SELECT count(*) FROM reported_recipes WHERE time_status = 'unknown'"), "304");
}

}  // namespace
}  // namespace weir::declare
