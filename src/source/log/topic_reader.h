// A topic of the embedded log, read in stretches.
#pragma once

#include "declare/project.h"
#include "source/log/reader.h"
#include "source/topic/topic_reader.h"

namespace weir::source::log {

// Driven by one thread.
class TopicReader final : public source::TopicReader {
public:
    // Partitions without a position begin at their oldest record. Errors: not_found, log_unsupported.
    static Result<TopicReader> open(const fs::path& log, const std::string& topic, const Positions& positions,
                                    declare::Reset reset);

    int partitions() const { return static_cast<int>(readers_.size()); }
    Positions positions() const override;
    Result<Positions> ends() override;
    Result<std::int64_t> lag() override;
    // As far as the heads of the batches tell; nothing is decompressed.
    Result<std::set<Day>> days(const Positions& from, const Positions& ends) override;
    Result<Stretch> take(const StretchBounds& bounds, const Positions* ends = nullptr) override;
    Status rewind(const Positions& positions) override;

    // Waits until there may be more, at most `timeout`.
    void wait(std::chrono::milliseconds timeout);

private:
    TopicReader(fs::path log, std::string topic, declare::Reset reset)
        : log_(std::move(log)), topic_(std::move(topic)), reset_(reset) {}
    // Where `partition` goes on behind what cannot be read; nothing: it does not.
    Result<std::optional<std::int64_t>> beyond(int partition, const Error& error);

    fs::path log_;
    std::string topic_;
    declare::Reset reset_;
    std::vector<Reader> readers_;
    std::optional<Error> failed_;
    std::size_t turn_ = 0;  // the partition that comes first in the next stretch
};

}  // namespace weir::source::log
