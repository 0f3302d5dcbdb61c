// The command line as a user meets it: help, mistakes, exit codes, JSON, completion, the reference manual.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/docs.h"
#include "support/places.h"
#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

Finished weir_with(std::vector<std::string> words, const RunWith& with = {}) {
    words.insert(words.begin(), weir().string());
    return run(words, with);
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto space = text.find(' ');
        words.emplace_back(text.substr(0, space));
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return words;
}

TEST(Cli, every_command_has_help_with_an_example_and_its_exit_codes) {
    for (const auto& command : cli::commands()) {
        auto words = split(command.name);
        words.push_back("--help");
        const auto finished = weir_with(words);
        EXPECT_EQ(finished.exit_code, 0) << command.name << finished.err;
        EXPECT_NE(finished.out.find("\nExamples\n  "), std::string::npos) << finished.out;
        EXPECT_NE(finished.out.find("\nExit codes\n"), std::string::npos) << finished.out;
        EXPECT_EQ(finished.err, "");
        auto by_help = split(command.name);
        by_help.insert(by_help.begin(), "help");
        EXPECT_EQ(weir_with(by_help).out, finished.out);
    }
}

TEST(Cli, no_command_is_a_mistake_and_help_is_not) {
    const auto nothing = weir_with({});
    EXPECT_EQ(nothing.exit_code, 2);
    EXPECT_EQ(nothing.out, "");
    EXPECT_NE(nothing.err.find("Commands"), std::string::npos);
    const auto help = weir_with({"help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_EQ(help.out, nothing.err);
}

TEST(Cli, a_typo_is_met_with_the_nearest_name) {
    const auto command = weir_with({"docter"});
    EXPECT_EQ(command.exit_code, 2);
    EXPECT_EQ(command.err, "error: 'docter' is not a weir command\n  hint: did you mean 'doctor'?\n");
    const auto option = weir_with({"doctor", "--jsno"});
    EXPECT_EQ(option.exit_code, 2);
    EXPECT_EQ(option.err, "error: `weir doctor` has no option --jsno\n  hint: did you mean '--json'?\n");
}

TEST(Cli, an_error_as_json_has_every_key) {
    const auto finished = weir_with({"--json", "docter"});
    EXPECT_EQ(finished.exit_code, 2);
    const auto error = nlohmann::json::parse(finished.err);
    EXPECT_EQ(error.at("code"), "usage");
    EXPECT_EQ(error.at("severity"), "error");
    EXPECT_EQ(error.at("hint"), "did you mean 'doctor'?");
    for (const auto* key : {"message", "file", "line", "column", "path"}) EXPECT_TRUE(error.contains(key)) << key;
}

TEST(Cli, a_directory_that_is_not_there) {
    const auto finished = weir_with({"-C", "/no/such/place", "version"});
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_NE(finished.err.find("cannot change to /no/such/place"), std::string::npos) << finished.err;
}

TEST(Cli, colours_only_where_asked_for_when_piped) {
    EXPECT_EQ(weir_with({"help"}).out.find('\x1b'), std::string::npos);
    EXPECT_NE(weir_with({"--color", "always", "doctor", "--lake", "/tmp"}).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(weir_with({"--color", "always", "--json", "doctor", "--lake", "/tmp"}).out.find('\x1b'),
              std::string::npos);
}

TEST(Cli, a_reader_that_goes_away_ends_it_quietly) {
    const auto finished = run({"bash", "-c", "'" + weir().string() + "' help | true; exit ${PIPESTATUS[0]}"});
    EXPECT_EQ(finished.err, "");
}

TEST(Doctor, says_what_it_found_and_leaves_nothing_behind) {
    const Scratch scratch("doctor");
    const auto finished = weir_with({"doctor", "--json", "--lake", scratch.path().string()});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    const auto findings = nlohmann::json::parse(finished.out);
    EXPECT_GE(findings.size(), 6u);
    for (const auto& finding : findings) EXPECT_NE(finding.at("verdict"), "error") << finding;
    EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(Doctor, a_place_that_cannot_hold_a_lake) {
    const Scratch scratch("doctor_bad");
    write(scratch / "file", "");
    const auto finished = weir_with({"doctor", "--lake", (scratch / "file" / "lake").string()});
    EXPECT_EQ(finished.exit_code, 4);
    EXPECT_NE(finished.out.find("error"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("hint:"), std::string::npos) << finished.out;
}

TEST(Doctor, looks_at_the_project_where_there_is_one) {
    const Scratch scratch("doctor_project");
    const auto shop = (scratch / "shop").string();
    ASSERT_EQ(weir_with({"new", shop, "--from", "recipes"}).exit_code, 0);
    EXPECT_NE(weir_with({"doctor", shop}).out.find("shop loads"), std::string::npos);
    write(fs::path(shop) / "weir.yaml", "nmae: shop\n");
    const auto broken = weir_with({"doctor", shop});
    EXPECT_EQ(broken.exit_code, 4);
    EXPECT_NE(broken.out.find("`weir check` lists them"), std::string::npos) << broken.out;
}

TEST(Generate, replaces_files_alone) {
    const Scratch scratch("generate");
    write(scratch / "weir.yaml", "name: g\n");
    write(scratch / "generators" / "g.sql", "SELECT n FROM numbers\n");
    const auto into = [&](const std::string& out) {
        return weir_with({"generate", "g", "--count", "2", "--out", out}, {.directory = scratch.path()});
    };
    const std::string made = "{\"n\":0}\n{\"n\":1}\n";
    fs::create_symlink("real.jsonl", scratch / "link");
    ASSERT_EQ(into("link").exit_code, 0);
    EXPECT_TRUE(fs::is_symlink(scratch / "link"));
    EXPECT_EQ(read(scratch / "real.jsonl"), made);
    EXPECT_EQ(into("/dev/stdout").out, made);
    ASSERT_EQ(
        run({"bash", "-c",
             "mkfifo pipe && { cat pipe > got & '" + weir().string() + "' generate g --count 2 --out pipe; wait; }"},
            {.directory = scratch.path(), .timeout_seconds = 300})
            .exit_code,
        0);
    EXPECT_TRUE(fs::is_fifo(scratch / "pipe"));
    EXPECT_EQ(read(scratch / "got"), made);
    const auto folder = into("generators");
    EXPECT_EQ(folder.exit_code, 2);
    EXPECT_NE(folder.err.find("generators is a directory"), std::string::npos) << folder.err;
}

TEST(Completion, bash_takes_the_script_and_offers_words) {
    const Scratch scratch("completion");
    const auto script = weir_with({"completion", "bash"});
    ASSERT_EQ(script.exit_code, 0);
    write(scratch / "weir.bash", script.out);
    EXPECT_EQ(run({"bash", "-n", (scratch / "weir.bash").string()}).exit_code, 0);
    const auto path = weir().parent_path().string();
    const auto offered = [&](const std::string& line, int at) {
        return run({"bash", "-c",
                    "PATH='" + path + "':$PATH; source '" + (scratch / "weir.bash").string() + "'; COMP_WORDS=(" +
                        line + "); COMP_CWORD=" + std::to_string(at) + "; _weir; printf '%s\\n' \"${COMPREPLY[@]}\""})
            .out;
    };
    EXPECT_EQ(offered("weir doc", 1), "doctor\n");
    EXPECT_EQ(offered("weir doctor --col", 2), "--color\n");
    EXPECT_EQ(offered("weir --color ne", 2), "never\n");
}

TEST(Completion, the_other_shells_have_a_script_too) {
    for (const auto* shell : {"zsh", "fish"}) {
        const auto finished = weir_with({"completion", shell});
        EXPECT_EQ(finished.exit_code, 0);
        EXPECT_NE(finished.out.find("weir __complete"), std::string::npos);
    }
    EXPECT_EQ(weir_with({"completion", "tcsh"}).exit_code, 2);
}

TEST(Reference, the_committed_manual_is_the_programs) {
    for (const auto& page : cli::reference_pages())
        EXPECT_EQ(read(source_folder() / "docs" / "reference" / page.file), page.text)
            << "docs/reference/" << page.file << " is not what the program says; run `weir docs --out docs/reference`";
}

// A project and a lake with one table, written without weir's help: a log of one commit over one Parquet file.
class Lake : public testing::Test {
protected:
    Scratch scratch{"cli_lake"};
    fs::path lake = scratch / "lake";

    void SetUp() override {
        write(
            lake / "trips" / "_delta_log" / "00000000000000000000.json",
            R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})"
            "\n"
            R"({"metaData":{"id":"00000000-0000-0000-0000-000000000001","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"who\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{}}})"
            "\n");
        const auto file = (lake / "trips" / "a.parquet").string();
        const auto written =
            sql("SELECT i + 1 AS id, CASE i WHEN 0 THEN 'a,b' WHEN 1 THEN NULL ELSE 'Grüße' END AS who "
                "FROM range(3) t(i)",
                {"--format", "parquet", "--out", file});
        ASSERT_EQ(written.exit_code, 0) << written.err;
        write(lake / "trips" / "_delta_log" / "00000000000000000001.json",
              R"({"add":{"path":"a.parquet","partitionValues":{},"size":)" + std::to_string(fs::file_size(file)) +
                  R"(,"modificationTime":1700000000000,"dataChange":true}})"
                  "\n");
    }
    Finished sql(const std::string& statement, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"sql", "--lake", lake.string(), statement});
        return weir_with(more);
    }
};

TEST_F(Lake, rows_in_every_format) {
    const std::string all = "SELECT * FROM trips ORDER BY id";
    EXPECT_EQ(sql(all).out, "id  who\n──  ─────\n 1  a,b\n 2  NULL\n 3  Grüße\n");
    EXPECT_EQ(sql(all, {"--format", "csv"}).out, "id,who\n1,\"a,b\"\n2,\n3,Grüße\n");
    EXPECT_EQ(sql(all, {"--format", "ndjson"}).out,
              "{\"id\":1,\"who\":\"a,b\"}\n{\"id\":2,\"who\":null}\n{\"id\":3,\"who\":\"Grüße\"}\n");
    EXPECT_EQ(nlohmann::json::parse(sql(all, {"--json"}).out).size(), 3u);
    const auto parquet = sql(all, {"--format", "parquet"});
    EXPECT_EQ(parquet.exit_code, 2);
    EXPECT_NE(parquet.err.find("--out FILE"), std::string::npos);
}

TEST_F(Lake, only_reading_is_done) {
    for (const auto* statement :
         {"DROP TABLE trips", "CREATE TABLE x AS SELECT 1", "INSERT INTO trips VALUES (1)", "DELETE FROM trips",
          "COPY (SELECT 1) TO '/tmp/weir_must_not_be'", "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/weir_must_not_be'",
          "ATTACH '/tmp/weir_must_not_be'", "SET threads = 1", "CALL pragma_version()", "INSTALL httpfs"}) {
        const auto finished = sql(statement);
        EXPECT_EQ(finished.exit_code, 1) << statement << finished.out << finished.err;
        EXPECT_NE(finished.err.find("only reads"), std::string::npos) << statement << ": " << finished.err;
    }
    EXPECT_EQ(sql("WITH x AS (SELECT 1) INSERT INTO trips FROM x").exit_code, 1);
    EXPECT_EQ(sql("WITH x AS (SELECT 1 AS table_name) INSERT INTO weir.runs (run_id) SELECT 'x'").exit_code, 1);
    EXPECT_FALSE(fs::exists("/tmp/weir_must_not_be"));
    EXPECT_EQ(sql("EXPLAIN SELECT * FROM trips").exit_code, 0);
    EXPECT_EQ(sql("DESCRIBE trips").exit_code, 0);
    EXPECT_EQ(sql("SHOW TABLES", {"--format", "csv"}).out.substr(0, 5), "name\n");
    EXPECT_EQ(sql("/* c */ FROM trips; -- end").exit_code, 0);
}

TEST_F(Lake, mistakes_in_sql_have_their_place) {
    EXPECT_EQ(sql("SELECT *\nFROM tripz").err,
              "sql:2:6: there is no table or view 'tripz'\n  hint: did you mean 'trips'?\n");
    const auto column = sql("SELECT idd FROM trips");
    EXPECT_EQ(column.exit_code, 1);
    EXPECT_EQ(column.err.substr(0, 8), "sql:1:8:") << column.err;
    EXPECT_EQ(sql("SELECT 1; SELECT 2").exit_code, 2);
    EXPECT_EQ(sql("").exit_code, 2);
    EXPECT_EQ(sql("SELECT 1", {"--as-of", "soon"}).exit_code, 2);
}

TEST_F(Lake, earlier_versions) {
    EXPECT_EQ(sql("SELECT count(*) AS n FROM trips", {"--as-of", "0", "--format", "csv"}).out, "n\n0\n");
    const auto future = sql("FROM trips", {"--as-of", "7"});
    EXPECT_EQ(future.exit_code, 1) << future.err;
}

TEST_F(Lake, exports_are_files_that_appear_whole) {
    const auto finished = weir_with({"export", "trips", "--lake", lake.string(), "--out", (scratch / "out").string()});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_EQ(read(scratch / "out" / "trips.csv"), "id,who\n1,\"a,b\"\n2,\n3,Grüße\n");
    const auto typo = weir_with({"export", "tripz", "--lake", lake.string(), "--out", (scratch / "out").string()});
    EXPECT_EQ(typo.exit_code, 1);
    EXPECT_NE(typo.err.find("did you mean 'trips'?"), std::string::npos) << typo.err;
    EXPECT_EQ(weir_with({"export", "trips", "--lake", lake.string()}).exit_code, 2);
}

TEST_F(Lake, tables_are_shown_and_maintained) {
    const auto table = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "table");
        words.insert(words.end(), {"--lake", lake.string(), "--json"});
        const auto finished = weir_with(words);
        EXPECT_EQ(finished.exit_code, 0) << words[1] << finished.err;
        return nlohmann::json::parse(finished.out, nullptr, false);
    };
    EXPECT_EQ(table({"ls"}).at(0).at("name"), "trips");
    EXPECT_EQ(table({"show", "trips"}).at("columns").size(), 2u);
    EXPECT_EQ(table({"show", (lake / "trips").string()}).at("version"), 1);
    EXPECT_EQ(table({"history", "trips"}).size(), 2u);
    EXPECT_EQ(table({"checkpoint", "trips"}).at("version"), 1);
    EXPECT_EQ(table({"optimize", "trips"}).at("version"), nullptr);
    EXPECT_EQ(table({"vacuum", "trips"}).at("dry_run"), true);
    EXPECT_EQ(table({"restore", "trips", "0"}).at("version"), 2);
    EXPECT_EQ(sql("SELECT count(*) AS n FROM trips", {"--format", "csv"}).out, "n\n0\n");
    EXPECT_EQ(table({"restore", "trips", "1"}).at("restored"), 1);
    EXPECT_EQ(sql("SELECT count(*) AS n FROM trips", {"--format", "csv"}).out, "n\n3\n");
    const auto typo = weir_with({"table", "show", "tripz", "--lake", lake.string()});
    EXPECT_EQ(typo.exit_code, 1);
    EXPECT_NE(typo.err.find("did you mean 'trips'?"), std::string::npos) << typo.err;
    EXPECT_EQ(weir_with({"table", "vacuum", "trips", "--lake", lake.string(), "--retain-hours", "0"}).exit_code, 1);
    EXPECT_EQ(weir_with({"table", "histroy"}).err,
              "error: 'histroy' is not a command of `weir table`\n  hint: did you mean 'history'?\n");
    for (const auto* command : {"show", "history"})
        EXPECT_EQ(weir_with({"table", command, "trips", "--lake", lake.string()}).exit_code, 0) << command;
}

