// The serving store in a PostgreSQL: tables that are what `weir export` gives, one publication at a time, whoever dies.
#include <signal.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/background.h"
#include "support/postgres.h"
#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

// Waits for it, as long as a busy machine may need.
template <class Condition>
bool soon(Condition condition, int seconds = 60 * slowness) {
    for (int i = 0; i < seconds * 20; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(milliseconds(50));
    }
    return condition();
}

class Postgres : public Shop {
protected:
    Postgres() {
        put("in/a.csv", header + "1,anna,1.5\n2,bo,\n3,\"c,\"\"d\",2\n4,anna,-7\n5,,2\n6,anna,1.5\n7,zoe,1e300\n");
        view("sums", "SELECT name, count(*) AS n, sum(amount) AS total FROM t GROUP BY name");
        view("rows_",
             "SELECT id, name, amount, id % 3 = 0 AS third, DATE '2024-01-01' + id::INT AS day, "
             "TIMESTAMPTZ '2024-01-01 00:00:00Z' + to_hours(id) AS at FROM t ORDER BY id DESC");
    }
    void SetUp() override {
        if (!server.missing().empty()) GTEST_SKIP() << "skipped: " << server.missing();
        ::setenv("WEIR_STORE", server.url().c_str(), 1);
    }
    // serve.yaml with the store, and more of it.
    void serve(const std::string& views, const std::string& more = "") {
        put("serve.yaml", "store: {postgres: \"${env:WEIR_STORE}\", schema: weir}\nviews:\n" + views + more);
    }
    std::unique_ptr<UpServer> up() const { return std::make_unique<UpServer>(project); }
    json exported(const std::string& name) const {
        const auto done = weir_with({"sql", "SELECT * FROM " + name, "--format", "json"});
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return sorted(json::parse(done.out, nullptr, false));
    }
    static json sorted(json rows) {
        std::sort(rows.begin(), rows.end());
        return rows;
    }
    // As PostgreSQL tells them.
    static json stored(Psql& psql, const std::string& name) {
        auto text = psql.value("SELECT coalesce(json_agg(row_to_json(v)), '[]') FROM weir.\"" + name + "\" AS v");
        for (auto at = text.find("+00:00\""); at != std::string::npos; at = text.find("+00:00\"", at))
            text.replace(at, 6, "Z");
        return sorted(json::parse(text, nullptr, false));
    }
    static std::string epoch(Psql& psql) {
        const auto rows = psql.query("SELECT to_regclass('weir.weir_generation') IS NOT NULL");
        return rows[0][0] == "t" ? psql.value("SELECT coalesce(max(epoch), 0) FROM weir.weir_generation") : "0";
    }

    PostgresServer server;
};

