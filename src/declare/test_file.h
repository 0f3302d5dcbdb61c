// tests/*.test.yaml: rows in, rows out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "declare/load.h"
#include "declare/yaml.h"
#include "model/part_fact.h"

namespace weir::declare {

// What comes in for one source on one day. Exactly one of rows, text and path holds it.
struct TestArrival {
    std::string source;
    Where where;
    std::string day;             // "2024-03-01"
    std::vector<YamlNode> rows;  // maps, the source's defaults filled in
    std::string text;            // in the source's own format
    std::filesystem::path path;  // of a file
};

struct ExpectedRows {
    std::string relation;  // a view, history.VIEW, or the table of a source
    Where where;
    bool ordered = false;
    std::vector<std::string> columns;  // the compared ones; each row names all of them
    std::vector<YamlNode> rows;        // maps
};

// Rows in quarantine; what is not given is not compared.
struct ExpectedReject {
    Where where;
    std::string rule;
    std::optional<std::string> column;
    std::optional<std::int64_t> line;
    std::int64_t count = 1;
};

struct ExpectedSource {
    std::string source;
    Where where;
    std::optional<std::int64_t> accepted, duplicate, filtered, rejected;
    std::optional<std::vector<ExpectedReject>> rejects;
    std::optional<std::string> refused;  // the intake fails, and says so
};

// Instances of an alert in one state, by the columns of its SELECT.
struct ExpectedInstances {
    std::string state;  // pending, firing, resolved
    ExpectedRows rows;
};

// What is known of an alert when somebody looks.
struct AlertLook {
    std::string alert;
    Where where;
    Time at{};
    std::size_t after = 0;        // how many arrivals are in by then
    std::vector<PartFact> parts;  // weir.parts at that moment
    // Of pending and firing all; resolved only where it is expected.
    std::vector<ExpectedInstances> instances;
};

struct TestCase {
    enum class Runs { cut, once, each };
    std::string name;
    std::string file;  // inside the project: tests/a.test.yaml
    Where where;
    std::map<std::string, std::string> params;
    Runs runs = Runs::cut;
    std::vector<TestArrival> arrivals;  // in the order in which they arrive
    std::vector<ExpectedRows> rows;
    std::vector<ExpectedSource> sources;
    std::vector<AlertLook> looks;  // in the order in which they are made

    // Quarantine limits and rules over whole intakes hold only where a refusal is expected.
    bool expects_refusal() const;
};

struct LoadedTests {
    std::vector<TestCase> tests;  // whole only if `problems` is empty
    std::vector<Error> problems, warnings;
};

// All tests of a project that was loaded without problems, by file and place.
LoadedTests load_tests(const LoadOptions& options, const Project& project);

}  // namespace weir::declare