TEST_F(Lake, status_as_text_and_json) {
    EXPECT_NE(weir_with({"status", "--lake", lake.string()}).out.find("trips"), std::string::npos);
    const auto json = nlohmann::json::parse(weir_with({"status", "--lake", lake.string(), "--json"}).out);
    EXPECT_EQ(json.at("tables").at(0).at("rows"), 3);
}

TEST(Project, a_new_one_passes_check_and_a_broken_one_tells_everything) {
    const Scratch scratch("cli_new");
    const auto shop = (scratch / "shop").string();
    ASSERT_EQ(weir_with({"new", shop, "--from", "recipes"}).exit_code, 0);
    EXPECT_EQ(weir_with({"check", shop}).exit_code, 0);
    EXPECT_EQ(weir_with({"new", shop}).exit_code, 1);
    EXPECT_NE(weir_with({"new", shop, "--from", "recpies"}).err.find("did you mean 'recipes'?"), std::string::npos);
    write(fs::path(shop) / "weir.yaml", read(fs::path(shop) / "weir.yaml") + "\nlakes: x\nlake: y\n");
    const auto broken = weir_with({"check", shop});
    EXPECT_EQ(broken.exit_code, 1);
    EXPECT_NE(broken.err.find("weir.yaml:"), std::string::npos) << broken.err;
    const auto list = nlohmann::json::parse(weir_with({"check", shop, "--json"}).out);
    EXPECT_GE(list.size(), 1u);
    EXPECT_GT(list.at(0).at("line"), 1);
}

