#include "source/reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/sha256.h"
#include "source/columns/json_record.h"
#include "source/files/discover.h"
#include "support/places.h"

namespace weir::source {
namespace {

namespace fs = std::filesystem;
using declare::ContractColumn;
using declare::Format;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

ContractColumn column(std::string name, Type type) {
    ContractColumn made;
    made.name = std::move(name);
    made.type = std::move(type);
    return made;
}
Type of(Type::Kind kind) { return Type::of(kind); }
using K = Type::Kind;

class ReaderTest : public testing::Test {
public:
    ~ReaderTest() override { fs::remove_all(folder); }

protected:
    ReaderTest() {
        fs::create_directories(folder);
        auto status = register_functions(connection);
        if (!status) throw std::runtime_error(to_string(status.error()));
        plan.rejects = [this](std::vector<Reject>&& some) -> Status {
            for (auto& reject : some) rejects.push_back(std::move(reject));
            return ok();
        };
    }

    std::string write(const std::string& name, std::string_view content) {
        const auto path = folder / name;
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << content;
        return path.string();
    }
    void take(const std::string& path, std::vector<std::string> captures = {}) {
        plan.files.push_back(
            {.path = path, .file_no = static_cast<int>(plan.files.size()) + 1, .captures = std::move(captures)});
    }

    // Runs "SELECT <what> FROM weir_read(…) <rest>" to the end; every row's columns as text, joined by '|'.
    Result<std::vector<std::string>> select(const std::string& what, const std::string& rest = "") {
        rejects.clear();
        auto started = ReadRun::start(plan);
        if (!started) return std::move(started).error();
        run = std::move(started).value();
        auto sql = fmt::format("SELECT concat_ws('|', {}) FROM {} {}", what, run->table(), rest);
        for (auto at = sql.find("$h"); at != std::string::npos; at = sql.find("$h"))
            sql.replace(at, 2, std::to_string(run->handle()));
        auto rows = connection.query(sql);
        WEIR_TRY(run->finish(rows ? Status() : Status(rows.error())));
        std::vector<std::string> texts;
        for (std::size_t row = 0; row < rows->row_count(); ++row) texts.emplace_back(rows->text(row, 0));
        return texts;
    }
    std::vector<std::string> must_select(const std::string& what, const std::string& rest = "") {
        auto rows = select(what, rest);
        if (!rows) {
            ADD_FAILURE() << to_string(rows.error());
            return {};
        }
        return std::move(rows).value();
    }

    fs::path folder = fs::temp_directory_path() / fmt::format("weir-source-test-{}", ::getpid());
    sql::Database database = std::move(sql::Database::open({.threads = 2})).value();
    sql::Connection connection = std::move(database.connect()).value();
    ReadPlan plan;
    std::unique_ptr<ReadRun> run;
    std::vector<Reject> rejects;
};

using Texts = std::vector<std::string>;

TEST_F(ReaderTest, csv_becomes_typed_columns_with_positions) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("price", Type::decimal(8, 2)),
                    column("day", of(K::date)), column("at", of(K::timestamp))};
    take(write("a.csv",
               "name,id,at,price,day\n"
               "anna,1,2024-03-01T10:00:00+02:00,1.50,2024-03-01\n"
               "\n"
               "\"a longer name, with a comma\",9223372036854775807,2024-03-01 10:00:00 UTC,-0.1,2024-02-29\r\n"
               "\"two\nlines\",3,,,\n"
               "bad,x,,,\n"
               "last,4,,,"));
    EXPECT_EQ(must_select("coalesce(name, 'NULL'), id, price, day, \"at\", _source_line, _file_no"),
              (Texts{"anna|1|1.50|2024-03-01|2024-03-01 08:00:00+00|2|1",
                     "a longer name, with a comma|9223372036854775807|-0.10|2024-02-29|2024-03-01 10:00:00+00|4|1",
                     "two\nlines|3|5|1", "last|4|8|1"}));
    ASSERT_EQ(rejects.size(), 1u);
    EXPECT_EQ(rejects[0].rule, "type");
    EXPECT_EQ(rejects[0].column, "id");
    EXPECT_EQ(rejects[0].line, 7);
    EXPECT_EQ(rejects[0].raw, "bad,x,,,");
    EXPECT_EQ(rejects[0].reason, "'x' is not an integer of 64 bits");
    const auto& file = run->report().at(0);
    EXPECT_EQ(file.records, 5);
    EXPECT_EQ(file.emitted, 4);
    EXPECT_EQ(file.rejected, 1);
    EXPECT_EQ(file.blank_lines, 1);
    EXPECT_TRUE(file.complete);
}

TEST_F(ReaderTest, records_of_others_are_passed_over_unread) {
    plan.source.format = Format::ndjson;
    plan.source.only = declare::Only{"topic", "b", {}};
    plan.columns = {column("id", of(K::int64)), column("topic", of(K::string))};
    take(write("a.json",
               "{\"topic\":\"a\", all this is not looked at\n"
               "{\"topic\":\"b\",\"id\":1}\n"
               "{\"id\":2,\"topic\":\"\\u0062\"}\n"
               "{\"id\":3,\"topic\":\"bb\"}\n"
               "{\"id\":4}\n"
               "{\"id\":5,\"topic\":null}\n"
               "{\"topic\":\"a\xFF\"}\n"
               "{\"topic\":\"b\",\"id\":\"\xFF\"}\n"
               "{\"topic\":\"b\",\"id\":\n"
               "nobody's\n"));
    EXPECT_EQ(must_select("id, topic, _source_line"), (Texts{"1|b|2", "2|b|3"}));
    std::vector<std::string> filed;
    for (const auto& reject : rejects) filed.push_back(fmt::format("{} {}", reject.line, reject.rule));
    EXPECT_THAT(filed, ElementsAre("8 invalid_utf8", "9 malformed", "10 malformed"));
    const auto& file = run->report().at(0);
    EXPECT_EQ(file.records, 10);
    EXPECT_EQ(file.filtered, 5);
    EXPECT_EQ(file.rejected, 3);
}

