// A topic of the embedded log, read in stretches.
#pragma once

#include "declare/project.h"
#include "source/log/reader.h"
#include "source/topic/topic_reader.h"

namespace weir::source::log {

// What the lake knows of a topic: where it goes on with it, or else whether it went on with another of its name.
struct KnownTopic {
    Positions positions;
    bool another = false;
};
using KnownTopics = std::function<Result<KnownTopic>(const std::string& origin)>;

// Driven by one thread.
class TopicReader final : public source::TopicReader {
public:
    // Partitions without a position begin at their oldest record. Errors: not_found, log_unsupported; offsets_gone
    // where the topic was made anew since the lake went on with it, and `reset` does not say what then.
    static Result<TopicReader> open(const fs::path& log, const std::string& topic, const KnownTopics& known,
                                    declare::Reset reset);

    std::string origin() const override;
    int partitions() const { return static_cast<int>(readers_.size()); }
    Positions positions() const override;
    Result<Positions> ends() override;
    Result<std::map<int, std::int64_t>> lags() override;
    // As far as the heads of the batches tell; nothing is decompressed.
    Result<std::set<Day>> days(const Positions& from, const Positions& ends) override;
    Result<Stretch> take(const StretchBounds& bounds, const Positions* ends = nullptr) override;
    Status rewind(const Positions& positions) override;

    // Waits until there may be more, at most `timeout`.
    void wait(std::chrono::milliseconds timeout);

private:
    TopicReader(fs::path log, std::string topic, declare::Reset reset)
        : log_(std::move(log)), topic_(std::move(topic)), reset_(reset) {}
    // Fails where what was read may be of a topic that was made anew meanwhile.
    Status check_same() const;
    // Where `partition` goes on behind what cannot be read; nothing: it does not.
    Result<std::optional<std::int64_t>> beyond(int partition, const Error& error);

    fs::path log_;
    std::string topic_;
    declare::Reset reset_;
    std::string id_;
    std::string note_;  // for the next stretch
    std::vector<Reader> readers_;
    std::optional<Error> failed_;
    std::size_t turn_ = 0;  // the partition that comes first in the next stretch
};

}  // namespace weir::source::log
