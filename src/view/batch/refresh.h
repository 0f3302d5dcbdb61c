// A stored result brought up to date instead of computed again: by its touched keys (split/touched.h), or, where rows
// come from one event each, by the rows of the new events.
#pragma once

#include "lake/lake.h"
#include "lake/log/changes.h"
#include "model/interval.h"
#include "view/split/split.h"

namespace weir::view {

// Whether a table had rows of this day or later before the changes came; `day`: 2024-03-01.
Result<bool> had_rows_from(const lake::Snapshot& now, const lake::Changes& changes, const std::string& day_column,
                           const std::string& day);

// The rows of a stored result with the names and types that `select` gives, as a relation. Nothing: they were stored
// with others.
Result<std::optional<std::string>> stored_rows(sql::Connection& connection, const std::string& stored,
                                               const std::string& select);

// Where there are more touched keys than one in so many rows of the old result, computing the whole costs less.
inline constexpr std::int64_t touched_share = 4;

// What a stored result was computed from. Kept as text beside it; where it is lost, the whole is computed.
struct Basis {
    std::string text;  // a hash of all texts that decide the result
    std::string end;   // of the interval
    // Of all that finish reads: position_of() for states, event tables and results, a hash of the visible files for
    // others.
    std::map<std::string, std::string> positions;
    std::string result;  // position of the view's table after it was written
};
std::string to_string(const Basis& basis);
std::optional<Basis> parse_basis(const std::string& text);

// Fails with table_damaged, naming the file, where a data file is gone or has not the size that it was written with;
// nothing is read.
Status expect_files(const lake::Table& table, const lake::Snapshot& snapshot);

// "<table id>:<version>".
std::string position_of(const lake::Snapshot& snapshot);

// A relation that finish reads, as it is now.
struct Source {
    lake::Table table;
    std::optional<lake::Snapshot> snapshot;  // nothing: none of it is in the lake
    std::string newer{};                     // what finish sees of it that is not in the lake; empty: nothing
    std::string columns;                     // what finish sees, as a list over the table's columns
    std::string relation;                    // what finish sees, all of it
    std::string day_column;
};

// Makes the keys of new rows the temporary table touched_relation and the sources' names stand for their rows with
// these keys. Gives how many there are.
struct GrownSource {
    std::string relation, new_rows;  // what finish sees of it: all, and what is new of that
};
Result<std::int64_t> touch(sql::Connection& connection, const TouchedKeys& keys,
                           const std::map<std::string, GrownSource>& sources);

// The result of another view that finish reads, as it is now.
struct ReadResult {
    std::string relation{};  // all of it
    // Where it was brought up to date by its touched keys: the position of the stored result that it was made from, and
    // its rows with these keys, as they were and as they are.
    std::string gone_on_from{}, changed{};
};

struct StoredResult {
    const lake::Table& table;  // the view's
    const Basis& then;
    const Basis& now;
    const std::map<std::string, Source>& sources;      // the states and event tables
    const std::map<std::string, ReadResult>& results;  // of other views
    std::string changed{};  // the temporary table that gets the rows with touched keys, old and new; empty: none
};

// Makes the new result a temporary table `view` of the connection and gives the number of touched keys. Nothing: the
// old result cannot be gone on from, or too much of it is touched. Afterwards the names of sources and results stand
// for their touched rows only.
Result<std::optional<std::int64_t>> refresh(sql::Connection& connection, const std::string& view,
                                            const StoredResult& stored, const TouchedKeys& keys);

// Makes what `finish` gives for the new events a temporary table appended_rows(view), the new result a temporary view
// `view`, and gives the number of new rows. Nothing: the old result cannot be gone on from. Afterwards the sources'
// names stand for their new rows only.
Result<std::optional<std::int64_t>> append_new(sql::Connection& connection, const std::string& view,
                                               const StoredResult& stored, const std::string& finish);
// Quoted.
std::string appended_rows(const std::string& view);

}  // namespace weir::view