TEST_F(ReaderTest, an_object_in_a_record_is_unpacked) {
    plan.source.format = Format::ndjson;
    plan.type_errors = true;
    auto message = column("message", of(K::string));
    message.logical_type = "object";
    message.unpack = true;
    auto id = column("id", of(K::int64)), name = column("name", of(K::string));
    id.inside = name.inside = "message";
    message.on_type_error = id.on_type_error = name.on_type_error = declare::OnTypeError::null;
    plan.columns = {column("topic", of(K::string)), message, id, name};
    take(write("a.json", R"({"topic":"t","message":"{\"id\": 1, \"name\":\"x\\n\\u00e9\"}","id":99})"
                         "\n"
                         R"({"message":{"id":2,"topic":"inner"},"topic":"outer"})"
                         "\n"
                         R"({"topic":"wrong","message":"{\"id\":\"3\",\"name\":4}"})"
                         "\n"
                         R"({"topic":"none","message":null})"
                         "\n"
                         R"({"topic":"no object","message":"[1]"})"
                         "\n"
                         R"({"topic":"cut","message":"{\"id\":1"})"
                         "\n"
                         R"({"topic":"half a pair","message":"\ud800{}"})"
                         "\n"
                         R"({"topic":"a number","message":5})"
                         "\n"));
    EXPECT_EQ(must_select("topic, coalesce(message, 'NULL'), coalesce(id, -1), coalesce(name, 'NULL'), _type_errors"),
              (Texts{"t|{\"id\": 1, \"name\":\"x\\n\\u00e9\"}|1|x\né", "outer|{\"id\":2,\"topic\":\"inner\"}|2|NULL",
                     "wrong|{\"id\":\"3\",\"name\":4}|-1|NULL|,id,name,", "none|NULL|-1|NULL",
                     "no object|NULL|-1|NULL|,message,", "cut|NULL|-1|NULL|,message,",
                     "half a pair|NULL|-1|NULL|,message,", "a number|NULL|-1|NULL|,message,"}));
    EXPECT_THAT(rejects, testing::IsEmpty());

    // Where a wrong type quarantines, the record is filed with its own bytes.
    for (auto& each : plan.columns) each.on_type_error = declare::OnTypeError::quarantine;
    EXPECT_EQ(must_select("topic"), (Texts{"t", "outer", "none"}));
    ASSERT_EQ(rejects.size(), 5u);
    EXPECT_EQ(rejects[0].column, "id");
    EXPECT_EQ(rejects[1].reason, "'[1]' is not a JSON object");
    EXPECT_EQ(rejects[1].raw, R"({"topic":"no object","message":"[1]"})");
}

TEST_F(ReaderTest, ndjson_becomes_typed_columns_with_positions) {
    plan.source.format = Format::ndjson;
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("price", Type::decimal(8, 2))};
    take(write("a.json",
               "{\"id\": 1, \"name\": \"\\u00e9t\\u00e9 \\ud83d\\ude00\", \"price\": 1.50, \"more\": {\"x\": [1, 2]}}\n"
               "  \r\n"
               "{\"price\": 2, \"id\": 9223372036854775808}\n"
               "{\"name\": null}\r\n"
               "[1]\n"
               "{\"name\": 5}\n"
               "{\"name\": \"end\"}"));
    EXPECT_EQ(must_select("coalesce(id, -1), name, price, _source_line"),
              (Texts{"1|été 😀|1.50|1", "-1|4", "-1|end|7"}));
    ASSERT_EQ(rejects.size(), 3u);
    EXPECT_EQ(rejects[0].reason, "'9223372036854775808', a JSON number, is not an integer of 64 bits");
    EXPECT_EQ(rejects[1].rule, "malformed");
    EXPECT_EQ(rejects[2].column, "name");
}

