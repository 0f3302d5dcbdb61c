#include "declare/yaml.h"

#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"
#include "declare/context.h"

namespace weir::declare {
namespace {

struct Parsed {
    bool good = false;
    YamlNode root;
    std::string problems;
};

Parsed parse(std::string_view text, YamlText origin = {.file = "f"}) {
    Parsed parsed;
    Problems problems;
    parsed.good = parse_yaml(text, origin, parsed.root, problems);
    for (const auto& error : problems.errors()) parsed.problems += to_string(error) + "\n";
    return parsed;
}

std::string place(const YamlNode& node) { return std::to_string(node.line) + ":" + std::to_string(node.column); }

TEST(Yaml, keeps_the_place_of_every_key_and_value) {
    const auto parsed =
        parse("a: 1\nbü: \"x y\"\nlist:\n  - {k: v, e: , q: [1, \"2\"]}\n  - plain text\n\"quoted key\": 'it''s'\n");
    ASSERT_TRUE(parsed.good) << parsed.problems;
    EXPECT_EQ(place(*parsed.root.find("a")), "1:4");
    // Columns count characters, not bytes.
    EXPECT_EQ(place(*parsed.root.find("bü")), "2:5");
    EXPECT_EQ(parsed.root.find("bü")->text, "x y");
    const auto& map = parsed.root.find("list")->items.at(0);
    EXPECT_EQ(place(map), "4:5");
    EXPECT_EQ(map.entry("q")->column, 17);
    EXPECT_EQ(place(map.find("q")->items.at(1)), "4:24");
    EXPECT_TRUE(map.find("e")->is_null());
    EXPECT_EQ(place(parsed.root.find("list")->items.at(1)), "5:5");
    EXPECT_EQ(parsed.root.find("quoted key")->text, "it's");
    EXPECT_EQ(parsed.root.entry("quoted key")->line, 6);
}

TEST(Yaml, places_inside_scalars) {
    const auto parsed = parse(
        "sql: |\n\n  select\n    x\nplain: a + b\nquoted: \"c\"\nescaped: \"a\\nb\"\nfolded: >\n  x\nindented: |2\n    "
        "y\nlist:\n- |-\n    z\n");
    ASSERT_TRUE(parsed.good) << parsed.problems;
    const auto at = [&](const YamlNode& node, int line, int column) {
        const auto where = place_inside(node, "f", line, column);
        return std::to_string(where.line) + ":" + std::to_string(where.column);
    };
    EXPECT_EQ(parsed.root.find("sql")->text, "\nselect\n  x\n");
    EXPECT_EQ(at(*parsed.root.find("sql"), 3, 3), "4:5");
    EXPECT_EQ(at(*parsed.root.find("plain"), 1, 5), "5:12");
    EXPECT_EQ(at(*parsed.root.find("quoted"), 1, 1), "6:10");
    EXPECT_EQ(at(*parsed.root.find("escaped"), 2, 1), "7:10");  // the scalar itself
    EXPECT_EQ(at(*parsed.root.find("folded"), 1, 1), "8:9");
    EXPECT_EQ(parsed.root.find("indented")->text, "  y\n");
    EXPECT_EQ(at(*parsed.root.find("indented"), 1, 3), "11:5");
    EXPECT_EQ(at(parsed.root.find("list")->items.at(0), 1, 1), "14:5");
}

TEST(Yaml, an_origin_moves_every_place) {
    const auto parsed = parse(" a: 1\n", {.file = "v.sql", .first_line = 3, .first_column = 8});
    ASSERT_TRUE(parsed.good);
    EXPECT_EQ(place(*parsed.root.find("a")), "3:12");
}

TEST(Yaml, a_byte_order_mark_and_windows_lines_are_fine) {
    const auto parsed = parse(
        "\xEF\xBB\xBF"
        "a: 1\r\nb: |\r\n  x\r\n");
    ASSERT_TRUE(parsed.good) << parsed.problems;
    EXPECT_EQ(parsed.root.find("a")->text, "1");
    EXPECT_EQ(place(*parsed.root.find("a")), "1:4");
}

TEST(Yaml, nothing_is_a_null) {
    EXPECT_TRUE(parse("").good);
    EXPECT_TRUE(parse("# only a comment\n").root.is_null());
}

TEST(Yaml, a_tab_may_stand_inside_a_block_and_a_line) {
    EXPECT_TRUE(parse("a: |\n  x\n  \ty\nb: c\td\n").good);
    EXPECT_FALSE(parse("a: |\n  x\nb:\n\t- 1\n").good);
}

TEST(Yaml, several_problems_are_told_at_once) {
    EXPECT_EQ(parse("a: &x 1\nb: *x\na: 2\nc: !t 3\n").problems,
              "f:1:4: anchors (&x) are not supported\n  hint: write the value out where it is needed\n"
              "f:2:4: aliases (*name) are not supported\n  hint: write the value out where it is needed\n"
              "f:3:1: the key 'a' stands here twice\n  hint: the first one is on line 1; remove one of them\n"
              "f:4:4: YAML tags (!name) are not supported\n"
              "  hint: remove the tag; quote the value if it is meant as text\n");
}

TEST(Yaml, too_large_and_too_many_are_refused) {
    EXPECT_NE(parse(std::string(limits::declaration_bytes_max + 1, '#')).problems.find("a declaration has at most"),
              std::string::npos);
    std::string many = "[";
    for (std::size_t i = 0; i < limits::yaml_nodes_max + 1; ++i) many += "1,";
    EXPECT_NE(parse(many + "]").problems.find("more than 200000 values"), std::string::npos);
    EXPECT_NE(parse(std::string(100'000, '[')).problems, "");
}

// Whatever stands in a file, reading it ends, and a refusal has a reason.
TEST(Yaml, random_changes_never_crash_the_readers) {
    const std::string seed =
        "apiVersion: v3.1.0\nkind: DataContract\nid: good\nversion: \"1\"\nstatus: active\nschema:\n- name: good\n"
        "  customProperties:\n  - {property: deduplicate, value: {by: [id], horizonDays: 3}}\n  - property: rowRules\n"
        "    value:\n    - {id: a, sql: x > 0, column: id}\n  quality:\n  - {metric: rowCount, mustBeBetween: [1, 2]}\n"
        "  properties:\n  - {name: id, logicalType: integer, primaryKey: true, logicalTypeOptions: {format: u8}}\n"
        "  - name: price\n    logicalType: number\n    physicalType: decimal(10,2)\n    logicalTypeOptions: {minimum: "
        "0}\n"
        "    quality:\n    - {metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0}\n"
        "  - name: text\n    logicalType: string\n    description: |\n      two\n      lines\n    customProperties:\n"
        "    - {property: masking, value: {method: hmac-sha256, key: \"${env:KEY}\"}}\n"
        "slaProperties:\n- {property: retention, value: 4, unit: d}\n";
    const std::string_view alphabet = "{}[]:,-|>&*!?#'\"%@`\t\n\r  \\ab01\xC3\xA9\xFF.";
    const auto first_seed = std::random_device{}();
    std::mt19937 random(first_seed);
    for (int round = 0; round < 3000; ++round) {
        auto text = seed;
        for (auto changes = random() % 6 + 1; changes > 0; --changes) {
            const auto at = random() % (text.size() + 1);
            switch (random() % 4) {
                case 0: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
                case 1: text.erase(at, random() % 8 + 1); break;
                case 2: text.insert(at, text.substr(random() % (text.size() + 1), random() % 40)); break;
                default:
                    if (at < text.size()) text[at] = alphabet[random() % alphabet.size()];
            }
        }
        Problems problems;
        YamlNode root;
        const bool good = parse_yaml(text, {.file = "f"}, root, problems);
        EXPECT_EQ(good, problems.none()) << "seed " << first_seed << " round " << round;
        std::vector<SqlSnippet> snippets;
        if (good) (void)read_contract(root, "f", "good", problems, snippets);
        for (const auto& error : problems.errors()) {
            EXPECT_FALSE(error.message.empty());
            EXPECT_EQ(error.where.file, "f") << error.message;
        }
    }
}

}  // namespace
}  // namespace weir::declare
