#include "view/exact/accumulator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace weir::view {
namespace {

constexpr std::int64_t base = std::int64_t{1} << 32;
// Each addition changes a digit by less than 2^33; it has room for 2^30 of them.
constexpr std::uint32_t additions_max = 1U << 29;
constexpr std::size_t plus_infinity = 0, minus_infinity = 1, not_a_number = 2;
constexpr unsigned counted_specials = 8;

struct Parts {
    std::uint64_t integer;
    int exponent;  // value = integer * 2^exponent
    bool negative;
};

Parts parts_of(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const int raw = static_cast<int>((bits >> 52) & 0x7ff);
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    return {raw == 0 ? fraction : fraction | (std::uint64_t{1} << 52), (raw == 0 ? 1 : raw) - 1075, bits >> 63 != 0};
}

int floor_div_32(int value) { return value >= 0 ? value / 32 : -((31 - value) / 32); }

}  // namespace

std::int64_t& ExactSum::digit(int place) {
    if (digits_.empty()) {
        lowest_ = place;
        digits_.push_back(0);
    } else if (place < lowest_) {
        digits_.insert(digits_.begin(), static_cast<std::size_t>(lowest_ - place), 0);
        lowest_ = place;
    } else if (place >= lowest_ + static_cast<int>(digits_.size())) {
        digits_.resize(static_cast<std::size_t>(place - lowest_) + 1, 0);
    }
    return digits_[static_cast<std::size_t>(place - lowest_)];
}

void ExactSum::carry() {
    std::int64_t over = 0;
    for (std::size_t i = 0; i < digits_.size(); ++i) {
        const auto all = digits_[i] + over;
        over = all >> 32;
        digits_[i] = all & (base - 1);
        if (i + 1 == digits_.size() && over != 0 && over != -1) {
            digits_.push_back(0);
        } else if (i + 1 == digits_.size() && over == -1) {
            digits_[i] -= base;  // the highest digit carries the sign
        }
    }
    waiting_ = 0;
}

void ExactSum::note_special(double value) {
    ++specials_[std::isnan(value) ? not_a_number : value > 0 ? plus_infinity : minus_infinity];
}

void ExactSum::add_specials(const std::array<std::int64_t, 3>& others, std::int64_t sign) {
    for (std::size_t i = 0; i < specials_.size(); ++i) specials_[i] += sign * others[i];
}

bool ExactSum::has_specials() const {
    return std::any_of(specials_.begin(), specials_.end(), [](std::int64_t count) { return count != 0; });
}

void ExactSum::add_shifted(Wide integer, int exponent, bool negative) {
    if (integer == 0) return;
    int place = floor_div_32(exponent);
    const int shift = exponent - place * 32;
    std::uint64_t low = static_cast<std::uint32_t>(integer) & 0xffffffffU;
    auto rest = integer >> 32;
    std::uint64_t part = low << shift;
    while (true) {
        const auto piece = static_cast<std::int64_t>(part & 0xffffffffU);
        if (piece != 0) digit(place) += negative ? -piece : piece;
        part >>= 32;
        if (rest == 0 && part == 0) break;
        part += (static_cast<std::uint64_t>(rest) & 0xffffffffU) << shift;
        rest >>= 32;
        ++place;
    }
    if (++waiting_ >= additions_max) carry();
}

void ExactSum::add(double term) {
    if (!std::isfinite(term)) return note_special(term);
    const auto parts = parts_of(term);
    add_shifted(parts.integer, parts.exponent, parts.negative);
}

void ExactSum::add_product(double a, double b) {
    if (!std::isfinite(a) || !std::isfinite(b)) return note_special(a * b);
    const auto left = parts_of(a);
    const auto right = parts_of(b);
    add_shifted(static_cast<Wide>(left.integer) * right.integer, left.exponent + right.exponent,
                left.negative != right.negative);
}

void ExactSum::add(const Magnitude& magnitude, bool negate) {
    const bool negative = magnitude.negative != negate;
    for (std::size_t i = magnitude.digits.size(); i-- > 0;) {
        const auto piece = static_cast<std::int64_t>(magnitude.digits[i]);
        digit(magnitude.lowest + static_cast<int>(i)) += negative ? -piece : piece;
    }
    if (++waiting_ >= additions_max) carry();
}

void ExactSum::add(const ExactSum& other) {
    add_specials(other.specials_, 1);
    add(other.magnitude(), false);
}

void ExactSum::subtract(const ExactSum& other) {
    add_specials(other.specials_, -1);
    add(other.magnitude(), true);
}

ExactSum::Magnitude ExactSum::magnitude() const {
    ExactSum carried = *this;
    carried.carry();
    Magnitude result{
        .negative = !carried.digits_.empty() && carried.digits_.back() < 0, .lowest = carried.lowest_, .digits = {}};
    if (result.negative) {
        for (auto& each : carried.digits_) each = -each;
        carried.carry();
    }
    std::size_t first = 0, last = carried.digits_.size();
    while (first < last && carried.digits_[first] == 0) ++first;
    while (last > first && carried.digits_[last - 1] == 0) --last;
    result.lowest += static_cast<int>(first);
    for (std::size_t i = first; i < last; ++i) result.digits.push_back(static_cast<std::uint32_t>(carried.digits_[i]));
    if (result.digits.empty()) return {};
    return result;
}