TEST_F(ReaderTest, a_failing_rule_files_the_record_once_with_its_bytes) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    std::string text = "id,name\n";
    for (int i = 0; i < 100'000; ++i) text += fmt::format("{},name number {}\n", i, i);
    take(write("a.csv", text));
    take(write("b.csv", text));
    plan.block_bytes = 64 * 1024;
    const auto rows =
        must_select("count(*), sum(id), max(length(name))",
                    "WHERE CASE WHEN id % 10 = 3 THEN weir_filtered($h, _file_no) WHEN id % 7 <> 0 THEN true "
                    "ELSE weir_reject($h, _record, '1,' || (id % 3)) END");
    std::int64_t kept = 0, filtered = 0;
    std::size_t rejected = 0;
    for (int i = 0; i < 100'000; ++i)
        (i % 10 == 3 ? filtered : i % 7 != 0 ? kept : reinterpret_cast<std::int64_t&>(rejected))++;
    EXPECT_EQ(rows.at(0).substr(0, rows.at(0).find('|')), std::to_string(2 * kept));
    ASSERT_EQ(rejects.size(), 2 * rejected);
    for (const auto& file : run->report()) {
        EXPECT_EQ(file.filtered, filtered);
        EXPECT_EQ(file.rule_rejected, static_cast<std::int64_t>(rejected));
        EXPECT_EQ(file.emitted, 100'000);
    }
    for (const auto& reject : rejects) {
        const auto id = reject.line - 2;
        EXPECT_EQ(reject.raw, fmt::format("{},name number {}", id, id));
        EXPECT_EQ(text.substr(static_cast<std::size_t>(reject.byte_offset), reject.raw.size()), reject.raw);
        EXPECT_EQ(reject.violations, fmt::format("1,{}", id % 3));
    }
}

// ---- whole files that are refused

TEST_F(ReaderTest, a_header_that_cannot_be_used_is_an_error_with_its_place) {
    auto id = column("id", of(K::int64));
    id.required = true;
    plan.columns = {id, column("name", of(K::string))};
    const struct {
        const char *text, *message, *hint;
        int line, at;
    } cases[] = {
        {"name,more\n1,2\n", "the required column 'id' is missing", "the header has name, more", 1, 0},
        {"id,name,Name\n", "the header names 'Name' twice: columns 2 and 3", "header: false", 1, 9},
        {"id,,name\n", "column 2 of the header has no name", "header: false", 1, 4},
        {"\n\nid,name,\n", "column 3 of the header has no name", "header: false", 3, 9},
        {"id,\"name\n1,a\n2,b\n", "the header has a quote that is not closed", "quote", 1, 1},
        {"ids,name\n", "the required column 'id' is missing", "did you mean 'ids'?", 1, 0},
        {"id,na\xFFme\n", "the header is not text in UTF-8", "encoding", 1, 0},
    };
    for (const auto& c : cases) {
        plan.files.clear();
        const auto path = write("bad.csv", c.text);
        take(path);
        auto rows = select("id");
        ASSERT_FALSE(rows) << c.text;
        EXPECT_EQ(rows.error().code, ErrorCode::input_malformed);
        EXPECT_THAT(rows.error().message, HasSubstr(c.message));
        EXPECT_THAT(rows.error().hint, HasSubstr(c.hint));
        EXPECT_EQ(rows.error().where, (Where{path, c.line, c.at})) << c.text;
    }
}

TEST_F(ReaderTest, files_that_cannot_be_read_end_the_statement_with_our_error) {
    plan.columns = {column("id", of(K::int64))};
    take((folder / "none.csv").string());
    auto rows = select("id");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::input_unreadable);
    plan.files.clear();
    plan.source.format = Format::json_array;
    for (const auto* text : {"{\"id\": 1}", "[{\"id\": 1}", "[{\"id\": 1} {\"id\": 2}]", "[{\"id\": 1}] x", "[,]",
                             "[{\"id\": 1},", "[{\"id\": "}) {
        plan.files.clear();
        take(write("a.json", text));
        rows = select("id");
        ASSERT_FALSE(rows) << text;
        EXPECT_EQ(rows.error().code, ErrorCode::input_malformed) << text;
        EXPECT_EQ(rows.error().where.line, 1) << text;
    }
}

TEST_F(ReaderTest, a_statement_that_stops_early_does_not_add_up) {
    plan.columns = {column("id", of(K::int64))};
    std::string text = "id\n";
    for (int i = 0; i < 200'000; ++i) text += "1\n";
    plan.block_bytes = 10'000;
    take(write("a.csv", text));
    auto rows = select("id", "LIMIT 1");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::accounting_mismatch);
}

TEST_F(ReaderTest, a_record_of_an_older_block_is_refused_loudly) {
    plan.columns = {column("id", of(K::int64))};
    std::string text = "id\n";
    for (int i = 0; i < 50'000; ++i) text += fmt::format("{}\n", i);
    plan.block_bytes = 1000;
    take(write("a.csv", text));
    // The sort has seen all rows before the first one is rejected.
    auto started = ReadRun::start(plan);
    ASSERT_TRUE(started);
    run = std::move(started).value();
    auto rows = connection.query(
        fmt::format("SELECT weir_reject({}, _record, 'x') FROM (SELECT _record FROM {} ORDER BY id DESC)",
                    run->handle(), run->table()));
    auto status = run->finish(rows ? Status() : Status(rows.error()));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::internal);
    EXPECT_THAT(status.error().message, HasSubstr("block was gone"));
    EXPECT_FALSE(connection.query("SELECT * FROM weir_read(123456)"));
}

TEST_F(ReaderTest, a_run_is_read_once) {
    plan.columns = {column("id", of(K::int64))};
    take(write("a.csv", "id\n1\n2\n"));
    auto rows = select("(SELECT count(*) FROM weir_read($h)), id");
    ASSERT_FALSE(rows);
    EXPECT_THAT(rows.error().message, HasSubstr("reads the same run twice"));
    EXPECT_EQ(must_select("id"), (Texts{"1", "2"}));
    EXPECT_EQ(run->progress().bytes_done.load(), 7u);
    EXPECT_EQ(run->progress().rows.load(), 2);
}

TEST_F(ReaderTest, projections_above_and_below_do_not_call_the_functions_again) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    std::string text = "id,name\n";
    for (int i = 0; i < 30'000; ++i) text += fmt::format("{},n{}\n", i, i % 100);
    for (int i = 0; i < 4; ++i) take(write(fmt::format("{}.csv", i), text));
    plan.block_bytes = 20'000;
    const std::string filtered =
        "(SELECT *, upper(name) AS big FROM (SELECT *, id % 5 AS five FROM weir_read($h)) "
        "WHERE CASE WHEN five = 1 THEN weir_filtered($h, _file_no) WHEN name <> 'n7' THEN true "
        "ELSE weir_reject($h, _record, '1') END) t";
    // 20 of 100 names are filtered; of the others one in 100 is n7, whose id modulo 5 is 2.
    for (const auto* shape :
         {"SELECT concat_ws('|', count(*), sum(id) > 0, max(big) > '') FROM {}",
          "SELECT concat_ws('|', sum(n), true, true) FROM (SELECT big, five, count(*) AS n FROM {} GROUP BY ALL)",
          "SELECT concat_ws('|', count(*), true, true) FROM (SELECT row_number() OVER (ORDER BY id, big) FROM {} WHERE "
          "five >= 0)",
          "SELECT concat_ws('|', count(*), true, true) FROM {} LEFT JOIN (SELECT 'N5' AS k) j ON j.k = big"}) {
        rejects.clear();
        run = std::move(ReadRun::start(plan)).value();
        auto sql = fmt::format(fmt::runtime(shape), filtered);
        for (auto at = sql.find("$h"); at != std::string::npos; at = sql.find("$h"))
            sql.replace(at, 2, std::to_string(run->handle()));
        auto rows = connection.query(sql);
        auto status = run->finish(rows ? Status() : Status(rows.error()));
        ASSERT_TRUE(status) << to_string(status.error());
        EXPECT_EQ(rows->text(0, 0), "94800|true|true") << shape;
        EXPECT_EQ(rejects.size(), 1200u) << shape;
        std::int64_t count = 0;
        for (const auto& file : run->report()) count += file.filtered;
        EXPECT_EQ(count, 24'000) << shape;
    }
}

// ---- shapes and policies

TEST_F(ReaderTest, empty_files_have_no_records) {
    plan.columns = {column("id", of(K::int64))};
    for (const auto* text : {"", "\n", "\n\n", "id", "id\n", "\xEF\xBB\xBF", "\xEF\xBB\xBFid\r\n"}) {
        plan.files.clear();
        take(write("a.csv", text));
        EXPECT_EQ(must_select("id"), Texts{}) << text;
        EXPECT_EQ(run->report().at(0).records, 0);
    }
    plan.source.format = Format::ndjson;
    take(write("b.json", "\n \n"));
    EXPECT_EQ(must_select("id"), Texts{});
    plan.source.format = Format::json_array;
    plan.files.clear();
    take(write("c.json", " [ ] "));
    EXPECT_EQ(must_select("id"), Texts{});
}

TEST_F(ReaderTest, headers_are_read_by_name_and_share_blocks) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("more", of(K::string))};
    plan.source.csv.rename = {{"Name ", "name"}, {"Identity", "id"}};
    plan.unknown = declare::UnknownColumns::keep;
    take(write("a.csv", "id,name\n1,a\n"));
    take(write("b.csv", "Name ,ID,extra\nb,2,\"x\"\"y\"\nbb,22,\n"));
    take(write("c.csv", "\xEF\xBB\xBF\"more\",\"Identity\"\r\nm,3\r\n"));
    EXPECT_THAT(
        must_select("_file_no, _source_line, id, coalesce(name, '-'), coalesce(more, '-'), coalesce(_extra, '-')"),
        UnorderedElementsAre("1|2|1|a|-|-", "2|2|2|b|-|{\"extra\":\"x\\\"y\"}", "2|3|22|bb|-|{\"extra\":null}",
                             "3|2|3|-|m|-"));
    plan.unknown = declare::UnknownColumns::drop;
    EXPECT_EQ(must_select("id").size(), 4u);
    plan.unknown = declare::UnknownColumns::refuse;
    auto rows = select("id");
    ASSERT_FALSE(rows);
    EXPECT_THAT(rows.error().message, HasSubstr("the column 'extra' is not in the contract"));
}

