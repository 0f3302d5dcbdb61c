#include "fault/fault.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace weir::test {
namespace fs = std::filesystem;
namespace {

const char* name_of(Fault::Kind kind) {
    switch (kind) {
        case Fault::Kind::none: return "none";
        case Fault::Kind::eio: return "eio";
        case Fault::Kind::disk_full: return "enospc";
        case Fault::Kind::short_write: return "short";
        case Fault::Kind::kill_before: return "before";
        case Fault::Kind::kill_after: return "after";
    }
    return "none";
}

}  // namespace

std::string to_string(const Fault& fault) {
    return std::string(name_of(fault.kind)) + " at call " + std::to_string(fault.at);
}

Faulted run_with_fault(const std::vector<std::string>& command, const fs::path& folder, const Fault& fault,
                       const RunWith& with) {
    // Beside the folder, so that its own bytes are not counted.
    const fs::path state = folder.string() + ".fault-state";
    const fs::path log = folder.string() + ".fault-log";
    write(state, std::string(16, '\0'));
    fs::remove(log);
    RunWith faulty = with;
    faulty.environment["LD_PRELOAD"] = WEIR_FAULT_PRELOAD;
    faulty.environment["WEIR_FAULT_NO_SYNC"] = "1";
    faulty.environment["WEIR_FAULT_DIR"] = folder.string();
    faulty.environment["WEIR_FAULT_STATE"] = state.string();
    faulty.environment["WEIR_FAULT_LOG"] = log.string();
    faulty.environment["WEIR_FAULT_KIND"] = name_of(fault.kind);
    faulty.environment["WEIR_FAULT_AT"] = std::to_string(fault.kind == Fault::Kind::none ? 0 : fault.at);
    Faulted faulted{.fault = fault, .finished = run(command, faulty)};
    const std::string bytes = read(state);
    std::array<std::uint64_t, 2> counters{};
    if (bytes.size() == sizeof(counters)) std::memcpy(counters.data(), bytes.data(), sizeof(counters));
    faulted.calls = counters[0];
    faulted.happened = counters[1] > 0;
    if (fs::exists(log)) faulted.log = read(log);
    fs::remove(state);
    fs::remove(log);
    return faulted;
}

Finished run_without_sync(const std::vector<std::string>& command) {
    return run(command, {.environment = {{"LD_PRELOAD", WEIR_FAULT_PRELOAD}, {"WEIR_FAULT_NO_SYNC", "1"}}});
}

int every_call_goes_wrong(const EveryCall& scenario) {
    int rounds = 0;
    std::size_t turn = 0;
    for (auto at = scenario.first;; at += scenario.step, ++turn) {
        bool reached = false;
        for (std::size_t i = 0; i < scenario.kinds.size(); ++i) {
            if (scenario.rotate && turn % scenario.kinds.size() != i) continue;
            const Fault fault{scenario.kinds[i], at};
            SCOPED_TRACE(to_string(fault));
            fs::remove_all(scenario.folder);
            fs::create_directories(scenario.folder);
            scenario.prepare();
            const auto faulted = run_with_fault(scenario.command, scenario.folder, fault, scenario.with);
            reached = reached || faulted.happened;
            scenario.check(faulted);
            ++rounds;
            if (testing::Test::HasFailure()) {
                ADD_FAILURE() << "printed: " << faulted.finished.out << faulted.finished.err << "\ncalls:\n"
                              << faulted.log;
                return rounds;
            }
        }
        if (!reached) return rounds;
    }
}

}  // namespace weir::test