double ExactSum::nearest(const Magnitude& magnitude) {
    if (magnitude.digits.empty()) return 0;
    const auto& digits = magnitude.digits;
    const int top =
        32 * (magnitude.lowest + static_cast<int>(digits.size()) - 1) + 31 - std::countl_zero(digits.back());
    const double sign = magnitude.negative ? -1 : 1;
    if (top > 1023) return sign * std::numeric_limits<double>::infinity();
    const int unit = std::max(top - 52, -1074);
    const auto bit = [&](int place) -> std::uint64_t {
        const int index = floor_div_32(place) - magnitude.lowest;
        if (index < 0 || index >= static_cast<int>(digits.size())) return 0;
        return digits[static_cast<std::size_t>(index)] >> (place - floor_div_32(place) * 32) & 1U;
    };
    std::uint64_t integer = 0;
    for (int place = top; place >= unit; --place) integer = integer << 1 | bit(place);
    if (bit(unit - 1) != 0) {
        bool above_half = (integer & 1U) != 0;
        for (int place = unit - 2; !above_half && place >= 32 * magnitude.lowest; --place) above_half = bit(place) != 0;
        if (above_half) ++integer;
    }
    return sign * std::ldexp(static_cast<double>(integer), unit);
}

double ExactSum::value() const {
    const bool plus = specials_[plus_infinity] > 0, minus = specials_[minus_infinity] > 0;
    if (specials_[not_a_number] > 0 || (plus && minus)) return std::numeric_limits<double>::quiet_NaN();
    if (plus) return std::numeric_limits<double>::infinity();
    if (minus) return -std::numeric_limits<double>::infinity();
    return nearest(magnitude());
}

std::string ExactSum::bytes() const {
    const auto kept = magnitude();
    std::string bytes;
    unsigned special = 0;
    for (std::size_t i = 0; i < specials_.size(); ++i) {
        if (specials_[i] == 1) special |= 1U << i;
        if (specials_[i] < 0 || specials_[i] > 1) special = counted_specials;
        if (special == counted_specials) break;
    }
    bytes.push_back(static_cast<char>(special));
    bytes.push_back(kept.negative ? '\1' : '\0');
    const auto lowest = static_cast<std::int16_t>(kept.lowest);
    bytes.append(reinterpret_cast<const char*>(&lowest), sizeof(lowest));
    if (special == counted_specials) bytes.append(reinterpret_cast<const char*>(specials_.data()), sizeof(specials_));
    if (!kept.digits.empty())
        bytes.append(reinterpret_cast<const char*>(kept.digits.data()), kept.digits.size() * sizeof(std::uint32_t));
    return bytes;
}

bool ExactSum::add_bytes(std::string_view bytes) {
    if (bytes.empty()) return false;
    const auto special = static_cast<unsigned char>(bytes[0]);
    const bool counted = special == counted_specials;
    if (!counted && special > 7) return false;
    std::array<std::int64_t, 3> specials{};
    const std::size_t head = counted ? 4 + sizeof(specials) : 4;
    // Products of doubles lie within 2^±2200; sums add less than 64 bits.
    constexpr std::int16_t place_max = 80;
    if (bytes.size() < head || (bytes.size() - head) % sizeof(std::uint32_t) != 0) return false;
    Magnitude read{.negative = bytes[1] != 0, .lowest = 0, .digits = {}};
    std::int16_t lowest = 0;
    std::memcpy(&lowest, bytes.data() + 2, sizeof(lowest));
    read.lowest = lowest;
    read.digits.resize((bytes.size() - head) / sizeof(std::uint32_t));
    if (!read.digits.empty()) std::memcpy(read.digits.data(), bytes.data() + head, bytes.size() - head);
    if (lowest < -place_max || lowest + static_cast<int>(read.digits.size()) > place_max) return false;
    for (std::size_t i = 0; i < specials.size(); ++i) specials[i] = (special >> i) & 1U;
    if (counted) std::memcpy(specials.data(), bytes.data() + 4, sizeof(specials));
    add_specials(specials, 1);
    add(read, false);
    return true;
}

ExactSum::Magnitude ExactSum::product(const Magnitude& a, const Magnitude& b) {
    Magnitude result{.negative = a.negative != b.negative, .lowest = a.lowest + b.lowest, .digits = {}};
    result.digits.assign(a.digits.size() + b.digits.size(), 0);
    for (std::size_t i = 0; i < a.digits.size(); ++i) {
        std::uint64_t over = 0;
        for (std::size_t j = 0; j < b.digits.size() || over != 0; ++j) {
            const std::uint64_t times = j < b.digits.size() ? std::uint64_t{a.digits[i]} * b.digits[j] : 0;
            const auto all = result.digits[i + j] + times + over;
            result.digits[i + j] = static_cast<std::uint32_t>(all);
            over = all >> 32;
        }
    }
    return result;
}

double ExactSum::moment(std::int64_t n, const ExactSum& sum_x, const ExactSum& sum_y, const ExactSum& sum_xy) {
    if (sum_x.has_specials() || sum_y.has_specials() || sum_xy.has_specials())
        return std::numeric_limits<double>::quiet_NaN();
    ExactSum count;
    count.add_shifted(static_cast<Wide>(n), 0, false);
    ExactSum result;
    result.add(product(count.magnitude(), sum_xy.magnitude()), false);
    result.add(product(sum_x.magnitude(), sum_y.magnitude()), true);
    return result.value();
}

}  // namespace weir::view
