// A topic's messages, landed: stretch after stretch, each one commit of the source's table with the positions it
// reached.
//
//   positions   txn actions of the source's table, one a partition: app "weir/position/SOURCE/TOPIC/PARTITION", version
//               the offset that comes next. They are part of the commit that holds the rows, so a restart reads them
//               and goes on, whenever it was killed.
//   sequence    the number of the records before, also as txn: "weir/sequence/SOURCE"
//
// A topic that was deleted and made again begins anew: its positions get app ids of another generation,
// "…/PARTITION@1".
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orchestrate/intake/checked_landing.h"
#include "source/log/topic_reader.h"

namespace weir::orchestrate {

struct LogIntakeOptions {
    // Poison is looked for among so many records at least, of this landing and those before. 0: of each landing alone.
    std::int64_t judged_records_min = 0;
};

// Driven by one thread.
class LogIntake {
public:
    // Creates the source's table where it does not exist. Errors: as TopicReader::open.
    static Result<std::unique_ptr<LogIntake>> open(const Workplace& at, const declare::Source& source,
                                                   LogIntakeOptions options = {});

    source::log::TopicReader& topic() { return topic_; }
    const declare::Source& source() const { return source_; }

    // Lands what take() of topic() gave, or nothing of it. An empty stretch is nothing to do.
    Result<Taken> land(const source::log::Stretch& stretch, const std::string& run_id);

private:
    struct Position {
        std::int64_t offset = -1;  // -1: none yet
        int generation = 0;
    };
    LogIntake(const Workplace& at, const declare::Source& source, const declare::Contract& contract,
              source::log::TopicReader topic, LogIntakeOptions options)
        : at_(at), source_(source), contract_(contract), topic_(std::move(topic)), options_(options) {}
    std::string position_app(int partition, int generation) const;
    Status follow(const source::log::Stretch& stretch, const std::string& run_id, std::int64_t epoch,
                  const LandingJob::Stage& stage, sql::Connection& connection) const;

    const Workplace at_;
    const declare::Source& source_;
    const declare::Contract& contract_;
    source::log::TopicReader topic_;
    LogIntakeOptions options_;
    std::map<int, Position> positions_;
    std::int64_t numbered_ = 0;  // records before, where the source has a sequence
    LandingJob::Recent recent_;
};

// What a log has for a source, without reading it.
struct LogBacklog {
    std::int64_t messages = 0;
    std::set<Day> days;
};
Result<LogBacklog> log_backlog(const Workplace& at, const declare::Source& source);

// Everything that stands in the topic now, in as many landings as it takes. What came of them is added to `sum`, also
// where a later one fails.
Status drain_log(const Workplace& at, const declare::Source& source, const std::string& run_id, Taken& sum);

}  // namespace weir::orchestrate
