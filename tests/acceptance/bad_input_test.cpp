// Bad files, from the command line: each is an error with the way out or goes to quarantine record by record, nothing
// is lost, and the run after mending works.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BadInput : public Shop {
protected:
    // Of one file: what is in it and what becomes of it.
    struct Case {
        std::string what, file, content, accounts, rejects, ids;
        std::string options{};  // of the source
    };
    void expect(const Case& one) {
        SCOPED_TRACE(one.what);
        fs::remove_all(project / "in");
        fs::remove_all(project / "lake");
        source("in/*", (one.options.find("format:") == 0 ? "" : "format: csv\n") + one.options);
        put("in/" + one.file, one.content);
        run_ok();
        EXPECT_EQ(accounts(), one.accounts + "\n");
        EXPECT_EQ(rejects(), one.rejects);
        EXPECT_EQ(sql("SELECT coalesce(string_agg(id, ' ' ORDER BY id), 'none') FROM t"), one.ids + "\n");
        const auto again = run_all();
        EXPECT_EQ(again.exit_code, 0);
        EXPECT_THAT(again.out, HasSubstr("1 unchanged"));
    }
};

std::string utf16(const std::u16string& text, bool big_endian) {
    std::string bytes;
    for (const char16_t c : u'\xFEFF' + text) {
        const char low = static_cast<char>(c & 0xFF), high = static_cast<char>(c >> 8);
        bytes += big_endian ? high : low;
        bytes += big_endian ? low : high;
    }
    return bytes;
}

// ---- records that go to quarantine, the others are taken

// DuckDB joins with a long list of values; the broken rows must be filed with their own bytes all the same.
TEST_F(BadInput, an_enumeration_of_many_values) {
    contract(
        {.columns = {"{name: id, logicalType: integer, required: true}",
                     "{name: name, logicalType: string, quality: [{metric: invalidValues, arguments: {validValues: "
                     "[a, b, c, d, e, f, g, h]}, mustBe: 0}]}",
                     "{name: amount, logicalType: number}"}});
    std::string content = header;
    for (int i = 0; i < 30000; ++i)
        content += std::to_string(i) +
                   (i % 1000 == 7 ? ",x" + std::to_string(i) : std::string(",") + "abcdefgh"[i % 8]) + ",1\n";
    put("in/a.csv", content);
    source("in/*.csv");
    run_ok();
    EXPECT_EQ(accounts(), "30000 29970 0 30 0\n");
    EXPECT_EQ(
        sql("SELECT string_agg(DISTINCT rule), bool_and(decode(raw) = (line - 2) || ',x' || (line - 2) || ',1') FROM "
            "weir.quarantine"),
        "enumeration,true\n");
}

