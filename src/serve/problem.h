// What is wrong with a request, as RFC 9457 says it. Every answer that is not a success is one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/exchange.h"

namespace weir::serve {

struct ProblemKind {
    std::string_view name;  // the last part of its type, /problems/NAME
    int status;
    std::string_view title;
    std::string_view help;  // for the person who follows the type
};
// All kinds, for /problems/NAME and the tests.
std::span<const ProblemKind> problem_kinds();
const ProblemKind& problem_kind(std::string_view name);

struct Problem {
    std::string_view kind;  // of problem_kinds()
    std::string detail;
    std::string hint{};       // "did you mean 'x'?"
    std::string parameter{};  // of the query string, where one is at fault
    int retry_after = 0;      // seconds; 0: not said
    std::string fields{};     // more header lines
};

http::Response to_response(const Problem& problem);
// A kind for a status that HTTP itself gave, such as 400 for a malformed request.
std::string_view kind_of_status(int status);

}  // namespace weir::serve