TEST_F(Postgres, tables_are_what_weir_export_gives) {
    view("kinds",
         "SELECT id::TINYINT AS a, id::SMALLINT AS b, id::INTEGER AS c, (id * 0.37)::DECIMAL(10,3) AS d, "
         "(id * 100000000000)::DECIMAL(38,0) AS big, CASE id WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN 'inf' ELSE id / 3.0 "
         "END "
         "AS x, (id / 7.0)::FLOAT AS f, TIMESTAMP '1815-12-10 10:00:00.123456' + to_hours(id) AS wall, [id, NULL] AS "
         "list, "
         "{'z': id, 'a': name, 'not': -0.0::DOUBLE} AS struct_, MAP {'zz': 1.5::DECIMAL(4,2), 'a': id} AS map_, id "
         "FROM t");
    serve(
        "- {view: sums, key: [name], indexes: [[total], [n, total]]}\n"
        "- {view: kinds, key: [id], indexes: [d]}\n- {view: rows_, indexes: [[day]]}\n");
    const auto checked = weir_with({"check"});
    EXPECT_EQ(checked.exit_code, 0) << checked.err;
    run_ok();
    const auto weir = up();
    ASSERT_NE(weir->port(), 0) << weir->err();
    Psql psql(server);
    ASSERT_TRUE(soon([&] { return epoch(psql) == "1"; })) << weir->err();
    for (const std::string name : {"sums", "rows_"}) EXPECT_EQ(stored(psql, name), exported(name));
    auto kinds = stored(psql, "kinds");
    for (auto& row : kinds) {
        // The row as the HTTP interface gives it.
        EXPECT_EQ(json::parse(row.at("weir_json").get<std::string>()).at("id"), row.at("id"));
        row.erase("weir_json");
    }
    EXPECT_EQ(sorted(kinds), exported("kinds"));
    const auto types = psql.query(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'weir.kinds'::regclass "
        "AND "
        "attnum > 0 ORDER BY attnum");
    EXPECT_EQ(types, (Table{{"a", "smallint"},
                            {"b", "smallint"},
                            {"c", "integer"},
                            {"d", "numeric(10,3)"},
                            {"big", "numeric(38,0)"},
                            {"x", "double precision"},
                            {"f", "real"},
                            {"wall", "timestamp without time zone"},
                            {"list", "jsonb"},
                            {"struct_", "jsonb"},
                            {"map_", "jsonb"},
                            {"id", "bigint"},
                            {"weir_json", "text"}}));
    EXPECT_EQ(psql.value("SELECT obj_description('weir.sums'::regclass)"), "A view.");
    // A name that is NULL: no primary key, and still no two alike. None in kinds.
    const auto indexes = [&](const std::string& name) {
        return psql.query(
            "SELECT indisprimary, indisunique, pg_get_indexdef(indexrelid, 1, true), indnatts FROM pg_index WHERE "
            "indrelid = 'weir." +
            name + "'::regclass ORDER BY 2 DESC, 3");
    };
    EXPECT_EQ(indexes("sums"), (Table{{"f", "t", "name", "1"}, {"f", "f", "n", "2"}, {"f", "f", "total", "1"}}));
    EXPECT_EQ(indexes("kinds"), (Table{{"t", "t", "id", "1"}, {"f", "f", "d", "1"}}));
    EXPECT_EQ(indexes("rows_"), (Table{{"f", "f", "day", "1"}}));
    const auto published = psql.query(
        "SELECT publication, \"interval\" = to_char(now(), 'YYYY-MM-DD') OR true, cut, rows, published_at IS NOT NULL, "
        "length(code) > 0 FROM weir.weir_publication WHERE view = 'sums'");
    EXPECT_EQ(published, (Table{{"1", "t", "{\"t\":1}", "5", "t", "t"}}));
    EXPECT_THAT(weir->get("/metrics").body, HasSubstr("weir_store_up 1"));
    EXPECT_EQ(weir->stop(), 0) << weir->err();
}

