// Views that merge: increments, late and repeated input, changed texts, damaged states, publication, verification.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Views : public Shop {
protected:
    Views() { source("in/{date}.csv", "arrival_date: path\n"); }

    void day(const std::string& date, const std::string& content) { put("in/" + date + ".csv", header + content); }

    void views_of_all_kinds() {
        view("by_name",
             "SELECT name, count(*) AS n, sum(amount) AS total, avg(amount) AS mean FROM t GROUP BY name "
             "ORDER BY n DESC\n");
        view("names_a_day",
             "SELECT _arrival_date AS day, count(DISTINCT name) AS names, count(*) AS n, median(amount) "
             "AS middle FROM t GROUP BY ALL ORDER BY day\n");
        view("newest", "SELECT DISTINCT ON (name) name, id, amount FROM t ORDER BY name, id DESC\n");
        view("gaps", "SELECT id, amount - lag(amount) OVER (ORDER BY id) AS step FROM t\n");
        put("views/kept.sql",
            "/* weir\nkeep: every_interval\n*/\nSELECT name, count(*) AS n, stddev(amount) AS spread FROM t "
            "GROUP BY name\n");
        view("of_views", "SELECT max(n) AS most, (SELECT count(*) FROM newest) AS names FROM by_name\n");
    }

    json json_of(const std::vector<std::string>& words, int exit_code = 0) const {
        auto more = words;
        more.emplace_back("--json");
        const auto finished = weir_with(more);
        EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
        return json::parse(finished.out, nullptr, false);
    }

    void expect_verified() const {
        const auto verdicts = json_of({"verify"});
        EXPECT_EQ(verdicts.at("equal"), true) << verdicts.dump(1);
        EXPECT_FALSE(verdicts.at("verdicts").empty());
    }

    std::string everything() const {
        std::string all;
        for (const auto* view : {"by_name", "names_a_day", "newest", "gaps", "of_views"})
            all += std::string(view) + "\n" + sql("SELECT * FROM " + std::string(view) + " ORDER BY ALL");
        return all + sql("SELECT * FROM history.kept ORDER BY ALL");
    }

    std::vector<fs::path> states() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(project / "lake" / "weir"))
            if (entry.path().filename().string().starts_with("state_")) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
};

std::string some_rows(std::mt19937_64& random, int& id) {
    std::string text;
    for (int i = 0, count = static_cast<int>(random() % 40); i < count; ++i, ++id) {
        const auto name = random() % 8 == 0 ? std::string() : "n" + std::to_string(random() % 7);
        text += std::to_string(id) + "," + name + "," +
                (random() % 9 == 0 ? "" : std::to_string(static_cast<int>(random() % 2000) - 500) + ".25") + "\n";
    }
    return text;
}

TEST_F(Views, any_order_of_arrival_gives_what_all_rows_give) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    views_of_all_kinds();
    std::vector<std::string> dates{"2024-03-01", "2024-03-02", "2024-03-04", "2024-03-05", "2024-03-07"};
    std::shuffle(dates.begin(), dates.end(), random);
    int id = 0;
    for (const auto& date : dates) {
        day(date, some_rows(random, id));
        run_ok();
        expect_verified();
    }
    const auto grown = everything();
    run_ok({"--full"});
    EXPECT_EQ(everything(), grown);
    expect_verified();
    // And from nothing.
    fs::remove_all(project / "lake");
    run_ok();
    EXPECT_EQ(everything(), grown);
}

TEST_F(Views, many_small_runs_are_merged) {
    views_of_all_kinds();
    std::mt19937_64 random(5);
    int id = 0;
    for (int i = 10; i < 30; ++i) {
        day("2024-03-" + std::to_string(i), some_rows(random, id));
        run_ok({"--only", "t", "by_name", "names_a_day"});
    }
    run_ok();
    expect_verified();
    const auto grown = everything();
    run_ok({"--full"});
    EXPECT_EQ(everything(), grown);
}

TEST_F(Views, lost_and_damaged_states_are_built_again_and_said) {
    view("v", "SELECT name, sum(id) AS n FROM t GROUP BY name\n");
    day("2024-03-01", rows(100));
    run_ok();
    ASSERT_EQ(states().size(), 1u);
    EXPECT_THAT(json_of({"run", "--full"}).dump(), Not(HasSubstr("built again"))) << "as it was asked to";
    for (const std::string damage : {"cut", "flip", "gone", "log", "folder"}) {
        SCOPED_TRACE(damage);
        fs::path file;
        for (const auto& entry : fs::directory_iterator(states()[0]))
            if (entry.path().extension() == ".parquet") file = entry.path();
        auto content = read(file);
        if (damage == "cut") content.resize(content.size() / 2);
        if (damage == "flip") content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
        if (damage == "gone")
            fs::remove(file);
        else if (damage == "folder")
            fs::remove_all(states()[0]);
        else if (damage == "log")
            fs::remove_all(states()[0] / "_delta_log");
        else
            write(file, content);
        static int at = 100;
        day("2024-03-0" + std::to_string(1 + at / 100), rows(100, at));
        at += 100;
        const auto finished = json_of({"run"});
        const auto said = finished.dump();
        const auto* why = damage == "folder" ? "it is gone" : damage == "log" ? "its log is gone" : "it is damaged";
        EXPECT_THAT(said, HasSubstr(std::string("was built again: ") + why));
        expect_verified();
        EXPECT_EQ(sql("SELECT sum(n) FROM v"), std::to_string(at * (at - 1) / 2) + "\n");
    }
}

TEST_F(Views, stored_results_that_cannot_be_read_are_computed_again_and_said) {
    view("grown", "SELECT id, upper(name) AS name FROM t\n");
    view("sums", "SELECT name, sum(id) AS n FROM t GROUP BY name\n");
    int at = 0;
    const auto more = [&] {
        day("2024-03-0" + std::to_string(1 + at / 100), rows(100, at));
        at += 100;
    };
    const auto file_of = [&](const std::string& name, const std::string& folder) {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(project / "lake" / name / folder))
            if (entry.is_regular_file()) files.push_back(entry.path());
        return *std::max_element(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
            return fs::last_write_time(a) < fs::last_write_time(b);
        });
    };
    more();
    run_ok();
    for (const std::string name : {"grown", "sums"}) {
        for (const std::string damage : {"cut", "gone"}) {
            SCOPED_TRACE(name + " " + damage);
            const auto file = file_of(name, "");
            if (damage == "cut")
                fs::resize_file(file, fs::file_size(file) / 2);
            else
                fs::remove(file);
            const auto broken = weir_with({"verify"});
            EXPECT_EQ(broken.exit_code, 4);
            EXPECT_THAT(broken.err, HasSubstr("`weir run --full --view " + name + "`"));
            more();
            EXPECT_THAT(json_of({"run"}).dump(), HasSubstr("its stored result is computed again: "));
            expect_verified();
        }
        SCOPED_TRACE(name + " log");
        write(file_of(name, "_delta_log"), "garbage");
        more();
        run_fails(4, {"is not valid JSON", "`weir run --full --view " + name + "`"});
        EXPECT_THAT(json_of({"run", "--full", "--view", name}).dump(),
                    HasSubstr("its stored result is computed again: "));
        run_ok();
        expect_verified();
    }
    EXPECT_EQ(sql("SELECT count(*) FROM grown"), std::to_string(at) + "\n");
}

