// Attacks on a running `weir up`, one test for each of OWASP's ten of 2023 for APIs.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "support/receiver.h"
#include "support/served.h"
#include "support/tokens.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
namespace client = serve::http::testing;
using std::chrono::milliseconds;
using testing::Not;

// Without what changes from one answer to the next.
std::string told(const client::Answer& answer) {
    std::string text = std::to_string(answer.status) + "\n";
    for (const auto& [name, value] : answer.fields)
        if (name != "date" && name != "ratelimit") text.append(name).append(": ").append(value).append("\n");
    return text + answer.body;
}

class ApiSecurity : public Guarded {
protected:
    ApiSecurity() { put("notes.txt", "nothing that anybody may see\n"); }

    // More of serve.yaml; what is there says who may read.
    void also(const std::string& more) { put("serve.yaml", more + read(project / "serve.yaml")); }
    void http(const std::string& settings) {
        const auto now = read(project / "serve.yaml");
        put("serve.yaml", "http: {" + settings + "}\n" + now.substr(now.find('\n') + 1));
    }
    client::Answer get(const UpServer& server, const std::string& target, const std::string& authorization,
                       std::map<std::string, std::string> fields = {}) const {
        fields["Authorization"] = authorization;
        return server.get(target, fields);
    }
    // What of the project nobody may be told in an answer, whatever goes wrong.
    void expect_no_internals(const client::Answer& answer, const std::string& what) const {
        for (const std::string& internal :
             {project.string(), std::string("/lake"), std::string("SELECT"), std::string("part-"),
              std::string("duckdb"), std::string("DuckDB"), std::string("std::"), std::string("Binder Error"),
              std::string(".cpp"), std::string(32, 'o'), std::string(40, 'n')})
            EXPECT_THAT(answer.body, Not(HasSubstr(internal))) << what;
    }
};

// What a program may take more; a sanitizer keeps much of what was freed.
constexpr std::size_t memory_margin = std::size_t{slowness > 1 ? 1500 : 96} << 20;

std::int64_t now_seconds() { return std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1); }

// Rows of others are not there: by key, by filter, by somebody else's cursor or tag, in a stream, in any format.
TEST_F(ApiSecurity, api1_rows_of_others_are_out_of_reach) {
    also("views: [{view: sums, key: [name]}, {view: rows_, key: [id]}]\n");
    put("serve.yaml", read(project / "serve.yaml") + "  - {views: sums, claim: sub, column: name}\n");
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto anna = token({"--scope", "view:*", "--subject", "anna"});
    const auto zoe = token({"--scope", "view:*", "--subject", "zoe"});
    const auto all = token({"--scope", "view:*", "--scope", "rows:*"});

    // By key: what is somebody else's is no different from what nobody has.
    ASSERT_EQ(get(server, "/views/sums/anna", anna).status, 200);
    const auto nobody = told(get(server, "/views/sums/nobody", anna));
    const std::string tag = get(server, "/views/sums/zoe", zoe).field("etag");
    for (const auto* other : {"/views/sums/zoe", "/views/sums/bo", "/views/sums/c%2C%22d", "/views/sums/%7Aoe"})
        EXPECT_EQ(told(get(server, other, anna)), nobody) << other;
    EXPECT_EQ(told(get(server, "/views/sums/zoe", anna, {{"If-None-Match", tag}})), nobody);
    EXPECT_EQ(told(get(server, "/views/sums/zoe", anna, {{"If-Match", "*"}})), nobody);
    ASSERT_EQ(get(server, "/views/sums/anna?layer=merged", anna).status, 200);
    const auto nobody_merged = told(get(server, "/views/sums/nobody?layer=merged", anna));
    for (const auto* other : {"/views/sums/zoe?layer=merged", "/views/sums/bo?layer=merged"}) {
        EXPECT_EQ(told(get(server, other, anna)), nobody_merged) << other;
        EXPECT_EQ(told(get(server, other, anna, {{"If-Match", "*"}})), nobody_merged) << other;
        EXPECT_EQ(get(server, other, anna, {{"If-None-Match", "*"}}).status,
                  get(server, "/views/sums/nobody?layer=merged", anna, {{"If-None-Match", "*"}}).status)
            << other;
    }
    EXPECT_NE(get(server, "/views/sums/zoe?layer=speed", anna).status, 200);
    EXPECT_EQ(get(server, "/views/rows_/7", anna).status, 404);
    EXPECT_EQ(get(server, "/views/rows_/5", anna).status, 404) << "a row that belongs to nobody";
    EXPECT_EQ(get(server, "/views/rows_/4", anna).status, 200);

    // By whatever a query can say.
    for (const std::string layer : {"batch", "merged"}) {
        for (const auto* query :
             {"", "name=zoe", "name.in=zoe,bo,anna", "name.ne=anna", "name.gte=a", "name.prefix=z", "name.null=true",
              "name.null=false", "id=7", "id.in=1,2,3,4,5,6,7", "order=-amount", "order=name,-id&limit=50",
              "select=id,name", "third=false", "amount.gte=-1000", "name=zoe'%20OR%20'1'='1", "name=%25"}) {
            for (const auto* type : {"application/json", "application/x-ndjson", "text/csv"}) {
                const auto answer = get(server, "/views/rows_?layer=" + layer + "&" + query, anna, {{"Accept", type}});
                EXPECT_EQ(answer.status, 200) << query << answer.body;
                for (const auto* other : {"zoe", "bo", "c,"})
                    EXPECT_THAT(answer.body, Not(HasSubstr(other))) << layer << " " << query << " " << type;
            }
        }
        EXPECT_EQ(parse(get(server, "/views/rows_?layer=" + layer, anna)).at("data").size(), 3u);
        // What the answer leaves out, its order must not tell either.
        EXPECT_EQ(parse(get(server, "/views/rows_?layer=" + layer + "&id.gte=7", anna)).at("data").size(), 0u);
    }
    const auto parquet = get(server, "/views/rows_", anna, {{"Accept", "application/vnd.apache.parquet"}});
    const auto whole = get(server, "/views/rows_", all, {{"Accept", "application/vnd.apache.parquet"}});
    EXPECT_THAT(whole.body, HasSubstr("zoe")) << "as the greatest of a column's statistics";
    EXPECT_THAT(parquet.body, Not(HasSubstr("zoe")));

    // Names that are somebody's only if they are pasted into SQL, or read as patterns.
    for (const auto* subject : {"x' OR '1'='1", "%", "*", "anna' --", "_nna", "ANNA", "anna ", "NULL"})
        EXPECT_EQ(parse(get(server, "/views/rows_", token({"--scope", "view:*", "--subject", subject}))).at("data"),
                  json::array())
            << subject;

    // Somebody else's page.
    for (const auto& [giver, taker] : {std::pair(all, anna), std::pair(zoe, anna), std::pair(anna, all)}) {
        const auto first = parse(get(server, "/views/rows_?limit=1&order=id", giver));
        if (first.at("next").is_null()) continue;
        const auto page = get(server, first.at("next"), taker);
        EXPECT_EQ(page.status, 400) << page.body;
    }
    const std::string next = parse(get(server, "/views/rows_?limit=1", anna)).at("next");
    const auto cursor = next.substr(next.find("cursor="));
    EXPECT_EQ(get(server, "/views/sums?limit=1&" + cursor, anna).status, 400);
    EXPECT_EQ(get(server, "/views/rows_?limit=1&name=zoe&" + cursor, anna).status, 400);
    for (std::size_t at = 7; at < cursor.size(); at += 5) {
        auto changed = cursor;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        const auto answer = get(server, "/views/rows_?limit=1&" + changed, anna);
        EXPECT_TRUE(answer.status == 400 || changed == cursor) << answer.status << answer.body;
    }

    // Streams: of what is not hers nothing comes, not even that something changed.
    const auto open = [&](client::Client& to, const std::string& who, const std::string& last) {
        to.send("GET /stream/rows_?layer=merged HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + who + "\r\n" +
                (last.empty() ? "" : "Last-Event-ID: " + last + "\r\n") + "\r\n");
    };
    client::Client hers(server.port()), zoes(server.port()), thief(server.port());
    open(hers, anna, "");
    const auto snapshot = hers.read_until("]}\n\n");
    EXPECT_THAT(snapshot, HasSubstr("event: snapshot"));
    EXPECT_THAT(snapshot, HasSubstr("\"name\":\"anna\""));
    for (const auto* other : {"zoe", "bo"}) EXPECT_THAT(snapshot, Not(HasSubstr(other)));
    open(zoes, zoe, "");
    const auto of_zoe = zoes.read_until("]}\n\n");
    const auto id_at = of_zoe.rfind("id: ") + 4;
    const auto zoes_id = of_zoe.substr(id_at, of_zoe.find('\n', id_at) - id_at);
    put("in/b.csv", header + "11,zoe,1\n");
    run_ok();
    EXPECT_THAT(zoes.read_until("event: change"), HasSubstr("event: change"));
    put("in/c.csv", header + "12,anna,1\n");
    run_ok();
    const auto change = hers.read_until("]}\n\n");
    EXPECT_THAT(change, HasSubstr("\"id\":12"));
    EXPECT_THAT(change, Not(HasSubstr("zoe"))) << "only hers was told";
    open(thief, anna, zoes_id);
    const auto stolen = thief.read_until("]}\n\n");
    EXPECT_THAT(stolen, HasSubstr("event: "));
    EXPECT_THAT(stolen, Not(HasSubstr("zoe")));
}

