// Mistakes in a project and on the command line: told with their place and the way out, before anything is touched.
#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class BadProject : public Shop {
protected:
    // `weir check` and `weir run` both say this, and the run does nothing.
    void refused(const std::vector<std::string>& said) {
        put("in/a.csv", header + rows(3));
        const auto checked = weir_with({"check"});
        EXPECT_EQ(checked.exit_code, 1) << checked.out << checked.err;
        for (const auto& text : said) EXPECT_THAT(checked.err, HasSubstr(text));
        EXPECT_EQ(run_all().exit_code, 1);
        EXPECT_FALSE(fs::exists(project / "lake" / "t"));
    }
};

TEST_F(BadProject, yaml_that_is_not_what_it_seems) {
    using namespace std::string_literals;
    const std::pair<std::string, std::vector<std::string>> cases[] = {
        {"name: shop\nlake:\n\tx\n", {"weir.yaml:3:1: a tab stands in the indentation", "replace the tab"}},
        {"name: &a shop\nlake: *a\n", {"weir.yaml:1:7: anchors (&a) are not supported", "weir.yaml:2:7: aliases"}},
        {"<<: {name: shop}\nname: shop\n", {"weir.yaml:1:1: merge keys"}},
        {"name: shop\nname: other\n", {"weir.yaml:2:1: the key 'name' stands here twice", "on line 1"}},
        {"name: shop\n lake: x\n", {"weir.yaml:2:6: this ':' does not fit here", "indentation"}},
        {"name: shop\nlke: x\n", {"weir.yaml:2:1: unknown key 'lke'", "did you mean 'lake'?"}},
        {"name: [shop]\n", {"weir.yaml:1:7: 'name' must be a text, not a list"}},
        {"", {"weir.yaml:1:1: the key 'name' is missing"}},
        {"name: shop\n---\nname: other\n", {"weir.yaml:2:1: the file holds several YAML documents"}},
        {"name: \xff\n", {"weir.yaml:1:7: the byte 0xFF is not valid UTF-8"}},
        {"na\0me: shop\n"s, {"weir.yaml:1:3: a NUL byte"}},
        {"name: " + std::string(5000, '[') + std::string(5000, ']') + "\n",
         {"weir.yaml:1:70: nested deeper than 64 levels"}},
    };
    for (const auto& [text, said] : cases) {
        SCOPED_TRACE(text.substr(0, 60));
        put("weir.yaml", text);
        refused(said);
    }
}

TEST_F(BadProject, contracts) {
    const std::vector<std::string> plain{"{name: id, logicalType: integer}"};
    const std::pair<Terms, std::vector<std::string>> cases[] = {
        {{.columns = plain, .quality = "  quality:\n  - {metric: rowCont, mustBe: 3}\n"},
         {"contracts/t.odcs.yaml:12:14: 'rowCont' is no metric", "did you mean 'rowCount'?"}},
        {{.columns = plain, .quality = "  quality:\n  - {rule: nope, mustBe: 3}\n"},
         {"t.odcs.yaml:12:12: 'nope' is no metric"}},
        {{.columns = plain, .quality = "  quality:\n  - {metric: rowCount}\n"},
         {"t.odcs.yaml:12:5: the rule has no bound"}},
        {{.columns = plain, .quality = "  quality:\n  - {metric: nullValues, mustBe: 0}\n"},
         {"t.odcs.yaml:12:14: the metric nullValues belongs to a column", "under the property's own quality"}},
        {{.columns = plain, .quality = "  qualty: []\n"},
         {"t.odcs.yaml:11:3: unknown key 'qualty'", "did you mean 'quality'?"}},
        {{.columns = {"{name: id, logicalType: intger}"}},
         {"t.odcs.yaml:12:29: 'intger' is no logicalType", "'integer'"}},
        {{.columns = {"{name: id, logicalType: integer, logicalTypeOptions: {minimun: 3}}"}},
         {"unknown key 'minimun'", "did you mean 'minimum'?"}},
        {{.columns = {"{name: id, logicalType: string}", "{name: ID, logicalType: string}"}},
         {"t.odcs.yaml:13", "twice"}},
        {{.columns = {"{name: id, logicalType: string, logicalTypeOptions: {pattern: '(a'}}"}},
         {"t.odcs.yaml:12", "pattern"}},
        {{.columns = plain, .custom = "  - {property: rowRules, value: [{id: a, sql: ide > 3}, {id: b, sql: id >}]}\n"},
         {"row rule 'a': there is no column 'ide'", "did you mean 'id'?",
          "row rule 'b': the expression ends too early"}},
    };
    for (const auto& [terms, said] : cases) {
        SCOPED_TRACE(said.front());
        contract(terms);
        refused(said);
    }
    contract({.quarantine_limit = "lots"});
    refused({"t.odcs.yaml:10:"});
    contract({});
    run_ok();
}

