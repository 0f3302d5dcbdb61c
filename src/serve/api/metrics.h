// Counters of requests, and the text that Prometheus reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api/routes.h"
#include "serve/read/reads.h"

namespace weir::serve {

class RequestMetrics {
public:
    void note(Route route, int status, std::uint64_t bytes, std::chrono::nanoseconds took);
    // An answer of rows, by the layer that it came from.
    void note_layer(Layer layer) {
        layers_.at(static_cast<std::size_t>(layer)).fetch_add(1, std::memory_order_relaxed);
    }
    void append_to(std::string& text) const;

private:
    static constexpr std::size_t route_count = static_cast<std::size_t>(Route::none) + 1;
    static constexpr std::size_t status_count = 32;  // of problem_kinds() and the successes; the last is for others
    static constexpr std::array<double, 14> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                   0.025,  0.05,    0.1,    0.25,  1,      5,     30};
    struct OfRoute {
        std::array<std::atomic<std::uint64_t>, status_count> statuses{};
        std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets{};
        std::atomic<std::uint64_t> nanoseconds{0};
        std::atomic<std::uint64_t> bytes{0};
    };
    std::array<OfRoute, route_count> routes_;
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Layer::merged) + 1> layers_{};
};

// One family at a time: help and type, then samples. Names and units are the caller's.
class MetricsText {
public:
    explicit MetricsText(std::string& text) : text_(text) {}
    void family(std::string_view name, std::string_view type, std::string_view help);
    using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
    void sample(std::string_view name, const Labels& labels, double value);
    void sample(std::string_view name, const Labels& labels, std::uint64_t value);

private:
    std::string& text_;
    void begin_sample(std::string_view name, const Labels& labels);
};

}  // namespace weir::serve
