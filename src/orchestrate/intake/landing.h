// One commit a source, and what follows from it.
//
//   staged ──► landed ──► followed
//                 │           ▲
//                 └── crash ──┘  complete_follow_ups(), before the next run
//
//   staged    the accepted rows, and the rows of weir.quarantine, weir.files and weir.accounting, as data files
//             that no log names
//   landed    commit_landing(): ONE commit of the source's table, with its rows, the epoch as txn, and in its
//             commitInfo the files staged for the other tables. The only step that decides.
//   followed  commit_follow_ups(): each other table commits its staged files under the same epoch; accounting last
//
// (1) What is not landed did not happen: its staged files are removed, and ignored if that fails.
// (2) What is landed will be followed: the landing commit itself says with what.
// (3) txn lets every table take an epoch once, however often step two is tried.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lake/write/transaction.h"
#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

// The txn app ids of a source: its own intakes, and the replays of its quarantined rows.
std::string intake_app(const std::string& source);
std::string replay_app(const std::string& source);

// Rows for another table, staged.
struct FollowUp {
    std::string table;  // "weir/accounting"
    lake::Transaction transaction;
};

// Stages the rows of a query for a system table (created if need be) under an epoch of `app`.
Result<FollowUp> stage_follow_up(const Workplace& at, sql::Connection& connection, const std::string& system_table,
                                 const std::string& select_sql, const std::string& app, std::int64_t epoch);

struct LandingInfo {
    std::string app;
    std::int64_t epoch = 0;
    std::string run_id;
};

// Lands the transaction and then its follow-ups, whose last one must be weir/accounting. Returns the landed version.
// Fails with table_conflict if somebody else's commit stands in the way, io_failed if the answer got lost: the next run
// finds out. An error after the landing names that the rows are in the table, and the next run completes it.
Result<std::int64_t> land(const Workplace& at, lake::Transaction landing, std::vector<FollowUp> follow_ups,
                          const LandingInfo& info);

// Commits what a crash left open behind the newest landing of `app` in `table`. Fails with table_damaged if the
// accounts know of more landings than the table: commits of it were lost, or the source's table was exchanged.
Status complete_follow_ups(const Workplace& at, const std::string& table, const std::string& app);

// What a landing has named and no run has followed yet: a crash stands between. Vacuum must leave it alone.
struct OpenLandings {
    std::set<std::string> tables;                        // whose newest commits say what follows
    std::map<std::string, std::set<std::string>> files;  // by system table ("weir/accounting"): paths in it
};
Result<OpenLandings> open_landings(const lake::Lake& lake);

}  // namespace weir::orchestrate
