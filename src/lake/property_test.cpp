// Random histories of one table against a model: every version holds the rows that the model had then.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "lake/maintain/optimize.h"
#include "lake/maintain/restore.h"
#include "lake/testing.h"
#include "lake/write/evolve.h"

namespace weir::lake {
namespace {

struct Row {
    int id;
    int partition;
};

class History : public LakeTest, public testing::WithParamInterface<int> {
protected:
    static std::vector<std::string> printed(const std::vector<Row>& rows) {
        std::vector<std::string> lines;
        for (const auto& row : rows) lines.push_back(fmt::format("{}|{}", row.id, row.partition));
        std::sort(lines.begin(), lines.end());
        return lines;
    }
    std::vector<Row> some_rows(std::mt19937& random) {
        std::vector<Row> rows(1 + random() % 20);
        for (auto& row : rows) row = {next_id_++, static_cast<int>(random() % 4)};
        return rows;
    }
    static std::string select(const std::vector<Row>& rows) {
        std::string text;
        for (const auto& row : rows)
            text += fmt::format("{}SELECT {} AS id, {} AS p", text.empty() ? "" : " UNION ALL ", row.id, row.partition);
        return text;
    }
    int next_id_ = 0;
};

TEST_P(History, every_version_is_the_models) {
    const char* given = std::getenv("WEIR_SEED");
    const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
    SCOPED_TRACE(fmt::format("WEIR_SEED={}", seed));
    std::printf("           seed %u\n", seed);
    std::mt19937 random(seed);
    std::vector<Row> model = some_rows(random);
    auto table = make_table("t", select(model), {"p"});
    std::vector<std::vector<Row>> versions{model};
    for (int step = 0; step < 25; ++step) {
        const auto before = must(table.snapshot()).version();
        switch (random() % 6) {
            case 0:
            case 1: {
                const auto rows = some_rows(random);
                append(table, select(rows));
                model.insert(model.end(), rows.begin(), rows.end());
                break;
            }
            case 2: {
                const auto rows = some_rows(random);
                auto transaction = must(Transaction::begin(table, must(table.snapshot())));
                must(transaction.overwrite());
                must(transaction.append(connection, select(rows)));
                must(commit_or_fail(std::move(transaction)));
                model = rows;
                break;
            }
            case 3: {
                const int partition = static_cast<int>(random() % 4);
                auto transaction = must(Transaction::begin(table, must(table.snapshot())));
                must(transaction.overwrite_partitions({{{"p", std::to_string(partition)}}}));
                must(commit_or_fail(std::move(transaction)));
                std::erase_if(model, [&](const Row& row) { return row.partition == partition; });
                break;
            }
            case 4: must(optimize(table, {.target_bytes = static_cast<std::int64_t>(500 + random() % 3000)})); break;
            case 5: {
                const auto version = random() % versions.size();
                must(restore(table, TableVersion(static_cast<std::int64_t>(version))));
                model = versions[version];
                break;
            }
        }
        const auto after = must(table.snapshot()).version();
        ASSERT_LE(after.get(), before.get() + 1);
        if (after > before) versions.push_back(model);
        ASSERT_EQ(rows_of(table), printed(model)) << "step " << step;
        // Read from the log's end on, as it is here, a version is the same as read from its beginning.
        ASSERT_EQ(contents(must(table.snapshot())), contents(must(table_at("t").snapshot()))) << "step " << step;
    }
    for (std::size_t version = 0; version < versions.size(); ++version)
        EXPECT_EQ(rows_of(table, TableVersion(static_cast<std::int64_t>(version))), printed(versions[version]))
            << version;
}

INSTANTIATE_TEST_SUITE_P(random, History, testing::Range(0, 4));

}  // namespace
}  // namespace weir::lake
