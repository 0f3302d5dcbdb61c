// weir test: expectations that hold and that do not, files that cannot be used, and the cuts.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "support/places.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using nlohmann::json;

using testing::HasSubstr;

class TestCommand : public Shop {
protected:
    TestCommand() {
        source("in/*.csv", "arrival_date: file_time\n");
        contract({});
        view("by_name", "SELECT name, count(*) AS n, sum(amount) AS total FROM t GROUP BY name ORDER BY name\n");
    }

    void tests(const std::string& yaml) { put("tests/t.test.yaml", yaml); }
    // One test of these lines below `name`, each indented by four.
    void one(const std::string& lines) { tests("tests:\n  - name: it\n" + lines); }

    void expect_said(int exit_code, const std::vector<std::string>& said, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), "test");
        const auto finished = weir_with(more);
        EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
        for (const auto& text : said) EXPECT_THAT(finished.out + finished.err, HasSubstr(text));
    }
    json outcome(int exit_code = 0) const {
        const auto finished = weir_with({"test", "--json"});
        EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
        return json::parse(finished.out, nullptr, false);
    }
};

const std::string three_rows =
    "    input:\n      t:\n        rows:\n"
    "        - {id: 1, name: a, amount: 1.5}\n        - {id: 2, name: b, amount: null}\n"
    "        - {id: 3, name: a, amount: 2}\n";

TEST_F(TestCommand, what_holds_passes_in_every_way) {
    one(three_rows +
        "    expect:\n      views:\n        by_name:\n          ordered: true\n          rows:\n"
        "          - {name: a, n: 2, total: 3.50}\n          - {name: b, n: 1, total: null}\n"
        "      sources:\n        t: {accepted: 3, rejected: 0, duplicate: 0}\n");
    expect_said(0, {"passed  t.test.yaml: it (3 records, 4 ways)", "1 test: all passed"});
    const auto value = outcome();
    EXPECT_EQ(value.at("passed"), true);
    EXPECT_EQ(value.at("tests").at(0).at("cuts"), 2);
    // The project's own lake is not made.
    EXPECT_FALSE(std::filesystem::exists(project / "lake"));
}

TEST_F(TestCommand, a_wrong_value_is_shown_with_its_row_and_its_place) {
    one(three_rows +
        "    expect:\n      views:\n        by_name:\n        - {name: b, n: 1}\n        - {name: a, n: 7}\n");
    expect_said(1, {"failed  t.test.yaml: it (in one go)", "tests/t.test.yaml:13:11: by_name: n is '2', not '7'",
                    R"(expected  {"name":"a","n":"7"})", R"(got       {"name":"a","n":"2")", "1 test: 1 failed"});
    const auto failure = outcome(1).at("tests").at(0).at("failure");
    EXPECT_EQ(failure.at("column"), "n");
    EXPECT_EQ(failure.at("expected").at("n"), "7");
    EXPECT_EQ(failure.at("actual").at("n"), "2");
    EXPECT_EQ(failure.at("line"), 13);
}

TEST_F(TestCommand, a_missing_row_a_surplus_row_and_a_wrong_order_are_told) {
    one(three_rows + "    expect:\n      views:\n        by_name: [{name: a}, {name: b}, {name: c}]\n");
    expect_said(1, {"an expected row is missing", R"(expected  {"name":"c"})", "got       no such row"});
    one(three_rows + "    expect:\n      views:\n        by_name: [{name: a}]\n");
    expect_said(1, {"there is a row that is not expected", "expected  no such row", R"("name":"b")"});
    one(three_rows + "    expect:\n      views:\n        by_name: {ordered: true, rows: [{name: b}, {name: a}]}\n");
    expect_said(1, {"name is 'a', not 'b'"});
    one(three_rows + "    expect:\n      views:\n        by_name: [{name: b}, {name: a}]\n");
    expect_said(0, {"all passed"});
}

TEST_F(TestCommand, a_duplicate_is_found_across_every_cut) {
    contract({.custom = "  - {property: deduplicate, value: [id]}\n"});
    one("    input:\n      t:\n        csv: |\n          id,name,amount\n          1,a,1\n          2,\"b\n          "
        "c\",1\n"
        "          1,a,1\n          1,a,1\n"
        "    expect:\n      sources:\n        t: {accepted: 2, duplicate: 2}\n"
        "      views:\n        by_name: [{name: a, n: 1}, {name: \"b\\nc\", n: 1}]\n");
    const auto value = outcome();
    // Four records, though five lines: three cuts, in one go, and row by row.
    EXPECT_EQ(value.at("tests").at(0).at("records"), 4) << value.dump(1);
    EXPECT_EQ(value.at("tests").at(0).at("ways"), 5);
}

