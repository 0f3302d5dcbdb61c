// `weir up` under kill -9 while messages come in: at random moments, and at the nth call to the disk that its intake,
// its upkeep, its batch or its log makes. After each round what is there is there once and what is published is
// whole; the next `weir up`, or a `weir run`, goes on.
//
//   WEIR_FAULT_SEED=N    when to kill
//   WEIR_FAULT_ROUNDS=N  how often, default 16
#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "fault/fault.h"
#include "fault/live_project.h"
#include "support/background.h"

namespace weir::test {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;

class UpKill : public LiveProject {
protected:
    // One `weir up` that is killed; whether it met the fault before the time was over.
    bool round(const std::string& part, bool at_a_call) {
        Fault fault;
        // The first calls are those of a start; the later, the rarer.
        const auto at = static_cast<std::uint64_t>(std::pow(2.0, std::uniform_real_distribution(0.0, 9.0)(random)));
        if (at_a_call) fault = {random() % 2 == 0 ? Kind::kill_before : Kind::kill_after, at, part};
        SCOPED_TRACE(to_string(fault));
        const FaultedCalls calls(project, fault);
        const auto err = scratch / "up.err";
        Background up(project, {"up", "--listen", "127.0.0.1:0"}, err, calls.environment());
        std::thread producer([this] {
            for (int i = 0; i < 3; ++i) produce(100);
        });
        // The upkeep looks every two seconds.
        const auto longest =
            at_a_call ? (part == "upkeep" ? 3000ms : 1500ms) : std::chrono::milliseconds(random() % 1200);
        const auto end = std::chrono::steady_clock::now() + longest;
        while (up.running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(5ms);
        const bool met = !up.running();
        EXPECT_EQ(up.end(SIGKILL), 128 + SIGKILL) << read(err);
        producer.join();
        expect_whole();
        if (HasFailure()) std::cout << calls.log() << read(err) << std::endl;
        return met;
    }
};

TEST_F(UpKill, kill_9_of_any_part_loses_nothing_doubles_nothing_and_mixes_no_runs) {
    const char* wanted = std::getenv("WEIR_FAULT_ROUNDS");
    const int rounds = wanted != nullptr ? std::stoi(wanted) : 16;
    const std::vector<std::string> parts{"intake", "upkeep", "batch", "log", "speed", ""};
    std::map<std::string, int> met;
    for (int i = 0; i < rounds && !HasFailure(); ++i) {
        const auto& part = parts[static_cast<std::size_t>(i) % parts.size()];
        const bool at_a_call = part != "speed" && random() % 4 != 0;
        if (round(part, at_a_call)) ++met[part.empty() ? "any" : part];
        if (HasFailure() || random() % 3 != 0) continue;
        // In between the rest is taken in, by one that nobody kills.
        const auto done = go({"run"});
        EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
        expect_everything();
    }
    if (HasFailure()) return;
    const auto err = scratch / "up.err";
    Background up(project, {"up", "--listen", "127.0.0.1:0"}, err);
    wait_until_taken_in(err);
    EXPECT_EQ(up.end(SIGTERM), 0) << read(err);
    expect_everything();
    std::cout << rounds << " rounds, " << sent << " messages; killed at a call of";
    for (const auto& [part, times] : met) std::cout << " " << part << ": " << times;
    std::cout << std::endl;
}

}  // namespace
}  // namespace weir::test
