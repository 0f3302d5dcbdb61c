// Runs the built program (or any other) as a user would, and keeps what it printed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/places.h"

namespace weir::test {

struct Finished {
    int exit_code = -1;  // 128 + signal number if a signal ended it
    std::string out, err;
    std::uint64_t peak_memory = 0;  // bytes
};

// A program under a sanitizer needs several times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 5;
#else
inline constexpr int slowness = 1;
#endif

struct RunWith {
    std::filesystem::path directory = ".";
    std::map<std::string, std::string> environment;  // added to ours
    int timeout_seconds = 600 * slowness;            // then it is killed
};

// `command[0]` is looked up in PATH. Never goes through a shell.
Finished run(const std::vector<std::string>& command, const RunWith& with = {});

// In a child between fork and exec: this signal ends it when the thread that forked it is gone, however that ended. One
// that lives on would hold the output of its test, and with it ctest.
void end_with_parent(int signal);

// The program under test.
std::filesystem::path weir();

// What a running program has of the machine's memory, in bytes.
std::size_t memory_of(pid_t pid);

// An own, empty folder that is removed at the end.
class Scratch {
public:
    explicit Scratch(const std::string& name);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

void write(const std::filesystem::path& file, const std::string& content);
std::string read(const std::filesystem::path& file);

}  // namespace weir::test