// Who is not who it says: forged, bent, stale and misplaced credentials, all refused in the same words.
TEST_F(ApiSecurity, api2_forged_and_stale_credentials_are_refused) {
    const auto make = [&](const std::vector<std::string>& words) {
        const auto done = run(words, {.directory = project, .environment = {}});
        EXPECT_EQ(done.exit_code, 0) << done.err;
    };
    for (const auto* name : {"rsa", "thief"}) {
        make({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
              std::string(name) + ".key"});
        make({"openssl", "pkey", "-in", std::string(name) + ".key", "-pubout", "-out", std::string(name) + ".pem"});
    }
    const auto settings = read(project / "serve.yaml");
    const auto at = settings.find("  tokens:\n") + 10;
    put("serve.yaml", settings.substr(0, at) + "  - {id: rsa, algorithm: RS256, public_key: rsa.pem}\n" +
                          settings.substr(at) + "  issuer: weir-test\n  audience: readers\n  skew: 0s\n");
    Receiver receiver;
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();

    const auto now = now_seconds();
    const auto claims = [&](const json& other = json::object()) {
        json all = {{"iss", "weir-test"}, {"aud", "readers"},  {"sub", "anna"},
                    {"scope", "view:*"},  {"exp", now + 3600}, {"iat", now}};
        for (const auto& [name, value] : other.items()) {
            if (value.is_null()) {
                all.erase(name);
            } else {
                all[name] = value;
            }
        }
        return all.dump();
    };
    const auto rsa_key = read(project / "rsa.key"), rsa_public = read(project / "rsa.pem"),
               thief_key = read(project / "thief.key");
    const std::string secret(40, 'n'), other_secret(32, 'o');
    const auto hs = [&](const std::string& text, const std::string& head = R"({"alg":"HS256","kid":"new"})") {
        return hs256_token(head, text, secret);
    };
    // What is good, so that the rest is refused for what is wrong with it.
    const auto good = hs(claims()), good_rsa = rs256_token(R"({"alg":"RS256","kid":"rsa"})", claims(), rsa_key);
    ASSERT_EQ(get(server, "/views/sums", "Bearer " + good).status, 200);
    ASSERT_EQ(get(server, "/views/sums", "Bearer " + good_rsa).status, 200);

    std::map<std::string, std::string> attacks;
    for (const std::string none : {"none", "None", "NONE", "nOnE", ""}) {
        const auto bare = unsigned_token(R"({"alg":")" + none + R"(","kid":"new"})", claims());
        attacks["alg '" + none + "' without a signature"] = bare + ".";
        attacks["alg '" + none + "' with a signature"] = bare + "." + base64url(hmac(secret, bare));
        attacks["alg '" + none + "' in two parts"] = bare;
    }
    // The public key, which everybody has, as the secret of an HMAC.
    for (const std::string kid : {"rsa", "new", "old"}) {
        const auto head = R"({"alg":"HS256","kid":")" + kid + R"("})";
        attacks["HS256 with the public key as secret, kid " + kid] = hs256_token(head, claims(), rsa_public);
        attacks["the same without its line end, kid " + kid] =
            hs256_token(head, claims(), rsa_public.substr(0, rsa_public.size() - 1));
    }
    attacks["RS256 for the key of HS256"] = rs256_token(R"({"alg":"RS256","kid":"new"})", claims(), rsa_key);
    attacks["RS256 by somebody else"] = rs256_token(R"({"alg":"RS256","kid":"rsa"})", claims(), thief_key);
    for (const auto& [alg, digest] : {std::pair("HS384", EVP_sha384()), std::pair("HS512", EVP_sha512())}) {
        const auto text = unsigned_token(R"({"alg":")" + std::string(alg) + R"(","kid":"new"})", claims());
        attacks[alg] = text + "." + base64url(hmac(secret, text, digest));
    }
    attacks["the other key's secret"] = hs256_token(R"({"alg":"HS256","kid":"new"})", claims(), other_secret);
    attacks["an empty secret"] = hs256_token(R"({"alg":"HS256","kid":"new"})", claims(), "");
    for (const std::string kid : {"", "nobody", "../new.secret", "new.secret", "/dev/null", "new' OR '1'='1", "NEW"})
        attacks["kid '" + kid + "'"] = hs(claims(), R"({"alg":"HS256","kid":")" + kid + R"("})");
    attacks["no kid"] = hs(claims(), R"({"alg":"HS256"})");
    attacks["a kid that is a number"] = hs(claims(), R"({"alg":"HS256","kid":0})");
    attacks["two algs"] = hs(claims(), R"({"alg":"none","alg":"HS256","kid":"new"})");
    attacks["crit"] = hs(claims(), R"({"alg":"HS256","kid":"new","crit":["exp"],"exp":9999999999})");
    attacks["an ID token's type"] = hs(claims(), R"({"alg":"HS256","kid":"new","typ":"secevent+jwt"})");
    // A header that says where to find the key it was signed with.
    const auto url = "http://127.0.0.1:" + std::to_string(receiver.port()) + "/keys.json";
    for (const std::string pointer : {"jku", "x5u"})
        attacks["a key at " + pointer] =
            rs256_token(R"({"alg":"RS256","kid":"thief",")" + pointer + R"(":")" + url + R"("})", claims(), thief_key);
    attacks["a key in the header"] =
        rs256_token(R"({"alg":"RS256","kid":"rsa","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}})", claims(), thief_key);
    attacks["expired"] = hs(claims({{"exp", now - 1}}));
    attacks["expired long ago"] = hs(claims({{"exp", 1}}));
    attacks["no exp"] = hs(claims({{"exp", nullptr}}));
    attacks["exp as text"] = hs(claims({{"exp", std::to_string(now + 3600)}}));
    attacks["exp beyond numbers"] = hs(R"({"iss":"weir-test","aud":"readers","scope":"view:*","exp":1e999})");
    attacks["not valid yet"] = hs(claims({{"nbf", now + 600}}));
    attacks["issued in the future"] = hs(claims({{"iat", now + 600}}));
    attacks["another issuer"] = hs(claims({{"iss", "evil"}}));
    attacks["another audience"] = hs(claims({{"aud", "writers"}}));
    attacks["no audience"] = hs(claims({{"aud", nullptr}}));
    attacks["two scopes"] = hs(R"({"iss":"weir-test","aud":"readers","scope":"","scope":"view:*","exp":9999999999})");
    attacks["claims that are no object"] = hs("[1]");
    // Bent.
    const auto first = good.find('.'), second = good.find('.', first + 1);
    attacks["without a signature"] = good.substr(0, second + 1);
    attacks["in two parts"] = good.substr(0, second);
    for (const std::size_t cut : {1, 2, 3, 20, 42})
        attacks["cut by " + std::to_string(cut)] = good.substr(0, good.size() - cut);
    attacks["the RSA signature cut"] = good_rsa.substr(0, good_rsa.size() - 4);
    attacks["other claims under the same signature"] =
        good.substr(0, first + 1) + base64url(claims({{"scope", "view:* rows:* metrics"}})) + good.substr(second);
    attacks["four parts"] = good + ".x";
    attacks["padded"] = good + "=";
    attacks["spaces"] = good.substr(0, second) + " " + good.substr(second);
    attacks["long"] = hs(claims({{"more", std::string(9000, 'x')}}));
    attacks["nested"] = hs(R"({"exp":9999999999,"a":)" + std::string(2000, '[') + std::string(2000, ']') + "}");
    // API keys.
    attacks["an API key, cut"] = api_key.substr(0, api_key.size() - 1);
    attacks["an API key's id alone"] = api_key.substr(0, api_key.rfind('_') + 1);
    attacks["an API key of another id"] = "weir_00000000_" + api_key.substr(api_key.rfind('_') + 1);
    attacks["an API key without an id"] = "weir__" + api_key.substr(api_key.rfind('_') + 1);

    const auto refused = told(get(server, "/views/sums", "Bearer nonsense"));
    EXPECT_THAT(refused, HasSubstr("401\n"));
    for (const auto& [name, credential] : attacks)
        EXPECT_EQ(told(get(server, "/views/sums", "Bearer " + credential)), refused) << name;
    // Where no credential is looked for.
    EXPECT_EQ(server.get("/views/sums?access_token=" + good).status, 401);
    EXPECT_EQ(server.get("/views/sums?api_key=" + api_key).status, 401);
    EXPECT_EQ(server.get("/views/sums", {{"Cookie", "token=" + good}}).status, 401);
    EXPECT_EQ(server.get("/views/sums", {{"Proxy-Authorization", "Bearer " + good}}).status, 401);
    EXPECT_EQ(get(server, "/views/sums", "Basic " + base64url("weir:" + good)).status, 401);
    EXPECT_EQ(get(server, "/views/sums", "Bearer " + good, {{"X-API-Key", api_key}}).status, 400) << "twice";
    EXPECT_TRUE(receiver.requests().empty()) << "no key is fetched";

    // A token that was good is not good any more once it expired, remembered or not; nor is a stream that it opened.
    const auto brief = "Bearer " + hs(claims({{"exp", now_seconds() + 3}}));
    client::Client stream(server.port());
    stream.send("GET /stream/sums HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + brief + "\r\n\r\n");
    EXPECT_THAT(stream.read_until("retry: "), HasSubstr("200 OK"));
    EXPECT_EQ(get(server, "/views/sums", brief).status, 200);
    std::this_thread::sleep_for(milliseconds(3200));
    EXPECT_EQ(told(get(server, "/views/sums", brief)), refused);
    EXPECT_TRUE(stream.closed(milliseconds(4000))) << "the stream of an expired token goes on";
    server.stop();
    const auto log = read(project / "lake" / ".weir" / "access.jsonl");
    for (const auto* why : {"its signature is wrong", "it has expired", "it has no exp",
                            "no key has its kid and algorithm", "it is for another audience", "it needs extensions"})
        EXPECT_THAT(log, HasSubstr(why));
    EXPECT_THAT(log, Not(HasSubstr(good))) << "not from the query string either";
    EXPECT_THAT(log, Not(HasSubstr(api_key.substr(api_key.rfind('_') + 1))));
}

