#include "orchestrate/intake/first_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::orchestrate {
namespace {

using contract::Hash128;
using testing::ElementsAre;
using testing::Pair;

class FirstRowsTest : public testing::Test {
protected:
    sql::Database database = sql::Database::open({.threads = 1}).value();
    sql::Connection connection = database.connect().value();

    // The names of the rows that go on, of rows (name, key, file_no, line) in the order in which they come.
    std::string gone_on(const FirstRows& first, const std::string& rows) {
        const auto found = connection.query(fmt::format(
            "SELECT string_agg(name, ' ' ORDER BY name) FROM (SELECT *, {} AS goes_on FROM (SELECT name, "
            "key::UHUGEINT AS key, {} AS place FROM (VALUES {}) v(name, key, file_no, line))) WHERE goes_on",
            first.column("key", "place", std::nullopt, "0::BIGINT"), row_order("file_no", "line"), rows));
        EXPECT_TRUE(found.ok()) << found.error().message;
        return std::string(found->text(0, 0));
    }
};

Result<std::vector<std::uint8_t>> nothing_seen(std::span<const Hash128> keys) {
    return std::vector<std::uint8_t>(keys.size());
}

TEST_F(FirstRowsTest, of_each_key_the_first_row_goes_on) {
    const auto first = FirstRows::start(connection, nothing_seen).value();
    EXPECT_EQ(gone_on(*first,
                      "('a', 7, 0, 1), ('b', 8, 0, 2), ('again', 7, 0, 3), ('no key', NULL, 0, 4), ('nor this', "
                      "NULL, 0, 5), ('late', 8, 1, 1)"),
              "a b no key nor this");
    EXPECT_TRUE(first->finish(ok()).ok());
    EXPECT_THAT(first->overtaken(), ElementsAre());
    EXPECT_THAT(first->duplicates(), ElementsAre(Pair(0, 1), Pair(1, 1)));
    EXPECT_THAT(first->keys({100, 101}), ElementsAre(contract::KeyEntry{{0, 7}, 100}, contract::KeyEntry{{0, 8}, 100}));
}

TEST_F(FirstRowsTest, what_landed_before_does_not_go_on) {
    const auto first = FirstRows::start(connection, [](std::span<const Hash128> keys) {
                           std::vector<std::uint8_t> seen;
                           for (const auto& key : keys) seen.push_back(key == Hash128{0, 8});
                           return Result<std::vector<std::uint8_t>>(std::move(seen));
                       }).value();
    EXPECT_EQ(gone_on(*first, "('a', 7, 0, 1), ('b', 8, 0, 2), ('c', 8, 0, 3)"), "a");
    EXPECT_THAT(first->duplicates(), ElementsAre(Pair(0, 2)));
    EXPECT_THAT(first->keys({100}), ElementsAre(contract::KeyEntry{{0, 7}, 100}));
}

// Each statement is a chunk of its own, as if another thread had it.
TEST_F(FirstRowsTest, a_row_that_was_taken_too_early_is_told) {
    const auto first = FirstRows::start(connection, nothing_seen).value();
    EXPECT_EQ(gone_on(*first, "('third', 7, 2, 5), ('b', 8, 0, 9)"), "b third");
    EXPECT_EQ(gone_on(*first, "('second', 7, 1, 4)"), "second");
    EXPECT_EQ(gone_on(*first, "('first', 7, 0, 3), ('fourth', 7, 2, 6)"), "first");
    ASSERT_EQ(first->overtaken().size(), 2U);
    EXPECT_EQ(row_place(first->overtaken()[0]).file_no, 2);
    EXPECT_EQ(row_place(first->overtaken()[0]).line, 5);
    EXPECT_EQ(row_place(first->overtaken()[1]).file_no, 1);
    EXPECT_EQ(row_place(first->overtaken()[1]).line, 4);
    EXPECT_THAT(first->duplicates(), ElementsAre(Pair(1, 1), Pair(2, 2)));
    EXPECT_THAT(first->keys({100, 101, 102}),
                ElementsAre(contract::KeyEntry{{0, 7}, 100}, contract::KeyEntry{{0, 8}, 100}));
}

TEST_F(FirstRowsTest, an_index_that_fails_ends_the_statement_with_its_error) {
    const auto first = FirstRows::start(connection, [](std::span<const Hash128>) {
                           return Result<std::vector<std::uint8_t>>(
                               Error{.code = ErrorCode::table_damaged, .message = "page 3 is damaged"});
                       }).value();
    auto failed = connection.run(fmt::format("SELECT {}", first->column("7::UHUGEINT", "1::BIGINT", {}, "0::BIGINT")));
    EXPECT_FALSE(failed.ok());
    const auto told = first->finish(std::move(failed));
    ASSERT_FALSE(told.ok());
    EXPECT_EQ(told.error().code, ErrorCode::table_damaged);
    EXPECT_EQ(told.error().message, "page 3 is damaged");
}

}  // namespace
}  // namespace weir::orchestrate
