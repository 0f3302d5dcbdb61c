// Projects that are served over HTTP, for tests: one that is open, and one whose readers need keys.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/server.h"
#include "support/shop.h"

namespace weir::test {

using nlohmann::json;
using testing::HasSubstr;

class Served : public Shop {
protected:
    Served() {
        contract({});
        source("in/*.csv");
        put("in/a.csv", header + "1,anna,1.5\n2,bo,\n3,\"c,\"\"d\",2\n4,anna,-7\n5,,2\n6,anna,1.5\n7,zoe,1e300\n");
        view("sums", "SELECT name, count(*) AS n, sum(amount) AS total FROM t GROUP BY name");
        view("rows_",
             "SELECT id, name, amount, id % 3 = 0 AS third, DATE '2024-01-01' + id::INT AS day, "
             "TIMESTAMPTZ '2024-01-01 00:00:00Z' + to_hours(id) AS at FROM t ORDER BY id DESC");
    }
    static json parse(const serve::http::testing::Answer& answer) {
        auto parsed = json::parse(answer.body, nullptr, false);
        EXPECT_FALSE(parsed.is_discarded()) << answer.body;
        return parsed;
    }
    // All rows of a request, page by page.
    static json all_pages(const UpServer& server, std::string target, int* pages = nullptr) {
        json rows = json::array();
        for (int page = 0; page < 1000; ++page) {
            const auto answer = server.get(target);
            EXPECT_EQ(answer.status, 200) << target << answer.body;
            if (answer.status != 200) break;
            const auto parsed = parse(answer);
            for (const auto& row : parsed.at("data")) rows.push_back(row);
            if (pages != nullptr) ++*pages;
            if (parsed.at("next").is_null()) break;
            target = parsed.at("next");
            EXPECT_EQ(answer.field("link"), "<" + target + ">; rel=\"next\"");
        }
        return rows;
    }
    json sql_rows(const std::string& statement) const {
        const auto done = weir_with({"sql", statement, "--format", "json"});
        EXPECT_EQ(done.exit_code, 0) << statement << done.err;
        return json::parse(done.out, nullptr, false);
    }
};

class Guarded : public Served {
protected:
    Guarded() {
        put("old.secret", std::string(32, 'o'));
        put("new.secret", std::string(40, 'n'));
        const auto made = json::parse(weir_with({"token", "key", "--scope", "view:sums", "--json"}).out);
        api_key = made.at("key");
        put("serve.yaml",
            "http: {origins: [\"https://app.example.org\"]}\n"
            "access:\n"
            "  tokens:\n"
            "  - {id: new, algorithm: HS256, secret: \"${file:new.secret}\"}\n"
            "  - {id: old, algorithm: HS256, secret: \"${file:old.secret}\"}\n"
            "  keys:\n"
            "  - {id: \"" +
                made.at("id").get<std::string>() + "\", sha256: " + made.at("sha256").get<std::string>() +
                ", scopes: [\"view:sums\"]}\n"
                "  rows:\n"
                "  - {views: rows_, claim: sub, column: name}\n");
        run_ok();
    }
    std::string api_key;
    std::string token(std::vector<std::string> words) const {
        words.insert(words.begin(), {"token", "create"});
        const auto done = weir_with(words);
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return "Bearer " + done.out.substr(0, done.out.size() - 1);
    }
};

}  // namespace weir::test
