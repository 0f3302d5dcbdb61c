// From a request's credentials to who asks.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "serve/auth/jwt.h"
#include "serve/http/request.h"

namespace weir::serve {

// What a new API key is: shown once, and what serve.yaml keeps of it.
struct NewApiKey {
    std::string key;  // weir_ID_SECRET
    std::string id, sha256;
};
NewApiKey make_api_key();

struct Credentials {
    enum class Fault { none, missing, twice, invalid };
    std::shared_ptr<const Principal> principal;  // with Fault::none
    Fault fault = Fault::none;
    std::string reason;  // for the log
};

// Immutable, and safe from any thread. Tokens that were verified are remembered by each thread until they expire.
class Authenticator {
public:
    static Result<std::unique_ptr<Authenticator>> make(const declare::ServeAccess& access,
                                                       const std::filesystem::path& root);

    // No key is declared: everybody is everybody.
    bool is_open() const { return open_; }
    // No two of a process have the same.
    std::uint64_t number() const { return number_; }
    std::size_t token_keys() const { return tokens_.size(); }
    Credentials identify(const http::Head& head, std::int64_t now) const;

private:
    struct Key {
        std::string sha256;  // bytes
        std::shared_ptr<const Principal> principal;
    };
    Authenticator() = default;
    Credentials api_key(std::string_view text, std::int64_t now) const;
    Credentials token(std::string_view text, std::int64_t now) const;

    bool open_ = true;
    std::uint64_t number_ = 0;  // tells authenticators apart in a thread's memory
    std::map<std::string, Key, std::less<>> keys_;
    std::vector<TokenKeyMaterial> tokens_;
    TokenRules rules_;
};

}  // namespace weir::serve
