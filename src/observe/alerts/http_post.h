// One POST to an address of somebody else's: what a webhook takes.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// A place that a name stands for, as the system's sockets have it.
struct SocketAddress {
    int family = 0;
    std::string bytes;  // sockaddr
};
// The places of a host and a port, in the order in which they are to be tried; empty: there is none. May take long.
using NameLookup = std::function<std::vector<SocketAddress>(const std::string& host, const std::string& port)>;
std::vector<SocketAddress> system_lookup(const std::string& host, const std::string& port);

struct HttpPost {
    WebAddress to;
    std::string header;                        // further lines, each with its \r\n
    std::string body;                          // JSON
    std::string authorities;                   // a PEM file of who is trusted; empty: whom the system trusts
    std::chrono::milliseconds timeout{5'000};  // for all of it: looking up the name, connecting, TLS, the answer
    NameLookup lookup = system_lookup;  // runs on a thread of its own, and is left behind where it takes too long
};

// The status of the answer. Fails with a sentence that names neither the address nor the header. TLS 1.2 or later, and
// a certificate for this host that is trusted: by `authorities`, or else by the system, or by SSL_CERT_FILE and
// SSL_CERT_DIR where those are set.
// `give_up` is asked several times a second.
Result<int> post(const HttpPost& request, const std::function<bool()>& give_up);

// Fails where a file holds no certificate in PEM.
Status check_authorities(const std::string& file);

}  // namespace weir::observe
