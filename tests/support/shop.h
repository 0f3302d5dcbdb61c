// A project of one source, made to be broken: `t`, files in in/, a contract of three columns.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/process.h"

namespace weir::test {

// The project's directory is `project`, the lake's is project/lake.
class Shop : public testing::Test {
protected:
    Shop();

    // Of one contract: its columns and what else stands in it, as YAML lines.
    struct Terms {
        std::vector<std::string> columns{"{name: id, logicalType: integer, required: true}",
                                         "{name: name, logicalType: string}", "{name: amount, logicalType: number}"};
        std::string quarantine_limit = "100";
        std::string custom{};   // more of customProperties
        std::string quality{};  // the table's quality
    };
    void contract(const Terms& terms);
    void source(const std::string& files, const std::string& more = "");
    void view(const std::string& name, const std::string& select);
    void put(const std::string& file, const std::string& content) { write(project / file, content); }

    Finished weir_with(std::vector<std::string> words) const;
    Finished run_all(std::vector<std::string> more = {}) const;
    // A run that must end well.
    void run_ok(std::vector<std::string> more = {}) const;
    // A run that must end with this exit code and say all of this.
    void run_fails(int exit_code, const std::vector<std::string>& said, std::vector<std::string> more = {}) const;
    // The rows of a statement as CSV, without the header.
    std::string sql(const std::string& statement) const;
    // "read accepted duplicate quarantined filtered" over all intakes; checks that they add up, for each intake and
    // with the rows of the table and of weir.quarantine.
    std::string accounts() const;
    // "line column rule" of every row in quarantine, one a line.
    std::string rejects() const;

    Scratch scratch;
    const std::filesystem::path project;
};

// "id,name,amount" and rows begin … begin + count - 1.
inline const std::string header = "id,name,amount\n";
std::string rows(int count, int begin = 0);

std::string gzip(const std::string& content);
std::string zstd(const std::string& content);

}  // namespace weir::test
