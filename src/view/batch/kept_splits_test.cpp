#include "view/batch/kept_splits.h"

#include <gtest/gtest.h>

#include "base/build_id.h"
#include "base/file.h"
#include "lake/testing.h"

namespace weir::view {
namespace {

Split sample() {
    Split split;
    State state;
    state.kind = State::Kind::first;
    state.name = "state_1";
    state.keys = {{"k1", "VARCHAR", "user", ""}};
    state.values = {{"v1", "DATE", "\"day\"", "exact"}};
    state.sums = {{"c1", "HUGEINT", "sum(x)", ""}};
    state.events = {"visits"};
    state.references = {"courses"};
    state.reads_whole_rows = false;
    state.columns = {"day", "x"};
    state.weighted = true;
    state.partial = "SELECT 'é\n'";
    state.merge = "m";
    state.events_query = "e";
    split.states = {state};
    split.finish = "f";
    split.plain = "p";
    split.rows = {"r"};
    split.reads = {"a", "b"};
    split.shown_keys = {{"c", "s", "x"}};
    split.touched = {
        .columns = {"user"}, .sources = {{"state_1", {"k1"}}}, .unordered = "u", .order = "ORDER BY 1", .why_not = "w"};
    split.row_by_row = {"because"};
    split.notes = {"n"};
    return split;
}

class KeptSplits : public lake::LakeTest {
protected:
    void SetUp() override { fs::create_directories(root); }
    fs::path file_ = root / "splits";
};

TEST_F(KeptSplits, come_back_as_they_were) {
    ASSERT_TRUE(keep_splits(file_, "now", {{"v", sample()}}));
    const auto splits = read_kept_splits(file_, "now");
    ASSERT_EQ(splits.size(), 1u);
    const auto &is = splits.at("v"), was = sample();
    ASSERT_EQ(is.states.size(), 1u);
    const auto &state = is.states[0], &before = was.states[0];
    EXPECT_EQ(state.kind, before.kind);
    EXPECT_EQ(state.name, before.name);
    ASSERT_EQ(state.keys.size(), 1u);
    EXPECT_EQ(state.keys[0].expression, "user");
    ASSERT_EQ(state.values.size(), 1u);
    EXPECT_EQ(state.values[0].precision, "exact");
    ASSERT_EQ(state.sums.size(), 1u);
    EXPECT_EQ(state.sums[0].type, "HUGEINT");
    EXPECT_EQ(state.events, before.events);
    EXPECT_EQ(state.references, before.references);
    EXPECT_FALSE(state.reads_whole_rows);
    EXPECT_EQ(state.columns, before.columns);
    EXPECT_TRUE(state.weighted);
    EXPECT_EQ(state.partial, before.partial);
    EXPECT_EQ(state.merge, before.merge);
    EXPECT_EQ(state.events_query, before.events_query);
    EXPECT_EQ(is.finish, was.finish);
    EXPECT_EQ(is.plain, was.plain);
    EXPECT_EQ(is.rows, was.rows);
    EXPECT_EQ(is.reads, was.reads);
    ASSERT_EQ(is.shown_keys.size(), 1u);
    EXPECT_EQ(is.shown_keys[0].expression, "x");
    EXPECT_EQ(is.touched.columns, was.touched.columns);
    EXPECT_EQ(is.touched.sources, was.touched.sources);
    EXPECT_EQ(is.touched.unordered, was.touched.unordered);
    EXPECT_EQ(is.touched.order, was.touched.order);
    EXPECT_EQ(is.touched.why_not, was.touched.why_not);
    EXPECT_EQ(is.row_by_row, was.row_by_row);
    EXPECT_EQ(is.notes, was.notes);
}

TEST_F(KeptSplits, of_another_fingerprint_are_not_used) {
    ASSERT_TRUE(keep_splits(file_, "then", {{"v", sample()}}));
    EXPECT_TRUE(read_kept_splits(file_, "now").empty());
    EXPECT_TRUE(read_kept_splits(root / "none", "now").empty());
}

TEST_F(KeptSplits, that_are_damaged_are_not_used) {
    ASSERT_TRUE(keep_splits(file_, "now", {{"v", sample()}}));
    const auto whole = read_file(file_, 1 << 20);
    ASSERT_TRUE(whole);
    for (std::size_t at = 0; at < whole->size(); ++at) {
        auto damaged = *whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        ASSERT_TRUE(write_file_atomic(file_, damaged, false));
        EXPECT_TRUE(read_kept_splits(file_, "now").empty()) << "byte " << at;
        ASSERT_TRUE(write_file_atomic(file_, whole->substr(0, at), false));
        EXPECT_TRUE(read_kept_splits(file_, "now").empty()) << "cut at " << at;
    }
}

TEST(BuildId, is_that_of_the_program) {
    const auto id = build_id();
    EXPECT_EQ(id, build_id());
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_GE(id.size(), 16u);
}

}  // namespace
}  // namespace weir::view