TEST_F(Postgres, a_run_brings_its_results_where_nobody_serves) {
    serve("- {view: sums, key: [name]}\n");
    const auto ran = weir_with({"run", "--load-store"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("PostgreSQL has publication 1 of 2 views"));
    Psql psql(server);
    for (const std::string name : {"sums", "rows_"}) EXPECT_EQ(stored(psql, name), exported(name));
    put("in/b.csv", header + "8,max,3\n");
    run_ok();
    EXPECT_EQ(epoch(psql), "1") << "nobody asked for it";
    EXPECT_EQ(weir_with({"run", "--load-store", "--quiet"}).out, "");
    EXPECT_EQ(epoch(psql), "2");
    EXPECT_EQ(stored(psql, "sums"), exported("sums"));

    ::setenv("WEIR_STORE", "postgresql://weir@127.0.0.1:1/weir", 1);
    put("in/c.csv", header + "9,max,3\n");
    const auto away = weir_with({"run", "--load-store"});
    EXPECT_NE(away.exit_code, 0);
    EXPECT_THAT(away.err, HasSubstr("the results are published in the lake"));
    EXPECT_EQ(json::parse(weir_with({"sql", "SELECT count(*) AS n FROM rows_", "--format", "json"}).out),
              json::parse(R"([{"n": 9}])"));
    put("serve.yaml", "views:\n- {view: sums, key: [name]}\n");
    const auto none = weir_with({"run", "--load-store"});
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_THAT(none.err, HasSubstr("serve.yaml has no store in PostgreSQL"));
}

TEST_F(Postgres, look_ups_have_the_bytes_of_the_embedded_store) {
    view("kinds",
         "SELECT id % 2 AS half, DATE '2024-01-01' + id::INT AS day, TIMESTAMPTZ '2024-01-01 00:00:00Z' + to_hours(id) "
         "AS "
         "at, (id * 0.5)::DECIMAL(10,2) AS price, id % 2 = 0 AS even, name, amount, (id / 7.0)::FLOAT AS f, "
         "TIMESTAMP '2024-01-01 00:00:00.25' + to_hours(id) AS wall, encode(name) AS bytes, "
         "CASE id WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN '-inf' ELSE -0.0 END AS x FROM t");
    view("nested",
         "SELECT id, {'z': name, 'a': -0.0::DOUBLE} AS s, MAP {'zz': id, 'a': 1} AS m, [1.50::DECIMAL(5,2)] AS l FROM "
         "t");
    const std::string views =
        "- {view: sums, key: [name]}\n- {view: kinds, key: [half, day, at, price, wall, even]}\n"
        "- {view: nested, key: [id]}\n- {view: rows_, key: [third]}\n";
    put("key.secret", std::string(32, 's'));
    const std::string access =
        "access:\n  tokens: [{id: k, algorithm: HS256, secret: \"${file:key.secret}\"}]\n"
        "  rows:\n  - {views: sums, claim: sub, column: name}\n  - {views: kinds, claim: at, column: at}\n"
        "  - {views: nested, claim: sub, column: id}\n";
    put("serve.yaml", "views:\n" + views + access);
    run_ok();
    std::vector<std::string> targets{
        "/views/sums/nobody",
        "/views/sums/a%FFb",
        "/views/nested/99",
        "/views/rows_/true",
        "/views/nested/x",
        "/views/nested/1/2",
        "/views/sumz/anna",
        "/views/nested/007",
        "/views/kinds/1/2024-01-02/2024-01-01T02:00:00%2B01:00/%2B0.5/2024-01-01T01:00:00.25/false"};
    for (const auto* name : {"anna", "bo", "c%2C%22d", "zoe"}) targets.push_back(std::string("/views/sums/") + name);
    for (int id = 1; id <= 7; ++id) {
        targets.push_back("/views/nested/" + std::to_string(id));
        targets.push_back("/views/kinds/" + std::to_string(id % 2) + "/2024-01-0" + std::to_string(id + 1) +
                          "/2024-01-01T0" + std::to_string(id) + ":00:00Z/" + std::to_string(id / 2) +
                          (id % 2 == 0 ? ".0" : ".5") + "/2024-01-01T0" + std::to_string(id) + ":00:00.25/" +
                          (id % 2 == 0 ? "true" : "false"));
    }
    const auto token = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"token", "create", "--scope", "view:*"});
        const auto made = weir_with(words);
        EXPECT_EQ(made.exit_code, 0) << made.err;
        return "Bearer " + made.out.substr(0, made.out.size() - 1);
    };
    const std::vector<std::string> tokens{token({"--scope", "rows:*"}), token({"--subject", "anna"}),
                                          token({"--subject", "3"})};
    const auto answers = [&](const UpServer& weir) {
        std::vector<std::string> all;
        for (const auto& target : targets)
            for (const auto& bearer : tokens) {
                const auto answer = weir.get(target, {{"Authorization", bearer}});
                all.push_back(target + " " + std::to_string(answer.status) + " " + answer.field("etag") + " " +
                              answer.field("weir-cut") + "\n" + answer.body);
            }
        return all;
    };
    std::vector<std::string> embedded;
    {
        const auto weir = up();
        ASSERT_NE(weir->port(), 0) << weir->err();
        embedded = answers(*weir);
    }
    int found = 0;
    for (const auto& answer : embedded) found += answer.find(" 200 ") != std::string::npos ? 1 : 0;
    EXPECT_EQ(found, 4 + 7 + 7 + 2 + 1 + 1) << "each with all rows, anna's own sum, and number 3";
    serve(views, access);
    const auto weir = up();
    ASSERT_NE(weir->port(), 0) << weir->err();
    EXPECT_EQ(answers(*weir), embedded) << weir->err();
    // A wall clock answers what it did, with If-None-Match too.
    const auto one = weir->get("/views/nested/1", {{"Authorization", tokens[0]}});
    EXPECT_EQ(weir->get("/views/nested/1", {{"Authorization", tokens[0]}, {"If-None-Match", one.field("etag")}}).status,
              304);
    EXPECT_EQ(weir->stop(), 0) << weir->err();
}

