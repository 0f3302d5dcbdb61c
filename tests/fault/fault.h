// Runs a program with one call to the disk going wrong (fault_preload.c).
#pragma once

#include <cstdint>
#include <functional>

#include "support/process.h"

namespace weir::test {

struct Fault {
    enum class Kind { none, eio, disk_full, short_write, kill_before, kill_after };
    Kind kind = Kind::none;
    std::uint64_t at = 0;  // which call below the folder, from 1
};
std::string to_string(const Fault& fault);

struct Faulted {
    Fault fault;
    Finished finished;
    std::uint64_t calls = 0;  // that change the disk below the folder
    bool happened = false;    // the fault was reached
    std::string log;          // "number call path", one line each
};

// `folder`: an absolute path without links; calls elsewhere are left alone.
Faulted run_with_fault(const std::vector<std::string>& command, const std::filesystem::path& folder, const Fault& fault,
                       const RunWith& with = {});

// Runs it without faults, and without waiting for the disk.
Finished run_without_sync(const std::vector<std::string>& command);

struct EveryCall {
    std::vector<std::string> command;
    std::filesystem::path folder;    // emptied before each round
    std::vector<Fault::Kind> kinds;  // with `rotate`, round n has only the nth of them, in turn
    bool rotate = false;
    std::uint64_t first = 1, step = 1;      // which calls: first, first + step …
    std::function<void()> prepare = [] {};  // after emptying
    // Judges what the round left behind; the folder holds what the disk holds.
    std::function<void(const Faulted&)> check;
    RunWith with{};
};

// One round for each of the calls and each kind, until the call number is not reached any more; says how many rounds.
// A round with a failed expectation ends the loop. `check` also sees a last round without a fault.
int every_call_goes_wrong(const EveryCall& scenario);

}  // namespace weir::test
