// A line of JSON about each request. Loops add lines without waiting; one thread writes them. Where lines come faster
// than they can be written, some are left out, and how many is a metric.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"

namespace weir::serve {

class AccessLog {
public:
    enum class To { none, stderr_stream, file };
    // A file is kept at 64 MB: then it becomes FILE.1, and what was there goes.
    AccessLog(To to, fs::path file);
    ~AccessLog();
    AccessLog(const AccessLog&) = delete;
    bool on() const { return to_ != To::none; }
    // With its line end.
    void add(std::string_view line);
    std::uint64_t left_out() const { return left_out_.load(); }

private:
    To to_;
    fs::path path_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::string waiting_;
    bool stopping_ = false;
    std::atomic<std::uint64_t> left_out_{0};
    std::thread thread_;
    void run();
    void write(const std::string& lines);
};

// A query string without the values of parameters that are called like secrets.
std::string without_secrets(std::string_view query);

}  // namespace weir::serve
