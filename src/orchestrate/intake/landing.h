// One commit a source, and what follows from it.
//
//   staged ──► landed ──► followed
//                 │           ▲
//                 └── crash ──┘  complete_follow_ups(), by whoever comes next
//
//   staged    the accepted rows as data files that no log names; rows for weir.quarantine, weir.files and
//             weir.accounting as data files too, or as text where they are few
//   landed    land(): ONE commit of the source's table, with its rows, the epoch as txn, and in its commitInfo what the
//             other tables take from it. The only step that decides.
//   followed  complete_follow_ups(): each other table takes, in one commit, what all landings since its last one have
//             for it; accounting last
//
// (1) What is not landed did not happen: its staged files are removed, and ignored if that fails.
// (2) What is landed will be followed: the landing commit itself says with what.
// (3) txn lets every table take an epoch once, however often, and by however many at a time, step two is tried.
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

// What other tables take from a landing.
class FollowUps {
public:
    // The epoch is one of `app`. References outlive it.
    FollowUps(const Workplace& at, sql::Connection& connection, std::string app, std::int64_t epoch)
        : at_(at), connection_(connection), app_(std::move(app)), epoch_(epoch) {}

    // Once a system table ("quarantine"): the rows of a query that has all of its columns.
    Status stage(const std::string& system_table, const std::string& select_sql);
    // Once a system table: rows, as JSON objects that have all of its columns.
    Status add(const std::string& system_table, const std::vector<std::string>& rows);

    const std::string& app() const { return app_; }
    std::int64_t epoch() const { return epoch_; }
    // JSON for the landing's commitInfo.
    std::string to_json(const std::string& run_id) const;
    // Once a log names, or may name, the staged files.
    void keep_files();

private:
    const Workplace& at_;
    sql::Connection& connection_;
    std::string app_;
    std::int64_t epoch_;
    std::map<std::string, lake::Transaction> staged_;               // by table ("weir/quarantine")
    std::map<std::string, std::vector<std::string>> carried_rows_;  // the same
};

// Lands the transaction under the epoch of its follow-ups, which nobody has completed yet afterwards. Returns the
// landed version. Fails with table_conflict if somebody else's commit stands in the way, io_failed if the answer got
// lost: the next run finds out.
Result<std::int64_t> land(const Workplace& at, lake::Transaction landing, FollowUps follow_ups,
                          const std::string& run_id);

// Commits to the other tables what the landings of `app` in `table` have for them and they do not have yet. Several
// threads and processes may do so at a time. Fails with table_damaged if the accounts know of more landings than the
// table (commits of it were lost, or the source's table was exchanged), or if a landing is not in its log any more.
Status complete_follow_ups(const Workplace& at, const std::string& table, const std::string& app);

// What landings have named and nobody has followed yet. Vacuum must leave it alone.
struct OpenLandings {
    std::map<std::string, lake::TableVersion> tables;    // whose commits say what follows, from which on
    std::map<std::string, std::set<std::string>> files;  // by system table ("weir/accounting"): paths in it
};
Result<OpenLandings> open_landings(const lake::Lake& lake);

}  // namespace weir::orchestrate
