// From records to one commit, whatever they come from: read, accounted for, judged, landed.
//
//   read     the accepted rows are staged as data files of the source's table, of each key the first row that never
//            landed before (first_rows.h); broken ones are filed
//   account  read = accepted + duplicate + quarantined + filtered, per arrival day; accepted from the staged files
//   judge    thresholds of the contract
//   land     landing.h
//
// Whatever fails before the last step leaves nothing behind. Whoever lands into a table at the same time, in another
// process, waits (landing_turn.h) or is in conflict: the epoch's txn lets one of them through.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/row_counts.h"
#include "observe/event_delay.h"
#include "observe/read_partitions.h"
#include "orchestrate/intake/landing.h"
#include "orchestrate/intake/reading.h"

namespace weir::orchestrate {

struct Taken : RowCounts {
    observe::EventDelays delays;  // of the accepted rows, where the job asks for them
    std::int64_t epoch = 0;
    std::int64_t version = -1;  // of the source's table; -1: nothing was committed
    std::int64_t files = 0;
    std::vector<std::string> warnings;  // promises of severity warning or info that were missed
};

// A file that records come from; its place in the list is its file_no.
struct RecordFile {
    std::string path;
    Day arrival;
};

// Names of the tables on the way, all of the running DuckDB.
inline constexpr const char* taken_table = "weir_taken";      // file_no INTEGER, path VARCHAR, arrival DATE
inline constexpr const char* rejects_table = "weir_rejects";  // contract/reject_table.h; only where there are rejects

// What distinguishes an intake of files from a replay of quarantined rows.
struct LandingJob {
    const declare::Source& source;
    const declare::Contract& contract;
    std::string app;   // intake_app() or replay_app()
    std::string kind;  // as weir.accounting has it
    std::vector<RecordFile> files;
    std::optional<std::int64_t> rows{};  // how many they have, where that is known
    std::set<std::string> replaces{};    // rows that came from these paths before leave the table
    bool judged = true;                  // whether thresholds apply
    // The quarantine's threshold looks at these records too, which were read before, and at no fewer than so many.
    struct Recent {
        std::int64_t read = 0, quarantined = 0, least = 0;
    };
    Recent recent{};
    // What makes the lines of a path the numbers of their records, where the source has a sequence.
    struct NumberedPart {
        std::string path;
        std::int64_t base = 0;
    };
    struct Placement {
        std::vector<NumberedPart> numbered;  // empty: files are numbered by weir.files
        std::vector<std::pair<std::string, std::int64_t>>
            positions;  // txn app ids and versions, committed with the rows
    };
    // Decides on the snapshot that the landing rests on; an error gives the landing up. None: nothing to say.
    std::function<Result<Placement>(const lake::Snapshot&)> place{};
    // Runs the reading statement; broken records go to rejects_table.
    std::function<Result<std::vector<source::FileReport>>(sql::Connection&, const WriteAccepted&)> read;
    // Says what the other system tables take, but for weir.accounting.
    using Reports = std::vector<source::FileReport>;  // what was read, by file_no
    std::function<Status(sql::Connection&, const Reports&, FollowUps&)> follow;
    // Called as soon as the rows are in the table, before the other tables have theirs.
    std::function<void(const Taken&)> landed{};
    bool delays = false;          // how late events came is counted, where the source has an event time
    bool followed_later = false;  // somebody else calls complete_follow_ups(), soon
    // Of a topic: what was known of its partitions before these records; by the paths that their records have.
    observe::ReadPartitions partitions{};
};

// The source's table with the columns that its contract has today; it is created where it does not exist.
Result<lake::Table> landing_table(const Workplace& at, const declare::Source& source,
                                  const declare::Contract& contract);

// One landing of a table at a time, also of other processes: the others wait for their turn.
// Fails with contract_violated (naming the threshold, and the first broken records), accounting_mismatch, and whatever
// reading and writing meet.
Result<Taken> land_checked(const Workplace& at, const LandingJob& job, const std::string& run_id);

}  // namespace weir::orchestrate
