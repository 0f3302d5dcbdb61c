#include "serve/settled_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace weir::serve {
namespace {

namespace fs = std::filesystem;

class Settled : public ::testing::Test {
protected:
    Settled() { fs::create_directories(folder); }
    ~Settled() override { fs::remove_all(folder); }
    void put(const fs::path& file, const std::string& text) const { std::ofstream(file) << text; }
    const fs::path folder = fs::temp_directory_path() / ("weir-settled-" + std::to_string(::getpid()));
    const fs::path a = folder / "a", b = folder / "b";
};

TEST_F(Settled, files_are_told_of_when_they_changed_and_stayed) {
    put(a, "1");
    SettledFiles files({a, b});
    EXPECT_FALSE(files.changed({a, b}));
    put(a, "12");
    EXPECT_FALSE(files.changed({a, b})) << "it may be half of it";
    put(a, "123");
    EXPECT_FALSE(files.changed({a, b}));
    EXPECT_TRUE(files.changed({a, b}));
    EXPECT_TRUE(files.changed({a, b})) << "until it is taken";
    files.take({a, b});
    EXPECT_FALSE(files.changed({a, b}));
    // One that comes, and one that goes.
    put(b, "1");
    EXPECT_FALSE(files.changed({a, b}));
    EXPECT_TRUE(files.changed({a, b}));
    files.take({a, b});
    fs::remove(b);
    EXPECT_FALSE(files.changed({a, b}));
    EXPECT_TRUE(files.changed({a, b}));
}

TEST_F(Settled, what_changes_while_it_is_read_is_a_change) {
    put(a, "1");
    SettledFiles files({a});
    put(a, "12");
    EXPECT_FALSE(files.changed({a}));
    EXPECT_TRUE(files.changed({a}));
    put(a, "123");
    files.take({a, b});
    EXPECT_FALSE(files.changed({a, b}));
    EXPECT_TRUE(files.changed({a, b}));
}

}  // namespace
}  // namespace weir::serve