TEST_F(Postgres, a_reader_sees_one_publication_while_others_follow) {
    serve("- {view: sums, key: [name], indexes: [[n]]}\n");
    run_ok();
    const auto weir = up();
    ASSERT_NE(weir->port(), 0) << weir->err();
    Psql psql(server);
    ASSERT_TRUE(soon([&] { return epoch(psql) == "1"; })) << weir->err();
    // What others make of the tables stays.
    psql.query("CREATE ROLE bi; GRANT USAGE ON SCHEMA weir TO bi; GRANT SELECT ON weir.sums TO bi");
    psql.query("CREATE VIEW public.on_top AS SELECT name, n FROM weir.sums WHERE n > 1");
    std::atomic<bool> done{false};
    std::set<std::string> seen;
    std::thread reader([&] {
        Psql own(server);
        while (!done) {
            own.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
            const auto number = own.value("SELECT epoch FROM weir.weir_generation");
            const auto count = own.value("SELECT count(*) FROM weir.rows_");
            std::this_thread::sleep_for(milliseconds(20));
            EXPECT_EQ(own.value("SELECT coalesce(sum(n), 0) FROM weir.sums"), count);
            EXPECT_EQ(own.value("SELECT string_agg(DISTINCT publication::text, ',') FROM weir.weir_publication"),
                      number);
            EXPECT_EQ(own.value("SELECT rows FROM weir.weir_publication WHERE view = 'rows_'"), count);
            own.query("COMMIT");
            seen.insert(number);
        }
    });
    const auto anna = psql.value("SELECT xmin FROM weir.sums WHERE name = 'anna'");
    for (int i = 1; i <= 4; ++i) {
        put("in/b" + std::to_string(i) + ".csv", header + rows(50, i * 1000));
        run_ok();
        EXPECT_TRUE(soon([&] { return epoch(psql) == std::to_string(i + 1); })) << weir->err();
    }
    done = true;
    reader.join();
    EXPECT_GE(seen.size(), 3u);
    for (const std::string name : {"sums", "rows_"}) EXPECT_EQ(stored(psql, name), exported(name));
    EXPECT_EQ(psql.value("SELECT has_table_privilege('bi', 'weir.sums', 'SELECT')"), "t");
    EXPECT_EQ(psql.value("SELECT n FROM public.on_top WHERE name = 'anna'"), "3");
    // A row that did not change was not written again.
    EXPECT_EQ(psql.value("SELECT xmin FROM weir.sums WHERE name = 'anna'"), anna);
    // Loading twice changes nothing.
    const std::string everything =
        "SELECT (SELECT max(xmin::text::bigint) FROM weir.sums), (SELECT max(xmin::text::bigint) FROM weir.rows_), "
        "(SELECT max(xmin::text::bigint) FROM weir.weir_publication), generation, loaded_at FROM weir.weir_generation";
    const auto before = psql.query(everything);
    EXPECT_EQ(weir->stop(), 0) << weir->err();
    {
        const auto again = up();
        EXPECT_EQ(again->get("/views/sums/anna").status, 200);
        const auto two = up();
        EXPECT_EQ(two->get("/views/sums/anna").body, again->get("/views/sums/anna").body);
        EXPECT_EQ(psql.query(everything), before);
        // Two at a time, and a new publication: both answer from it.
        put("in/c.csv", header + "9000,anna,1\n");
        run_ok();
        for (const auto* one : {again.get(), two.get()})
            EXPECT_TRUE(soon([&] { return one->get("/views/sums/anna").field("weir-publication") == "6"; }))
                << one->err();
        EXPECT_EQ(psql.value("SELECT n FROM public.on_top WHERE name = 'anna'"), "4");
    }
}

