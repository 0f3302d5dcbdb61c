// What ran, when, and how it ended. SQLite; losing it loses history, not data.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/interval.h"

struct sqlite3;

namespace weir::orchestrate {

enum class StepKind { source, view, export_file };
enum class StepState { running, done, unchanged, failed };
std::string_view to_string(StepKind kind);
std::string_view to_string(StepState state);

struct Step {
    std::int64_t id = 0;
    std::string run_id;
    StepKind kind = StepKind::source;
    std::string node;
    std::optional<Day> interval_from;
    StepState state = StepState::running;
    Time started_at{};
    std::optional<Time> finished_at;
    std::int64_t rows = 0;
    std::string reason;
    std::string error;
    std::string fingerprint;  // of all that a result or a file is made of; equal: it would be equal too
    std::string basis;        // of a view's result: what the next one can go on from; written, not read back
};

class Ledger {
public:
    // Creates it if absent. A damaged file is set aside beside the new one; `set_aside` then names it.
    static Result<Ledger> open(const std::filesystem::path& file);
    // For who only asks: where there is no ledger, an empty one in memory.
    static Result<Ledger> look(const std::filesystem::path& file);
    const std::string& set_aside() const { return set_aside_; }

    // Unique and sortable, also when the clock goes back: its time part never falls below the last run's.
    Result<std::string> new_run_id(Time now);
    Result<std::int64_t> begin(const Step& step);
    // Writes how the step `done.id` ended: state, finished_at, rows, reason, error, fingerprint, basis.
    Status finish(const Step& done);
    // The fingerprint of the newest finished computation of a view for a day; empty if there is none.
    Result<std::string> fingerprint(const std::string& view, Day interval_from) const;
    // The basis of the newest finished computation of a view; empty if there is none.
    Result<std::string> basis(const std::string& view) const;
    // The fingerprint with which a file was last exported; empty if it never was.
    Result<std::string> exported(const std::string& file) const;
    // The newest steps first.
    Result<std::vector<Step>> steps(std::size_t most) const;

private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    explicit Ledger(sqlite3* handle) : handle_(handle) {}
    static Result<Ledger> open_once(const std::filesystem::path& file);
    std::unique_ptr<sqlite3, Close> handle_;
    std::string set_aside_;
};

}  // namespace weir::orchestrate
