// Quantiles of doubles within a relative error, in little room: counts of values in buckets that grow with the value.
//
// As DDSketch (C. Masson, J. Rim, H. Lee, 2019), but a bucket is a power of two cut into 64 equal parts, which the bits
// of a double say without a logarithm. Where more buckets than allowed are in use, every two become one and the error
// doubles (I. Epicoco et al., "UDDSketch", 2020). What is kept is decided by the values alone, whatever their order and
// however they are cut.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::view {

class QuantileSketch {
public:
    static constexpr int finest = 6;  // a power of two is cut into 2^6 buckets
    static constexpr double relative_error = 1.0 / 129;
    static constexpr std::size_t buckets_max = 2048;  // of both signs together

    // NaN and infinities do not count; what is nearer to zero than any normal double counts as zero.
    void add(double value);
    void add(const QuantileSketch& other);

    std::uint64_t count() const;
    // The value that `share` of the others lie below, share from 0 to 1: at rank share * (count - 1), rounded down. The
    // smallest and the greatest value are exact. NaN if there is none.
    double value(double share) const;

    // Equal values, equal bytes: version (1), buckets of a power of two as their logarithm, smallest and greatest value
    // (8 bytes each), then as varints the count of zeros and, for negative and then for positive values, the number of
    // buckets and for each the distance to the one before and its count. At most some 20 KiB, mostly far less.
    std::string bytes() const;
    // False, and nothing is added, if the bytes are not of that format.
    bool add_bytes(std::string_view bytes);
    static constexpr const char* damaged = "these are not the bytes of a sketch of quantiles";

private:
    struct Bucket {
        std::uint32_t index;
        std::uint64_t count;
    };
    using Buckets = std::vector<Bucket>;  // by index

    int bits_ = finest;
    std::uint64_t zeros_ = 0;
    double smallest_ = 0, greatest_ = 0;  // where there are values
    Buckets negative_, positive_;
    std::vector<std::uint32_t> waiting_;  // indices of the finest buckets; the highest bit: negative

    bool empty() const;
    void settle();
    void coarsen();
    void keep_few();
    void note_extremes(double smallest, double greatest, bool first);
    static void add(Buckets& into, const Buckets& from, int shift);
    static void halve(Buckets& buckets);
};

}  // namespace weir::view
