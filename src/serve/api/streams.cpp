#include "serve/api/streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/api/view_answer.h"

namespace weir::serve {
namespace {

// Some hundred publications; a client that is further behind comes again.
constexpr std::size_t publications_queue_bytes = 64 * 1024;

std::string event_of(const CatalogueEntry& view) {
    return fmt::format("id: {}\nevent: publication\ndata: {}\n\n", view.from.publication,
                       provenance_json(view.name, view.from, SystemClock().now()));
}

}  // namespace

std::optional<http::Response> Streams::open(const CatalogueEntry& view, std::string_view last_id) {
    auto queue = std::make_shared<http::EventQueue>(publications_queue_bytes);
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const Stream& stream) { return stream.queue->closed(); });
    if (closed_ || streams_.size() >= most_) return std::nullopt;
    queue->push("retry: 2000\n\n");
    if (view.has_result && last_id != std::to_string(view.from.publication)) queue->push(event_of(view));
    streams_.push_back({.view = view.name, .told = view.has_result ? view.from.publication : 0, .queue = queue});
    return http::event_stream(std::move(queue));
}

void Streams::publish(const std::vector<CatalogueEntry>& views) {
    const std::lock_guard lock(mutex_);
    for (auto& stream : streams_) {
        const auto found =
            std::lower_bound(views.begin(), views.end(), stream.view,
                             [](const CatalogueEntry& view, const std::string& name) { return view.name < name; });
        if (found == views.end() || found->name != stream.view || !found->has_result ||
            found->from.publication == stream.told)
            continue;
        stream.told = found->from.publication;
        stream.queue->push(event_of(*found));
    }
    std::erase_if(streams_, [](const Stream& stream) { return stream.queue->closed(); });
}

void Streams::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& stream : streams_) {
        stream.queue->push("retry: 5000\n\n");
        stream.queue->close();
    }
    streams_.clear();
}

std::size_t Streams::count() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(streams_.begin(), streams_.end(), [](const Stream& stream) { return !stream.queue->closed(); }));
}

}  // namespace weir::serve
