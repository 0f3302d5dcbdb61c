// POST /topics/TOPIC: rows into the log. 202 says that all of them are durable as `log: sync:` has it; anything else
// that none was taken, or that it is not known (then an idempotency key makes sending again safe).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/auth/principal.h"
#include "serve/http/exchange.h"
#include "serve/problem.h"
#include "source/log/publisher.h"

namespace weir::serve {

struct PostedRow {
    std::string value;  // one JSON object on one line
    std::optional<std::string> key;
};
struct RowFault {
    std::size_t row;  // from 1
    std::string detail;
};
enum class PostedAs { lines, array };

// Takes a body apart. `key`: the member whose value is a row's key; empty: rows have none. Nothing where the body as a
// whole is no list; faults where rows are none.
std::optional<std::vector<PostedRow>> posted_rows(PostedAs as, std::string_view body, const std::string& key,
                                                  std::vector<RowFault>& faults);

class TopicPosts {
public:
    // `log_fault` is told what clients are not.
    TopicPosts(fs::path log, source::log::LogOptions options, std::function<void(const Error&)> log_fault)
        : log_(std::move(log)), options_(std::move(options)), log_fault_(std::move(log_fault)) {}
    ~TopicPosts();
    // Waits for the disk.
    http::Response post(const http::Head& head, const std::string& topic, const std::string& body,
                        const Principal& principal);

private:
    struct Open {
        int order = 0;
        std::unique_ptr<source::log::Publisher> publisher;
    };
    struct Seen {
        std::string content;  // hash
        bool under_way = true;
    };
    fs::path log_;
    source::log::LogOptions options_;
    const std::function<void(const Error&)> log_fault_;
    std::mutex mutex_;
    int opened_ = 0;
    std::vector<Open> free_;
    std::map<std::string, Seen> seen_;  // by idempotency key

    std::string other_topic(const std::string& topic, const Error& error, const Principal& principal) const;
    Result<Open> borrow();
    void give_back(Open open);
    http::Response append(const std::string& topic, const std::vector<PostedRow>& rows,
                          std::optional<std::int64_t> producer);
};

}  // namespace weir::serve
