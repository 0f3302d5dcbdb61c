// What serve.yaml says about the HTTP interface: where it listens, which views have keys, where those are kept, and who
// may read what.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace weir::declare {

// How much of one thing in how long: "100/s", "6000/m", "10000/h". 0: no limit.
struct Rate {
    std::int64_t count = 0;
    std::chrono::seconds window{1};
};

struct ServeTls {
    std::string certificate;  // absolute path of a PEM chain
    std::string key;          // a secret reference to a PEM key
    Where where;
};

struct ServeHttp {
    std::string listen = "127.0.0.1:8080";
    Where listen_where;
    std::optional<ServeTls> tls;
    int loops = 0;    // event loops; 0: one per core
    int queries = 0;  // threads that run queries; 0: one per core
    std::size_t queue = 256;
    std::chrono::milliseconds query_timeout{30'000};
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds drain{10'000};
    std::size_t header_bytes_max = 32 * 1024;
    std::size_t body_bytes_max = 16 * 1024 * 1024;
    std::size_t connections_max = 20'000;
    std::size_t connections_per_address_max = 0;  // 0: no limit of its own
    std::int64_t page_rows = 100;
    std::int64_t page_rows_max = 10'000;
    std::size_t result_bytes_max = std::size_t{4} << 30;
    std::string access_log = "file";  // file, stderr, none
    std::vector<std::string> origins;
    Rate rate, address_rate;
};

struct ServedView {
    std::string view;
    Where where;
    bool served = true;
    std::vector<std::string> key;
    Where key_where;
    // One list of columns for each index of the serving store.
    std::vector<std::vector<std::string>> indexes;
    std::vector<Where> index_places;  // one for each
};

// Where rows with keys are kept to be looked up.
struct ServeStore {
    // A connection string of PostgreSQL: a secret reference, or one without a password. Empty: the embedded store.
    std::string postgres;
    std::string schema = "weir";
    Where where;
};

struct ApiKey {
    std::string id, sha256;  // of the secret part, hex
    std::vector<std::string> scopes;
    std::string expires;  // a day, excluded; empty: never
    std::string subject;  // who it belongs to; what a row rule compares
    Where where;
};

struct TokenKey {
    enum class Algorithm { hs256, rs256, eddsa };
    std::string id;  // kid; empty: tokens without one
    Algorithm algorithm = Algorithm::hs256;
    std::string secret;       // hs256: a secret reference
    std::string public_key;   // rs256, eddsa: absolute path of a PEM file
    std::string private_key;  // a secret reference to a PEM key, for `weir token create`; may be empty
    Where where;
};

// In these views, a reader sees the rows whose column equals the claim of its token.
struct RowLimit {
    std::string views;  // a pattern
    std::string claim, column;
    Where where;
};

struct ServeAccess {
    std::vector<ApiKey> keys;
    std::vector<TokenKey> tokens;
    std::string jwks;  // absolute path of a JWKS file; empty: none
    std::string issuer, audience;
    std::chrono::seconds skew{30};
    std::vector<RowLimit> rows;
    bool any() const { return !keys.empty() || !tokens.empty() || !jwks.empty(); }
};

struct Serve {
    ServeHttp http;
    ServeStore store;
    std::vector<ServedView> views;
    ServeAccess access;

    const ServedView* view(std::string_view name) const {
        for (const auto& one : views)
            if (one.view == name) return &one;
        return nullptr;
    }
};

// "view:course_*" matches "view:course_overview": a star stands for any text.
bool matches_pattern(std::string_view pattern, std::string_view text);
// Whether a connection string of PostgreSQL, as URL or as words, holds a password.
bool holds_password(std::string_view connection);
// A scope is KIND:PATTERN with the kinds view, rows and topic, or the word metrics.
bool is_scope(std::string_view text);

}  // namespace weir::declare
