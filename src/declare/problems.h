// Everything that is wrong with a project, collected; warnings apart.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::declare {

class Problems {
public:
    void error(Where where, std::string message, std::string hint = {}, ErrorCode code = ErrorCode::project_invalid) {
        errors_.push_back(
            {.code = code, .message = std::move(message), .hint = std::move(hint), .where = std::move(where)});
    }
    void warning(Where where, std::string message, std::string hint = {}) {
        warnings_.push_back({.code = ErrorCode::project_invalid,
                             .message = std::move(message),
                             .hint = std::move(hint),
                             .where = std::move(where)});
    }
    void add(Error error) { errors_.push_back(std::move(error)); }

    bool none() const { return errors_.empty(); }
    std::size_t count() const { return errors_.size(); }
    const std::vector<Error>& errors() const { return errors_; }
    const std::vector<Error>& warnings() const { return warnings_; }

    // By file, line and column; exact repetitions are dropped.
    void sort();

private:
    std::vector<Error> errors_;
    std::vector<Error> warnings_;
};

// Refuses bytes that are no text: NUL, and what is not valid UTF-8. `at`: the place of a byte.
bool check_text(std::string_view text, const std::function<Where(std::size_t offset)>& at, Problems& problems);

}  // namespace weir::declare
