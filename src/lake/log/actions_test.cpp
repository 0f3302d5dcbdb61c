#include "lake/log/actions.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

Action parsed(std::string_view line) {
    auto action = parse_action(line);
    if (!action || !*action) throw std::runtime_error("no action in " + std::string(line));
    return std::move(**action);
}

TEST(Actions, come_back_as_they_were_printed) {
    AddFile add{.path = "p=1/a%20b.parquet", .size_bytes = 7, .modified_ms = 8, .data_change = false};
    add.partition_values = {{"p", "1"}, {"q", std::nullopt}};
    add.stats = R"({"numRecords":1})";
    add.tags = std::map<std::string, std::string>{{"k", "v\n\"\\"}};
    add.deletion_vector = DeletionVectorRef{"u", "abc", 1, 34, 5};
    add.base_row_id = 3;
    add.default_row_commit_version = 4;
    add.clustering_provider = "liquid";
    RemoveFile remove = remove_of(add, 99, true);
    Metadata metadata{.id = "id", .name = "n", .description = "d", .schema_text = "{}"};
    metadata.partition_columns = {"p"};
    metadata.configuration = {{"delta.appendOnly", "true"}, {"unknown.key", "kept"}};
    metadata.created_ms = 5;
    const std::vector<Action> actions{
        Protocol{1, 2, {}, {}},
        Protocol{3, 7, {"deletionVectors"}, {"deletionVectors", "invariants"}},
        metadata,
        add,
        remove,
        SetTransaction{"app", 12, 13},
        SetTransaction{"app", 9007199254740993, std::nullopt},
        DomainMetadata{"delta.x", "{\"a\":1}", true},
    };
    for (const auto& action : actions) EXPECT_EQ(parsed(print_action(action)), action) << print_action(action);
}

TEST(Actions, unknown_ones_and_unknown_fields_are_passed_over) {
    EXPECT_EQ(*parse_action(R"({"cdc":{"path":"x"}})"), std::nullopt);
    EXPECT_EQ(*parse_action(R"({"somethingNew":[1]})"), std::nullopt);
    EXPECT_EQ(*parse_action("{}"), std::nullopt);
    const auto txn = std::get<SetTransaction>(
        parsed(R"({"txn":{"appId":"a","version":1,"novelty":{"x":[123456789012345678901234567890]}}})"));
    EXPECT_EQ(txn.version, 1);
}

TEST(Actions, commit_info_is_kept_whole) {
    const auto info = std::get<CommitInfo>(parsed(
        R"({"commitInfo":{"timestamp":5,"operation":"WRITE","txnId":"t","weir":{"rows":3},"isBlindAppend":true}})"));
    EXPECT_EQ(info.timestamp_ms, 5);
    EXPECT_EQ(info.operation, "WRITE");
    EXPECT_EQ(info.blind_append, true);
    EXPECT_NE(info.text.find(R"("weir":{"rows":3})"), std::string::npos);
}

TEST(Actions, damage_is_told_with_its_place) {
    struct Case {
        const char* line;
        const char* what;
    };
    const Case cases[] = {
        {R"({"add":{"path":"x","siz)", "not valid JSON"},
        {"[1]", "not a JSON object"},
        {R"({"add":[]})", "add that is not an object"},
        {R"({"add":{"size":1}})", "add.path is missing"},
        {R"({"add":{"path":"x","size":"big"}})", "add.size is not an integer"},
        {R"({"add":{"path":"x","size":1,"partitionValues":{"p":1}}})", "partitionValues"},
        {R"({"txn":{"appId":"a","version":18446744073709551615}})", "too large"},
        {R"({"metaData":{"id":"x"}})", "schemaString is missing"},
        {R"({"metaData":{"schemaString":"{}","format":{"provider":"orc"}}})", "not parquet"},
    };
    for (const auto& c : cases) {
        const auto commit = parse_commit(std::string("{}\n\n") + c.line + "\n", "/t/_delta_log/7.json");
        ASSERT_FALSE(commit) << c.line;
        EXPECT_EQ(commit.error().code, ErrorCode::table_damaged);
        EXPECT_NE(commit.error().message.find("/t/_delta_log/7.json:3:"), std::string::npos) << commit.error().message;
        EXPECT_NE(commit.error().message.find(c.what), std::string::npos) << commit.error().message;
    }
}

TEST(FileKeys, compare_paths_decoded_and_vectors_by_id) {
    EXPECT_EQ(file_key("a%20b", {}), file_key("a b", {}));
    EXPECT_EQ(file_key("file:///a/b", {}), file_key("/a/b", {}));
    EXPECT_NE(file_key("a", {}), file_key("a", DeletionVectorRef{"u", "x", 1, 1, 1}));
    EXPECT_NE(file_key("a", DeletionVectorRef{"u", "x", 2, 1, 1}), file_key("a", DeletionVectorRef{"u", "x", 1, 1, 1}));
}

}  // namespace
}  // namespace weir::lake