TEST_F(Views, rows_of_sources_that_are_gone_are_told_as_such) {
    view("grown", "SELECT id, upper(name) AS name FROM t\n");
    view("v", "SELECT name, sum(id) AS n FROM t GROUP BY name\n");
    day("2024-03-01", rows(100));
    run_ok();
    fs::path file;
    for (const auto& entry : fs::directory_iterator(project / "lake" / "t"))
        if (entry.path().extension() == ".parquet") file = entry.path();
    fs::remove(file);
    const auto broken = weir_with({"verify"});
    EXPECT_EQ(broken.exit_code, 4);
    EXPECT_THAT(broken.err, HasSubstr(file.string()));
    EXPECT_THAT(broken.err, HasSubstr("reading table 't'"));
    EXPECT_THAT(broken.err, HasSubstr("put back an intact copy"));
    day("2024-03-02", rows(100, 100));
    run_fails(4, {file.string(), "put back an intact copy"});
}

TEST_F(Views, a_place_in_a_text_that_weir_put_together_is_not_told) {
    view("most", "SELECT max(name::INTEGER) AS most FROM t\n");
    view("each", "SELECT id, name::INTEGER AS n, length(name) AS l FROM t\n");
    day("2024-03-01", "1,7,1.5\n");
    run_ok();
    day("2024-03-02", "2,b,2\n");
    const auto failed = run_all();
    EXPECT_EQ(failed.exit_code, 1);
    EXPECT_THAT(failed.err, HasSubstr("views/most.sql: "));
    EXPECT_THAT(failed.err, HasSubstr("views/each.sql: "));
}

TEST_F(Views, only_touched_keys_are_computed_again) {
    view("sums",
         "SELECT name, count(*) AS n, sum(amount) AS total, sum(id) AS ids FROM t GROUP BY name ORDER BY total DESC, "
         "name\n");
    view("each_once", "SELECT name, count(DISTINCT amount) AS n, median(amount) AS m FROM t GROUP BY name\n");
    view("newest", "SELECT DISTINCT ON (name) name, id, amount FROM t ORDER BY name, id DESC\n");
    view("gaps", "SELECT name, id, id - lag(id) OVER (PARTITION BY name ORDER BY id) AS gap FROM t\n");
    view("joined",
         "WITH a AS (SELECT name, max(id) AS last FROM t GROUP BY name), b AS (SELECT name, sum(amount) AS s FROM t "
         "WHERE amount > 100 GROUP BY name) SELECT name, last, coalesce(s, 0) AS s FROM a LEFT JOIN b USING (name)\n");
    view("ranked", "SELECT name, rank() OVER (ORDER BY count(*) DESC) AS place FROM t GROUP BY name\n");
    // Of results of others, of which some only were computed again; alone, together, with events, and again.
    view("means", "SELECT name, total / n AS mean FROM sums WHERE n > 5\n");
    view("of_two", "SELECT s.name, n, id FROM sums s JOIN newest USING (name) ORDER BY n, id, s.name\n");
    view("with_events", "SELECT name, e.n, max(id) AS last FROM t JOIN each_once e USING (name) GROUP BY ALL\n");
    view("of_means", "SELECT name, mean - last AS away FROM means JOIN with_events USING (name)\n");
    view("by_letter", "SELECT left(name, 2) AS letter, sum(n) AS n FROM sums GROUP BY ALL\n");
    view("placed", "SELECT name, place FROM ranked WHERE place < 10\n");
    const std::set<std::string> computed_whole{"ranked", "by_letter", "placed"};
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    int id = 0;
    const auto rows_of = [&](int count) {
        std::string text;
        for (int i = 0; i < count; ++i, ++id) {
            const auto name = random() % 50 == 0 ? std::string() : "n" + std::to_string(random() % 300);
            text += std::to_string(id) + "," + name + "," + std::to_string(random() % 500) + ".5\n";
        }
        return text;
    };
    day("2024-03-01", rows_of(2000));
    run_ok();
    for (int i = 2; i < 7; ++i) {
        // The third comes with a day before all others, the fifth with two.
        day(i == 4 ? "2024-02-01" : "2024-03-0" + std::to_string(i), rows_of(6));
        if (i == 6) day("2024-03-09", rows_of(6));
        const auto steps = json_of({"run"}).at("steps");
        for (const auto& step : steps) {
            if (step.at("kind") != "view") continue;
            const bool all = computed_whole.contains(step.at("node"));
            EXPECT_EQ(step.at("reason").get<std::string>().find("keys were touched") == std::string::npos, all)
                << step.dump();
        }
        expect_verified();
    }
    const auto all = [&] {
        std::string text;
        for (const std::string_view name : {"sums", "each_once", "newest", "gaps", "joined", "ranked", "means",
                                            "of_two", "with_events", "of_means", "by_letter", "placed"})
            text +=
                sql("SELECT * FROM " + std::string(name) + (name == "sums" || name == "of_two" ? "" : " ORDER BY ALL"));
        return text;
    };
    const auto grown = all();
    run_ok({"--full"});
    EXPECT_EQ(all(), grown);
    EXPECT_EQ(json_of({"explain", "joined"}).at("touched_keys"), json::array({"name"}));
    EXPECT_EQ(json_of({"explain", "of_means"}).at("touched_keys"), json::array({"name"}));
    // Only one of two that belong together is computed: the other goes on from what it knows.
    day("2024-03-07", rows_of(3));
    run_ok({"--view", "sums"});
    day("2024-03-08", rows_of(3));
    run_ok();
    expect_verified();
    EXPECT_THAT(weir_with({"explain", "gaps"}).out, HasSubstr("only rows whose name they touch"));
    EXPECT_THAT(weir_with({"explain", "ranked"}).out, HasSubstr("all of it is computed again, because"));
    EXPECT_THAT(weir_with({"explain", "placed"}).out,
                HasSubstr("all of it is computed again, because so is all of view ranked, which it reads"));
    // Most of the result is touched, or it was restored: the whole is computed.
    day("2024-03-10", rows_of(900));
    EXPECT_THAT(json_of({"run"}).dump(), Not(HasSubstr("keys were touched")));
    expect_verified();
    ASSERT_EQ(weir_with({"table", "restore", "sums", "1"}).exit_code, 0);
    day("2024-03-11", rows_of(2));
    run_ok();
    expect_verified();
}

TEST_F(Views, what_is_kept_of_a_view_may_change_either_way) {
    const std::string text = "SELECT name, count(*) AS n FROM t GROUP BY name ORDER BY name\n";
    const auto keep_all = [&] { put("views/v.sql", "/* weir\nkeep: every_interval\n*/\n" + text); };
    const auto facts = [&] {
        const auto shown = json_of({"table", "show", "v"});
        return std::pair(shown.at("partition_columns"), shown.at("properties").contains("weir.keep"));
    };
    view("v", text);
    view("above", "SELECT max(n) AS n FROM v\n");
    day("2024-03-01", "1,a,1\n2,b,2\n");
    run_ok();
    keep_all();
    day("2024-03-02", "3,a,1\n");
    run_ok();
    EXPECT_EQ(facts(), std::pair(json::array({"run_date"}), true));
    EXPECT_EQ(sql("SELECT * FROM v"), "a,2\nb,1\n");
    EXPECT_EQ(sql("SELECT name, n FROM history.v WHERE run_date = '2024-03-02' ORDER BY ALL"), "a,2\nb,1\n");
    expect_verified();
    day("2024-03-03", "4,b,1\n5,c,1\n");
    run_ok();
    expect_verified();
    view("v", text);
    run_ok();
    EXPECT_EQ(facts(), std::pair(json::array(), false));
    EXPECT_EQ(sql("SELECT * FROM v"), "a,2\nb,2\nc,1\n");
    EXPECT_EQ(sql("SELECT * FROM above"), "2\n");
    expect_verified();
    EXPECT_NE(weir_with({"sql", "SELECT * FROM history.v"}).exit_code, 0);
    keep_all();
    day("2024-03-04", "6,c,1\n");
    run_ok();
    EXPECT_EQ(sql("SELECT name, n FROM history.v WHERE run_date = '2024-03-04' ORDER BY ALL"), "a,2\nb,2\nc,2\n");
    expect_verified();
}

