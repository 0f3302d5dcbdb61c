#include "support/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "support/process.h"

namespace weir::test {

UpServer::UpServer(const std::filesystem::path& directory, std::vector<std::string> more,
                   const std::map<std::string, std::string>& environment, std::uint64_t open_files_max) {
    static int number = 0;
    err_ = directory / ("up-" + std::to_string(::getpid()) + "-" + std::to_string(++number) + ".err");
    std::vector<std::string> words{weir().string(), "up"};
    words.insert(words.end(), more.begin(), more.end());
    if (std::find(words.begin(), words.end(), "--listen") == words.end())
        words.insert(words.end(), {"--listen", "127.0.0.1:0"});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        end_with_parent(SIGKILL);
        const rlimit files{open_files_max, open_files_max};
        if (open_files_max > 0 && ::setrlimit(RLIMIT_NOFILE, &files) != 0) ::_exit(125);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        const int fd = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (::chdir(directory.c_str()) != 0) ::_exit(126);
        ::dup2(fd, STDERR_FILENO);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    const std::string before = "://127.0.0.1:";
    for (int i = 0; i < 12'000 && port_ == 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const auto text = err();
        const auto at = text.find(before);
        if (at != std::string::npos && text.find('\n', at) != std::string::npos)
            port_ = static_cast<std::uint16_t>(std::stoi(text.substr(at + before.size())));
        int status = 0;
        if (port_ == 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return;
        }
    }
    if (err().find("http" + before) == std::string::npos) return;
    for (int i = 0; i < 12'000 && get("/readyz").status == 503; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

UpServer::~UpServer() {
    if (pid_ > 0) stop(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove(err_, ignored);
}

std::string UpServer::err() const { return std::filesystem::exists(err_) ? read(err_) : std::string(); }

int UpServer::stop(int signal) {
    if (pid_ <= 0) return -1;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace weir::test
