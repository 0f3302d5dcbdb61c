#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <limits>
#include <random>

#include "view/own_functions.h"
#include "view/sketch/distinct.h"
#include "view/sketch/quantile.h"

namespace weir::view {
namespace {

std::uint64_t seed_of_test() {
    const auto seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    return seed;
}

// Sketches of random pieces of the values, merged pairwise in random order, some of them through their bytes.
template <class Sketch, class Values>
Sketch in_pieces(Values values, std::mt19937_64& random) {
    std::shuffle(values.begin(), values.end(), random);
    std::vector<Sketch> parts(1 + random() % 9);
    for (const auto& value : values) parts[random() % parts.size()].add(value);
    while (parts.size() > 1) {
        std::swap(parts[random() % parts.size()], parts.back());
        auto last = std::move(parts.back());
        parts.pop_back();
        if (random() % 2 == 0)
            parts[random() % parts.size()].add(last);
        else
            EXPECT_TRUE(parts[random() % parts.size()].add_bytes(last.bytes()));
    }
    return std::move(parts.front());
}

TEST(DistinctSketch, is_exact_for_few_and_close_for_many) {
    std::mt19937_64 random(seed_of_test());
    for (const std::size_t size : {0U, 1U, 17U, 384U, 385U, 1000U, 5000U, 20000U, 300000U}) {
        double squares = 0;
        const int rounds = size > 100000 ? 4 : 12;
        for (int round = 0; round < rounds; ++round) {
            DistinctSketch sketch;
            for (std::size_t i = 0; i < size; ++i) {
                const auto hash = random();
                sketch.add(hash);
                if (i % 3 == 0) sketch.add(hash);
            }
            if (size <= DistinctSketch::exact_max) {
                EXPECT_EQ(sketch.count(), static_cast<std::int64_t>(size));
                continue;
            }
            const auto error = static_cast<double>(sketch.count()) / static_cast<double>(size) - 1;
            EXPECT_LT(std::abs(error), 5 * DistinctSketch::standard_error) << size;
            squares += error * error;
        }
        EXPECT_LT(std::sqrt(squares / rounds), 2 * DistinctSketch::standard_error) << size;
    }
}

TEST(DistinctSketch, knows_no_order_and_no_cuts) {
    std::mt19937_64 random(seed_of_test());
    for (int round = 0; round < 200; ++round) {
        std::vector<std::uint64_t> hashes(random() % (round % 2 == 0 ? 900 : 6000));
        for (auto& hash : hashes) hash = random();
        for (std::size_t i = 0; i + 1 < hashes.size(); i += 3) hashes[i] = hashes[i + 1];
        DistinctSketch whole;
        for (const auto hash : hashes) whole.add(hash);
        const auto pieces = in_pieces<DistinctSketch>(hashes, random);
        ASSERT_EQ(whole.bytes(), pieces.bytes());
        EXPECT_EQ(whole.count(), pieces.count());
        EXPECT_LE(whole.bytes().size(), 2 + 3072U);
    }
}

TEST(DistinctSketch, damaged_bytes_are_refused) {
    DistinctSketch few, many;
    for (std::uint64_t i = 1; i < 4; ++i) few.add(i);
    for (std::uint64_t i = 1; i < 4000; ++i) many.add(i * 0x9E3779B97F4A7C15U);
    const auto swapped = few.bytes().substr(0, 2) + few.bytes().substr(18) + few.bytes().substr(2, 16);
    auto other_version = few.bytes(), other_form = few.bytes(), too_high = many.bytes();
    other_version[0] = 2;
    other_form[1] = 7;
    too_high[2] = static_cast<char>(0xff);
    for (const auto& bytes :
         {std::string(), std::string("\1"), few.bytes() + "x", few.bytes().substr(0, 9), swapped, other_version,
          other_form, too_high, many.bytes() + "x", many.bytes().substr(0, many.bytes().size() - 1)})
        EXPECT_FALSE(few.add_bytes(bytes));
    EXPECT_EQ(few.count(), 3);
    EXPECT_TRUE(few.add_bytes(many.bytes()));
}

double exact(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

TEST(QuantileSketch, is_within_its_error) {
    std::mt19937_64 random(seed_of_test());
    std::normal_distribution<double> normal(0, 100);
    std::lognormal_distribution<double> skewed(1, 2);
    for (int round = 0; round < 60; ++round) {
        std::vector<double> values(1 + random() % 3000);
        for (auto& value : values) {
            switch (round % 5) {
                case 0: value = normal(random); break;
                case 1: value = skewed(random); break;
                case 2: value = static_cast<double>(random() % 120) - 60; break;
                case 3: value = random() % 4 == 0 ? 0 : -skewed(random) / 1e9; break;
                default: value = std::ldexp(normal(random), static_cast<int>(random() % 20));
            }
        }
        QuantileSketch sketch;
        for (const auto value : values) sketch.add(value);
        EXPECT_EQ(sketch.count(), values.size());
        for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 1.0}) {
            const auto right = exact(values, share), found = sketch.value(share);
            EXPECT_LE(std::abs(found - right), std::abs(right) * QuantileSketch::relative_error * 1.0000001)
                << right << " " << found;
            if (round % 5 == 2) {
                EXPECT_EQ(std::nearbyint(found), right);
            }
        }
        EXPECT_EQ(sketch.value(0), *std::min_element(values.begin(), values.end()));
        EXPECT_EQ(sketch.value(1), *std::max_element(values.begin(), values.end()));
    }
}

TEST(QuantileSketch, knows_no_order_and_no_cuts) {
    std::mt19937_64 random(seed_of_test());
    for (int round = 0; round < 150; ++round) {
        // Up to all sizes that doubles have: more buckets than are kept.
        const int spread = std::array{3, 40, 900}[static_cast<std::size_t>(round % 3)];
        std::vector<double> values(random() % 9000);
        for (auto& value : values) {
            value = std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())),
                               static_cast<int>(random() % static_cast<unsigned>(2 * spread)) - spread - 63);
            if (random() % 50 == 0) value = std::array{0.0, -0.0, 5e-324, HUGE_VAL, std::nan("")}[random() % 5];
        }
        QuantileSketch whole;
        for (const auto value : values) whole.add(value);
        const auto pieces = in_pieces<QuantileSketch>(values, random);
        ASSERT_EQ(whole.bytes(), pieces.bytes());
        EXPECT_LE(whole.bytes().size(), 24U * 1024);
        if (whole.count() == 0) continue;
        for (const double share : {0.0, 0.3, 0.5, 1.0}) EXPECT_EQ(whole.value(share), pieces.value(share));
        QuantileSketch read;
        ASSERT_TRUE(read.add_bytes(whole.bytes()));
        EXPECT_EQ(read.bytes(), whole.bytes());
    }
}

