#include "source/files/decide.h"

#include <gtest/gtest.h>

namespace weir::source {
namespace {

using A = FileAction;
constexpr std::int64_t second = 1'000'000'000;

TEST(Decide, table) {
    const KnownFile known{.size = 100, .mtime_ns = 50 * second, .sha256 = "aa", .recorded_at_ns = 60 * second};
    const KnownFile racy{.size = 100, .mtime_ns = 59 * second, .sha256 = "aa", .recorded_at_ns = 60 * second};
    const KnownFile future{.size = 100, .mtime_ns = 99 * second, .sha256 = "aa", .recorded_at_ns = 60 * second};
    const KnownFile empty{.size = 0, .mtime_ns = 50 * second, .sha256 = "e3", .recorded_at_ns = 60 * second};
    struct Case {
        const char* name;
        std::optional<KnownFile> known;
        SeenFile seen;
        bool append_only;
        std::optional<std::string_view> hash;
        A action;
        std::uint64_t bytes;
    };
    const Case cases[] = {
        {"never seen", std::nullopt, {100, 1}, true, {}, A::take, 0},
        {"untouched", known, {100, 50 * second}, true, {}, A::skip, 0},
        {"untouched, no append", known, {100, 50 * second}, false, {}, A::skip, 0},
        {"touched", known, {100, 55 * second}, true, {}, A::hash, 100},
        {"touched, same bytes", known, {100, 55 * second}, true, "aa", A::skip, 0},
        {"touched, other bytes", known, {100, 55 * second}, true, "bb", A::changed, 0},
        {"time went back", known, {100, 40 * second}, true, {}, A::hash, 100},
        {"recorded in the same tick", racy, {100, 59 * second}, true, {}, A::hash, 100},
        {"recorded in the same tick, other bytes", racy, {100, 59 * second}, true, "bb", A::changed, 0},
        {"time lies in the future", future, {100, 99 * second}, true, {}, A::hash, 100},
        {"grew", known, {150, 55 * second}, true, {}, A::hash, 100},
        {"grew with the same time", known, {150, 50 * second}, true, {}, A::hash, 100},
        {"grew behind the same bytes", known, {150, 55 * second}, true, "aa", A::continue_from, 100},
        {"grew and changed", known, {150, 55 * second}, true, "bb", A::changed, 0},
        {"grew, no append", known, {150, 55 * second}, false, {}, A::changed, 0},
        {"shrank", known, {99, 55 * second}, true, {}, A::changed, 0},
        {"was empty and grew", empty, {10, 55 * second}, true, "e3", A::continue_from, 0},
    };
    for (const auto& c : cases) {
        const auto decision = decide(c.known, c.seen, c.append_only, c.hash);
        EXPECT_EQ(decision.action, c.action) << c.name;
        EXPECT_EQ(decision.bytes, c.bytes) << c.name;
        EXPECT_EQ(decision.reason.empty(), c.action != A::changed) << c.name;
    }
}

TEST(Decide, a_changed_file_is_told_with_the_way_out) {
    const KnownFile known{.size = 100, .mtime_ns = 5, .sha256 = "aa", .recorded_at_ns = 6};
    const auto error = changed_error("in/a.csv", decide(known, {90, 7}, true));
    EXPECT_EQ(error.code, ErrorCode::input_changed);
    EXPECT_EQ(error.message, "in/a.csv was taken before and changed since: it had 100 bytes and has 90");
    EXPECT_FALSE(error.hint.empty());
}

}  // namespace
}  // namespace weir::source
