#include "lake/write/transaction.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "lake/log/paths.h"
#include "lake/maintain/history.h"
#include "lake/maintain/optimize.h"
#include "lake/testing.h"

namespace weir::lake {
namespace {

class TransactionTest : public LakeTest {
protected:
    Error commit_error(Transaction transaction) {
        auto committed = commit_or_fail(std::move(transaction));
        EXPECT_FALSE(committed);
        return committed ? Error{} : committed.error();
    }
    Error append_error(const Table& table, const std::string& select) {
        auto transaction = must(Transaction::begin(table, must(table.snapshot())));
        auto appended = transaction.append(connection, select);
        EXPECT_FALSE(appended) << select;
        return appended ? Error{} : appended.error();
    }
};

TEST_F(TransactionTest, creates_appends_and_reads_back) {
    auto table =
        make_table("t", "SELECT 1::BIGINT AS id, 'a' AS name, TIMESTAMPTZ '2024-01-01 10:00:00.123456+00' AS at");
    append(table, "SELECT 2 AS id");
    const auto snapshot = must(table.snapshot());
    EXPECT_EQ(snapshot.version().get(), 1);
    EXPECT_EQ(snapshot.protocol(), Protocol{});
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"1|a|2024-01-01 10:00:00.123456+00", "2|NULL|NULL"}));
    EXPECT_EQ(rows_of(table, TableVersion(0)).size(), 1u);
}

constexpr const char* every_type = R"(
    SELECT true AS b, 1::TINYINT AS i8, -2::SMALLINT AS i16, 3::INTEGER AS i32, 9007199254740993 AS i64,
           1.5::FLOAT AS f32, 0.1::DOUBLE AS f64, 123.45::DECIMAL(5,2) AS d5, -1.000000001::DECIMAL(18,9) AS d18,
           99999999999999999999999999999.123456789::DECIMAL(38,9) AS d38, 'Grüße "x" \n ''y''' AS s,
           '\x00\xFFab'::BLOB AS bin, DATE '2024-02-29' AS dt, TIMESTAMPTZ '2024-01-01 00:00:00.000001+00' AS ts,
           TIMESTAMP '1969-12-31 23:59:59.999999' AS ntz, [1, NULL, 3] AS l, MAP {'k': 1.5::DOUBLE, 'l': NULL} AS m,
           {'a': 1, 'b': {'c': 'x', 'd': [DATE '2024-01-01']}} AS st, [{'q': 1}] AS ls, MAP {1: {'z': true}} AS ms,
           'filename' AS filename, 7::BIGINT AS file_row_number, 8::BIGINT AS file_index
    UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL
    UNION ALL SELECT false, -128, 32767, -2147483648, -9223372036854775808, 'inf', 'nan', 0, 0, 0, '', '', DATE '0001-01-01',
           TIMESTAMPTZ '9999-12-31 23:59:59.999999+00', TIMESTAMP '1582-10-15', [], MAP {}, {'a': NULL, 'b': NULL}, [NULL],
           MAP {2: NULL}, NULL, 0, 0)";

TEST_F(TransactionTest, every_type_comes_back_exactly) {
    const auto table = make_table("t", every_type);
    const auto snapshot = must(table.snapshot());
    EXPECT_EQ(snapshot.schema(), must(connection.schema_of(every_type)));
    EXPECT_EQ(snapshot.protocol().min_reader, 3);
    const auto relation = must(table.scan(snapshot)).relation;
    const auto columns = must(connection.describe("SELECT * FROM " + relation));
    for (std::size_t i = 0; i < columns.size(); ++i)
        EXPECT_EQ(columns[i].type, must(connection.describe(every_type))[i].type) << columns[i].name;
    EXPECT_EQ(rows_of(table), rows_of_query(every_type));
}