TEST_F(Postgres, an_older_publication_or_another_lake_does_not_take_over) {
    serve("- {view: sums, key: [name]}\n");
    run_ok();
    std::filesystem::copy(project / "lake", scratch / "older", std::filesystem::copy_options::recursive);
    put("in/b.csv", header + "8,anna,1\n");
    run_ok();
    Psql psql(server);
    {
        const auto weir = up();
        ASSERT_TRUE(soon([&] { return epoch(psql) == "2"; })) << weir->err();
    }
    const auto before = stored(psql, "sums");
    std::filesystem::rename(project / "lake", scratch / "newer");
    std::filesystem::rename(scratch / "older", project / "lake");
    {
        const auto weir = up();
        ASSERT_NE(weir->port(), 0) << weir->err();
        EXPECT_EQ(weir->get("/views/sums/anna").field("weir-publication"), "2");
    }
    EXPECT_EQ(epoch(psql), "2");
    EXPECT_EQ(stored(psql, "sums"), before);
    std::filesystem::remove_all(project / "lake");
    run_ok();
    const auto weir = up();
    ASSERT_NE(weir->port(), 0) << weir->err();
    EXPECT_TRUE(soon([&] { return weir->err().find("another lake") != std::string::npos; })) << weir->err();
    EXPECT_EQ(stored(psql, "sums"), before);
    // The way out that it names.
    psql.query("DELETE FROM weir.weir_generation");
    EXPECT_TRUE(soon([&] { return epoch(psql) == "1"; })) << weir->err();
    EXPECT_EQ(stored(psql, "sums"), exported("sums"));
}

TEST_F(Postgres, a_changed_schema_arrives_and_keeps_what_others_made) {
    serve("- {view: sums, key: [name]}\n");
    run_ok();
    auto weir = up();
    ASSERT_NE(weir->port(), 0) << weir->err();
    Psql psql(server);
    ASSERT_TRUE(soon([&] { return epoch(psql) == "1"; })) << weir->err();
    psql.query("CREATE ROLE bi; GRANT SELECT ON weir.sums TO bi; CREATE VIEW on_n AS SELECT name, n FROM weir.sums");
    weir.reset();
    // A column more, one of another type, one gone.
    view("sums",
         "SELECT name, count(*) AS n, max(id)::INTEGER AS highest, count(amount)::SMALLINT AS total FROM t GROUP BY "
         "name");
    run_ok();
    weir = up();
    ASSERT_TRUE(soon([&] { return epoch(psql) == "2"; })) << weir->err();
    EXPECT_EQ(stored(psql, "sums"), exported("sums"));
    EXPECT_EQ(json::parse(weir->get("/views/sums/anna").body).at("data").at("highest"), 6);
    EXPECT_EQ(psql.value("SELECT has_table_privilege('bi', 'weir.sums', 'SELECT')"), "t");
    EXPECT_EQ(psql.value("SELECT n FROM on_n WHERE name = 'anna'"), "3");
    weir.reset();
    // What somebody stands on is not dropped: he is named, and the publication before stays.
    view("sums", "SELECT name, max(id)::INTEGER AS highest FROM t WHERE name IS NOT NULL GROUP BY name");
    run_ok();
    weir = up();
    ASSERT_TRUE(soon([&] { return weir->err().find("on_n") != std::string::npos; })) << weir->err();
    EXPECT_EQ(psql.value("SELECT n FROM on_n WHERE name = 'anna'"), "3");
    EXPECT_EQ(epoch(psql), "2");
    EXPECT_EQ(weir->get("/views/sums").status, 200);
    EXPECT_EQ(weir->get("/views/sums/anna").status, 503);
    psql.query("DROP VIEW on_n");
    ASSERT_TRUE(soon([&] { return epoch(psql) == "3"; })) << weir->err();
    EXPECT_TRUE(soon([&] { return weir->err().find("up to date again") != std::string::npos; })) << weir->err();
    EXPECT_EQ(stored(psql, "sums"), exported("sums"));
    EXPECT_EQ(weir->get("/views/sums/anna").status, 200);
    EXPECT_EQ(psql.value("SELECT count(*) FROM pg_index WHERE indrelid = 'weir.sums'::regclass AND indisprimary"), "1");
    weir.reset();
    // A key that is not unique, and a view that is no longer served.
    view("sums", "SELECT name, id FROM t");
    serve("- {view: sums, key: [name]}\n- {view: rows_, served: false}\n");
    run_ok();
    weir = up();
    ASSERT_TRUE(soon([&] { return epoch(psql) == "4"; })) << weir->err();
    EXPECT_EQ(weir->get("/views/sums/anna").status, 409);
    EXPECT_EQ(stored(psql, "sums"), exported("sums"));
    EXPECT_EQ(psql.value("SELECT to_regclass('weir.rows_') IS NULL"), "t");
}

