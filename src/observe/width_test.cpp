#include "observe/width.h"

#include <gtest/gtest.h>

namespace weir::observe {
namespace {

TEST(Width, what_a_text_takes_on_the_screen) {
    EXPECT_EQ(display_width("abc"), 3u);
    EXPECT_EQ(display_width("Grüße"), 5u);
    EXPECT_EQ(display_width("日本"), 4u);
    EXPECT_EQ(display_width("e\u0301"), 1u);
    EXPECT_EQ(display_width("🍲"), 2u);
    EXPECT_EQ(display_width("👩\u200D🍳"), 2u);
    EXPECT_EQ(display_width("\xff\xfe"), 2u);
    EXPECT_EQ(cut_to_width("日本語", 5), "日本…");
    EXPECT_EQ(cut_to_width("日本語", 4), "日…");
    EXPECT_EQ(cut_to_width("abc", 3), "abc");
    EXPECT_EQ(cut_to_width("abcd", 3), "ab…");
}

TEST(Width, data_cannot_move_the_cursor) {
    EXPECT_EQ(printable("a\nb\t\x1b[31m\u0085"), "a\\nb\\t\\x1b[31m\\x85");
    EXPECT_EQ(printable("Grüße"), "Grüße");
}

}  // namespace
}  // namespace weir::observe
