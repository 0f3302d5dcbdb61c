// A project in which every kind of problem appears, against the text that a user sees.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "declare/load.h"
#include "support/places.h"

namespace weir::declare {
namespace {

std::string told(const std::vector<Error>& errors, const std::string& root) {
    std::string text;
    for (const auto& error : errors) {
        auto line = to_string(error);
        for (auto at = line.find(root); at != std::string::npos; at = line.find(root)) line.erase(at, root.size());
        text += line + "\n";
    }
    return text;
}

// WEIR_UPDATE_GOLDEN=1 writes the expected text anew: read the difference before keeping it.
TEST(Errors, every_problem_is_told_at_once_with_its_place) {
    const fs::path directory = test::source_folder() / "src/declare/testdata/errors";
    const auto golden = directory.parent_path() / "errors.expected.txt";
    const auto loaded = load({.directory = directory, .params = {{"nosuch", "1"}}, .environment = "prod"});
    const auto root = directory.string() + "/";
    const auto text = told(loaded.problems, root) + "\nwarnings:\n" + told(loaded.warnings, root);
    if (std::getenv("WEIR_UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << text;
    const auto expected = read_file(golden, 1 << 20);
    ASSERT_TRUE(expected) << to_string(expected.error());
    EXPECT_EQ(text, *expected);
    EXPECT_EQ(text.find("my-secret-key"), std::string::npos);
}

}  // namespace
}  // namespace weir::declare
