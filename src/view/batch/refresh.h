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

// Whether both have the same names and types, in this order.
bool same_columns(const std::vector<sql::Column>& a, const std::vector<sql::Column>& b);

// What a stored result was computed from. Kept as text beside it; where it is lost, the whole is computed.
struct Basis {
    std::string text;  // a hash of all texts that decide the result
    std::string end;   // of the interval
    // Of all that finish reads: position_of() for states and event tables, a hash of the visible files for others.
    std::map<std::string, std::string> positions;
    std::string result;  // position of the view's table after it was written
};
std::string to_string(const Basis& basis);
std::optional<Basis> parse_basis(const std::string& text);

// "<table id>:<version>".
std::string position_of(const lake::Snapshot& snapshot);

// A relation that finish reads, as it is now.
struct Source {
    lake::Table table;
    std::optional<lake::Snapshot> snapshot;  // nothing: part of it is not in the lake
    std::string columns;                     // what finish sees, as a list over the table's columns
    std::string relation;                    // what finish sees, all of it
    std::string day_column;
};

struct StoredResult {
    const lake::Table& table;  // the view's
    const Basis& then;
    const Basis& now;
    const std::map<std::string, Source>& sources;  // the states and event tables
};

// Makes the new result a temporary table `view` of the connection and gives the number of touched keys. Nothing: the
// old result cannot be gone on from, or too much of it is touched. Afterwards the sources' names stand for their
// touched rows only.
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