// Whatever the help shows works as shown: beside a project made by the first example, or in it.
TEST(Help, every_example_runs) {
    const Scratch scratch("cli_examples");
    const auto shop = scratch / "shop";
    const auto here = [&](const fs::path& directory) { return RunWith{.directory = directory, .environment = {}}; };
    ASSERT_EQ(weir_with({"new", "shop", "--from", "recipes"}, here(scratch.path())).exit_code, 0);
    ASSERT_EQ(weir_with({"run", "shop", "-q"}, here(scratch.path())).exit_code, 0);
    write(scratch / "orders.csv", "id,amount\n1,2.5\n");
    write(shop / "token.secret", std::string(32, 's'));
    write(shop / "serve.yaml",
          read(shop / "serve.yaml") + "access: {tokens: [{algorithm: HS256, secret: '${file:token.secret}'}]}\n");
    fs::create_directories(scratch / "projects");
    for (const auto* name : {"recipes", "learning", "nexmark"})
        fs::create_directory_symlink(source_folder() / "projects" / name, scratch / "projects" / name);
    const auto listed = weir_with({"quarantine", "list", "--json"}, here(shop));
    const auto rows = nlohmann::json::parse(listed.out);
    ASSERT_EQ(rows.size(), 1u) << listed.out;
    const std::map<std::string, std::string> stand_ins{
        {"/srv/lake", (shop / "lake").string()},
        {"/data/other/table", (shop / "lake" / "recipe_changes").string()},
        {"show 4d113d", "show " + rows[0].at("id").get<std::string>().substr(0, 6)}};
    // These name a project that lies beside them, or need none.
    const std::set<std::string_view> outside{"new", "version", "completion", "__complete", "docs", "token key"};
    std::size_t tried = 0;
    for (const auto& command : cli::commands()) {
        EXPECT_FALSE(command.examples.empty()) << command.name;
        for (const auto& example : command.examples) {
            std::string line(example.line);
            const bool missing_shell = (line.find(" fish ") != std::string::npos && !fs::exists("/usr/bin/fish")) ||
                                       (line.find(" zsh") != std::string::npos && !fs::exists("/usr/bin/zsh"));
            if (line == "weir new shop --from recipes" || missing_shell) continue;
            const bool beside = outside.contains(command.name) || line.find(" shop ") != std::string::npos ||
                                line.find(" projects/") != std::string::npos;
            for (const auto& [text, instead] : stand_ins)
                if (const auto at = line.find(text); at != std::string::npos) line.replace(at, text.size(), instead);
            const auto finished = run({"bash", "-c", "PATH='" + weir().parent_path().string() + "':$PATH; " + line},
                                      here(beside ? scratch.path() : shop));
            EXPECT_EQ(finished.exit_code, 0) << line << "\n" << finished.out << finished.err;
            ++tried;
        }
    }
    EXPECT_GE(tried, 30u);
    EXPECT_EQ(read(shop / "out" / "difficulty_report.csv"),
              "difficulty,avg_total_cooking_time\neasy,12.0\nmedium,45.0\nhard,225.71428571428572\n");
}