TEST_F(ReaderTest, headerless_skipped_lines_nulls_and_dialects) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    plan.columns[1].missing = {"N/A"};
    plan.source.csv = {.delimiter = ';',
                       .quote = '\'',
                       .escape = '\\',
                       .header = false,
                       .columns = {"name", "id"},
                       .nulls = {"", "\\N"},
                       .skip_lines = 2};
    take(write("a.csv", "title\n\na;1\n\\N;2\n'N/A';3\n'\\N';4\n'';5\n;6\n'it\\'s';7\nx;8;9\ny\n"));
    EXPECT_EQ(must_select("id, coalesce(name, 'NULL'), _source_line"),
              (Texts{"1|a|3", "2|NULL|4", "3|NULL|5", "4|N|6", "5||7", "6|NULL|8", "7|it's|9"}));
    ASSERT_EQ(rejects.size(), 2u);
    EXPECT_EQ(rejects[0].rule, "field_count");
    EXPECT_EQ(rejects[0].reason, "3 fields, the source declares 2");
    EXPECT_EQ(rejects[1].reason, "1 fields, the source declares 2");
    plan.source.csv = {.delimiter = '\t', .quote = '\0', .header = true};
    plan.files.clear();
    take(write("b.tsv", "id\tname\r\n1\t\"stray\r\n2\ta\x1C\r\n"));
    EXPECT_EQ(must_select("id, name"), (Texts{"1|\"stray", "2|a\x1C"}));
    plan.files.clear();
    plan.source.csv = {};
    take(write("c.csv", "id,name\r1,a\r\r2,\"b\nc\"\r"));
    EXPECT_EQ(must_select("id, name, _source_line"), (Texts{"1|a|2", "2|b\nc|4"}));
}

TEST_F(ReaderTest, broken_bytes_reject_their_record_only) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    plan.source.record_bytes_max = 40;
    const std::string text = std::string("id,name\n1,a\n2,\xFF\n3,x") + '\0' + "y\n4,\"open\n5,b\n6," +
                             std::string(60, 'z') + "\n7,c\n\"8\"x,d\n9,\"two\nlines\"\n10,\"long" +
                             std::string(50, '\n') + "\"\n11,e\n12,\"never";
    for (const std::size_t block : {64, 77, 1000, 1 << 20}) {
        plan.block_bytes = block;
        plan.files.clear();
        take(write("a.csv", text));
        auto rows = must_select("id, name");
        // 10 opened a quoted part that is longer than a record may be: its line is given up, blank lines follow, and
        // the line with the closing quote alone is a field that opens and does not close.
        EXPECT_EQ(rows, (Texts{"1|a", "5|b", "7|c", "9|two\nlines", "11|e"})) << block;
        std::vector<std::string> told;
        for (const auto& reject : rejects) {
            told.push_back(fmt::format("{}:{}", reject.line, reject.rule));
            EXPECT_EQ(text.substr(static_cast<std::size_t>(reject.byte_offset), reject.raw.size()), reject.raw);
        }
        std::sort(told.begin(), told.end());
        EXPECT_THAT(told, UnorderedElementsAre("3:invalid_utf8", "4:nul_byte", "5:unbalanced_quote", "7:too_long",
                                               "9:malformed", "12:unbalanced_quote", "62:unbalanced_quote",
                                               "64:unbalanced_quote"))
            << block;
    }
}