TEST_F(TransactionTest, partition_values_survive_whatever_they_hold) {
    std::vector<std::string> texts = {"a b",   "a+b",  "100%",     "a/b", "a=b", "x:y", "bar+%21",
                                      "Grüße", "#?&;", "{[\\^]}*", "'\"", "..",  ".",   "__HIVE_DEFAULT_PARTITION__",
                                      "NULL",  "\t\n", "_x",       "%2F"};
    std::string select;
    for (std::size_t i = 0; i < texts.size(); ++i)
        select += fmt::format("{}SELECT {} AS id, {} AS p", i ? " UNION ALL " : "", i, sql::quote_text(texts[i]));
    select += " UNION ALL SELECT 99, NULL UNION ALL SELECT 100, NULL";
    const auto table = make_table("t", select, {"p"});
    EXPECT_EQ(rows_of(table), rows_of_query(select));
    EXPECT_EQ(must(table.snapshot()).files().size(), texts.size() + 1);
    append(table, "SELECT 101 AS id, '' AS p");
    EXPECT_EQ(rows_of_query("SELECT id FROM " + must(table.scan(must(table.snapshot()))).relation + " WHERE p IS NULL"),
              (std::vector<std::string>{"100", "101", "99"}));
}

TEST_F(TransactionTest, every_type_can_partition) {
    const std::string select = R"(
        SELECT 1 AS id, true AS b, 1::TINYINT AS i8, -5::BIGINT AS i64, 1.5::DOUBLE AS f, -2342342.23423::DECIMAL(12,5) AS d,
               'x' AS s, DATE '2024-02-29' AS dt, TIMESTAMPTZ '2024-01-01 10:00:00.000001+00' AS ts,
               TIMESTAMP '1969-12-31 23:59:59.5' AS ntz
        UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        UNION ALL SELECT 3, false, -128, 9223372036854775807, 'inf', 0.00004, 'y z', DATE '1900-01-01',
               TIMESTAMPTZ '1900-01-01 00:00:00+00', TIMESTAMP '2024-01-01')";
    const auto table = make_table("t", select, {"b", "i8", "i64", "f", "d", "s", "dt", "ts", "ntz"});
    EXPECT_EQ(rows_of(table), rows_of_query(select));
    const auto snapshot = must(table.snapshot());
    for (const auto& file : snapshot.files()) {
        if (file.partition_values.at("i8") == "1") {
            EXPECT_EQ(file.partition_values.at("ts"), "2024-01-01T10:00:00.000001Z");
            EXPECT_EQ(file.partition_values.at("ntz"), "1969-12-31 23:59:59.500000");
            EXPECT_EQ(file.partition_values.at("d"), "-2342342.23423");
            EXPECT_EQ(file.partition_values.at("b"), "true");
        }
    }
}

TEST_F(TransactionTest, many_partitions_are_looked_up) {
    const std::string select = "SELECT i AS id, i % 200 AS p, 'g' || (i % 3) AS q FROM range(1000) t(i)";
    const auto table = make_table("t", select, {"p", "q"});
    EXPECT_EQ(rows_of(table), rows_of_query(select));
    const auto snapshot = must(table.snapshot());
    const auto plan = must(table.scan(snapshot, {.columns = {"q", "id"}, .skip = {{"p", Comparison::less, "2"}}}));
    EXPECT_EQ(plan.files_read, 6u);
    EXPECT_EQ(plan.files_read + plan.files_skipped, 600u);
    EXPECT_EQ(rows_of_query("SELECT * FROM " + plan.relation),
              rows_of_query("SELECT q, id FROM (" + select + ") WHERE p < 2"));
}

