// What alerts.yaml says: queries whose rows are what is wrong, and who is told.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::declare {

enum class AlertSeverity { info, warning, critical };
std::string_view to_string(AlertSeverity severity);

// Somebody who is told by HTTP: a POST of JSON. Secrets are references.
struct AlertTarget {
    std::string name;
    Where where;
    std::string url;                        // a secret reference
    std::string header_name, header_value;  // the value is a secret reference; empty: no header of its own
    std::string ca;                         // absolute path of a PEM file; empty: what the system trusts
    std::chrono::milliseconds timeout{5'000};
    int retries = 10;
    int queue = 1'000;  // messages that wait; beyond that the oldest is dropped
};

// Each row of `sql` is something wrong: an instance, named by its key columns.
struct AlertRule {
    std::string name;
    Where where;
    std::string description;
    std::string sql;  // parameters filled in as literals
    Where sql_where;
    std::vector<std::string> key;  // empty: all rows are one instance
    Where key_where;
    std::chrono::milliseconds hold{0};                // how long a row must be there before it counts
    std::chrono::milliseconds resolve_after{0};       // how long it must be gone before it is over
    std::chrono::milliseconds repeat{4 * 3'600'000};  // how often it is told again while it lasts; 0: once
    std::chrono::milliseconds every{10'000};          // how often it is looked at
    AlertSeverity severity = AlertSeverity::warning;
    std::string message;  // with {column}
    Where message_where;
    std::vector<std::string> notify;  // names of targets
    std::vector<std::string> reads;   // views and "weir.NAME", from the parse tree
    bool asks_time = false;           // calls now() or its like, so that its rows change with the clock
};

struct Alerts {
    std::vector<AlertTarget> targets;
    std::vector<AlertRule> rules;

    const AlertRule* rule(std::string_view name) const {
        for (const auto& one : rules)
            if (one.name == name) return &one;
        return nullptr;
    }
};

// A message in pieces: text, then the name of a column, then text, …; the last piece is text.
struct MessageParts {
    struct Piece {
        std::string text;
        std::string column;      // that follows the text; empty at the end
        std::size_t offset = 0;  // of the column's name in the message
    };
    std::vector<Piece> pieces;
    bool whole = true;  // no { is left open
};
MessageParts parse_message(std::string_view message);

}  // namespace weir::declare