TEST_F(Views, whose_rows_come_from_one_event_each_grow_by_new_ones) {
    put("sources/kinds.yaml", "files: kinds.csv\nformat: csv\ncontract: kinds\nreference: true\n");
    put("contracts/kinds.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: kinds\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: "
        "kinds\n"
        "  logicalType: object\n  properties:\n  - {name: name, logicalType: string}\n  - {name: kind, logicalType: "
        "string}\n");
    put("kinds.csv", "name,kind\na,vowel\nb,other\n");
    view("clean", "SELECT id, upper(name) AS name, amount * 2 AS twice FROM t WHERE amount IS NOT NULL\n");
    view("kinds_of", "SELECT id, coalesce(kind, 'none') AS kind FROM t LEFT JOIN kinds USING (name)\n");
    view("of_clean", "SELECT name, count(*) AS n, max(twice) AS most FROM clean GROUP BY name ORDER BY name\n");
    view("gaps", "SELECT id, twice - lag(twice) OVER (ORDER BY id) AS step FROM clean\n");
    view("in_order", "SELECT id FROM t ORDER BY id\n");
    const auto reason_of = [&](const json& ran, const std::string& node) {
        for (const auto& step : ran.at("steps"))
            if (step.at("node") == node) return step.at("reason").get<std::string>();
        return "no step " + node;
    };
    const auto files_of = [&](const std::string& table) {
        return json_of({"table", "show", table}).at("files").get<int>();
    };
    day("2024-03-01", "1,a,1.5\n2,b,2\n3,c,3\n");
    run_ok();
    day("2024-03-02", "4,a,4\n5,d,\n");
    auto ran = json_of({"run"});
    EXPECT_THAT(reason_of(ran, "clean"), HasSubstr("; 1 rows of new events were added"));
    EXPECT_THAT(reason_of(ran, "kinds_of"), HasSubstr("; 2 rows of new events were added"));
    EXPECT_THAT(reason_of(ran, "in_order"), Not(HasSubstr("were added")));
    EXPECT_EQ(sql("FROM clean ORDER BY id"), "1,A,3.0\n2,B,4.0\n3,C,6.0\n4,A,8.0\n");
    EXPECT_EQ(sql("FROM kinds_of ORDER BY id"), "1,vowel\n2,other\n3,none\n4,vowel\n5,none\n");
    EXPECT_EQ(sql("FROM of_clean"), "A,2,8.0\nB,1,4.0\nC,1,6.0\n");
    EXPECT_EQ(sql("FROM gaps ORDER BY id"), "1,\n2,1.0\n3,2.0\n4,2.0\n");
    EXPECT_EQ(files_of("clean"), 2);
    expect_verified();
    const auto content = [&] {
        return sql(
            "SELECT view, rows, checksum FROM weir.publications QUALIFY publication = max(publication) OVER () "
            "ORDER BY view");
    };
    const auto grown = content();
    run_ok({"--full"});
    EXPECT_EQ(content(), grown) << "rows and checksum are those of the whole";
    EXPECT_EQ(files_of("clean"), 1);

    // A row that brings nothing; a day before all others; a reference table that changed; a text that changed.
    day("2024-03-03", "6,b,\n");
    ran = json_of({"run"});
    EXPECT_THAT(reason_of(ran, "clean"), HasSubstr("; 0 rows of new events were added"));
    day("2024-02-01", "7,c,7\n");
    ran = json_of({"run"});
    EXPECT_THAT(reason_of(ran, "clean"), HasSubstr("; 1 rows of new events were added"));
    put("kinds.csv", "name,kind\na,vowel\nb,other\nc,other\n");
    day("2024-03-04", "8,c,8\n");
    ran = json_of({"run"});
    EXPECT_THAT(reason_of(ran, "kinds_of"), Not(HasSubstr("were added")));
    EXPECT_THAT(reason_of(ran, "clean"), HasSubstr("; 1 rows of new events were added"));
    expect_verified();
    EXPECT_EQ(sql("SELECT count(*) FROM kinds_of WHERE kind = 'other'"), "5\n");
    view("clean", "SELECT id, upper(name) AS name, amount * 3 AS twice FROM t WHERE amount IS NOT NULL\n");
    ran = json_of({"run"});
    EXPECT_EQ(reason_of(ran, "clean"), "its text, a macro or a parameter changed");
    expect_verified();

    // What was restored or optimized meanwhile; and many small results, which become few.
    ASSERT_EQ(weir_with({"table", "optimize", "t"}).exit_code, 0);
    ASSERT_EQ(weir_with({"table", "restore", "clean", "1"}).exit_code, 0);
    day("2024-03-05", "9,c,9\n");
    ran = json_of({"run"});
    EXPECT_THAT(reason_of(ran, "clean"), Not(HasSubstr("were added")));
    EXPECT_THAT(reason_of(ran, "kinds_of"), HasSubstr("1 rows of new events were added"));
    expect_verified();
    for (int i = 10; i < 30; ++i) {
        day("2024-03-" + std::to_string(i), std::to_string(i) + ",a,1\n");
        run_ok();
        EXPECT_LE(files_of("clean"), 17);
    }
    EXPECT_LT(files_of("clean"), 10);
    expect_verified();
    EXPECT_EQ(sql("SELECT count(*) FROM clean"), "27\n");
    const auto merged = content();
    run_ok({"--full"});
    EXPECT_EQ(content(), merged);
    EXPECT_EQ(json_of({"explain", "clean"}).at("append_only"), true);
    EXPECT_THAT(weir_with({"explain", "clean"}).out, HasSubstr("new events: their rows are added to the result"));
    EXPECT_EQ(json_of({"explain", "in_order"}).at("append_only"), false);
}

