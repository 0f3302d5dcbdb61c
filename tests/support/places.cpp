#include "support/places.h"

#include <cstdlib>

namespace weir::test {

namespace fs = std::filesystem;

fs::path source_folder() { return WEIR_SOURCE_DIR; }

fs::path data_folder() {
    const char* set = std::getenv("WEIR_TEST_DATA");
    const bool given = set != nullptr && *set != '\0';
    const fs::path folder = given ? fs::path(set) : source_folder().parent_path() / "shared" / "data";
    return fs::is_directory(folder) ? folder : fs::path();
}

}  // namespace weir::test
