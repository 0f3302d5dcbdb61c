#include "view/sketch/quantile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "view/sketch/encoding.h"

namespace weir::view {
namespace {

constexpr char version = 1;
constexpr int fraction_bits = 52;
constexpr std::uint32_t negative_bit = std::uint32_t{1} << 31;
constexpr std::size_t waiting_min = 16, waiting_max = 512;

// Where the bucket begins; the end of the last one is infinite.
double lower_end(std::uint32_t index, int bits) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(index) << (fraction_bits - bits));
}

// As far from one end as from the other, relative to the ends.
double middle(std::uint32_t index, int bits) {
    const auto low = lower_end(index, bits), high = lower_end(index + 1, bits);
    return 2 * (low / (1 + low / high));
}

}  // namespace

bool QuantileSketch::empty() const { return zeros_ == 0 && negative_.empty() && positive_.empty() && waiting_.empty(); }

void QuantileSketch::note_extremes(double smallest, double greatest, bool first) {
    smallest_ = first ? smallest : std::min(smallest_, smallest);
    greatest_ = first ? greatest : std::max(greatest_, greatest);
}

void QuantileSketch::add(double value) {
    if (!std::isfinite(value)) return;
    const bool zero = std::abs(value) < std::numeric_limits<double>::min();
    if (zero) value = 0;
    note_extremes(value, value, empty());
    if (zero) {
        ++zeros_;
        return;
    }
    const auto index =
        static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(std::abs(value)) >> (fraction_bits - finest));
    waiting_.push_back(value < 0 ? index | negative_bit : index);
    if (waiting_.size() >= std::clamp(negative_.size() + positive_.size(), waiting_min, waiting_max)) settle();
}

void QuantileSketch::add(Buckets& into, const Buckets& from, int shift) {
    if (from.empty()) return;
    Buckets all;
    all.reserve(into.size() + from.size());
    auto old = into.begin();
    for (const auto& each : from) {
        const auto index = each.index >> shift;
        for (; old != into.end() && old->index <= index; ++old) all.push_back(*old);
        if (!all.empty() && all.back().index == index)
            all.back().count += each.count;
        else
            all.push_back({index, each.count});
    }
    all.insert(all.end(), old, into.end());
    into = std::move(all);
}

void QuantileSketch::settle() {
    if (waiting_.empty()) return;
    std::sort(waiting_.begin(), waiting_.end());
    Buckets positive, negative;
    for (const auto each : waiting_) {
        auto& buckets = (each & negative_bit) != 0 ? negative : positive;
        const auto index = each & ~negative_bit;
        if (!buckets.empty() && buckets.back().index == index)
            ++buckets.back().count;
        else
            buckets.push_back({index, 1});
    }
    waiting_.clear();
    add(positive_, positive, finest - bits_);
    add(negative_, negative, finest - bits_);
    keep_few();
}

void QuantileSketch::halve(Buckets& buckets) {
    std::size_t kept = 0;
    for (const auto& each : buckets) {
        if (kept > 0 && buckets[kept - 1].index == each.index >> 1)
            buckets[kept - 1].count += each.count;
        else
            buckets[kept++] = {each.index >> 1, each.count};
    }
    buckets.resize(kept);
}

void QuantileSketch::coarsen() {
    --bits_;
    halve(negative_);
    halve(positive_);
}

void QuantileSketch::keep_few() {
    while (bits_ > 0 && negative_.size() + positive_.size() > buckets_max) coarsen();
}

void QuantileSketch::add(const QuantileSketch& other) {
    if (other.empty()) return;
    if (!other.waiting_.empty()) {
        auto settled = other;
        settled.settle();
        return add(settled);
    }
    settle();
    note_extremes(other.smallest_, other.greatest_, empty());
    while (bits_ > other.bits_) coarsen();
    zeros_ += other.zeros_;
    add(negative_, other.negative_, other.bits_ - bits_);
    add(positive_, other.positive_, other.bits_ - bits_);
    keep_few();
}

std::uint64_t QuantileSketch::count() const {
    auto all = zeros_ + waiting_.size();
    for (const auto* buckets : {&negative_, &positive_})
        for (const auto& each : *buckets) all += each.count;
    return all;
}

double QuantileSketch::value(double share) const {
    if (!waiting_.empty()) {
        auto settled = *this;
        settled.settle();
        return settled.value(share);
    }
    const auto all = count();
    if (all == 0) return std::numeric_limits<double>::quiet_NaN();
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(all - 1));
    if (rank == 0) return smallest_;
    if (rank >= all - 1) return greatest_;
    std::uint64_t before = 0;
    const auto within = [&](double value) { return std::clamp(value, smallest_, greatest_); };
    for (auto each = negative_.rbegin(); each != negative_.rend(); ++each) {
        before += each->count;
        if (rank < before) return within(-middle(each->index, bits_));
    }
    before += zeros_;
    if (rank < before) return 0;
    for (const auto& each : positive_) {
        before += each.count;
        if (rank < before) return within(middle(each.index, bits_));
    }
    return greatest_;
}

std::string QuantileSketch::bytes() const {
    if (!waiting_.empty()) {
        auto settled = *this;
        settled.settle();
        return settled.bytes();
    }
    std::string text{version, static_cast<char>(bits_)};
    put_fixed(text, smallest_);
    put_fixed(text, greatest_);
    put_varint(text, zeros_);
    for (const auto* buckets : {&negative_, &positive_}) {
        put_varint(text, buckets->size());
        std::uint32_t last = 0;
        for (const auto& each : *buckets) {
            put_varint(text, each.index - last);
            put_varint(text, each.count);
            last = each.index;
        }
    }
    return text;
}

bool QuantileSketch::add_bytes(std::string_view bytes) {
    if (bytes.size() < 18 || bytes[0] != version || bytes[1] < 0 || bytes[1] > finest) return false;
    QuantileSketch other;
    other.bits_ = bytes[1];
    other.smallest_ = get_fixed<double>(bytes.substr(2));
    other.greatest_ = get_fixed<double>(bytes.substr(10));
    if (!std::isfinite(other.smallest_) || !std::isfinite(other.greatest_) || other.smallest_ > other.greatest_)
        return false;
    bytes.remove_prefix(18);
    const auto zeros = take_varint(bytes);
    if (!zeros) return false;
    other.zeros_ = *zeros;
    const std::uint64_t end = std::uint64_t{0x7ff} << other.bits_;
    for (auto* buckets : {&other.negative_, &other.positive_}) {
        const auto size = take_varint(bytes);
        if (!size || *size > end) return false;
        std::uint64_t index = 0;
        for (std::uint64_t i = 0; i < *size; ++i) {
            const auto step = take_varint(bytes), count = take_varint(bytes);
            if (!step || !count || *step == 0 || *step >= end - index || *count == 0) return false;
            index += *step;
            buckets->push_back({static_cast<std::uint32_t>(index), *count});
        }
    }
    if (!bytes.empty()) return false;
    if (other.bits_ > 0 && other.negative_.size() + other.positive_.size() > buckets_max) return false;
    add(other);
    return true;
}

}  // namespace weir::view
