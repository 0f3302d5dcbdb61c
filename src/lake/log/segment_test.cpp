#include "lake/log/segment.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace weir::lake {
namespace {

std::vector<ObjectInfo> listing(std::initializer_list<const char*> names) {
    std::vector<ObjectInfo> objects;
    for (const auto* name : names) objects.push_back({std::string("_delta_log/") + name, 10, {}});
    return objects;
}

std::string describe(const Result<LogSegment>& segment) {
    if (!segment) return std::string(info(segment.error().code).name) + ": " + segment.error().message;
    std::string text = fmt::format("v{} =", segment->version.get());
    if (segment->checkpoint)
        text += fmt::format(" checkpoint {} ({} files)", segment->checkpoint->version.get(),
                            segment->checkpoint->paths.size());
    for (const auto& commit : segment->commits) text += fmt::format(" {}", commit.version.get());
    return text;
}

TEST(Segments, are_a_checkpoint_and_the_commits_after_it) {
    const auto log = listing({"0.json", "1.json", "2.checkpoint.parquet", "2.json", "3.json",
                              "4.checkpoint.0000000001.0000000002.parquet", "4.json", "5.json"});
    EXPECT_EQ(describe(choose_segment(log, {}, "t")), "v5 = checkpoint 2 (1 files) 3 4 5");
    EXPECT_EQ(describe(choose_segment(log, TableVersion(2), "t")), "v2 = checkpoint 2 (1 files)");
    EXPECT_EQ(describe(choose_segment(log, TableVersion(1), "t")), "v1 = 0 1");
    EXPECT_NE(describe(choose_segment(log, TableVersion(6), "t")).find("has no version 6"), std::string::npos);
    auto complete = log;
    complete.push_back({"_delta_log/4.checkpoint.0000000002.0000000002.parquet", 10, {}});
    EXPECT_EQ(describe(choose_segment(complete, {}, "t")), "v5 = checkpoint 4 (2 files) 5");
}

TEST(Segments, a_checkpoint_may_be_all_that_is_left) {
    EXPECT_EQ(describe(choose_segment(listing({"7.checkpoint.parquet"}), {}, "t")), "v7 = checkpoint 7 (1 files)");
    const auto cleaned = listing({"10.checkpoint.parquet", "10.json", "11.json", "9.json"});
    EXPECT_EQ(describe(choose_segment(cleaned, {}, "t")), "v11 = checkpoint 10 (1 files) 11");
    EXPECT_NE(describe(choose_segment(cleaned, TableVersion(9), "t")).find("cannot be put together"),
              std::string::npos);
}

TEST(Segments, gaps_and_empty_logs_are_errors) {
    const auto gap = choose_segment(listing({"0.json", "2.json"}), {}, "t");
    ASSERT_FALSE(gap);
    EXPECT_EQ(gap.error().code, ErrorCode::table_damaged);
    EXPECT_NE(gap.error().message.find("commit 1"), std::string::npos);
    const auto none = choose_segment(listing({"_last_checkpoint"}), {}, "t");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST(Segments, empty_checkpoint_files_do_not_count) {
    auto log = listing({"0.json", "1.json"});
    log.push_back({"_delta_log/1.checkpoint.parquet", 0, {}});
    EXPECT_EQ(describe(choose_segment(log, {}, "t")), "v1 = 0 1");
}

}  // namespace
}  // namespace weir::lake