// Runs and merged reads of such views look at the new events alone: those before need not even be readable.
TEST_F(Views, that_only_grow_leave_the_past_alone) {
    view("clean", "SELECT id, upper(name) AS name FROM t WHERE amount > 1\n");
    view("sums", "SELECT name, count(*) AS n FROM t GROUP BY name ORDER BY name\n");
    std::vector<fs::path> files;  // in the order of their runs
    for (const auto* date : {"2024-03-01", "2024-03-02", "2024-03-03"}) {
        day(date, rows(500));
        run_ok();
        for (const auto& entry : fs::recursive_directory_iterator(project / "lake" / "t"))
            if (entry.path().extension() == ".parquet" &&
                std::find(files.begin(), files.end(), entry.path()) == files.end())
                files.push_back(entry.path());
    }
    ASSERT_EQ(files.size(), 3u);
    const auto before = std::stoi(sql("SELECT count(*) FROM clean"));
    EXPECT_GT(before, 0);
    day("2024-03-04", "9001,neu,9\n9002,neu,0\n9003,alt,8\n");
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    const auto live = [&](const std::string& statement) {
        const auto finished = weir_with({"sql", "--live", statement, "--format", "csv"});
        EXPECT_EQ(finished.exit_code, 0) << statement << "\n" << finished.err;
        return finished.out.substr(finished.out.find('\n') + 1);
    };
    EXPECT_EQ(live("FROM clean WHERE id > 9000 ORDER BY id"), "9001,NEU\n9003,ALT\n");
    EXPECT_EQ(weir_with({"verify", "--live"}).exit_code, 0);
    auto content = read(files[1]);
    std::fill(content.begin() + 4, content.begin() + static_cast<std::ptrdiff_t>(content.size() / 2), '\0');
    write(files[1], content);
    EXPECT_NE(weir_with({"sql", "SELECT sum(id), max(name) FROM t"}).exit_code, 0) << "the damage shows";
    EXPECT_EQ(live("SELECT count(*) FROM clean"), std::to_string(before + 2) + "\n");
    const auto ran = json_of({"run"});
    EXPECT_THAT(ran.dump(), HasSubstr("2 rows of new events were added"));
    EXPECT_EQ(sql("SELECT count(*), max(id) FROM clean"), std::to_string(before + 2) + ",9003\n");
    EXPECT_EQ(live("SELECT count(*), max(id) FROM clean"), std::to_string(before + 2) + ",9003\n");
    EXPECT_NE(weir_with({"verify", "clean"}).exit_code, 0) << "who recomputes from all rows meets it";
}

// A text that looks at the interval's end says something else of the past when a day has gone by.
TEST_F(Views, that_only_grow_are_of_their_moment) {
    view("ages", "SELECT id, date_diff('day', _arrival_date, interval_end()) AS age FROM t\n");
    day("2024-03-01", "1,a,1\n");
    run_ok();
    EXPECT_EQ(sql("FROM ages ORDER BY id"), "1,1\n");
    day("2024-03-02", "2,b,2\n");
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    const auto live = weir_with({"sql", "--live", "FROM ages ORDER BY id", "--format", "csv"});
    EXPECT_EQ(live.out, "id,age\n1,2\n2,1\n") << live.err;
    EXPECT_EQ(weir_with({"verify", "--live"}).exit_code, 0);
    run_ok();
    EXPECT_EQ(sql("FROM ages ORDER BY id"), "1,2\n2,1\n");
    expect_verified();
}

// A cast that fails over a row fails where the rows are written: it is told as any other mistake of the view.
TEST_F(Views, whose_rows_are_computed_as_they_are_written_tell_what_fails) {
    view("bad", "SELECT CAST(name || '?' AS INTEGER) AS n FROM t\n");
    day("2024-03-01", "1,a,1.5\n");
    const auto finished = weir_with({"run"});
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_THAT(finished.err + finished.out, HasSubstr("computing view 'bad'"));
    EXPECT_THAT(finished.err + finished.out, HasSubstr("a?"));
}

// Merged reads and verification compute them too, on top of what is published and whole.
TEST_F(Views, whose_rows_are_computed_as_they_are_read_tell_what_fails) {
    view("bad", "SELECT CAST(name AS INTEGER) AS n FROM t\n");
    day("2024-03-01", "1,7,1.5\n");
    run_ok();
    day("2024-03-02", "2,b,2\n");
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"sql", "--live", "FROM bad"}, {"verify", "--live"}}) {
        const auto failed = weir_with(words);
        EXPECT_NE(failed.exit_code, 0);
        EXPECT_THAT(failed.err + failed.out, HasSubstr("computing view 'bad'")) << words[0];
        EXPECT_THAT(failed.err + failed.out, HasSubstr("'b'")) << words[0];
    }
    EXPECT_EQ(sql("FROM bad"), "7\n") << "what was published stays";
}

TEST_F(Views, of_a_first_run_that_failed_are_not_shown) {
    view("bad", "SELECT max(CAST(name AS INTEGER)) AS n FROM t\n");
    view("good", "SELECT count(*) AS n FROM t\n");
    day("2024-03-01", "1,b,1.5\n");
    EXPECT_EQ(weir_with({"run"}).exit_code, 1);
    ASSERT_TRUE(fs::exists(project / "lake" / "good"));
    const auto asked = weir_with({"sql", "FROM good"});
    EXPECT_EQ(asked.exit_code, 1);
    EXPECT_THAT(asked.err, HasSubstr("view 'good' has no published result yet"));
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "1\n");
    view("bad", "SELECT max(name) AS n FROM t\n");
    run_ok();
    EXPECT_EQ(sql("FROM good"), "1\n");
}

TEST_F(Views, may_write_the_names_of_tables_in_another_case) {
    put("sources/Visits.yaml", "files: visits/{date}.csv\narrival_date: path\ncontract: t\n");
    put("sources/Kinds.yaml", "files: kinds.csv\narrival_date: 2024-03-01\ncontract: t\nreference: true\n");
    put("kinds.csv", header + "1,a,1\n");
    view("by_name", "SELECT name, count(*) AS n, sum(id) AS ids FROM VISITS GROUP BY name\n");
    view("of_kinds", "SELECT k.name, max(v.id) AS last FROM visits v JOIN kinds k USING (name) GROUP BY k.name\n");
    view("clean", "SELECT id FROM vISITS WHERE amount > 1\n");
    day("2024-03-01", "1,a,1\n");
    put("visits/2024-03-01.csv", header + "1,a,1\n2,b,2\n");
    run_ok();
    put("visits/2024-03-02.csv", header + "3,a,3\n");
    run_ok({"--only", "t", "Kinds", "Visits"});
    EXPECT_EQ(weir_with({"verify", "--live"}).exit_code, 0);
    run_ok();
    EXPECT_EQ(sql("FROM by_name ORDER BY name"), "a,2,4\nb,1,2\n");
    EXPECT_EQ(sql("FROM of_kinds"), "a,3\n");
    EXPECT_EQ(sql("FROM clean ORDER BY id"), "2\n3\n");
    expect_verified();
}

TEST_F(Views, are_computed_side_by_side_and_told_in_order) {
    put("weir.yaml", "name: shop\nengine: {threads: 4}\n");
    for (int i = 0; i < 20; ++i)
        view("v" + std::to_string(10 + i), "SELECT name, count(*) + " + std::to_string(i) +
                                               " AS n, sum(amount) AS s FROM t WHERE id % 20 <> " + std::to_string(i) +
                                               " GROUP BY name\n");
    view("bad", "SELECT max(CAST(name || '?' AS INTEGER)) AS m FROM t\n");
    view("on_bad", "SELECT m FROM bad\n");
    view("on_v10", "SELECT sum(n) AS n FROM v10\n");
    view("on_all", "SELECT sum(v11.n) AS n FROM v11 JOIN v12 USING (name) JOIN on_v10 ON true\n");
    day("2024-03-01", rows(1000));
    const auto steps = json_of({"run"}, 1).at("steps");
    std::vector<std::string> order, failed;
    for (const auto& step : steps) {
        if (step.at("kind") != "view") continue;
        order.push_back(step.at("node"));
        if (step.at("state") == "failed") failed.push_back(step.at("node"));
    }
    EXPECT_EQ(order.size(), 24u);
    EXPECT_EQ(failed, (std::vector<std::string>{"bad", "on_bad"}));
    std::vector<std::string> planned;
    const auto plan = json_of({"plan"});
    for (const auto& each : plan.at("views")) planned.push_back(each.at("view"));
    EXPECT_EQ(order, planned);
    view("bad", "SELECT max(id) AS m FROM t\n");
    run_ok();
    expect_verified();
    EXPECT_EQ(sql("SELECT n FROM on_v10"), "950\n");
}

