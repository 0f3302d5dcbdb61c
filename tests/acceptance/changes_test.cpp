// GET /stream/VIEW?layer=merged: whoever applies its events has the view, however often it went away and came back.
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// One connection to a stream: the events of its body, without the chunks around them.
class Stream {
public:
    Stream(const UpServer& server, const std::string& target, const std::string& last_id, const std::string& more = "")
        : client_(server.port()) {
        client_.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more +
                     (last_id.empty() ? "" : "Last-Event-ID: " + last_id + "\r\n") + "\r\n");
        raw_ = client_.read_until("\r\n\r\n");
        const auto end = raw_.find("\r\n\r\n");
        head = raw_.substr(0, end);
        raw_.erase(0, end == std::string::npos ? raw_.size() : end + 4);
    }
    struct Event {
        std::string id, name;
        json data;
    };
    // The next one; nothing where none comes in ten seconds or so.
    std::optional<Event> next() {
        for (int tries = 0; tries < 4; ++tries) {
            unchunk();
            while (text_.find("\n\n") != std::string::npos) {
                const auto end = text_.find("\n\n");
                const auto block = text_.substr(0, end);
                text_.erase(0, end + 2);
                Event event;
                std::istringstream lines(block);
                for (std::string line; std::getline(lines, line);) {
                    if (line.starts_with("id: ")) event.id = line.substr(4);
                    if (line.starts_with("event: ")) event.name = line.substr(7);
                    if (line.starts_with("data: ")) event.data = json::parse(line.substr(6));
                }
                if (!event.name.empty()) return event;
            }
            raw_ += client_.read_until("\n\n");
        }
        return std::nullopt;
    }
    std::string head;

private:
    void unchunk() {
        for (;;) {
            const auto line = raw_.find("\r\n");
            if (line == std::string::npos) return;
            const auto size = std::stoull(raw_.substr(0, line), nullptr, 16);
            if (size == 0 || raw_.size() < line + 2 + size + 2) return;
            text_ += raw_.substr(line + 2, size);
            raw_.erase(0, line + 2 + size + 2);
        }
    }
    serve::http::testing::Client client_;
    std::string raw_, text_;
};

// What a consumer has after the events.
struct Rows {
    std::multiset<std::string> rows;
    std::string last_id;
    int snapshots = 0, changes = 0;

    void take(const json& row) {
        const auto found = rows.find(row.dump());
        ASSERT_NE(found, rows.end()) << "was not there: " << row;
        rows.erase(found);
    }
    // `key`: the column that names a row; empty: none.
    void apply(const Stream::Event& event, const std::string& key) {
        last_id = event.id;
        if (event.name == "snapshot") {
            ++snapshots;
            rows.clear();
            for (const auto& row : event.data.at("rows")) rows.insert(row.dump());
            return;
        }
        ASSERT_EQ(event.name, "change") << event.data;
        ++changes;
        for (const auto& row : event.data.at("deleted")) take(row);
        if (key.empty()) {
            EXPECT_TRUE(event.data.at("updated").empty());
        }
        for (const auto& row : event.data.at("updated")) {
            const auto before = std::find_if(rows.begin(), rows.end(), [&](const std::string& text) {
                return json::parse(text).at(key) == row.at(key);
            });
            ASSERT_NE(before, rows.end()) << "was not there: " << row;
            rows.erase(before);
            rows.insert(row.dump());
        }
        for (const auto& row : event.data.at("inserted")) rows.insert(row.dump());
    }
};

class Changing : public Shop {
protected:
    Changing() {
        put("weir.yaml", "name: shop\nintake: {epoch: 50ms}\nbatch: {every: 700ms}\n");
        put("sources/t.yaml", "log: orders\ncontract: t\n");
        view("sums", "SELECT name, count(*) AS n, sum(id)::BIGINT AS ids FROM t GROUP BY name\n");
        view("small", "SELECT n FROM sums\n");  // rows that are alike
    }
    void produce(int count) {
        std::string lines;
        for (int i = 0; i < count; ++i, ++next)
            lines += json{{"id", next}, {"name", "n" + std::to_string(random() % 12)}, {"amount", 1}}.dump() + "\n";
        write(project / "lines", lines);
        const auto done = weir_with({"produce", "orders", "--from", "lines"});
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }
    static std::multiset<std::string> present(const UpServer& up, const std::string& view) {
        std::multiset<std::string> rows;
        const auto answer = json::parse(up.get("/views/" + view + "?limit=1000").body);
        for (const auto& row : answer.at("data")) rows.insert(row.dump());
        return rows;
    }
    std::mt19937_64 random{20};
    int next = 0;
};

