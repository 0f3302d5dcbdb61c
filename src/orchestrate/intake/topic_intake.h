// A topic's messages, landed: stretch after stretch, each one commit of the source's table with the positions it
// reached. The topic lies in the embedded log or in Kafka; this file does not care which.
//
//   positions   txn actions of the source's table, one a partition: version the offset that comes next, app
//                 "weir/position/SOURCE/log:ID/TOPIC/PARTITION"          of the embedded log, ID being the topic's
//                 "weir/position/SOURCE/TOPIC/PARTITION"                 the same, of topics made before they had ids
//                 "weir/position/SOURCE/kafka:CLUSTER/TOPIC/PARTITION"   of Kafka, CLUSTER being the id of its cluster
//               They are part of the commit that holds the rows, so a restart reads them and goes on, whenever it was
//               killed.
//   sequence    the number of the records before, also as txn: "weir/sequence/SOURCE"
//
// A topic that was deleted and made again is another one. In the log its id tells, and it is told; in Kafka, as its
// offsets lie below the position. Reading begins anew where the source says so; there its positions get app ids of
// another generation, "…/PARTITION@1".
//
// Several processes may take in one topic of Kafka, each the partitions that its group gives it:
//
//   process 1  partition 0 ──► take ──► land: 0 is at 70, as it was when we began ──► commit, 0 at 90
//                 │ taken away
//   process 2     └──► reads 90 from the table ──► take …
//
// A landing rests on the snapshot in which each of its partitions is where its rows begin, and its commit is in
// conflict with whatever moved one of them since. So a process that lost a partition, and does not know yet, lands none
// of its rows; resume() goes on from where the table is.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "orchestrate/intake/checked_landing.h"
#include "source/topic/topic_reader.h"

namespace weir::orchestrate {

struct TopicIntakeOptions {
    // Poison is looked for among so many records at least, of this landing and those before. 0: of each landing alone.
    std::int64_t judged_records_min = 0;
    // A topic of Kafka is shared with the other processes of its group; else this one reads all of it.
    bool shared = false;
    // As LandingJob has them.
    std::function<void(const Taken&)> landed{};
    bool delays = false;
};

// Driven by one thread, but for take() and what topic() does.
class TopicIntake {
public:
    // Creates the source's table where it does not exist. Errors: as the reader's open.
    static Result<std::unique_ptr<TopicIntake>> open(const Workplace& at, const declare::Source& source,
                                                     TopicIntakeOptions options = {});

    source::TopicReader& topic() { return *topic_; }
    const declare::Source& source() const { return source_; }

    // What stands in the topic now, within the bounds (topic_reader.h). By one thread at a time, be it another one than
    // that which lands.
    struct Taking {
        source::Stretch stretch;
        std::map<int, std::int64_t> lags{};    // messages that wait behind it, as far as that is known
        std::map<int, Time> written{};         // its newest records, by partition
        observe::ReadPartitions partitions{};  // as LandingJob has them
    };
    Result<Taking> take(const source::StretchBounds& bounds, const source::Positions* ends = nullptr);

    // Lands what take() gave, or nothing of it; the caller calls complete_follow_ups(), soon. An empty
    // stretch is nothing to do. table_conflict: somebody else moved a partition of it; resume().
    Result<Taken> land(const Taking& taking, const std::string& run_id);
    // Reads on from where the table is. Nobody takes meanwhile, and what was taken is thrown away.
    Status resume();

private:
    TopicIntake(const Workplace& at, const declare::Source& source, const declare::Contract& contract,
                TopicIntakeOptions options)
        : at_(at), source_(source), contract_(contract), options_(std::move(options)) {}
    Result<LandingJob::Placement> place(const source::Stretch& stretch, const lake::Snapshot& snapshot);
    Error table_removed(int partition, std::int64_t position) const;
    Result<source::Positions> stored(const std::string& origin) const;
    Status follow(const source::Stretch& stretch, const LandingJob::Reports& reports, const std::string& run_id,
                  FollowUps& follow_ups) const;

    const Workplace at_;
    const declare::Source& source_;
    const declare::Contract& contract_;
    TopicIntakeOptions options_;
    std::timed_mutex landing_;  // held while a stretch lands
    bool overtaken_ = false;    // the last landing was given up because somebody else moved a partition
    LandingJob::Recent recent_;
    std::unique_ptr<source::TopicReader> topic_;
    source::Positions landed_;  // what this intake has brought the partitions to
    // Of take(): partitions in which nothing waited when they were last looked at, and those that brought something.
    std::map<int, Time> quiet_since_;
    std::set<int> begun_;
};

// What a topic has for a source, without reading it.
struct TopicBacklog {
    std::int64_t messages = 0;
    std::set<Day> days;  // as far as they are known without reading
};
Result<TopicBacklog> topic_backlog(const Workplace& at, const declare::Source& source);

// How many messages of each partition have not landed.
Result<std::map<int, std::int64_t>> topic_lags(const Workplace& at, const declare::Source& source);

// Everything that stands in the topic now, in as many landings as it takes. What came of them is added to `sum`, also
// where a later one fails.
Status drain_topic(const Workplace& at, const declare::Source& source, const std::string& run_id, Taken& sum);

}  // namespace weir::orchestrate
