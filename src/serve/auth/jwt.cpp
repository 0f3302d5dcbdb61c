#include "serve/auth/jwt.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "declare/secret.h"
#include "serve/auth/bytes.h"

namespace weir::serve {
namespace {

using nlohmann::json;
using Algorithm = declare::TokenKey::Algorithm;

constexpr std::size_t token_bytes_max = 8 * 1024;
constexpr std::size_t secret_bytes_min = 32;
constexpr int rsa_bits_min = 2048;
constexpr int json_depth_max = 8;
constexpr std::size_t key_file_max = 256 * 1024;

using Key = std::shared_ptr<EVP_PKEY>;
Key owned(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

// An object without a member twice, and not deep; nothing otherwise.
std::optional<json> strict_object(std::string_view text) {
    std::vector<std::set<std::string>> seen;
    bool good = true;
    const auto parsed = json::parse(
        text,
        [&](int depth, json::parse_event_t event, json& value) {
            if (depth > json_depth_max) good = false;
            if (event == json::parse_event_t::object_start) seen.emplace_back();
            if (event == json::parse_event_t::object_end && !seen.empty()) seen.pop_back();
            if (event == json::parse_event_t::key && !seen.empty() &&
                !seen.back().insert(value.get<std::string>()).second)
                good = false;
            return good;
        },
        false);
    if (!good || !parsed.is_object()) return std::nullopt;
    return parsed;
}

bool has_name(Algorithm algorithm, const std::string& name) {
    // RFC 9864 gave EdDSA over Ed25519 a name of its own.
    return name == to_string(algorithm) || (algorithm == Algorithm::eddsa && name == "Ed25519");
}

bool signature_good(const TokenKeyMaterial& key, std::string_view text, const std::string& signature) {
    if (key.algorithm == Algorithm::hs256) return same_bytes(signature, hmac_sha256(key.secret, text));
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* digest = key.algorithm == Algorithm::rs256 ? EVP_sha256() : nullptr;
    if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) != 1) return false;
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

std::optional<double> moment(const json& claims, const char* name, bool& good) {
    const auto found = claims.find(name);
    if (found == claims.end()) return std::nullopt;
    if (!found->is_number() || !std::isfinite(found->get<double>())) {
        good = false;
        return std::nullopt;
    }
    return found->get<double>();
}

bool is_audience(const json& claims, const std::string& audience) {
    const auto found = claims.find("aud");
    if (found == claims.end()) return false;
    if (found->is_string()) return *found == audience;
    return found->is_array() &&
           std::any_of(found->begin(), found->end(), [&](const json& one) { return one == audience; });
}

// Why the claims are not good now; nothing where they are.
std::optional<std::string> claims_fault(const json& claims, const TokenRules& rules, std::int64_t now) {
    bool good = true;
    const auto expires = moment(claims, "exp", good);
    const auto begins = moment(claims, "nbf", good);
    const auto issued = moment(claims, "iat", good);
    const auto skew = static_cast<double>(rules.skew.count());
    const auto time = static_cast<double>(now);
    if (!good) return "a time is no number";
    if (!expires) return "it has no exp";
    if (time >= *expires + skew) return "it has expired";
    if (begins && time < *begins - skew) return "it is not valid yet";
    if (issued && *issued > time + skew) return "it was issued in the future";
    if (!rules.issuer.empty() && !(claims.contains("iss") && claims["iss"] == rules.issuer))
        return "it is of another issuer";
    if (!rules.audience.empty() && !is_audience(claims, rules.audience)) return "it is for another audience";
    return std::nullopt;
}

Principal principal_of(const json& claims) {
    Principal principal;
    for (const auto& [name, value] : claims.items()) {
        if (value.is_string()) principal.claims[name] = value.get<std::string>();
        if (value.is_number_integer() || value.is_boolean()) principal.claims[name] = value.dump();
    }
    principal.name = "sub:" + (principal.claims.contains("sub") ? principal.claims["sub"] : std::string());
    std::string_view scope;
    if (claims.contains("scope") && claims["scope"].is_string()) scope = claims["scope"].get_ref<const std::string&>();
    while (!scope.empty()) {
        const auto blank = scope.find(' ');
        const auto one = scope.substr(0, blank);
        if (declare::is_scope(one)) principal.scopes.emplace_back(one);
        scope = blank == std::string_view::npos ? std::string_view() : scope.substr(blank + 1);
    }
    principal.expires = static_cast<std::int64_t>(claims["exp"].get<double>());
    return principal;
}

Error bad_key(const std::string& what, std::string hint) {
    return {.code = ErrorCode::secret_missing, .message = what, .hint = std::move(hint)};
}

Result<Key> read_pem(const std::string& text, bool is_private, Algorithm algorithm, const std::string& name) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                        BIO_free);
    // A passphrase is never asked for.
    const auto none = [](char*, int, int, void*) { return 0; };
    auto key = owned(is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, none, nullptr)
                                : PEM_read_bio_PUBKEY(bio.get(), nullptr, none, nullptr));
    if (!key)
        return bad_key(fmt::format("{} is no {} key in PEM", name, is_private ? "private" : "public"),
                       "openssl genpkey -algorithm ed25519, and openssl pkey -pubout, make a pair");
    const bool rsa = EVP_PKEY_is_a(key.get(), "RSA") == 1;
    const bool ed = EVP_PKEY_is_a(key.get(), "ED25519") == 1;
    if (algorithm == Algorithm::rs256 && (!rsa || EVP_PKEY_get_bits(key.get()) < rsa_bits_min))
        return bad_key(fmt::format("{} is no RSA key of at least {} bits", name, rsa_bits_min), "RS256 needs one");
    if (algorithm == Algorithm::eddsa && !ed)
        return bad_key(fmt::format("{} is no Ed25519 key", name), "EdDSA needs one");
    return key;
}

