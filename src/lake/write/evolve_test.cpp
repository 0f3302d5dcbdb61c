#include "lake/write/evolve.h"

#include <gtest/gtest.h>

#include "lake/testing.h"

namespace weir::lake {
namespace {

using enum Type::Kind;

Field field(std::string name, Type::Kind kind, bool nullable = true) {
    return {.name = std::move(name), .type = Type::of(kind), .nullable = nullable};
}
Field record(std::string name, std::vector<Field> fields) {
    Field result{.name = std::move(name), .type = Type::of(structure)};
    result.type.fields = std::move(fields);
    return result;
}

TEST(Evolution, follows_the_table) {
    struct Case {
        const char* what;
        Schema current;
        Schema wanted;
        const char* refused_for;  // or nothing
        Schema result{};
    };
    const Case cases[] = {
        {"the same", {{field("a", int64)}}, {{field("a", int64)}}, nullptr, {{field("a", int64)}}},
        {"names ignore case", {{field("a", int64)}}, {{field("A", int64)}}, nullptr, {{field("a", int64)}}},
        {"a new column",
         {{field("a", int64)}},
         {{field("b", string), field("a", int64)}},
         nullptr,
         {{field("a", int64), field("b", string)}}},
        {"relaxed", {{field("a", int64, false)}}, {{field("a", int64)}}, nullptr, {{field("a", int64)}}},
        {"inside a struct",
         {{record("s", {field("x", int64)})}},
         {{record("s", {field("x", int64), field("y", date)})}},
         nullptr,
         {{record("s", {field("x", int64), field("y", date)})}}},
        {"tightened", {{field("a", int64)}}, {{field("a", int64, false)}}, "NOT NULL", {}},
        {"dropped",
         {{field("a", int64), field("b", int64)}},
         {{field("a", int64)}},
         "'b' is not in the new schema",
         {}},
        {"retyped", {{field("a", int32)}}, {{field("a", int64)}}, "is integer in the table and cannot become long", {}},
        {"new but NOT NULL",
         {{field("a", int64)}},
         {{field("a", int64), field("b", int64, false)}},
         "earlier rows",
         {}},
        {"retyped inside", {{record("s", {field("x", int64)})}}, {{record("s", {field("x", string)})}}, "'s.x'", {}},
    };
    for (const auto& c : cases) {
        const auto schema = plan_evolution(c.current, c.wanted);
        EXPECT_EQ(schema.ok(), c.refused_for == nullptr) << c.what;
        if (schema) {
            EXPECT_EQ(*schema, c.result) << c.what;
        } else {
            EXPECT_EQ(schema.error().code, ErrorCode::refused);
            EXPECT_NE(schema.error().message.find(c.refused_for), std::string::npos) << schema.error().message;
        }
    }
}

class EvolveTest : public LakeTest {};

TEST_F(EvolveTest, old_files_read_null_and_the_id_stays) {
    auto table = make_table("t", "SELECT 1::BIGINT AS id, {'x': 1} AS s");
    const auto before = must(table.snapshot());
    auto wanted = before.schema();
    wanted.fields.push_back(field("at", timestamp_ntz));
    wanted.fields[1].type.fields.push_back(field("y", string));
    const auto after = must(evolve(table, wanted));
    EXPECT_EQ(after.version().get(), 1);
    EXPECT_EQ(after.metadata().id, before.metadata().id);
    EXPECT_EQ(after.protocol().reader_features, std::vector<std::string>{"timestampNtz"});
    append(table, "SELECT 2 AS id, {'x': 2, 'y': 'new'} AS s, TIMESTAMP '2024-01-01' AS at");
    EXPECT_EQ(rows_of(table),
              (std::vector<std::string>{"1|{'x': 1, 'y': NULL}|NULL", "2|{'x': 2, 'y': new}|2024-01-01 00:00:00"}));
    EXPECT_EQ(must(evolve(table, wanted)).version().get(), 2) << "nothing to change, nothing committed";
}

}  // namespace
}  // namespace weir::lake