TEST_F(BadInput, broken_records_of_a_csv_file) {
    using namespace std::string_literals;
    for (const auto& one : std::vector<Case>{
             {"NUL bytes", "a.csv", header + "1,a\0b,1\n2,ok,2\n\0\0,x,1\n"s, "3 1 0 2 0", "2 nul_byte\n4 nul_byte\n",
              "2"},
             {"invalid UTF-8", "a.csv", header + "1,a\xff\xfe,1\n2,b,2\n3,\xc3,1\n", "3 1 0 2 0",
              "2 invalid_utf8\n4 invalid_utf8\n", "2"},
             {"an open quote in the middle", "a.csv", header + "1,a,1\n2,\"open,2\n3,c,3\n4,\"d\",4\n", "4 3 0 1 0",
              "3 unbalanced_quote\n", "1 3 4"},
             {"an open quote at the end", "a.csv", header + "1,a,1\n2,\"open,2\n", "2 1 0 1 0", "3 unbalanced_quote\n",
              "1"},
             {"an open quote as the last byte", "a.csv", header + "1,a,1\n\"", "2 1 0 1 0", "3 unbalanced_quote\n",
              "1"},
             {"too few and too many fields", "a.csv", header + "1,a\n2,b,2,x\n3,c,3\n", "3 1 0 2 0",
              "2 field_count\n3 field_count\n", "3"},
             {"nothing where something is required", "a.csv", header + ",a,1\n2,,\n", "2 1 0 1 0", "2 id required\n",
              "2"},
             {"CR only", "a.csv", "id,name,amount\r1,a,1\r2,b,x\r", "2 1 0 1 0", "3 amount type\n", "1"},
             {"BOM, CRLF, blank lines, a line end in a field", "a.csv",
              "\xEF\xBB\xBFid,name,amount\r\n1,a,1\r\n\r\n3,\"c\r\nd\",3\r\nx,e,4", "3 2 0 1 0", "6 id type\n", "1 3"},
             {"TSV without quoting", "a.tsv", "id\tname\tamount\n1\t\"a\t1\n2\tb\"c\"\t2\n\"3\"\tc\t3\n", "3 2 0 1 0",
              "4 id type\n", "1 2", "format: csv\ncsv: {delimiter: '\\t', quote: none}\n"},
             {"no header", "a.csv", "1,a,1\n2,b\n", "2 1 0 1 0", "2 field_count\n", "1",
              "csv: {header: false, columns: [id, name, amount]}\n"},
             {"only a header", "a.csv", header, "0 0 0 0 0", "", "none"},
             {"nothing at all", "a.csv", "", "0 0 0 0 0", "", "none"},
             {"a lone half of a surrogate pair", "a.csv", utf16(u"id,name,amount\n1,\xD800,1\n2,b,2\n", false),
              "2 1 0 1 0", "2 invalid_utf8\n", "2"},
             {"half a UTF-16 character at the end", "a.csv", utf16(u"id,name,amount\n1,a,1\n", false) + "x",
              "2 1 0 1 0", "3 invalid_utf8\n", "1"},
         })
        expect(one);
}

TEST_F(BadInput, texts_arrive_whole_from_every_encoding) {
    for (const auto& [encoding, content] : std::vector<std::pair<std::string, std::string>>{
             {"detect", utf16(u"id,name,amount\r\n1,Gr\u00fc\u00dfe \u20ac,1\r\n", false)},
             {"detect", utf16(u"id,name,amount\r\n1,Gr\u00fc\u00dfe \u20ac,1\r\n", true)},
             {"windows1252",
              "id,name,amount\n1,Gr\xfc\xdf"
              "e \x80,1\n"},
             {"detect", "id,name,amount\n1,Grüße €,1\n"}}) {
        fs::remove_all(project / "lake");
        source("in/*.csv", "encoding: " + encoding + "\n");
        put("in/a.csv", content);
        run_ok();
        EXPECT_EQ(sql("SELECT name FROM t"), "Grüße €\n") << encoding;
    }
}

TEST_F(BadInput, values_of_a_wrong_type_are_named) {
    contract({.columns = {"{name: id, logicalType: integer, required: true}", "{name: day, logicalType: date}"}});
    put("in/a.csv",
        "id,day\n9223372036854775807,2024-02-29\n9223372036854775808,2024-01-01\n1234567890123456789,2023-12-31\n"
        "1.5,2024-01-01\n1e3,2024-01-01\n7,2023-02-30\n-9223372036854775808,\n-9223372036854775809,\n0x10,\n8,2023-2-"
        "3\n");
    run_ok();
    EXPECT_EQ(accounts(), "10 3 0 7 0\n");
    EXPECT_EQ(sql("SELECT id, day FROM t ORDER BY id"),
              "-9223372036854775808,\n1234567890123456789,2023-12-31\n9223372036854775807,2024-02-29\n");
    EXPECT_EQ(rejects(), "3 id type\n5 id type\n6 id type\n7 day type\n9 id type\n10 id type\n11 day type\n");
    EXPECT_EQ(sql("SELECT reason FROM weir.quarantine WHERE line IN (5, 7) ORDER BY line"),
              "'1.5' is not an integer of 64 bits\n'2023-02-30' is not a date such as 2024-03-01\n");
    EXPECT_EQ(sql("SELECT raw::VARCHAR FROM weir.quarantine WHERE line = 7"), "\"7,2023-02-30\"\n");
}