std::string member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Key rsa_of(const std::string& n, const std::string& e) {
    const auto number = [](const std::string& bytes) {
        return std::unique_ptr<BIGNUM, decltype(&BN_free)>(
            BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr),
            BN_free);
    };
    const auto modulus = number(n), exponent = number(e);
    const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(OSSL_PARAM_BLD_new(),
                                                                                  OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> params(OSSL_PARAM_BLD_to_param(builder.get()),
                                                                         OSSL_PARAM_free);
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return nullptr;
    return owned(key);
}

}  // namespace

std::string_view to_string(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::hs256: return "HS256";
        case Algorithm::rs256: return "RS256";
        default: return "EdDSA";
    }
}

Result<TokenKeyMaterial> load_token_key(const declare::TokenKey& key, const std::filesystem::path& root, bool to_sign) {
    TokenKeyMaterial material{.id = key.id, .algorithm = key.algorithm};
    if (key.algorithm == Algorithm::hs256) {
        WEIR_ASSIGN(material.secret, declare::read_secret(key.secret, root));
        if (material.secret.size() < secret_bytes_min)
            return bad_key(
                fmt::format("the secret of the token key '{}' has fewer than {} bytes", key.id, secret_bytes_min),
                "make one: openssl rand -base64 48");
        return material;
    }
    const auto name = fmt::format("the {} key of the token key '{}'", to_sign ? "private" : "public", key.id);
    std::string pem;
    if (to_sign) {
        if (key.private_key.empty())
            return bad_key(fmt::format("the token key '{}' has no private key here", key.id),
                           "private_key: ${file:keys/tokens.key} in serve.yaml, or sign elsewhere");
        WEIR_ASSIGN(pem, declare::read_secret(key.private_key, root));
    } else {
        WEIR_ASSIGN(pem, read_file(key.public_key, key_file_max));
    }
    WEIR_ASSIGN(material.key, read_pem(pem, to_sign, key.algorithm, name));
    return material;
}

