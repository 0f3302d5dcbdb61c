#include "lake/write/conflict.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

AddFile add(std::string path, std::string partition = "1", bool data_change = true) {
    AddFile file{.path = std::move(path), .data_change = data_change};
    file.partition_values = {{"p", std::move(partition)}};
    return file;
}
RemoveFile gone(std::string path, std::string partition = "1", bool data_change = true) {
    return remove_of(add(std::move(path), std::move(partition)), 0, data_change);
}
CommitInfo blind() {
    CommitInfo info;
    info.blind_append = true;
    return info;
}

const ReadSet nothing{};
const ReadSet everything{.whole_table = true};
const ReadSet partition_1{.partitions = {{{"p", "1"}}}};
const ReadSet file_a{.files = {"a"}};
const ReadSet app_x{.app_ids = {"x"}};

TEST(Conflicts, follow_the_table) {
    using enum ConflictRule;
    using enum Isolation;
    struct Case {
        const char* what;
        ReadSet reads;
        std::vector<Action> ours;
        std::vector<Action> winner;
        std::optional<ConflictRule> expected;
        Isolation isolation = serializable;
        bool by_scope = false;
    };
    const Metadata metadata{.id = "m"};
    const Protocol old_protocol{1, 2, {}, {}};
    const Protocol newer{1, 7, {}, {"domainMetadata"}};
    const Case cases[] = {
        {"two appends", nothing, {add("b")}, {blind(), add("c")}, {}},
        {"append beside an overwrite", nothing, {add("b")}, {gone("a"), add("c")}, {}},
        {"append beside optimize", nothing, {add("b")}, {gone("a", "1", false), add("c", "1", false)}, {}},
        {"the protocol grew", nothing, {add("b")}, {newer}, {}},
        {"both change the protocol", nothing, {newer}, {newer}, protocol_changed},
        {"the protocol shrank", nothing, {add("b")}, {Protocol{1, 1, {}, {}}}, protocol_changed},
        {"the schema changed", nothing, {add("b")}, {metadata}, metadata_changed},
        {"both touch a domain",
         nothing,
         {DomainMetadata{"d", "", false}},
         {DomainMetadata{"d", "", true}},
         domain_changed},
        {"different domains", nothing, {DomainMetadata{"d", "", false}}, {DomainMetadata{"e", "", false}}, {}},
        {"the same application", nothing, {SetTransaction{"x", 2, {}}}, {SetTransaction{"x", 1, {}}}, transaction},
        {"an application that we read", app_x, {add("b")}, {SetTransaction{"x", 1, {}}}, transaction},
        {"another application", app_x, {SetTransaction{"x", 2, {}}}, {SetTransaction{"y", 1, {}}}, {}},
        {"overwrite, and rows came", everything, {gone("a"), add("b")}, {blind(), add("c")}, concurrent_append},
        {"overwrite of a partition, rows came to it", partition_1, {gone("a")}, {add("c", "1")}, concurrent_append},
        {"overwrite of a partition, rows came elsewhere", partition_1, {gone("a")}, {add("c", "2")}, {}},
        {"write-serializable lets blind appends in",
         everything,
         {gone("a")},
         {blind(), add("c")},
         {},
         write_serializable},
        {"but not other adds", everything, {gone("a")}, {add("c")}, concurrent_append, write_serializable},
        {"nor when we change metadata",
         everything,
         {metadata},
         {blind(), add("c")},
         concurrent_append,
         write_serializable},
        {"a file that we read is gone", file_a, {add("b")}, {gone("a")}, concurrent_delete_read},
        {"another file is gone", file_a, {add("b")}, {gone("z")}, {}},
        {"we read all and something is gone", everything, {add("b")}, {gone("z")}, concurrent_delete_read},
        {"a file of our partition is gone", partition_1, {add("b")}, {gone("z", "1")}, concurrent_delete_read},
        {"both remove a file", nothing, {gone("a")}, {gone("a")}, concurrent_delete_delete},
        {"both remove it, spelled differently", nothing, {gone("a%20b")}, {gone("a b")}, concurrent_delete_delete},
        {"optimize beside appends",
         file_a,
         {gone("a", "1", false), add("b", "1", false)},
         {blind(), add("c")},
         {},
         snapshot},
        {"two optimizes", file_a, {gone("a", "1", false)}, {gone("a", "1", false)}, concurrent_delete_delete, snapshot},
        {"optimize after a delete", file_a, {gone("a", "1", false)}, {gone("a")}, concurrent_delete_delete, snapshot},
        {"overwrite after optimize",
         everything,
         {gone("a")},
         {gone("a", "1", false), add("c", "1", false)},
         {},
         serializable,
         true},
        {"overwrite after a delete",
         everything,
         {gone("a")},
         {gone("a"), add("c", "1", false)},
         concurrent_delete_delete,
         snapshot,
         true},
        {"overwrite after optimize and an append",
         everything,
         {gone("a")},
         {gone("a", "1", false), add("c")},
         concurrent_append,
         serializable,
         true},
    };
    for (const auto& c : cases) {
        const auto conflict = find_conflict({.read_protocol = old_protocol,
                                             .reads = c.reads,
                                             .actions = &c.ours,
                                             .isolation = c.isolation,
                                             .removes_by_scope = c.by_scope},
                                            c.winner);
        ASSERT_EQ(conflict.has_value(), c.expected.has_value()) << c.what << (conflict ? ": " + conflict->message : "");
        if (!conflict) continue;
        EXPECT_EQ(to_string(conflict->rule), to_string(*c.expected)) << c.what;
    }
}

TEST(Conflicts, null_and_empty_partition_values_are_one) {
    EXPECT_TRUE(lies_in({{"p", std::nullopt}}, {{"p", ""}}));
    EXPECT_TRUE(lies_in({}, {{"p", std::nullopt}}));
    EXPECT_FALSE(lies_in({{"p", "1"}}, {{"p", std::nullopt}}));
    EXPECT_TRUE(lies_in({{"p", "1"}, {"q", "2"}}, {{"q", "2"}}));
}

}  // namespace
}  // namespace weir::lake
