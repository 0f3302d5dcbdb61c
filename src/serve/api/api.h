// The API behind the HTTP server: routes, rights, answers.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "serve/api/access_log.h"
#include "serve/api/changes.h"
#include "serve/api/key_answer.h"
#include "serve/api/metrics.h"
#include "serve/api/status.h"
#include "serve/api/streams.h"
#include "serve/api/topics.h"
#include "serve/api/view_answer.h"
#include "serve/auth/key_ring.h"
#include "serve/auth/rates.h"
#include "serve/http/exchange.h"

namespace weir::serve {

struct ApiOptions {
    std::string title = "weir";
    std::string version = "0";
    std::vector<std::string> origins;
    bool tls = false;
    declare::Rate rate, address_rate;
    std::size_t body_bytes_max = 0;
    std::vector<std::string> not_stored;  // views that are there for other views alone
};

class Api final : public http::Service {
public:
    Api(Reads& reads, ViewAnswers& answers, const KeyRing& ring, AccessLog& log, ApiOptions options);

    http::Admission admit(http::Exchange& exchange) override;
    std::optional<http::Response> answer(http::Exchange& exchange) override;
    http::Response work(http::Exchange& exchange) override;
    http::Response busy(http::Exchange& exchange) override;
    http::Response refuse(const http::Refusal& refusal) override;
    void finished(const http::Exchange* exchange, const http::Peer& peer, int status, std::uint64_t bytes) override;
    void tick() override;

    // From now on /readyz says no.
    void begin_drain() { draining_ = true; }
    // /readyz says no until then; before the server starts.
    void ready_when(std::function<bool()> loaded) { loaded_ = std::move(loaded); }
    // Look-ups by key; before the server starts.
    void use_keys(KeyAnswers& keys) { keys_ = &keys; }
    void use_topics(TopicPosts& topics) { topics_ = &topics; }
    void use_streams(Streams& streams) { streams_ = &streams; }
    void use_changes(Changes& changes) { changes_ = &changes; }
    // System tables and the pipeline's status; before the server starts.
    void use_system(SystemReads& reads, ViewAnswers& answers, StatusPage& status) {
        system_reads_ = &reads;
        system_answers_ = &answers;
        status_ = &status;
    }
    // More metrics, asked for at each scrape.
    void add_metrics(std::function<void(MetricsText&)> more) { more_metrics_ = std::move(more); }

private:
    struct State;
    Reads& reads_;
    ViewAnswers& answers_;
    const KeyRing& ring_;
    AccessLog& log_;
    ApiOptions options_;
    KeyAnswers* keys_ = nullptr;
    TopicPosts* topics_ = nullptr;
    Streams* streams_ = nullptr;
    Changes* changes_ = nullptr;
    SystemReads* system_reads_ = nullptr;
    ViewAnswers* system_answers_ = nullptr;
    StatusPage* status_ = nullptr;
    RequestMetrics metrics_;
    std::atomic<bool> draining_{false};
    std::function<bool()> loaded_ = [] { return true; };
    std::function<void(MetricsText&)> more_metrics_ = [](MetricsText&) {};
    std::shared_ptr<const Principal> anybody_;
    Rates rates_, address_rates_;
    std::atomic<std::uint64_t> refused_credentials_{0};

    std::optional<Problem> check(http::Exchange& exchange, State& state);
    std::optional<Problem> identify(http::Exchange& exchange, State& state);
    std::optional<Problem> take_rate(Rates& rates, std::string_view policy, std::string_view who, State& state);
    std::function<bool()> may_go_on(const State& state) const;
    http::Response failed(http::Exchange& exchange, const std::exception& error) const;
    std::optional<http::Response> answer_now(http::Exchange& exchange);
    http::Response work_on(http::Exchange& exchange);
    void complete(const http::Exchange* exchange, http::Response& response) const;
    std::optional<http::Response> cors_preflight(const http::Exchange& exchange, const State& state) const;
    http::Response index() const;
    http::Response health(const http::Head& head, bool ready) const;
    http::Response metrics_page() const;
    http::Response openapi(const http::Head& head, const Principal& principal) const;
    http::Response tagged_json(const http::Head& head, std::string body, const std::string& tag) const;
    http::Response problem_page(const std::string& name) const;
    http::Response catalogue(const http::Head& head, const Principal& principal, const Reads& reads,
                             std::string_view member) const;
    http::Response status(const http::Head& head) const;
    http::Response status_stream(const http::Head& head) const;
    http::Response key(const http::Head& head, const State& state) const;
    http::Response system_table(const http::Head& head, const std::string& table, const Principal& principal) const;
    http::Response stream(const http::Head& head, const std::string& view,
                          const std::shared_ptr<const Principal>& principal) const;
    bool is_view(const std::string& name) const;
    Problem unknown_view(const std::string& name, const Principal& principal) const;
    Problem unknown_system_table(const std::string& name) const;
};

}  // namespace weir::serve
