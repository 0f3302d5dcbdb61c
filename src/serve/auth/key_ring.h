// The keys in force: those that serve.yaml and the files it names had when they were last found whole.
//
//   files changed ──► the same for a second ──► read ──► whole: from now on these, streams of before end
//                                                 └────► broken: told, and the keys in force stay
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "declare/project.h"
#include "serve/auth/authenticator.h"
#include "serve/settled_files.h"

namespace weir::serve {

class KeyRing {
public:
    // `project`: nothing for a bare lake, which has no keys; else it outlives the ring. `note` gets a sentence for the
    // operator.
    static Result<std::unique_ptr<KeyRing>> make(const declare::Project* project,
                                                 std::function<void(const std::string&)> note);

    // Safe from any thread. Whether there are keys at all does not change.
    const Authenticator& current() const;
    bool is_open() const { return open_; }
    // Of the keys in force: another number, other keys.
    std::uint64_t number() const { return number_.load(std::memory_order_acquire); }
    // False while the files are not what is in force.
    bool is_of_the_files() const { return whole_; }

    // Looks for changes; about once a second, from one thread.
    void look();

private:
    KeyRing() = default;
    std::vector<std::filesystem::path> files(const declare::ServeAccess& access) const;
    Status read_again();

    const declare::Project* project_ = nullptr;
    std::function<void(const std::string&)> note_;
    bool open_ = true;
    std::atomic<std::uint64_t> number_{0};
    std::atomic<bool> whole_{true};
    mutable std::mutex mutex_;
    std::shared_ptr<const Authenticator> current_;  // guarded by mutex_
    // Of the thread that looks.
    declare::ServeAccess access_;  // what was read last, whole or not: it names the files to look at
    SettledFiles files_;
};

}  // namespace weir::serve
