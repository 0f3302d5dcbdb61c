#include "contract/check.h"

#include <gtest/gtest.h>

namespace weir::contract {
namespace {

TEST(Check, the_condition_has_one_case) {
    const std::vector<Rule> none;
    const std::vector<Rule> one{{.name = "minimum", .column = "a", .predicate = "a >= 0", .reason = ""}};
    EXPECT_EQ(reading_condition(7, "", none), "true");
    EXPECT_EQ(reading_condition(7, "a > 1", none),
              "CASE WHEN (a > 1) IS NOT TRUE THEN weir_filtered(7, _file_no) ELSE true END");
    EXPECT_EQ(reading_condition(7, "", one),
              "CASE WHEN ((a >= 0) IS NOT FALSE) THEN true ELSE weir_reject(7, _record, concat_ws(',', CASE WHEN (a >= "
              "0) IS FALSE "
              "THEN '0' END)) END");
}

TEST(Check, broken_promises_are_named) {
    const std::vector<Rule> rules{{.name = "minimum", .column = "a", .predicate = "", .reason = "a must be at least 0"},
                                  {.name = "pattern", .column = "b", .predicate = "", .reason = "b does not match"},
                                  {.name = "odd", .column = "", .predicate = "", .reason = "odd"}};
    const auto broken = explain_broken(rules, "1,2");
    EXPECT_EQ(broken.rule, "pattern");
    EXPECT_EQ(broken.column, "b");
    EXPECT_EQ(broken.reason, "b does not match; odd");
}

}  // namespace
}  // namespace weir::contract
