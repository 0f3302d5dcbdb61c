// The commands, each declared beside its code.
#pragma once

#include "cli/command.h"
#include "cli/parse.h"

namespace weir::cli {

Command new_command();
Command check_command();
Command export_command();
Command generate_command();
Command produce_command();
Command consume_command();
std::vector<Command> topic_commands();
std::vector<Command> token_commands();
std::vector<Command> alert_commands();
Command up_command();
Command status_command();
Command quarantine_list_command();
Command quarantine_show_command();
Command quarantine_replay_command();
Command quarantine_discard_command();
Command plan_command();
Command run_command();
Command explain_command();
Command verify_command();
Command test_command();
std::vector<Command> table_commands();
Command sql_command();
Command version_command();
Command doctor_command();
Command completion_command();
Command complete_command();
Command docs_command();

// What `weir quarantine` commands choose rows by, and the SQL condition that it means.
std::vector<Option> quarantine_options();
Result<std::string> quarantine_filter(const Invocation& invocation);

}  // namespace weir::cli