TEST_F(BadProject, views_that_cannot_be) {
    const std::pair<std::string, std::vector<std::string>> cases[] = {
        {"SELECT id,\n       nam\nFROM t\n",
         {"views/v.sql:5:8: view v: there is no column 'nam'", "did you mean 'name'?"}},
        {"SELECT id,\nFROM WHERE t\n", {"views/v.sql:5:", "syntax error"}},
        {"SELECT id\nFROM tt\n", {"views/v.sql:5:6: view v: there is no table or view 'tt'", "did you mean 't'?"}},
        {"SELECT random() AS r FROM t\n", {"views/v.sql:4:8: view v: 'random' gives another answer each time"}},
        {"SELECT $nothing AS r FROM t\n", {"views/v.sql:4:8", "nothing"}},
        {"SELECT * FROM v\n", {"views/v.sql", "v"}},
        {"DROP TABLE t\n", {"views/v.sql:4: view v: a view is one SELECT"}},
    };
    for (const auto& [select, said] : cases) {
        SCOPED_TRACE(select);
        view("v", select);
        refused(said);
    }
    view("v", "SELECT id FROM t\n");
    run_ok();
    EXPECT_EQ(sql("SELECT count(*) FROM v"), "3\n");
}

// ---- what only the data shows

TEST_F(BadProject, a_view_that_fails_over_the_data_leaves_the_last_results_of_all) {
    put("in/a.csv", header + "1,7,1\n");
    view("broken", "SELECT CAST(name AS INTEGER) AS n, id * 9223372036854775807 AS big FROM t\n");
    view("rests_on_it", "SELECT count(*) AS n FROM broken\n");
    view("sound", "SELECT count(*) AS n, sum(id // 0) AS nothing FROM t\n");
    run_ok();
    put("in/b.csv", header + "2,x,1\n");
    for (int i = 0; i < 2; ++i) {
        const auto finished = run_all();
        EXPECT_EQ(finished.exit_code, 1);
        EXPECT_THAT(finished.err, HasSubstr("views/broken.sql"));
        EXPECT_THAT(finished.err, HasSubstr("while computing view 'broken' for"));
        EXPECT_THAT(finished.out, HasSubstr("not computed: 'broken' failed; its last result stands"));
        EXPECT_EQ(sql("SELECT n FROM broken"), "7\n");
        EXPECT_EQ(sql("SELECT n FROM rests_on_it"), "1\n");
        EXPECT_EQ(sql("SELECT n, nothing FROM sound"), "1,\n") << "two runs are mixed";
        EXPECT_EQ(accounts(), "2 2 0 0 0\n");
    }
    view("broken", "SELECT TRY_CAST(name AS INTEGER) AS n FROM t\n");
    run_ok();
    EXPECT_EQ(sql("SELECT count(*), count(n) FROM broken"), "2,1\n");
    EXPECT_EQ(sql("SELECT n FROM rests_on_it"), "2\n");
    EXPECT_EQ(sql("SELECT n, nothing FROM sound"), "2,\n");
}

TEST_F(BadProject, an_export_that_failed_is_written_by_the_next_run_and_stops_no_other) {
    view("v", "SELECT count(*) AS n FROM t\n");
    put("serve.yaml", "exports:\n- {view: v, path: in/a.csv/v.csv}\n- {view: v, path: out/v.csv}\n");
    put("in/a.csv", header + rows(3));
    run_fails(4, {"in/a.csv"});
    EXPECT_EQ(read(project / "out" / "v.csv"), "n\n3\n");
    // The result is new, its file cannot be written: later runs find the result up to date, and the file still old.
    fs::rename(project / "out", project / "elsewhere");
    put("out", "in the way");
    put("serve.yaml", "exports:\n- {view: v, path: out/v.csv}\n");
    put("in/b.csv", header + rows(3, 3));
    run_fails(4, {"out"});
    fs::remove(project / "out");
    fs::rename(project / "elsewhere", project / "out");
    EXPECT_EQ(read(project / "out" / "v.csv"), "n\n3\n");
    run_ok();
    EXPECT_EQ(read(project / "out" / "v.csv"), "n\n6\n");
    fs::remove(project / "out" / "v.csv");
    run_ok();
    EXPECT_EQ(read(project / "out" / "v.csv"), "n\n6\n");
}

