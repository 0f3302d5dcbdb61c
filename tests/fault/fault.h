// Runs a program with one call to the disk going wrong (fault_preload.c).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>

#include "support/process.h"

namespace weir::test {

struct Fault {
    enum class Kind { none, eio, disk_full, short_write, kill_before, kill_after };
    Kind kind = Kind::none;
    std::uint64_t at = 0;  // which call below the folder, from 1; of those that are meant:
    std::string thread{};  // by threads of this name
    std::string only{};    // of this name
    std::string path{};    // on paths that have this in them
};
std::string to_string(const Fault& fault);

// What a program in whose calls a fault happens is started with, and what became of it.
class FaultedCalls {
public:
    // `folder`: an absolute path without links; calls elsewhere are left alone.
    FaultedCalls(const std::filesystem::path& folder, const Fault& fault);
    ~FaultedCalls();
    FaultedCalls(const FaultedCalls&) = delete;

    const std::map<std::string, std::string>& environment() const { return environment_; }
    std::uint64_t calls() const { return counters().at(0); }
    bool happened() const { return counters().at(1) > 0; }
    // From now on, whatever the fault says.
    void fill_disk() const { set(2, 1); }
    void make_room() const { set(2, 2); }
    // The clock of the day is wrong by so much.
    void set_clock_wrong(std::chrono::seconds by) const { set(3, by.count()); }
    // "number call path", one line each
    std::string log() const;

private:
    std::array<std::uint64_t, 4> counters() const;
    void set(std::int64_t place, std::int64_t value) const;
    std::filesystem::path state_, log_;
    std::map<std::string, std::string> environment_;
};

struct Faulted {
    Fault fault;
    Finished finished;
    std::uint64_t calls = 0;  // that change the disk below the folder
    bool happened = false;    // the fault was reached
    std::string log;          // "number call path", one line each
};

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