TEST(QuantileSketch, extremes) {
    constexpr double huge = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::min();
    QuantileSketch sketch;
    EXPECT_TRUE(std::isnan(sketch.value(0.5)));
    for (const double value : {huge, huge, huge, -huge, -huge, -huge, tiny, -tiny, 0.0}) sketch.add(value);
    EXPECT_EQ(sketch.value(0), -huge);
    EXPECT_EQ(sketch.value(0.5), 0);
    EXPECT_EQ(sketch.value(1), huge);
    EXPECT_GE(sketch.value(0.9), huge * 0.99);
    EXPECT_LE(sketch.value(0.2), -huge * 0.99);
}

TEST(QuantileSketch, damaged_bytes_are_refused) {
    QuantileSketch sketch;
    for (int i = -20; i < 200; ++i) sketch.add(i * 1.1);
    const auto good = sketch.bytes();
    std::mt19937_64 random(seed_of_test());
    for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(sketch.add_bytes(good.substr(0, size)));
    EXPECT_FALSE(sketch.add_bytes(good + "x"));
    for (const std::size_t at : {0U, 1U}) {
        auto bad = good;
        bad[at] = 9;
        EXPECT_FALSE(sketch.add_bytes(bad));
    }
    EXPECT_EQ(sketch.bytes(), good);
    // Whatever bytes: refused, or read.
    for (int round = 0; round < 20000; ++round) {
        auto bytes = good;
        for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
        QuantileSketch other;
        if (other.add_bytes(bytes)) static_cast<void>(other.value(0.5));
    }
}