TEST_F(ReaderTest, a_huge_line_needs_little_memory) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    const auto path = (folder / "huge.csv").string();
    {
        std::ofstream out(path, std::ios::binary);
        out << "id,name\n1,a\n2,";
        const std::string part(1 << 20, 'x');
        for (int i = 0; i < 200; ++i) out << part;
        out << "\n3,c\n4,\"" << part << "\n";
        for (int i = 0; i < 40; ++i) out << part;
    }
    take(path);
    EXPECT_EQ(must_select("id"), (Texts{"1", "3"}));
    ASSERT_EQ(rejects.size(), 3u);
    std::sort(rejects.begin(), rejects.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    EXPECT_EQ(rejects[0].rule, "too_long");
    EXPECT_EQ(rejects[0].raw_size, 2u + (200u << 20));
    EXPECT_EQ(rejects[0].raw.size(), limits::rejected_bytes_max);
    EXPECT_EQ(rejects[1].rule, "unbalanced_quote");
    EXPECT_EQ(rejects[1].line, 5);
    EXPECT_EQ(rejects[2].rule, "too_long");
    EXPECT_EQ(rejects[2].raw_size, 40u << 20);
    for (const auto format : {Format::ndjson, Format::csv}) {
        plan.source.format = format;
        plan.source.record_bytes_max = 100;
        plan.files.clear();
        take(write("a.json", "{\"id\": 1}\n" + std::string(500'000, 'x') + "\n{\"id\": 2}\n"));
        plan.block_bytes = 1000;
        if (format == Format::csv) continue;
        EXPECT_EQ(must_select("id, _source_line"), (Texts{"1|1", "2|3"}));
        EXPECT_EQ(rejects.at(0).raw_size, 500'000u);
    }
}

TEST_F(ReaderTest, json_is_strict) {
    plan.source.format = Format::ndjson;
    auto tags = column("tags", of(K::string));
    tags.logical_type = "array";
    auto flag = column("flag", of(K::boolean));
    flag.on_type_error = declare::OnTypeError::null;
    auto mail = column("mail", of(K::int64));
    mail.pii = true;
    plan.columns = {column("id", of(K::int64)), tags, flag, mail, column("amount", Type::decimal(20, 3))};
    plan.unknown = declare::UnknownColumns::keep;
    const std::string deep(10'000, '[');
    const std::string fine = std::string(1000, '[') + std::string(1000, ']');
    take(write("a.json",
               "{\"id\": 1, \"tags\": [1, {\"a\": \"]\"}], \"flag\": true, \"amount\": 12345678901234567.891}\n"
               "{\"id\": 2, \"id\": 3, \"x\\ty\": \"\\u00e9\", \"o\": {\"a\": [1]}, \"n\": null, \"t\": 1e5}\n"
               "{\"id\": 4, \"flag\": \"true\"}\n"
               "{\"id\": 5, \"mail\": \"a@b.c\"}\n"
               "{\"id\": 6, \"x\": " +
                   deep +
                   "\n"
                   "{\"id\": 7, \"x\": " +
                   fine +
                   "}\n"
                   "{\"id\": 8, \"x\": nope}\n"
                   "{\"id\": 9, \"x\": 01}\n"
                   "{\"id\": \"10\"}\n"
                   "{\"id\": 11,}\n"
                   "{\"id\": 12} {\"id\": 13}\n"
                   "{\"i\\u0064\": 14, \"tags\": {}}\n"
                   "{\"i\\u0064\": 15}\n"
                   "{\"id\": 16.0}\n"));
    const auto rows = must_select(
        "id, coalesce(tags, '-'), coalesce(flag::VARCHAR, '-'), coalesce(amount::VARCHAR, '-'), "
        "coalesce(CASE WHEN length(_extra) < 1000 THEN _extra ELSE length(_extra)::VARCHAR END, '-')");
    EXPECT_EQ(rows, (Texts{"1|[1, {\"a\": \"]\"}]|true|12345678901234567.891|-",
                           "3|-|-|-|{\"x\\ty\":\"\\u00e9\",\"o\":{\"a\": [1]},\"n\":null,\"t\":1e5}", "4|-|-|-|-",
                           "7|-|-|-|2006", "15|-|-|-|-"}));
    EXPECT_EQ(run->report()[0].nulled, (std::vector<std::int64_t>{0, 0, 1, 0, 0}));
    std::vector<std::string> told;
    for (const auto& reject : rejects) told.push_back(fmt::format("{} {} {}", reject.line, reject.rule, reject.reason));
    EXPECT_THAT(
        told, ElementsAre("4 type the value (not shown: the column is classified as sensitive), a JSON string, is "
                          "not an integer of 64 bits",
                          HasSubstr("5 malformed nested too deeply"), HasSubstr("7 malformed no JSON value at byte 16"),
                          HasSubstr("8 malformed a number begins with a zero"),
                          HasSubstr("9 type '10', a JSON string, is not an integer"),
                          HasSubstr("10 malformed a key is missing"), HasSubstr("11 malformed something follows"),
                          HasSubstr("12 type '{}', a JSON object, is not a JSON array"),
                          HasSubstr("14 type '16.0', a JSON number")));
    plan.unknown = declare::UnknownColumns::refuse;
    plan.files.clear();
    take(write("b.json", "{\"id\": 1}\n{\"id\": 2, \"more\": 1}\n"));
    EXPECT_EQ(must_select("id"), Texts{"1"});
    EXPECT_EQ(rejects.at(0).rule, "unknown_column");
}

TEST_F(ReaderTest, json_arrays_are_cut_into_their_elements) {
    plan.source.format = Format::json_array;
    plan.columns = {column("id", of(K::int64)), column("text", of(K::string))};
    std::string text = "\xEF\xBB\xBF [\n";
    std::vector<std::string> expected;
    for (int i = 0; i < 300; ++i) {
        text += fmt::format("  {}{{\"id\": {}, \"text\": \"],}}{{[\\\\\\\" {}\", \"more\": [[{}], {{}}]}}\n",
                            i > 0 ? "," : "", i, i, i);
        expected.push_back(fmt::format("{}|],}}{{[\\\" {}|{}", i, i, i + 2));
    }
    text += ", 5, \"]\", null ]  \n";
    for (const std::size_t block : {64, 65, 99, 500, 1 << 20}) {
        plan.block_bytes = block;
        plan.files.clear();
        take(write("a.json", text));
        EXPECT_THAT(must_select("id, text, _source_line"), testing::UnorderedElementsAreArray(expected)) << block;
        EXPECT_EQ(rejects.size(), 3u);
        for (const auto& reject : rejects)
            EXPECT_EQ(text.substr(static_cast<std::size_t>(reject.byte_offset), reject.raw.size()), reject.raw);
    }
}

TEST_F(ReaderTest, captures_become_columns) {
    plan.columns = {column("user_id", of(K::int32)), column("answer", of(K::string))};
    plan.columns[0].required = true;
    plan.captures = {{"user_id", of(K::int64)}, {"year", of(K::int32)}, {"region", of(K::string)}};
    take(write("u1.csv", "answer\na\nb\n"), {"1", "2024", "north"});
    take(write("u2.csv", "answer\nc\n"), {"20", "0999", "a region with a long name"});
    take(write("u3.csv", "answer\nd\n"), {"9999999999", "2023", ""});
    EXPECT_THAT(must_select("user_id, answer, year, region"),
                UnorderedElementsAre("1|a|2024|north", "1|b|2024|north", "20|c|999|a region with a long name"));
    ASSERT_EQ(rejects.size(), 1u);
    EXPECT_EQ(rejects[0].file_no, 3);
    EXPECT_EQ(rejects[0].column, "user_id");
    std::vector<std::string> names;
    for (const auto& c : run->columns()) names.push_back(c.name + " " + c.type);
    EXPECT_THAT(names, ElementsAre("user_id INTEGER", "answer VARCHAR", "year INTEGER", "region VARCHAR",
                                   "_file_no INTEGER", "_source_line BIGINT", "_record BIGINT"));
}

TEST_F(ReaderTest, a_grown_file_goes_on_where_it_ended) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    const std::string old = "name,id\r\na,1\r\n\"b\n\",2\r\n";
    for (const std::size_t block : {64, 1 << 20}) {
        plan.block_bytes = block;
        for (const auto* more : {"c,3\r\nx,y\r\n", "", "c,3"}) {
            plan.files.clear();
            take(write("a.csv", old + more));
            plan.files[0].start_offset = old.size();
            const auto rows = must_select("id, name, _source_line");
            EXPECT_EQ(rows, more[0] == '\0' ? Texts{} : Texts{"3|c|5"});
            if (rejects.size() == 1) {
                EXPECT_EQ(rejects[0].line, 6);
                EXPECT_EQ(rejects[0].byte_offset, static_cast<std::int64_t>(old.size()) + 5);
            }
            EXPECT_EQ(run->report()[0].sha256, sha256_hex(old + more));
        }
        // The last line was taken without its line end.
        plan.files.clear();
        take(write("a.csv", "name,id\na,1\nb,2\nc,3\n"));
        plan.files[0].start_offset = 15;
        EXPECT_EQ(must_select("id, _source_line"), Texts{"3|4"});
        plan.files[0].start_offset = 14;
        auto rows = select("id");
        ASSERT_FALSE(rows);
        EXPECT_EQ(rows.error().code, ErrorCode::input_changed);
        EXPECT_THAT(rows.error().message, HasSubstr("its last line was taken before it was complete (line 3)"));
    }
}

TEST_F(ReaderTest, rejected_records_are_read_again_by_the_same_code) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string))};
    plan.records = {
        {.file_no = 7, .line = 12, .byte_offset = 99, .raw = "a,1", .raw_size = 3, .header = "name,id"},
        {.file_no = 7, .line = 13, .raw = "\"b\n\",2", .raw_size = 6, .header = "name,id"},
        {.file_no = 8, .line = 3, .raw = "3,c", .raw_size = 3, .header = "id,name"},
        {.file_no = 8, .line = 4, .raw = "4,\"open", .raw_size = 7, .header = "id,name"},
        {.file_no = 8, .line = 5, .raw = "5,cut", .raw_size = 700, .header = "id,name"},
        {.file_no = 8, .line = 6, .raw = "6,a\n7,b", .raw_size = 7, .header = "id,name"},
        {.file_no = 8, .line = 8, .raw = "8,d", .raw_size = 3, .header = "id,name"},
    };
    EXPECT_THAT(must_select("id, name, _file_no, _source_line",
                            "WHERE CASE WHEN id <> 8 THEN true ELSE weir_reject($h, _record, '1') END"),
                UnorderedElementsAre("1|a|7|12", "2|b\n|7|13", "3|c|8|3"));
    std::vector<std::string> told;
    for (const auto& reject : rejects)
        told.push_back(fmt::format("{}:{} {}{}", reject.file_no, reject.line, reject.rule, reject.violations));
    EXPECT_THAT(told, UnorderedElementsAre("8:4 unbalanced_quote", "8:5 too_long", "8:6 malformed", "8:8 1"));
    EXPECT_EQ(run->report().size(), 2u);
    EXPECT_EQ(run->report()[1].records, 5);
}

TEST_F(ReaderTest, a_sink_that_fails_ends_the_statement) {
    plan.columns = {column("id", of(K::int64))};
    std::string text = "id\n";
    for (int i = 0; i < 10'000; ++i) text += "x\n";
    take(write("a.csv", text));
    plan.rejects = [](std::vector<Reject>&&) -> Status {
        return Error{.code = ErrorCode::disk_full, .message = "no room"};
    };
    auto rows = select("id");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::disk_full);
}

// ---- the same whatever the blocks and threads

struct Outcome {
    std::vector<std::string> rows, rejects;
    bool operator==(const Outcome&) const = default;
};

class ReaderPropertyTest : public ReaderTest {
protected:
    Outcome outcome() {
        Outcome made;
        made.rows = must_select(
            "_file_no, _source_line, coalesce(id::VARCHAR, '-'), coalesce('[' || name || ']', '-'), "
            "coalesce(price::VARCHAR, '-')");
        std::int64_t records = 0;
        for (const auto& file : run->report()) {
            EXPECT_EQ(file.records, file.emitted + file.rejected);
            records += file.records;
        }
        EXPECT_EQ(static_cast<std::size_t>(records), made.rows.size() + rejects.size());
        for (const auto& reject : rejects)
            made.rejects.push_back(fmt::format("{}|{}|{}|{}|{}|{}", reject.file_no, reject.line, reject.byte_offset,
                                               reject.rule, reject.column, reject.raw));
        std::sort(made.rows.begin(), made.rows.end());
        std::sort(made.rejects.begin(), made.rejects.end());
        return made;
    }
};

TEST_F(ReaderPropertyTest, random_dirty_csv_adds_up_and_does_not_depend_on_blocks) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("price", Type::decimal(9, 2))};
    plan.source.record_bytes_max = 200;
    const std::vector<std::string> pieces = {",",
                                             ",",
                                             ",",
                                             "\n",
                                             "\n",
                                             "\r\n",
                                             "\"",
                                             "\"",
                                             "\"\"",
                                             "1",
                                             "22",
                                             "x",
                                             "3.5",
                                             " ",
                                             "\"a\nb\"",
                                             "\"c,d\"",
                                             "\"\"\"\"",
                                             "\xFF",
                                             std::string(1, '\0'),
                                             "é",
                                             std::string(250, 'l'),
                                             "\r",
                                             "name"};
    for (int round = 0; round < 60; ++round) {
        plan.files.clear();
        for (int file = 0; file < 3; ++file) {
            std::string text = "id,name,price\n";
            for (auto n = random() % 300; n > 0; --n) {
                if (random() % 3 == 0)
                    text += fmt::format("{},\"n{}\",{}.5\n", random() % 1000, random() % 10, random() % 100);
                else
                    text += pieces[random() % pieces.size()];
            }
            take(write(fmt::format("{}.csv", file), text));
        }
        plan.block_bytes = 4 << 20;
        plan.threads = 1;
        const auto expected = outcome();
        plan.threads = 0;
        for (const std::size_t block : {std::size_t{64}, std::size_t{64 + random() % 100}, std::size_t{1000}}) {
            plan.block_bytes = block;
            const auto now = outcome();
            std::vector<std::string> differ;
            const auto whole = [](const Outcome& o) {
                auto all = o.rows;
                all.insert(all.end(), o.rejects.begin(), o.rejects.end());
                std::sort(all.begin(), all.end());
                return all;
            };
            const auto a = whole(now), b = whole(expected);
            std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(differ));
            ASSERT_THAT(differ, ElementsAre()) << "block " << block << " round " << round;
            ASSERT_EQ(now.rows, expected.rows) << "block " << block << " round " << round;
            ASSERT_EQ(now.rejects, expected.rejects) << "block " << block << " round " << round;
        }
        if (HasFailure()) break;
    }
}