TEST_F(Views, a_changed_text_has_a_state_of_its_own) {
    view("v", "SELECT name, count(*) AS n FROM t GROUP BY name\n");
    view("w", "SELECT name, count(*) AS n, max(id) AS m FROM t GROUP BY name\n");
    day("2024-03-01", rows(10));
    run_ok();
    const auto before = states();
    ASSERT_EQ(before.size(), 2u);
    view("v", "SELECT name, min(id) AS n FROM t GROUP BY name\n");
    const auto planned = weir_with({"plan"});
    EXPECT_THAT(planned.out, HasSubstr("its text, a macro or a parameter changed"));
    run_ok();
    const auto after = states();
    EXPECT_EQ(after.size(), 2u);
    EXPECT_NE(after, before);
    std::vector<fs::path> same;
    std::set_intersection(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(same));
    EXPECT_EQ(same.size(), 1u) << "the other view's state is still used";
    expect_verified();
    // The same text in another view is the same state.
    view("v", "SELECT name, count(*) AS other, max(id) AS m FROM t GROUP BY name HAVING count(*) > 0\n");
    run_ok();
    EXPECT_EQ(states().size(), 1u);
    expect_verified();
}

TEST_F(Views, a_table_made_anew_under_the_same_name_is_another_one) {
    view("v", "SELECT name, sum(id) AS n FROM t GROUP BY name\n");
    day("2024-03-01", rows(10));
    run_ok();
    const auto state = states().at(0).filename();
    fs::rename(project / "lake" / "weir" / state, scratch.path() / "state");
    fs::remove_all(project / "lake");
    day("2024-03-01", rows(10, 100));
    run_ok();
    fs::remove_all(project / "lake" / "weir" / state);
    fs::rename(scratch.path() / "state", project / "lake" / "weir" / state);
    day("2024-03-02", rows(10, 200));
    EXPECT_THAT(json_of({"run"}).dump(), HasSubstr("was built again: table t is not the one that it was"));
    EXPECT_EQ(sql("SELECT sum(n) FROM v"), std::to_string(1045 + 2045) + "\n");
    expect_verified();
}

TEST_F(Views, new_rows_that_were_optimized_and_vacuumed_before_the_state_took_them) {
    view("v", "SELECT name, sum(id) AS n FROM t GROUP BY name\n");
    day("2024-03-01", rows(10));
    run_ok();
    for (int i = 2; i < 6; ++i) {
        day("2024-03-0" + std::to_string(i), rows(10, 10 * i));
        run_ok({"--only", "t"});
    }
    // Files of one day are one file after this.
    put("in/2024-03-05b.csv", header + rows(10, 60));
    source("in/{date}*.csv", "arrival_date: path\n");
    run_ok({"--only", "t"});
    ASSERT_EQ(weir_with({"table", "optimize", "t"}).exit_code, 0);
    ASSERT_EQ(weir_with({"table", "vacuum", "t", "--apply", "--retain-hours", "0", "--below-retention"}).exit_code, 0);
    EXPECT_THAT(json_of({"run"}).dump(), HasSubstr("was built again: table t was optimized"));
    EXPECT_EQ(sql("SELECT sum(n) FROM v"), sql("SELECT sum(id) FROM t"));
    expect_verified();
}

TEST_F(Views, a_reference_table_that_changes) {
    put("sources/kinds.yaml",
        "files: kinds/*.csv\nformat: csv\ncontract: kinds\nreference: true\narrival_date: \"2024-01-01\"\n");
    put("contracts/kinds.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: kinds\nversion: 1.0.0\nstatus: active\nschema:\n- name: kinds\n"
        "  logicalType: object\n  properties:\n  - {name: name, logicalType: string}\n  - {name: kind, logicalType: "
        "string}\n");
    put("kinds/a.csv", "name,kind\nn1,odd\nn2,even\n");
    view("v", "SELECT kind, count(*) AS n FROM t LEFT JOIN kinds USING (name) GROUP BY kind\n");
    day("2024-03-01", "1,n1,1\n2,n2,1\n3,n3,1\n");
    run_ok();
    EXPECT_EQ(sql("SELECT * FROM v ORDER BY kind NULLS LAST"), "even,1\nodd,1\n,1\n");
    put("kinds/b.csv", "name,kind\nn3,odd\n");
    EXPECT_THAT(weir_with({"plan"}).out, HasSubstr("its inputs changed"));
    const auto finished = json_of({"run"});
    EXPECT_THAT(finished.dump(), HasSubstr("reference table kinds changed"));
    EXPECT_EQ(sql("SELECT * FROM v ORDER BY kind"), "even,1\nodd,2\n");
    expect_verified();
}

TEST_F(Views, a_reference_table_that_arrives_later_holds_for_all_days) {
    put("sources/kinds.yaml",
        "files: kinds/{date}.csv\nformat: csv\ncontract: kinds\nreference: true\narrival_date: path\n");
    put("contracts/kinds.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: kinds\nversion: 1.0.0\nstatus: active\nschema:\n- name: kinds\n"
        "  logicalType: object\n  properties:\n  - {name: name, logicalType: string}\n  - {name: kind, logicalType: "
        "string}\n");
    put("kinds/2024-03-02.csv", "name,kind\nn1,odd\n");
    put("views/kept.sql",
        "/* weir\nkeep: every_interval\n*/\nSELECT kind, count(*) AS n FROM t LEFT JOIN kinds USING (name) GROUP BY "
        "kind\n");
    view("joined", "SELECT id, kind FROM t LEFT JOIN kinds USING (name)\n");
    day("2024-03-01", "1,n1,1\n2,n2,1\n");
    day("2024-03-02", "3,n3,1\n");
    run_ok();
    expect_verified();
    const auto kept = [&] { return sql("SELECT run_date, kind, n FROM history.kept ORDER BY 1, kind NULLS LAST"); };
    EXPECT_EQ(kept(), "2024-03-01,odd,1\n2024-03-01,,1\n2024-03-02,odd,1\n2024-03-02,,2\n");
    put("kinds/2024-03-03.csv", "name,kind\nn2,even\n");
    EXPECT_THAT(weir_with({"plan"}).out, HasSubstr("its inputs changed"));
    run_ok();
    expect_verified();
    EXPECT_EQ(kept(),
              "2024-03-01,even,1\n2024-03-01,odd,1\n2024-03-02,even,1\n2024-03-02,odd,1\n2024-03-02,,1\n"
              "2024-03-03,even,1\n2024-03-03,odd,1\n2024-03-03,,1\n");
    EXPECT_EQ(sql("SELECT * FROM joined ORDER BY id"), "1,odd\n2,even\n3,\n");
}

