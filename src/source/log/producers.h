// Which appends of which producer a partition holds: what comes twice is known again, what is missing is noticed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir::source::log {

class Producers {
public:
    struct Append {
        std::int64_t sequence;  // of its first record
        std::uint32_t count;
        std::int64_t base_offset;
        bool operator==(const Append&) const = default;
    };
    struct State {
        std::deque<Append> appends;  // the newest last, at most limits::log_producer_batches
        std::int64_t appended_at = 0;
        std::int64_t next_sequence() const { return appends.back().sequence + appends.back().count; }
        bool operator==(const State&) const = default;
    };
    struct Verdict {
        enum class Kind {
            append,     // the next one
            duplicate,  // it stands at base_offset
            forgotten,  // it was appended, and where is not known any more
            gap         // `expected` has to come first
        };
        Kind kind;
        std::int64_t base_offset = -1;
        std::int64_t expected = 0;
    };

    // A producer that is not known begins with sequence 0.
    Verdict judge(std::int64_t producer, std::int64_t sequence, std::uint32_t count) const;
    // Of two states of a partition, only one that was judged `append` may be recorded.
    void record(std::int64_t producer, const Append& append, std::int64_t appended_at);

    // For taking back what could not be written.
    std::optional<State> state(std::int64_t producer) const;
    void restore(std::int64_t producer, std::optional<State> state);

    std::size_t size() const { return states_.size(); }
    std::string encode() const;
    static std::optional<Producers> decode(std::string_view bytes);
    bool operator==(const Producers&) const = default;

private:
    std::map<std::int64_t, State> states_;
};

}  // namespace weir::source::log
