// What an own CSV project does: duplicates, unique and masked columns, broken rows replayed or given up, thresholds,
// exports.
#include <gtest/gtest.h>

#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

class Intake : public testing::Test {
protected:
    Scratch scratch{"intake"};

    void project(const std::string& contract_more, const std::string& properties, const std::string& source_more = "") {
        write(scratch / "shop" / "weir.yaml", "name: shop\nlake: lake\n");
        write(scratch / "shop" / "sources" / "orders.yaml",
              "files: in/*.csv\nformat: csv\ncontract: order\n" + source_more);
        write(scratch / "shop" / "contracts" / "order.odcs.yaml",
              "apiVersion: v3.1.0\nkind: DataContract\nid: order\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: "
              "orders\n" +
                  contract_more + "  properties:\n" + properties);
    }
    Finished weir_does(std::vector<std::string> words) {
        words.insert(words.begin(), weir().string());
        return run(words, {.directory = scratch / "shop"});
    }
    void run_ok() {
        const auto finished = weir_does({"run"});
        ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    }
    std::string sql(const std::string& statement) {
        const auto finished = weir_does({"sql", statement, "--format", "csv"});
        EXPECT_EQ(finished.exit_code, 0) << statement << "\n" << finished.out << finished.err;
        return finished.out;
    }
    void input(const std::string& name, const std::string& content) { write(scratch / "shop" / "in" / name, content); }
};

constexpr const char* keyed =
    "  - {name: id, logicalType: integer, primaryKey: true}\n"
    "  - {name: price, logicalType: number, physicalType: \"decimal(10,2)\", logicalTypeOptions: {minimum: 0}}\n";
constexpr const char* lenient = "  customProperties:\n  - {property: quarantineLimit, value: 100}\n";

TEST_F(Intake, a_key_lands_once_across_rows_files_runs_and_a_lost_index) {
    project(lenient, keyed);
    input("a.csv", "id,price\n1,1.50\n2,2\n1,9\n");
    input("b.csv", "price,id\n3,3\n4,2\n");
    run_ok();
    EXPECT_EQ(sql("SELECT id, price FROM orders ORDER BY id"), "id,price\n1,1.50\n2,2.00\n3,3.00\n");
    input("c.csv", "id,price\n3,1\n4,4\n");
    run_ok();
    fs::remove_all(scratch / "shop" / "lake" / ".weir" / "keys");
    input("d.csv", "id,price\n4,1\n5,5\n");
    run_ok();
    EXPECT_EQ(sql("SELECT id, price FROM orders ORDER BY id"), "id,price\n1,1.50\n2,2.00\n3,3.00\n4,4.00\n5,5.00\n");
    EXPECT_EQ(sql("SELECT sum(\"read\")::BIGINT AS r, sum(accepted)::BIGINT AS a, sum(duplicate)::BIGINT AS d, "
                  "sum(quarantined)::BIGINT AS q FROM weir.accounting"),
              "r,a,d,q\n9,5,4,0\n");
}

