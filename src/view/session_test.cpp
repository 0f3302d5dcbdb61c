#include "view/session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"

namespace weir::view {
namespace {

namespace fs = std::filesystem;

// A lake of tables written by hand: a log of JSON lines over Parquet files.
class SessionTest : public testing::Test {
protected:
    fs::path lake = fs::path(testing::TempDir()) /
                    (std::string("session_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    sql::Database database = std::move(sql::Database::open({})).value();
    sql::Connection connection = std::move(database.connect()).value();

    void SetUp() override {
        fs::remove_all(lake);
        fs::create_directories(lake);
    }
    void TearDown() override { fs::remove_all(lake); }

    void write(const fs::path& file, const std::string& text) {
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    std::string commit_name(int version) {
        char name[32];
        std::snprintf(name, sizeof name, "%020d.json", version);
        return name;
    }
    // `fields` is the JSON of the schema's fields; `partition` is "" or a column's name.
    void create(const std::string& table, const std::string& fields, const std::string& partition = "",
                const std::string& configuration = "") {
        std::string schema = R"({\"type\":\"struct\",\"fields\":[)" + fields + "]}";
        write(
            lake / table / "_delta_log" / commit_name(0),
            R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})"
            "\n"
            R"({"metaData":{"id":"00000000-0000-0000-0000-000000000001","format":{"provider":"parquet","options":{}},"schemaString":")" +
                schema + R"(","partitionColumns":[)" + (partition.empty() ? "" : "\"" + partition + "\"") +
                R"(],"configuration":{)" + configuration + "}}}\n");
    }
    void append(const std::string& table, int version, const std::string& select, const std::string& day = "") {
        const auto name = "part-" + std::to_string(version) + ".parquet";
        ASSERT_TRUE(
            connection.run("COPY (" + select + ") TO '" + (lake / table / name).string() + "' (FORMAT parquet)"));
        write(lake / table / "_delta_log" / commit_name(version),
              R"({"add":{"path":")" + name + R"(","partitionValues":{)" +
                  (day.empty() ? "" : R"("run_date":")" + day + "\"") + R"(},"size":)" +
                  std::to_string(fs::file_size(lake / table / name)) +
                  R"(,"modificationTime":1700000000000,"dataChange":true}})"
                  "\n");
    }
    static std::string field(const std::string& name, const std::string& type) {
        return R"({\"name\":\")" + name + R"(\",\"type\":\")" + type + R"(\",\"nullable\":true,\"metadata\":{}})";
    }
    void make_trips() {
        create("trips", field("id", "long"));
        append("trips", 1, "SELECT 1::BIGINT id");
        append("trips", 2, "SELECT 2::BIGINT id");
    }
    void make_daily() {
        create("daily", field("n", "long") + "," + field("run_date", "date"), "run_date",
               R"("weir.keep":"every_interval")");
        append("daily", 1, "SELECT 10::BIGINT n", "2024-03-01");
        append("daily", 2, "SELECT 20::BIGINT n", "2024-03-02");
    }
    // The one number that a statement gives, or its error.
    static std::string number(Session& session, const std::string& statement) {
        if (auto prepared = session.prepare(statement); !prepared) return to_string(prepared.error());
        auto rows = session.connection().query(statement);
        if (!rows) return to_string(rows.error());
        return std::to_string(rows->integer(0, 0));
    }
    Session open(lake::At as_of = lake::Newest{}) {
        return std::move(Session::open({.lake = lake, .as_of = as_of})).value();
    }
};

TEST_F(SessionTest, tables_are_there_by_name_in_any_case) {
    make_trips();
    auto session = open();
    EXPECT_EQ(number(session, "SELECT sum(id)::BIGINT FROM trips"), "3");
    EXPECT_EQ(number(session, "SELECT max(id) FROM main.TRIPS"), "2");
    EXPECT_EQ(number(session, "WITH t AS (FROM trips) SELECT count(*) FROM t WHERE id IN (SELECT id FROM trips)"), "2");
}

TEST_F(SessionTest, earlier_versions) {
    make_trips();
    auto session = open(lake::TableVersion(1));
    EXPECT_EQ(number(session, "SELECT sum(id)::BIGINT FROM trips"), "1");
    EXPECT_NE(number(session, "SELECT count(*) FROM weir.tables").find("no earlier versions"), std::string::npos);
}

TEST_F(SessionTest, a_kept_view_shows_its_latest_result_and_its_history) {
    make_daily();
    auto session = open();
    EXPECT_EQ(number(session, "SELECT sum(n)::BIGINT FROM daily"), "20");
    EXPECT_EQ(number(session, "SELECT sum(n)::BIGINT FROM history.daily"), "30");
    EXPECT_EQ(number(session, "SELECT n FROM history.daily WHERE run_date = '2024-03-01'"), "10");
    EXPECT_EQ(session.connection().describe("SELECT * FROM daily")->size(), 1u);
}

