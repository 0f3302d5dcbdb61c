// The statement that reads a source's files: accepted rows go where the caller says, broken ones into the reject table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "contract/rules.h"
#include "orchestrate/intake/source_plan.h"
#include "source/reader.h"
#include "source/topic/stretch.h"

namespace weir::orchestrate {

// Something to read FROM, once, with the contract's columns, `_extra` where it is kept, `_file_no` and `_source_line`.
struct AcceptedRows {
    std::string relation;
    std::optional<std::int64_t> run{};  // the handle of the reader's run, which gives `_record` too
};
// Runs one statement that consumes the rows.
using WriteAccepted = std::function<Status(const AcceptedRows& rows)>;

// Reads every file of the plan; file numbers are places in plan.take, whose paths and days stand in table weir_taken.
// Broken records go to the reject table `rejects`, which is made anew where there are some. The reports come in the
// order of the plan.
Result<std::vector<source::FileReport>> read_files(const Workplace& at, sql::Connection& connection,
                                                   const SourcePlan& plan, const std::string& rejects,
                                                   const WriteAccepted& write_accepted);

// The same for messages of a topic. A file_no is a place in `stretch.parts`.
Result<std::vector<source::FileReport>> read_messages(const Workplace& at, sql::Connection& connection,
                                                      const declare::Source& source, const declare::Contract& contract,
                                                      const source::Stretch& stretch, const std::string& rejects,
                                                      const WriteAccepted& write_accepted);

// The same for records that were rejected before. The reports come by file_no.
Result<std::vector<source::FileReport>> read_records(const Workplace& at, sql::Connection& connection,
                                                     const declare::Source& source, const declare::Contract& contract,
                                                     std::vector<source::RecordToTake> records,
                                                     std::vector<source::CaptureColumn> captures,
                                                     const std::string& rejects, const WriteAccepted& write_accepted);

// Records that were rejected, in all.
std::int64_t quarantined(const std::vector<source::FileReport>& reports);

inline constexpr const char* reports_table = "weir_reports";
// The reports as table weir_reports: file_no, size, mtime_ns, sha256, records, lines, quarantined, header.
Status list_reports(sql::Connection& connection, const std::vector<source::FileReport>& reports);

}  // namespace weir::orchestrate
