// GET /status: the pipeline in one document, and GET /status/stream: the same as events, about one a second.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "declare/project.h"
#include "observe/system_facts.h"
#include "observe/watermarks.h"
#include "serve/api/metrics.h"
#include "serve/http/exchange.h"
#include "serve/read/batch_reads.h"
#include "serve/read/connections.h"
#include "serve/read/system_reads.h"

namespace weir::serve {

struct StatusOptions {
    std::string name, version;                  // of the project; of weir
    const declare::Project* project = nullptr;  // nothing: a bare lake; must outlive the page
    std::function<std::string()> parts;         // a JSON object: what the parts of this process say of themselves
    std::function<void(const Error&)> log_fault;
    std::size_t streams_max = 1000;
};

// Safe from any thread.
class StatusPage {
public:
    StatusPage(const BatchReads& reads, SystemReads& system, Connections& connections, StatusOptions options);

    // Runs on a thread for queries. What stands in the lake is read when it changed, at most about once a second.
    Result<std::string> document();
    // The stream's answer; nothing where there are too many.
    std::optional<http::Response> open_stream();
    // Tells every stream; about once a second, by one thread.
    void tell_streams();
    void close();
    // How large the tables of sources are, for /metrics; nothing where that cannot be told.
    void append_tables(MetricsText& text);

private:
    struct LakeFacts {
        std::vector<observe::SourceRows> sources;
        std::vector<observe::Verdict> verdicts;
        std::vector<SystemReads::TableFacts> tables;
        std::vector<observe::SourceWatermark> watermarks;  // also moved by the clock
    };
    Result<std::vector<std::string>> base_tables() const;
    Result<LakeFacts> look();

    const BatchReads& reads_;
    SystemReads& system_;
    Connections& connections_;
    const StatusOptions options_;
    const Time up_since_;
    std::mutex looking_;  // one look at a time; guards the members up to the next comment
    std::chrono::steady_clock::time_point looked_{};
    std::string seen_;  // the versions that the facts are of
    LakeFacts facts_;
    // Guarded by mutex_.
    std::mutex mutex_;
    bool closed_ = false;
    std::int64_t told_ = 0;
    std::vector<std::shared_ptr<http::EventQueue>> streams_;
};

}  // namespace weir::serve