TEST_F(TransactionTest, long_lists_go_to_temporaries) {
    auto table = make_table("t", "SELECT 1 AS id, 'x' AS p", {"p"});
    const auto first = must(table.snapshot()).files()[0];
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    for (int i = 0; i < 1100; ++i) {
        auto add = first;
        add.path = fmt::format("part-{}.parquet", i);
        add.partition_values["p"] = std::to_string(i % 100);
        fs::copy_file(table.store().url(uri_decode(first.path)), table.store().url(add.path));
        must(transaction.adopt_add(add));
    }
    must(commit_or_fail(std::move(transaction)));
    const auto plan = must(prepare_scan(table.store(), connection, must(table.snapshot()), "x"));
    EXPECT_LT(plan.relation.size(), 1000u);
    const auto counts = rows_of_query("SELECT count(*), count(DISTINCT p), sum(id) FROM " + plan.relation);
    EXPECT_EQ(counts, std::vector<std::string>{"1101|101|1101"});
}

TEST_F(TransactionTest, rows_know_their_file) {
    const auto table = make_table("t", "SELECT 1 AS id");
    const auto relation = must(table.scan(must(table.snapshot()), {.file_column = "_file"})).relation;
    const auto rows = must(connection.query("SELECT _file FROM " + relation));
    EXPECT_EQ(rows.text(0, 0), table.store().url(must(table.snapshot()).files()[0].path));
}

TEST_F(TransactionTest, columns_are_matched_by_name_and_cast_without_loss) {
    const auto table = make_table("t", "SELECT 1::BIGINT AS id, 1.50::DECIMAL(10,2) AS price, 'a' AS name");
    append(table, "SELECT 'b' AS name, 2::TINYINT AS ID, 2.5::DECIMAL(4,1) AS price");
    append(table, "SELECT sum(i) AS id FROM range(4) t(i)");  // HUGEINT
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"1|1.50|a", "2|2.50|b", "6|NULL|NULL"}));
    EXPECT_NE(append_error(table, "SELECT '5' AS id").message.find("comes as string, the table has long"),
              std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1.5 AS id").message.find("'id'"), std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1.555::DECIMAL(10,3) AS price").message.find("'price'"), std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1 AS nmae").hint.find("name"), std::string::npos);
    EXPECT_FALSE(append_error(table, "SELECT 170141183460469231731687303715884105727::HUGEINT AS id").message.empty());
    const auto naive = make_table("n", "SELECT now() AS at");
    EXPECT_NE(append_error(naive, "SELECT TIMESTAMP '2024-01-01' AS at").hint.find("AT TIME ZONE"), std::string::npos);
    EXPECT_EQ(files_of(table).size(), 3u) << "failed transactions leave nothing behind";
}

TEST_F(TransactionTest, not_null_is_enforced) {
    auto table = table_at("t");
    Schema schema = must(connection.schema_of("SELECT 1 AS id, {'x': 1} AS s, 'p' AS p, [1] AS l"));
    schema.fields[0].nullable = false;
    schema.fields[1].type.fields[0].nullable = false;
    schema.fields[2].nullable = false;
    schema.fields[3].type.fields[0].nullable = false;
    must(commit_or_fail(must(Transaction::create(table, {.schema = schema, .partition_columns = {"p"}}))));
    append(table, "SELECT 1 AS id, {'x': 1} AS s, 'p' AS p, [1] AS l UNION ALL SELECT 2, NULL, 'p', NULL");
    EXPECT_NE(append_error(table, "SELECT NULL::INT AS id, 'p' AS p").message.find("'id' may not be NULL"),
              std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1 AS id, NULL::VARCHAR AS p").message.find("'p' may not be NULL"),
              std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1 AS id").message.find("'p', which may not be NULL"), std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1 AS id, 'p' AS p, {'x': NULL::INT} AS s").message.find("'s'"),
              std::string::npos);
    EXPECT_NE(append_error(table, "SELECT 1 AS id, 'p' AS p, [1, NULL] AS l").message.find("'l'"), std::string::npos);
    EXPECT_EQ(count_of(table), 2);
}