TEST_F(Postgres, a_server_that_is_away_takes_nothing_else_with_it) {
    serve("- {view: sums, key: [name]}\n");
    run_ok();
    server.stop(SIGINT);
    std::string said;
    {
        const auto weir = up();
        ASSERT_NE(weir->port(), 0) << weir->err();
        EXPECT_THAT(weir->err(), HasSubstr("the serving store could not be loaded"));
        const auto refused = weir->get("/views/sums/anna");
        EXPECT_EQ(refused.status, 503);
        EXPECT_THAT(refused.body, HasSubstr("/problems/store-unavailable"));
        EXPECT_FALSE(refused.field("retry-after").empty());
        EXPECT_EQ(weir->get("/views/sums").status, 200);
        EXPECT_EQ(weir->get("/readyz").status, 200);
        EXPECT_THAT(weir->get("/metrics").body, HasSubstr("weir_store_up 0"));
        server.start();
        EXPECT_TRUE(soon([&] { return weir->get("/views/sums/anna").status == 200; })) << weir->err();
        EXPECT_TRUE(soon([&] { return weir->err().find("up to date again") != std::string::npos; })) << weir->err();
        // Killed while it is used, and back.
        server.stop(SIGKILL);
        EXPECT_TRUE(soon([&] { return weir->get("/views/sums/anna").status == 503; }));
        EXPECT_EQ(weir->get("/views/sums").status, 200);
        put("in/b.csv", header + "8,anna,1\n");
        run_ok();
        server.start();
        EXPECT_TRUE(soon([&] { return weir->get("/views/sums/anna").field("weir-publication") == "2"; }))
            << weir->err();
        // One that does not answer: somebody holds the table.
        Psql holder(server);
        holder.query("BEGIN; LOCK TABLE weir.sums IN ACCESS EXCLUSIVE MODE");
        EXPECT_EQ(weir->get("/views/sums/anna").status, 503);
        EXPECT_EQ(weir->get("/views/sums").status, 200);
        holder.query("ROLLBACK");
        EXPECT_TRUE(soon([&] { return weir->get("/views/sums/anna").status == 200; })) << weir->err();
        said += weir->err() + weir->get("/status").body + weir->get("/metrics").body;
        EXPECT_EQ(weir->stop(), 0) << weir->err();
    }
    {
        auto wrong = server.url();
        wrong.replace(wrong.find("horse"), 5, "mouse");
        const UpServer weir(project, {"--only", "serve"}, {{"WEIR_STORE", wrong}});
        EXPECT_THAT(weir.err(), HasSubstr("password authentication failed"));
        EXPECT_THAT(weir.err(), Not(HasSubstr("battery")));
        EXPECT_EQ(weir.get("/views/sums/anna").status, 503);
    }
    said += read(project / "lake" / ".weir" / "access.jsonl");
    for (const auto& words :
         {std::vector<std::string>{"check"}, {"config"}, {"config", "--json"}, {"status"}, {"doctor"}}) {
        const auto done = weir_with(words);
        said += done.out + done.err;
    }
    EXPECT_THAT(said, Not(HasSubstr(PostgresServer::password())));
}

