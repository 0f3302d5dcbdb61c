// weir up --only serve: what HTTP gives is what `weir sql` and `weir export` give.
#include <signal.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "support/served.h"

namespace weir::test {
namespace {

TEST_F(Served, the_whole_view_has_the_bytes_of_weir_export) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    EXPECT_THAT(server.err(), HasSubstr("nobody needs a key"));
    for (const std::string view : {"sums", "rows_"}) {
        for (const auto& [format, type] : {std::pair("csv", "text/csv"), std::pair("ndjson", "application/x-ndjson")}) {
            ASSERT_EQ(weir_with({"export", view, "--format", format, "--out", "out"}).exit_code, 0);
            const auto exported = read(project / "out" / (view + "." + format));
            const auto plain = server.get("/views/" + view, {{"Accept", type}});
            EXPECT_EQ(plain.body, exported);
            EXPECT_THAT(plain.field("content-type"), HasSubstr(type));
            const auto packed = server.get("/views/" + view, {{"Accept", type}, {"Accept-Encoding", "zstd"}});
            EXPECT_EQ(packed.field("content-encoding"), "zstd");
            EXPECT_NE(packed.field("etag"), plain.field("etag"));
            std::string back(exported.size() + 1, '\0');
            EXPECT_EQ(ZSTD_decompress(back.data(), back.size(), packed.body.data(), packed.body.size()),
                      exported.size());
            EXPECT_EQ(back.substr(0, exported.size()), exported);
        }
        const auto parquet = server.get("/views/" + view, {{"Accept", "application/vnd.apache.parquet"}});
        ASSERT_EQ(parquet.status, 200) << parquet.body;
        write(project / "got.parquet", parquet.body);
        ASSERT_EQ(weir_with({"export", view, "--format", "parquet", "--out", "out"}).exit_code, 0);
        EXPECT_EQ(parquet.body.substr(0, 4), "PAR1");
    }
    EXPECT_EQ(server.stop(), 0) << server.err();
}

TEST_F(Served, answers_tell_where_they_come_from_and_are_not_sent_twice) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto answer = server.get("/views/sums");
    EXPECT_EQ(answer.field("weir-layer"), "batch");
    EXPECT_EQ(answer.field("weir-publication"), "1");
    EXPECT_EQ(json::parse(answer.field("weir-cut")), json({{"t", 1}}));
    EXPECT_FALSE(answer.field("weir-freshness-seconds").empty());
    EXPECT_EQ(parse(answer).at("meta").at("publication"), 1);
    const auto again = server.get("/views/sums", {{"If-None-Match", answer.field("etag")}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.field("etag"), answer.field("etag"));
    EXPECT_EQ(server.get("/views/sums", {{"If-Match", "\"other\""}}).status, 412);
    // A new publication is another version.
    put("in/b.csv", header + "8,anna,1\n");
    run_ok();
    for (int i = 0; i < 100; ++i) {
        if (server.get("/views/sums").field("weir-publication") == "2") break;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const auto later = server.get("/views/sums", {{"If-None-Match", answer.field("etag")}});
    EXPECT_EQ(later.status, 200);
    EXPECT_EQ(later.field("weir-publication"), "2");
    EXPECT_EQ(parse(later).at("data"), sql_rows("select * from sums"));
    // And what was published at a time can be asked for.
    const auto published_at = parse(answer).at("meta").at("published_at").get<std::string>();
    const auto known = server.get("/views/sums?known_at=" + published_at);
    EXPECT_EQ(parse(known).at("data"), parse(answer).at("data"));
    EXPECT_EQ(known.field("weir-publication"), "1");
    const auto before = server.get("/views/sums?known_at=2020-01-01T00:00:00Z");
    EXPECT_EQ(before.status, 422);
    EXPECT_EQ(server.get("/views/sums?as_of=2024-01-01").status, 422);
}

TEST_F(Served, a_cursor_pages_one_snapshot_while_runs_publish) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto expected = sql_rows("select * from rows_");
    const auto first = parse(server.get("/views/rows_?limit=3"));
    EXPECT_EQ(first.at("data").size(), 3u);
    put("in/b.csv", header + rows(50, 100));
    run_ok();
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    auto rest = all_pages(server, first.at("next"));
    json whole = first.at("data");
    for (const auto& row : rest) whole.push_back(row);
    EXPECT_EQ(whole, expected);
    EXPECT_EQ(all_pages(server, "/views/rows_?limit=3").size(), 57u);
    // Also behind a restart.
    server.stop();
    UpServer other(project);
    EXPECT_EQ(all_pages(other, first.at("next")), rest);
    // A cursor belongs to its question.
    const std::string next = first.at("next");
    const auto cursor = next.substr(next.find("cursor="));
    for (const auto& bad : {"order=id&" + cursor, "id=5&" + cursor, cursor + "A", std::string("cursor=AAAA"),
                            "as_of=2024-01-01&" + cursor})
        EXPECT_EQ(other.get("/views/rows_?" + bad).status, 400) << bad;
    EXPECT_EQ(other.get("/views/sums?" + cursor).status, 400);
}

TEST_F(Served, random_questions_have_the_answers_of_weir_sql) {
    put("in/c.csv", header + rows(40, 200));
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    struct Choice {
        std::string parameter, sql;
    };
    const std::vector<Choice> filters{{"id.gte=4", "id >= 4"},
                                      {"id.lt=220", "id < 220"},
                                      {"name=anna", "name = 'anna'"},
                                      {"name.ne=anna", "name <> 'anna'"},
                                      {"name.null=true", "name IS NULL"},
                                      {"amount.gt=1.5", "amount > 1.5"},
                                      {"third=true", "third"},
                                      {"day.lte=2024-07-25", "day <= DATE '2024-07-25'"},
                                      {"at.gt=2024-01-01T05:00:00Z", "\"at\" > TIMESTAMPTZ '2024-01-01 05:00:00Z'"},
                                      {"id.in=1,2,3,205", "id IN (1, 2, 3, 205)"},
                                      {"name.prefix=c%2C", "name LIKE 'c,%'"},
                                      {"amount.null=false", "amount IS NOT NULL"}};
    const std::vector<Choice> orders{{"name", "name NULLS LAST"},           {"-name", "name DESC NULLS LAST"},
                                     {"-amount", "amount DESC NULLS LAST"}, {"amount", "amount NULLS LAST"},
                                     {"third", "third NULLS LAST"},         {"-day", "day DESC NULLS LAST"}};
    const std::vector<std::string> columns{"id", "name", "amount", "third", "day", "at"};
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto pick = [&](std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    std::string all;
    std::vector<std::string> targets;
    std::vector<json> got;
    for (int i = 0; i < 40; ++i) {
        std::string query, where, order;
        for (std::size_t k = pick(3); k > 0; --k) {
            const auto& filter = filters[pick(filters.size())];
            if (query.find(filter.parameter.substr(0, filter.parameter.find('='))) != std::string::npos) continue;
            query += filter.parameter + "&";
            where += (where.empty() ? " WHERE " : " AND ") + filter.sql;
        }
        std::string names;
        for (std::size_t k = pick(3); k > 0; --k) {
            const auto& by = orders[pick(orders.size())];
            const auto bare = by.parameter.substr(by.parameter.starts_with('-') ? 1 : 0);
            if (names.find(bare) != std::string::npos) continue;
            names += (names.empty() ? "" : ",") + by.parameter;
            order += by.sql + ", ";
        }
        if (!names.empty()) query += "order=" + names + "&";
        std::string selected = "*";
        if (pick(2) == 0) {
            const auto a = columns[pick(3)], b = columns[3 + pick(3)];
            query += "select=" + b + "," + a + "&";
            selected = "\"" + b + "\", " + a;
        }
        const auto target = "/views/rows_?" + query + "limit=" + std::to_string(1 + pick(20));
        // Ties keep the view's own order, which is id downwards.
        const auto rows_of = sql_rows("SELECT " + selected + " FROM rows_" + where + " ORDER BY " + order + "id DESC");
        EXPECT_EQ(all_pages(server, target), rows_of) << target;
        if (testing::Test::HasFailure()) break;
    }
}

TEST_F(Served, mistakes_are_problems_that_name_the_way_out) {
    run_ok();
    view("later", "SELECT count(*) AS n FROM t");
    put("views/part_.sql", "/* weir\nkeep: none\n*/\nSELECT id FROM t\n");
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const struct {
        std::string method, target;
        std::map<std::string, std::string> fields;
        int status;
        std::string said;
    } cases[] = {
        {"GET", "/nothing", {}, 404, "/views"},
        {"GET", "/viewss", {}, 404, "did you mean '/views'"},
        {"GET", "/views/nothing_alike", {}, 404, "sums"},
        {"GET", "/views/part_", {}, 404, "keep: latest"},
        {"GET", "/system/nothing_alike", {}, 404, "/system lists"},
        {"GET", "/views/sumz", {}, 404, "did you mean 'sums'"},
        {"GET", "/views/later", {}, 404, "no result yet"},
        {"GET", "/views/sums?nane=x", {}, 400, "did you mean 'name'"},
        {"GET", "/views/sums?n=x", {}, 400, "whole number"},
        {"GET", "/views/sums?limit=0", {}, 400, "limit"},
        {"GET", "/views/sums?layer=fast", {}, 400, "batch, speed or merged"},
        {"DELETE", "/views/sums", {}, 405, "GET, HEAD, OPTIONS"},
        {"TRACE", "/", {}, 405, "GET"},
        {"POST", "/views", {}, 405, "GET"},
        {"GET", "/views/sums", {{"Accept", "image/png"}}, 406, "text/csv"},
        {"GET", "/views/sums?limit=1", {{"Accept", "application/vnd.apache.parquet"}}, 400, "without pages"},
        {"GET", "/views/..%2f..%2fetc", {}, 404, ""},
        {"GET", "/views/sums/../sums", {}, 404, ""},
        {"GET", "/views/sums?name='%20OR%201=1--", {}, 200, ""},
        {"GET", "/problems/busy", {}, 200, "Retry-After"},
        {"GET", "/livez", {}, 200, "ok"},
        {"GET", "/readyz", {}, 200, "ok"},
    };
    for (const auto& one : cases) {
        const auto answer = serve::http::testing::request(server.port(), one.method, one.target, one.fields);
        EXPECT_EQ(answer.status, one.status) << one.target << answer.body;
        EXPECT_THAT(answer.body, HasSubstr(one.said)) << one.target;
        EXPECT_EQ(answer.field("x-content-type-options"), "nosniff");
        if (one.status == 405) {
            EXPECT_FALSE(answer.field("allow").empty());
        }
        if (one.status < 400) continue;
        EXPECT_EQ(answer.field("content-type"), "application/problem+json") << one.target;
        EXPECT_EQ(parse(answer).at("status"), one.status);
    }
    serve::http::testing::Client elsewhere(server.port());
    elsewhere.send("GET /views HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    EXPECT_EQ(elsewhere.read().status, 421);
    const auto log = project / "lake" / ".weir" / "access.jsonl";
    server.stop();
    EXPECT_THAT(read(log), HasSubstr("\"route\":\"view\""));
}

TEST_F(Served, a_lake_is_served_as_it_stands) {
    run_ok();
    UpServer server(scratch.path(), {"--only", "serve", "--lake", (project / "lake").string()});
    ASSERT_NE(server.port(), 0) << server.err();
    const auto views = parse(server.get("/views")).at("views");
    ASSERT_EQ(views.size(), 2u);
    EXPECT_EQ(views[1].at("name"), "sums");
    EXPECT_EQ(views[1].at("columns").size(), 3u);
    EXPECT_EQ(parse(server.get("/views/sums?name=anna")).at("data")[0].at("n"), 3);
    const auto metrics = server.get("/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("weir_http_requests_total{route=\"view\",status=\"200\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("weir_http_request_duration_seconds_bucket{route=\"view\",le=\"+Inf\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("weir_publication_number 1\n"));
    EXPECT_THAT(metrics, HasSubstr("weir_source_rows_total{source=\"t\",outcome=\"accepted\"} 7\n"));
    // A family stands there once, and each of its samples once.
    std::istringstream lines(metrics);
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        const auto name = line.starts_with("# ") ? line.substr(0, line.find(' ', 7)) : line.substr(0, line.rfind(' '));
        EXPECT_TRUE(seen.insert(name).second) << line;
    }
    // The document says what the router takes.
    const auto document = parse(server.get("/openapi.json"));
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    std::set<std::string> ids;
    for (const auto& [path, operations] : document.at("paths").items()) {
        if (path == "/stream/{view}" || path == "/status/stream" || path == "/assets/{file}") continue;
        EXPECT_TRUE(ids.insert(operations.at("get").at("operationId")).second) << path;
        const auto target = path == "/problems/{problem}" ? "/problems/busy" : path;
        EXPECT_EQ(server.get(target).status, 200) << path;
    }
    EXPECT_EQ(ids.count("view_sums"), 1u);
    // What it knows of itself, and the way to what it does not.
    const auto tables = parse(server.get("/status")).at("tables");
    ASSERT_EQ(tables.size(), 1u) << tables;
    EXPECT_EQ(tables[0].at("name"), "t");
    EXPECT_EQ(tables[0].at("rows"), 7);
    const auto merged = server.get("/views/sums?layer=merged");
    EXPECT_EQ(merged.status, 422);
    EXPECT_THAT(merged.body, HasSubstr("weir up PROJECT --only serve"));
    for (const auto* target : {"/views/sums/anna", "/system/watermarks"}) {
        const auto answer = server.get(target);
        EXPECT_EQ(answer.status, 404) << target;
        EXPECT_THAT(answer.body, HasSubstr("weir up PROJECT --only serve")) << target;
    }
}

TEST_F(Guarded, credentials_decide_which_views_and_rows_are_seen) {
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    EXPECT_EQ(server.err().find("nobody needs a key"), std::string::npos);
    const auto get = [&](const std::string& target, const std::string& authorization) {
        return server.get(target, {{"Authorization", authorization}});
    };
    const auto all = token({"--scope", "view:*", "--scope", "rows:*", "--scope", "metrics"});
    const auto anna = token({"--scope", "view:*", "--subject", "anna"});
    const auto sums = token({"--scope", "view:sum*", "--key", "old"});
    // Who nobody is.
    const auto nobody = server.get("/views/sums");
    EXPECT_EQ(nobody.status, 401);
    EXPECT_EQ(nobody.field("www-authenticate"), "Bearer realm=\"weir\"");
    for (const auto& bad : {std::string("Bearer x.y.z"), all + "x", "Basic " + all, "Bearer " + api_key + "0"}) {
        const auto answer = get("/views/sums", bad);
        EXPECT_EQ(answer.status, 401) << bad;
        EXPECT_EQ(answer.field("www-authenticate"), "Bearer realm=\"weir\", error=\"invalid_token\"");
        EXPECT_EQ(parse(answer).at("detail"), "the key or token is not valid");
    }
    EXPECT_EQ(server.get("/livez").status, 200);
    // Views by scope; both keys of a rotation hold.
    EXPECT_EQ(get("/views/sums", sums).status, 200);
    EXPECT_EQ(get("/views/rows_", sums).status, 403);
    EXPECT_EQ(get("/views/nothing_there", sums).status, 403);
    EXPECT_EQ(get("/metrics", sums).status, 403);
    EXPECT_EQ(get("/metrics", all).status, 200);
    EXPECT_EQ(parse(get("/views", sums)).at("views").size(), 1u);
    EXPECT_EQ(server.get("/views/sums", {{"X-API-Key", api_key}}).status, 200);
    EXPECT_EQ(server.get("/views/rows_", {{"X-API-Key", api_key}}).status, 403);
    // Rows by claim, in every format, in cursors and tags too.
    EXPECT_EQ(parse(get("/views/rows_", all)).at("data").size(), 7u);
    const auto own = get("/views/rows_", anna);
    EXPECT_EQ(parse(own).at("data"), sql_rows("select * from rows_ where name = 'anna' order by id desc"));
    EXPECT_EQ(parse(get("/views/rows_?name=zoe", anna)).at("data").size(), 0u);
    EXPECT_EQ(parse(get("/views/rows_", token({"--scope", "view:*"}))).at("data").size(), 0u);
    const auto csv = server.get("/views/rows_", {{"Authorization", anna}, {"Accept", "text/csv"}}).body;
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
    EXPECT_EQ(own.field("cache-control"), "private, no-cache");
    const auto tag = get("/views/rows_", all).field("etag");
    EXPECT_EQ(server.get("/views/rows_", {{"Authorization", anna}, {"If-None-Match", tag}}).status, 200);
    const std::string next = parse(get("/views/rows_?limit=1", all)).at("next");
    EXPECT_EQ(get(next, all).status, 200);
    EXPECT_EQ(get(next, anna).status, 400);
    // A token in the URL is none.
    EXPECT_EQ(server.get("/views/sums?access_token=" + all.substr(7)).status, 401);
    // Other origins.
    const auto preflight = serve::http::testing::request(
        server.port(), "OPTIONS", "/views/sums",
        {{"Origin", "https://app.example.org"}, {"Access-Control-Request-Method", "GET"}});
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.field("access-control-allow-origin"), "https://app.example.org");
    EXPECT_THAT(preflight.field("access-control-allow-headers"), HasSubstr("Authorization"));
    EXPECT_EQ(server.get("/views/sums", {{"Origin", "https://evil.example.org"}}).field("access-control-allow-origin"),
              "");
    server.stop();
    const auto log = read(project / "lake" / ".weir" / "access.jsonl");
    EXPECT_THAT(log, HasSubstr("its signature is wrong"));
    EXPECT_THAT(log, HasSubstr("\"who\":\"sub:anna\""));
    for (const auto& secret : {all.substr(7), api_key.substr(14), std::string(32, 'n')})
        EXPECT_EQ(log.find(secret), std::string::npos);
}

TEST_F(Served, rows_are_found_by_their_keys) {
    view("days",
         "SELECT id % 2 AS half, DATE '2024-01-01' + id::INT AS day, TIMESTAMPTZ '2024-01-01 00:00:00Z' + to_hours(id) "
         "AS at, name, "
         "(id * 0.5)::DECIMAL(10,2) AS price FROM t");
    put("serve.yaml",
        "views:\n- {view: sums, key: [name]}\n- {view: days, key: [half, day, price]}\n- {view: rows_, key: "
        "[third]}\n");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto anna = server.get("/views/sums/anna");
    ASSERT_EQ(anna.status, 200) << anna.body;
    EXPECT_EQ(parse(anna).at("data"), sql_rows("select * from sums where name = 'anna'")[0]);
    EXPECT_EQ(parse(anna).at("meta").at("publication"), 1);
    EXPECT_EQ(anna.field("weir-publication"), "1");
    EXPECT_EQ(server.get("/views/sums/anna", {{"If-None-Match", anna.field("etag")}}).status, 304);
    EXPECT_EQ(parse(server.get("/views/sums/c%2C%22d")).at("data").at("n"), 1);
    EXPECT_EQ(parse(server.get("/views/days/1/2024-01-04/%2B1.5")).at("data").at("name"), "c,\"d");
    const struct {
        std::string target;
        int status;
        std::string said;
    } cases[] = {{"/views/sums/nobody", 404, "no row with this key"},
                 {"/views/sumz/anna", 404, "did you mean 'sums'"},
                 {"/views/sums/anna/x", 404, "1 part"},
                 {"/views/days/1/2024-01-04", 404, "/views/days/{half}/{day}/{price}"},
                 {"/views/days/x/2024-01-04/1", 400, "whole number"},
                 {"/views/sums/anna?select=n", 400, "/views/sums"},
                 {"/views/rows_/true", 409, "several rows"},
                 {"/views/sums/a%00", 404, ""}};
    for (const auto& one : cases) {
        const auto answer = server.get(one.target);
        EXPECT_EQ(answer.status, one.status) << one.target << answer.body;
        EXPECT_THAT(answer.body, HasSubstr(one.said));
    }
    put("in/b.csv", header + "8,anna,1\n9,new,1\n");
    run_ok();
    for (int i = 0; i < 600 && server.get("/views/sums/anna").field("weir-publication") != "2"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(parse(server.get("/views/sums/anna")).at("data").at("n"), 4);
    EXPECT_EQ(server.get("/views/sums/new").status, 200);
    // Every row that has a key is found, and says what the view says.
    for (const auto& row : sql_rows("select * from sums where name is not null")) {
        const auto answer =
            server.get("/views/sums/" + (row.at("name") == "c,\"d" ? "c%2C%22d" : row.at("name").get<std::string>()));
        EXPECT_EQ(parse(answer).at("data"), row);
    }
    server.stop();
    // A damaged index is made again.
    write(project / "lake" / ".weir" / "serve.db", std::string(5000, 'x'));
    UpServer other(project);
    EXPECT_EQ(parse(other.get("/views/sums/anna")).at("data").at("n"), 4);
}

TEST_F(Guarded, a_row_of_somebody_else_is_not_there) {
    put("serve.yaml", read(project / "serve.yaml") +
                          "  - {views: sums, claim: sub, column: name}\nviews: [{view: sums, key: [name]}]\n");
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto anna = token({"--scope", "view:*", "--subject", "anna"});
    EXPECT_EQ(server.get("/views/sums/anna", {{"Authorization", anna}}).status, 200);
    EXPECT_EQ(server.get("/views/sums/zoe", {{"Authorization", anna}}).status, 404);
    EXPECT_EQ(
        server.get("/views/sums/zoe", {{"Authorization", token({"--scope", "view:*", "--scope", "rows:sums"})}}).status,
        200);
    EXPECT_EQ(server.get("/views/sums/zoe").status, 401);
    const auto of = [&](const std::string& name) {
        return server.get("/views/sums/" + name + "?layer=merged", {{"Authorization", anna}}).status;
    };
    EXPECT_EQ(of("anna"), 200);
    EXPECT_EQ(of("zoe"), 404);
    for (const auto* layer : {"batch", "merged"})
        EXPECT_EQ(
            server.get(std::string("/views/sums/zoe?layer=") + layer, {{"Authorization", anna}, {"If-None-Match", "*"}})
                .status,
            404);
    // Nor is its number told.
    const auto rows_told = [&](const std::string& authorization) {
        const auto catalogue = parse(server.get("/views", {{"Authorization", authorization}}));
        for (const auto& entry : catalogue.at("views"))
            if (entry.at("name") == "sums") return entry.contains("rows");
        return false;
    };
    EXPECT_FALSE(rows_told(anna));
    EXPECT_TRUE(rows_told(token({"--scope", "view:*", "--scope", "rows:sums"})));
}

TEST_F(Served, rows_are_posted_into_topics_once) {
    run_ok();
    UpServer server(project, {"--only", "serve"});
    ASSERT_NE(server.port(), 0) << server.err();
    const auto post = [&](const std::string& target, const std::string& body,
                          std::map<std::string, std::string> fields = {}) {
        fields.try_emplace("Content-Type", "application/x-ndjson");
        return serve::http::testing::request(server.port(), "POST", target, fields, body);
    };
    EXPECT_EQ(post("/topics/orders", "{}\n").status, 404);
    ASSERT_EQ(weir_with({"topic", "create", "orders", "--partitions", "2"}).exit_code, 0);
    const auto taken = post("/topics/orders?key=k", "{\"k\":\"a\",\"n\":1}\n{\"k\":\"a\",\"n\":2}\r\n");
    EXPECT_EQ(taken.status, 202) << taken.body;
    EXPECT_EQ(parse(taken).at("rows"), 2);
    EXPECT_FALSE(parse(taken).at("duplicate"));
    const std::string list = R"( [ {"n": 3,
"t": "],{\""} , {"n":4} ]
)";
    const auto array = post("/topics/orders", list, {{"Content-Type", "application/json"}, {"Idempotency-Key", "one"}});
    EXPECT_EQ(array.status, 202) << array.body;
    const auto again = post("/topics/orders", list, {{"Content-Type", "application/json"}, {"Idempotency-Key", "one"}});
    EXPECT_EQ(again.status, 202);
    EXPECT_TRUE(parse(again).at("duplicate"));
    const auto consumed = [&] { return weir_with({"consume", "orders"}).out; };
    const auto there = consumed();
    EXPECT_EQ(std::count(there.begin(), there.end(), '\n'), 4) << there;
    EXPECT_THAT(there, HasSubstr(R"({"n": 3, "t": "],{\""})"
                                 "\n"));
    EXPECT_EQ(post("/topics/orders", "{\"n\":5}", {{"Idempotency-Key", "one"}}).status, 422);
    // None of a request with a broken row is taken, and each of these is named.
    const auto broken = post("/topics/orders", "{\"n\":6}\n{\"n\":\n[1]\n{\"n\":7}\n");
    EXPECT_EQ(broken.status, 422);
    ASSERT_EQ(parse(broken).at("errors").size(), 2u);
    EXPECT_EQ(parse(broken).at("errors")[0].at("row"), 2);
    EXPECT_EQ(parse(post("/topics/orders?key=k", "{\"k\":null}\n")).at("errors")[0].at("detail"), "it has no key");
    EXPECT_EQ(post("/topics/orders", "").status, 400);
    EXPECT_EQ(post("/topics/orders", "[{}", {{"Content-Type", "application/json"}}).status, 400);
    EXPECT_EQ(post("/topics/orders", "a=b", {{"Content-Type", "text/plain"}}).status, 415);
    EXPECT_EQ(post("/topics/orders?kay=k", "{}").status, 400);
    EXPECT_EQ(server.get("/topics/orders").status, 405);
    EXPECT_EQ(consumed(), there);
    // Other processes publish through it. What was acknowledged outlives it, also when it is killed.
    put("b.jsonl", "{\"n\": 8}\n");
    EXPECT_EQ(weir_with({"produce", "orders", "--from", "b.jsonl"}).exit_code, 0);
    EXPECT_EQ(post("/topics/orders", "{\"n\":9}\n").status, 202);
    server.stop(SIGKILL);
    UpServer other(project, {"--only", "serve"});
    const auto behind =
        serve::http::testing::request(other.port(), "POST", "/topics/orders",
                                      {{"Content-Type", "application/json"}, {"Idempotency-Key", "one"}}, list);
    EXPECT_EQ(behind.status, 202) << behind.body;
    EXPECT_TRUE(parse(behind).at("duplicate")) << "also behind a restart";
    const auto all = consumed();
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 6) << all;
    EXPECT_EQ(other.stop(), 0);
}