TEST_F(TransactionTest, new_tables_are_checked) {
    const auto refused = [&](const std::string& select, std::vector<std::string> partitions) {
        auto transaction = Transaction::create(
            table_at("t"), {.schema = must(connection.schema_of(select)), .partition_columns = std::move(partitions)});
        return transaction ? "" : transaction.error().message;
    };
    EXPECT_EQ(refused("SELECT 1 AS a, 2 AS b", {"b"}), "");
    EXPECT_NE(refused("SELECT 1 AS \"a b\"", {}).find("'a b'"), std::string::npos);
    EXPECT_NE(refused("SELECT 1 AS a, 2 AS b", {"c"}).find("'c'"), std::string::npos);
    EXPECT_NE(refused("SELECT 1 AS a", {"a"}).find("every column"), std::string::npos);
    EXPECT_NE(refused("SELECT 1 AS a, [1] AS b", {"b"}).find("array"), std::string::npos);
    EXPECT_NE(refused("SELECT 1 AS a, 'x'::BLOB AS b", {"b"}).find("binary"), std::string::npos);
}

TEST_F(TransactionTest, overwrite_takes_everything_else_away) {
    auto table = make_table("t", "SELECT i AS id, i % 2 AS p FROM range(10) t(i)", {"p"});
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    must(transaction.overwrite_partitions({{{"p", "1"}}}));
    must(transaction.append(connection, "SELECT 100 AS id, 1 AS p"));
    must(commit_or_fail(std::move(transaction)));
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"0|0", "100|1", "2|0", "4|0", "6|0", "8|0"}));
    transaction = must(Transaction::begin(table, must(table.snapshot())));
    must(transaction.overwrite());
    must(transaction.append(connection, "SELECT 7 AS id, 0 AS p"));
    must(commit_or_fail(std::move(transaction)));
    EXPECT_EQ(rows_of(table), (std::vector<std::string>{"7|0"}));
    EXPECT_EQ(rows_of(table, TableVersion(0)).size(), 10u);
    transaction = must(Transaction::begin(table, must(table.snapshot())));
    EXPECT_FALSE(transaction.overwrite_partitions({{{"id", "1"}}}));
}

TEST_F(TransactionTest, append_only_tables_lose_no_rows) {
    auto table = table_at("t");
    must(commit_or_fail(must(Transaction::create(table, {.schema = must(connection.schema_of("SELECT 1 AS id")),
                                                         .configuration = {{"delta.appendOnly", "true"}}}))));
    append(table, "SELECT 1 AS id");
    append(table, "SELECT 2 AS id");
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    EXPECT_EQ(transaction.overwrite().error().code, ErrorCode::refused);
    EXPECT_EQ(transaction.remove_file(must(table.snapshot()).files()[0].path).error().code, ErrorCode::refused);
    EXPECT_TRUE(must(optimize(table)).version) << "moving rows is no change of data";
}

TEST_F(TransactionTest, positions_move_once) {
    auto table = make_table("t", "SELECT 1 AS id");
    const auto stale = must(table.snapshot());
    const auto write = [&](const Snapshot& snapshot, std::int64_t version) -> Result<CommitOutcome> {
        WEIR_ASSIGN(auto transaction, Transaction::begin(table, snapshot));
        WEIR_TRY(transaction.set_txn("orders", version));
        WEIR_TRY(transaction.append(connection, fmt::format("SELECT {} AS id", version)));
        WEIR_TRY(transaction.set_weir_info(fmt::format(R"({{"read":{},"accepted":1}})", version)));
        return commit(std::move(transaction));
    };
    EXPECT_TRUE(std::holds_alternative<Committed>(must(write(stale, 5))));
    const auto second = must(write(stale, 5));
    ASSERT_TRUE(std::holds_alternative<Conflicted>(second)) << "another instance was faster";
    EXPECT_EQ(std::get<Conflicted>(second).conflict.rule, ConflictRule::transaction);
    EXPECT_EQ(write(must(table.snapshot()), 5).error().code, ErrorCode::table_conflict);
    EXPECT_TRUE(std::holds_alternative<Committed>(must(write(must(table.snapshot()), 6))));
    EXPECT_EQ(must(table.snapshot()).transaction_version("orders"), 6);
    append(table, "SELECT 9 AS id");
    const auto read_of = [](const TransactionCommit& commit) {
        return nlohmann::json::parse(commit.weir)["read"].get<int>();
    };
    const auto all = must(transactions_after(table, "orders", 0));
    ASSERT_EQ(all.size(), 2);
    EXPECT_EQ(all[0].version.get(), 1);
    EXPECT_EQ(all[0].txn_version, 5);
    EXPECT_EQ(read_of(all[0]), 5);
    EXPECT_EQ(all[1].version.get(), 2);
    EXPECT_EQ(all[1].txn_version, 6);
    EXPECT_EQ(read_of(all[1]), 6);
    const auto newest = must(transactions_after(table, "orders", 5));
    ASSERT_EQ(newest.size(), 1);
    EXPECT_EQ(newest[0].txn_version, 6);
    EXPECT_TRUE(must(transactions_after(table, "orders", 6)).empty());
    EXPECT_TRUE(must(transactions_after(table, "nobody", 0)).empty());
}

