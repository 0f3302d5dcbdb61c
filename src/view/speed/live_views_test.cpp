#include "view/speed/live_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "lake/maintain/optimize.h"
#include "lake/testing.h"
#include "view/batch/duckdb/duckdb_engine.h"
#include "view/batch/interval_batch.h"
#include "view/batch/state_store.h"
#include "view/speed/since_published.h"

namespace weir::view {
namespace {

namespace fs = std::filesystem;
using declare::View;
using lake::must;

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
        DuckDbEngine engine(database, catalog.columns_of_states());
        StateStore store(lake, std::make_shared<PinnedTables>(lake), engine, clock);
        for (const auto& each : project.views) {
            const auto* split = must(catalog.split(each));
            for (const auto& state : split->states)
                static_cast<void>(must(store.catch_up(state, by_day.contains(state.name))));
        }
    }

    // What a run does at its end: results of views that keep the newest, and the switch to them.
    void publish() {
        const SystemClock clock;
        const auto moment = must(must(LiveViews::open(lake, database, project, clock))->read(names()));
        std::vector<std::string> published;
        for (const auto& each : project.views) {
            if (each.keep != View::Keep::latest) continue;
            const auto& result = moment.views.at(each.name);
            const auto table = must(lake.table(each.name));
            const auto select = "SELECT * FROM " + result.table->relation();
            auto transaction =
                must(table.exists())
                    ? must(lake::Transaction::begin(table, must(table.snapshot())))
                    : must(lake::Transaction::create(table, {.schema = must(connection.schema_of(select)),
                                                             .partition_columns = {},
                                                             .configuration = {},
                                                             .name = each.name,
                                                             .description = ""}));
            if (transaction.snapshot() != nullptr) must(transaction.overwrite());
            const auto rows = must(transaction.append(connection, select)).rows;
            transaction.set_operation("WRITE");
            const auto version = must(lake::commit_or_fail(std::move(transaction))).version.get();
            nlohmann::json cut = nlohmann::json::object();
            for (const auto& base : base_tables(project, each))
                if (moment.versions.at(base) != not_there) cut[base] = moment.versions.at(base);
            published.push_back(fmt::format(
                "SELECT {} AS publication, '{}' AS \"view\", {} AS table_version, '{}' AS table_id, DATE '{}' AS "
                "\"interval\", '{}' AS cut, '{}' AS code, {} AS \"rows\", '' AS checksum",
                publications + 1, each.name, version, must(table.snapshot()).metadata().id, weir::to_string(result.day),
                cut.dump(), text_hash(project, each), rows));
        }
        const auto table = must(lake.table(publications_table));
        const auto select = fmt::format("{}", fmt::join(published, " UNION ALL "));
        auto transaction = must(table.exists())
                               ? must(lake::Transaction::begin(table, must(table.snapshot())))
                               : must(lake::Transaction::create(table, {.schema = must(connection.schema_of(select)),
                                                                        .partition_columns = {},
                                                                        .configuration = {},
                                                                        .name = publications_table,
                                                                        .description = ""}));
        static_cast<void>(must(transaction.append(connection, select)));
        must(transaction.set_txn(publication_app, ++publications));
        transaction.set_operation("PUBLISH");
        static_cast<void>(must(lake::commit_or_fail(std::move(transaction))));
    }

