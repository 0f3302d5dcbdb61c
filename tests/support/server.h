// `weir up` in the background, on a free port.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "serve/http/testing.h"

namespace weir::test {

class UpServer {
public:
    // Waits until it listens and, without TLS, until it is ready; port() is 0 where it ended instead, and err() says
    // why.
    UpServer(const std::filesystem::path& directory, std::vector<std::string> more = {"--only", "serve"},
             const std::map<std::string, std::string>& environment = {}, std::uint64_t open_files_max = 0);
    ~UpServer();
    UpServer(const UpServer&) = delete;

    std::uint16_t port() const { return port_; }
    // What it wrote to standard error so far.
    std::string err() const;
    // Sends the signal and waits: the exit code, 128 + number where a signal ended it.
    int stop(int signal = 15);
    pid_t pid() const { return pid_; }

    serve::http::testing::Answer get(const std::string& target,
                                     const std::map<std::string, std::string>& fields = {}) const {
        return serve::http::testing::get(port_, target, fields);
    }

private:
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
    std::filesystem::path err_;
};

}  // namespace weir::test