// Columns that are masked, dropped or not of the view cannot be read, nor found out by filters and orders.
TEST_F(ApiSecurity, api3_columns_that_are_not_served_cannot_be_asked_for) {
    Terms terms;
    terms.columns.emplace_back(
        "{name: email, logicalType: string, classification: pii, customProperties: [{property: masking, value: "
        "hash}]}");
    terms.columns.emplace_back(
        "{name: pin, logicalType: string, customProperties: [{property: masking, value: drop}]}");
    contract(terms);
    source("in/*.csv");
    put("in/a.csv", "id,name,amount,email,pin\n1,anna,1,anna@example.org,4711\n2,zoe,2,zoe@example.org,0815\n");
    view("people", "SELECT id, name, email FROM t");
    view("inner_", "SELECT id, amount FROM t");
    view("rows_", "SELECT id, name FROM t");
    view("sums", "SELECT name, count(*) AS n FROM t GROUP BY name");
    also("views: [{view: people, key: [id]}, {view: inner_, served: false}]\n");
    put("weir.yaml", "name: shop\nlake: lake2\n");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto all = token({"--scope", "view:*", "--scope", "rows:*"});
    const auto people = get(server, "/views/people?order=id", all);
    ASSERT_EQ(people.status, 200) << people.body;
    const std::string hash = parse(people).at("data").at(0).at("email");
    EXPECT_EQ(hash.size(), 64u);
    for (const auto* type : {"application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"})
        for (const auto* target : {"/views/people", "/views/people?select=email", "/views/people?order=email"})
            for (const auto* raw : {"example.org", "4711", "0815"})
                EXPECT_THAT(get(server, target, all, {{"Accept", type}}).body, Not(HasSubstr(raw))) << target << type;
    EXPECT_THAT(get(server, "/views/people/1", all).body, Not(HasSubstr("example.org")));
    EXPECT_THAT(get(server, "/views/people/1", all).body, HasSubstr(hash));
    // A masked column is compared as it is stored: what was hidden is no way in.
    for (const auto* query :
         {"email=anna@example.org", "email.prefix=anna", "email.in=anna@example.org,zoe@example.org"})
        EXPECT_EQ(parse(get(server, std::string("/views/people?") + query, all)).at("data"), json::array()) << query;
    // What the view does not have: the same answer whether the table has it or nobody does.
    for (const std::string word : {"select=", "order=", "order=-", "select=id,"}) {
        const auto unknown = get(server, "/views/people?" + word + "zzzzzz", all);
        EXPECT_EQ(unknown.status, 400);
        for (const std::string column : {"amount", "pin"}) {
            auto answer = get(server, "/views/people?" + word + column, all);
            const auto where = answer.body.find(column);
            ASSERT_NE(where, std::string::npos) << answer.body;
            answer.body.replace(where, column.size(), "zzzzzz");
            EXPECT_EQ(answer.status, 400);
            EXPECT_EQ(parse(answer).at("detail"), parse(unknown).at("detail")) << word << column;
        }
    }
    for (const std::string column :
         {"amount", "pin", "t.amount", "people.pin", "rowid", "weir%20row%20number", "*", "_weir_row", "_file",
          "_interval", "%22amount%22", "id);--", "(select%20pin%20from%20t)"})
        for (const auto& target : {"select=" + column, "order=" + column, "order=-" + column, column + "=1",
                                   column + ".gte=1", column + ".null=false", column + ".in=1,2"}) {
            const auto answer = get(server, "/views/people?" + target, all);
            EXPECT_EQ(answer.status, 400) << target << answer.body;
            expect_no_internals(answer, target);
        }
    // A view that is not served is not there, under any path; nor are tables behind the views.
    const auto unknown = get(server, "/views/nothing_", all);
    for (const auto* name : {"inner_", "t", "weir", "weir.quarantine", "publications", "_weir_publications"}) {
        for (const std::string before : {"/views/", "/stream/"})
            EXPECT_EQ(get(server, before + name, all).status, 404) << before << name;
        EXPECT_EQ(get(server, std::string("/views/") + name + "/1", all).status, 404) << name;
    }
    EXPECT_EQ(unknown.status, 404);
    for (const auto* listing : {"/views", "/openapi.json", "/views/inner"}) {
        EXPECT_THAT(get(server, listing, all).body, Not(HasSubstr("inner_"))) << listing;
        EXPECT_THAT(get(server, listing, all).body, Not(HasSubstr("\"pin\""))) << listing;
    }
}

