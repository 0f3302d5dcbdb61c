// `weir up` when the disk fails: one call that goes wrong, in any of its parts; and a disk that is full, and has room
// again. It says so, goes on by itself or says how, and loses and doubles nothing.
//
//   WEIR_FAULT_SEED=N    which calls
//   WEIR_FAULT_ROUNDS=N  how many calls go wrong, default 8
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include "fault/fault.h"
#include "fault/live_project.h"
#include "support/background.h"

namespace weir::test {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;
using testing::AnyOf;
using testing::HasSubstr;

class UpDisk : public LiveProject {
protected:
    void start(const std::map<std::string, std::string>& with = {}) {
        up.reset();
        up.emplace(project, std::vector<std::string>{"up", "--listen", "127.0.0.1:0"}, err, with);
    }
    // Sends them, again where they were refused.
    void produce_somehow(int count) {
        std::string said;
        for (int attempt = 0; attempt < 40; ++attempt) {
            if (try_to_produce(count, said)) return;
            std::this_thread::sleep_for(100ms);
        }
        ADD_FAILURE() << "nothing can be sent: " << said << read(err);
    }

    // Whether it takes in; who cannot begin says why and ends.
    bool begins() {
        for (int look = 0; look < 600 && up->running(); ++look) {
            if (read(err).find("\"part\": \"intake\", \"note\"") != std::string::npos) return true;
            std::this_thread::sleep_for(100ms);
        }
        return up->running();
    }

    const std::filesystem::path err = scratch / "up.err";
    std::optional<Background> up;
};

TEST_F(UpDisk, any_call_may_fail_once) {
    const char* wanted = std::getenv("WEIR_FAULT_ROUNDS");
    const int rounds = wanted != nullptr ? std::stoi(wanted) : 8;
    const std::vector<std::string> parts{"intake", "batch", "log", "upkeep", ""};
    const std::vector<std::string> calls{"fsync", "write", "", "rename", "open"};
    int met = 0;
    for (int i = 0; i < rounds && !HasFailure(); ++i) {
        const auto at = static_cast<std::uint64_t>(std::pow(2.0, std::uniform_real_distribution(0.0, 6.0)(random)));
        const Fault fault{Kind::eio, at, parts[static_cast<std::size_t>(i) % parts.size()],
                          calls[random() % calls.size()]};
        SCOPED_TRACE(to_string(fault));
        const FaultedCalls faulted(project, fault);
        start(faulted.environment());
        for (int k = 0; k < 3; ++k) produce_somehow(100);
        if (!begins()) {
            EXPECT_EQ(up->end(SIGTERM), 4);
            EXPECT_THAT(read(err), HasSubstr("while starting"));
            start();
        }
        wait_until_taken_in(err);
        EXPECT_EQ(up->end(SIGTERM), 0) << read(err);
        met += faulted.happened();
        expect_everything();
        if (HasFailure()) std::cout << faulted.log() << read(err) << std::endl;
    }
    std::cout << rounds << " rounds, " << met << " calls failed" << std::endl;
}

TEST_F(UpDisk, a_full_disk_is_told_and_waited_for) {
    for (const std::string part : {"intake", "batch", "log", ""}) {
        SCOPED_TRACE(part);
        const FaultedCalls faulted(project, {.thread = part});
        start(faulted.environment());
        produce_somehow(100);
        wait_until_taken_in(err);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
        faulted.fill_disk();
        std::string said;
        for (int look = 0; look < 30 && (read(err) + said).find("No space left") == std::string::npos; ++look) {
            static_cast<void>(try_to_produce(100, said));
            std::this_thread::sleep_for(100ms);
        }
        EXPECT_TRUE(up->running());
        EXPECT_THAT(read(err) + said, HasSubstr("No space left"));
        faulted.make_room();
        for (int k = 0; k < 3; ++k) produce_somehow(100);
        wait_until_taken_in(err);
        EXPECT_EQ(up->end(SIGTERM), 0);
        expect_everything();
        if (!HasFailure()) continue;
        std::cout << faulted.log() << read(err) << std::endl;
        return;
    }
}

// A file system that is really full: what is mapped into memory meets it, too.
TEST_F(UpDisk, a_small_disk_fills_up_and_is_emptied) {
    const auto place = project / "small";
    std::filesystem::create_directories(place);
    if (::mount("none", place.c_str(), "tmpfs", 0, "size=24m") != 0)
        GTEST_SKIP() << "skipped: only root may mount a file system";
    struct Unmount {
        std::filesystem::path place;
        ~Unmount() { ::umount2(place.c_str(), MNT_DETACH); }
    };
    const Unmount unmount{place};
    std::filesystem::copy(project / "log", place / "log", std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(project / "log");
    std::filesystem::create_directories(place / "lake");
    std::filesystem::create_directory_symlink(place / "lake", project / "lake");
    std::filesystem::create_directory_symlink(place / "log", project / "log");
    const auto ballast = place / "ballast";
    std::string said;
    for (int round = 0; round < 3 && !HasFailure(); ++round) {
        start();
        produce_somehow(100);
        wait_until_taken_in(err);
        // All that is left, but for some pages that what is under way may still get.
        const auto room = std::filesystem::space(place).available;
        write(ballast, std::string(room - std::min<std::uintmax_t>(room, random() % (512 << 10)), 'x'));
        for (int look = 0; look < 20 && (read(err) + said).find("No space left") == std::string::npos; ++look) {
            static_cast<void>(try_to_produce(400, said));
            std::this_thread::sleep_for(200ms);
        }
        EXPECT_TRUE(up->running()) << read(err);
        EXPECT_THAT(read(err) + said, HasSubstr("No space left"));
        std::filesystem::remove(ballast);
        produce_somehow(400);
        wait_until_taken_in(err);
        EXPECT_EQ(up->end(SIGTERM), 0) << read(err);
        expect_everything();
        if (HasFailure()) std::cout << read(err) << std::endl;
    }
    up.reset();
}

}  // namespace
}  // namespace weir::test
