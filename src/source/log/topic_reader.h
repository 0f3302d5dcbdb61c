// A topic, read in stretches: messages of all its partitions in blocks, bounded, with the positions that they reach.
//
//   auto topic = TopicReader::open(log, "orders", {.positions = …});
//   auto stretch = topic->take({.rows = 100'000, .bytes = 32 << 20});     whatever is there now, within the bounds
//   … the rows and stretch.moved are committed together …
//   topic->rewind(…)                                                        or they were not
//
// Offsets that are gone by retention or damaged stop the partition with an error, or are passed over as `reset` says.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "declare/project.h"
#include "model/interval.h"
#include "source/log/reader.h"
#include "source/records/block.h"

namespace weir::source::log {

// Where each partition is read next.
using Positions = std::map<int, std::int64_t>;

struct StretchBounds {
    std::int64_t rows = 1'000'000;
    std::size_t bytes = std::size_t{32} << 20;  // of messages; a batch of the log is not cut
};

// Messages of one partition that bear one day (UTC); its place in the list is its file_no.
struct StretchPart {
    int partition = 0;
    Day day;
    std::int64_t records = 0;
    std::int64_t from = 0, to = 0;  // offsets: what the partition gave to the whole stretch
};

struct Stretch {
    std::vector<std::shared_ptr<Block>> blocks;
    std::vector<StretchPart> parts;
    std::map<int, std::pair<std::int64_t, std::int64_t>> moved;  // partition → from, to
    std::int64_t rows = 0;
    std::size_t bytes = 0;
    std::vector<std::string> notes;  // what was passed over, a sentence each

    bool empty() const { return moved.empty(); }
};

// Driven by one thread.
class TopicReader {
public:
    // Partitions without a position begin at their oldest record. Errors: not_found, log_unsupported.
    static Result<TopicReader> open(const fs::path& log, const std::string& topic, const Positions& positions,
                                    declare::Reset reset);

    int partitions() const { return static_cast<int>(readers_.size()); }
    Result<Positions> ends();
    Positions positions() const;
    // How many offsets lie between the positions and the ends.
    Result<std::int64_t> lag();

    // What is there, partition after partition and in the order of each, up to `ends` where they are given. Errors of
    // Reader::next() that `reset` does not pass over: what was read before is given first, the error from then on.
    Result<Stretch> take(const StretchBounds& bounds, const Positions* ends = nullptr);
    void rewind(const Positions& positions);

    // Waits until there may be more, at most `timeout`.
    void wait(std::chrono::milliseconds timeout);

private:
    class Filling;
    TopicReader(std::string topic, declare::Reset reset) : topic_(std::move(topic)), reset_(reset) {}
    // Where `partition` goes on behind what cannot be read; nothing: it does not.
    Result<std::optional<std::int64_t>> beyond(int partition, const Error& error);

    std::string topic_;
    declare::Reset reset_;
    std::vector<Reader> readers_;
    std::optional<Error> failed_;
    std::size_t turn_ = 0;  // the partition that comes first in the next stretch
};

// Days of the records from `from` to `to`, as far as the heads of their batches tell; nothing is decompressed.
Result<std::vector<Day>> days_between(const fs::path& log, const std::string& topic, int partition, std::int64_t from,
                                      std::int64_t to);

}  // namespace weir::source::log
