// `weir new`: a project from a shipped one, or around somebody's own CSV file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::declare {

struct ScaffoldOptions {
    std::filesystem::path directory;  // made if absent; must be empty
    std::string from;                 // a name of scaffold_templates(); empty: "empty"
    std::filesystem::path csv;        // a CSV file: a source and a contract are written for it; only with "empty"
};

struct Scaffolded {
    std::string name;                // the project's, from the directory's name
    std::vector<std::string> files;  // written, relative to the directory
};

// "empty" and the names of the shipped projects.
std::vector<std::string> scaffold_templates();

// Writes the files. The result passes `weir check` at once. From a CSV file only its dialect, the names of its columns
// and their types are taken, never a value.
Result<Scaffolded> scaffold(const ScaffoldOptions& options);

}  // namespace weir::declare
