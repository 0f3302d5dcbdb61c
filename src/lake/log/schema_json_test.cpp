#include "lake/log/schema_json.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(SchemaJson, every_type_comes_back) {
    Schema schema;
    using enum Type::Kind;
    for (const auto kind :
         {boolean, int8, int16, int32, int64, float32, float64, string, binary, date, timestamp, timestamp_ntz, null})
        schema.fields.push_back({.name = "c" + std::to_string(schema.fields.size()), .type = Type::of(kind)});
    schema.fields.push_back({.name = "d", .type = Type::decimal(38, 10), .nullable = false});
    Type inner = Type::of(structure);
    inner.fields.push_back({.name = "x", .type = Type::of(int64), .nullable = false, .metadata = R"({"comment":"c"})"});
    Type list = Type::of(array);
    list.fields.push_back({.name = "element", .type = inner, .nullable = false});
    Type dictionary = Type::of(map);
    dictionary.fields.push_back({.name = "key", .type = Type::of(string), .nullable = false});
    dictionary.fields.push_back({.name = "value", .type = list, .nullable = false});
    schema.fields.push_back({.name = "nested", .type = dictionary});
    const auto again = parse_schema(print_schema(schema));
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(*again, schema);
}

TEST(SchemaJson, refuses_by_name) {
    struct Case {
        const char* text;
        ErrorCode code;
        const char* what;
    };
    const Case cases[] = {
        {R"({"type":"struct","fields":[{"name":"v","type":"variant"}]})", ErrorCode::table_unsupported, "'v'"},
        {R"x({"type":"struct","fields":[{"name":"v","type":"decimal(39,0)"}]})x", ErrorCode::table_unsupported,
         "decimal"},
        {R"x({"type":"struct","fields":[{"name":"v","type":"decimal(3,4)"}]})x", ErrorCode::table_unsupported,
         "decimal"},
        {R"({"type":"struct","fields":[{"name":"a","type":"long"},{"name":"A","type":"long"}]})",
         ErrorCode::table_damaged, "twice"},
        {R"({"type":"struct"})", ErrorCode::table_damaged, "fields"},
        {R"({"type":"struct","fields":[{"type":"long"}]})", ErrorCode::table_damaged, "no name"},
        {"nonsense", ErrorCode::table_damaged, "schemaString"},
    };
    for (const auto& c : cases) {
        const auto schema = parse_schema(c.text);
        ASSERT_FALSE(schema) << c.text;
        EXPECT_EQ(schema.error().code, c.code) << c.text;
        EXPECT_NE(schema.error().message.find(c.what), std::string::npos) << schema.error().message;
    }
    std::string deep = R"("long")";
    for (int i = 0; i < 1000; ++i) deep = R"({"type":"array","elementType":)" + deep + "}";
    EXPECT_FALSE(parse_schema(R"({"type":"struct","fields":[{"name":"v","type":)" + deep + "}]}"));
}

TEST(SchemaJson, physical_names_come_from_the_metadata) {
    const Field field{.name = "a",
                      .type = Type::of(Type::Kind::int64),
                      .metadata = R"({"delta.columnMapping.id":7,"delta.columnMapping.physicalName":"col-1"})"};
    EXPECT_EQ(physical_field(field, ColumnMapping::none)->name, "a");
    EXPECT_EQ(physical_field(field, ColumnMapping::name)->name, "col-1");
    EXPECT_EQ(physical_field(field, ColumnMapping::id)->id, 7);
    EXPECT_FALSE(physical_field({.name = "b", .type = {}}, ColumnMapping::name));
}

}  // namespace
}  // namespace weir::lake