TEST_F(TransactionTest, the_loser_of_a_creation_hears_of_it) {
    const auto schema = must(connection.schema_of("SELECT 1 AS id"));
    auto table = table_at("t");
    auto first = must(Transaction::create(table, {.schema = schema}));
    auto second = must(Transaction::create(table, {.schema = schema}));
    must(second.append(connection, "SELECT 2 AS id"));
    must(commit_or_fail(std::move(first)));
    {
        const auto outcome = must(commit(std::move(second)));
        ASSERT_TRUE(std::holds_alternative<Conflicted>(outcome));
        EXPECT_EQ(std::get<Conflicted>(outcome).conflict.rule, ConflictRule::table_exists);
        EXPECT_EQ(files_of(table).size(), 1u) << "the loser still holds its files";
    }
    EXPECT_TRUE(files_of(table).empty()) << "and takes them away when it goes";
}

TEST_F(TransactionTest, leaving_without_a_commit_leaves_nothing) {
    auto table = make_table("t", "SELECT 1 AS id, 2 AS p", {"p"});
    const auto before = files_of(table);
    {
        auto transaction = must(Transaction::begin(table, must(table.snapshot())));
        must(transaction.append(connection, "SELECT i AS id, i AS p FROM range(5) t(i)"));
        EXPECT_EQ(files_of(table).size(), before.size() + 5);
    }
    EXPECT_EQ(files_of(table), before);
}

TEST_F(TransactionTest, counts_come_back_per_partition) {
    auto table = make_table("t", "SELECT 1 AS id, 2 AS p", {"p"});
    const auto appended = append(table, "SELECT i AS id, i % 2 AS p FROM range(5) t(i)");
    EXPECT_EQ(appended.rows, 5);
    ASSERT_EQ(appended.partitions.size(), 2u);
    EXPECT_EQ(appended.partitions[0].values.at("p"), "0");
    EXPECT_EQ(appended.partitions[0].rows, 3);
    EXPECT_EQ(append(table, "SELECT 1 AS id, 1 AS p LIMIT 0").files, 0u);
}

