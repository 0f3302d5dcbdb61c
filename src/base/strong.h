// A number of one kind that cannot be passed where another kind is meant.
#pragma once

#include <compare>
#include <cstdint>

namespace weir {

template <class T, class Tag>
class Strong {
public:
    constexpr Strong() = default;
    constexpr explicit Strong(T value) : value_(value) {}
    constexpr T get() const { return value_; }
    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

private:
    T value_{};
};

}  // namespace weir