class Shop : public testing::Test {
protected:
    Scratch scratch{"cli_shop"};
    fs::path shop = scratch / "shop";

    void SetUp() override { ASSERT_EQ(weir_with({"new", shop.string(), "--from", "recipes"}).exit_code, 0); }
    Finished in_shop(std::vector<std::string> words) {
        return weir_with(words, {.directory = shop, .environment = {}});
    }
    nlohmann::json json_of(std::vector<std::string> words) {
        words.push_back("--json");
        const auto finished = in_shop(words);
        EXPECT_EQ(finished.exit_code, 0) << words[0] << finished.err;
        return nlohmann::json::parse(finished.out, nullptr, false);
    }
};

TEST_F(Shop, status_says_what_is_due) {
    EXPECT_NE(in_shop({"status"}).out.find("nothing yet"), std::string::npos);
    ASSERT_EQ(in_shop({"run", "-q"}).exit_code, 0);
    EXPECT_NE(in_shop({"status"}).out.find("all results are up to date"), std::string::npos);
    fs::copy(shop / "sample" / "2024" / "03" / "03", shop / "sample" / "2024" / "03" / "04");
    const auto status = in_shop({"status"}).out;
    EXPECT_NE(status.find("recipe_changes     2024-03-04  1 file to take"), std::string::npos) << status;
    EXPECT_NE(status.find("difficulty_report  2024-03-04  never computed"), std::string::npos) << status;
    const auto due = json_of({"status"}).at("due");
    EXPECT_EQ(due, json_of({"plan"}));
    EXPECT_EQ(due.at("sources").at(0).at("intervals"), nlohmann::json::array({"2024-03-04"}));
    // A file that was taken and has other bytes now: the rest of the answer stands.
    write(shop / "sample" / "2024" / "03" / "01" / "changes.json", "{}\n");
    const auto changed = in_shop({"status"});
    EXPECT_EQ(changed.exit_code, 0);
    EXPECT_NE(changed.out.find("not known: "), std::string::npos) << changed.out;
    EXPECT_NE(changed.out.find("weir.accounting"), std::string::npos) << changed.out;
    EXPECT_TRUE(json_of({"status"}).at("due").contains("error"));
}