TEST_F(TestCommand, what_depends_on_the_runs_is_caught_at_the_first_cut) {
    // How many commits there were is no property of the rows.
    view("commits", "SELECT count(*) AS n FROM weir.accounting\n");
    one(three_rows + "    expect:\n      views:\n        commits: [{n: 1}]\n");
    expect_said(1, {"failed  t.test.yaml: it (cut after record 1 of 3)", "n is '2', not '1'"});
    one(three_rows + "    runs: once\n    expect:\n      views:\n        commits: [{n: 1}]\n");
    expect_said(0, {"3 records, one way"});
}

TEST_F(TestCommand, columns_that_nobody_names_must_not_depend_on_the_cut_either) {
    view("by_name", "SELECT 1 AS one, count(*) AS n, list(id ORDER BY id) AS ids FROM t\n");
    one(three_rows + "    expect:\n      views:\n        by_name: [{ids: [1, 2, 3]}]\n");
    expect_said(0, {"4 ways"});
}

TEST_F(TestCommand, above_twenty_records_cuts_are_drawn_and_can_be_drawn_again) {
    std::string lines = "    input:\n      t:\n        rows:\n";
    for (int i = 0; i < 22; ++i) lines += "        - {id: " + std::to_string(i) + ", name: a, amount: 1}\n";
    one(lines + "    expect:\n      views:\n        by_name: [{n: 22, total: 22}]\n");
    expect_said(0, {"22 records, 20 ways, 19 of 21 cuts", "cuts drawn with --seed 7"}, {"--seed", "7"});
}

TEST_F(TestCommand, rejected_rows_are_compared_by_rule_column_and_line) {
    const std::string input =
        "    input:\n      t:\n        csv: |\n          id,name,amount\n          1,a,1\n          x,b,1\n"
        "          3,c,y\n";
    one(input +
        "    expect:\n      sources:\n        t:\n          accepted: [{id: 1, name: a}]\n"
        "          rejected: [{rule: type, column: id, line: 3}, {rule: type, column: amount}]\n");
    expect_said(0, {"all passed"});
    one(input + "    expect:\n      sources:\n        t:\n          rejected: [{rule: type, column: id}]\n");
    expect_said(1, {"t: line 4 was rejected by type (amount), which is not expected"});
    one(input + "    expect:\n      sources:\n        t: {rejected: [{rule: type, count: 3}]}\n");
    expect_said(1, {"2 such rows were rejected, not 3"});
    // Nobody said that anything would be rejected.
    one(input + "    expect:\n      views:\n        by_name: [{name: a}]\n");
    expect_said(1, {"t: 2 rejected, not 0; the first on line 3: type: "});
}

TEST_F(TestCommand, limits_hold_where_a_refusal_is_expected) {
    contract({.quarantine_limit = "5"});
    const std::string input = "    input:\n      t:\n        rows: [{id: 1}, {id: x}]\n";
    one(input + "    expect:\n      sources:\n        t: {refused: its limit of 5 %}\n");
    expect_said(0, {"2 records, one way"});
    one(input + "    expect:\n      sources:\n        t: {refused: another reason}\n");
    expect_said(1, {"the refusal says: 1 of 2 records"});
    one(input + "    expect:\n      sources:\n        t: {accepted: 1, rejected: 1}\n");
    expect_said(0, {"all passed"});
    one("    input:\n      t:\n        rows: [{id: 1}]\n    expect:\n      sources:\n        t: {refused: limit}\n");
    expect_said(1, {"everything was taken in, and the intake was to be refused"});
}

TEST_F(TestCommand, late_arrivals_files_and_defaults_come_in_as_written) {
    view("by_day", "SELECT _arrival_date AS day, count(*) AS n, max(name) AS name FROM t GROUP BY ALL\n");
    put("tests/more.csv", header + "8,file,1\n9,file,1\n");
    one("    input:\n      t:\n        defaults: {name: late, amount: 1}\n        arrivals:\n"
        "        - {arrived: 2024-03-02, rows: [{id: 1}, {id: 2, name: b}]}\n"
        "        - {arrived: 2024-03-01, rows: [{id: 3}]}\n"
        "        - {arrived: 2024-03-03, file: tests/more.csv}\n"
        "    expect:\n      views:\n        by_day:\n"
        "        - {day: 2024-03-01, n: 1, name: late}\n        - {day: 2024-03-02, n: 2, name: late}\n"
        "        - {day: 2024-03-03, n: 2, name: file}\n");
    expect_said(0, {"5 records, 6 ways"});
}

