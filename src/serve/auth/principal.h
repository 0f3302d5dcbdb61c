// Who asks, and what it may see.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "declare/serve.h"

namespace weir::serve {

struct Principal {
    std::string name;  // for the log and for rates: "key:ab12", "sub:anna"; never a secret
    bool everything = false;
    std::vector<std::string> scopes;
    std::map<std::string, std::string> claims;  // of a token: texts, numbers and booleans as text
    std::int64_t expires = 0;                   // seconds since 1970, refused from then on; 0: never

    // kind: view, rows or topic.
    bool may(std::string_view kind, std::string_view name_of_it) const {
        if (everything) return true;
        for (const auto& scope : scopes) {
            const auto colon = scope.find(':');
            if (colon == std::string::npos || std::string_view(scope).substr(0, colon) != kind) continue;
            if (declare::matches_pattern(std::string_view(scope).substr(colon + 1), name_of_it)) return true;
        }
        return false;
    }
    bool may_see_metrics() const {
        if (everything) return true;
        for (const auto& scope : scopes)
            if (scope == "metrics") return true;
        return false;
    }
};

}  // namespace weir::serve
