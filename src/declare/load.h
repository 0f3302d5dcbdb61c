// From a project directory to a Project, or to every problem in it at once.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "declare/project.h"

namespace weir::declare {

struct LoadOptions {
    std::filesystem::path directory = ".";
    std::map<std::string, std::string> params;  // --param NAME=VALUE
    std::string lake;                           // --lake; empty: the project's
    std::string kafka_brokers;                  // --kafka; empty: the project's
    std::string environment;                    // --env; empty: variable ENVIRONMENT, else dev
};

struct Loaded {
    Project project;              // whole only if `problems` is empty
    std::vector<Error> problems;  // sorted by file, line, column
    std::vector<Error> warnings;  // do not stop a run
};

// Never stops at the first problem. Reads every file, resolves references and parameters, parses and binds all SQL.
Loaded load(const LoadOptions& options);

}  // namespace weir::declare