TEST_F(Views, live_is_up_to_the_newest_commits) {
    views_of_all_kinds();
    view("never_run", "SELECT sum(id) AS s FROM t\n");
    day("2024-03-01", rows(10));
    run_ok({"--only", "t", "by_name", "names_a_day", "newest", "gaps", "kept", "of_views"});
    const auto live = [&](const std::string& statement) {
        const auto finished = weir_with({"sql", statement, "--live", "--format", "csv"});
        EXPECT_EQ(finished.exit_code, 0) << finished.err;
        return finished.out.substr(finished.out.find('\n') + 1);
    };
    EXPECT_EQ(live("SELECT sum(n) FROM by_name"), "10\n");
    day("2024-03-02", rows(5, 10));
    run_ok({"--only", "t"});
    EXPECT_EQ(sql("SELECT sum(n) FROM by_name"), "10\n") << "what was published stays";
    EXPECT_EQ(live("SELECT (SELECT sum(n) FROM by_name), (SELECT count(*) FROM t), (SELECT s FROM never_run), (SELECT "
                   "count(*) FROM gaps), (SELECT sum(n) FROM kept), (SELECT count(*) FROM weir.files)"),
              "15,15,105,15,15,2\n");
    const auto verdicts = json_of({"verify", "--live"});
    EXPECT_EQ(verdicts.at("equal"), true) << verdicts.dump(1);
    EXPECT_EQ(verdicts.at("verdicts").size(), 7u);
    EXPECT_EQ(json_of({"verify", "gaps", "--live"}).at("verdicts").at(0).at("rows"), 15);
    EXPECT_THAT(weir_with({"verify", "gap", "--live"}).err, HasSubstr("gaps"));
    // The day goes on: names that mean time mean its end.
    run_ok();
    for (const auto* name : {"by_name", "names_a_day", "newest", "gaps", "of_views"})
        EXPECT_EQ(live("SELECT * FROM " + std::string(name) + " ORDER BY ALL"),
                  sql("SELECT * FROM " + std::string(name) + " ORDER BY ALL"))
            << name;
    EXPECT_EQ(weir_with({"sql", "SELECT 1", "--live", "--as-of", "1"}).exit_code, 2);
    const auto bare = weir_with({"sql", "--lake", (project / "lake").string(), "-C", "/", "SELECT 1", "--live"});
    EXPECT_EQ(bare.exit_code, 2) << bare.err;
    EXPECT_THAT(bare.err, HasSubstr("no project"));
}

TEST_F(Views, a_failed_view_leaves_the_old_publication) {
    view("good", "SELECT count(*) AS n FROM t\n");
    view("bad", "SELECT sum(CASE WHEN id > 15 THEN error('too much') ELSE id END) AS n FROM t\n");
    view("bad", "SELECT count(*) AS n, max(CASE WHEN id > 15 THEN CAST(name || '?' AS INTEGER) END) AS m FROM t\n");
    day("2024-03-01", rows(10));
    run_ok();
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "10,10\n");
    day("2024-03-02", rows(10, 10));
    run_fails(1, {"while computing view 'bad'"});
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "10,10\n") << "two runs are mixed";
    EXPECT_EQ(sql("SELECT max(publication) FROM weir.publications"), "1\n");
    view("bad", "SELECT count(*) AS n FROM t\n");
    run_ok();
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "20,20\n");
    EXPECT_EQ(sql("SELECT publication, count(*), min(rows), count(DISTINCT cut) FROM weir.publications GROUP BY 1 "
                  "ORDER BY 1"),
              "1,2,1,1\n2,2,1,1\n");
    // Nothing new: nothing published.
    run_ok();
    EXPECT_EQ(sql("SELECT max(publication) FROM weir.publications"), "2\n");
}

TEST_F(Views, nothing_is_published_past_a_view_that_failed) {
    view("good", "SELECT count(*) AS n FROM t\n");
    view("bad", "SELECT count(*) AS n, max(CASE WHEN id > 15 THEN CAST(name || '?' AS INTEGER) END) AS m FROM t\n");
    day("2024-03-01", rows(10));
    run_ok();
    day("2024-03-02", rows(10, 10));
    run_fails(1, {"while computing view 'bad'"});
    // The results of the failed run lie there; a run that looks at no view does not publish them.
    run_ok({"--only", "t"});
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "10,10\n") << "two runs are mixed";
    // Nor does vacuum take away what readers see.
    ASSERT_EQ(weir_with({"table", "vacuum", "good", "--apply", "--retain-hours", "0", "--below-retention"}).exit_code,
              0);
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "10,10\n");
    // Of a view that was asked for alone, readers see the new result.
    run_ok({"--view", "good"});
    EXPECT_EQ(sql("SELECT good.n, bad.n FROM good, bad"), "20,10\n");
}

TEST_F(Views, a_result_that_was_tampered_with_is_found) {
    view("v", "SELECT name, count(*) AS n FROM t GROUP BY name\n");
    day("2024-03-01", "1,a,1\n2,a,1\n3,b,1\n");
    run_ok();
    expect_verified();
    // Another value in the same place of the same file.
    const auto other = scratch.path() / "other.parquet";
    fs::path file;
    for (const auto& entry : fs::directory_iterator(project / "lake" / "v"))
        if (entry.path().extension() == ".parquet") file = entry.path();
    ASSERT_EQ(weir_with({"sql", "SELECT name, CASE name WHEN 'a' THEN 7 ELSE n END AS n FROM v", "--format", "parquet",
                         "--out", other.string()})
                  .exit_code,
              0);
    fs::copy_file(other, file, fs::copy_options::overwrite_existing);
    const auto verdicts = json_of({"verify"}, 1);
    EXPECT_EQ(verdicts.at("equal"), false);
    const auto& first = verdicts.at("verdicts").at(0).at("first");
    EXPECT_EQ(first.at("column"), "n");
    EXPECT_EQ(first.at("recomputed").at("n"), "2");
    EXPECT_EQ(first.at("published").at("n"), "7");
    EXPECT_EQ(first.at("events").size(), 2u) << first.dump(1);
    EXPECT_EQ(first.at("events").at(0).at("name"), "a");
    const auto told = weir_with({"verify"});
    EXPECT_EQ(told.exit_code, 1);
    EXPECT_THAT(told.out, HasSubstr("column n differs"));
    EXPECT_EQ(sql("SELECT verdict, missing, surplus FROM weir.verdicts ORDER BY verified_at"),
              "equal,0,0\ndiffers,1,1\ndiffers,1,1\n");
    EXPECT_EQ(weir_with({"verify", ".", "w"}).exit_code, 1);
}

TEST_F(Views, a_text_that_was_changed_since_is_not_compared) {
    view("v", "SELECT count(*) AS n FROM t\n");
    view("w", "SELECT max(id) AS most FROM t\n");
    day("2024-03-01", "1,a,1\n2,a,1\n");
    run_ok();
    view("v", "SELECT count(*) + 1 AS n FROM t\n");
    const auto verified = json_of({"verify"});
    EXPECT_EQ(verified.at("equal"), true);
    EXPECT_EQ(verified.at("verdicts").size(), 1u);
    EXPECT_EQ(verified.at("rewritten"), json::array({"v"}));
    EXPECT_THAT(weir_with({"verify"}).out, HasSubstr("not compared"));
    EXPECT_EQ(sql("SELECT DISTINCT view FROM weir.verdicts"), "w\n");
    run_ok();
    expect_verified();
}

TEST_F(Views, a_table_that_came_to_be_after_a_publication_is_no_difference) {
    view("broken", "SELECT (SELECT count(*) FROM weir.quarantine) AS broken, count(*) AS n FROM t\n");
    day("2024-03-01", rows(10));
    run_ok();
    day("2024-03-02", rows(3, 10) + "x,broken,1\n");
    run_ok({"--only", "t"});
    EXPECT_EQ(sql("SELECT count(*) FROM weir.quarantine"), "1\n");
    expect_verified();
    run_ok();
    EXPECT_EQ(sql("SELECT broken, n FROM broken"), "1,13\n");
    expect_verified();
}