TEST(RowGroups, give_each_thread_one_of_each_file) {
    struct Case {
        std::int64_t rows;
        std::size_t files, threads;
        std::int64_t group;
    };
    for (const auto& [rows, files, threads, group] : std::vector<Case>{
             {167'000, 1, 2, 81'920},
             {167'000, 1, 1, 122'880},
             {10'000'000, 1, 2, 122'880},
             {115'000, 3, 2, 18'432},
             {115'000, 11, 2, 8192},
             {0, 0, 2, 8192},
         })
        EXPECT_EQ(row_group_rows_for(rows, files, threads), group) << rows << " " << files << " " << threads;
}

TEST_F(TransactionTest, row_groups_have_as_many_rows_as_were_asked_for) {
    auto table = make_table("t", "SELECT 1 AS id");
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    must(transaction.append(connection, "SELECT i AS id FROM range(20000) t(i)", {.row_group_rows = 8192}));
    must(commit_or_fail(std::move(transaction)));
    std::string groups;
    for (const auto& file : must(table.snapshot()).files()) {
        const auto rows =
            must(connection.query("SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(" +
                                  sql::quote_text(table.store().url(file.path)) + ") ORDER BY 1"));
        if (rows.integer(0, 1) == 1) continue;
        for (std::size_t row = 0; row < rows.row_count(); ++row) groups += std::to_string(rows.integer(row, 1)) + " ";
    }
    EXPECT_EQ(groups, "8192 8192 3616 ");
}

TEST_F(TransactionTest, an_adopted_file_is_committed_as_it_lies) {
    auto table = make_table("t", "SELECT 1 AS id");
    auto add = must(table.snapshot()).files()[0];
    fs::copy_file(table.store().url(add.path), table.store().url("other.parquet"));
    add.path = "other.parquet";
    auto transaction = must(Transaction::begin(table, must(table.snapshot())));
    auto wrong = add;
    wrong.size_bytes += 1;
    EXPECT_FALSE(transaction.adopt_add(wrong));
    must(transaction.adopt_add(add));
    must(commit_or_fail(std::move(transaction)));
    EXPECT_EQ(count_of(table), 2);
}

TEST_F(TransactionTest, in_commit_timestamps_only_grow) {
    ManualClock clock(Time(std::chrono::seconds(2'000'000'000)));
    auto table = table_at("t");
    table.set_clock(clock);
    must(commit_or_fail(
        must(Transaction::create(table, {.schema = must(connection.schema_of("SELECT 1 AS id")),
                                         .configuration = {{"delta.enableInCommitTimestamps", "true"}}}))));
    append(table, "SELECT 1 AS id");
    clock.set(Time(std::chrono::seconds(1'000'000'000)));
    append(table, "SELECT 2 AS id");
    const auto times = must(commit_times(table.store(), database));
    ASSERT_EQ(times.size(), 3u);
    EXPECT_EQ(to_unix_millis(times[0].time), 2'000'000'000'000);
    EXPECT_EQ(to_unix_millis(times[1].time), 2'000'000'000'001);
    EXPECT_EQ(to_unix_millis(times[2].time), 2'000'000'000'002);
    EXPECT_EQ(must(version_at(table.store(), database, times[1].time)).get(), 1);
    EXPECT_EQ(count_of(table, AtTime{times[1].time}), 1);
    EXPECT_FALSE(table.snapshot(AtTime{times[0].time - std::chrono::milliseconds(1)}));
}

TEST_F(TransactionTest, a_damaged_newest_commit_is_named) {
    auto table = make_table("t", "SELECT 1 AS id");
    append(table, "SELECT 2 AS id");
    const auto path = fs::path(table.store().url(commit_path(TableVersion(1))));
    const auto whole = must(read_file(path, 1 << 20));
    for (const auto keep : {std::size_t{0}, std::size_t{10}, whole.size() / 2, whole.size() - 5}) {
        fs::resize_file(path, keep);
        const auto snapshot = table.snapshot();
        ASSERT_FALSE(snapshot) << keep;
        EXPECT_EQ(snapshot.error().code, ErrorCode::table_damaged);
        EXPECT_NE(snapshot.error().message.find(path.string()), std::string::npos);
        EXPECT_NE(snapshot.error().hint.find("remove this file"), std::string::npos) << to_string(snapshot.error());
        EXPECT_EQ(count_of(table, TableVersion(0)), 1);
        must(write_file_atomic(path, whole));
    }
}

// Appends `commits` times in a process of its own; anything but success is told by the exit code.
int append_in_process(const fs::path& path, int writer, int commits) {
    auto database = sql::Database::open({.threads = 1});
    if (!database) return 2;
    auto connection = database->connect();
    auto table = Table::at(path.string(), *database);
    if (!connection || !table) return 3;
    for (int i = 0; i < commits; ++i) {
        auto snapshot = table->snapshot();
        if (!snapshot) return 4;
        auto transaction = Transaction::begin(*table, *snapshot);
        if (!transaction) return 5;
        if (!transaction->append(*connection, fmt::format("SELECT {} AS id", writer * 1000 + i))) return 6;
        if (const auto committed = commit_or_fail(std::move(*transaction)); !committed) {
            std::fprintf(stderr, "writer %d, commit %d: %s\n", writer, i, to_string(committed.error()).c_str());
            return 7;
        }
    }
    return 0;
}

TEST_F(TransactionTest, processes_and_threads_never_lose_a_commit) {
    auto table = make_table("t", "SELECT -1 AS id");
    constexpr int writers = 4;
    constexpr int commits = 10;
    std::vector<pid_t> children;
    // Forked before this test starts threads of its own; DuckDB's threads do not survive a fork, so each child opens
    // its own database.
    for (int writer = 0; writer < 2; ++writer) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(append_in_process(root / "t", writer, commits));
        children.push_back(child);
    }
    std::vector<std::thread> threads;
    std::vector<int> codes(writers, 0);
    for (int writer = 2; writer < writers; ++writer)
        threads.emplace_back(
            [&, writer] { codes[static_cast<std::size_t>(writer)] = append_in_process(root / "t", writer, commits); });
    for (auto& thread : threads) thread.join();
    for (const auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    }
    EXPECT_EQ(codes, std::vector<int>(writers, 0));
    EXPECT_EQ(must(table.snapshot()).version().get(), writers * commits);
    EXPECT_EQ(count_of(table), writers * commits + 1);
    EXPECT_EQ(rows_of_query("SELECT DISTINCT * FROM " + must(table.scan(must(table.snapshot()))).relation).size(),
              static_cast<std::size_t>(writers * commits + 1));
}

TEST_F(TransactionTest, optimize_beside_writers_makes_none_of_them_fail) {
    auto table = make_table("t", "SELECT 0 AS id, 0 AS p", {"p"});
    std::atomic<bool> done = false;
    std::vector<std::string> failures;
    std::thread writer([&] {
        auto own = must(database.connect());
        for (int i = 1; i <= 30; ++i) {
            auto transaction = must(Transaction::begin(table, must(table.snapshot())));
            // Every third one replaces a partition, which optimize may be rewriting.
            if (i % 3 == 0) must(transaction.overwrite_partitions({{{"p", "1"}}}));
            must(transaction.append(own, fmt::format("SELECT {} AS id, {} AS p", i, i % 2)));
            if (auto committed = commit_or_fail(std::move(transaction)); !committed)
                failures.push_back(to_string(committed.error()));
        }
        done = true;
    });
    int optimized = 0;
    std::string optimize_failure;
    while (!done && optimize_failure.empty()) {
        const auto result = optimize(table);
        if (!result) optimize_failure = to_string(result.error());
        if (result && result->version) ++optimized;
    }
    writer.join();
    EXPECT_EQ(optimize_failure, "");
    EXPECT_EQ(failures, std::vector<std::string>{});
    EXPECT_GT(optimized, 0);
    std::vector<std::string> ones;
    for (int i = 1; i <= 30; ++i) {
        if (i % 3 == 0) ones.clear();
        if (i % 2 == 1) ones.push_back(std::to_string(i));
    }
    std::sort(ones.begin(), ones.end());
    const auto relation = must(table.scan(must(table.snapshot()))).relation;
    EXPECT_EQ(rows_of_query("SELECT id FROM " + relation + " WHERE p = 0").size(), 16u)
        << "0, 2, … 30: only appended to";
    EXPECT_EQ(rows_of_query("SELECT id FROM " + relation + " WHERE p = 1"), ones);
}

}  // namespace
}  // namespace weir::lake
