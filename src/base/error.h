// What went wrong, who can mend it, where, and the way out. Errors are values; exceptions stop at library edges.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Who can mend it: the person who wrote the project or the data, the surroundings (disk, network, another process), or
// us.
enum class Domain { user, external, engine };

// Stable and documented: the name of a code is printed, appears in --json and in docs/reference/errors.md.
enum class ErrorCode {
    usage,
    project_invalid,
    not_found,
    param_invalid,
    secret_missing,
    sql_invalid,
    input_unreadable,
    input_changed,
    input_malformed,
    contract_violated,
    accounting_mismatch,
    table_damaged,
    table_unsupported,
    table_conflict,
    lake_locked,
    log_damaged,
    log_unsupported,
    log_locked,
    offsets_gone,
    io_failed,
    disk_full,
    out_of_memory,
    verify_differs,
    refused,
    interrupted,
    internal,
};

struct ErrorCodeInfo {
    ErrorCode code;
    std::string_view name;
    Domain domain;
    int exit_code;
    std::string_view summary;
};

// Every code, in the order of the enum; the reference manual is printed from this table.
std::span<const ErrorCodeInfo> error_codes();
const ErrorCodeInfo& info(ErrorCode code);

// A place in a file that a person wrote. Line and column count from 1; 0 means "not known".
struct Where {
    std::string file;
    int line = 0;
    int column = 0;
    bool operator==(const Where&) const = default;
};
std::string to_string(const Where& where);

struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;              // what is wrong, with the values
    std::string hint{};               // what to do about it
    Where where{};                    // where it stands, if in a file that a person wrote
    std::vector<std::string> path{};  // the steps that led here, innermost first

    Error within(std::string step) && {
        path.push_back(std::move(step));
        return std::move(*this);
    }
};

// "file:line:column: message (while …)\n  hint: …", without colours and without a last newline.
std::string to_string(const Error& error);

}  // namespace weir
