// The rows of a query on standard output or in a file, in the format that the user asked for.
#pragma once

#include <string>

#include "cli/parse.h"
#include "cli/terminal.h"
#include "sql/database.h"

namespace weir::cli {

// For commands that print rows.
Option format_option();

// table unless --format says otherwise; json with --json.
std::string chosen_format(const Invocation& invocation);

// `statement` is one bound statement without a semicolon. `file` empty: standard output.
Status print_query(sql::Connection& connection, const std::string& statement, const std::string& format,
                   const std::string& file, Terminal& terminal);

// Interrupts the connection's statement once a signal asked the program to stop.
class InterruptOnStop {
public:
    explicit InterruptOnStop(sql::Connection& connection);
    ~InterruptOnStop();
    InterruptOnStop(const InterruptOnStop&) = delete;

private:
    struct Watcher;
    std::unique_ptr<Watcher> watcher_;
};

}  // namespace weir::cli
