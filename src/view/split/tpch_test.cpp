// TPC-H's queries as views: lineitem, orders, partsupp and customer arrive in random pieces, the other tables are
// reference tables. The answers are those that DuckDB publishes for scale 0.01.
#include "support/places.h"
#include "view/split/tpch_queries.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "view/split/testing.h"

namespace weir::view {
namespace {

namespace fs = std::filesystem;

fs::path tpch_folder() { return test::data_folder() / "olap/tpch-sf0.01"; }

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::stringstream in(line);
    for (std::string field; std::getline(in, field, '|');) fields.push_back(field);
    if (line.empty() || line.back() == '|') fields.emplace_back();
    return fields;
}

// A published number may be rounded, and a decimal may have fewer zeros.
bool same_value(const std::string& a, const std::string& b) {
    if (a == b) return true;
    char *a_end = nullptr, *b_end = nullptr;
    const double x = std::strtod(a.c_str(), &a_end), y = std::strtod(b.c_str(), &b_end);
    if (a.empty() || b.empty() || *a_end != '\0' || *b_end != '\0') return false;
    return std::abs(x - y) <= 1e-9 * std::max(std::abs(x), std::abs(y));
}

// The generator of the data draws other words than the one of the answers.
bool is_free_text(const std::string& column) { return column.ends_with("_address") || column.ends_with("_comment"); }

TEST(Tpch, answers_are_the_published_ones_however_the_tables_arrive) {
    const auto folder = tpch_folder();
    if (!fs::exists(folder / "lineitem.parquet"))
        GTEST_SKIP() << "skipped: no TPC-H data in " << folder << " (set WEIR_TEST_DATA)";
    testing::Pieces pieces;
    const auto rows = [&](const char* table) {
        return "SELECT * FROM read_parquet(" + sql::quote_text((folder / table).string() + ".parquet") + ")";
    };
    for (const auto* table : {"lineitem", "orders", "partsupp", "customer"}) pieces.add_events(table, rows(table));
    for (const auto* table : {"part", "supplier", "nation", "region"}) pieces.add_reference(table, rows(table));
    const std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    std::string with_states;
    for (std::size_t number = 1; number <= testing::tpch_queries.size(); ++number) {
        SCOPED_TRACE("query " + std::to_string(number) + ", seed " + std::to_string(seed));
        const auto found = split(pieces.connection(), pieces.input(std::string(testing::tpch_queries[number - 1])));
        ASSERT_TRUE(bool(found)) << found.error().message;
        if (!found->states.empty()) with_states += " " + std::to_string(number);
        const auto merged = pieces.answer_in_pieces(*found, 3, random);
        EXPECT_EQ(merged, pieces.answer(found->plain)) << found->finish;

        if (number == 13) continue;  // counts by words of o_comment, which is such a text
        // The answer as text, column by column, beside the published one.
        const auto columns = pieces.connection().describe(found->plain);
        ASSERT_TRUE(bool(columns));
        std::string as_text;
        for (const auto& column : *columns)
            as_text += (as_text.empty() ? "SELECT " : ", ") + sql::quote_name(column.name) + "::VARCHAR";
        const auto answer = pieces.connection().query(as_text + " FROM (" + found->plain + ") AS answer");
        ASSERT_TRUE(bool(answer)) << answer.error().message;
        const auto published =
            lines_of(folder / "answers" / ((number < 10 ? "q0" : "q") + std::to_string(number) + ".csv"));
        ASSERT_EQ(answer->row_count() + 1, published.size());
        for (std::size_t row = 0; row < answer->row_count(); ++row) {
            const auto fields = fields_of(published[row + 1]);
            ASSERT_EQ(fields.size(), answer->column_count());
            for (std::size_t column = 0; column < fields.size(); ++column)
                EXPECT_TRUE(is_free_text((*columns)[column].name) ||
                            same_value(std::string(answer->text(row, column)), fields[column]))
                    << "row " << row + 1 << ", " << (*columns)[column].name << ": " << answer->text(row, column)
                    << ", published: " << fields[column];
        }
    }
    std::cout << "queries with states:" << with_states << "\n";
}

}  // namespace
}  // namespace weir::view
