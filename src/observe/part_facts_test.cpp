#include "observe/part_facts.h"

#include <gtest/gtest.h>

namespace weir::observe {
namespace {

TEST(PartFacts, numbers_and_texts_of_parts_and_of_their_sources) {
    const auto facts = part_facts(
        R"({"intake": {"lag": 7, "sources": [{"source": "clicks", "lag": 7, "state": "running"}, 3]},
            "batch": {"running": true, "took_seconds": 0.5, "problem": "it's full", "last": null}, "odd": 1})");
    EXPECT_EQ(part_rows(facts),
              "('intake', NULL, 'lag', 7, NULL), ('intake', 'clicks', 'lag', 7, NULL), "
              "('intake', 'clicks', 'state', NULL, 'running'), ('batch', NULL, 'running', 1, NULL), "
              "('batch', NULL, 'took_seconds', 0.5, NULL), ('batch', NULL, 'problem', NULL, 'it''s full')");
    EXPECT_TRUE(part_facts("[]").empty());
    EXPECT_TRUE(part_facts("{").empty());
}

}  // namespace
}  // namespace weir::observe
