#include "view/split/lineage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "declare/load.h"
#include "support/places.h"
#include "view/batch/view_split.h"

namespace weir::view {
namespace {

// "a: t.x, t.y | t.z; b: …": values, and conditions behind the bar.
std::string text_of(const std::vector<ColumnLineage>& columns) {
    std::string text;
    for (const auto& column : columns) {
        std::vector<std::string> values, conditions;
        for (const auto& origin : column.origins)
            (origin.kind == Origin::Kind::value ? values : conditions).push_back(origin.table + "." + origin.column);
        text += fmt::format("{}{}: {}{}{}", text.empty() ? "" : "; ", column.column, fmt::join(values, ", "),
                            conditions.empty() ? "" : " | ", fmt::join(conditions, ", "));
    }
    return text;
}

TEST(Lineage, of_columns) {
    auto database = sql::Database::open({.threads = 1}).value();
    auto connection = database.connect().value();
    ASSERT_TRUE(
        bool(connection.run("CREATE TABLE t (k VARCHAR, x INTEGER, y DOUBLE, l INTEGER[], s STRUCT(a INTEGER));"
                            "CREATE TABLE u (k VARCHAR, z INTEGER);"
                            "CREATE SCHEMA weir; CREATE TABLE weir.runs (node VARCHAR)")));
    const struct {
        const char *sql, *lineage;
    } cases[] = {
        {"SELECT k, x + y AS sum FROM t", "k: t.k; sum: t.x, t.y"},
        {"SELECT 1 AS one, X AS big FROM T", "one: ; big: t.x"},
        {"SELECT k, count(*) AS n FROM t GROUP BY k", "k: t.k | t.k; n: t.* | t.k"},
        {"SELECT count(*) FROM t WHERE x > 1", "count_star(): t.* | t.x"},
        {"SELECT k, sum(y) FILTER (WHERE x > 0) AS s FROM t GROUP BY ALL HAVING max(x) > 3",
         "k: t.k | t.k, t.x; s: t.y | t.k, t.x"},
        {"SELECT x AS a, count(*) AS n FROM t GROUP BY 1 ORDER BY n", "a: t.x | t.x; n: t.* | t.x"},
        {"SELECT x AS a, y FROM t ORDER BY k LIMIT 3", "a: t.x | t.k; y: t.y | t.k"},
        {"SELECT CASE WHEN k = 'a' THEN x ELSE 0 END AS c FROM t", "c: t.x | t.k"},
        {"SELECT * FROM t JOIN u USING (k)",
         "k: t.k | t.k, u.k; x: t.x | t.k, u.k; y: t.y | t.k, u.k; l: t.l | t.k, u.k; s: t.s | t.k, u.k; z: u.z | t.k, "
         "u.k"},
        {"SELECT a.*, b.z FROM (SELECT k FROM t) a LEFT JOIN u b ON a.k = b.k", "k: t.k | t.k, u.k; z: u.z | t.k, u.k"},
        {"SELECT * EXCLUDE (l, s) REPLACE (x + 1 AS y) FROM t", "k: t.k; x: t.x; y: t.x"},
        {"WITH c(a, b) AS (SELECT k, x FROM t WHERE y > 0) SELECT a, count(*) AS n FROM c GROUP BY a",
         "a: t.k | t.k, t.y; n: t.* | t.k, t.y"},
        {"SELECT n FROM (SELECT count(*) AS n, max(y) FROM t)", "n: t.*"},
        {"SELECT m FROM (SELECT max(y) FROM t) q(m)", "m: t.y"},
        {"SELECT x FROM t UNION ALL SELECT z FROM u", "x: t.x, u.z"},
        {"SELECT k, x FROM t EXCEPT SELECT k, z FROM u", "k: t.k | u.k; x: t.x | u.z"},
        {"SELECT x AS a FROM t UNION BY NAME SELECT k AS b, z AS a FROM u", "a: t.x, u.z; b: u.k"},
        {"SELECT row_number() OVER (PARTITION BY k ORDER BY x) AS r, lag(y) OVER (ORDER BY x) AS before FROM t",
         "r: t.* | t.k, t.x; before: t.y | t.x"},
        {"SELECT (SELECT max(z) FROM u WHERE u.k = t.k) AS top FROM t", "top: u.z | t.k, u.k"},
        {"SELECT x IN (SELECT z FROM u) AS inside FROM t", "inside: t.x, u.z"},
        {"SELECT x FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k)", "x: t.x | t.k, u.k"},
        {"SELECT list_transform(l, lambda q: q + x) AS m FROM t", "m: t.l, t.x"},
        {"SELECT one, v.k FROM t v, unnest(v.l) w(one)", "one: t.l; k: t.k"},
        {"SELECT s.a AS a, t.s.a AS b FROM t", "a: t.s; b: t.s"},
        {"SELECT x AS first, first + 1 AS second FROM t", "first: t.x; second: t.x"},
        {"SELECT DISTINCT ON (k) x FROM t ORDER BY k, y", "x: t.x | t.k, t.y"},
        {"SELECT m + x AS s FROM t, (VALUES (1), (2)) v(m)", "s: t.x"},
        {"WITH RECURSIVE r(n) AS (SELECT min(x) FROM t UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
         "n: t.x | t.x"},
        {"SELECT node FROM weir.runs", "node: weir.runs.node"},
        {"SELECT count(*) AS n FROM t a JOIN t b ON a.x = b.y", "n: t.* | t.x, t.y"},
        {"SELECT k AS a, max(COLUMNS(* EXCLUDE (k, l, s))), 1 AS one FROM t GROUP BY k",
         "a: t.k | t.k; x: t.x, t.y | t.k; y: t.x, t.y | t.k; one:  | t.k"},
        {"SELECT z, max(COLUMNS('z|k')), min(COLUMNS('z|k')) FROM u GROUP BY z",
         "z: u.k, u.z | u.z; k: u.k, u.z | u.z; z: u.k, u.z | u.z; k: u.k, u.z | u.z; z: u.k, u.z | u.z"},
    };
    for (const auto& each : cases) {
        const auto found = lineage_of(connection, each.sql);
        ASSERT_TRUE(bool(found)) << each.sql << "\n" << found.error().message;
        EXPECT_EQ(text_of(*found), each.lineage) << each.sql;
    }
}

// Every column of every shipped view is made of columns that the view reads, or of constants, and then it is one of
// these.
TEST(Lineage, of_shipped_views) {
    namespace fs = std::filesystem;
    const std::set<std::string> constants{"assessment_realtime_active_students.quiz_starts",
                                          "assessment_realtime_quiz_attempts.answers",
                                          "assessment_realtime_quiz_attempts.avg_total_questions",
                                          "assessment_realtime_quiz_attempts.starts",
                                          "assessment_realtime_submission_rate.avg_percentage",
                                          "data_quality.measure",
                                          "late_counters.view",
                                          "q14.bidTimeType",
                                          "run_report.measure",
                                          "student_engagement_distribution.category",
                                          "student_engagement_distribution.student_count",
                                          "video_drop_off_indicators.potential_drop_off",
                                          "video_realtime_engagement_rate.completion_rate_pct",
                                          "video_realtime_engagement_rate.completions",
                                          "video_realtime_engagement_rate.pause_rate_pct",
                                          "video_realtime_engagement_rate.pauses",
                                          "video_realtime_popular_videos.completion_rate_pct",
                                          "video_realtime_popular_videos.completions",
                                          "video_realtime_viewers_1min.completions",
                                          "video_realtime_viewers_1min.pauses",
                                          "work.downloads",
                                          "work.grades",
                                          "work.quizzes",
                                          "work.submissions",
                                          "work.videos"};
    std::set<std::string> without;
    std::size_t views = 0, columns = 0;
    for (const auto& entry : fs::directory_iterator(test::source_folder() / "projects")) {
        if (!fs::exists(entry.path() / "weir.yaml")) continue;
        const auto loaded = declare::load({.directory = entry.path()});
        ASSERT_TRUE(loaded.problems.empty()) << entry.path() << " " << loaded.problems.front().message;
        auto database = sql::Database::open({.threads = 1}).value();
        const auto lake = lake::Lake::open((fs::temp_directory_path() / "weir-lineage-of-nothing").string(), database);
        ASSERT_TRUE(bool(lake));
        auto catalog = Catalog::open(*lake, loaded.project);
        ASSERT_TRUE(bool(catalog)) << catalog.error().message;
        for (const auto& view : loaded.project.views) {
            const auto found = catalog->lineage(view);
            ASSERT_TRUE(bool(found)) << view.name << " " << found.error().message;
            ++views;
            for (const auto& column : *found) {
                ++columns;
                bool made_of_something = false;
                for (const auto& origin : column.origins) {
                    made_of_something = made_of_something || origin.kind == Origin::Kind::value;
                    // Macros may read more than the text says, never less.
                    EXPECT_TRUE(
                        std::any_of(view.reads.begin(), view.reads.end(),
                                    [&](const std::string& read) { return equal_ignoring_case(read, origin.table); }))
                        << view.name << "." << column.column << " from " << origin.table;
                }
                if (!made_of_something) without.insert(view.name + "." + column.column);
            }
        }
    }
    EXPECT_GT(views, 60U);
    EXPECT_GT(columns, 300U);
    EXPECT_EQ(without, constants);
}

}  // namespace
}  // namespace weir::view
