// What an alert's rows make of its state: a pure function of what was known, what is there, and the clock.
//
//                row is there            there for `hold`
//   inactive ───────────────► pending ───────────────────► firing ──┐ told again after `repeat`
//       ▲                       │                          │   ▲    │ for as long as it lasts
//       └───────── gone ────────┘        gone for          │   └────┘
//       ▲                             `resolve_after`      │
//       └── shown for a day ── resolved ◄──────────────────┘      (there again: pending)
//
// (1) The row of each key has one state. (2) Nobody is told of pending. (3) While an alert is silenced its state goes
// on, and that it fires is not told; what still does when the silence ends is told then. (4) That it is over is told,
// silenced or not, where it was told that it began: who opened a ticket closes it. (5) A moment that lies in the
// future, because the clock went back, counts as now: nothing fires early, and nothing is told twice.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir::observe {

enum class AlertState { inactive, pending, firing, resolved };
std::string_view to_string(AlertState state);
std::optional<AlertState> parse_alert_state(std::string_view text);

// A row that an alert's SELECT gave.
struct AlertRow {
    std::string key;      // JSON object of its key columns; names the instance
    std::string values;   // JSON object of all columns, as texts
    std::string message;  // for people
    bool operator==(const AlertRow&) const = default;
};

// One instance as it is known.
struct AlertInstance {
    AlertRow row;  // as it was seen last
    AlertState state = AlertState::inactive;
    Time since{};                     // when its row was there first
    std::optional<Time> fired_at;     // of the present or last firing
    std::optional<Time> resolved_at;  // of resolved
    std::optional<Time> gone_at;      // firing, and its row is not there any more
    std::optional<Time> told_at;      // of this firing: when somebody was told last; nothing: nobody was
};

struct AlertTerms {
    std::chrono::milliseconds hold{0}, resolve_after{0}, repeat{0};  // repeat 0: never
};

// From one state to another.
struct AlertChange {
    AlertInstance instance;  // as it is now
    AlertState before = AlertState::inactive;
};

// What somebody is to be told.
struct AlertNotice {
    AlertInstance instance;
    bool again = false;  // it was told before, and lasts
};

struct AlertStep {
    std::vector<AlertInstance> instances;  // all that are not inactive, by key
    std::vector<AlertChange> changes;
    std::vector<AlertNotice> notices;
    bool moved = false;  // some instance is not what it was
};

// How long an instance that is over is shown.
inline constexpr std::chrono::hours resolved_shown{24};

// `rows` have different keys. `silenced`: that something fires is not told now.
AlertStep step(const AlertTerms& terms, const std::vector<AlertInstance>& known, const std::vector<AlertRow>& rows,
               bool silenced, Time now);

}  // namespace weir::observe