TEST_F(ReaderPropertyTest, every_block_size_gives_the_same) {
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("price", Type::decimal(9, 2))};
    std::string text = "\xEF\xBB\xBFid,name,price\r\n";
    for (int i = 0; i < 12; ++i)
        text += fmt::format("{},\"name \"\"{}\"\"{}\",{}.25\r\n", i, i, i % 3 == 0 ? "\r\n2" : "", i);
    text += "\r\nx,y,z\n5,\"open\n6,\"a\nb\",1\n7,\"q\"w,1\n8,a\n";
    take(write("a.csv", text));
    const auto expected = outcome();
    EXPECT_EQ(expected.rows.size(), 13u);
    EXPECT_EQ(expected.rejects.size(), 4u);
    for (std::size_t block = 64; block < text.size() + 70; ++block) {
        plan.block_bytes = block;
        ASSERT_EQ(outcome(), expected) << block;
    }
}

TEST_F(ReaderPropertyTest, clean_rows_come_back_as_they_were_written) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    plan.columns = {column("id", of(K::int64)), column("name", of(K::string)), column("price", Type::decimal(9, 2))};
    const std::vector<std::string> parts = {
        "a", "\"", ",", "\n", "\r\n", "é", " ", "long text that is not kept inline", "\\", "😀"};
    for (const auto format : {Format::csv, Format::ndjson, Format::json_array}) {
        plan.source.format = format;
        for (int round = 0; round < 10; ++round) {
            std::string text = format == Format::csv ? "price,name,id\n" : format == Format::json_array ? "[" : "";
            std::vector<std::string> expected;
            const int rows = static_cast<int>(random() % 3000);
            for (int i = 0; i < rows; ++i) {
                std::string name;
                for (auto n = random() % 6; n > 0; --n) name += parts[random() % parts.size()];
                const auto cents = static_cast<int>(random() % 100'000) - 50'000;
                const auto price =
                    fmt::format("{}{}.{:02}", cents < 0 ? "-" : "", std::abs(cents) / 100, std::abs(cents) % 100);
                if (format == Format::csv) {
                    std::string quoted;
                    for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
                    text += fmt::format("{},\"{}\",{}\n", price, quoted, i);
                } else {
                    std::string quoted;
                    json_quote(name, quoted);
                    text += fmt::format("{}{{\"name\":{},\"id\":{},\"price\":{}}}{}",
                                        format == Format::json_array && i > 0 ? "," : "", quoted, i, price,
                                        format == Format::ndjson ? "\n" : "");
                }
                expected.push_back(fmt::format("{}|[{}]|{}", i, name, price));
            }
            if (format == Format::json_array) text += "]";
            plan.files.clear();
            take(write("a", text));
            plan.block_bytes = 64 + random() % 5000;
            EXPECT_THAT(must_select("id, '[' || name || ']', price"), testing::UnorderedElementsAreArray(expected));
            EXPECT_TRUE(rejects.empty());
            if (HasFailure()) return;
        }
    }
}

