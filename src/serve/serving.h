// Serving as one part of `weir up`: reads, API and server, started and stopped together.
//
//   publication ──► refresh, about once a second ──► Reads ──► Api ──► Server
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "declare/project.h"
#include "source/log/log.h"
#include "view/speed/speed_layer.h"

namespace weir::serve {

struct ServingOptions {
    std::filesystem::path lake;
    const declare::Project* project = nullptr;  // nothing: a bare lake; must outlive the part
    view::SpeedLayer* speed = nullptr;          // nothing: what came in since is taken in when it is asked for
    std::string listen;                         // empty: as serve.yaml says
    std::string version;                        // of weir
    // Where the log is that rows may be posted to; nothing: none can be.
    std::optional<std::filesystem::path> log;
    source::log::LogOptions log_options;
    // What the parts of this process say of themselves, a JSON object; nothing: there is no more than this one.
    std::function<std::string()> parts;
    // weir.runs as a relation in SQL; nothing: it is not served.
    std::function<Result<std::string>()> runs;
    std::function<void(const std::string&)> note = [](const std::string&) {};  // a sentence for the operator
};

struct ServingStatus {
    std::size_t connections = 0;
    std::size_t waiting = 0;  // requests, for a thread
    std::size_t streams = 0;
    std::optional<bool> store_up;  // nothing: there is none on a network
};

// Whether all that serve.yaml refers to is there and can be used as a secret or key: what start() finds too, but by
// then other parts run.
Status check_secrets(const declare::Project& project);

// Safe from any thread.
class Serving {
public:
    // Listens from here on.
    static Result<std::unique_ptr<Serving>> start(ServingOptions options);
    // Closes everything at once; stop() first lets requests end.
    ~Serving();
    Serving(const Serving&) = delete;

    // "http://127.0.0.1:8080"
    const std::string& url() const;
    ServingStatus status() const;
    // True: every request under way got its answer in the time that serve.yaml gives.
    bool stop();

private:
    struct Impl;
    explicit Serving(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace weir::serve
