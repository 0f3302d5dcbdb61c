// A test's rows as the bytes of files, record by record, so that any part of them can be written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/test_file.h"

namespace weir::orchestrate::trial {

// Rows as a source's files would hold them. Fails with the row's place where the format cannot hold it.
struct Records {
    std::string header;  // before the first record
    std::vector<std::string> records;
};
Result<Records> records_of(const declare::Project& project, const declare::TestArrival& arrival);

// Splits the text of a CSV file after its skipped lines and its header.
Records split_csv(const std::string& text, const declare::CsvOptions& options);

class Input {
public:
    static Result<Input> of(const declare::Project& project, const declare::TestCase& test);

    // How many records there are after each arrival.
    const std::vector<std::size_t>& arrival_ends() const { return ends_; }
    // The sources that the first `count` records belong to: those that have files by then.
    std::vector<std::string> sources(std::size_t count) const;
    // Writes the records from..to (excluded) below `folder`: as new files, and at the end of those that are begun.
    Status write(const std::filesystem::path& folder, std::size_t from, std::size_t to) const;
    // What a source's `files` must say to find them.
    static std::string files(const std::filesystem::path& folder, const std::string& source);

private:
    struct File {
        std::string source, day, name;
        Records content;
        bool array = false;          // a JSON array, which cannot grow
        std::filesystem::path copy;  // instead of content: one record
    };
    std::vector<File> files_;
    std::vector<std::size_t> ends_;
};

}  // namespace weir::orchestrate::trial
