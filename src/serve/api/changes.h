// GET /stream/VIEW?layer=merged: the rows of a view as they come and go.
//
//   about once a second, for each view that somebody follows
//     pin the newest ──► what came and went since the version before ──► event: change, to every stream
//
//   event: snapshot  {"meta":…,"rows":[…]}                                    all rows: what was known before is void
//   event: change    {"meta":…,"inserted":[…],"updated":[…],"deleted":[…]}    rows of a view are a multiset
//   event: problem   {"detail":…}                                             and the stream ends
//
// The id of an event is the version that it leads to. Who comes back with one that is still remembered gets the changes
// since, each once; who does not gets a snapshot. With a key in serve.yaml a row that changed is in `updated`, as it is
// now; without one it is deleted and inserted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/api/key_answer.h"
#include "serve/api/view_answer.h"
#include "serve/auth/principal.h"
#include "serve/http/exchange.h"
#include "serve/read/reads.h"

namespace weir::serve {

struct ChangesOptions {
    std::size_t streams_max = 1000;
    std::int64_t rows_max = 50'000;                       // of a view that is followed
    std::size_t remembered_bytes = std::size_t{1} << 20;  // of changes, a view
    std::size_t queue_bytes = std::size_t{32} << 20;      // to one client
    std::chrono::milliseconds look_every{1000};
    std::function<void(const Error&)> log_fault = [](const Error&) {};
};

class Changes {
public:
    // All references outlive it. `keys` may be null.
    Changes(Reads& reads, ViewAnswers& answers, const KeyAnswers::Specs* keys, ChangesOptions options);
    ~Changes();
    Changes(const Changes&) = delete;

    // The stream's answer; nothing where there are too many.
    std::optional<http::Response> open(const std::string& view, std::shared_ptr<const Principal> principal,
                                       std::string_view last_id);
    // Ends all, and asks clients to come back.
    void close();
    std::size_t count() const { return count_; }

private:
    struct Newcomer {
        std::string view;
        std::shared_ptr<const Principal> principal;
        std::string last_id;
        std::shared_ptr<http::EventQueue> queue;
        int tries = 0;
    };
    // A view, and which rows of it its readers see.
    struct Feed {
        std::string view, condition;
        std::shared_ptr<const Pinned> pinned;
        struct Step {
            std::string id;
            http::Event event;  // nothing: nothing changed on the way to this version
        };
        std::deque<Step> steps;  // the first one is where they begin
        std::size_t bytes = 0;
        std::weak_ptr<const std::string> snapshot;  // of `pinned`, while it is on its way to somebody
        std::vector<std::shared_ptr<http::EventQueue>> streams;
        std::chrono::steady_clock::time_point used{};
    };
    void run();
    void welcome(Newcomer newcomer);
    Status let_in(const Newcomer& newcomer);
    Status advance(Feed& feed);
    Result<http::Event> snapshot_event(Feed& feed);
    Result<std::string> change_event(const Feed& feed, const Pinned& before);
    void look_at_all();

    Reads& reads_;
    ViewAnswers& answers_;
    const KeyAnswers::Specs* keys_;
    const ChangesOptions options_;
    std::atomic<std::size_t> count_{0};
    std::map<std::string, Feed> feeds_;  // of the thread alone
    // Guarded by mutex_.
    std::mutex mutex_;
    std::condition_variable wake_;
    bool closed_ = false;
    std::vector<Newcomer> newcomers_;
    std::vector<Newcomer> waiting_;  // of the thread alone: a run was in their way
    std::thread thread_;
};

}  // namespace weir::serve
