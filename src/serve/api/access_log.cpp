#include "serve/api/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "serve/http/request.h"

namespace weir::serve {
namespace {

constexpr std::size_t waiting_max = std::size_t{16} << 20;
constexpr std::size_t wake_bytes = 64 * 1024;
constexpr off_t file_max = off_t{64} << 20;

}  // namespace

AccessLog::AccessLog(To to, fs::path file) : to_(to), path_(std::move(file)) {
    if (on()) thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
    if (!on()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void AccessLog::add(std::string_view line) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() > waiting_max) {
            ++left_out_;
            return;
        }
        const auto before = waiting_.size();
        waiting_ += line;
        wake = before < wake_bytes && waiting_.size() >= wake_bytes;
    }
    if (wake) wake_.notify_one();
}

void AccessLog::run() {
    std::string lines;
    for (;;) {
        bool last = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, std::chrono::milliseconds(250),
                           [this] { return stopping_ || waiting_.size() >= wake_bytes; });
            std::swap(lines, waiting_);
            last = stopping_;
        }
        if (!lines.empty()) write(lines);
        lines.clear();
        if (last) return;
    }
}

void AccessLog::write(const std::string& lines) {
    FileHandle file;
    int fd = STDERR_FILENO;
    if (to_ == To::file) {
        file = FileHandle(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
        if (!file.open()) {
            left_out_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
            return;
        }
        fd = file.get();
    }
    std::string_view rest = lines;
    while (!rest.empty()) {
        const auto count = ::write(fd, rest.data(), rest.size());
        if (count <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    if (to_ == To::file && ::lseek(fd, 0, SEEK_END) > file_max) {
        std::error_code ignored;
        fs::rename(path_, path_.string() + ".1", ignored);
    }
}

std::string without_secrets(std::string_view query) {
    constexpr std::array<std::string_view, 6> secret{"access_token", "token", "api_key", "apikey", "key", "password"};
    std::string kept;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
        const auto name = pair.substr(0, pair.find('='));
        const bool hide = std::any_of(secret.begin(), secret.end(),
                                      [&](std::string_view one) { return http::equals_lower(name, one); });
        if (!kept.empty()) kept += '&';
        kept += hide ? std::string(name) + "=…" : std::string(pair);
    }
    return kept;
}

}  // namespace weir::serve
