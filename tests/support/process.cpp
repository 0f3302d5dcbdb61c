#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace weir::test {
namespace fs = std::filesystem;

Finished run(const std::vector<std::string>& command, const RunWith& with) {
    std::array<int, 2> out{}, err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) return {};
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const auto child = ::fork();
    if (child == 0) {
        end_with_parent(SIGKILL);
        ::dup2(out[1], 1);
        ::dup2(err[1], 2);
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, 0);
        if (::chdir(with.directory.c_str()) != 0) ::_exit(126);
        for (const auto& [name, value] : with.environment) ::setenv(name.c_str(), value.c_str(), 1);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    Finished finished;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(with.timeout_seconds);
    std::array<pollfd, 2> waiting{pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
    while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
        if (std::chrono::steady_clock::now() > deadline) ::kill(child, SIGKILL);
        if (::poll(waiting.data(), waiting.size(), 200) <= 0) continue;
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
            std::array<char, 65536> buffer;
            const auto got = ::read(waiting[i].fd, buffer.data(), buffer.size());
            if (got > 0)
                (i == 0 ? finished.out : finished.err).append(buffer.data(), static_cast<std::size_t>(got));
            else
                waiting[i].fd = -1;
        }
    }
    ::close(out[0]);
    ::close(err[0]);
    int status = 0;
    rusage used{};
    ::wait4(child, &status, 0, &used);
    finished.peak_memory = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
    finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

void end_with_parent(int signal) { ::prctl(PR_SET_PDEATHSIG, signal); }

fs::path weir() { return WEIR_BINARY; }

std::size_t memory_of(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
    return 0;
}

Scratch::Scratch(const std::string& name)
    : path_(fs::temp_directory_path() / ("weir-" + name + "-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
}

Scratch::~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void write(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
}

std::string read(const fs::path& file) {
    std::stringstream content;
    content << std::ifstream(file, std::ios::binary).rdbuf();
    return content.str();
}

}  // namespace weir::test
