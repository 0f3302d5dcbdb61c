#include "source/log/producers.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"

namespace weir::source::log {
namespace {

void put(std::string& to, std::int64_t value) {
    char bytes[sizeof(value)];
    std::memcpy(bytes, &value, sizeof(value));
    to.append(bytes, sizeof(bytes));
}

bool take(std::string_view& from, std::int64_t& value) {
    if (from.size() < sizeof(value)) return false;
    std::memcpy(&value, from.data(), sizeof(value));
    from.remove_prefix(sizeof(value));
    return true;
}

}  // namespace

Producers::Verdict Producers::judge(std::int64_t producer, std::int64_t sequence, std::uint32_t count) const {
    using Kind = Verdict::Kind;
    const auto known = states_.find(producer);
    const std::int64_t expected = known == states_.end() ? 0 : known->second.next_sequence();
    if (sequence == expected) return {Kind::append, -1, expected};
    if (sequence > expected) return {Kind::gap, -1, expected};
    const auto& appends = known->second.appends;
    for (const auto& append : appends)
        if (append.sequence == sequence && append.count == count)
            return {Kind::duplicate, append.base_offset, expected};
    // Otherwise cut than before, what is known cannot be told from what is not.
    if (sequence < appends.front().sequence && count <= appends.front().sequence - sequence)
        return {Kind::forgotten, -1, expected};
    return {Kind::gap, -1, expected};
}

void Producers::record(std::int64_t producer, const Append& append, std::int64_t appended_at) {
    if (states_.size() >= limits::log_producers_max && states_.count(producer) == 0) {
        const auto oldest = std::min_element(states_.begin(), states_.end(), [](const auto& a, const auto& b) {
            return a.second.appended_at < b.second.appended_at;
        });
        states_.erase(oldest);
    }
    auto& state = states_[producer];
    state.appends.push_back(append);
    if (state.appends.size() > limits::log_producer_batches) state.appends.pop_front();
    state.appended_at = appended_at;
}

std::optional<Producers::State> Producers::state(std::int64_t producer) const {
    const auto found = states_.find(producer);
    if (found == states_.end()) return std::nullopt;
    return found->second;
}

void Producers::restore(std::int64_t producer, std::optional<State> state) {
    if (state) {
        states_[producer] = std::move(*state);
    } else {
        states_.erase(producer);
    }
}

std::string Producers::encode() const {
    std::string bytes;
    for (const auto& [producer, state] : states_) {
        put(bytes, producer);
        put(bytes, state.appended_at);
        put(bytes, static_cast<std::int64_t>(state.appends.size()));
        for (const auto& append : state.appends) {
            put(bytes, append.sequence);
            put(bytes, append.count);
            put(bytes, append.base_offset);
        }
    }
    return bytes;
}

std::optional<Producers> Producers::decode(std::string_view bytes) {
    Producers producers;
    while (!bytes.empty()) {
        std::int64_t producer = 0, count = 0;
        State state;
        if (!take(bytes, producer) || !take(bytes, state.appended_at) || !take(bytes, count)) return std::nullopt;
        if (producer < 0 || count < 1 || count > static_cast<std::int64_t>(limits::log_producer_batches))
            return std::nullopt;
        for (std::int64_t i = 0; i < count; ++i) {
            std::int64_t sequence = 0, records = 0, offset = 0;
            if (!take(bytes, sequence) || !take(bytes, records) || !take(bytes, offset)) return std::nullopt;
            if (sequence < 0 || records < 1 || records > UINT32_MAX || offset < 0 || sequence > INT64_MAX - records)
                return std::nullopt;
            state.appends.push_back({sequence, static_cast<std::uint32_t>(records), offset});
        }
        producers.states_[producer] = std::move(state);
    }
    return producers;
}

}  // namespace weir::source::log
