// A topic, read in stretches, wherever it lies: in the embedded log (log/topic_reader.h) or in Kafka
// (kafka/topic_reader.h). Intake knows this interface alone.
//
//   auto stretch = topic->take({.rows = 100'000, .bytes = 32 << 20});     whatever is there now, within the bounds
//   … the rows and stretch.moved are committed together …
//   topic->landed(…)                                                      they were
//   topic->rewind(…)                                                      or they were not
//
// Offsets that are gone by retention or damaged stop the partition with an error, or are passed over as `reset` says.
#pragma once

#include <functional>
#include <set>

#include "base/result.h"
#include "source/topic/stretch.h"

namespace weir::source {

// Driven by one thread at a time.
class TopicReader {
public:
    virtual ~TopicReader() = default;

    // Tells topics of the same name apart that are not the same: empty for the embedded log. A group that has not found
    // its brokers yet does not know.
    virtual std::string origin() const { return {}; }

    // Of the partitions that are read here: where they are read next, and where they end for now.
    virtual Positions positions() const = 0;
    virtual Result<Positions> ends() = 0;
    // How many offsets lie between the two, of those partitions of which it is known without asking anybody.
    virtual Result<std::map<int, std::int64_t>> lags() = 0;
    // The days that records between these positions and these ends bear, as far as that is known without reading them.
    virtual Result<std::set<Day>> days(const Positions& from, const Positions& ends) = 0;

    // What is there, of all partitions in turn and in the order of each, up to `ends` where they are given. Errors that
    // `reset` does not pass over: what was read before is given first, the error from then on.
    virtual Result<Stretch> take(const StretchBounds& bounds, const Positions* ends = nullptr) = 0;
    // Partitions that are not read here are passed over.
    virtual Status rewind(const Positions& positions) = 0;

    // The lake holds everything before these positions.
    virtual void landed(const Positions& positions) { static_cast<void>(positions); }
    // Why nothing comes for now, although it may pass by itself; ok: nothing stands in the way.
    virtual Status obstacle() const { return ok(); }
};

// Where the lake goes on with the partitions of a topic of this origin. From any thread.
using StoredPositions = std::function<Result<Positions>(const std::string& origin)>;

}  // namespace weir::source
