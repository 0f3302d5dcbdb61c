// How many different values there are, roughly, in little room: HyperLogLog over 64-bit hashes.
//
// Few values are kept as their hashes, which counts them exactly; more as the registers of P. Flajolet et al.,
// "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007), read by the estimator of O.
// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which has no range of its own bias.
// What is kept is decided by the set of values alone, so that neither their order nor the way they are cut shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::view {

class DistinctSketch {
public:
    static constexpr int index_bits = 12;
    static constexpr std::size_t register_count = std::size_t{1} << index_bits;
    static constexpr std::size_t exact_max = 384;      // as many hashes take as much room as the registers
    static constexpr double standard_error = 0.01625;  // 1.04 / sqrt(register_count)

    void add(std::uint64_t hash);
    void add(const DistinctSketch& other);
    std::int64_t count() const;

    // Equal sets, equal bytes, at most 3 KiB: version (1), form (0: hashes, ascending, 8 bytes each; 1: registers of 6
    // bits, from the lowest bit on); little endian.
    std::string bytes() const;
    // False, and nothing is added, if the bytes are not of that format.
    bool add_bytes(std::string_view bytes);
    static constexpr const char* damaged = "these are not the bytes of a sketch of distinct values";

private:
    mutable std::vector<std::uint64_t> hashes_;  // while there are no registers; the first `sorted_` ascend
    mutable std::size_t sorted_ = 0;
    std::vector<std::uint8_t> registers_;

    void tidy() const;  // all hashes ascend, each once
    void settle();      // tidy, and registers where there are too many
    void note(std::uint64_t hash);
};

}  // namespace weir::view