TEST_F(BadProject, the_quarantine_limit_holds_exactly) {
    contract({.quarantine_limit = "5"});
    put("in/a.csv", header + rows(18) + "x,a,1\n");
    run_fails(3, {"1 of 19 records of source 't' broke the contract, more than its limit of 5 %; nothing was committed",
                  "in/a.csv:20: type: 'x' is not an integer", "raise quarantineLimit"});
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    put("in/a.csv", header + rows(19) + "x,a,1\n");
    run_ok();
    EXPECT_EQ(accounts(), "20 19 0 1 0\n");
    contract({.quarantine_limit = "0"});
    put("in/b.csv", header + rows(3, 50));
    run_ok();
    put("in/c.csv", header + rows(300, 60) + "x,a,1\n");
    run_fails(3, {"1 of 301 records", "limit of 0 %"});
    EXPECT_EQ(accounts(), "23 22 0 1 0\n");
}

TEST_F(BadProject, a_missed_threshold_commits_nothing) {
    contract({.columns = {"{name: id, logicalType: integer}",
                          "{name: name, logicalType: string, quality: [{metric: nullValues, unit: percent, "
                          "mustBeLessOrEqualTo: 25}]}",
                          "{name: amount, logicalType: number}"},
              .quality =
                  "  quality:\n  - {metric: rowCount, mustBeGreaterOrEqualTo: 3}\n"
                  "  - {type: sql, id: dear, query: 'SELECT max(amount) FROM {object}', mustBeLessThan: 100}\n"});
    put("in/a.csv", header + rows(2));
    run_fails(3, {"t.odcs.yaml:12:5", "rowCount", "nothing was committed"});
    put("in/a.csv", header + rows(4) + "8,,1\n9,,1\n");
    run_fails(3, {"t.odcs.yaml:16", "nullValues", "nothing was committed"});
    put("in/a.csv", header + rows(6) + "8,,1\n9,,100\n");
    run_fails(3, {"t.odcs.yaml:13:35: dear is 100, must be less than 100", "nothing was committed"});
    EXPECT_EQ(accounts(), "0 0 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "0\n");
    put("in/a.csv", header + rows(6) + "8,,1\n9,,99.9\n");
    run_ok();
    EXPECT_EQ(accounts(), "8 8 0 0 0\n");
}

// ---- contracts that change

TEST_F(BadProject, a_type_that_changes_after_rows_landed_is_refused) {
    put("in/a.csv", header + rows(3));
    run_ok();
    contract({.columns = {"{name: id, logicalType: string}", "{name: name, logicalType: string}"}});
    put("in/b.csv", header + "x,b,1\n");
    for (int i = 0; i < 2; ++i)
        run_fails(1, {"table 't' holds column 'id' as long, the contract now says string", "rename"});
    EXPECT_EQ(accounts(), "3 3 0 0 0\n");
    contract({});
    put("in/b.csv", header + rows(1, 3));
    run_ok();
    EXPECT_EQ(accounts(), "4 4 0 0 0\n");
    // The other way out: the data lands anew, under another name.
    contract({.columns = {"{name: id, logicalType: string}", "{name: name, logicalType: string}"}});
    fs::rename(project / "sources" / "t.yaml", project / "sources" / "t2.yaml");
    run_ok();
    EXPECT_EQ(sql("SELECT count(*), typeof(min(id)) FROM t2"), "4,VARCHAR\n");
}

TEST_F(BadProject, a_source_does_not_move_to_another_table_and_leave_its_rows_behind) {
    put("in/a.csv", header + rows(3));
    run_ok();
    source("in/*.csv", "table: other\n");
    run_fails(4, {"table 'other' holds 0 of the 1 intakes", "give the source a new name too"});
    source("in/*.csv");
    run_ok();
    EXPECT_EQ(accounts(), "3 3 0 0 0\n");
}

TEST_F(BadProject, a_contract_gains_columns) {
    put("in/a.csv", header + rows(3));
    run_ok();
    contract({.columns = {"{name: id, logicalType: integer, required: true}", "{name: more, logicalType: string}",
                          "{name: name, logicalType: string}", "{name: must, logicalType: integer, required: true}"}});
    put("in/b.csv", "id,more,must\n7,m,1\n8,,\n");
    run_ok();
    EXPECT_EQ(sql("SELECT id, name, more, must FROM t WHERE id > 1 ORDER BY id"), "2,name 2,,\n7,,m,1\n");
    EXPECT_EQ(accounts(), "5 4 0 1 0\n");
    EXPECT_EQ(rejects(), "3 must required\n");
}

// ---- the command line

TEST_F(BadProject, what_stands_on_the_command_line) {
    put("weir.yaml",
        "name: shop\nparams:\n  word: {type: text, default: beef}\n  n: {type: integer, default: 3}\n"
        "  d: {type: date, default: ''}\n  c: {type: choice, choices: [one, two], default: one}\n  need: {type: "
        "text}\n");
    put("in/a.csv", header + rows(3));
    view("v", "SELECT id, $n AS n, $word AS w, $need AS nd FROM t\n");
    const struct {
        std::vector<std::string> words;
        int exit_code;
        std::vector<std::string> said;
    } cases[] = {
        {{}, 2, {"weir.yaml:7:3: parameter 'need' has no value", "--param need="}},
        {{"--param", "wrod=x", "--param", "need=1"}, 2, {"there is no parameter 'wrod'", "did you mean 'word'?"}},
        {{"--param", "n=1.5", "--param", "need=1"}, 2, {"'n' must be a whole number, not '1.5'"}},
        {{"--param", "n=99999999999999999999", "--param", "need=1"}, 2, {"'n' must be a whole number"}},
        {{"--param", "c=ona", "--param", "need=1"}, 2, {"'c' must be one of its choices, not 'ona'", "'one'"}},
        {{"--param", "d=2023-02-30", "--param", "need=1"}, 2, {"'d' must be a day of the calendar, not '2023-02-30'"}},
        {{"--param", "need"}, 2, {"--param need has no value", "NAME=VALUE"}},
        {{"--param", "need=1", "--only", "vv"}, 1, {"the project has no source and no view 'vv'", "did you mean 'v'?"}},
        {{"--param", "need=1", "--only", "t,vv"}, 1, {"the project has no source and no view 'vv'"}},
        {{"--param", "need=1", "--interval", "soon"}, 2, {"'soon' is not an interval", "2024-03-01/2024-03-08"}},
        {{"--param", "need=1", "--interval", "2023-02-30"}, 2, {"'2023-02-30' is not an interval"}},
        {{"--param", "need=1", "--interval", "2024-03-02/2024-03-02"}, 2, {"is not an interval"}},
        {{"--param", "need=1", "--from", "2024-03-02", "--to", "2024-03-01"}, 2, {"is not an interval"}},
        {{"--param", "need=1", "--from", "2024-03-02"}, 2, {"--from and --to belong together"}},
        {{"--param", "need=1", "--intervall", "2024-03-02"},
         2,
         {"no option --intervall", "did you mean '--interval'?"}},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.said.front());
        run_fails(one.exit_code, one.said, one.words);
        EXPECT_FALSE(fs::exists(project / "lake" / "t"));
    }
    const auto typo = weir_with({"quarantine", "replay", "--param", "need=1", "--source", "tt"});
    EXPECT_EQ(typo.exit_code, 1) << typo.out;
    EXPECT_THAT(typo.err, HasSubstr("the project has no source 'tt'"));
    run_ok({"--param", "need=it's; DROP TABLE t --"});
    const auto kept = weir_with({"sql", "--param", "need=1", "SELECT DISTINCT nd FROM v", "--format", "csv"});
    EXPECT_EQ(kept.out, "nd\nit's; DROP TABLE t --\n") << kept.err;
}

}  // namespace
}  // namespace weir::test
