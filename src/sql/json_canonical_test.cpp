// The canonical text of JSON values, and the SQL function over it.
#include "sql/json_canonical.h"

#include <gtest/gtest.h>

#include "sql/database.h"

namespace weir::sql {
namespace {

std::string canonical(std::string_view text) {
    JsonCanonical made;
    std::string out;
    return made.append(text, out) ? out : "none";
}

TEST(JsonCanonical, gives_one_text_for_all_ways_of_writing_a_value) {
    struct Row {
        std::string_view text, wanted;
    };
    for (const auto& [text, wanted] : {
             Row{R"({"b":1,"a":2})", R"({"a":2,"b":1})"},
             Row{" {\n \"b\" : 1 ,\t\"a\":2 } ", R"({"a":2,"b":1})"},
             Row{R"({"\u0061":"\u00e9\/"})", "{\"a\":\"é/\"}"},
             Row{R"({"a":"\ud83d\ude00"})", "{\"a\":\"😀\"}"},
             Row{R"({"a":"\ud83d"})", R"({"a":"\ud83d"})"},
             Row{R"({"a":"\uD83Dx"})", R"({"a":"\ud83dx"})"},
             Row{R"({"a":"\n\u000a\"\\"})", R"({"a":"\u000a\u000a\"\\"})"},
             Row{R"({"a":1,"a":2})", R"({"a":2})"},
             Row{R"({"b":0,"a":1,"a":2,"b":3})", R"({"a":2,"b":3})"},
             Row{R"({"x":{"d":1,"c":[{"b":1,"a":[]}]},"a":{}})", R"({"a":{},"x":{"c":[{"a":[],"b":1}],"d":1}})"},
             Row{R"(["b","a"])", R"(["b","a"])"},
             Row{"[1,1.0,10e-1,0.1e1,1E+0]", "[1,1,1,1,1]"},
             Row{"[0,-0,0.0,0e7]", "[0,0,0,0]"},
             Row{"[100,1e2,1.5,-15e-1,0.015]", "[100,100,15e-1,-15e-1,15e-3]"},
             Row{"[12345678901234567890123456789012345678901234567890]",
                 "[1234567890123456789012345678901234567890123456789e1]"},
             Row{"1e999999999999999999", "1e999999999999999999"},
             Row{"true", "true"},
             Row{"null", "null"},
         })
        EXPECT_EQ(canonical(text), wanted) << text;
}

TEST(JsonCanonical, takes_nothing_but_json) {
    for (const auto* text :
         {"",   " ",  "{",   "{}x", "{a:1}", "{\"a\":1,}", "[1,]",    "[,1]",        "01",       "-",        "1.",
          ".5", "1e", "NaN", "tru", "\"a",   "\"\t\"",     "\"\\x\"", "\"\\u12g4\"", "{\"a\"1}", "{\"a\":}", "[1 2]"})
        EXPECT_EQ(canonical(text), "none") << text;
    EXPECT_EQ(canonical(std::string(100'000, '[')), "none");
}

TEST(JsonCanonical, is_a_function_of_every_database) {
    auto database = Database::open({});
    ASSERT_TRUE(database);
    auto connection = database->connect();
    ASSERT_TRUE(connection);
    const auto rows = connection->query(
        "SELECT string_agg(coalesce(json_canonical(t), 'NULL'), ' ' ORDER BY i) FROM (VALUES (1, '{\"b\": 1, \"a\": "
        "2}'), "
        "(2, NULL), (3, 'no'), (4, '[ ]')) v(i, t)");
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->text(0, 0), R"({"a":2,"b":1} NULL NULL [])");
}

}  // namespace
}  // namespace weir::sql
