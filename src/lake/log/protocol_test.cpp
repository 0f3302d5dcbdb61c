#include "lake/log/protocol.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(ProtocolGate, readers) {
    struct Case {
        Protocol protocol;
        const char* refused_for;
    };
    const Case cases[] = {
        {{1, 2, {}, {}}, nullptr},
        {{2, 5, {}, {}}, nullptr},
        {{3, 7, {"deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}, {}},
         nullptr},
        {{1, 7, {}, {"unheardOf"}}, nullptr},  // writer-only
        {{3, 7, {"deletionVectors", "variantType"}, {}}, "variantType"},
        {{3, 7, {"catalogManaged", "typeWidening"}, {}}, "catalogManaged, typeWidening"},
        {{4, 7, {}, {}}, "reader version 4"},
        {{0, 2, {}, {}}, "reader version 0"},
    };
    for (const auto& c : cases) {
        const auto status = check_readable(c.protocol);
        EXPECT_EQ(status.ok(), c.refused_for == nullptr);
        if (!status) {
            EXPECT_EQ(status.error().code, ErrorCode::table_unsupported);
            EXPECT_NE(status.error().message.find(c.refused_for), std::string::npos) << status.error().message;
        }
    }
}

TEST(ProtocolGate, writers) {
    const auto with = [](std::map<std::string, std::string> configuration) {
        Metadata metadata;
        metadata.configuration = std::move(configuration);
        return metadata;
    };
    const auto column = [](std::string metadata) {
        return Schema{{{.name = "a", .type = Type::of(Type::Kind::int64), .metadata = std::move(metadata)}}};
    };
    const Schema plain = column("{}");
    struct Case {
        Protocol protocol;
        Metadata metadata;
        Schema schema;
        const char* refused_for;
    };
    const Case cases[] = {
        {{1, 2, {}, {}}, {}, plain, nullptr},
        {{2, 6, {}, {}}, {}, plain, nullptr},
        {{1, 7, {}, {"appendOnly", "invariants", "domainMetadata", "inCommitTimestamp"}}, {}, plain, nullptr},
        {{3, 7, {"deletionVectors"}, {"deletionVectors"}}, {}, plain, nullptr},
        {{1, 4, {}, {}}, with({{"delta.enableChangeDataFeed", "true"}}), plain, nullptr},
        {{1, 7, {}, {"rowTracking"}}, {}, plain, "rowTracking"},
        {{1, 7, {}, {"icebergCompatV2", "madeUp"}}, {}, plain, "icebergCompatV2, madeUp"},
        {{1, 8, {}, {}}, {}, plain, "writer version 8"},
        {{2, 5, {}, {}}, with({{"delta.columnMapping.mode", "name"}}), plain, "columnMapping"},
        {{2, 5, {}, {}}, with({{"delta.columnMapping.mode", "none"}}), plain, nullptr},
        {{1, 3, {}, {}}, with({{"delta.constraints.positive", "a > 0"}}), plain, "checkConstraints"},
        {{1, 2, {}, {}}, {}, column(R"({"delta.invariants":"{}"})"), "invariants"},
        {{1, 4, {}, {}}, {}, column(R"({"delta.generationExpression":"b+1"})"), "generatedColumns"},
        {{1, 6, {}, {}}, {}, column(R"({"delta.identity.start":1})"), "identityColumns"},
    };
    for (const auto& c : cases) {
        const auto status = check_writable(c.protocol, c.metadata, c.schema);
        EXPECT_EQ(status.ok(), c.refused_for == nullptr) << (status ? c.refused_for : status.error().message);
        if (status) continue;
        EXPECT_NE(status.error().message.find(c.refused_for), std::string::npos) << status.error().message;
    }
}

TEST(Protocols, follow_the_schema) {
    const Schema plain{{{.name = "a", .type = Type::of(Type::Kind::timestamp)}}};
    Type list = Type::of(Type::Kind::array);
    list.fields.push_back({.name = "element", .type = Type::of(Type::Kind::timestamp_ntz)});
    const Schema naive{{{.name = "a", .type = list}}};
    EXPECT_EQ(protocol_for(plain), (Protocol{1, 2, {}, {}}));
    EXPECT_EQ(protocol_for(naive), (Protocol{3, 7, {"timestampNtz"}, {"timestampNtz"}}));
    EXPECT_EQ(upgraded_for({1, 2, {}, {}}, plain), (Protocol{1, 2, {}, {}}));
    EXPECT_EQ(upgraded_for({1, 2, {}, {}}, naive),
              (Protocol{3, 7, {"timestampNtz"}, {"appendOnly", "invariants", "timestampNtz"}}));
}

TEST(Intervals, are_read_as_spark_writes_them) {
    EXPECT_EQ(parse_interval_ms("interval 7 days"), 604'800'000);
    EXPECT_EQ(parse_interval_ms("INTERVAL 1 week 2 hours"), 612'000'000);
    EXPECT_EQ(parse_interval_ms("30 minutes"), 1'800'000);
    EXPECT_EQ(parse_interval_ms("interval"), std::nullopt);
    EXPECT_EQ(parse_interval_ms("7 parsecs"), std::nullopt);
    EXPECT_EQ(parse_interval_ms("-7 days"), std::nullopt);
}

}  // namespace
}  // namespace weir::lake