Result<std::vector<TokenKeyMaterial>> load_jwks(const std::filesystem::path& file) {
    WEIR_ASSIGN(const auto text, read_file(file, key_file_max));
    const auto document = strict_object(text);
    if (!document || !document->contains("keys") || !(*document)["keys"].is_array())
        return bad_key(fmt::format("{} is no set of keys", file.string()), "{\"keys\": [{\"kty\": …}]}");
    std::vector<TokenKeyMaterial> keys;
    for (const auto& one : (*document)["keys"]) {
        if (!one.is_object()) return bad_key(fmt::format("a key in {} is no object", file.string()), "");
        const auto use = member(one, "use"), alg = member(one, "alg"), type = member(one, "kty");
        if (!use.empty() && use != "sig") continue;
        TokenKeyMaterial material{.id = member(one, "kid")};
        if (type == "RSA" && (alg.empty() || alg == "RS256")) {
            const auto n = from_base64url(member(one, "n")), e = from_base64url(member(one, "e"));
            material.algorithm = Algorithm::rs256;
            if (n && e) material.key = rsa_of(*n, *e);
            if (!material.key || EVP_PKEY_get_bits(material.key.get()) < rsa_bits_min)
                return bad_key(fmt::format("{}: the key '{}' is no RSA key of at least {} bits", file.string(),
                                           material.id, rsa_bits_min),
                               "");
        } else if (type == "OKP" && member(one, "crv") == "Ed25519" &&
                   (alg.empty() || has_name(Algorithm::eddsa, alg))) {
            const auto x = from_base64url(member(one, "x"));
            material.algorithm = Algorithm::eddsa;
            if (x && x->size() == 32)
                material.key = owned(EVP_PKEY_new_raw_public_key(
                    EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x->data()), x->size()));
            if (!material.key)
                return bad_key(fmt::format("{}: the key '{}' is no Ed25519 key", file.string(), material.id), "");
        } else if (type == "oct") {
            return bad_key(fmt::format("{} holds a secret key, and a set of keys is public", file.string()),
                           "declare it under `tokens`, as ${env:NAME} or ${file:path}");
        } else {
            continue;  // of an algorithm that is not taken
        }
        keys.push_back(std::move(material));
    }
    return keys;
}

std::variant<Principal, std::string> verify_token(std::string_view token, const std::vector<TokenKeyMaterial>& keys,
                                                  const TokenRules& rules, std::int64_t now) {
    if (token.size() > token_bytes_max) return "it is too long";
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return "it has not three parts";
    const auto header_text = from_base64url(token.substr(0, first));
    const auto claims_text = from_base64url(token.substr(first + 1, second - first - 1));
    const auto signature = from_base64url(token.substr(second + 1));
    if (!header_text || !claims_text || !signature || signature->empty()) return "a part is no base64url";
    const auto header = strict_object(*header_text);
    if (!header || !header->contains("alg") || !(*header)["alg"].is_string()) return "its header is malformed";
    if (header->contains("crit")) return "it needs extensions";
    if (header->contains("kid") && !(*header)["kid"].is_string()) return "its kid is no text";
    auto type = member(*header, "typ");
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
    if (header->contains("typ") && type != "jwt" && type != "at+jwt") return "it is of another type";
    const auto algorithm = (*header)["alg"].get<std::string>();
    const auto kid = member(*header, "kid");
    const auto signed_text = token.substr(0, second);
    bool known = false;
    for (const auto& key : keys) {
        if (key.id != kid || !has_name(key.algorithm, algorithm)) continue;
        known = true;
        if (!signature_good(key, signed_text, *signature)) continue;
        const auto claims = strict_object(*claims_text);
        if (!claims) return "its claims are malformed";
        if (auto fault = claims_fault(*claims, rules, now)) return *fault;
        return principal_of(*claims);
    }
    return known ? "its signature is wrong" : "no key has its kid and algorithm";
}

Result<std::string> sign_token(const TokenClaims& claims, const TokenKeyMaterial& key) {
    json header = {{"alg", to_string(key.algorithm)}, {"typ", "JWT"}};
    if (!key.id.empty()) header["kid"] = key.id;
    json body = json::object();
    for (const auto& [name, value] : claims.more) body[name] = value;
    if (!claims.subject.empty()) body["sub"] = claims.subject;
    if (!claims.issuer.empty()) body["iss"] = claims.issuer;
    if (!claims.audience.empty()) body["aud"] = claims.audience;
    std::string scope;
    for (const auto& one : claims.scopes) scope += (scope.empty() ? "" : " ") + one;
    body["scope"] = scope;
    body["iat"] = claims.issued;
    body["exp"] = claims.expires;
    const auto text =
        base64url(header.dump()) + "." + base64url(body.dump(-1, ' ', false, json::error_handler_t::replace));
    if (key.algorithm == Algorithm::hs256) return text + "." + base64url(hmac_sha256(key.secret, text));
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* digest = key.algorithm == Algorithm::rs256 ? EVP_sha256() : nullptr;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t length = 0;
    std::string signature;
    bool good = context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) == 1;
    if (good) {
        signature.resize(length);
        good = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                              text.size()) == 1;
        signature.resize(length);
    }
    if (!good) return Error{.code = ErrorCode::internal, .message = "the token could not be signed"};
    return text + "." + base64url(signature);
}

}  // namespace weir::serve