TEST_F(Shop, the_effective_configuration_has_no_secrets) {
    auto contract = read(shop / "contracts" / "recipe.odcs.yaml");
    const std::string open = "stands alone.\n    customProperties: [";
    const auto at = contract.find(open);
    ASSERT_NE(at, std::string::npos);
    contract.insert(at + open.size(), "{property: masking, value: {method: hmac-sha256, key: \"${env:SHOP_KEY}\"}}, ");
    write(shop / "contracts" / "recipe.odcs.yaml", contract);
    const auto finished = weir_with({"check", "--effective", "--env", "staging", "--param", "word=lamb"},
                                    {.directory = shop, .environment = {{"SHOP_KEY", "s3cret"}}});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_NE(finished.out.find("environment  staging\n"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("word = lamb\n"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("times = partial  (default)\n"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("lake-staging/export/run_report.csv"), std::string::npos) << finished.out;
    EXPECT_EQ((finished.out + finished.err).find("s3cret"), std::string::npos);
    EXPECT_EQ(json_of({"check", "--effective"}).at("params").at(2).at("value"), "beef");
}

TEST_F(Shop, names_are_completed_in_the_lake_of_the_project) {
    auto project = read(shop / "weir.yaml");
    project.replace(project.find("lake: lake"), 10, "lake: \"elsewhere\"  # ours");
    write(shop / "weir.yaml", project);
    ASSERT_EQ(in_shop({"run", "-q"}).exit_code, 0);
    EXPECT_EQ(in_shop({"__complete", "--", "table", "history", "recipe_c"}).out, "recipe_changes\n:directories\n");
}

TEST_F(Shop, a_view_may_ask_for_its_interval) {
    write(shop / "views" / "days.sql",
          "/* weir\nkeep: every_interval\n*/\nSELECT interval_start() AS a, interval_end() AS b, count(*) AS n\n"
          "FROM recipe_changes\nWHERE _arrival_date >= interval_start()\n");
    ASSERT_EQ(in_shop({"check"}).exit_code, 0) << in_shop({"check"}).err;
    ASSERT_EQ(in_shop({"run", "-q"}).exit_code, 0);
    EXPECT_EQ(in_shop({"sql", "select a, b, n from history.days order by a", "--format", "csv"}).out,
              "a,b,n\n2024-03-01,2024-03-02,23\n2024-03-02,2024-03-03,9\n2024-03-03,2024-03-04,8\n");
}

}  // namespace
}  // namespace weir::test
