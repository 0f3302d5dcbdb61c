// The parts of `weir up`: each is started, runs by itself, and is stopped. `--only` selects among them.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/parse.h"
#include "cli/project.h"
#include "cli/terminal.h"
#include "orchestrate/live/epochs.h"
#include "orchestrate/lock.h"
#include "view/speed/speed_layer.h"

namespace weir::cli {

// What the parts said of themselves last: a JSON object with a member a part. Safe from any thread.
class StatusBoard {
public:
    void put(std::string json) {
        const std::lock_guard lock(mutex_);
        json_ = std::move(json);
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return json_;
    }

private:
    mutable std::mutex mutex_;
    std::string json_ = "{}";
};

// What the parts of one `weir up` give each other.
struct SharedParts {
    std::filesystem::path lake;
    StatusBoard board;
    // Of the lake: whoever changes it holds it, together with the others.
    std::shared_ptr<orchestrate::RunLock> lock;
    view::SpeedLayer* speed = nullptr;    // null: that part does not run
    std::set<std::string> taken_in_live;  // sources
    // Who is told of the epochs that intake commits: a part that starts before intake adds itself.
    std::vector<orchestrate::EpochListener*> epoch_listeners;
};

// What the parts of one `weir up` share. It outlives them.
struct UpContext {
    const Invocation& invocation;
    Terminal& terminal;
    const Opened& opened;
    SharedParts& shared;
    // The lake's lock, taken by the first that asks.
    Result<std::shared_ptr<orchestrate::RunLock>> lock_lake() const;
    // A sentence for the operator, on standard error: a line of JSON off a terminal, and with --json. `run_id`: of the
    // run that it is about. Safe from any thread.
    void note(std::string_view part, const std::string& text, std::string_view run_id = {}) const;
};

class Part {
public:
    virtual ~Part() = default;
    // What it does from now on, in words: "serving 42 views at http://127.0.0.1:8080".
    virtual std::string describe() const = 0;
    // What it says of itself once a second: for people, without line ends; and members of a JSON object, without its
    // braces. Empty: nothing.
    virtual std::string status_text() { return {}; }
    virtual std::string status_json() { return {}; }
    // The same with what is too much for a line a second, for /status, /metrics and weir.parts.
    virtual std::string board_json() { return status_json(); }
    // Something went wrong that ends the whole program; nothing while all is well.
    virtual Status check() { return ok(); }
    // Ends what is under way, and begins nothing more.
    virtual Status stop() = 0;
};

// Members of status_json() where there is something to say: `, "last": …, "problem": …`.
std::string last_and_problem(const std::optional<Time>& last, const std::string& problem);

struct PartSpec {
    std::string_view name;     // "serve", as --only has it
    std::string_view summary;  // for the help
    // Gives nothing where the project has nothing for it to do.
    Result<std::unique_ptr<Part>> (*start)(const UpContext& context);
};

// In the order in which they start; they stop in the opposite one.
std::span<const PartSpec> parts();

// src/cli/parts/*.cpp
PartSpec speed_part();
PartSpec intake_part();
PartSpec batch_part();
PartSpec alerts_part();
PartSpec serve_part();

}  // namespace weir::cli
