// Sums of doubles without rounding, so that neither the order of the terms nor the way they are cut can show.
//
// A superaccumulator (R. Neal, "Fast exact summation using small and large superaccumulators", 2015): the sum as a long
// fixed-point number in digits of 32 bits, each in 64 bits so that carries may wait. Only the digits in use are kept.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::view {

__extension__ using Wide = unsigned __int128;

class ExactSum {
public:
    void add(double term);
    // The product of two doubles, unrounded.
    void add_product(double a, double b);
    void add(const ExactSum& other);
    // As if the other's terms had never been added.
    void subtract(const ExactSum& other);

    // The nearest double, ties to even. Infinite terms give infinity, NaN or infinities of both signs NaN.
    double value() const;

    // Equal sums, equal bytes. Format: terms that are not finite (bits: 1 one +inf, 2 one -inf, 4 one NaN; 8: how many
    // of each follow the place as int64), sign (0, 1), place of the lowest digit (int16), then digits from the lowest
    // on; little endian.
    std::string bytes() const;
    // False if the bytes are not of that format.
    bool add_bytes(std::string_view bytes);
    static constexpr const char* damaged = "these are not the bytes of an exact sum";

    // n * sum_xy - sum_x * sum_y, rounded once.
    static double moment(std::int64_t n, const ExactSum& sum_x, const ExactSum& sum_y, const ExactSum& sum_xy);

private:
    std::vector<std::int64_t> digits_;  // digits_[i] counts 2^(32 * (lowest_ + i))
    int lowest_ = 0;
    std::uint32_t waiting_ = 0;               // additions since carries were propagated
    std::array<std::int64_t, 3> specials_{};  // how many +inf, -inf, NaN

    struct Magnitude {
        bool negative = false;
        int lowest = 0;
        std::vector<std::uint32_t> digits;  // without zeros at either end
    };
    Magnitude magnitude() const;
    static Magnitude product(const Magnitude& a, const Magnitude& b);
    static double nearest(const Magnitude& magnitude);
    void add(const Magnitude& magnitude, bool negate);
    void add_shifted(Wide integer, int exponent, bool negative);
    std::int64_t& digit(int place);
    void carry();
    void note_special(double value);
    void add_specials(const std::array<std::int64_t, 3>& others, std::int64_t sign);
    bool has_specials() const;
};

}  // namespace weir::view