// ---- real files

class RealFilesTest : public ReaderTest {
protected:
    void SetUp() override {
        data = test::data_folder();
        if (data.empty()) GTEST_SKIP() << "skipped: no test data (set WEIR_TEST_DATA)";
    }
    void read(const std::string& pattern, std::vector<ContractColumn> columns) {
        plan.columns = std::move(columns);
        auto found = discover((data / pattern).string());
        ASSERT_TRUE(found) << to_string(found.error());
        plan.captures = found->captures;
        plan.files.clear();
        for (const auto& file : found->files) take(file.path, file.captures);
    }
    std::int64_t records() const {
        std::int64_t sum = 0;
        for (const auto& file : run->report()) sum += file.records;
        return sum;
    }
    static ContractColumn text(std::string name) { return column(std::move(name), of(K::string)); }
    fs::path data;
};

TEST_F(RealFilesTest, recipes) {
    plan.source.format = Format::ndjson;
    read("recipes/recipes-00*.json",
         {text("name"), text("ingredients"), text("url"), text("cookTime"), text("datePublished")});
    EXPECT_EQ(must_select("count(*), count(*) FILTER (cookTime = ''), count(DISTINCT url) > 900"),
              Texts{"1042|326|true"});
    EXPECT_TRUE(rejects.empty());
}

