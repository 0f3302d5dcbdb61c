#include "orchestrate/view_groups.h"

#include <gtest/gtest.h>

namespace weir::orchestrate {
namespace {

std::string groups_text(const std::vector<std::pair<std::string, std::vector<std::string>>>& views) {
    declare::Project project;
    for (const auto& [name, reads] : views) {
        declare::View view;
        view.name = name;
        view.reads = reads;
        project.views.push_back(std::move(view));
    }
    std::string text;
    for (const auto& group : view_groups(project)) {
        text += text.empty() ? "" : " | ";
        for (const auto* view : group) text += (view == group.front() ? "" : " ") + view->name;
    }
    return text;
}

TEST(ViewGroups, hold_views_that_read_each_other) {
    EXPECT_EQ(groups_text({}), "");
    EXPECT_EQ(groups_text({{"a", {"t"}}, {"b", {"t"}}}), "a | b");
    EXPECT_EQ(groups_text({{"a", {}}, {"b", {"a"}}, {"c", {"b"}}}), "a b c");
    EXPECT_EQ(groups_text({{"a", {}}, {"b", {}}, {"c", {"a", "b"}}, {"d", {"t"}}}), "a b c | d");
    EXPECT_EQ(groups_text({{"a", {}}, {"b", {}}, {"c", {"a"}}, {"d", {"b"}}, {"e", {"b"}}}), "b d e | a c");
    EXPECT_EQ(groups_text({{"a", {}}, {"b", {"a"}}, {"c", {}}, {"d", {"c"}}, {"e", {"b", "d"}}}), "a b c d e");
}

}  // namespace
}  // namespace weir::orchestrate
