#include "fault/live_project.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

namespace weir::test {

unsigned long LiveProject::seed() {
    static const unsigned long seed = [] {
        const char* wanted = std::getenv("WEIR_FAULT_SEED");
        return wanted != nullptr ? std::stoul(wanted) : std::random_device{}();
    }();
    return seed;
}

LiveProject::LiveProject() {
    std::cout << "WEIR_FAULT_SEED=" << seed() << std::endl;
    write(
        project / "weir.yaml",
        "name: shop\nlog: {sync: always}\nintake: {epoch: 20ms, rows: 200, compact_files: 4}\nbatch: {every: 100ms}\n");
    write(project / "sources" / "t.yaml", "log: orders\ncontract: t\nsequence: seq\n");
    write(project / "contracts" / "t.odcs.yaml",
          "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: t\n"
          "  logicalType: object\n  customProperties:\n  - {property: quarantineLimit, value: 100}\n"
          "  - {property: deduplicate, value: [id]}\n  properties:\n"
          "  - {name: id, logicalType: integer, required: true}\n  - {name: name, logicalType: string}\n"
          "  - {name: _partition, logicalType: integer}\n  - {name: _offset, logicalType: integer}\n");
    const auto view = [&](const std::string& name, const std::string& select) {
        write(project / "views" / (name + ".sql"), "/* weir\ndescription: A view.\n*/\n" + select + "\n");
    };
    view("sums", "SELECT name, count(*) AS n, sum(id)::BIGINT AS ids FROM t GROUP BY name");
    view("newest", "SELECT DISTINCT ON (name) name, id FROM t ORDER BY name, id DESC");
    view("clean", "SELECT id, upper(name) AS name FROM t");
    view("whole",
         "SELECT (SELECT count(*) FROM t) AS n, (SELECT coalesce(sum(n), 0)::BIGINT FROM sums) AS of_sums, (SELECT "
         "coalesce(max(id), -1) FROM newest) AS newest, (SELECT coalesce(max(id), -1) FROM t) AS newest_row");
    EXPECT_EQ(go({"topic", "create", "orders", "--partitions", "2"}).exit_code, 0);
}

Finished LiveProject::go(std::vector<std::string> words) const {
    words.insert(words.begin(), weir().string());
    return run(words, {.directory = project, .environment = environment});
}

std::string LiveProject::sql(const std::string& statement) const {
    const auto done = go({"sql", statement, "--format", "csv"});
    EXPECT_EQ(done.exit_code, 0) << statement << "\n" << done.err;
    return done.out.substr(done.out.find('\n') + 1);
}

void LiveProject::make_batch(int count) {
    batch_ = {.lines = {}, .rows = {}, .next = next, .count = count};
    for (int i = 0; i < count; ++i) {
        if (random() % 25 == 0) {
            ++batch_.broken;
            batch_.lines += "no row\n";
            continue;
        }
        const bool again = next > 0 && random() % 10 == 0;
        const auto id = again ? static_cast<long>(random() % static_cast<unsigned long>(next)) : batch_.next++;
        const auto name = "n" + std::to_string(id % 7);
        batch_.lines += fmt::format("{{\"id\": {}, \"name\": \"{}\"}}\n", id, name);
        if (again) {
            ++batch_.duplicates;
            continue;
        }
        ++batch_.rows[name].first;
        batch_.rows[name].second += id;
    }
}

bool LiveProject::try_to_produce(int count, std::string& said) {
    if (batch_.lines.empty()) make_batch(count);
    write(scratch / "lines", batch_.lines);
    const auto done = go({"produce", "orders", "--from", (scratch / "lines").string()});
    said = done.err;
    if (done.exit_code != 0) {
        exactly_sent = false;
        return false;
    }
    next = batch_.next;
    sent += batch_.count;
    duplicates += batch_.duplicates;
    broken += batch_.broken;
    for (const auto& [name, sums] : batch_.rows) {
        expected[name].first += sums.first;
        expected[name].second += sums.second;
    }
    batch_ = {};
    return true;
}

void LiveProject::produce(int count) {
    std::string said;
    EXPECT_TRUE(try_to_produce(count, said)) << said;
}

void LiveProject::expect_whole() {
    if (!std::filesystem::exists(project / "lake" / "t")) return;
    EXPECT_EQ(sql("SELECT count(*) - count(DISTINCT id), count(*) - count(DISTINCT (_partition, _offset)), count(*) - "
                  "count(DISTINCT seq), (SELECT coalesce(sum(accepted), 0) FROM weir.accounting) <= count(*), "
                  "(SELECT coalesce(bool_and(\"read\" = accepted + duplicate + quarantined + filtered), true) FROM "
                  "weir.accounting), (SELECT coalesce(max(runs), 1) FROM (SELECT count(DISTINCT run_id) AS runs FROM "
                  "weir.publications GROUP BY publication)) FROM t"),
              "0,0,0,true,true,1\n");
    if (sql("SELECT count(*) FROM weir.publications") == "0\n") return;
    EXPECT_EQ(
        sql("SELECT count(*), bool_and(n = of_sums AND newest = newest_row AND n = (SELECT count(DISTINCT id) FROM "
            "clean) AND n = (SELECT count(*) FROM clean)) FROM whole"),
        "1,true\n");
    const auto verified = go({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

std::string LiveProject::topic_end() const {
    const auto shown = go({"topic", "show", "orders", "--json"});
    long end = 0;
    const auto topic = nlohmann::json::parse(shown.out, nullptr, false);
    if (!topic.is_object()) return shown.out + shown.err;
    for (const auto& partition : topic.at("partitions")) end += partition.at("end").get<long>();
    return std::to_string(end);
}

void LiveProject::expect_everything() {
    expect_whole();
    const auto end = topic_end();
    const auto accounts =
        sql("SELECT sum(\"read\")::BIGINT, sum(accepted)::BIGINT, sum(duplicate)::BIGINT, sum(quarantined)::BIGINT, "
            "sum(filtered)::BIGINT, (SELECT count(*) FROM t), (SELECT count(*) FROM weir.quarantine), sum(\"read\") = "
            "sum(accepted + duplicate + quarantined + filtered) FROM weir.accounting");
    if (exactly_sent) {
        EXPECT_EQ(end, std::to_string(sent));
        EXPECT_EQ(accounts, fmt::format("{0},{1},{2},{3},0,{1},{3},true\n", sent, sent - duplicates - broken,
                                        duplicates, broken));
    } else {
        // What nobody knew to have arrived was sent again: a duplicate.
        std::istringstream fields(accounts);
        std::vector<std::string> field(8);
        for (auto& one : field) std::getline(fields, one, ',');
        EXPECT_EQ(field[0], end);
        EXPECT_EQ(field[1], std::to_string(next));
        EXPECT_EQ(field[5], std::to_string(next));
        EXPECT_EQ(field[6], field[3]);
        EXPECT_EQ(field[7], "true\n");
    }
    std::string sums;
    for (const auto& [name, of_name] : expected) sums += fmt::format("{},{},{}\n", name, of_name.first, of_name.second);
    EXPECT_EQ(sql("SELECT name, n, ids FROM sums ORDER BY name"), sums);
    const auto live = go({"sql", "SELECT name, n, ids FROM sums ORDER BY name", "--live", "--format", "csv"});
    EXPECT_EQ(live.out, "name,n,ids\n" + sums) << live.err;
    const std::string of_clean =
        "SELECT lower(name) AS name, count(*) AS n, sum(id)::BIGINT AS ids FROM clean GROUP BY "
        "1 ORDER BY 1";
    EXPECT_EQ(sql(of_clean), sums);
    EXPECT_EQ(go({"sql", of_clean, "--live", "--format", "csv"}).out, "name,n,ids\n" + sums);
    for (const auto& words : std::vector<std::vector<std::string>>{{"verify"}, {"verify", "--live"}}) {
        const auto verified = go(words);
        EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    }
}

void LiveProject::wait_until_taken_in(const std::filesystem::path& err) const {
    const auto wanted = std::to_string(next) + "\n";
    std::string there;
    for (int look = 0; look < 600; ++look) {
        const auto asked = go({"sql", "SELECT n FROM whole", "--format", "csv"});
        there = asked.out + asked.err;
        if (asked.exit_code == 0 && asked.out == "n\n" + wanted &&
            sql("SELECT sum(\"read\")::BIGINT FROM weir.accounting") == topic_end() + "\n")
            return;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "not everything was taken in and published: " << there << read(err);
}

}  // namespace weir::test