TEST_F(TestCommand, bad_files_are_told_with_places_and_nearest_names) {
    tests(
        "tests:\n"
        "  - name: it\n"
        "    runz: once\n"
        "    params: {wrod: x}\n"
        "    input:\n"
        "      tt: {rows: []}\n"
        "      t: {rows: [5], arrived: 2024-02-30}\n"
        "    expect:\n"
        "      views:\n"
        "        by_nmae: []\n"
        "        history.by_name: []\n"
        "        by_name: [{name: a}, {nane: b}]\n"
        "      sources:\n"
        "        t: {accepted: many, rejected: [{rul: x}]}\n");
    const std::vector<std::string> said{"t.test.yaml:3:5: ",
                                        "did you mean 'runs'?",
                                        "t.test.yaml:4:14: weir.yaml declares no parameter 'wrod'",
                                        "t.test.yaml:6:7: there is no source 'tt'",
                                        "t.test.yaml:7:18: this must be a row: a map of columns",
                                        "t.test.yaml:7:31: '2024-02-30' is no day",
                                        "t.test.yaml:10:9: there is no view 'by_nmae'",
                                        "did you mean 'by_name'?",
                                        "t.test.yaml:11:9: view 'by_name' does not keep the result of every interval",
                                        "this row does not say 'name', and the first one does",
                                        "'nane' is not among the first row's columns",
                                        "did you mean 'name'?",
                                        "t.test.yaml:14:23: ",
                                        "did you mean 'rule'?"};
    expect_said(1, said);
    const auto checked = weir_with({"check"});
    EXPECT_EQ(checked.exit_code, 1);
    for (const auto& text : said) EXPECT_THAT(checked.out + checked.err, HasSubstr(text));
}

TEST_F(TestCommand, values_that_the_column_cannot_hold_are_told) {
    one(three_rows + "    expect:\n      views:\n        by_name: [{n: 1.5}]\n");
    expect_said(1, {"t.test.yaml:11:23: this is no value of the column 'n', which is BIGINT", "could not be tried"});
    one(three_rows + "    expect:\n      views:\n        by_name: [{nn: 1}]\n");
    expect_said(1, {"t.test.yaml:11:20: 'by_name' has no column 'nn'", "did you mean 'n'?"});
    one("    input:\n      t: {rows: [], csv: \"\"}\n    expect:\n      sources:\n        t: {accepted: 0}\n");
    expect_said(1, {"more than one of rows, csv, ndjson and file"});
    one("    input:\n      t: {ndjson: \"{}\"}\n    expect:\n      sources:\n        t: {accepted: 0}\n");
    expect_said(1, {"source 't' does not read ndjson", "write csv: |"});
}

TEST_F(TestCommand, tests_are_chosen_by_file_and_by_name) {
    const std::string body = three_rows + "    expect:\n      sources:\n        t: {accepted: 3}\n    runs: once\n";
    tests("tests:\n  - name: first\n" + body + "  - name: second\n" + body);
    put("tests/other.test.yaml", "tests:\n  - name: third\n" + body);
    expect_said(0, {"second", "1 test: all passed"}, {project.string(), "second"});
    expect_said(0, {"first", "second", "2 tests: all passed"}, {project.string(), "tests/t.test.yaml"});
    expect_said(0, {"third", "1 test: all passed"}, {project.string(), "other.test.yaml"});
    expect_said(1, {"no test and no test file 'secnod'", "did you mean 'second'?"}, {project.string(), "secnod"});
    std::filesystem::remove_all(project / "tests");
    expect_said(1, {"the project has no tests"});
}

TEST_F(TestCommand, a_new_project_carries_a_test_that_passes) {
    put("orders.csv", "order id,name\n1,a\n2,b\n");
    ASSERT_EQ(weir_with({"new", "made", "--csv", "orders.csv"}).exit_code, 0);
    expect_said(0, {"orders.test.yaml: rows are counted", "1 test: all passed"}, {(project / "made").string()});
}

// Each file of tests of each project that we ship.
struct ShippedFile {
    std::string project, file;

