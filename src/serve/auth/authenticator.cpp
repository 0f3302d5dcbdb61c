#include "serve/auth/authenticator.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/sha256.h"
#include "model/interval.h"
#include "serve/auth/bytes.h"

namespace weir::serve {
namespace {

constexpr std::string_view key_prefix = "weir_";
constexpr std::size_t remembered_max = 10'000;

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

std::string from_hex(std::string_view text) {
    std::string bytes;
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(value(text[i]) * 16 + value(text[i + 1]));
    return bytes;
}

Credentials refused(std::string reason) {
    return {.principal = nullptr, .fault = Credentials::Fault::invalid, .reason = std::move(reason)};
}

struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
// Of one thread: no lock is needed, and nothing is shared but what never changes.
struct Remembered {
    std::uint64_t authenticator = 0;
    std::unordered_map<std::string, std::shared_ptr<const Principal>, Hash, std::equal_to<>> tokens;
};

}  // namespace

NewApiKey make_api_key() {
    NewApiKey made;
    made.id = hex(random_bytes(4));
    const auto secret = hex(random_bytes(32));
    made.sha256 = sha256_hex(secret);
    made.key = fmt::format("{}{}_{}", key_prefix, made.id, secret);
    return made;
}

Result<std::unique_ptr<Authenticator>> Authenticator::make(const declare::ServeAccess& access,
                                                           const std::filesystem::path& root) {
    static std::atomic<std::uint64_t> count{0};
    auto made = std::unique_ptr<Authenticator>(new Authenticator());
    made->number_ = ++count;
    made->open_ = !access.any();
    made->rules_ = {access.issuer, access.audience, access.skew};
    for (const auto& key : access.keys) {
        auto principal = std::make_shared<Principal>();
        principal->name = "key:" + key.id;
        principal->scopes = key.scopes;
        if (!key.subject.empty()) principal->claims["sub"] = key.subject;
        if (const auto day = parse_day(key.expires))
            principal->expires = std::chrono::duration_cast<std::chrono::seconds>(day->time_since_epoch()).count();
        made->keys_.emplace(key.id, Key{.sha256 = from_hex(key.sha256), .principal = std::move(principal)});
    }
    for (const auto& key : access.tokens) {
        auto material = load_token_key(key, root, false);
        if (!material) {
            auto error = std::move(material).error();
            error.where = key.where;
            return error;
        }
        made->tokens_.push_back(std::move(*material));
    }
    if (!access.jwks.empty()) {
        WEIR_ASSIGN(auto keys, load_jwks(access.jwks));
        for (auto& key : keys) made->tokens_.push_back(std::move(key));
    }
    return made;
}

Credentials Authenticator::identify(const http::Head& head, std::int64_t now) const {
    std::string_view bearer, key;
    int count = 0;
    for (const auto& field : head.fields) {
        if (field.name == "authorization") {
            ++count;
            bearer = field.value;
        } else if (field.name == "x-api-key") {
            ++count;
            key = field.value;
        }
    }
    if (count == 0) return {.principal = nullptr, .fault = Credentials::Fault::missing, .reason = "no credentials"};
    if (count > 1)
        return {.principal = nullptr, .fault = Credentials::Fault::twice, .reason = "credentials stand there twice"};
    if (bearer.data() != nullptr && key.data() == nullptr) {
        const auto blank = bearer.find(' ');
        if (blank == std::string_view::npos || !http::equals_lower(bearer.substr(0, blank), "bearer"))
            return refused("not a bearer token");
        key = bearer.substr(blank + 1);
    }
    return key.starts_with(key_prefix) ? api_key(key, now) : token(key, now);
}

Credentials Authenticator::api_key(std::string_view text, std::int64_t now) const {
    text.remove_prefix(key_prefix.size());
    const auto end = text.find('_');
    if (end == std::string_view::npos) return refused("an API key without a secret");
    const auto found = keys_.find(text.substr(0, end));
    // An unknown key takes as long as a wrong one.
    static const std::string nothing(32, '\0');
    const bool same =
        same_bytes(sha256_bytes(text.substr(end + 1)), found == keys_.end() ? nothing : found->second.sha256);
    if (found == keys_.end()) return refused("an unknown API key");
    if (!same) return refused("a wrong secret for " + found->second.principal->name);
    if (found->second.principal->expires != 0 && now >= found->second.principal->expires)
        return refused(found->second.principal->name + " has expired");
    return {.principal = found->second.principal};
}

Credentials Authenticator::token(std::string_view text, std::int64_t now) const {
    thread_local Remembered remembered;
    if (remembered.authenticator != number_) {
        remembered.tokens.clear();
        remembered.authenticator = number_;
    }
    if (const auto known = remembered.tokens.find(text); known != remembered.tokens.end()) {
        if (now < known->second->expires) return {.principal = known->second};
        remembered.tokens.erase(known);
    }
    auto verified = verify_token(text, tokens_, rules_, now);
    if (auto* reason = std::get_if<std::string>(&verified)) return refused("a token: " + *reason);
    auto& held = std::get<Principal>(verified);
    held.expires += rules_.skew.count();
    auto principal = std::make_shared<const Principal>(std::move(held));
    if (remembered.tokens.size() >= remembered_max) remembered.tokens.clear();
    remembered.tokens.emplace(std::string(text), principal);
    return {.principal = std::move(principal)};
}

}  // namespace weir::serve