TEST_F(Views, explain_tells_states_and_rows) {
    views_of_all_kinds();
    day("2024-03-01", rows(10));
    run_ok();
    const auto names = json_of({"explain", "names_a_day"});
    ASSERT_EQ(names.at("states").size(), 2u) << names.dump(1);
    EXPECT_EQ(names.at("states").at(0).at("kind"), "values");
    EXPECT_EQ(names.at("states").at(0).at("rows"), 10);
    EXPECT_EQ(names.at("lineage").at("events"), json::array({"t"}));
    EXPECT_TRUE(names.at("rows_of").empty());
    EXPECT_EQ(names.at("lineage").at("columns").at(1), json::parse(R"({"column": "names", "origins": [
                  {"kind": "value", "table": "t", "column": "name"},
                  {"kind": "condition", "table": "t", "column": "_arrival_date"}]})"));
    EXPECT_EQ(sql("SELECT * EXCLUDE (view) FROM weir.lineage WHERE view = 'of_views' ORDER BY ALL"),
              "most,by_name,n,value\nnames,newest,*,value\n");
    const auto gaps = json_of({"explain", "gaps"});
    EXPECT_TRUE(gaps.at("states").empty());
    EXPECT_EQ(gaps.at("rows_of"), json::array({"t"}));
    const auto text = weir_with({"explain", "by_name"});
    EXPECT_THAT(text.out, HasSubstr("one row per key"));
    EXPECT_THAT(text.out, HasSubstr("partial"));
    EXPECT_THAT(weir_with({"explain", "by_name", "--svg"}).out, HasSubstr("</svg>"));
    EXPECT_THAT(weir_with({"explain", "by_name", "--dot"}).out, HasSubstr("\"t\" -> \"state_"));
    const auto missing = weir_with({"explain", "by_nam"});
    EXPECT_EQ(missing.exit_code, 1) << missing.err;
    EXPECT_THAT(missing.err, HasSubstr("by_name"));
}

class Changes : public Views {
protected:
    Changes() {
        contract({.columns = {"{name: name, logicalType: string}", "{name: amount, logicalType: number}",
                              "{name: change, logicalType: integer, required: true}"}});
        source("in/{date}.csv", "arrival_date: path\nweight: change\n");
        view("sums",
             "SELECT name, count(*) AS n, count(amount) AS known, sum(amount) AS total, avg(amount) AS mean, "
             "stddev(amount) AS spread FROM t GROUP BY name\n");
        view("values",
             "SELECT name, min(amount) AS low, max(amount) AS high, count(DISTINCT amount) AS amounts, median(amount) "
             "AS "
             "middle, approx_count_distinct(amount) AS about, first(amount ORDER BY amount DESC) AS first FROM t GROUP "
             "BY "
             "name\n");
        view("names", "SELECT DISTINCT name FROM t\n");
        view("highest", "SELECT DISTINCT ON (name) name, amount FROM t ORDER BY name, amount DESC\n");
        view("ranks", "SELECT name, amount, row_number() OVER (ORDER BY amount, name) AS place FROM t\n");
        view("known", "SELECT * FROM t WHERE amount IS NOT NULL\n");
        view("of_views",
             "SELECT n.name, count(k.amount) AS n FROM names n LEFT JOIN known k USING (name) GROUP BY 1\n");
        view("whole", "SELECT count(*) AS n, sum(amount) AS total, max(name) AS last FROM t\n");
        put("views/kept.sql",
            "/* weir\nkeep: every_interval\n*/\nSELECT name, sum(amount) AS total FROM t GROUP BY name\n");
        view("rows_left", "SELECT name, amount, count(*) AS n FROM t GROUP BY ALL ORDER BY ALL\n");
    }
    void day(const std::string& date, const std::string& content) {
        put("in/" + date + ".csv", "name,amount,change\n" + content);
    }
    std::string all() const {
        std::string text;
        for (const auto* view : {"sums", "values", "names", "highest", "ranks", "known", "of_views", "whole"})
            text += std::string(view) + "\n" + sql("SELECT * FROM \"" + std::string(view) + "\" ORDER BY ALL");
        return text + sql("SELECT * FROM history.kept ORDER BY ALL");
    }
};

TEST_F(Changes, rows_that_were_taken_back_were_never_there) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::map<std::string, int> left;  // "name,amount": how often
    for (int date = 10; date < 14; ++date) {
        std::string content;
        for (int i = 0, count = 1 + static_cast<int>(random() % 30); i < count; ++i) {
            if (!left.empty() && random() % 2 == 0) {
                auto row = std::next(left.begin(), static_cast<long>(random() % left.size()));
                const int back = 1 + static_cast<int>(random() % static_cast<unsigned>(row->second));
                content += row->first + "," + std::to_string(-back) + "\n";
                if ((row->second -= back) == 0) left.erase(row);
            } else {
                const auto row = "n" + std::to_string(random() % 5) + "," +
                                 (random() % 5 == 0 ? "" : std::to_string(random() % 20) + ".5");
                const int more = 1 + static_cast<int>(random() % 2);
                content += row + "," + std::to_string(more) + "\n";
                left[row] += more;
            }
        }
        day("2024-03-" + std::to_string(date), content);
        run_ok();
        expect_verified();
        std::vector<std::string> expected;
        for (const auto& [row, count] : left) expected.push_back(row + "," + std::to_string(count));
        std::vector<std::string> found;
        std::istringstream lines(sql("SELECT * FROM rows_left"));
        for (std::string line; std::getline(lines, line);) found.push_back(line);
        std::sort(expected.begin(), expected.end());
        std::sort(found.begin(), found.end());
        EXPECT_EQ(found, expected);
    }
    const auto grown = all();
    run_ok({"--full"});
    EXPECT_EQ(all(), grown);
    fs::remove_all(project / "lake");
    run_ok();
    EXPECT_EQ(all(), grown);
}

TEST_F(Changes, everything_can_be_taken_back) {
    day("2024-03-01", "a,1.5,1\nb,2.5,2\n");
    run_ok();
    EXPECT_EQ(sql("SELECT n, total FROM whole"), "3,6.5\n");
    day("2024-03-02", "b,2.5,-2\na,1.5,-1\n");
    run_ok();
    expect_verified();
    EXPECT_EQ(sql("SELECT n, total FROM whole"), "0,\n");
    EXPECT_EQ(sql("SELECT count(*) FROM sums"), "0\n");
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "4\n");
    const auto states = json_of({"explain", "values"}).at("states");
    for (const auto& state : states) EXPECT_EQ(state.at("weighted"), true);
    EXPECT_THAT(weir_with({"explain", "highest"}).out, HasSubstr("the first row of a key can be taken back"));
}

TEST_F(Changes, weights_that_are_declared_later_count_for_all_rows) {
    source("in/{date}.csv", "arrival_date: path\n");
    view("pairs", "SELECT name, amount FROM t\n");
    std::string rows = "a,1,1\na,1,-1\n";
    for (int i = 0; i < 20; ++i) rows += "b" + std::to_string(i) + ",2,1\n";
    day("2024-03-01", rows);
    run_ok();
    EXPECT_EQ(sql("SELECT count(*) FROM pairs WHERE name = 'a'"), "2\n");
    source("in/{date}.csv", "arrival_date: path\nweight: change\n");
    day("2024-03-02", "c,3,1\n");
    run_ok();
    expect_verified();
    EXPECT_EQ(sql("SELECT count(*) FROM pairs WHERE name = 'a'"), "0\n");
}

