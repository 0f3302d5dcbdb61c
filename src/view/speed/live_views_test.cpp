#include "view/speed/live_views.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <random>
#include <thread>

#include "view/batch/duckdb/duckdb_engine.h"
#include "view/batch/interval_batch.h"
#include "view/batch/state_store.h"

namespace weir::view {
namespace {

namespace fs = std::filesystem;
using declare::View;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(to_string(result.error()));
    return std::move(result).value();
}
class Live : public ::testing::Test {
protected:
    Live()
        : folder(fs::temp_directory_path() / fmt::format("weir-live-{}-{}", ::getpid(), made++)),
          project(of(folder)),
          database(must(open_database(project))),
          connection(must(database.connect())),
          lake(must(lake::Lake::open(folder.string(), database, lake::Sync::none))) {
        for (const auto* name : {"t", "u", "kinds"}) {
            declare::Source source;
            source.name = source.table = source.contract = name;
            declare::Contract contract;
            contract.name = name;
            project.contracts.push_back(std::move(contract));
            source.reference = std::string(name) == "kinds";
            project.sources.push_back(std::move(source));
        }
    }
    ~Live() override { fs::remove_all(folder); }
    Live(const Live&) = delete;
    Live& operator=(const Live&) = delete;

    void view(const std::string& name, const std::string& sql, View::Keep keep = View::Keep::latest) {
        View declared;
        declared.name = name;
        declared.sql = sql;
        declared.keep = keep;
        for (const auto* read : {"t", "u", "kinds", "by_name", "newest"})
            if (sql.find(std::string(" ") + read + " ") != std::string::npos) declared.reads.emplace_back(read);
        project.views.push_back(std::move(declared));
    }

    void append(const std::string& name, const std::string& select) {
        const auto table = must(lake.table(name));
        const auto schema = must(connection.schema_of(select));
        auto transaction =
            must(table.exists())
                ? must(lake::Transaction::begin(table, must(table.snapshot())))
                : must(lake::Transaction::create(table, {.schema = schema,
                                                         .partition_columns = {std::string(declare::arrival_column)},
                                                         .configuration = {},
                                                         .name = name,
                                                         .description = ""}));
        static_cast<void>(must(transaction.append(connection, select)));
        transaction.set_operation("WRITE");
        static_cast<void>(must(lake::commit_or_fail(std::move(transaction))));
    }

    // What a run does to states: they hold everything up to now.
    void move_cut() {
        auto catalog = must(Catalog::open(lake, project));
        const auto by_day = must(catalog.states_by_day());
        const SystemClock clock;
        DuckDbEngine engine(database);
        StateStore store(lake, std::make_shared<PinnedTables>(lake), engine, clock);
        for (const auto& each : project.views) {
            const auto* split = must(catalog.split(each));
            for (const auto& state : split->states)
                static_cast<void>(must(store.catch_up(state, by_day.contains(state.name))));
        }
    }

    std::vector<std::string> rows_of(sql::Connection& on, const std::string& relation) {
        const auto found = must(on.query(fmt::format("SELECT to_json(r)::VARCHAR FROM {} AS r ORDER BY 1", relation)));
        std::vector<std::string> rows;
        for (std::size_t row = 0; row < found.row_count(); ++row) rows.emplace_back(found.text(row, 0));
        return rows;
    }

    std::vector<std::string> from_all_rows(const View& each, const LiveMoment& moment) {
        const auto day = moment.views.at(each.name).day;
        auto batch = must(IntervalBatch::open(lake, database, project, {day, day + std::chrono::days{1}},
                                              std::make_shared<PinnedTables>(lake, moment.versions)));
        auto catalog = must(Catalog::open(lake, project));
        const std::set<std::string> none;
        static_cast<void>(must(batch.compute(each, {.catalog = catalog, .reader = nullptr, .by_day = none})));
        return rows_of(batch.connection(), sql::quote_name(each.name));
    }

    std::set<std::string> names() const {
        std::set<std::string> all;
        for (const auto& each : project.views) all.insert(each.name);
        return all;
    }

    void expect_equal(const LiveMoment& moment) {
        for (const auto& each : project.views) {
            if (!moment.views.contains(each.name)) continue;
            EXPECT_EQ(rows_of(connection, moment.views.at(each.name).table->relation()), from_all_rows(each, moment))
                << each.name;
        }
    }