TEST_F(Changing, a_follower_has_the_view_however_often_it_comes_back) {
    put("serve.yaml", "views:\n- {view: sums, key: [name]}\n");
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    produce(20);
    for (const auto& [view, key] : {std::pair<std::string, std::string>("sums", "name"), {"small", ""}}) {
        SCOPED_TRACE(view);
        Rows rows;
        const auto target = "/stream/" + view + "?layer=merged";
        for (int round = 0; round < 4; ++round) {
            Stream stream(up, target, rows.last_id);
            EXPECT_THAT(stream.head, HasSubstr("200 OK"));
            if (round == 0) {
                const auto first = stream.next();
                ASSERT_TRUE(first);
                EXPECT_EQ(first->name, "snapshot");
                EXPECT_EQ(first->data.at("meta").at("layer"), "merged");
                rows.apply(*first, key);
            }
            produce(1 + static_cast<int>(random() % 40));
            const auto change = stream.next();
            ASSERT_TRUE(change);
            rows.apply(*change, key);
            if (HasFailure()) return;
            // Gone while more comes in; what came meanwhile is told to who comes back.
            if (round % 2 == 0) produce(5);
        }
        Stream stream(up, target, rows.last_id);
        produce(3);
        // They may be told in several events: as the view is at one of these moments.
        auto there = rows.rows;
        for (int look = 0; look < 20; ++look) {
            const auto event = stream.next();
            ASSERT_TRUE(event);
            rows.apply(*event, key);
            if (HasFailure()) return;
            there = present(up, view);
            if (rows.rows == there) break;
        }
        EXPECT_EQ(rows.rows, there);
        EXPECT_EQ(rows.snapshots, 1);
        EXPECT_GE(rows.changes, 4);
        // An id that is not remembered: all rows again.
        Stream other(up, target, "live-000");
        const auto whole = other.next();
        ASSERT_TRUE(whole);
        EXPECT_EQ(whole->name, "snapshot");
    }
    EXPECT_EQ(up.get("/stream/sums?layer=speed").status, 400);
    EXPECT_EQ(up.get("/stream/sums?limit=5").status, 400);
    EXPECT_EQ(up.get("/stream/sun?layer=merged").status, 404);
    EXPECT_EQ(up.stop(), 0) << up.err();
}

TEST_F(Changing, a_follower_sees_its_own_rows_alone) {
    put("one.secret", std::string(40, 's'));
    put("serve.yaml",
        "access:\n  tokens:\n  - {id: one, algorithm: HS256, secret: \"${file:one.secret}\"}\n"
        "  rows:\n  - {views: sums, claim: sub, column: name}\n");
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    produce(100);
    const auto token = weir_with({"token", "create", "--scope", "view:*", "--subject", "n3"}).out;
    const auto mine = "Authorization: Bearer " + token.substr(0, token.size() - 1) + "\r\n";
    Stream stream(up, "/stream/sums?layer=merged", "", mine);
    for (int i = 0; i < 3; ++i) {
        const auto event = stream.next();
        ASSERT_TRUE(event);
        for (const auto& list : {"rows", "inserted", "updated", "deleted"}) {
            for (const auto& row : event->data.value(list, json::array())) {
                EXPECT_EQ(row.at("name"), "n3") << event->data;
            }
        }
        produce(60);
    }
    EXPECT_EQ(up.get("/stream/sums?layer=merged").status, 401);
    EXPECT_EQ(up.stop(), 0) << up.err();
}

}  // namespace
}  // namespace weir::test