// Sizes, counts and rates have bounds, and whoever goes beyond them is told, at once and cheaply.
TEST_F(ApiSecurity, api4_resources_are_bounded) {
    http("page_rows_max: 5, header_bytes: 8KiB, body_bytes: 64KiB, queries: 1, queue: 4, rate: 1000/h");
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto all = token({"--scope", "view:*", "--scope", "rows:*", "--scope", "topic:*", "--subject", "all"});
    ASSERT_EQ(get(server, "/views/rows_", all).status, 200);
    const auto before = memory_of(server.pid());

    for (const auto* limit : {"0", "-1", "6", "1000000000", "99999999999999999999", "1e3", "", "5;", "0x5"})
        EXPECT_EQ(get(server, std::string("/views/rows_?limit=") + limit, all).status, 400) << limit;
    EXPECT_LE(parse(get(server, "/views/rows_", all)).at("data").size(), 5u);
    EXPECT_EQ(get(server, "/views/rows_?" + std::string(20'000, 'x') + "=1", all).status, 414);
    EXPECT_EQ(get(server, "/views/rows_", all, {{"X-Much", std::string(9'000, 'x')}}).status, 431);
    std::map<std::string, std::string> many;
    for (int i = 0; i < 500; ++i) many["X-" + std::to_string(i)] = "1";
    EXPECT_EQ(get(server, "/views/rows_", all, many).status, 431);
    std::string list = "1", filters;
    for (int i = 0; i < 1500; ++i) list += ",1";
    for (int i = 0; i < 500; ++i) filters += "id.gte=" + std::to_string(i) + "&";
    for (const auto& target : {"/views/rows_?id.in=" + list, "/views/rows_?" + filters}) {
        const auto answer = get(server, target, all);
        EXPECT_TRUE(answer.status == 400 || answer.status == 200) << answer.status << answer.body;
    }
    EXPECT_EQ(get(server, "/views/rows_?cursor=" + std::string(6'000, 'A'), all).status, 400);
    EXPECT_EQ(get(server, "/views/rows_?cursor=" + std::string(6'000, '%'), all).status, 400);

    const auto post = [&](const std::string& body, std::map<std::string, std::string> fields = {}) {
        fields["Authorization"] = all;
        fields.try_emplace("Content-Type", "application/json");
        return client::request(server.port(), "POST", "/topics/orders", fields, body);
    };
    ASSERT_EQ(post(R"([{"a":1}])").status, 202);
    const auto large = post("[{\"a\":\"" + std::string(70'000, 'x') + "\"}]");
    EXPECT_EQ(large.status, 413);
    EXPECT_THAT(large.body, HasSubstr("65536 bytes"));
    const auto raw = [&](const std::string& fields, const std::string& body) {
        client::Client one(server.port());
        one.send(
            "POST /topics/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: " +
            all + "\r\n" + fields + "\r\n" + body);
        return one.read();
    };
    for (const auto* length : {"65537", "1000000000000", "99999999999999999"})
        EXPECT_EQ(raw(std::string("Content-Length: ") + length + "\r\n", "").status, 413) << length;
    for (const auto* length : {"18446744073709551615", "99999999999999999999999", "-1", "+1", "0x10", "1, 2"})
        EXPECT_EQ(raw(std::string("Content-Length: ") + length + "\r\n", "").status, 400) << length;
    EXPECT_EQ(raw("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFF\r\n").status, 413);
    EXPECT_EQ(raw("Transfer-Encoding: chunked\r\n", "10001\r\n").status, 413);
    EXPECT_EQ(raw("Transfer-Encoding: chunked\r\n", "1;" + std::string(100'000, 'e') + "\r\n").status, 400);
    // Small on the way and large when unpacked: packed bodies are not taken at all.
    const auto packed = post("\x1f\x8b", {{"Content-Encoding", "gzip"}});
    EXPECT_EQ(packed.status, 415);
    EXPECT_EQ(packed.field("accept-encoding"), "identity");
    EXPECT_EQ(post(R"([{"a":1}])", {{"Content-Type", "application/json; charset=latin1"}}).status, 415);
    EXPECT_EQ(post(R"([{"a":1}])", {{"Content-Type", "application/json; charset=\"UTF-8\""}}).status, 202);
    EXPECT_EQ(post("\x1f\x8b", {{"Content-Encoding", "identity, gzip"}}).status, 415);
    for (const auto& deep :
         {"[{\"a\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}]",
          "[{\"a\":" + std::string(60'000, '['), std::string(60'000, '['), std::string(60'000, '{')}) {
        const auto answer = post(deep);
        EXPECT_TRUE(answer.status == 202 || answer.status == 400 || answer.status == 422) << answer.status;
    }
    // More queries at once than may wait: some are turned away with the time to come back, none hang.
    std::atomic<int> answered = 0, turned_away = 0;
    std::vector<std::thread> crowd;
    for (int i = 0; i < 40; ++i)
        crowd.emplace_back([&] {
            const auto answer = get(server, "/views/rows_?layer=merged&order=-amount", all);
            if (answer.status == 200) ++answered;
            if (answer.status == 503 && !answer.field("retry-after").empty()) ++turned_away;
        });
    for (auto& one : crowd) one.join();
    EXPECT_EQ(answered + turned_away, 40);
    EXPECT_GE(answered, 4);
    EXPECT_LT(memory_of(server.pid()), before + memory_margin) << "what attacks took was given back";

    // The rate is of who asks, not of a connection, and others have their own.
    int refused = 0;
    client::Client same(server.port());
    for (int i = 0; i < 1100; ++i) {
        same.send("GET /views HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + all + "\r\n\r\n");
        const auto answer = same.read();
        if (answer.status != 429) continue;
        ++refused;
        EXPECT_GE(std::stoi(answer.field("retry-after")), 1);
    }
    EXPECT_GE(refused, 50);
    EXPECT_EQ(get(server, "/views", token({"--scope", "view:*", "--subject", "other"})).status, 200);
}

// Functions of operators, and writing, are not for readers, by whatever path or method they are asked for.
TEST_F(ApiSecurity, api5_functions_need_their_own_scopes) {
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto reader = token({"--scope", "view:*", "--scope", "rows:*", "--subject", "bo"});
    const auto writer = token({"--scope", "topic:orders", "--subject", "bo"});
    const auto watcher = token({"--scope", "system:status", "--scope", "metrics", "--subject", "bo"});
    const auto post = [&](const std::string& who, const std::string& topic) {
        return client::request(server.port(), "POST", "/topics/" + topic,
                               {{"Authorization", who}, {"Content-Type", "application/json"}}, "[{}]");
    };
    for (const auto* target : {"/metrics", "/status", "/status/stream", "/system/accounting", "/system/quarantine",
                               "/system/runs", "/system/nothing_there"}) {
        for (const auto& who : {reader, writer}) {
            const auto answer = get(server, target, who);
            EXPECT_EQ(answer.status, 403) << target << answer.body;
            EXPECT_THAT(answer.field("www-authenticate"), HasSubstr("insufficient_scope")) << target;
        }
        EXPECT_EQ(server.get(target).status, 401) << target;
    }
    for (const auto* target : {"/metrics", "/status"}) EXPECT_EQ(get(server, target, watcher).status, 200) << target;
    EXPECT_EQ(get(server, "/system/quarantine", watcher).status, 403);
    EXPECT_EQ(get(server, "/views/sums", watcher).status, 403);
    EXPECT_EQ(get(server, "/views/sums", writer).status, 403);
    EXPECT_EQ(get(server, "/stream/sums", writer).status, 403);
    EXPECT_EQ(post(writer, "orders").status, 202);
    // Near names are told of topics that one may post to, and none is made of a name that cannot be.
    const auto near = token({"--scope", "topic:order*", "--subject", "bo"});
    EXPECT_THAT(post(near, "order").body, HasSubstr("did you mean 'orders'"));
    const auto wild = token({"--scope", "topic:*", "--subject", "bo"});
    EXPECT_THAT(post(wild, "..%2fx").body, Not(HasSubstr("weir topic create")));
    for (const auto& who : {reader, watcher}) {
        EXPECT_EQ(post(who, "orders").status, 403);
        EXPECT_EQ(post(who, "nothing_there").status, 403);
    }
    EXPECT_EQ(post(writer, "orders2").status, 403);
    // Lists show each what is his.
    EXPECT_EQ(parse(get(server, "/system", reader)).at("tables"), json::array());
    EXPECT_EQ(parse(get(server, "/views", writer)).at("views"), json::array());
    EXPECT_THAT(get(server, "/openapi.json", reader).body, Not(HasSubstr("/system/quarantine")));
    EXPECT_THAT(get(server, "/openapi.json", writer).body, Not(HasSubstr("/views/sums")));
    // Other methods and other spellings of a path lead nowhere else.
    for (const auto* method : {"PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get"})
        for (const auto* target : {"/views/sums", "/system/quarantine", "/topics/orders", "/"}) {
            const auto answer = client::request(server.port(), method, target, {{"Authorization", reader}});
            EXPECT_TRUE(answer.status == 405 || answer.status == 400 || answer.status == 501)
                << method << target << answer.status;
        }
    for (const auto* field : {"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"})
        EXPECT_EQ(get(server, "/topics/orders", writer, {{field, "POST"}}).status, 405);
    for (const auto* field : {"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"})
        EXPECT_NE(get(server, "/system/quarantine", reader, {{field, "/livez"}}).status, 200);
    for (const auto* target : {"//metrics",
                               "/metrics/",
                               "/./metrics",
                               "/views/../metrics",
                               "/%6Detrics",
                               "/METRICS",
                               "/metrics%00",
                               "/metrics;a=b",
                               "/livez/../metrics",
                               "/livez/..%2Fmetrics",
                               "/views/sums/../../system/quarantine",
                               "/%73ystem/quarantine",
                               "/system/quarantin%65",
                               "/system//quarantine",
                               "/system/quarantine/",
                               "/SYSTEM/quarantine",
                               "/system%2Fquarantine",
                               "/assets/../metrics",
                               "/problems/..%2F..%2Fmetrics",
                               "/views/..%2Fsystem%2Fquarantine",
                               "http://localhost/metrics",
                               "http://localhost/system/quarantine"}) {
        const auto answer = get(server, target, reader);
        EXPECT_GE(answer.status, 400) << target << answer.body;
        EXPECT_THAT(answer.body, Not(HasSubstr("weir_http_requests_total"))) << target;
    }
    // Rights come from `scope` alone, and from no pattern that a token makes up.
    const auto with = [&](const json& more) {
        json claims = {{"sub", "bo"}, {"exp", now_seconds() + 600}};
        claims.update(more);
        return "Bearer " + hs256_token(R"({"alg":"HS256","kid":"new"})", claims.dump(), std::string(40, 'n'));
    };
    for (const auto& more :
         {json{{"scope", {"view:*", "metrics"}}}, json{{"scp", "view:*"}}, json{{"roles", {"admin"}}},
          json{{"admin", true}, {"everything", true}}, json{{"scope", "*"}}, json{{"scope", "view"}},
          json{{"scope", "view:"}}, json{{"scope", "*:*"}}, json{{"scope", "VIEW:*"}}, json{{"scope", "view:*\n"}},
          json{{"scope", "metrics:*"}}, json{{"scope", "system:*x"}}})
        for (const auto* target : {"/views/sums", "/metrics", "/system/accounting"})
            EXPECT_EQ(get(server, target, with(more)).status, 403) << target << more;
}

// What costs others when it is done often: posting, guessing. Bounded for each, and done again it is done once.
TEST_F(ApiSecurity, api6_flows_that_cost_are_limited_and_happen_once) {
    http("address_rate: 400/h, rate: 100/h");
    ASSERT_EQ(weir_with({"topic", "create", "orders", "--partitions", "2"}).exit_code, 0);
    {
        UpServer server(project);
        ASSERT_NE(server.port(), 0) << server.err();
        const auto anna = token({"--scope", "topic:*", "--subject", "anna"}),
                   zoe = token({"--scope", "topic:*", "--subject", "zoe"});
        const auto post = [&](const std::string& who, const std::string& key, const std::string& body) {
            return client::request(
                server.port(), "POST", "/topics/orders",
                {{"Authorization", who}, {"Content-Type", "application/json"}, {"Idempotency-Key", key}}, body);
        };
        // The same request, many times at once.
        std::atomic<int> fresh = 0, repeated = 0, under_way = 0;
        std::vector<std::thread> crowd;
        for (int i = 0; i < 20; ++i)
            crowd.emplace_back([&] {
                const auto answer = post(anna, "order-1", R"([{"who":"anna","n":1}])");
                if (answer.status == 409 && answer.field("retry-after") == "1") ++under_way;
                if (answer.status != 202) return;
                (parse(answer).at("duplicate") == true ? repeated : fresh)++;
            });
        for (auto& one : crowd) one.join();
        EXPECT_EQ(fresh, 1);
        EXPECT_EQ(fresh + repeated + under_way, 20);
        // A key is its owner's: nobody can take it away, or find out that it was used.
        const auto others = post(zoe, "order-1", R"([{"who":"zoe","n":2}])");
        EXPECT_EQ(others.status, 202) << others.body;
        EXPECT_FALSE(parse(others).at("duplicate"));
        EXPECT_EQ(post(anna, "order-1", R"([{"who":"anna","n":3}])").status, 422);
        const auto there = weir_with({"consume", "orders"}).out;
        EXPECT_EQ(std::count(there.begin(), there.end(), '\n'), 2) << there;
        // However many connections: a subject has its rate, and others theirs.
        int taken = 0, refused = 0;
        for (int i = 0; i < 120; ++i) {
            const auto answer = post(zoe, "many-" + std::to_string(i), "[{}]");
            taken += answer.status == 202;
            refused += answer.status == 429 && std::stoi(answer.field("retry-after")) >= 1;
        }
        EXPECT_LE(taken, 102);
        EXPECT_EQ(taken + refused, 120);
        EXPECT_EQ(post(anna, "order-2", "[{}]").status, 202);
    }
    // Guessing: an address has so many tries, and a right one behind them is none.
    UpServer server(project);
    int wrong = 0, turned_away = 0;
    for (int i = 0; i < 450; ++i) {
        const auto answer = server.get("/views", {{"X-API-Key", "weir_00000000_" + std::to_string(i)}});
        wrong += answer.status == 401;
        turned_away += answer.status == 429;
    }
    EXPECT_LE(wrong, 410);
    EXPECT_GE(turned_away, 40);
    EXPECT_EQ(server.get("/views", {{"X-API-Key", api_key}}).status, 429);
}

// weir sends to the addresses that its operator declared, and to no other: none that a request, a token or an answer
// names.
TEST_F(ApiSecurity, api7_nothing_makes_it_ask_other_servers) {
    Receiver hook, elsewhere;
    const auto there = "http://127.0.0.1:" + std::to_string(elsewhere.port());
    put("alerts.yaml",
        "every: 100ms\nnotify:\n- {name: hook, url: \"${env:HOOK}\", retries: 1, timeout: 2s}\n"
        "alerts:\n- {name: many, sql: SELECT name FROM sums WHERE n > 2, key: [name], message: \"{name}\"}\n");
    for (const int status : {301, 302, 303, 307, 308})
        hook.behave(
            [&there, status](int peer) {
                char bytes[4096];
                static_cast<void>(::recv(peer, bytes, sizeof bytes, 0));
                const auto answer = "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + there +
                                    "/latest/meta-data\r\nRefresh: 0; url=" + there + "\r\nContent-Length: 0\r\n\r\n";
                static_cast<void>(::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL));
            },
            1);
    {
        UpServer server(project, {"--only", "serve,alerts"},
                        {{"HOOK", "http://127.0.0.1:" + std::to_string(hook.port()) + "/private-path"}});
        ASSERT_NE(server.port(), 0) << server.err();
        const auto all = token({"--scope", "view:*", "--scope", "rows:*"});
        for (const auto& target : {"/views/sums?url=" + there, "/views/sums?cursor=" + there, "/views/" + there,
                                   "/views/rows_?name=" + there, "/stream/sums?callback=" + there,
                                   "/views/read_csv('" + there + "')", "/views/sums?select=read_text('" + there + "')"})
            EXPECT_NE(get(server, target, all).status, 500) << target;
        for (const auto* field : {"X-Forwarded-Host", "X-Forwarded-For", "Forwarded", "Referer", "Origin",
                                  "X-Callback-URL", "Link", "True-Client-IP", "X-Wap-Profile"})
            static_cast<void>(get(server, "/views/sums", all, {{field, there}}));
        // As if it were a proxy.
        EXPECT_NE(get(server, there + "/views/sums", all).body.find("{"), std::string::npos);
        EXPECT_GE(client::request(server.port(), "CONNECT", "127.0.0.1:" + std::to_string(elsewhere.port()),
                                  {{"Authorization", all}})
                      .status,
                  400);
        for (int look = 0; look < 1200 && server.err().find("given up") == std::string::npos; ++look)
            std::this_thread::sleep_for(milliseconds(50));
        EXPECT_THAT(server.err(), HasSubstr("is given up: it answered 30")) << "a redirect is an answer like any other";
        EXPECT_THAT(server.err(), Not(HasSubstr("private-path")));
    }
    EXPECT_TRUE(elsewhere.requests().empty()) << elsewhere.requests()[0].head;
    // Keys come from files; an address in their place is the name of a file that is not there.
    put("alerts.yaml", "");
    const auto settings = read(project / "serve.yaml");
    put("serve.yaml", settings + "  jwks: " + there + "/keys.json\n");
    UpServer fetching(project);
    EXPECT_EQ(fetching.port(), 0);
    EXPECT_TRUE(elsewhere.requests().empty());
    put("serve.yaml", settings);
    // Where a message is to go is http or https, and a wrong address is refused without being shown.
    put("alerts.yaml",
        "notify:\n- {name: hook, url: \"${env:HOOK}\"}\nalerts:\n- {name: many, sql: SELECT name FROM sums, message: "
        "x}\n");
    for (const auto* address : {"file:///etc/passwd", "gopher://127.0.0.1/x", "ftp://127.0.0.1/hidden-1",
                                "//127.0.0.1/", "http://user:hidden-2@127.0.0.1/", "http://127.0.0.1:0/",
                                "http://127.0.0.1:99999/", "http://127.0.0.1/\r\nX-Evil: 1", "unix:/run/docker.sock"}) {
        UpServer refused(project, {"--only", "alerts,serve"}, {{"HOOK", address}});
        EXPECT_EQ(refused.port(), 0) << address;
        EXPECT_THAT(refused.err(), HasSubstr("no address of HTTP"));
        EXPECT_THAT(refused.err(), Not(HasSubstr("hidden")));
    }
}

// What it is like without anybody having thought of it: closed, quiet, and with the headers that browsers need.
TEST_F(ApiSecurity, api8_it_is_closed_and_quiet_by_itself) {
    const auto with_keys = read(project / "serve.yaml");
    put("serve.yaml", "http: {listen: \"127.0.0.1:0\"}\n");
    for (const auto* listen : {"0.0.0.0:0", "[::]:0"}) {
        UpServer open(project, {"--only", "serve", "--listen", listen});
        EXPECT_EQ(open.port(), 0) << listen;
        EXPECT_THAT(open.err(), HasSubstr("nobody would need a key")) << listen;
    }
    {
        // Without keys it is this machine's alone: a page of another site whose name leads here is refused.
        UpServer open(project);
        ASSERT_NE(open.port(), 0) << open.err();
        const auto as = [&](const std::string& host) {
            client::Client one(open.port());
            one.send("GET /views/sums HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            return one.read().status;
        };
        for (const auto* host :
             {"localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]", "[::1]:9"})
            EXPECT_EQ(as(host), 200) << host;
        for (const auto* host : {"evil.example.org", "127.evil.example.org", "127.0.0.1.evil.example.org:8080",
                                 "localhost.evil.example.org", "127.0.0.1evil", "10.0.0.1", "0.0.0.0", "127.",
                                 "127.0.0.1.", "127.0.0.256", "[::2]", "[::1].evil.example.org"}) {
            const int status = as(host);
            EXPECT_TRUE(status == 421 || status == 400) << host << " " << status;
        }
    }
    put("serve.yaml", with_keys);
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto all = token(
        {"--scope", "view:*", "--scope", "rows:*", "--scope", "topic:*", "--scope", "system:*", "--scope", "metrics"});
    const auto expect_fields = [&](const client::Answer& answer, const std::string& what) {
        EXPECT_EQ(answer.field("x-content-type-options"), "nosniff") << what;
        EXPECT_EQ(answer.field("referrer-policy"), "no-referrer") << what;
        EXPECT_EQ(answer.field("cross-origin-resource-policy"), "same-origin") << what;
        EXPECT_THAT(answer.field("content-security-policy"), HasSubstr("frame-ancestors 'none'")) << what;
        EXPECT_THAT(answer.field("content-security-policy"), Not(HasSubstr("unsafe"))) << what;
        EXPECT_EQ(answer.field("server"), "") << what;
        EXPECT_EQ(answer.field("x-powered-by"), "") << what;
        if (answer.status >= 400) {
            EXPECT_EQ(answer.field("content-type"), "application/problem+json") << what;
            EXPECT_EQ(parse(answer).at("status"), answer.status) << what;
        }
        expect_no_internals(answer, what);
    };
    for (const auto* target : {"/",
                               "/livez",
                               "/readyz",
                               "/views",
                               "/views/sums",
                               "/views/sums?x=1",
                               "/views/none",
                               "/openapi.json",
                               "/metrics",
                               "/status",
                               "/system",
                               "/system/accounting",
                               "/nothing",
                               "/problems/busy",
                               "/problems/none",
                               "/assets/none",
                               "/views/sums?order=%00",
                               "/views/sums?n=%FF",
                               "/views/%FF",
                               "/views/sums?name=%E2%82",
                               "/views/rows_?at=1'",
                               "/views/rows_?day=2024-99-99",
                               "/views/rows_?id=1;drop",
                               "/views/rows_?amount=1e400",
                               "/views/sums?known_at=x",
                               "/views/sums?known_at=1999-01-01T00:00:00Z",
                               "/views/sums?as_of=1999-01-01",
                               "/views/sums?layer=speed",
                               "/topics/orders",
                               "/stream/none",
                               "/system/quarantine?state='"}) {
        expect_fields(get(server, target, all), target);
        expect_fields(server.get(target), std::string("without credentials ") + target);
    }
    for (const auto* bytes :
         {"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "POST /topics/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
          "chunked\r\n\r\n0\r\n\r\n"}) {
        client::Client one(server.port());
        one.send(bytes);
        const auto answer = one.read();
        EXPECT_GE(answer.status, 400) << bytes;
        expect_fields(answer, bytes);
    }
    EXPECT_EQ(
        get(server, "/views/sums", all, {{"Origin", "https://evil.example.org"}}).field("access-control-allow-origin"),
        "");
    EXPECT_EQ(get(server, "/views/sums", all, {{"Origin", "null"}}).field("access-control-allow-origin"), "");
    // A fault of the server says nothing about the server: the files of a view, then those of the log, are gone.
    for (const auto& entry : fs::recursive_directory_iterator(project / "lake"))
        if (entry.is_regular_file() && entry.path().extension() == ".parquet" &&
            entry.path().string().find("rows_") != std::string::npos)
            write(entry.path(), "no parquet");
    fs::path folder;
    for (const auto& entry : fs::recursive_directory_iterator(project / "lake"))
        if (entry.is_directory() && entry.path().filename() == "sums") folder = entry.path();
    ASSERT_FALSE(folder.empty());
    fs::remove_all(folder);
    const auto gone = get(server, "/views/sums?order=n", all);
    EXPECT_GE(gone.status, 400) << gone.body;
    expect_fields(gone, "a removed table");
    const auto fault = get(server, "/views/rows_?order=id", all);
    EXPECT_EQ(fault.status, 500) << fault.body;
    expect_fields(fault, "a damaged file");
    EXPECT_THAT(server.err(), HasSubstr("a query failed")) << "the operator is told";
    const auto posted = [&] {
        return client::request(server.port(), "POST", "/topics/orders",
                               {{"Authorization", all}, {"Content-Type", "application/json"}}, "[{}]");
    };
    write(project / "log" / "topics" / "orders" / "0", "no folder");
    const auto broken = posted();
    EXPECT_GE(broken.status, 500) << broken.body;
    expect_fields(broken, "a broken log");
    // Nothing that others on the machine could see holds a secret.
    const auto command = read("/proc/" + std::to_string(server.pid()) + "/cmdline");
    EXPECT_THAT(command, Not(HasSubstr(std::string(32, 'o'))));
    EXPECT_THAT(server.err(), Not(HasSubstr(std::string(32, 'o'))));
    const auto mode = fs::status(project / "lake" / ".weir" / "cursor.key").permissions();
    EXPECT_EQ(mode & (fs::perms::group_all | fs::perms::others_all), fs::perms::none)
        << "what signs cursors is its own";
}

// What answers is what /openapi.json lists, and nothing else does.
TEST_F(ApiSecurity, api9_nothing_answers_that_is_not_in_the_document) {
    also("views: [{view: sums, key: [name]}]\n");
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto all = token(
        {"--scope", "view:*", "--scope", "rows:*", "--scope", "topic:*", "--scope", "system:*", "--scope", "metrics"});
    const auto paths = parse(get(server, "/openapi.json", all)).at("paths");
    // Everything in it answers.
    for (const auto& [path, operations] : paths.items()) {
        auto target = path;
        for (const auto& [name, value] :
             {std::pair("{problem}", "busy"), std::pair("{view}", "sums"), std::pair("{topic}", "orders"),
              std::pair("{name}", "anna"), std::pair("{file}", "none")})
            if (const auto at = target.find(name); at != std::string::npos)
                target.replace(at, std::string_view(name).size(), value);
        for (const auto& [method, operation] : operations.items()) {
            if (method == "parameters") continue;
            auto verb = method;
            std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::toupper(c); });
            client::Client one(server.port());
            one.send(verb + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + all +
                     "\r\nContent-Length: 0\r\n\r\n");
            const auto answer = one.read();
            EXPECT_TRUE(operation.at("responses").contains(std::to_string(answer.status)))
                << verb << " " << target << ": " << answer.status;
            EXPECT_NE(answer.status, 405) << verb << path;
        }
    }
    // And what answers is in it. A template of the document may stand for a segment.
    const auto listed = [&](const std::string& target) {
        const auto split = [](const std::string& path) {
            std::vector<std::string> parts;
            std::istringstream text(path);
            for (std::string part; std::getline(text, part, '/');) parts.push_back(part);
            return parts;
        };
        const auto parts = split(target);
        for (const auto& [path, operations] : paths.items()) {
            const auto pattern = split(path);
            bool same = pattern.size() == parts.size();
            for (std::size_t i = 0; same && i < parts.size(); ++i)
                same = pattern[i] == parts[i] || pattern[i].starts_with('{');
            if (same) return true;
        }
        return false;
    };
    std::set<std::string> answered;
    for (const auto* target : {"/",
                               "/livez",
                               "/readyz",
                               "/healthz",
                               "/startupz",
                               "/health",
                               "/metrics",
                               "/openapi.json",
                               "/openapi.yaml",
                               "/swagger",
                               "/swagger.json",
                               "/swagger-ui",
                               "/docs",
                               "/redoc",
                               "/api",
                               "/api/v1",
                               "/v1/views",
                               "/v2/views",
                               "/views",
                               "/views/sums",
                               "/views/rows_",
                               "/views/sums/anna",
                               "/stream",
                               "/stream/sums",
                               "/topics",
                               "/topics/orders",
                               "/status",
                               "/status/stream",
                               "/system",
                               "/system/accounting",
                               "/system/quarantine",
                               "/admin",
                               "/admin/keys",
                               "/keys",
                               "/jwks",
                               "/.well-known/jwks.json",
                               "/.well-known/openid-configuration",
                               "/.well-known/security.txt",
                               "/robots.txt",
                               "/favicon.ico",
                               "/debug",
                               "/debug/pprof",
                               "/debug/vars",
                               "/actuator",
                               "/actuator/env",
                               "/env",
                               "/config",
                               "/serve.yaml",
                               "/weir.yaml",
                               "/new.secret",
                               "/notes.txt",
                               "/lake",
                               "/lake/sums",
                               "/.weir/serve.db",
                               "/.git/config",
                               "/.env",
                               "/sql",
                               "/query",
                               "/graphql",
                               "/console",
                               "/index.html",
                               "/login",
                               "/token",
                               "/tokens",
                               "/oauth/token",
                               "/server-status",
                               "/nginx_status",
                               "/phpmyadmin",
                               "/problems",
                               "/problems/busy",
                               "/assets",
                               "/assets/",
                               "/export",
                               "/export/sums.csv",
                               "/shutdown",
                               "/reload",
                               "/quit",
                               "/runs",
                               "/alerts"}) {
        const auto answer = get(server, target, all);
        if (answer.status == 404) continue;
        answered.insert(target);
        EXPECT_TRUE(listed(target)) << target << " answers " << answer.status << " and is not in /openapi.json";
    }
    EXPECT_GE(answered.size(), 14u);
    // Files of the page are what its own page names, and they are in the document.
    const auto page = server.get("/", {{"Accept", "text/html"}}).body;
    const auto at = page.find("/assets/");
    if (at != std::string::npos) {
        const auto asset = page.substr(at, page.find('"', at) - at);
        EXPECT_EQ(server.get(asset).status, 200) << asset;
        EXPECT_TRUE(listed(asset)) << asset;
    }
    // One port, and no more.
    std::set<std::string> listening;
    std::ifstream sockets("/proc/" + std::to_string(server.pid()) + "/net/tcp");
    std::set<std::string> inodes;
    for (const auto& fd : fs::directory_iterator("/proc/" + std::to_string(server.pid()) + "/fd")) {
        std::error_code ignored;
        const auto to = fs::read_symlink(fd.path(), ignored).string();
        if (to.starts_with("socket:[")) inodes.insert(to.substr(8, to.size() - 9));
    }
    std::string line;
    std::getline(sockets, line);
    while (std::getline(sockets, line)) {
        std::istringstream words(line);
        std::vector<std::string> word(std::istream_iterator<std::string>(words), {});
        if (word.size() > 9 && word[3] == "0A" && inodes.count(word[9]) == 1) listening.insert(word[1]);
    }
    EXPECT_EQ(listening.size(), 1u);
}

// A receiver of messages that answers with too much, too slowly or with nonsense costs its message some time and weir
// nothing: it is served, memory stays, and the message comes when the receiver is well.
TEST_F(ApiSecurity, api10_answers_of_others_are_not_trusted) {
    put("alerts.yaml",
        "every: 100ms\nnotify:\n- {name: hook, url: \"${env:HOOK}\", retries: 20, timeout: 500ms}\n"
        "alerts:\n- {name: many, sql: SELECT name FROM sums WHERE n > 2, key: [name], message: \"{name}\"}\n");
    Receiver hook;
    std::atomic<int> round = 0;
    std::atomic<std::uint64_t> sent = 0;
    const auto send_all = [&](int peer, std::string_view bytes) {
        const auto count = ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0) sent += static_cast<std::uint64_t>(count);
        return count > 0;
    };
    hook.behave(
        [&](int peer) {
            char request[8192];
            static_cast<void>(::recv(peer, request, sizeof request, 0));
            const std::string much(1 << 20, 'x');
            switch (round++) {
                case 0:  // a first line without an end
                    while (!hook.stopping() && send_all(peer, much) && sent < (std::uint64_t{1} << 30)) {
                    }
                    break;
                case 1:  // a byte now and then
                    for (int i = 0; i < 30 && !hook.stopping() && send_all(peer, "H"); ++i)
                        std::this_thread::sleep_for(milliseconds(100));
                    break;
                default: send_all(peer, std::string("\0\xff\x16\x03\x01nonsense\r\n\r\n", 17)); break;
            }
        },
        3);
    UpServer server(project, {"--only", "serve,alerts"},
                    {{"HOOK", "http://127.0.0.1:" + std::to_string(hook.port()) + "/"}});
    ASSERT_NE(server.port(), 0) << server.err();
    const auto all = token({"--scope", "view:*", "--scope", "rows:*"});
    ASSERT_EQ(get(server, "/views/sums", all).status, 200);
    const auto before = memory_of(server.pid());
    std::size_t most = before;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(240 * slowness);
    int asked = 0, slow = 0;
    while (hook.requests().empty() && std::chrono::steady_clock::now() < until) {
        const auto begun = std::chrono::steady_clock::now();
        EXPECT_EQ(get(server, "/views/sums", all).status, 200);
        ++asked;
        slow += std::chrono::steady_clock::now() - begun > std::chrono::seconds(5 * slowness) ? 1 : 0;
        most = std::max(most, memory_of(server.pid()));
        std::this_thread::sleep_for(milliseconds(50));
    }
    // A machine may stand still for once; who waits for others waits again and again.
    EXPECT_LE(slow * 10, asked) << slow;
    ASSERT_EQ(hook.requests().size(), 1u) << server.err();
    EXPECT_EQ(round, 3);
    EXPECT_EQ(json::parse(hook.requests()[0].body).at("state"), "firing");
    EXPECT_LT(sent, std::uint64_t{32} << 20) << "what nobody reads is not taken in";
    EXPECT_LT(most, before + memory_margin);
    EXPECT_THAT(server.err(), HasSubstr("the answer was none of HTTP"));
    EXPECT_THAT(server.err(), Not(HasSubstr("xxxxxxxx"))) << "nor shown";
}

}  // namespace
}  // namespace weir::test