    void views_of_all_kinds() {
        view("by_name", "SELECT name, count(*) AS n, sum(x) AS s, avg(f) AS a FROM t GROUP BY name");
        view("distinct_days", "SELECT _arrival_date AS d, count(DISTINCT name) AS n, median(x) AS m FROM t GROUP BY 1");
        view("newest", "SELECT DISTINCT ON (name) name, id, x FROM t ORDER BY name, id DESC");
        view("gaps", "SELECT id, x - lag(x) OVER (PARTITION BY name ORDER BY id) AS step FROM t WHERE x < 50");
        view("joined", "SELECT kind, count(*) AS n, max(x) AS x FROM t LEFT JOIN kinds USING (name) GROUP BY kind");
        view("of_views",
             "SELECT b.name, b.n, w.id, (SELECT count(*) FROM u ) AS us FROM by_name b JOIN newest w USING (name)");
        view("both",
             "SELECT name, t.n, u.n AS m FROM (SELECT name, count(*) AS n FROM t GROUP BY 1) t FULL JOIN (SELECT "
             "name, count(*) AS n FROM u GROUP BY 1) u USING (name)");
        view("numbers", "SELECT x % 100 AS hundredth, count(*) AS n FROM t WHERE x > 700 GROUP BY 1");
        view("kept", "SELECT name, count(*) AS n, interval_end() AS d FROM t GROUP BY name",
             View::Keep::every_interval);
        project.views[5].reads = {"by_name", "newest", "u"};
    }
    std::string some_rows(std::mt19937_64& random, int count) {
        const auto salt = random() % 100000;
        return fmt::format(
            "SELECT {0} + i AS id, CASE WHEN hash(i, {1}) % 9 > 0 THEN 'n' || hash(i, {1}, 2) % 30 END AS name, "
            "(hash(i, "
            "{1}, 3) % 1000)::INTEGER AS x, (hash(i, {1}, 4) % 1000) / 7.0 AS f, DATE '2024-03-01' + (hash(i, {1}, 5) "
            "% "
            "{2})::INTEGER AS _arrival_date FROM range({3}) r(i)",
            next_id += 1'000'000, salt, 1 + random() % 5, count);
    }

    static inline int made = 0;
    static declare::Project of(const fs::path& folder) {
        declare::Project project;
        project.lake = folder;
        project.engine.threads = 2;
        return project;
    }

    fs::path folder;
    declare::Project project;
    sql::Database database;
    sql::Connection connection;
    lake::Lake lake;
    std::int64_t next_id = 0;
};

TEST_F(Live, at_every_moment_what_the_whole_query_gives) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    views_of_all_kinds();
    for (const auto* table : {"t", "u"}) append(table, some_rows(random, 20));
    append("kinds",
           "SELECT 'n' || i AS name, 'k' || i % 3 AS kind, DATE '2024-03-01' AS _arrival_date FROM range(9) r(i)");
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock));
    std::size_t reads = 0, moves = 0;
    for (int step = 0; step < 60 && !HasFailure(); ++step) {
        SCOPED_TRACE(step);
        switch (random() % 8) {
            case 0:
            case 1:
            case 2: append("t", some_rows(random, static_cast<int>(random() % 60))); break;
            case 3: append("t", some_rows(random, random() % 4 == 0 ? 15'000 : 300)); break;
            case 4: append("u", some_rows(random, static_cast<int>(random() % 60))); break;
            case 5: move_cut(), ++moves; break;
            case 6:
                if (random() % 6 == 0)
                    append("kinds",
                           fmt::format("SELECT 'n{}' AS name, 'more' AS kind, DATE '2024-03-02' AS _arrival_date",
                                       random() % 30));
                break;
            default: {
                auto wanted = names();
                for (auto name = wanted.begin(); name != wanted.end();)
                    name = random() % 2 == 0 ? wanted.erase(name) : std::next(name);
                expect_equal(must(live->read(wanted)));
                ++reads;
            }
        }
    }
    expect_equal(must(live->read(names())));
    std::cout << reads << " reads, the cut moved " << moves << " times\n";
}

TEST_F(Live, a_read_is_of_one_moment_while_others_write_and_the_cut_moves) {
    views_of_all_kinds();
    view("same",
         "SELECT (SELECT count(*) FROM t ) AS rows, (SELECT sum(n) FROM by_name ) AS counted, (SELECT count(*) FROM "
         "u ) AS us");
    project.views.back().reads = {"t", "by_name", "u"};
    std::mt19937_64 random(7);
    append("kinds", "SELECT 'n1' AS name, 'k' AS kind, DATE '2024-03-01' AS _arrival_date");
    for (const auto* table : {"t", "u"}) append(table, some_rows(random, 20));
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock));
    auto reading = must(database.connect());
    std::atomic<bool> stop = false, written = false;
    std::exception_ptr thrown;
    std::jthread writer([&] {
        try {
            for (int i = 0; !stop && i < 60; ++i) {
                append(i % 3 == 0 ? "u" : "t", some_rows(random, 10));
                if (i % 5 == 0) move_cut();
            }
            written = true;
        } catch (...) {
            thrown = std::current_exception();
            written = true;
        }
    });
    std::atomic<int> taken_in = 0;
    std::jthread taking([&] {
        while (!stop) {
            const auto taken = live->take_in();
            EXPECT_TRUE(bool(taken)) << (taken ? "" : taken.error().message);
            if (!taken) return;
            taken_in += *taken ? 1 : 0;
        }
    });
    std::int64_t last = 0;
    while (!written) {
        const auto moment = live->read({"same", "by_name", "kept"});
        EXPECT_TRUE(bool(moment)) << (moment ? "" : moment.error().message);
        if (!moment) break;
        const auto counts = reading.query(
            "SELECT rows, counted::BIGINT, (SELECT sum(n) FROM " + moment->views.at("by_name").table->relation() +
            ")::BIGINT, (SELECT sum(n) FROM " + moment->views.at("kept").table->relation() + ")::BIGINT FROM " +
            moment->views.at("same").table->relation());
        EXPECT_TRUE(bool(counts)) << (counts ? "" : counts.error().message);
        if (!counts) break;
        const auto rows = counts->integer(0, 0);
        EXPECT_EQ(counts->integer(0, 1), rows);
        EXPECT_EQ(counts->integer(0, 2), rows);
        EXPECT_EQ(counts->integer(0, 3), rows);
        EXPECT_GE(rows, last);
        last = rows;
    }
    stop = true;
    writer.join();
    taking.join();
    EXPECT_GT(taken_in, 3);
    if (thrown) std::rethrow_exception(thrown);
    EXPECT_GT(last, 20);
}