TEST_F(RealFilesTest, online_retail) {
    auto customer = column("CustomerID", Type::decimal(10, 1));
    auto when = column("InvoiceDate", of(K::timestamp_ntz));
    read("ecommerce/online-retail/by-day/{year}-{month}-{day}.csv",
         {text("InvoiceNo"), text("StockCode"), text("Description"), column("Quantity", of(K::int32)), when,
          column("UnitPrice", Type::decimal(12, 3)), customer, text("Country")});
    EXPECT_EQ(plan.files.size(), 44u);
    EXPECT_EQ(must_select("count(*), count(*) - count(CustomerID), count(*) - count(Description), count(*) FILTER "
                          "(Quantity < 0), count(*) FILTER (UnitPrice <= 0), "
                          "count(*) FILTER (InvoiceNo LIKE 'C%'), count(DISTINCT year * 10000 + month * 100 + day)"),
              Texts{"77628|28866|239|1595|413|1429|44"});
    EXPECT_TRUE(rejects.empty());
}

TEST_F(RealFilesTest, ednet_students_by_file_name) {
    read("ednet/KT1/u{user_id:int}.csv",
         {column("timestamp", of(K::int64)), column("solving_id", of(K::int64)), text("question_id"),
          text("user_answer"), column("elapsed_time", of(K::int64))});
    EXPECT_EQ(must_select("count(*), count(DISTINCT user_id), count(*) - count(user_answer)"), Texts{"109926|53|376"});
}

TEST_F(RealFilesTest, leeds_in_windows_1252_with_headers_that_change) {
    plan.source.encoding = declare::Encoding::windows1252;
    std::size_t read_files = 0;
    std::int64_t all = 0, blank = 0;
    auto found = discover((data / "transactions/leeds-council-spend/raw/*.csv.gz").string());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->files.size(), 7u);
    for (const auto& file : found->files) {
        plan.columns = {};
        plan.unknown = declare::UnknownColumns::keep;
        plan.files.clear();
        take(file.path);
        auto rows = select("count(*)");
        if (!rows) {  // 2011-06 has 18 columns without a name
            EXPECT_THAT(rows.error().message, HasSubstr("has no name"));
            plan.source.csv.header = false;
            plan.source.csv.skip_lines = 1;
            for (int i = 0; i < 30; ++i) plan.source.csv.columns.push_back(fmt::format("c{}", i));
            must_select("count(*)");
            plan.source.csv = {};
        }
        ++read_files;
        all += records();
        for (const auto& report : run->report()) blank += report.blank_lines;
    }
    EXPECT_EQ(read_files, 7u);
    EXPECT_EQ(all, 73'042);
    EXPECT_EQ(blank, 2);  // in 2010-12
}

TEST_F(RealFilesTest, web_hits_tab_separated_without_a_header) {
    plan.source.csv = {.delimiter = '\t', .quote = '\0', .header = false};
    for (int i = 0; i < 105; ++i) plan.source.csv.columns.push_back(fmt::format("c{}", i));
    read("streaming/web-analytics/hits_sample_part1.tsv.gz",
         {column("c0", of(K::int64)), text("c2"), column("c4", of(K::timestamp_ntz)), column("c5", of(K::date))});
    EXPECT_EQ(must_select("count(*), min(c5), max(c5)"), Texts{"4800|2013-07-21|2013-07-28"});
    EXPECT_TRUE(rejects.empty());
}

TEST_F(RealFilesTest, taobao_without_a_header) {
    plan.source.csv = {.header = false, .columns = {"user", "item", "category", "behaviour", "time"}};
    read("ecommerce/taobao-user-behavior/*.csv",
         {column("user", of(K::int32)), column("item", of(K::int32)), text("behaviour"), column("time", of(K::int64))});
    EXPECT_EQ(must_select("count(*), count(DISTINCT behaviour)"), Texts{"60000|4"});
}

TEST_F(RealFilesTest, github_events_in_gzip) {
    plan.source.format = Format::ndjson;
    auto payload = text("payload");
    payload.logical_type = "object";
    read("streaming/github-archive/*.json.gz",
         {text("id"), text("type"), payload, column("created_at", of(K::timestamp)), column("public", of(K::boolean))});
    EXPECT_EQ(must_select("count(*), count(*) FILTER (type = 'PushEvent'), count(DISTINCT type), count(payload), "
                          "count(*) FILTER (json_valid(payload))"),
              Texts{"7702|4280|14|7702|7702"});
    EXPECT_TRUE(rejects.empty());
}

TEST_F(RealFilesTest, shops_with_large_ids_and_times_in_utc) {
    read("ecommerce/rees46-multicategory/*.csv",
         {column("event_time", of(K::timestamp)), text("event_type"), column("category_id", of(K::int64)),
          text("category_code"), text("brand"), column("price", Type::decimal(10, 2))});
    EXPECT_EQ(must_select("count(*), count(*) - count(category_code), count(*) - count(brand), count(*) FILTER (price "
                          "= 0), count(event_time)"),
              Texts{"12727|4175|1874|11|12727"});
    EXPECT_TRUE(rejects.empty());
}

TEST_F(RealFilesTest, oulad_quotes_everything) {
    read("learning-logs/oulad/studentVle_AAA.csv.gz",
         {text("code_module"), column("id_student", of(K::int32)), column("date", of(K::int32)),
          column("sum_click", of(K::int32))});
    EXPECT_EQ(must_select("count(*), count(DISTINCT code_module)"), Texts{"350298|1"});
    EXPECT_TRUE(rejects.empty());
}

}  // namespace
}  // namespace weir::source
