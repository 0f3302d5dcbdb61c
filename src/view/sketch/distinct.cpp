#include "view/sketch/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "view/sketch/encoding.h"

namespace weir::view {
namespace {

constexpr char version = 1, form_hashes = 0, form_registers = 1;
constexpr int rank_bits = 64 - DistinctSketch::index_bits;
constexpr std::uint8_t rank_max = rank_bits + 1;
constexpr std::size_t packed_bytes = DistinctSketch::register_count * 6 / 8;
constexpr std::size_t waiting_min = 32;

// Ertl 2017, algorithm 6: its sums run until they change no more.
double sigma(double x) {
    if (x == 1) return std::numeric_limits<double>::infinity();
    double y = 1, z = x, before = -1;
    while (z != before) {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    }
    return z;
}

double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double y = 1, z = 1 - x, before = -1;
    while (z != before) {
        x = std::sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

}  // namespace

void DistinctSketch::note(std::uint64_t hash) {
    const auto rank =
        static_cast<std::uint8_t>(std::countl_zero((hash << index_bits) | (std::uint64_t{1} << (index_bits - 1))) + 1);
    auto& kept = registers_[hash >> rank_bits];
    kept = std::max(kept, rank);
}

void DistinctSketch::tidy() const {
    if (sorted_ == hashes_.size()) return;
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    sorted_ = hashes_.size();
}

void DistinctSketch::settle() {
    tidy();
    if (hashes_.size() <= exact_max) return;
    registers_.assign(register_count, 0);
    for (const auto hash : hashes_) note(hash);
    hashes_ = {};
    sorted_ = 0;
}

void DistinctSketch::add(std::uint64_t hash) {
    if (!registers_.empty()) return note(hash);
    hashes_.push_back(hash);
    if (hashes_.size() - sorted_ > std::max(waiting_min, sorted_)) settle();
}

void DistinctSketch::add(const DistinctSketch& other) {
    if (other.registers_.empty()) {
        for (const auto hash : other.hashes_) add(hash);
        return;
    }
    if (registers_.empty()) {
        registers_.assign(register_count, 0);
        for (const auto hash : hashes_) note(hash);
        hashes_ = {};
        sorted_ = 0;
    }
    for (std::size_t i = 0; i < register_count; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

std::int64_t DistinctSketch::count() const {
    if (registers_.empty()) {
        tidy();
        if (hashes_.size() <= exact_max) return static_cast<std::int64_t>(hashes_.size());
        auto settled = *this;
        settled.settle();
        return settled.count();
    }
    std::array<int, rank_max + 1> having{};
    for (const auto rank : registers_) ++having[rank];
    constexpr double m = register_count;
    double z = m * tau(1 - having[rank_max] / m);
    for (int rank = rank_bits; rank >= 1; --rank) z = 0.5 * (z + having[static_cast<std::size_t>(rank)]);
    z += m * sigma(having[0] / m);
    constexpr double alpha = 0.72134752044448170;  // 1 / (2 ln 2)
    return std::llround(alpha * m * m / z);
}

std::string DistinctSketch::bytes() const {
    if (registers_.empty()) {
        tidy();
        if (hashes_.size() > exact_max) {
            auto settled = *this;
            settled.settle();
            return settled.bytes();
        }
        std::string text{version, form_hashes};
        for (const auto hash : hashes_) put_fixed(text, hash);
        return text;
    }
    std::string text{version, form_registers};
    text.resize(2 + packed_bytes);
    for (std::size_t i = 0; i < register_count; ++i) {
        const auto bit = i * 6;
        const auto value = static_cast<unsigned>(registers_[i]) << (bit % 8);
        auto& low = text[2 + bit / 8];
        low = static_cast<char>(static_cast<unsigned char>(low) | (value & 0xff));
        if (value > 0xff) {
            auto& high = text[3 + bit / 8];
            high = static_cast<char>(static_cast<unsigned char>(high) | (value >> 8));
        }
    }
    return text;
}

bool DistinctSketch::add_bytes(std::string_view bytes) {
    if (bytes.size() < 2 || bytes[0] != version) return false;
    DistinctSketch other;
    const auto body = bytes.substr(2);
    if (bytes[1] == form_hashes) {
        if (body.size() % sizeof(std::uint64_t) != 0 || body.size() / sizeof(std::uint64_t) > exact_max) return false;
        for (std::size_t at = 0; at < body.size(); at += sizeof(std::uint64_t)) {
            const auto hash = get_fixed<std::uint64_t>(body.substr(at));
            if (at > 0 && hash <= other.hashes_.back()) return false;
            other.hashes_.push_back(hash);
        }
        other.sorted_ = other.hashes_.size();
    } else if (bytes[1] == form_registers) {
        if (body.size() != packed_bytes) return false;
        other.registers_.resize(register_count);
        for (std::size_t i = 0; i < register_count; ++i) {
            const auto bit = i * 6;
            unsigned value = static_cast<unsigned char>(body[bit / 8]);
            if (bit / 8 + 1 < body.size())
                value |= static_cast<unsigned>(static_cast<unsigned char>(body[bit / 8 + 1])) << 8;
            const auto rank = static_cast<std::uint8_t>((value >> (bit % 8)) & 0x3f);
            if (rank > rank_max) return false;
            other.registers_[i] = rank;
        }
    } else {
        return false;
    }
    add(other);
    return true;
}

}  // namespace weir::view
