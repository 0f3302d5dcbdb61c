#include "serve/read/view_query.h"

#include <gtest/gtest.h>

#include "serve/read/cursor.h"
#include "serve/read/literal.h"

namespace weir::serve {
namespace {

const Schema schema{{{"id", Type::of(Type::Kind::int64)},
                     {"name", Type::of(Type::Kind::string)},
                     {"price", Type::decimal(10, 2)},
                     {"day", Type::of(Type::Kind::date)},
                     {"at", Type::of(Type::Kind::timestamp)},
                     {"limit", Type::of(Type::Kind::int32)},
                     {"bytes", Type::of(Type::Kind::binary)}}};

struct Outcome {
    std::optional<Problem> problem;
    ViewQuery query;
    Resolved resolved;
};
Outcome ask(const std::string& text) {
    Outcome outcome;
    outcome.problem = parse_view_query(text, {}, outcome.query);
    if (!outcome.problem) outcome.problem = resolve(outcome.query, schema, outcome.resolved);
    return outcome;
}

TEST(ViewQuery, filters_become_conditions_of_the_columns_type) {
    const struct {
        std::string text, where;
    } cases[] = {
        {"id=5", "(\"id\" = '5'::BIGINT)"},
        {"ID.gte=%2B05", "(\"id\" >= '5'::BIGINT)"},
        {"name=it's", "(\"name\" = 'it''s')"},
        {"name.ne=", "(\"name\" <> '')"},
        {"name.in=a,b%5C,c", "(\"name\" IN ('a', 'b,c'))"},
        {"name.prefix=a%25", "(starts_with(\"name\", 'a%'))"},
        {"price.lt=1.50", "(\"price\" < '1.50'::DECIMAL(10,2))"},
        {"day.null=true&id.null=false", "(\"day\" IS NULL) AND (\"id\" IS NOT NULL)"},
        {"at.gt=2024-03-01T10:00:00%2B02:00", "(\"at\" > make_timestamptz(1709280000000000))"},
        {"at.gt=2024-03-01", "(\"at\" > make_timestamptz(1709251200000000))"},
        {"limit.eq=3&limit=7", "(\"limit\" = '3'::INTEGER)"},
    };
    for (const auto& one : cases) {
        const auto outcome = ask(one.text);
        ASSERT_FALSE(outcome.problem) << one.text << ": " << outcome.problem->detail;
        EXPECT_EQ(outcome.resolved.where, one.where) << one.text;
    }
    EXPECT_EQ(ask("limit=7").query.limit, 7);
}

TEST(ViewQuery, what_is_not_understood_names_its_parameter) {
    const struct {
        std::string text, parameter, hint;
    } cases[] = {
        {"nane=x", "nane", "did you mean 'name'?"},
        {"limt=5", "limt", "did you mean 'limit'?"},
        {"id=x", "id", "write a whole number such as 42"},
        {"id=1.0", "id", ""},
        {"id=99999999999999999999", "id", ""},
        {"price=1.505", "price", ""},
        {"day=2023-02-30", "day", ""},
        {"at=2024-03-01T10:00:00+02:00", "at", ""},
        {"id.gtt=1", "id.gtt", "did you mean 'gt'?"},
        {"bytes=1", "bytes", ""},
        {"name.prefix=a&name.prefix=b", "name.prefix", ""},
        {"id.prefix=1", "id.prefix", ""},
        {"limit=0", "limit", ""},
        {"limit=10001", "limit", ""},
        {"limit=", "limit", ""},
        {"select=id,nane", "select", "did you mean 'name'?"},
        {"select=id,ID", "select", ""},
        {"order=bytes", "order", ""},
        {"order=id,-id", "order", ""},
        {"layer=slow", "layer", ""},
        {"as_of=yesterday", "as_of", ""},
        {"known_at=2024-03-01", "known_at", ""},
        {"cursor=", "cursor", ""},
        {"day.null=maybe", "day.null", ""},
        {"%zz=1", "", ""},
        {"name=%ff", "", ""},
        {"=1", "", ""},
    };
    for (const auto& one : cases) {
        const auto outcome = ask(one.text);
        ASSERT_TRUE(outcome.problem) << one.text;
        EXPECT_EQ(outcome.problem->kind, "bad-parameter") << one.text;
        EXPECT_EQ(outcome.problem->parameter, one.parameter) << one.text;
        if (!one.hint.empty()) {
            EXPECT_EQ(outcome.problem->hint, one.hint) << one.text;
        }
    }
}

TEST(ViewQuery, keys_have_one_spelling) {
    EXPECT_EQ(key_text(Type::of(Type::Kind::int32), "+007"), "7");
    EXPECT_EQ(key_text(Type::decimal(10, 2), "1.5"), "1.50");
    EXPECT_EQ(key_text(Type::decimal(10, 2), "-.05"), "-0.05");
    EXPECT_EQ(key_text(Type::of(Type::Kind::boolean), "TRUE"), "true");
    EXPECT_EQ(key_text(Type::of(Type::Kind::timestamp), "1970-01-01T00:00:01Z"), "1000000");
    EXPECT_EQ(key_text(Type::of(Type::Kind::timestamp_ntz), "1970-01-01T00:00:01Z"), std::nullopt);
    EXPECT_EQ(key_text(Type::of(Type::Kind::int8), "128"), std::nullopt);
    EXPECT_EQ(key_text(Type::of(Type::Kind::string), std::string_view("a\0b", 3)), std::nullopt);
}

TEST(Cursor, opens_only_as_it_was_sealed) {
    const Cursor cursor{.view = "v",
                        .layer = Layer::merged,
                        .version = "1-latest-x",
                        .question = "q",
                        .place = {{"a", std::nullopt, "ü"}, 17}};
    const auto text = seal_cursor(cursor, "key");
    const auto opened = open_cursor(text, "key");
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->version, cursor.version);
    EXPECT_EQ(opened->layer, cursor.layer);
    EXPECT_EQ(opened->place.values, cursor.place.values);
    EXPECT_EQ(opened->place.number, 17);
    EXPECT_FALSE(open_cursor(text, "another key"));
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto changed = text;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(open_cursor(changed, "key")) << i;
    }
    EXPECT_FALSE(open_cursor("", "key"));
    EXPECT_FALSE(open_cursor(text + "A", "key"));
}

}  // namespace
}  // namespace weir::serve