TEST_F(Changes, an_expression_that_fails_over_a_row_that_is_gone) {
    view("logarithms", "SELECT sum(ln(amount)) AS s FROM t\n");
    day("2024-03-01", "a,1,1\nb,0,1\nb,0,-1\n");
    run_ok();
    expect_verified();
    EXPECT_EQ(sql("SELECT s FROM logarithms"), "0.0\n");
}

TEST_F(Views, macros_that_aggregate_are_split_as_if_they_were_written_out) {
    put("macros.sql",
        "CREATE MACRO total(x, factor := 1) AS sum(x) * factor;\n"
        "CREATE MACRO twice_total(x) AS total(x, factor := 2);\n"
        "CREATE MACRO half(x) AS x / 2;\n"
        "CREATE MACRO from_on(n) AS TABLE SELECT id % 2 AS odd, id FROM t WHERE id >= n;\n"
        "CREATE MACRO above(n) AS (SELECT count(*) FROM t WHERE t.id > n);\n");
    view("totals", "SELECT id % 2 AS odd, twice_total(id) AS s FROM t GROUP BY 1\n");
    view("written_out", "SELECT id % 2 AS odd, sum(id) * 2 AS s FROM t GROUP BY 1\n");
    view("rows_of_macro", "SELECT odd, id FROM from_on(1)\n");
    view("over_rows", "SELECT odd, count(*) AS n FROM rows_of_macro GROUP BY odd\n");
    view("halves", "SELECT sum(half(id)) AS s FROM t\n");
    view("places", "SELECT id, above(id) AS n FROM t\n");
    for (const auto* date : {"2024-03-01", "2024-03-02"}) {
        day(date, rows(3, date[9] == '1' ? 0 : 3));
        run_ok();
        expect_verified();
    }
    EXPECT_EQ(sql("SELECT * FROM totals ORDER BY odd"), "0,12\n1,18\n");
    EXPECT_EQ(sql("SELECT * FROM over_rows ORDER BY odd"), "0,2\n1,3\n");
    EXPECT_EQ(sql("SELECT s FROM halves"), "7.5\n");
    EXPECT_EQ(sql("SELECT max(n) FROM places"), "0\n");  // the macro's own t hides the caller's, as DuckDB has it
    const auto explained = json_of({"explain", "totals"}), expected = json_of({"explain", "written_out"});
    EXPECT_EQ(explained.at("states").size(), 1U);
    for (const auto* part : {"states", "finish", "plain"}) EXPECT_EQ(explained.at(part), expected.at(part));
    EXPECT_EQ(explained.at("lineage").at("columns"), expected.at("lineage").at("columns"));
    EXPECT_EQ(json_of({"explain", "over_rows"}).at("states").size(), 1U);
    EXPECT_EQ(json_of({"explain", "halves"}).at("states").size(), 1U);
    EXPECT_EQ(json_of({"explain", "places"}).at("states").size(), 0U);
    EXPECT_THAT(weir_with({"explain", "places"}).out,
                HasSubstr("it calls the macro above, which cannot be written out there: t is a name inside"));
}

TEST_F(Views, what_is_wrong_with_a_macro_s_argument_is_told_at_its_place) {
    put("macros.sql", "CREATE MACRO total(x) AS sum(x);\n");
    view("v", "SELECT\n    total(id + nosuch) AS s\nFROM t\n");
    const auto checked = weir_with({"check"});
    EXPECT_THAT(checked.out + checked.err, HasSubstr("views/v.sql:5:16: "));
    view("v", "SELECT\n    total(CASE WHEN id > 1 THEN error('no: ' || id) ELSE id END) AS s\nFROM t\n");
    day("2024-03-01", rows(3));
    const auto run = weir_with({"run"});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_THAT(run.out + run.err, HasSubstr("views/v.sql"));
}

TEST_F(Views, time_is_the_end_of_the_interval) {
    view("v", "SELECT current_date AS today, now() AS at, count(*) AS n FROM t WHERE id < extract(day FROM now())\n");
    day("2024-03-01", rows(10));
    run_ok();
    EXPECT_EQ(sql("SELECT * FROM v"), "2024-03-02,2024-03-02T00:00:00Z,2\n");
    expect_verified();
}

TEST_F(Views, an_earlier_day_that_is_computed_later_says_nothing_of_the_last_one) {
    source("in/{date}/*.csv");
    put("views/kept.sql", "/* weir\nkeep: every_interval\n*/\nSELECT count(*) AS n FROM t\n");
    put("in/2024-03-01/a.csv", header + rows(3));
    run_ok();
    put("in/2024-03-08/a.csv", header + rows(3, 3));
    run_ok();
    const std::string cut = "SELECT interval, cut FROM weir.publications ORDER BY publication DESC LIMIT 1";
    const auto before = sql(cut);
    put("in/2024-03-03/a.csv", header + rows(3, 6));
    run_ok({"--interval", "2024-03-03"});
    EXPECT_EQ(sql(cut), before);
    const auto verified = weir_with({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    run_ok();
    EXPECT_NE(sql(cut), before);
    EXPECT_EQ(sql("SELECT run_date, n FROM history.kept ORDER BY 1"), "2024-03-01,3\n2024-03-03,6\n2024-03-08,9\n");
    EXPECT_EQ(weir_with({"verify"}).exit_code, 0);
}

TEST_F(Views, follow_a_reference_file_that_was_mended) {
    put("sources/kinds.yaml", "files: kinds/*.csv\nformat: csv\ncontract: kinds\nreference: true\n");
    const std::string terms =
        "apiVersion: v3.1.0\nkind: DataContract\nid: kinds\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: "
        "kinds\n"
        "  properties:\n  - {name: name, logicalType: string}\n  - {name: kind, logicalType: string}\n";
    put("contracts/kinds.odcs.yaml", terms);
    put("kinds/1.csv", "name,kind\na,vowel\nb,other\n");
    put("kinds/2.csv", "name,kind\nc,other\n");
    view("by_kind", "SELECT kind, count(*) AS n FROM t JOIN kinds USING (name) GROUP BY kind ORDER BY kind\n");
    day("2024-03-01", "1,a,1\n2,b,2\n3,c,3\n");
    run_ok();
    EXPECT_EQ(sql("FROM by_kind"), "other,2\nvowel,1\n");
    put("kinds/1.csv", "name,kind\na,letter\nb,other\nd,other\n");
    const auto plan = json_of({"plan"});
    EXPECT_EQ(plan.at("sources").at(0).at("files_changed"), 1) << plan;
    EXPECT_EQ(plan.at("views").at(0).at("view"), "by_kind") << plan;
    run_ok();
    EXPECT_EQ(sql("SELECT name, kind FROM kinds ORDER BY ALL"), "a,letter\nb,other\nc,other\nd,other\n");
    EXPECT_EQ(sql("FROM by_kind"), "letter,1\nother,2\n");
    expect_verified();
    run_ok();
    EXPECT_EQ(sql("SELECT count(*) FROM kinds"), "4\n");
    // An index of keys knows those of the old file.
    put("contracts/kinds.odcs.yaml", terms + "  customProperties:\n  - {property: deduplicate, value: [name]}\n");
    put("kinds/1.csv", "name,kind\na,other\n");
    run_fails(3, {"kinds/1.csv", "changed"});
}

}  // namespace
}  // namespace weir::test