class SketchFunctions : public ::testing::Test {
protected:
    SketchFunctions()
        : database_(sql::Database::open({.threads = 2}).value()), connection_(database_.connect().value()) {
        EXPECT_TRUE(bool(add_own_functions(connection_)));
    }
    std::string answer(const std::string& sql) {
        const auto rows = connection_.query("SELECT to_json(weir_answer)::VARCHAR FROM (" + sql + ") AS weir_answer");
        if (!rows) return rows.error().message;
        return rows->row_count() == 0 ? "" : std::string(rows->text(0, 0));
    }
    sql::Database database_;
    sql::Connection connection_;
};

TEST_F(SketchFunctions, count_values_of_every_type) {
    for (const std::string type : {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
                                   "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL(4,1)",
                                   "DECIMAL(9,2)", "DECIMAL(18,3)", "DECIMAL(38,4)", "VARCHAR", "BLOB"}) {
        const auto value = type == "BOOLEAN" ? "(i % 2)" : type == "BLOB" ? "(i % 100)::VARCHAR" : "(i % 100)";
        const auto one = "CASE WHEN i % 10 > 0 THEN " + std::string(value) + "::" + type + " END";
        EXPECT_EQ(answer("SELECT distinct_sketch_count(distinct_sketch(" + one + ")) = count(DISTINCT " + one +
                         ") AS a FROM range(5000) t(i)"),
                  "{\"a\":true}")
            << type;
    }
    for (const std::string one :
         {"DATE '2024-01-01' + (i % 90)::INTEGER", "TIMESTAMP '2024-01-01' + to_seconds(i % 90)",
          "(TIMESTAMP '2024-01-01' + to_seconds(i % 90)) AT TIME ZONE 'UTC'", "TIME '10:00:00' + to_seconds(i % 90)",
          "to_seconds(i % 90)", "CASE WHEN i % 2 = 0 THEN INTERVAL 1 MONTH ELSE INTERVAL 30 DAY END",
          "md5((i % 90)::VARCHAR)::UUID", "CASE WHEN i % 2 = 0 THEN 0.0::DOUBLE ELSE -0.0::DOUBLE END"})
        EXPECT_EQ(answer("SELECT distinct_sketch_count(distinct_sketch(" + one + ")) = count(DISTINCT " + one +
                         ") AS a FROM range(5000) t(i)"),
                  "{\"a\":true}")
            << one;
    EXPECT_EQ(answer("SELECT distinct_sketch(i) AS a, distinct_sketch(NULL) AS b FROM range(0) t(i)"),
              "{\"a\":null,\"b\":null}");
    EXPECT_EQ(answer("SELECT distinct_sketch([i]) AS a FROM range(3) t(i)"),
              "Invalid Input Error: distinct_sketch takes values of this type as their text");
}

// What was hashed once is in the states of lakes: another hash would count everything twice.
TEST_F(SketchFunctions, hashes_stay_the_same) {
    EXPECT_EQ(answer("SELECT hex(distinct_sketch(i)) AS a, hex(distinct_sketch('x' || i)) AS b, "
                     "hex(distinct_sketch(i / 4)) AS c, hex(distinct_sketch(i::HUGEINT)) AS d FROM range(1, 2) t(i)"),
              R"({"a":"01002E79DB643559BC2F","b":"01009DA1E720AA36D3FE","c":"01007C3EFD83B865CAF3",)"
              R"("d":"01001120F58C14A1F226"})");
}

TEST_F(SketchFunctions, damaged_states_are_errors) {
    for (const std::string call : {"distinct_sketch_merge(x)", "distinct_sketch_count(x)", "quantile_sketch_merge(x)",
                                   "quantile_sketch_value(x, 0.5, 1)", "quantile_sketch_values(x, [0.5], 1)"})
        EXPECT_NE(answer("SELECT " + call + " AS a FROM (VALUES ('abc'::BLOB)) t(x)").find("not the bytes of a sketch"),
                  std::string::npos)
            << call;
    EXPECT_NE(answer("SELECT quantile_sketch_value(quantile_sketch(i), i, 9) AS a FROM range(2, 3) t(i) GROUP BY i")
                  .find("from 0 to 1"),
              std::string::npos);
}

}  // namespace
}  // namespace weir::view
