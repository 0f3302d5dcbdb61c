// What is kept of alerts: states, changes, silences, and messages that wait. SQLite beside the lake, .weir/alerts.db:
// it survives restarts; losing it loses history and silences, and alerts that fire begin anew.
//
// A look at an alert is one transaction: its states, its changes and the messages that follow from them. So whatever
// is killed in between, a message is there exactly if the state that it tells is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "observe/alerts/alert_state.h"

struct sqlite3;

namespace weir::observe {

// An alert as such, as it was looked at last.
struct AlertStatus {
    std::string alert, severity;
    std::optional<Time> looked_at;
    std::string problem;  // why it could not be looked at; empty: it was
};

struct AlertSilence {
    std::string alert;
    Time until{};
    std::string reason;
};

// A message that waits for its target.
struct AlertMessage {
    std::int64_t id = 0;
    std::string target, alert, body;
    int tries = 0;  // that failed
    Time due{};     // of the next one
};

// How many instances of an alert are in a state.
struct AlertCount {
    std::string alert, severity;
    AlertState state = AlertState::inactive;
    std::int64_t count = 0;
};

struct AlertTally {
    std::string target;
    std::int64_t delivered = 0, failed = 0, dropped = 0, waiting = 0;
};

// One thread at a time; others, and other processes, open it for themselves.
class AlertStore {
public:
    static std::filesystem::path file_in(const std::filesystem::path& lake);
    // Creates it if absent.
    static Result<AlertStore> open(const std::filesystem::path& file);
    // For who only asks: nothing where there is none.
    static Result<std::optional<AlertStore>> look(const std::filesystem::path& file);

    Result<std::vector<AlertStatus>> alerts() const;
    Result<std::vector<AlertInstance>> instances(const std::string& alert) const;
    Result<std::vector<AlertCount>> counts() const;

    // What a look gave. Of each target's messages the newest `most` wait; how many older ones were dropped comes back.
    struct Outgoing {
        std::string target, body;
        int most = 0;
    };
    Result<int> record(const AlertStatus& status, const AlertStep& made, const std::vector<Outgoing>& outgoing,
                       Time now);
    // It could not be looked at; its states stay.
    Status record_problem(const AlertStatus& status);
    // It is not declared any more.
    Status forget(const std::string& alert);

    Result<std::vector<AlertSilence>> silences() const;
    Status silence(const AlertSilence& silence, Time now);
    // False: it was not silenced.
    Result<bool> unsilence(const std::string& alert);

    // The oldest message of a target, due or not: messages keep their order.
    Result<std::optional<AlertMessage>> next_message(const std::string& target) const;
    Status delivered(const AlertMessage& message);
    Status postpone(const AlertMessage& message, Time due);
    Status give_up(const AlertMessage& message);
    Result<std::vector<AlertTally>> tallies() const;

    // weir.alerts and weir.alert_history as rows for INSERT; empty: none.
    Result<std::string> alert_rows(Time now) const;
    Result<std::string> history_rows(std::size_t most) const;

private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    explicit AlertStore(sqlite3* handle) : handle_(handle) {}
    Status run(const char* sql) const;
    Status add_to_tally(const std::string& target, const char* column, std::int64_t count);
    std::unique_ptr<sqlite3, Close> handle_;
};

// The same as relations in SQL, for a lake that may have none.
Result<std::string> alerts_relation(const std::filesystem::path& lake);
Result<std::string> alert_history_relation(const std::filesystem::path& lake);

}  // namespace weir::observe
