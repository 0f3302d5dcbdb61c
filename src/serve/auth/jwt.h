// Tokens (JWT, RFC 7519) as RFC 8725 wants them held: the key decides the algorithm, never the token; `exp` is
// required; what is not understood is refused. Nothing a token says is trusted before its signature is.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "declare/serve.h"
#include "serve/auth/principal.h"

struct evp_pkey_st;

namespace weir::serve {

struct TokenKeyMaterial {
    std::string id;  // kid; empty: for tokens without one
    declare::TokenKey::Algorithm algorithm = declare::TokenKey::Algorithm::hs256;
    std::string secret;                // hs256
    std::shared_ptr<evp_pkey_st> key;  // rs256, eddsa; public, or private for signing
};

// Of a declared key: its secret or its public key; `to_sign`: the private key instead of the public one. Fails where a
// secret is too short or a key of another kind, naming the key and never its content.
Result<TokenKeyMaterial> load_token_key(const declare::TokenKey& key, const std::filesystem::path& root, bool to_sign);
// The keys of a JWKS file (RFC 7517): RSA for RS256, Ed25519 for EdDSA.
Result<std::vector<TokenKeyMaterial>> load_jwks(const std::filesystem::path& file);

struct TokenRules {
    std::string issuer, audience;  // empty: not looked at
    std::chrono::seconds skew{30};
};

// Who the token is of, or why it is refused: for the log, not for whoever sent it.
std::variant<Principal, std::string> verify_token(std::string_view token, const std::vector<TokenKeyMaterial>& keys,
                                                  const TokenRules& rules, std::int64_t now);

struct TokenClaims {
    std::string subject, issuer, audience;
    std::vector<std::string> scopes;
    std::vector<std::pair<std::string, std::string>> more;  // texts
    std::int64_t issued = 0, expires = 0;
};
Result<std::string> sign_token(const TokenClaims& claims, const TokenKeyMaterial& key);

std::string_view to_string(declare::TokenKey::Algorithm algorithm);

}  // namespace weir::serve
