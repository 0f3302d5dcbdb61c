// GET /stream/VIEW: an event for each publication of a view, with the publication's number as its id. A client that
// comes back with the last id that it saw hears at once whether there is a newer one; none in between is needed, since
// each publication is whole.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/http/exchange.h"
#include "serve/read/reads.h"

namespace weir::serve {

class Streams {
public:
    explicit Streams(std::size_t most) : most_(most) {}
    // The stream's answer; `last_id` as the client sent it. Nothing where there are too many streams.
    std::optional<http::Response> open(const CatalogueEntry& view, std::string_view last_id);
    // Tells every stream whose view has a publication that it was not told of.
    void publish(const std::vector<CatalogueEntry>& views);
    // Ends all, and asks clients to come back.
    void close();
    std::size_t count() const;

private:
    struct Stream {
        std::string view;
        std::int64_t told = 0;
        std::shared_ptr<http::EventQueue> queue;
    };
    std::size_t most_;
    mutable std::mutex mutex_;
    bool closed_ = false;
    std::vector<Stream> streams_;
};

}  // namespace weir::serve