TEST_F(Served, a_stream_tells_of_publications) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto open = [&](serve::http::testing::Client& client, const std::string& more) {
        client.send("GET /stream/sums HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n");
        return client.read_until("retry: 2000");
    };
    serve::http::testing::Client first(server.port()), second(server.port());
    auto seen = open(first, "");
    EXPECT_THAT(seen, HasSubstr("text/event-stream"));
    if (seen.find("event: publication") == std::string::npos) seen += first.read_until("event: publication");
    EXPECT_THAT(seen, HasSubstr("id: 1\n"));
    auto again = open(second, "Last-Event-ID: 1\r\n");
    put("in/b.csv", header + "8,anna,1\n");
    run_ok();
    EXPECT_THAT(first.read_until("\"publication\":2"), HasSubstr("id: 2\n"));
    again += second.read_until("\"publication\":2");
    EXPECT_EQ(again.find("id: 1\n"), std::string::npos) << again;
    EXPECT_EQ(server.get("/stream/sumz").status, 404);
    EXPECT_EQ(server.get("/stream/sums", {{"Accept", "application/json"}}).status, 406);
    EXPECT_EQ(server.stop(), 0) << server.err();
    EXPECT_THAT(first.read_until("retry: 5000"), HasSubstr("retry: 5000"));
}

