#include "source/reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir::source {
namespace {

namespace fs = std::filesystem;
using declare::ContractColumn;
using declare::Format;

ContractColumn column(std::string name, Type type) {
    ContractColumn made;
    made.name = std::move(name);
    made.type = std::move(type);
    return made;
}
Type of(Type::Kind kind) { return Type::of(kind); }
using K = Type::Kind;

class ReaderTest : public testing::Test {
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
    ~ReaderTest() override { fs::remove_all(folder); }

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

}  // namespace
}  // namespace weir::source
