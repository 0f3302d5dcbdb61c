#include "observe/part_facts.h"

#include <gtest/gtest.h>

namespace weir::observe {
namespace {

TEST(PartFacts, numbers_and_texts_of_parts_and_of_their_sources) {
    const auto facts = part_facts(
        R"({"intake": {"lag": 7, "sources": [{"source": "clicks", "lag": 7, "state": "running",
                "delay": {"events": 3}, "partitions": [{"partition": 1, "lag": 4}, {}]}, 3]},
            "batch": {"running": true, "took_seconds": 0.5, "problem": "it's full", "last": null}, "odd": 1})");
    EXPECT_EQ(part_rows(facts),
              "('intake', NULL, NULL, 'lag', 7, NULL), ('intake', 'clicks', NULL, 'lag', 7, NULL), "
              "('intake', 'clicks', NULL, 'state', NULL, 'running'), ('intake', 'clicks', NULL, 'delay_events', 3, "
              "NULL), ('intake', 'clicks', 1, 'partition_lag', 4, NULL), ('batch', NULL, NULL, 'running', 1, NULL), "
              "('batch', NULL, NULL, 'took_seconds', 0.5, NULL), ('batch', NULL, NULL, 'problem', NULL, 'it''s "
              "full')");
    EXPECT_TRUE(part_facts("[]").empty());
    EXPECT_TRUE(part_facts("{").empty());
}

}  // namespace
}  // namespace weir::observe
