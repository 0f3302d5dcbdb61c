// The program in the background, until it is sent a signal.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/process.h"

namespace weir::test {

class Background {
public:
    Background(const std::filesystem::path& directory, const std::vector<std::string>& words,
               const std::filesystem::path& err, const std::map<std::string, std::string>& environment = {}) {
        std::vector<std::string> command{weir().string()};
        command.insert(command.end(), words.begin(), words.end());
        pid_ = ::fork();
        if (pid_ != 0) return;
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const int out = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        ::dup2(out, STDERR_FILENO);
        ::dup2(out, STDOUT_FILENO);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        if (::chdir(directory.c_str()) == 0) ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    ~Background() { end(SIGKILL); }
    Background(const Background&) = delete;
    bool running() {
        if (pid_ <= 0 || ended_) return false;
        ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
        return !ended_;
    }
    // Sends the signal and waits. 128 + number where a signal ended it.
    int end(int signal) {
        if (pid_ <= 0) return -1;
        if (!ended_) {
            ::kill(pid_, signal);
            ::waitpid(pid_, &status_, 0);
        }
        pid_ = -1;
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    }

private:
    pid_t pid_ = -1;
    int status_ = 0;
    bool ended_ = false;
};

}  // namespace weir::test
