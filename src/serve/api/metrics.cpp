#include "serve/api/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::serve {
namespace {

constexpr std::array<int, 31> statuses{200, 202, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414,
                                       415, 417, 421, 422, 429, 431, 500, 501, 503, 505, 0,   0,   0,   0,   0};

std::size_t index_of(int status) {
    const auto found = std::find(statuses.begin(), statuses.end(), status);
    return static_cast<std::size_t>(found - statuses.begin());
}

}  // namespace

void RequestMetrics::note(Route route, int status, std::uint64_t bytes, std::chrono::nanoseconds took) {
    auto& of = routes_.at(static_cast<std::size_t>(route));
    constexpr auto relaxed = std::memory_order_relaxed;
    of.statuses.at(std::min(index_of(status), status_count - 1)).fetch_add(1, relaxed);
    const auto seconds = std::chrono::duration<double>(took).count();
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
    of.buckets.at(static_cast<std::size_t>(bucket)).fetch_add(1, relaxed);
    of.nanoseconds.fetch_add(static_cast<std::uint64_t>(took.count()), relaxed);
    of.bytes.fetch_add(bytes, relaxed);
}

void RequestMetrics::append_to(std::string& text) const {
    MetricsText out(text);
    out.family("weir_http_requests_total", "counter", "Requests answered, by route and status.");
    const auto route_name = [](std::size_t i) { return spec(static_cast<Route>(i)).name; };
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        for (std::size_t s = 0; s < status_count; ++s) {
            const auto count = routes_[i].statuses[s].load();
            if (count == 0) continue;
            const auto status =
                s < statuses.size() && statuses[s] != 0 ? std::to_string(statuses[s]) : std::string("other");
            out.sample("weir_http_requests_total", {{"route", route_name(i)}, {"status", status}}, count);
        }
    }
    out.family("weir_http_request_duration_seconds", "histogram", "From the first byte of a request to its answer.");
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        std::uint64_t count = 0;
        std::array<std::uint64_t, bounds.size() + 1> cumulative{};
        for (std::size_t b = 0; b < cumulative.size(); ++b) cumulative[b] = count += routes_[i].buckets[b].load();
        if (count == 0) continue;
        for (std::size_t b = 0; b < cumulative.size(); ++b) {
            const auto bound = b < bounds.size() ? fmt::format("{}", bounds[b]) : std::string("+Inf");
            out.sample("weir_http_request_duration_seconds_bucket", {{"route", route_name(i)}, {"le", bound}},
                       cumulative[b]);
        }
        out.sample("weir_http_request_duration_seconds_sum", {{"route", route_name(i)}},
                   static_cast<double>(routes_[i].nanoseconds.load()) / 1e9);
        out.sample("weir_http_request_duration_seconds_count", {{"route", route_name(i)}}, count);
    }
    out.family("weir_http_response_body_bytes_total", "counter", "Bytes of answers' bodies.");
    for (std::size_t i = 0; i < routes_.size(); ++i)
        if (const auto bytes = routes_[i].bytes.load(); bytes > 0)
            out.sample("weir_http_response_body_bytes_total", {{"route", route_name(i)}}, bytes);
    out.family("weir_view_answers_total", "counter", "Answers of views and of rows by their keys, by layer.");
    for (const auto layer : {Layer::batch, Layer::speed, Layer::merged})
        out.sample("weir_view_answers_total", {{"layer", to_string(layer)}},
                   layers_.at(static_cast<std::size_t>(layer)).load());
}

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::begin_sample(std::string_view name, const Labels& labels) {
    text_ += name;
    if (!labels.empty()) {
        text_ += '{';
        for (const auto& [label, value] : labels) {
            if (text_.back() != '{') text_ += ',';
            text_ += label;
            text_ += "=\"";
            for (const char c : value) {
                if (c == '\\' || c == '"') text_ += '\\';
                if (c == '\n') {
                    text_ += "\\n";
                } else {
                    text_ += c;
                }
            }
            text_ += '"';
        }
        text_ += '}';
    }
    text_ += ' ';
}

void MetricsText::sample(std::string_view name, const Labels& labels, double value) {
    begin_sample(name, labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void MetricsText::sample(std::string_view name, const Labels& labels, std::uint64_t value) {
    begin_sample(name, labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace weir::serve