TEST_F(BadInput, broken_records_of_json) {
    const auto deep = std::string(10'000, '[') + std::string(10'000, ']');
    std::string deep_objects;
    for (int i = 0; i < 10'000; ++i) deep_objects += "{\"a\":";
    expect(
        {"one object a line", "a.ndjson",
         "{\"id\":1}\n{\"id\":2,\"name\":" + deep + "}\n" + deep_objects +
             "\n{\"id\":12345678901234567890123}\n{\"id\":1234567890123456789}\n{\"id\":1.5}\n{\"id\":\"7\"}\n"
             "{\"id\":8,\"amount\":1e400}\n{\"id\":9\n[10]\n{\"id\":11,\"name\":\"\\ud800\"}\nnull\n{\"id\":13}",
         "13 3 0 10 0",
         "2 malformed\n3 malformed\n4 id type\n6 id type\n7 id type\n8 amount type\n9 malformed\n10 malformed\n11 name "
         "type\n12 malformed\n",
         "1 13 1234567890123456789", "format: ndjson\n"});
    expect({"an array", "a.json",
            "[{\"id\":1,\"name\":\"a\"},\n{\"id\":2,\n\"name\":\"b\"},3,{\"id\":\"x\"}," + deep + "]", "5 2 0 3 0",
            "3 malformed\n3 id type\n3 malformed\n", "1 2", "format: json_array\n"});
}

// A line without an end may be anything: 1 GiB of it neither takes memory nor the records behind it.
TEST_F(BadInput, a_line_of_1_GiB) {
    put("in/a.csv", header + "1,a,1\n2,");
    const auto file = (project / "in" / "a.csv").string();
    fs::resize_file(file, std::uint64_t{1} << 30);
    std::ofstream(file, std::ios::app) << "\n3,c,3\n";
    const auto finished = run_all();
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    // A sanitizer keeps much of what was freed.
    EXPECT_LT(finished.peak_memory, std::uint64_t{slowness > 1 ? 1500 : 600} << 20);
    EXPECT_EQ(accounts(), "3 2 0 1 0\n");
    EXPECT_EQ(rejects(), "3 too_long\n");
    EXPECT_EQ(sql("SELECT octet_length(raw), cut, reason FROM weir.quarantine"),
              "1048576,true,\"the record has 1073741803 bytes, the limit is 16777216\"\n");
    EXPECT_EQ(sql("SELECT string_agg(id, ' ' ORDER BY id) FROM t"), "1 3\n");
}

TEST_F(BadInput, a_rule_that_cannot_be_computed_for_a_row_breaks_that_row) {
    contract({.custom = "  - {property: rowRules, value: [{id: big, sql: CAST(name AS INTEGER) > 3}]}\n"});
    put("in/a.csv", header + "1,7,1\n2,x,1\n3,1,1\n4,,1\n");
    run_ok();
    EXPECT_EQ(accounts(), "4 2 0 2 0\n");
    EXPECT_EQ(rejects(), "3 big\n4 big\n");
    // What is filtered must be known: here the run stops.
    contract({});
    source("in/*.csv", "where: id < 3 OR CAST(name AS INTEGER) > 3\n");
    put("in/b.csv", header + "5,x,1\n");
    run_fails(1,
              {"sources/t.yaml:3:8", "Could not convert string 'x'", "evaluating `where` of source 't'", "TRY_CAST"});
    EXPECT_EQ(accounts(), "4 2 0 2 0\n");
    source("in/*.csv", "where: id < 3 OR TRY_CAST(name AS INTEGER) > 3\n");
    run_ok();
    EXPECT_EQ(accounts(), "5 2 0 2 1\n");
}

TEST_F(BadInput, names_of_files_may_be_anything) {
    const std::vector<std::string> names{"a b.csv",        "it's.csv",           "q\".csv",  "new\nline.csv",
                                         "per%20cent.csv", "gr\u00fc\u00df.csv", "a{b}.csv", "[x].csv",
                                         "-.csv",          "$(x);.csv"};
    for (std::size_t i = 0; i < names.size(); ++i)
        put("in/" + names[i], header + rows(1, static_cast<int>(i)) + "x,,\n");
    run_ok();
    EXPECT_EQ(accounts(), "20 10 0 10 0\n");
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string quoted;
        for (const char c : names[i]) quoted += c == '\'' ? "''" : std::string(1, c);
        EXPECT_EQ(
            sql("SELECT t.id FROM t JOIN weir.files f ON f.path = _source_file JOIN weir.quarantine q ON q.file = "
                "f.path WHERE ends_with(_source_file, '/" +
                quoted + "')"),
            std::to_string(i) + "\n");
    }
    EXPECT_THAT(run_all().out, HasSubstr("10 unchanged"));
}

// ---- files that are refused as a whole

TEST_F(BadInput, damaged_compressed_files_are_refused_until_they_are_whole) {
    const auto text = header + rows(50'000);
    for (const auto& [ending, whole] : {std::pair(".gz", gzip(text)), std::pair(".zst", zstd(text))}) {
        fs::remove_all(project / "in");
        fs::remove_all(project / "lake");
        source("in/*.csv" + std::string(ending));
        const auto file = "in/a.csv" + std::string(ending);
        put("in/b.csv" + std::string(ending), whole);
        put(file, whole.substr(0, whole.size() / 2));
        run_fails(3, {"in/a.csv", "breaks off at byte", "fetch it again"});
        auto damaged = whole;
        for (std::size_t i = 0; i < 16; ++i)
            damaged[whole.size() / 2 + i] = static_cast<char>(~damaged[whole.size() / 2 + i]);
        put(file, damaged);
        run_fails(3, {"in/a.csv", "damaged", "fetch it again"});
        EXPECT_EQ(accounts(), "0 0 0 0 0\n") << "half a file, or the whole one beside it, was taken";
        put(file, whole);
        run_ok();
        EXPECT_EQ(accounts(), "100000 100000 0 0 0\n");
    }
}

TEST_F(BadInput, compression_is_seen_from_the_bytes_and_stated_compression_is_held_to) {
    source("in/*", "format: csv\n");
    put("in/a.csv", gzip(header + rows(5)));
    put("in/b.csv.gz", header + rows(5, 5));
    put("in/c.csv", zstd(header + rows(5, 10)));
    put("in/d.csv.gz", gzip(header) + gzip(rows(5, 15)));
    run_ok();
    EXPECT_EQ(accounts(), "20 20 0 0 0\n");
    source("in/*", "format: csv\ncompression: gzip\n");
    put("in/e.csv", header + rows(5, 20));
    run_fails(3, {"in/e.csv", "gzip data is damaged"});
    EXPECT_EQ(accounts(), "20 20 0 0 0\n");
}

TEST_F(BadInput, headers) {
    contract({.columns = {"{name: id, logicalType: integer, required: true}", "{name: name, logicalType: string}",
                          "{name: amount, logicalType: number}"},
              .custom = "  - {property: unknownColumns, value: refuse}\n"});
    put("in/a.csv", header + "1,a,1\n");
    put("in/b.csv", "Amount,ID,name\n2,2,b\n");
    put("in/c.csv", "id\n3\n");
    run_ok();
    EXPECT_EQ(sql("SELECT id, name, amount FROM t ORDER BY id"), "1,a,1.0\n2,b,2.0\n3,,\n");
    const struct {
        std::string content;
        std::vector<std::string> said;
    } cases[] = {
        {"id,name,name\n4,a,b\n", {"in/d.csv:1:9: the header names 'name' twice", "header: false"}},
        {"name,amount\na,1\n", {"in/d.csv:1: the required column 'id' is missing", "the header has name, amount"}},
        {"id,name,amuont\n4,a,1\n", {"in/d.csv:1:9: the column 'amuont' is not in the contract"}},
        {"id,\xFF\xFE,x\n4,a,b\n", {"in/d.csv:1: the header is not text in UTF-8", "encoding"}},
        {std::string(100'000, '\x01'), {"in/d.csv:1: the required column 'id' is missing"}},
    };
    for (const auto& one : cases) {
        put("in/d.csv", one.content);
        run_fails(3, one.said);
        EXPECT_EQ(accounts(), "3 3 0 0 0\n");
    }
    put("in/d.csv", header + "4,d,4\n");
    run_ok();
    EXPECT_EQ(accounts(), "4 4 0 0 0\n");
}

TEST_F(BadInput, json_arrays_that_do_not_end_or_are_none) {
    source("in/*.json", "format: json_array\n");
    put("in/a.json", "[{\"id\":1},\n{\"id\":2,");
    run_fails(3, {"in/a.json:2: ", "format ndjson"});
    put("in/a.json", "{\"id\":1}\n");
    run_fails(3, {"in/a.json:1: a JSON array must begin with '['"});
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    put("in/a.json", "[{\"id\":1},\n{\"id\":2}]");
    run_ok();
    EXPECT_EQ(accounts(), "2 2 0 0 0\n");
}

TEST_F(BadInput, an_array_element_that_is_too_long_is_set_apart) {
    source("in/*.json", "format: json_array\n");
    const std::string long_text(20u << 20, 'x');
    put("in/a.json", "[{\"id\":1},\n{\"id\":2,\"name\":\"" + long_text + "\\\"]}\"},\n{\"id\":3},{\"id\":4}]");
    run_ok();
    EXPECT_EQ(accounts(), "4 3 0 1 0\n");
    EXPECT_EQ(rejects(), "2 too_long\n");
    EXPECT_EQ(sql("SELECT reason, octet_length(raw), cut FROM weir.quarantine"),
              "\"the record has 20971542 bytes, the limit is 16777216\",1048576,true\n");
    put("in/b.json", "[{\"id\":5},\n{\"id\":6,\"name\":\"" + long_text);
    run_fails(3, {"in/b.json:2: ", "the array is not closed"});
    EXPECT_EQ(accounts(), "4 3 0 1 0\n");
}

TEST_F(BadInput, a_partition_value_that_is_no_name_for_a_folder) {
    source("in/*.csv", "partition_by: [name]\n");
    put("in/a.csv", header + "1,short,1\n2," + std::string(240, 'n') + ",2\n3," + std::string(80, '/') + ",3\n");
    run_fails(1, {"the partition column 'name' has a value of 240 bytes: nnnn", "in/a.csv, line 3)",
                  "partition by a column with short values"});
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    put("in/a.csv", header + "1,short,1\n2," + std::string(200, 'n') + ",2\n3," + std::string(70, '/') + ",3\n");
    run_ok();
    EXPECT_EQ(accounts(), "3 3 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT name) FROM t"), "3\n");
}

TEST_F(BadInput, parquet) {
    source("in/*.parquet");
    const auto make = [&](const std::string& select) {
        fs::create_directories(project / "lake");
        const auto finished =
            weir_with({"sql", select, "--format", "parquet", "--out", (project / "in" / "a.parquet").string()});
        ASSERT_EQ(finished.exit_code, 0) << finished.err;
    };
    make("SELECT 'x' || i AS id, 'a' AS name, 1.5 AS amount FROM range(10) r(i)");
    run_fails(3, {"in/a.parquet holds column 'id' as VARCHAR, the contract says long", "convert the file"});
    make("SELECT 'a' AS name");
    run_fails(3, {"in/a.parquet has no column 'id', which the contract requires"});
    make("SELECT i AS id, 'name ' || i AS name, i * 1.5 AS amount FROM range(20000) r(i)");
    const auto whole = read(project / "in" / "a.parquet");
    put("in/a.parquet", "");
    run_fails(3, {"in/a.parquet cannot be read as Parquet"});
    put("in/a.parquet", header + rows(3));
    run_fails(3, {"in/a.parquet cannot be read as Parquet"});
    put("in/a.parquet", whole.substr(0, whole.size() / 2));
    run_fails(3, {"in/a.parquet cannot be read as Parquet", "replace it"});
    auto damaged = whole;
    std::fill_n(damaged.begin() + 4, 64, '\xFF');
    put("in/a.parquet", damaged);
    run_fails(3, {"a Parquet file of source 't' cannot be read", "replace it"});
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    put("in/a.parquet", whole);
    run_ok();
    EXPECT_EQ(accounts(), "20000 20000 0 0 0\n");
}

TEST_F(BadInput, paths_that_lead_nowhere) {
    run_fails(1, {"sources/t.yaml:1:8: no file matches", "it is empty"});
    source("inn/*.csv");
    run_fails(1, {"no file matches", "did you mean 'in/'?"});
    source("weir.yaml/*.csv");
    run_fails(1, {"no file matches", "weir.yaml is a file, not a folder"});
    source("in/*.csv");
    put("in/a.csv", header + rows(1));
    fs::create_symlink("/nothing/there.csv", project / "in" / "b.csv");
    run_fails(4, {"in/b.csv: it is a link to a file that is not there", "remove the link"});
    fs::remove(project / "in" / "b.csv");
    fs::create_symlink("b.csv", project / "in" / "b.csv");
    run_fails(4, {"cannot read", "in/b.csv"});
    fs::remove(project / "in" / "b.csv");
    if (::geteuid() != 0) {
        fs::permissions(project / "in" / "a.csv", fs::perms::none);
        run_fails(4, {"cannot", "in/a.csv", "ermission"});
        fs::permissions(project / "in" / "a.csv", fs::perms::owner_all);
    }
    run_ok();
    EXPECT_EQ(accounts(), "1 1 0 0 0\n");
}

TEST_F(BadInput, days_in_paths) {
    source("in/{year}/{month}/{day}/*.csv");
    put("in/2024/02/29/a.csv", header + rows(1));
    put("in/2023/02/29/a.csv", header + rows(1));
    run_fails(3, {"in/2023/02/29/a.csv: there is no day 2023-02-29", "rename"});
    fs::remove_all(project / "in" / "2023");
    run_ok();
    EXPECT_EQ(sql("SELECT _arrival_date FROM t"), "2024-02-29\n");
    fs::remove_all(project / "lake");
    source("in/{date}.csv");
    put("in/2024-03-01.csv", header + rows(1));
    put("in/2024-13-01.csv", header + rows(1));
    run_fails(3, {"in/2024-13-01.csv: there is no day 2024-13-01"});
    fs::remove(project / "in" / "2024-13-01.csv");
    run_ok();
    EXPECT_EQ(sql("SELECT _arrival_date FROM t"), "2024-03-01\n");
}

TEST_F(BadInput, what_a_path_says_is_a_column) {
    contract({.columns = {"{name: user_id, logicalType: integer, required: true}", "{name: q, logicalType: string}"}});
    source("in/u{user_id:int}.csv");
    for (int user = 0; user < 3000; ++user) put("in/u" + std::to_string(user) + ".csv", "q\na\nb\n");
    put("in/u7x.csv", "q\nnot ours\n");
    run_ok();
    EXPECT_EQ(accounts(), "6000 6000 0 0 0\n");
    EXPECT_EQ(
        sql("SELECT count(DISTINCT user_id), count(*) FILTER (_source_file LIKE '%/u' || user_id || '.csv') FROM t"),
        "3000,6000\n");
    put("in/u3000.csv", "q\nc\n");
    run_ok();
    EXPECT_EQ(accounts(), "6001 6001 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(*) FROM weir.files"), "3001\n");
}

// ---- files that change

TEST_F(BadInput, a_taken_file_may_grow_and_nothing_else) {
    put("in/a.csv", header + "1,a,1\n2,b,2\n");
    run_ok();
    for (const auto& content :
         {header + "1,a,1\n2,c,2\n", header + "1,a,1\n", header + "9,a,1\n2,b,2\n3,c,3\n", std::string()}) {
        put("in/a.csv", content);
        run_fails(3, {"in/a.csv was taken before and changed since",
                      "put the old bytes back, or give the new content a new"});
    }
    EXPECT_EQ(accounts(), "2 2 0 0 0\n");
    put("in/a.csv", header + "1,a,1\n2,b,2\n3,c,3\nx,d,4\n");
    run_ok();
    EXPECT_EQ(accounts(), "4 3 0 1 0\n");
    EXPECT_EQ(rejects(), "5 id type\n");
    EXPECT_EQ(sql("SELECT id, _source_line FROM t ORDER BY id"), "1,2\n2,3\n3,4\n");
    put("in/a.csv", header + "1,a,1\n2,b,2\n3,c,3\nx,d,4\n5,e,5");
    run_ok();
    put("in/a.csv", header + "1,a,1\n2,b,2\n3,c,3\nx,d,4\n5,e,55\n");
    run_fails(3, {"in/a.csv: its last line was taken before it was complete (line 6)"});
    put("in/a.csv", header + "1,a,1\n2,b,2\n3,c,3\nx,d,4\n5,e,5\n6,f,6\n");
    run_ok();
    EXPECT_EQ(accounts(), "6 5 0 1 0\n");
    EXPECT_EQ(sql("SELECT max(_source_line) FROM t"), "7\n");
}

TEST_F(BadInput, a_growing_compressed_file) {
    source("in/*.csv.gz");
    put("in/a.csv.gz", gzip(header + rows(10)));
    run_ok();
    put("in/a.csv.gz", gzip(header + rows(10)) + gzip(rows(10, 10)));
    run_ok();
    EXPECT_EQ(accounts(), "20 20 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT id), max(_source_line) FROM t"), "20,21\n");
}

TEST_F(BadInput, a_file_that_grows_while_it_is_read) {
    put("in/a.csv", header + rows(1'000'000));
    std::atomic<bool> stop = false;
    int written = 1'000'000;
    std::thread writer([&] {
        std::ofstream file(project / "in" / "a.csv", std::ios::app);
        while (!stop) {
            file << rows(100, written) << std::flush;
            written += 100;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    for (int i = 0; i < 3; ++i) {
        const auto finished = run_all();
        if (finished.exit_code == 3)
            EXPECT_THAT(finished.err, HasSubstr("in/a.csv"));
        else
            EXPECT_EQ(finished.exit_code, 0) << finished.err;
    }
    stop = true;
    writer.join();
    run_ok();
    const auto all = std::to_string(written);
    EXPECT_EQ(accounts(), all + " " + all + " 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT id), max(id) + 1 FROM t"), all + "," + all + "\n");
}

TEST_F(BadInput, a_file_that_is_written_over_while_it_is_read) {
    const auto old_content = header + rows(2'000'000);
    put("in/a.csv", old_content);
    std::thread writer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(150));
        const int file = ::open((project / "in" / "a.csv").c_str(), O_WRONLY);
        const std::string other = rows(20'000, 5'000'000);
        EXPECT_EQ(::pwrite(file, other.data(), other.size(), static_cast<off_t>(old_content.size() / 2)),
                  static_cast<ssize_t>(other.size()));
        ::close(file);
    });
    const auto finished = run_all();
    writer.join();
    // Either the change was seen, or the file was read wholly before it or wholly after it.
    if (finished.exit_code == 3) {
        EXPECT_THAT(finished.err, HasSubstr("changed while it was read"));
        EXPECT_EQ(accounts(), "0 0 0 0 0\n");
        return;
    }
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    const auto taken = sql("SELECT sha256 FROM weir.files");
    const auto now = run({"sha256sum", (project / "in" / "a.csv").string()}).out.substr(0, 64);
    if (taken != now + "\n") run_fails(3, {"changed since"});
}

// ---- clocks

TEST_F(BadInput, file_times_of_any_age) {
    using namespace std::chrono;
    const auto at = [&](const std::string& name, sys_seconds time, int row) {
        put("in/" + name, header + rows(1, row));
        fs::last_write_time(project / "in" / name, file_clock::from_sys(time));
    };
    view("v", "SELECT count(*) AS n FROM t\n");
    at("a.csv", sys_days{2096y / 10 / 2}, 1);
    at("b.csv", sys_days{1970y / 1 / 1} + seconds(1), 2);
    at("c.csv", sys_days{2024y / 3 / 1} + hours(23), 3);
    run_ok();
    EXPECT_EQ(sql("SELECT _arrival_date, id FROM t ORDER BY 1"), "1970-01-01,2\n2024-03-01,3\n2096-10-02,1\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "3\n");
    // The clock goes back: the bytes are the same, so nothing is taken again.
    fs::last_write_time(project / "in" / "a.csv", file_clock::from_sys(sys_seconds(sys_days{1999y / 1 / 1})));
    run_ok();
    EXPECT_EQ(accounts(), "3 3 0 0 0\n");
    at("d.csv", sys_days{1999y / 1 / 1}, 4);
    run_ok();
    EXPECT_EQ(accounts(), "4 4 0 0 0\n");
    EXPECT_EQ(sql("SELECT n FROM v"), "4\n");
    run_ok({"--interval", "1999-01-01"});
    EXPECT_EQ(accounts(), "4 4 0 0 0\n");
}

}  // namespace
}  // namespace weir::test
