#include "source/records/csv_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::source {
namespace {

// The cut as text: whole records in [], given-up lines in <>, the rest behind a |.
std::string cut(std::string_view text, bool final, CsvDialect dialect = {}, std::size_t limit = 1000) {
    const auto split = split_csv(dialect, text.data(), text.size(), final, limit);
    std::string shown;
    std::size_t at = 0;
    const auto whole = [&](std::size_t end) {
        if (end > at) shown += "[" + std::string(text.substr(at, end - at)) + "]";
        at = end;
    };
    for (const auto& hole : split.holes) {
        whole(hole.begin);
        shown += "<" + std::string(text.substr(hole.begin, hole.end - hole.begin)) + ">";
        at = hole.end;
    }
    whole(split.consumed);
    if (at < text.size()) shown += "|" + std::string(text.substr(at));
    return shown;
}

TEST(CsvSplit, table) {
    const struct {
        const char* text;
        bool final;
        const char* shown;
    } cases[] = {
        {"", true, ""},
        {"a,b\nc", false, "[a,b\n]|c"},
        {"a,b\nc", true, "[a,b\nc]"},
        {"a\r\nb\r\n", false, "[a\r\nb\r\n]"},
        {"\"a\nb\",c\nd", false, "[\"a\nb\",c\n]|d"},
        {"x\n\"a\nb", false, "[x\n]|\"a\nb"},
        {"x\n\"a\nb", true, "[x\n]<\"a\n>[b]"},
        {"x\n\"a", true, "[x\n]<\"a>"},
        {"\"a\"\"\nb\",c\n", false, "[\"a\"\"\nb\",c\n]"},
        // A quote inside an unquoted field means nothing.
        {"5\" disk,b\nc,d\n", false, "[5\" disk,b\nc,d\n]"},
        {"a, \"b\nc\n", false, "[a, \"b\nc\n]"},
        // An opening quote whose partner stands lines below before other text was stray.
        {"\"a,b\nc,\"d\"\n", true, "<\"a,b\n>[c,\"d\"\n]"},
        {"ok\nx,\"a\ny,\"b\"\n", true, "[ok\n]<x,\"a\n>[y,\"b\"\n]"},
        // The first quoted part of the record spans lines and is good, the second is not.
        {"\"a\nb\",\"c\nd\n", true, "<\"a\nb\",\"c\n>[d\n]"},
        // On one line it is the record that is malformed, not the cut.
        {"\"a\"b,c\nd\n", true, "[\"a\"b,c\nd\n]"},
        // What follows the last quote decides.
        {"x\n\"a\n\"", false, "[x\n]|\"a\n\""},
        {"x\n\"a\n\"\"", false, "[x\n]|\"a\n\"\""},
        {"x\n\"a\n\"\n", false, "[x\n\"a\n\"\n]"},
    };
    for (const auto& c : cases) EXPECT_EQ(cut(c.text, c.final), c.shown) << c.text;
    EXPECT_EQ(cut("a\rb\r", false, {.line_end = '\r'}), "[a\rb\r]");
    EXPECT_EQ(cut("\"a\nb\n", false, {.quote = '\0'}), "[\"a\nb\n]");
    EXPECT_EQ(cut("'a\\'\nb',c\nd\n", true, {.quote = '\'', .escape = '\\'}), "['a\\'\nb',c\nd\n]");
    EXPECT_EQ(cut("'a\\\\'\nb\n", true, {.quote = '\'', .escape = '\\'}), "['a\\\\'\nb\n]");
    // A quoted part longer than a record may be.
    const std::string text = "\"a\n" + std::string(30, 'x') + "\n\",b\nc\n";
    EXPECT_EQ(cut(text, true, {}, 20), "<\"a\n>[" + std::string(30, 'x') + "\n]<\",b\n>[c\n]");
    EXPECT_EQ(cut(text, true, {}, 200), "[" + text + "]");
}

std::vector<std::string> fields_of(std::string_view record, CsvDialect dialect = {}) {
    std::vector<CsvField> fields;
    scan_record(dialect, record.data(), 0, record.size(), fields);
    std::vector<std::string> texts;
    for (const auto& field : fields) {
        std::string text;
        if (field.escaped)
            unescape(dialect, record.substr(field.begin, field.end - field.begin), text);
        else
            text = std::string(record.substr(field.begin, field.end - field.begin));
        texts.push_back(field.quoted ? "Q" + text : text);
    }
    return texts;
}

TEST(CsvFields, table) {
    using T = std::vector<std::string>;
    EXPECT_EQ(fields_of("a,b,c\n"), (T{"a", "b", "c"}));
    EXPECT_EQ(fields_of("a,b,c\r\n"), (T{"a", "b", "c"}));
    EXPECT_EQ(fields_of(",,"), (T{"", "", ""}));
    EXPECT_EQ(fields_of("\"a,\"\"b\"\"\",\"\",x"), (T{"Qa,\"b\"", "Q", "x"}));
    EXPECT_EQ(fields_of("\"a\r\nb\",c\r"), (T{"Qa\r\nb", "c"}));
    EXPECT_EQ(fields_of("5\" disk,\" \""), (T{"5\" disk", "Q "}));
    EXPECT_EQ(fields_of("a\rb,c\n"), (T{"a\rb", "c"}));
    EXPECT_EQ(fields_of("'a\\'b','c\\\\'", {.quote = '\'', .escape = '\\'}), (T{"Qa'b", "Qc\\"}));
    EXPECT_EQ(fields_of("a\tb\"c\t\"", {.delimiter = '\t', .quote = '\0'}), (T{"a", "b\"c", "\""}));
}

TEST(CsvScan, counts_bytes) {
    std::string text(10'000, 'x');
    for (std::size_t i = 0; i < text.size(); i += 3) text[i] = '\n';
    for (std::size_t from = 0; from < 40; ++from)
        for (std::size_t to = text.size() - 40; to <= text.size(); ++to)
            ASSERT_EQ(count_byte(text.data() + from, text.data() + to, '\n'),
                      static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(from),
                                                          text.begin() + static_cast<std::ptrdiff_t>(to), '\n')));
    const std::string all(100'000, '\n');
    EXPECT_EQ(count_byte(all.data(), all.data() + all.size(), '\n'), all.size());
}

TEST(CsvScan, line_ends) {
    EXPECT_EQ(find_line_end("a\nb"), '\n');
    EXPECT_EQ(find_line_end("a\r\nb"), '\n');
    EXPECT_EQ(find_line_end("a\rb"), '\r');
    EXPECT_EQ(find_line_end("ab"), '\n');
}

}  // namespace
}  // namespace weir::source