TEST_F(Postgres, a_load_that_is_killed_leaves_one_publication) {
    put("in/many.csv", header + rows(20000, 1000));
    serve("- {view: sums, key: [name]}\n");
    run_ok();
    Psql psql(server);
    const auto is_whole = [&] {
        psql.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        bool whole = true;
        if (epoch(psql) != "0")
            for (const std::string name : {"sums", "rows_"})
                whole = whole && psql.value("SELECT count(*) FROM weir." + name) ==
                                     psql.value("SELECT rows FROM weir.weir_publication WHERE view = '" + name + "'");
        psql.query("COMMIT");
        return whole;
    };
    for (int i = 0; i < 6; ++i) {
        if (i == 3) {
            put("in/more.csv", header + rows(20000, 100000));
            run_ok();
            // In the midst of it for certain: it waits for a lock when it is killed.
            ASSERT_TRUE(soon([&] {
                const UpServer weir(project);
                return epoch(psql) != "0";
            }));
            psql.query("UPDATE weir.weir_publication SET version = 'earlier'");
            Psql holder(server);
            holder.query("BEGIN; LOCK TABLE weir.sums IN SHARE MODE");
            const auto before = psql.query("SELECT * FROM weir.weir_generation");
            Background process(project, {"up", "--only", "serve", "--listen", "127.0.0.1:0"}, scratch / "err");
            EXPECT_TRUE(soon([&] {
                return psql.value(
                           "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND "
                           "wait_event_type = 'Lock'") == "1";
            }));
            process.end(SIGKILL);
            holder.query("ROLLBACK");
            EXPECT_TRUE(soon([&] {
                return psql.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir'") == "0";
            }));
            EXPECT_EQ(psql.query("SELECT * FROM weir.weir_generation"), before);
            EXPECT_TRUE(is_whole());
        }
        const auto before = epoch(psql);
        Background process(project, {"up", "--only", "serve", "--listen", "127.0.0.1:0"}, scratch / "err");
        soon([&] {
            return psql.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir'") != "0" ||
                   epoch(psql) != before;
        });
        std::this_thread::sleep_for(milliseconds(60 * (i % 3)));
        process.end(SIGKILL);
        EXPECT_TRUE(is_whole());
    }
    const auto weir = up();
    ASSERT_TRUE(soon([&] { return epoch(psql) == "2"; })) << weir->err();
    EXPECT_TRUE(is_whole());
    for (const std::string name : {"sums", "rows_"}) EXPECT_EQ(stored(psql, name), exported(name));
    EXPECT_EQ(psql.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'weir_stage%'"), "0");
}

TEST_F(Postgres, what_it_cannot_hold_is_told_and_the_publication_before_stays) {
    serve("- {view: sums, key: [name]}\n");
    run_ok();
    const auto weir = up();
    Psql psql(server);
    ASSERT_TRUE(soon([&] { return epoch(psql) == "1"; })) << weir->err();
    view("rows_", "SELECT id, name || chr(0) AS name FROM t");
    run_ok();
    ASSERT_TRUE(soon([&] { return weir->err().find("a character NUL") != std::string::npos; })) << weir->err();
    EXPECT_THAT(weir->err(), HasSubstr("view rows_: column 'name'"));
    EXPECT_THAT(weir->err(), HasSubstr("replace(column, chr(0), '')"));
    EXPECT_EQ(epoch(psql), "1");
    EXPECT_EQ(weir->get("/views/rows_").status, 200);
    EXPECT_EQ(weir->get("/views/sums/anna").field("weir-publication"), "1");
}

}  // namespace
}  // namespace weir::test