    friend std::ostream& operator<<(std::ostream& out, const ShippedFile& shipped) {
        return out << shipped.project << '/' << shipped.file;
    }
};

std::vector<ShippedFile> shipped_files() {
    std::vector<ShippedFile> files;
    for (const std::string project : {"recipes", "learning", "nexmark"})
        for (const auto& entry : std::filesystem::directory_iterator(source_folder() / "projects" / project / "tests"))
            files.push_back({project, entry.path().filename().string()});
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return std::tie(a.project, a.file) < std::tie(b.project, b.file); });
    return files;
}

std::string name_of(const testing::TestParamInfo<ShippedFile>& info) {
    return info.param.project + "_" + info.param.file.substr(0, info.param.file.find('.'));
}

class ShippedProject : public TestCommand, public testing::WithParamInterface<ShippedFile> {};

TEST_P(ShippedProject, passes_its_tests) {
    const auto& [shipped, file] = GetParam();
    const auto finished = run({weir().string(), "test", (source_folder() / "projects" / shipped).string(), file},
                              {.directory = scratch.path(), .timeout_seconds = 850 * slowness});
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("all passed"));
}

INSTANTIATE_TEST_SUITE_P(Tests, ShippedProject, testing::ValuesIn(shipped_files()), name_of);

TEST_F(TestCommand, alerts_are_looked_at_after_the_arrivals_that_a_look_names) {
    put("alerts.yaml",
        "alerts:\n- name: large\n  sql: SELECT name, total, now() AS at FROM by_name WHERE total > 3\n  key: [name]\n"
        "  for: 1m\n  message: \"{name} has {total}\"\n");
    const std::string two =
        "    input:\n      t:\n      - rows: [{id: 1, name: a, amount: 4}]\n"
        "      - rows: [{id: 2, name: a, amount: -2}]\n    expect:\n      alerts:\n        large:\n";
    one(two +
        "        - {at: \"2024-05-01T10:00:00Z\", after: 1, pending: [{name: a, total: 4}]}\n"
        "        - {at: \"2024-05-01T10:01:00Z\", firing: [{name: a, total: 4, at: \"2024-05-01 10:01:00+00\"}]}\n"
        "        - {at: \"2024-05-01T10:02:00Z\", after: 2, resolved: [{name: a, total: 4}]}\n");
    expect_said(0, {"it (2 records, 2 ways)", "all passed"});
    one(two +
        "        - {at: \"2024-05-01T10:00:00Z\", after: 1, pending: [{name: a}]}\n"
        "        - {at: \"2024-05-01T10:00:59Z\", firing: [{name: a}]}\n");
    expect_said(
        1, {"(looking at alerts)", "tests/t.test.yaml:11:11: large: pending: there is a row that is not expected"});
    one(two + "        - {at: \"2024-05-01T10:00:00Z\", firing: [{name: a, amount: 2}]}\n");
    expect_said(1, {"'large' has no column 'amount'"});
    one(two + "        - {at: yesterday, after: 3, fires: []}\n");
    expect_said(1, {"'yesterday' is no moment", "'after' must be 0 to 2", "unknown key 'fires'"});
    one("    input: {}\n    expect:\n      alerts: {larg: [{at: \"2024-05-01T10:00:00Z\"}]}\n");
    expect_said(1, {"there is no alert 'larg'", "did you mean 'large'"});
    one("    input: {}\n    expect:\n      views: {by_name: []}\n");
    expect_said(1, {"nothing comes in, in this test"});
}

TEST_F(TestCommand, what_parts_say_is_given_to_a_look) {
    put("alerts.yaml",
        "alerts:\n- name: full\n  sql: SELECT value FROM weir.parts WHERE fact = 'disk_free_share' AND value < 0.1\n"
        "  message: \"{value} is free\"\n");
    one("    input: {}\n    expect:\n      alerts:\n        full:\n"
        "        - {at: \"2024-05-01T10:00:00Z\", parts: [{part: machine, fact: disk_free_share, value: 0.05}], "
        "firing: "
        "[{value: 0.05}]}\n"
        "        - {at: \"2024-05-01T10:01:00Z\", resolved: [{value: 0.05}]}\n");
    expect_said(0, {"it (0 records, one way)", "all passed"});
    one("    input: {}\n    expect:\n      alerts:\n        full:\n"
        "        - {at: \"2024-05-01T10:00:00Z\", parts: [{part: machine, value: 0.05}]}\n");
    expect_said(1, {"'fact'"});
}

}  // namespace
}  // namespace weir::test
