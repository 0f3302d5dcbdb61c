// One POST to an address of somebody else's: what a webhook takes.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::observe {

struct WebAddress {
    bool tls = false;
    std::string host;    // without brackets
    std::string port;    // 80 and 443 where none is written
    std::string target;  // path and query
};
// http:// or https://, without a user in it. Nothing where it is none.
std::optional<WebAddress> parse_address(std::string_view url);

struct HttpPost {
    WebAddress to;
    std::string header;  // further lines, each with its \r\n
    std::string body;    // JSON
    std::chrono::milliseconds timeout{5'000};
};

// The status of the answer. Fails with a sentence that names neither the address nor the header. TLS 1.2 or later, and
// a certificate that the system trusts for this host. `give_up` is asked several times a second.
Result<int> post(const HttpPost& request, const std::function<bool()>& give_up);

}  // namespace weir::observe
