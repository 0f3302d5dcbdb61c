#include "lake/read/z85.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(Z85, the_example_of_its_specification) {
    const std::string bytes("\x86\x4F\xD2\x6F\xB5\x59\xF7\x5B", 8);
    EXPECT_EQ(z85_encode(bytes), "HelloWorld");
    EXPECT_EQ(z85_decode("HelloWorld"), bytes);
}

TEST(Z85, what_is_none_is_nothing) {
    EXPECT_EQ(z85_decode(""), "");
    EXPECT_EQ(z85_decode("1234"), std::nullopt);
    EXPECT_EQ(z85_decode("12 45"), std::nullopt);
    EXPECT_EQ(z85_decode("#####"), std::nullopt);  // beyond 32 bits
    EXPECT_EQ(z85_decode("%nSc0"), std::string("\xFF\xFF\xFF\xFF", 4));
    EXPECT_EQ(z85_decode("%nSc1"), std::nullopt);
}

}  // namespace
}  // namespace weir::lake
