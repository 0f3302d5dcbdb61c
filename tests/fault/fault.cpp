#include "fault/fault.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>

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
    auto text = std::string(name_of(fault.kind)) + " at call " + std::to_string(fault.at);
    if (!fault.thread.empty()) text += " of " + fault.thread;
    if (!fault.only.empty()) text += ", " + fault.only;
    if (!fault.path.empty()) text += " on …" + fault.path;
    return text;
}

// Beside the folder, so that its own bytes are not counted.
FaultedCalls::FaultedCalls(const fs::path& folder, const Fault& fault)
    : state_(folder.string() + ".fault-state"), log_(folder.string() + ".fault-log") {
    write(state_, std::string(sizeof(counters()), '\0'));
    fs::remove(log_);
    environment_ = {{"LD_PRELOAD", WEIR_FAULT_PRELOAD},
                    {"WEIR_FAULT_NO_SYNC", "1"},
                    {"WEIR_FAULT_DIR", folder.string()},
                    {"WEIR_FAULT_STATE", state_.string()},
                    {"WEIR_FAULT_LOG", log_.string()},
                    {"WEIR_FAULT_KIND", name_of(fault.kind)},
                    {"WEIR_FAULT_AT", std::to_string(fault.kind == Fault::Kind::none ? 0 : fault.at)}};
    if (!fault.thread.empty()) environment_["WEIR_FAULT_THREAD"] = fault.thread;
    if (!fault.only.empty()) environment_["WEIR_FAULT_ONLY"] = fault.only;
    if (!fault.path.empty()) environment_["WEIR_FAULT_PATH"] = fault.path;
}

FaultedCalls::~FaultedCalls() {
    fs::remove(state_);
    fs::remove(log_);
}

std::array<std::uint64_t, 4> FaultedCalls::counters() const {
    std::array<std::uint64_t, 4> counters{};
    const std::string bytes = fs::exists(state_) ? read(state_) : "";
    if (bytes.size() == sizeof(counters)) std::memcpy(counters.data(), bytes.data(), sizeof(counters));
    return counters;
}

void FaultedCalls::set(std::int64_t place, std::int64_t value) const {
    // In place: the programs have it mapped.
    std::fstream state(state_, std::ios::in | std::ios::out | std::ios::binary);
    state.seekp(place * static_cast<std::int64_t>(sizeof(value)))
        .write(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string FaultedCalls::log() const { return fs::exists(log_) ? read(log_) : ""; }

Faulted run_with_fault(const std::vector<std::string>& command, const fs::path& folder, const Fault& fault,
                       const RunWith& with) {
    const FaultedCalls calls(folder, fault);
    RunWith faulty = with;
    for (const auto& [name, value] : calls.environment()) faulty.environment[name] = value;
    Faulted faulted{.fault = fault, .finished = run(command, faulty)};
    faulted.calls = calls.calls();
    faulted.happened = calls.happened();
    faulted.log = calls.log();
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