    // Whether what a view gives is made of its published rows.
    bool on_published(const LiveView& each) {
        return must(connection.query(
                        fmt::format("SELECT count(*) FROM duckdb_views() WHERE schema_name || '.' || view_name = '{}'",
                                    each.table->relation())))
                   .integer(0, 0) > 0;
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
    std::int64_t next_id = 0, publications = 0;
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
    const auto live = must(LiveViews::open(lake, database, project, clock, 0));
    std::size_t reads = 0, moves = 0, runs = 0;
    std::map<std::string, int> on_top;
    for (int step = 0; step < 80 && !HasFailure(); ++step) {
        SCOPED_TRACE(step);
        switch (random() % 10) {
            case 0:
            case 1: append("t", some_rows(random, static_cast<int>(random() % 60))); break;
            case 3: append("t", some_rows(random, random() % 4 == 0 ? 15'000 : 300)); break;
            case 4: append("u", some_rows(random, static_cast<int>(random() % 60))); break;
            case 5: move_cut(), ++moves; break;
            case 8: move_cut(), publish(), ++runs; break;
            case 6:
                if (random() % 6 == 0)
                    append("kinds",
                           fmt::format("SELECT 'n{}' AS name, 'more' AS kind, DATE '2024-03-02' AS _arrival_date",
                                       random() % 30));
                break;
            case 2:
            case 9:
                append(random() % 2 == 0 ? "t" : "u", some_rows(random, 1 + static_cast<int>(random() % 3)));
                [[fallthrough]];
            default: {
                auto wanted = names();
                for (auto name = wanted.begin(); name != wanted.end();)
                    name = random() % 2 == 0 ? wanted.erase(name) : std::next(name);
                const auto moment = must(live->read(wanted));
                expect_equal(moment);
                for (const auto& [name, each] : moment.views) on_top[name] += on_published(each) ? 1 : 0;
                ++reads;
            }
        }
    }
    expect_equal(must(live->read(names())));
    std::cout << reads << " reads, the cut moved " << moves << " times, " << runs << " runs\n";
    for (const auto& [name, times] : on_top) std::cout << times << " times of published rows: " << name << "\n";
}

TEST_F(Live, large_results_are_the_published_rows_but_those_with_new_keys) {
    view("by_name", "SELECT name, count(*) AS n, max(x) AS x FROM t GROUP BY name");
    view("in_order", "SELECT name, count(*) AS n FROM t GROUP BY name ORDER BY name");
    view("rows", "SELECT name, id, n FROM t JOIN (SELECT name, count(*) AS n FROM t GROUP BY 1) c USING (name)");
    view("all", "SELECT count(*) AS n FROM t ");
    const auto rows = [&](int from, int to, int names) {
        append("t", fmt::format("SELECT i::BIGINT AS id, 'n' || i % {} AS name, i::INTEGER AS x, 0.5 AS f, DATE "
                                "'2024-03-01' AS _arrival_date FROM range({}, {}) r(i)",
                                names, from, to));
    };
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock, 50));
    int step = 0;
    const auto expect = [&](const std::set<std::string>& made_of_published) {
        SCOPED_TRACE(++step);
        const auto moment = must(live->read(names()));
        expect_equal(moment);
        for (const auto& [name, each] : moment.views)
            EXPECT_EQ(on_published(each), made_of_published.contains(name)) << name;
    };
    rows(0, 200, 100);
    move_cut();
    expect({});
    publish();
    rows(200, 210, 100);
    expect({"by_name", "rows"});
    rows(300, 310, 1000);  // new keys
    expect({"by_name", "rows"});
    move_cut();  // a run is under way: what the lake has of the states is newer than what is published
    rows(310, 311, 1000);
    expect({"by_name", "rows"});
    move_cut();
    publish();
    expect({"by_name", "rows"});
    rows(311, 312, 1000);
    expect({"by_name", "rows"});
    // Files that only hold rows of others: the publication's cut is later than that of the states.
    static_cast<void>(must(lake::optimize(must(lake.table("t")), {})));
    move_cut();
    publish();
    rows(312, 313, 1000);
    expect({"by_name", "rows"});
    rows(400, 500, 100);  // too many keys
    expect({});
    project.views[0].sql = "SELECT name, count(*) AS n, min(x) AS x FROM t GROUP BY name";
    const auto other = must(LiveViews::open(lake, database, project, clock, 50));
    EXPECT_FALSE(on_published(must(other->read({"by_name"})).views.at("by_name"))) << "another text was published";
}

TEST_F(Live, published_rows_do_not_stand_for_what_their_day_did_not_see) {
    view("by_name", "SELECT name, count(*) AS n FROM t GROUP BY name");
    append("t", "SELECT 1 AS id, 'a' AS name, 1 AS x, 0.5 AS f, DATE '2024-03-01' AS _arrival_date");
    auto catalog = must(Catalog::open(lake, project));
    const auto& declared = project.views[0];
    const auto* split = must(catalog.split(declared));
    const auto day = *parse_day("2024-03-02");
    PublishedView published{.interval = "2024-03-01", .cut = R"({"t": 0})", .code = text_hash(project, declared)};
    const auto can_be_used = [&](std::int64_t now) {
        PinnedTables tables(lake, {{"t", now}});
        return must(only_grown_since(project, tables, {{"t", now}}, declared, *split, published, day)).has_value();
    };
    EXPECT_TRUE(can_be_used(0));
    append("t", "SELECT 2 AS id, 'a' AS name, 1 AS x, 0.5 AS f, DATE '2024-03-02' AS _arrival_date");
    EXPECT_TRUE(can_be_used(1)) << "the rows of the next day came after it";
    published.cut = R"({"t": 1})";
    EXPECT_FALSE(can_be_used(1)) << "they were there, and it does not see them";
    published.interval = "2024-03-02";
    EXPECT_TRUE(can_be_used(1));
    for (const auto* damaged : {"", "[]", "null"}) {
        published.cut = damaged;
        EXPECT_FALSE(can_be_used(1)) << damaged;
    }
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

TEST_F(Live, what_a_run_has_published_leaves_the_memory_though_nothing_comes_in) {
    view("of_t", "SELECT name, count(*) AS n FROM t GROUP BY 1");
    std::mt19937_64 random(5);
    append("t", some_rows(random, 20));
    const SystemClock clock;
    const auto live = must(LiveViews::open(lake, database, project, clock));
    EXPECT_TRUE(must(live->take_in()));
    EXPECT_GT(live->state_sizes().memory_rows, 0);
    EXPECT_FALSE(must(live->take_in()));
    move_cut();
    publish();
    EXPECT_TRUE(must(live->take_in()));
    EXPECT_EQ(live->state_sizes().memory_rows, 0);
    EXPECT_GT(live->state_sizes().lake_rows, 0);
    EXPECT_FALSE(must(live->take_in()));
    expect_equal(must(live->read(names())));
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
