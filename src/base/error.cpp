#include "base/error.h"

#include <fmt/format.h>

#include <array>

namespace weir {
namespace {
using enum Domain;
constexpr std::array table{
    ErrorCodeInfo{ErrorCode::usage, "usage", user, 2, "The command line could not be understood."},
    ErrorCodeInfo{ErrorCode::project_invalid, "project_invalid", user, 1,
                  "The project has problems; `weir check` lists all of them."},
    ErrorCodeInfo{ErrorCode::not_found, "not_found", user, 1,
                  "A named thing (project, table, view, file) does not exist."},
    ErrorCodeInfo{ErrorCode::param_invalid, "param_invalid", user, 2,
                  "A --param is unknown, missing or of the wrong type."},
    ErrorCodeInfo{ErrorCode::secret_missing, "secret_missing", user, 1,
                  "A secret reference names a variable or file that is not there."},
    ErrorCodeInfo{ErrorCode::sql_invalid, "sql_invalid", user, 1, "A SQL text does not parse, bind or run."},
    ErrorCodeInfo{ErrorCode::input_unreadable, "input_unreadable", external, 4,
                  "An input file cannot be opened or read to its end."},
    ErrorCodeInfo{ErrorCode::input_changed, "input_changed", user, 3,
                  "An input file that was taken before has other bytes now."},
    ErrorCodeInfo{ErrorCode::input_malformed, "input_malformed", user, 3,
                  "An input file as a whole cannot be understood (header, encoding, compression)."},
    ErrorCodeInfo{ErrorCode::contract_violated, "contract_violated", user, 3,
                  "A threshold of the contract was missed; nothing was committed."},
    ErrorCodeInfo{ErrorCode::accounting_mismatch, "accounting_mismatch", engine, 5,
                  "Rows read are not accepted + duplicate + quarantined + filtered; nothing was committed."},
    ErrorCodeInfo{ErrorCode::table_damaged, "table_damaged", external, 4,
                  "A Delta table's log or a file that it names is damaged or missing."},
    ErrorCodeInfo{ErrorCode::table_unsupported, "table_unsupported", user, 4,
                  "A Delta table needs a feature that weir does not have; the feature is named."},
    ErrorCodeInfo{ErrorCode::table_conflict, "table_conflict", external, 4,
                  "Another writer changed the table in a way that cannot be merged."},
    ErrorCodeInfo{ErrorCode::lake_locked, "lake_locked", external, 4, "Another weir process is running on this lake."},
    ErrorCodeInfo{ErrorCode::log_damaged, "log_damaged", external, 4,
                  "A part of the log cannot be read; its offsets are named."},
    ErrorCodeInfo{ErrorCode::log_unsupported, "log_unsupported", user, 4, "The log is of another version."},
    ErrorCodeInfo{ErrorCode::log_locked, "log_locked", external, 4, "Another process owns the log."},
    ErrorCodeInfo{
        ErrorCode::offsets_gone, "offsets_gone", user, 3,
        "Offsets of the log that were asked for are not there: retention removed them, or they are yet to come."},
    ErrorCodeInfo{ErrorCode::io_failed, "io_failed", external, 4, "Reading or writing failed."},
    ErrorCodeInfo{ErrorCode::disk_full, "disk_full", external, 4, "There is no room left; nothing was committed."},
    ErrorCodeInfo{ErrorCode::out_of_memory, "out_of_memory", external, 4,
                  "The memory limit was reached; nothing was committed."},
    ErrorCodeInfo{ErrorCode::verify_differs, "verify_differs", engine, 1,
                  "Two ways of computing the same thing differ."},
    ErrorCodeInfo{ErrorCode::refused, "refused", user, 1,
                  "The request was understood and refused; the message says why."},
    ErrorCodeInfo{ErrorCode::interrupted, "interrupted", user, 130, "Stopped by a signal; the old state stands."},
    ErrorCodeInfo{ErrorCode::internal, "internal", engine, 5, "A fault of weir itself; please report it."},
};
}  // namespace

std::span<const ErrorCodeInfo> error_codes() { return table; }

const ErrorCodeInfo& info(ErrorCode code) { return table.at(static_cast<std::size_t>(code)); }

std::string to_string(const Where& where) {
    if (where.line == 0) return where.file;
    if (where.column == 0) return fmt::format("{}:{}", where.file, where.line);
    return fmt::format("{}:{}:{}", where.file, where.line, where.column);
}

std::string to_string(const Error& error) {
    std::string text;
    if (!error.where.file.empty()) text += to_string(error.where) + ": ";
    text += error.message;
    for (const auto& step : error.path) text += fmt::format("\n  while {}", step);
    if (!error.hint.empty()) text += fmt::format("\n  hint: {}", error.hint);
    return text;
}

}  // namespace weir
