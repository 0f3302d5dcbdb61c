// Where tests find what they read: this repository, and real data beside it.
#pragma once

#include <filesystem>

namespace weir::test {

// The root of the repository.
std::filesystem::path source_folder();

// The folder of real data (WEIR_TEST_DATA), or empty where it is not: then a test says GTEST_SKIP() << "skipped: …".
std::filesystem::path data_folder();

}  // namespace weir::test