TEST_F(SessionTest, a_latest_result_without_rows_is_empty_and_not_the_one_before) {
    make_daily();
    write(lake / "daily" / "_delta_log" / commit_name(3), R"({"txn":{"appId":"run_date=2024-03-03","version":1}})"
                                                          "\n");
    auto session = open();
    EXPECT_EQ(number(session, "SELECT count(*) FROM daily"), "0");
    EXPECT_EQ(number(session, "SELECT count(*) FROM history.daily"), "2");
}

TEST_F(SessionTest, the_project_knows_which_views_are_kept) {
    make_daily();
    declare::Project project;
    project.views.push_back({.name = "daily", .keep = declare::View::Keep::latest});
    auto by_version =
        std::move(Session::open({.lake = lake, .project = &project, .as_of = lake::TableVersion(2)})).value();
    EXPECT_EQ(number(by_version, "SELECT sum(n)::BIGINT FROM daily"), "30");
    // Nothing of it was published: what a run that failed has left is nobody's result.
    auto session = std::move(Session::open({.lake = lake, .project = &project})).value();
    EXPECT_NE(number(session, "SELECT sum(n)::BIGINT FROM daily").find("has no published result yet"),
              std::string::npos);
}

TEST_F(SessionTest, macros_read_tables_that_the_statement_does_not_name) {
    make_trips();
    declare::Project project;
    project.macros =
        "CREATE MACRO twice(x) AS 2 * x; CREATE MACRO total() AS (SELECT sum(id)::BIGINT FROM trips); CREATE MACRO "
        "rows_of() AS TABLE SELECT * FROM trips";
    auto session = std::move(Session::open({.lake = lake, .project = &project})).value();
    EXPECT_EQ(number(session, "SELECT twice(total())"), "6");
    EXPECT_EQ(number(session, "SELECT sum(id)::BIGINT FROM rows_of()"), "3");
}

TEST_F(SessionTest, system_tables_are_there_before_anything_was_stored) {
    auto session = open();
    for (const auto* table : {"accounting", "files", "quarantine", "runs", "tables"})
        EXPECT_EQ(number(session, std::string("SELECT count(*) FROM weir.") + table), "0") << table;
}

TEST_F(SessionTest, a_log_without_any_version_is_no_table) {
    write(lake / "t" / "_delta_log" / ".00000000000000000000.json.tmp-1-1", "{");
    write(lake / "weir" / "accounting" / "_delta_log" / ".00000000000000000000.json.tmp-1-2", "{");
    auto session = std::move(Session::open({.lake = lake})).value();
    const auto prepared = session.prepare("SELECT * FROM t");
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code, ErrorCode::not_found);
    EXPECT_TRUE(session.prepare("SELECT * FROM weir.accounting"));
}

TEST_F(SessionTest, computed_tables_are_filled_when_read) {
    make_trips();
    auto session = open();
    EXPECT_EQ(number(session, "SELECT rows FROM weir.tables WHERE name = 'trips' AND version = 2 AND files = 2"), "2");
    int filled = 0;
    session.provide("runs", [&](sql::Connection& other, const std::string& table) {
        ++filled;
        return other.run("INSERT INTO " + table + " (run_id) VALUES ('r1')");
    });
    EXPECT_EQ(number(session, "SELECT count(*) FROM weir.runs"), "1");
    EXPECT_EQ(number(session, "SELECT count(*) FROM weir.runs"), "1");
    EXPECT_EQ(filled, 1);
}

TEST_F(SessionTest, a_damaged_table_is_told_and_hides_no_other) {
    make_trips();
    create("broken", field("id", "long"));
    write(lake / "broken" / "_delta_log" / commit_name(1), "{\"add\":\n");
    auto session = open();
    EXPECT_EQ(number(session, "SELECT count(*) FROM trips"), "2");
    EXPECT_EQ(number(session, "SELECT count(*) FROM weir.tables WHERE columns LIKE 'unreadable: %'"), "1");
    EXPECT_EQ(session.prepare("FROM broken").error().code, ErrorCode::table_damaged);
    EXPECT_TRUE(session.prepare("SHOW TABLES"));
}

TEST_F(SessionTest, an_unknown_name_is_met_with_the_nearest) {
    make_trips();
    auto session = open();
    const auto error = session.prepare("SELECT *\nFROM trisp").error();
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.message, "there is no table or view 'trisp'");
    EXPECT_EQ(error.hint, "did you mean 'trips'?");
    EXPECT_EQ(error.where.line, 2);
    EXPECT_EQ(session.prepare("FROM weir.acounting").error().hint, "did you mean 'weir.accounting'?");
    EXPECT_EQ(session.prepare("FROM history.trips").error().code, ErrorCode::not_found);
}

TEST_F(SessionTest, names_like_keywords_and_with_quotes) {
    create("select", field("id", "long"));
    append("select", 1, "SELECT 7::BIGINT id");
    auto session = open();
    EXPECT_EQ(number(session, "SELECT id FROM \"select\""), "7");
}

TEST(Session, no_lake_no_session) {
    const auto session = Session::open({.lake = "/no/such/lake"});
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::view