TEST_F(Live, what_was_concluded_from_the_first_rows_does_not_hold_for_later_ones) {
    view("large", "SELECT count(*) AS n, max(x) AS x FROM t WHERE x > 100");
    view("by_number", "SELECT x, count(*) AS n FROM t GROUP BY x");
    view("by_flag", "SELECT x IS NULL AS missing, count(*) AS n FROM t GROUP BY 1");
    const auto rows = [&](int from, int to, const std::string& x) {
        append("t", fmt::format("SELECT i::BIGINT AS id, 'n' AS name, {}::INTEGER AS x, 0.5 AS f, DATE '2024-03-01' AS "
                                "_arrival_date FROM range({}, {}) r(i)",
                                x, from, to));
    };
    rows(0, 10, "i");
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock));
    expect_equal(must(live->read(names())));
    rows(10, 20, "i");  // bound for these
    expect_equal(must(live->read(names())));
    rows(200, 2000, "i * 1000");
    expect_equal(must(live->read(names())));
    rows(0, 5, "NULL");
    expect_equal(must(live->read(names())));
    rows(-100, 3, "i");
    EXPECT_TRUE(must(live->take_in()));
    expect_equal(must(live->read(names())));
    EXPECT_TRUE(must(live->read(names())).views.at("by_number").from_states);
}

TEST_F(Live, what_nothing_new_came_in_for_is_not_computed_again) {
    view("of_t", "SELECT name, count(*) AS n FROM t GROUP BY 1");
    view("of_u", "SELECT name, count(*) AS n FROM u GROUP BY 1");
    std::mt19937_64 random(3);
    for (const auto* table : {"t", "u"}) append(table, some_rows(random, 20));
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock));
    const auto first = must(live->read({"of_t", "of_u"}));
    EXPECT_TRUE(first.views.at("of_t").from_states);
    append("t", some_rows(random, 20));
    const auto second = must(live->read({"of_t", "of_u"}));
    EXPECT_EQ(first.views.at("of_u").table, second.views.at("of_u").table);
    EXPECT_NE(first.views.at("of_t").table, second.views.at("of_t").table);
    // The older moment stands as long as it is held.
    const auto relation = first.views.at("of_t").table->relation();
    EXPECT_TRUE(bool(connection.query("FROM " + relation)));
    const auto unknown = live->read({"nothing"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::view
