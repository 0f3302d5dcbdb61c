// Tokens as an attacker makes them: any header, any claims, any signature. By OpenSSL alone, none of the program's
// code.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace weir::test {

inline std::string base64url(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                                         static_cast<int>(bytes.size()))));
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

inline std::string hmac(std::string_view key, std::string_view text, const EVP_MD* digest = EVP_sha256()) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    HMAC(digest, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), bytes.data(), &size);
    return {reinterpret_cast<const char*>(bytes.data()), size};
}

// With a private key in PEM.
inline std::string rs256(const std::string& pem, std::string_view text) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                        BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    if (!key || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

inline std::string unsigned_token(const std::string& head, const std::string& claims) {
    return base64url(head) + "." + base64url(claims);
}
inline std::string hs256_token(const std::string& head, const std::string& claims, std::string_view secret) {
    const auto text = unsigned_token(head, claims);
    return text + "." + base64url(hmac(secret, text));
}
inline std::string rs256_token(const std::string& head, const std::string& claims, const std::string& pem) {
    const auto text = unsigned_token(head, claims);
    return text + "." + base64url(rs256(pem, text));
}

}  // namespace weir::test
