#include "sql/spill_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace weir::sql {
namespace {

class SpillFolderTest : public testing::Test {
protected:
    SpillFolderTest() { fs::remove_all(root); }
    ~SpillFolderTest() override { fs::remove_all(root); }
    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(root), fs::directory_iterator()));
    }
    const fs::path root = fs::temp_directory_path() / ("weir-spill-" + std::to_string(::getpid())) / "tmp";
};

TEST_F(SpillFolderTest, two_owners_have_two_folders_that_go_with_them) {
    {
        const auto first = SpillFolder::make(root);
        const auto second = SpillFolder::make(root);
        ASSERT_TRUE(first.ok() && second.ok());
        EXPECT_NE(first->path(), second->path());
        std::ofstream(first->path() / "spilled") << "x";
        EXPECT_EQ(entries(), 2u);
    }
    EXPECT_EQ(entries(), 0u);
}

TEST_F(SpillFolderTest, what_a_dead_process_left_is_removed_and_what_a_living_one_has_stays) {
    const auto living = SpillFolder::make(root);
    ASSERT_TRUE(living.ok());
    const auto child = ::fork();
    if (child == 0) {
        const auto left = SpillFolder::make(root);
        if (left) std::ofstream(left->path() / "spilled") << "x";
        ::_exit(left ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    EXPECT_EQ(entries(), 2u);
    const auto next = SpillFolder::make(root);
    ASSERT_TRUE(next.ok());
    EXPECT_EQ(entries(), 2u);
    EXPECT_TRUE(fs::exists(living->path()));
    EXPECT_TRUE(fs::exists(next->path()));
}

TEST_F(SpillFolderTest, a_place_that_cannot_be_made_is_named) {
    fs::create_directories(root.parent_path());
    std::ofstream(root) << "a file";
    const auto made = SpillFolder::make(root);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().message.find(root.string()), std::string::npos);
}

}  // namespace
}  // namespace weir::sql