TEST_F(Served, the_catalogue_and_streams_say_how_far_and_how_old) {
    Terms terms;
    terms.columns = {"{name: id, logicalType: integer}", "{name: name, logicalType: string}",
                     "{name: amount, logicalType: number}", "{name: ts, logicalType: timestamp}"};
    contract(terms);
    source("in/*.csv", "event_time: {column: ts, delay: 1m}\n");
    put("in/a.csv", "id,name,amount,ts\n1,anna,1.5,2024-03-01T10:05:00Z\n");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto catalogue = server.get("/views");
    const auto listed = parse(catalogue);
    for (const auto& view : listed.at("views")) {
        EXPECT_EQ(view.at("meta").at("watermark"), "2024-03-01T10:04:00.000000Z");
        EXPECT_TRUE(view.at("meta").at("freshness_seconds").is_number_unsigned()) << view;
    }
    // What is served stays the same while it grows older.
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    EXPECT_EQ(server.get("/views", {{"If-None-Match", catalogue.field("etag")}}).status, 304);
    serve::http::testing::Client stream(server.port());
    stream.send("GET /stream/sums HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto event = stream.read_until("\"cut\"");
    EXPECT_THAT(event, HasSubstr("\"watermark\":\"2024-03-01T10:04:00.000000Z\""));
    EXPECT_THAT(event, HasSubstr("\"freshness_seconds\":"));
}