// Threads read the files side by side: the short one's row comes first, and the long one's is the first of its key.
TEST_F(Intake, the_first_row_of_a_key_is_the_first_in_the_order_of_the_files) {
    for (const char* more : {"", "partition_by: [_arrival_date]\n", "sequence: seq\n"}) {
        SCOPED_TRACE(more);
        fs::remove_all(scratch / "shop");
        project(lenient, keyed, more);
        std::string lines = "id,price\n";
        for (int i = 0; i < 300'000; ++i) lines += std::to_string(i) + ",1\n";
        input("a.csv", lines);
        input("b.csv", "id,price\n299999,2\n299998,2\n300000,2\n");
        run_ok();
        EXPECT_EQ(sql("SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(price) AS price FROM orders"),
                  "n,ids,price\n300001,300001,300002.00\n");
        EXPECT_EQ(sql("SELECT price FROM orders WHERE id >= 299998 ORDER BY id"), "price\n1.00\n1.00\n2.00\n");
        EXPECT_EQ(sql("SELECT sum(accepted)::BIGINT AS a, sum(duplicate)::BIGINT AS d FROM weir.accounting"),
                  "a,d\n300001,2\n");
        // What was written first and then again does not stay.
        const auto vacuumed = weir_does({"table", "vacuum", "orders", "--retain-hours", "0", "--below-retention"});
        EXPECT_TRUE(vacuumed.out.starts_with("0 files (0 B)")) << vacuumed.out << vacuumed.err;
    }
}

TEST_F(Intake, replay_lands_mended_rows_once_and_discard_keeps_its_reason) {
    project(lenient, keyed, "arrival_date: 2024-03-01\n");
    input("a.csv", "id,price\n1,-1\n2,x\n3,3\n4\n");
    run_ok();
    EXPECT_EQ(sql("SELECT line, rule, \"column\", decode(raw) AS raw, header FROM weir.quarantine ORDER BY line"),
              "line,rule,column,raw,header\n2,minimum,price,\"1,-1\",\"id,price\"\n3,type,price,\"2,x\",\"id,"
              "price\"\n5,field_count,\"\",4,\"id,price\"\n");
    // The contract is relaxed: one of the three keeps it now.
    std::string relaxed = keyed;
    relaxed.replace(relaxed.find("minimum: 0"), 10, "minimum: -5");
    project(lenient, relaxed, "arrival_date: 2024-03-02\n");
    for (int times = 0; times < 2; ++times) {
        const auto replayed = weir_does({"quarantine", "replay"});
        ASSERT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
    }
    EXPECT_EQ(sql("SELECT id, price, _arrival_date, _source_line FROM orders ORDER BY id"),
              "id,price,_arrival_date,_source_line\n1,-1.00,2024-03-01,2\n3,3.00,2024-03-01,4\n");
    EXPECT_EQ(sql("SELECT state, line FROM weir.quarantine ORDER BY line"),
              "state,line\nreplayed,2\npending,3\npending,5\n");
    EXPECT_EQ(weir_does({"quarantine", "discard", "--rule", "type"}).exit_code, 2);
    const auto discarded = weir_does({"quarantine", "discard", "--rule", "type", "--reason", "it's a test"});
    ASSERT_EQ(discarded.exit_code, 0) << discarded.err;
    EXPECT_EQ(sql("SELECT state, note FROM weir.quarantine WHERE line = 3"), "state,note\ndiscarded,it's a test\n");
    EXPECT_EQ(sql("SELECT kind, \"read\", accepted, quarantined FROM weir.accounting ORDER BY kind, epoch"),
              "kind,read,accepted,quarantined\nintake,4,1,3\nreplay,3,1,2\nreplay,2,0,2\n");
}

TEST_F(Intake, unique_columns_and_thresholds_stop_before_the_commit) {
    project("", "  - {name: id, logicalType: integer}\n  - {name: mail, logicalType: string, unique: true}\n");
    input("a.csv", "id,mail\n1,a\n2,b\n");
    run_ok();
    input("b.csv", "id,mail\n3,a\n");
    const auto stopped = weir_does({"run"});
    EXPECT_EQ(stopped.exit_code, 3) << stopped.out << stopped.err;
    EXPECT_NE(stopped.err.find("unique mail"), std::string::npos) << stopped.err;
    EXPECT_NE(stopped.err.find("order.odcs.yaml:"), std::string::npos) << stopped.err;
    EXPECT_EQ(sql("SELECT count(*) AS n FROM orders"), "n\n2\n");
}

TEST_F(Intake, masked_columns_never_reach_the_lake) {
    project(
        "",
        "  - {name: id, logicalType: integer}\n"
        "  - name: mail\n    logicalType: string\n    classification: pii\n"
        "    customProperties:\n    - {property: masking, value: hash}\n"
        "  - name: phone\n    logicalType: string\n    customProperties:\n    - {property: masking, value: drop}\n");
    input("a.csv", "id,mail,phone\n1,abc,0123\n");
    run_ok();
    EXPECT_EQ(sql("SELECT * EXCLUDE (_arrival_date, _source_file, _source_line, _ingested_at) FROM orders"),
              "id,mail\n1,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
}

TEST_F(Intake, a_grown_file_continues_and_a_changed_one_is_refused) {
    project("", keyed);
    input("a.csv", "id,price\n1,1\n");
    run_ok();
    input("a.csv", "id,price\n1,1\n2,2\n");
    run_ok();
    EXPECT_EQ(sql("SELECT id, _source_line FROM orders ORDER BY id"), "id,_source_line\n1,2\n2,3\n");
    input("a.csv", "id,price\n7,7\n8,8\n");
    const auto changed = weir_does({"run"});
    EXPECT_EQ(changed.exit_code, 3) << changed.err;
    EXPECT_NE(changed.err.find("a.csv"), std::string::npos) << changed.err;
    EXPECT_NE(changed.err.find("hint:"), std::string::npos) << changed.err;
    EXPECT_EQ(sql("SELECT count(*) AS n FROM orders"), "n\n2\n");
}

TEST_F(Intake, filtered_rows_are_counted) {
    project("", keyed, "where: price < 100\n");
    input("a.csv", "id,price\n1,1\n2,200\n3,\n");
    run_ok();
    EXPECT_EQ(sql("SELECT \"read\", accepted, filtered FROM weir.accounting"), "read,accepted,filtered\n3,1,2\n");
}

TEST_F(Intake, parquet_in_with_broken_rows_and_replay) {
    project(lenient, keyed);
    write(scratch / "shop" / "sources" / "orders.yaml", "files: in/*.parquet\nformat: parquet\ncontract: order\n");
    fs::create_directories(scratch / "shop" / "in");
    fs::create_directories(scratch / "shop" / "lake");
    const auto made =
        weir_does({"sql", "SELECT * FROM (VALUES (1::BIGINT, 1.5::DOUBLE), (2, -3), (3, 1.005)) t(id, price)",
                   "--format", "parquet", "--out", (scratch / "shop" / "in" / "a.parquet").string()});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    run_ok();
    EXPECT_EQ(sql("SELECT id, price FROM orders ORDER BY id"), "id,price\n1,1.50\n");
    EXPECT_EQ(sql("SELECT line, rule FROM weir.quarantine ORDER BY line"), "line,rule\n2,minimum\n3,type\n");
    std::string relaxed = keyed;
    relaxed.replace(relaxed.find("minimum: 0"), 10, "minimum: -5");
    project(lenient, relaxed);
    write(scratch / "shop" / "sources" / "orders.yaml", "files: in/*.parquet\nformat: parquet\ncontract: order\n");
    const auto replayed = weir_does({"quarantine", "replay"});
    ASSERT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
    EXPECT_EQ(sql("SELECT id, price FROM orders ORDER BY id"), "id,price\n1,1.50\n2,-3.00\n");
}

TEST_F(Intake, declared_exports_are_written_after_a_run) {
    project("", keyed);
    write(scratch / "shop" / "views" / "total.sql",
          "/* weir\ndescription: all of it\n*/\nSELECT sum(price) AS total FROM orders\n");
    write(scratch / "shop" / "serve.yaml", "exports:\n- {view: total, format: csv, path: out/total.csv}\n");
    input("a.csv", "id,price\n1,1.50\n2,2\n");
    run_ok();
    EXPECT_EQ(read(scratch / "shop" / "out" / "total.csv"), "total\n3.50\n");
}

}  // namespace
}  // namespace weir::test
