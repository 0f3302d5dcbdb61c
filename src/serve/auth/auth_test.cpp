// Tokens and keys: what is let in, and everything that must not be.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/sha256.h"
#include "serve/auth/authenticator.h"
#include "serve/auth/bytes.h"
#include "serve/auth/rates.h"

namespace weir::serve {
namespace {

using Algorithm = declare::TokenKey::Algorithm;
constexpr std::int64_t now = 1'700'000'000;

TokenKeyMaterial shared(const std::string& id = "k1", char letter = 's') {
    return {.id = id, .algorithm = Algorithm::hs256, .secret = std::string(32, letter)};
}

std::string raw(const std::string& header, const std::string& claims,
                const std::string& secret = std::string(32, 's')) {
    const auto text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(hmac_sha256(secret, text));
}

std::string refusal(const std::string& token, const std::vector<TokenKeyMaterial>& keys = {shared()},
                    const TokenRules& rules = {}) {
    auto verified = verify_token(token, keys, rules, now);
    auto* reason = std::get_if<std::string>(&verified);
    return reason == nullptr ? "" : *reason;
}

TEST(Base64url, is_strict) {
    for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"})
        EXPECT_EQ(from_base64url(base64url(bytes)), bytes);
    for (const auto* bad : {"a", "YQ==", "Y+", "Y/", "YR", "YWJj\n"})
        EXPECT_EQ(from_base64url(bad), std::nullopt) << bad;
}

TEST(Token, what_is_signed_is_let_in) {
    const auto token = sign_token({.subject = "anna",
                                   .issuer = "i",
                                   .audience = "a",
                                   .scopes = {"view:x_*", "rows:x_1"},
                                   .more = {{"school", "7"}},
                                   .issued = now,
                                   .expires = now + 60},
                                  shared());
    ASSERT_TRUE(token);
    const auto verified = verify_token(*token, {shared("k0", 'o'), shared()}, {.issuer = "i", .audience = "a"}, now);
    const auto* principal = std::get_if<Principal>(&verified);
    ASSERT_NE(principal, nullptr) << std::get<std::string>(verified);
    EXPECT_EQ(principal->name, "sub:anna");
    EXPECT_EQ(principal->claims.at("school"), "7");
    EXPECT_TRUE(principal->may("view", "x_1"));
    EXPECT_FALSE(principal->may("view", "y"));
    EXPECT_TRUE(principal->may("rows", "x_1"));
    EXPECT_FALSE(principal->may("topic", "x_1"));
    EXPECT_FALSE(principal->may_see_metrics());
    EXPECT_EQ(refusal(*token, {shared()}, {.issuer = "other"}), "it is of another issuer");
    EXPECT_EQ(refusal(*token, {shared()}, {.audience = "other"}), "it is for another audience");
}

TEST(Token, everything_else_is_refused) {
    const std::string head = R"({"alg":"HS256","kid":"k1"})";
    const std::string good = R"({"exp":1700000060,"sub":"a","scope":"view:*"})";
    ASSERT_EQ(refusal(raw(head, good)), "");
    const auto valid = raw(head, good);
    const std::pair<std::string, std::string> cases[] = {
        {raw(R"({"alg":"none","kid":"k1"})", good), "no key has its kid and algorithm"},
        {raw(R"({"alg":"NonE","kid":"k1"})", good), "no key has its kid and algorithm"},
        {base64url(R"({"alg":"none"})") + "." + base64url(good) + ".", "a part is no base64url"},
        {raw(R"({"alg":"HS512","kid":"k1"})", good), "no key has its kid and algorithm"},
        {raw(R"({"alg":"RS256","kid":"k1"})", good), "no key has its kid and algorithm"},
        {raw(R"({"alg":"HS256","kid":"k2"})", good), "no key has its kid and algorithm"},
        {raw(R"({"alg":"HS256"})", good), "no key has its kid and algorithm"},
        {raw(R"({"alg":"HS256","kid":7})", good), "its kid is no text"},
        {raw(R"({"alg":"HS256","kid":"k1","crit":["exp"]})", good), "it needs extensions"},
        {raw(R"({"alg":"HS256","alg":"HS256","kid":"k1"})", good), "its header is malformed"},
        {raw(R"({"alg":"HS256","kid":"k1","typ":"id+jwt"})", good), "it is of another type"},
        {raw("[]", good), "its header is malformed"},
        {raw(head, good, std::string(32, 't')), "its signature is wrong"},
        {raw(head, R"({"sub":"a"})"), "it has no exp"},
        {raw(head, R"({"exp":"1700000060"})"), "a time is no number"},
        {raw(head, R"({"exp":1699999969})"), "it has expired"},
        {raw(head, R"({"exp":1700000060,"nbf":1700000031})"), "it is not valid yet"},
        {raw(head, R"({"exp":1700000060,"iat":1700000031})"), "it was issued in the future"},
        {raw(head, R"({"exp":1700000060,"exp":1800000060})"), "its claims are malformed"},
        {raw(head, "{"), "its claims are malformed"},
        {valid.substr(0, valid.size() - 4), "a part is no base64url"},
        {valid + ".x", "it has not three parts"},
        {valid + "=", "a part is no base64url"},
        {"", "it has not three parts"},
        {std::string(9000, 'a'), "it is too long"},
    };
    for (const auto& [token, why] : cases) EXPECT_EQ(refusal(token), why) << token;
    EXPECT_EQ(refusal(raw(head, R"({"exp":1699999971})")), "") << "within the skew";
    EXPECT_EQ(refusal(raw(R"({"alg":"HS256","kid":"k1","typ":"JWT","jku":"http://evil","jwk":{}})", good)), "");
}

std::string pem_of(EVP_PKEY* key, bool is_private) {
    BIO* bio = BIO_new(BIO_s_mem());
    if (is_private) {
        PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    } else {
        PEM_write_bio_PUBKEY(bio, key);
    }
    char* text = nullptr;
    const auto length = BIO_get_mem_data(bio, &text);
    std::string pem(text, static_cast<std::size_t>(length));
    BIO_free(bio);
    return pem;
}

class KeyFiles : public testing::Test {
protected:
    fs::path folder = fs::temp_directory_path() / ("weir-auth-test-" + std::to_string(::getpid()));
    void SetUp() override { fs::create_directories(folder); }
    void TearDown() override { fs::remove_all(folder); }
    declare::TokenKey pair(const std::string& name, Algorithm algorithm, EVP_PKEY* key) {
        EXPECT_TRUE(write_file_atomic(folder / (name + ".key"), pem_of(key, true)));
        EXPECT_TRUE(write_file_atomic(folder / (name + ".pem"), pem_of(key, false)));
        EVP_PKEY_free(key);
        return {.id = name,
                .algorithm = algorithm,
                .public_key = (folder / (name + ".pem")).string(),
                .private_key = "${file:" + name + ".key}"};
    }
};

TEST_F(KeyFiles, public_keys_verify_what_their_private_keys_signed) {
    const auto rsa = pair("rsa", Algorithm::rs256, EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
    const auto ed = pair("ed", Algorithm::eddsa, EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    std::vector<TokenKeyMaterial> keys;
    for (const auto& key : {rsa, ed}) {
        auto loaded = load_token_key(key, folder, false);
        ASSERT_TRUE(loaded) << to_string(loaded.error());
        keys.push_back(*loaded);
    }
    for (const auto& key : {rsa, ed}) {
        const auto own = load_token_key(key, folder, true);
        ASSERT_TRUE(own) << to_string(own.error());
        const auto token = sign_token({.scopes = {"view:*"}, .issued = now, .expires = now + 60}, *own);
        ASSERT_TRUE(token);
        EXPECT_EQ(refusal(*token, keys), "");
        auto changed = *token;
        changed[changed.size() - 10] = changed[changed.size() - 10] == 'A' ? 'B' : 'A';
        EXPECT_EQ(refusal(changed, keys), "its signature is wrong");
    }
    // The public key as a shared secret: the oldest trick.
    const auto pem = read_file(rsa.public_key, 10'000);
    EXPECT_EQ(refusal(raw(R"({"alg":"HS256","kid":"rsa"})", R"({"exp":1700000060})", *pem), keys),
              "no key has its kid and algorithm");
}

TEST_F(KeyFiles, weak_and_wrong_keys_are_refused) {
    const auto small = pair("small", Algorithm::rs256, EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
    EXPECT_NE(to_string(load_token_key(small, folder, false).error()).find("2048"), std::string::npos);
    auto ed = pair("ed", Algorithm::eddsa, EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    ed.algorithm = Algorithm::rs256;
    EXPECT_FALSE(load_token_key(ed, folder, false));
    EXPECT_TRUE(write_file_atomic(folder / "short", "0123456789"));
    const auto error =
        load_token_key({.id = "s", .algorithm = Algorithm::hs256, .secret = "${file:short}"}, folder, false).error();
    EXPECT_NE(error.message.find("32 bytes"), std::string::npos);
    EXPECT_EQ(to_string(error).find("0123456789"), std::string::npos);
}

TEST_F(KeyFiles, a_set_of_keys) {
    // The key of RFC 8037, appendix A.2, and its token.
    const std::string okp =
        R"({"kty":"OKP","crv":"Ed25519","kid":"x","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
    EXPECT_TRUE(write_file_atomic(
        folder / "keys.json",
        "{\"keys\":[" + okp +
            ",{\"kty\":\"EC\",\"crv\":\"P-256\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\",\"x\":\"\"}]}"));
    const auto keys = load_jwks(folder / "keys.json");
    ASSERT_TRUE(keys) << to_string(keys.error());
    ASSERT_EQ(keys->size(), 1u);
    EXPECT_EQ(keys->front().id, "x");
    EXPECT_TRUE(write_file_atomic(folder / "keys.json", R"({"keys":[{"kty":"oct","k":"c2VjcmV0"}]})"));
    const auto secret = load_jwks(folder / "keys.json");
    ASSERT_FALSE(secret);
    EXPECT_EQ(to_string(secret.error()).find("c2VjcmV0"), std::string::npos);
}

Credentials ask(const Authenticator& authenticator, std::vector<http::Field> fields, std::int64_t at = now) {
    http::Head head;
    head.fields = std::move(fields);
    return authenticator.identify(head, at);
}

TEST(ApiKey, is_known_by_its_hash_alone) {
    using enum Credentials::Fault;
    const auto made = make_api_key();
    declare::ServeAccess access;
    access.keys.push_back(
        {.id = made.id, .sha256 = made.sha256, .scopes = {"view:*"}, .expires = "2023-12-01", .subject = "bo"});
    const auto authenticator = Authenticator::make(access, "/");
    ASSERT_TRUE(authenticator);
    EXPECT_FALSE((*authenticator)->is_open());
    const auto bearer = "Bearer " + made.key, lower = "bearer " + made.key,
               wrong = "Bearer " + made.key.substr(0, made.key.size() - 1) + "x";
    EXPECT_EQ(ask(**authenticator, {{"authorization", bearer}}).principal->claims.at("sub"), "bo");
    EXPECT_EQ(ask(**authenticator, {{"authorization", lower}}).fault, none);
    EXPECT_EQ(ask(**authenticator, {{"x-api-key", made.key}}).fault, none);
    EXPECT_EQ(ask(**authenticator, {}).fault, missing);
    EXPECT_EQ(ask(**authenticator, {{"authorization", wrong}}).fault, invalid);
    EXPECT_EQ(ask(**authenticator, {{"authorization", "Basic abc"}}).fault, invalid);
    EXPECT_EQ(ask(**authenticator, {{"x-api-key", "weir_00000000_x"}}).fault, invalid);
    EXPECT_EQ(ask(**authenticator, {{"x-api-key", "weir_x"}}).fault, invalid);
    EXPECT_EQ(ask(**authenticator, {{"x-api-key", made.key}, {"authorization", bearer}}).fault, twice);
    EXPECT_EQ(ask(**authenticator, {{"x-api-key", made.key}}, 1'701'388'800).fault, invalid) << "expired";
}

TEST(ApiKey, a_remembered_token_expires_all_the_same) {
    ASSERT_EQ(::setenv("WEIR_TEST_SECRET", std::string(32, 's').c_str(), 1), 0);
    declare::ServeAccess access;
    access.tokens.push_back({.id = "k1", .algorithm = Algorithm::hs256, .secret = "${env:WEIR_TEST_SECRET}"});
    const auto authenticator = Authenticator::make(access, "/");
    ASSERT_TRUE(authenticator) << to_string(authenticator.error());
    const auto value = "Bearer " + *sign_token({.scopes = {"view:*"}, .issued = now, .expires = now + 60}, shared());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask(**authenticator, {{"authorization", value}}).fault, Credentials::Fault::none);
    EXPECT_EQ(ask(**authenticator, {{"authorization", value}}, now + 60 + 30).fault, Credentials::Fault::invalid);
}

TEST(Rates, fill_up_evenly) {
    Rates rates({.count = 10, .window = std::chrono::seconds(1)});
    const auto begun = Rates::Clock::now();
    for (int i = 9; i >= 0; --i) EXPECT_EQ(rates.take("a", begun).remaining, i);
    EXPECT_FALSE(rates.take("a", begun).allowed);
    EXPECT_EQ(rates.take("a", begun).seconds, 1);
    EXPECT_TRUE(rates.take("b", begun).allowed);
    EXPECT_TRUE(rates.take("a", begun + std::chrono::milliseconds(101)).allowed);
    EXPECT_FALSE(rates.take("a", begun + std::chrono::milliseconds(102)).allowed);
}

TEST(Rates, hold_a_bounded_number_of_those_who_ask) {
    Rates rates({.count = 2, .window = std::chrono::hours(1)});
    const auto begun = Rates::Clock::now();
    // Nobody is full again for an hour: each newcomer takes the place of somebody.
    for (int i = 0; i < 400'000; ++i) EXPECT_TRUE(rates.take("address " + std::to_string(i), begun).allowed);
    EXPECT_LE(rates.size(), 100'000u);
}

TEST(Scopes, and_patterns) {
    for (const auto* good : {"view:*", "view:course_*", "rows:a", "topic:a.b-c", "metrics"})
        EXPECT_TRUE(declare::is_scope(good)) << good;
    for (const auto* bad : {"", "view", "view:", "all", "View:*", "view:a b", "view:a\"", "admin:*"})
        EXPECT_FALSE(declare::is_scope(bad)) << bad;
    EXPECT_TRUE(declare::matches_pattern("a*b*c", "aXXbYYbc"));
    EXPECT_FALSE(declare::matches_pattern("a*b", "abc"));
    EXPECT_TRUE(declare::matches_pattern("*", ""));
}

}  // namespace
}  // namespace weir::serve