TEST_F(Served, the_merged_layer_is_what_weir_sql_live_gives) {
    put("serve.yaml", "views:\n- {view: sums, key: [name]}\n- {view: rows_, key: [third]}\n");
    view("intakes", "SELECT count(*) AS n FROM weir.accounting");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto same = server.get("/views/sums?layer=merged&order=name");
    EXPECT_EQ(same.status, 200) << same.body;
    EXPECT_EQ(same.field("weir-layer"), "merged");
    EXPECT_EQ(parse(same).at("data"), sql_rows("select * from sums order by name nulls last"));
    // Rows that are in the lake and in no publication.
    put("in/b.csv", header + rows(30, 500));
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    const auto live = [&](const std::string& statement) {
        const auto done = weir_with({"sql", statement, "--live", "--format", "json"});
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return json::parse(done.out, nullptr, false);
    };
    EXPECT_EQ(all_pages(server, "/views/rows_?layer=merged&limit=7"), live("select * from rows_"));
    EXPECT_EQ(all_pages(server, "/views/rows_?layer=merged&limit=7").size(), 37u);
    EXPECT_EQ(all_pages(server, "/views/rows_?limit=7").size(), 7u);
    EXPECT_EQ(parse(server.get("/views/sums?layer=merged&name=anna")).at("data"),
              live("select * from sums where name = 'anna'"));
    EXPECT_EQ(server.get("/views/sums?layer=merged&as_of=2024-01-01").status, 422);
    // The speed layer: what came in behind the publication, and nothing else.
    const auto newest = server.get("/views/sums?layer=speed&order=name");
    EXPECT_EQ(parse(newest).at("data"), live("select name, count(*) as n, sum(amount) as total from t where id >= 500 "
                                             "group by name order by name nulls last"));
    EXPECT_EQ(newest.field("weir-layer"), "speed");
    EXPECT_EQ(newest.field("weir-publication"), "1");
    EXPECT_EQ(all_pages(server, "/views/rows_?layer=speed&limit=7").size(), 30u);
    EXPECT_EQ(server.get("/views/intakes?layer=speed").status, 422);
    // A row by its key, up to the newest commits too.
    const auto row = server.get("/views/sums/anna?layer=merged");
    EXPECT_EQ(parse(row).at("data"), live("select * from sums where name = 'anna'").at(0));
    EXPECT_EQ(parse(row).at("meta").at("layer"), "merged");
    EXPECT_EQ(row.field("weir-layer"), "merged");
    EXPECT_EQ(parse(server.get("/views/sums/anna")).at("data"), sql_rows("select * from sums where name = 'anna'")[0]);
    EXPECT_NE(row.body, server.get("/views/sums/anna").body);
    EXPECT_EQ(server.get("/views/sums/anna?layer=merged", {{"If-None-Match", row.field("etag")}}).status, 304);
    EXPECT_EQ(server.get("/views/sums/nobody?layer=merged").status, 404);
    EXPECT_EQ(server.get("/views/rows_/true?layer=merged").status, 409);
    EXPECT_EQ(server.get("/views/sums/anna?layer=fresh").status, 400);
    // A page goes on in the moment of the page before.
    const auto first = parse(server.get("/views/rows_?layer=merged&limit=5"));
    put("in/c.csv", header + rows(5, 900));
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    EXPECT_EQ(all_pages(server, first.at("next")).size(), 32u);
    EXPECT_EQ(all_pages(server, "/views/rows_?layer=merged&limit=50").size(), 42u);
    // What is published now is no longer new.
    run_ok();
    for (int i = 0; i < 600 && server.get("/views/rows_").field("weir-publication") != "2"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(parse(server.get("/views/rows_?layer=speed")).at("data"), json::array());
}

TEST_F(Served, the_speed_layer_of_a_view_that_left_a_table) {
    view("sums", "SELECT name, (SELECT count(*) FROM weir.accounting) AS n FROM t");
    run_ok();
    view("sums", "SELECT name, count(*) AS n FROM t GROUP BY name");
    put("in/b.csv", header + rows(3, 500));
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto newest = server.get("/views/sums?layer=speed&order=name");
    EXPECT_EQ(newest.status, 200) << newest.body << server.err();
    EXPECT_EQ(parse(newest).at("data"),
              sql_rows("select name, count(*) as n from t where id >= 500 group by name order by name nulls last"));
}

TEST_F(Guarded, tokens_are_told_about) {
    const auto made = token({"--scope", "view:a_*", "--ttl", "1h", "--subject", "bo"});
    const auto told = run({"bash", "-c", "echo '" + made.substr(7) + "' | '" + weir().string() + "' token verify"},
                          {.directory = project, .environment = {}});
    EXPECT_EQ(told.exit_code, 0) << told.err;
    EXPECT_THAT(told.out, HasSubstr("sub:bo"));
    EXPECT_THAT(told.out, HasSubstr("may view:a_*"));
    const auto bad = run({"bash", "-c", "echo abc | '" + weir().string() + "' token verify"},
                         {.directory = project, .environment = {}});
    EXPECT_EQ(bad.exit_code, 1);
    EXPECT_EQ(weir_with({"token", "create", "--scope", "everything"}).exit_code, 2);
    EXPECT_EQ(weir_with({"token", "create"}).exit_code, 2);
    EXPECT_EQ(weir_with({"token", "create", "--scope", "view:*", "--ttl", "soon"}).exit_code, 2);
    EXPECT_EQ(weir_with({"token", "create", "--scope", "view:*", "--key", "odl"}).exit_code, 1);
    for (const auto& [claim, instead] : {std::pair("exp=9999999999", "--ttl"), {"scope=view:*", "--scope"}}) {
        const auto refused = weir_with({"token", "create", "--scope", "view:a", "--claim", claim});
        EXPECT_EQ(refused.exit_code, 2) << claim;
        EXPECT_THAT(refused.err, HasSubstr(instead));
    }
}

TEST_F(Guarded, rates_and_tls) {
    const auto settings = read(project / "serve.yaml");
    put("serve.yaml", "http: {rate: 3/m}\n" + settings.substr(settings.find("access:")));
    {
        UpServer server(project);
        ASSERT_NE(server.port(), 0) << server.err();
        const auto authorization = token({"--scope", "view:*"});
        for (int left = 2; left >= 0; --left) {
            const auto answer = server.get("/views", {{"Authorization", authorization}});
            EXPECT_EQ(answer.status, 200);
            EXPECT_THAT(answer.field("ratelimit"), HasSubstr("\"token\";r=" + std::to_string(left) + ";t="));
            EXPECT_EQ(answer.field("ratelimit-policy"), "\"token\";q=3;w=60");
        }
        const auto refused = server.get("/views", {{"Authorization", authorization}});
        EXPECT_EQ(refused.status, 429);
        EXPECT_GE(std::stoi(refused.field("retry-after")), 1);
        EXPECT_EQ(server.get("/views", {{"X-API-Key", api_key}}).status, 200);
    }
    const auto made = run({"openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "tls.key", "-out",
                           "tls.pem", "-subj", "/CN=localhost", "-days", "2"},
                          {.directory = project, .environment = {}});
    if (made.exit_code != 0) GTEST_SKIP() << "skipped: openssl makes no certificate here: " << made.err;
    put("serve.yaml",
        "http: {tls: {certificate: tls.pem, key: \"${file:tls.key}\"}}\n" + settings.substr(settings.find("access:")));
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto ask = [&](const std::string& version) {
        return run({"bash", "-c",
                    "(printf 'GET /views HTTP/1.1\\r\\nHost: a\\r\\nX-API-Key: " + api_key +
                        "\\r\\nConnection: close\\r\\n\\r\\n'; sleep 1) | openssl s_client -quiet " + version +
                        " -connect localhost:" + std::to_string(server.port()) + " 2>&1"});
    };
    EXPECT_THAT(ask("-tls1_3").out, HasSubstr("HTTP/1.1 200 OK"));
    EXPECT_THAT(ask("-tls1_2").out, HasSubstr("Strict-Transport-Security"));
    EXPECT_EQ(ask("-tls1_1").out.find("200 OK"), std::string::npos);
    EXPECT_EQ(server.get("/views").status, 0);
}

TEST_F(Served, it_says_why_it_does_not_start) {
    run_ok();
    UpServer open(project, {"--only", "serve", "--listen", "0.0.0.0:0"});
    EXPECT_EQ(open.port(), 0);
    EXPECT_THAT(open.err(), HasSubstr("nobody would need a key"));
    EXPECT_EQ(weir_with({"up", "--only", "sreve"}).exit_code, 2);
    // Before any other part does something, with its place.
    put("short.secret", "short");
    put("serve.yaml", "access:\n  tokens:\n  - {id: a, algorithm: HS256, secret: \"${file:short.secret}\"}\n");
    UpServer unusable(project, {});
    EXPECT_EQ(unusable.port(), 0);
    EXPECT_THAT(unusable.err(), HasSubstr("serve.yaml:3:5: the secret of the token key 'a' has fewer than 32 bytes"));
    EXPECT_EQ(unusable.err().find("speed"), std::string::npos) << unusable.err();
    put("serve.yaml",
        "http: {listen: 1234, idle_timeout: 0s}\nviews:\n- {view: sum}\n- {view: sums, key: [nam]}\naccess: {keys: "
        "[{id: a, sha256: x, scopes: [all]}]}\n");
    const auto checked = weir_with({"check"});
    EXPECT_EQ(checked.exit_code, 1);
    for (const auto* said : {"serve.yaml:1:36", "did you mean 'sums'", "did you mean 'name'", "64 hexadecimal digits",
                             "'all' is no scope"})
        EXPECT_THAT(checked.err + checked.out, HasSubstr(said));
}

}  // namespace
}  // namespace weir::test
