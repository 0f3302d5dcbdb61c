#include "contract/reject_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace weir::contract {
namespace {

namespace fs = std::filesystem;

std::vector<source::Reject> some(std::int64_t begin, std::int64_t count) {
    std::vector<source::Reject> rejects;
    for (auto line = begin + count; line-- > begin;)
        rejects.push_back({.file_no = 0,
                           .line = line,
                           .rule = "malformed",
                           .reason = "no record",
                           .raw = "raw " + std::to_string(line),
                           .raw_size = 20});
    return rejects;
}

std::string answer(sql::Connection& connection, const std::string& query) {
    const auto rows = connection.query("SELECT (" + query + ")::VARCHAR");
    return rows ? std::string(rows->text(0, 0)) : to_string(rows.error());
}

TEST(RejectTable, many_leave_memory_and_all_are_there) {
    const auto root = fs::temp_directory_path() / ("weir-rejects-" + std::to_string(::getpid()));
    {
        auto spill = sql::SpillFolder::make(root);
        ASSERT_TRUE(spill.ok());
        const auto folder = spill->path();
        auto database = sql::Database::open({.spill = std::move(*spill)});
        ASSERT_TRUE(database.ok());
        auto connection = database->connect();
        ASSERT_TRUE(connection.ok());
        // What an earlier table of the same name left does not come back.
        for (int round = 0; round < 2; ++round) {
            auto table = RejectTable::open(*database, "rejects", {});
            ASSERT_TRUE(table.ok()) << to_string(table.error());
            ASSERT_TRUE(table->append({}));
            EXPECT_EQ(answer(*connection, "SELECT count(*) FROM duckdb_views() WHERE view_name = 'rejects'"),
                      round == 0 ? "0" : "1");
            constexpr std::int64_t batch = 10'000;
            for (std::int64_t begin = 0; begin < 2 * RejectTable::piece_rows + batch; begin += batch)
                ASSERT_TRUE(table->append(some(begin, batch)));
            EXPECT_EQ(table->rows(), 110'000);
            EXPECT_EQ(answer(*connection, "SELECT count(*) FROM rejects_in_memory"), "10000");
            EXPECT_EQ(answer(*connection, "SELECT count(DISTINCT line) || ' ' || max(line) FROM rejects"),
                      "110000 109999");
            EXPECT_EQ(answer(*connection, "SELECT any_value(raw::VARCHAR || cut) FROM rejects WHERE line = 77"),
                      "raw 77true");
            EXPECT_EQ(std::distance(fs::directory_iterator(folder / "rejects"), fs::directory_iterator()), 2);
        }
    }
    EXPECT_TRUE(fs::is_empty(root));
    fs::remove_all(root);
}

TEST(RejectTable, without_a_place_to_spill_all_stay_in_memory) {
    auto database = sql::Database::open({});
    ASSERT_TRUE(database.ok());
    auto connection = database->connect();
    auto table = RejectTable::open(*database, "rejects", {});
    ASSERT_TRUE(table.ok());
    ASSERT_TRUE(table->append(some(0, RejectTable::piece_rows + 1)));
    EXPECT_EQ(answer(*connection, "SELECT count(*) FROM rejects"), "50001");
}

}  // namespace
}  // namespace weir::contract
