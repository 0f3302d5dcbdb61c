// Text files as a table of DuckDB: `weir_read(handle)` gives typed columns and every record's position.
//
//   auto run = ReadRun::start(plan);                      what to read, checked
//   connection.run("CREATE TABLE t AS SELECT … FROM " + run->table() + " WHERE …");
//   run->finish(status)                                   the statement's error, if it came from here; then the report
//
// Columns: the contract's, in its order; captured columns that are not among them; `_extra` (policy keep); then
// `_file_no INTEGER`, `_source_line BIGINT`, `_record BIGINT` (meaningful only inside the statement, in weir_reject).
//
// Two functions for the WHERE of the statement that reads; both give false, so they drop the row:
//   weir_reject(handle, _record, violations VARCHAR)   files the record with its raw bytes under the violated rules
//   weir_filtered(handle, _file_no)                    counts
//
// Where columns are derived, or only the first broken rule is told, the verdict on a row is a column of its own between
// the reading and the filter: weir_verdict(text) gives its argument, and keeps DuckDB from computing it twice.
//
// They must be evaluated at most once a row, in the filter right above weir_read, and only for rows that fail:
//   WHERE CASE WHEN NOT (<declared predicate>) THEN weir_filtered(h, _file_no)
//              WHEN <rules hold> THEN true ELSE weir_reject(h, _record, '…') END
// (one CASE: DuckDB may reorder the parts of an AND). A record that is asked for after its block is gone ends the
// statement with an internal error; no record is ever filed with wrong bytes.
//
// A run is read by one scan, once: a statement that names the table twice (a CTE that is not materialized) fails.
//
// Memory: each thread holds one block (limits::block_bytes, up to a record's limit if a record needs it) and each file
// that is being read the tail of one record; rejects leave in batches.
//
// Threads: each takes the next file from the list; when none is left, it helps with a file that another one is reading.
// Reading, decompressing, hashing and cutting behind whole records happen under that file's lock, parsing does not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/plan.h"
#include "sql/database.h"

namespace weir::source {

class ReadRun {
public:
    struct Impl;  // read_run.h

    // Errors: project_invalid for a column that cannot be read, usage for options that contradict each other.
    static Result<std::unique_ptr<ReadRun>> start(ReadPlan plan);
    ~ReadRun();

    // "weir_read(7)"
    std::string table() const;
    std::int64_t handle() const;
    // Names and DuckDB types of the table's columns.
    const std::vector<sql::Column>& columns() const;
    const Progress& progress() const;

    // Gives the statement's status, with the error that was met while reading in place of DuckDB's wording of it. Hands
    // the last rejects to the sink. Fails with accounting_mismatch if a file's records do not add up.
    Status finish(Status statement);
    // In the order of the plan's files (for records: one per file_no, in their order). Valid after finish().
    const std::vector<FileReport>& report() const;

private:
    ReadRun();
    std::shared_ptr<Impl> impl_;
};

// Registers weir_read, weir_reject and weir_filtered with the connection's database.
Status register_functions(sql::Connection& connection);

// For those who decide on the messages of a topic in their order, on the threads of the statement that reads them:
// comes back when every block that was handed out before that of `_record` was decided on, given back or out of reach.
// To wait only saves work: whoever needs the order must look at it. Files are read in no order, and nobody waits for
// them.
void await_turn(std::int64_t handle, std::int64_t record);
// The block of `_record` is decided on.
void end_turn(std::int64_t handle, std::int64_t record);

}  // namespace weir::source
