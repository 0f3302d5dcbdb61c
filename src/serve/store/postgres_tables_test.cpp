#include "serve/store/postgres_tables.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::serve::postgres {
namespace {

Type list_of(Type element) {
    Type list = Type::of(Type::Kind::array);
    list.fields = {{.name = "element", .type = std::move(element)}};
    return list;
}

ViewLoad view_of(std::vector<Field> fields) {
    auto pinned = std::make_shared<Pinned>();
    pinned->view = "v";
    pinned->schema.fields = std::move(fields);
    return {.pinned = std::move(pinned)};
}

const Field id{.name = "id", .type = Type::of(Type::Kind::int64)};
const Field name{.name = "name", .type = Type::of(Type::Kind::string)};
const Field tags{.name = "tags", .type = list_of(Type::of(Type::Kind::string))};

TEST(PostgresTables, indexes_have_names_that_are_short_and_their_own) {
    std::set<std::string> seen;
    const std::string long_name(60, 'v');
    // Two bytes a character: a name must not end inside of one.
    std::string umlauts;
    for (int i = 0; i < 31; ++i) umlauts += "ü";
    for (const auto& [view, columns] :
         std::vector<std::pair<std::string, std::vector<std::string>>>{{"a", {"b", "c"}},
                                                                       {"a", {"b_c"}},
                                                                       {"a_b", {"c"}},
                                                                       {long_name, {"c"}},
                                                                       {long_name, {"d"}},
                                                                       {umlauts, {"c"}},
                                                                       {"x" + umlauts, {"c"}}}) {
        const auto made = index_name(view, columns);
        EXPECT_LE(made.size(), 63u);
        EXPECT_EQ(made.substr(0, 5), "weir_");
        EXPECT_TRUE(seen.insert(made).second) << made;
        const auto cut = made.substr(0, made.rfind('_'));
        EXPECT_EQ(index_name(view, columns), made);
        // The bytes of a character are all there, or none of them.
        for (std::size_t i = 0; i < cut.size(); ++i)
            if (static_cast<unsigned char>(cut[i]) == 0xc3) {
                ASSERT_LT(i + 1, cut.size()) << made;
                EXPECT_EQ(static_cast<unsigned char>(cut[i + 1]), 0xbc);
            }
    }
}

TEST(PostgresTables, a_shape_is_what_makes_a_table_another_one) {
    const auto hash = [](const ViewLoad& view) { return shape_of(view).hash; };
    const auto plain = view_of({id, name});
    std::set<std::string> hashes{hash(plain)};
    EXPECT_FALSE(hashes.insert(hash(view_of({id, name}))).second);
    auto owned = plain;
    owned.owners = {name};
    EXPECT_FALSE(hashes.insert(hash(owned)).second) << "who may see a row says nothing of the table";
    auto keyed = plain;
    keyed.key = {id};
    auto indexed = plain;
    indexed.indexes = {{"id", "name"}};
    auto indexed_twice = plain;
    indexed_twice.indexes = {{"id"}, {"name"}};
    auto described = plain;
    described.description = "words";
    for (const auto& view : {keyed, indexed, indexed_twice, described, view_of({name, id}), view_of({id}),
                             view_of({id, {.name = "name", .type = Type::of(Type::Kind::binary)}})})
        EXPECT_TRUE(hashes.insert(hash(view)).second);
}

TEST(PostgresTables, names_are_as_the_result_spells_them) {
    auto view = view_of({{.name = "Id", .type = Type::of(Type::Kind::int32)}, name});
    view.key = {id};
    view.indexes = {{"ID", "Name"}};
    const auto shape = shape_of(view);
    EXPECT_EQ(shape.key.at(0).name, "Id");
    EXPECT_EQ(shape.key.at(0).type, Type::of(Type::Kind::int32));
    EXPECT_EQ(shape.indexes, (std::vector<std::vector<std::string>>{{"Id", "name"}}));
    EXPECT_EQ(names_of(shape.fields), "\"Id\", \"name\"");
}

TEST(PostgresTables, a_row_is_kept_whole_where_it_is_looked_up_and_nested) {
    auto view = view_of({id, tags});
    EXPECT_FALSE(shape_of(view).whole);
    view.key = {id};
    EXPECT_TRUE(shape_of(view).whole);
    auto flat = view_of({id, name});
    flat.key = {id};
    EXPECT_FALSE(shape_of(flat).whole);
}

}  // namespace
}  // namespace weir::serve::postgres
