// Certificates as a test wants them, and somebody who takes POSTs over TLS at 127.0.0.1.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/receiver.h"

namespace weir::test {

using TlsKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using TlsCertificate = std::unique_ptr<X509, decltype(&X509_free)>;

struct Identity {
    TlsKey key{nullptr, EVP_PKEY_free};
    TlsCertificate certificate{nullptr, X509_free};
};

// A certificate for `names` ("DNS:localhost,IP:127.0.0.1") that is good from `from` to `until` seconds from now, signed
// by `issuer`; without one it is an authority of its own.
inline Identity make_identity(const std::string& names, long from, long until, const Identity* issuer = nullptr) {
    Identity made;
    made.key.reset(EVP_EC_gen("P-256"));
    made.certificate.reset(X509_new());
    auto* one = made.certificate.get();
    static std::atomic<long> serial{1};
    X509_set_version(one, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(one), serial++);
    X509_gmtime_adj(X509_getm_notBefore(one), from);
    X509_gmtime_adj(X509_getm_notAfter(one), until);
    X509_set_pubkey(one, made.key.get());
    const std::string name = issuer == nullptr ? "an authority" : "a receiver";
    X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(one, X509_get_subject_name(issuer == nullptr ? one : issuer->certificate.get()));
    const auto add = [&](int kind, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer == nullptr ? one : issuer->certificate.get(), one, nullptr, nullptr, 0);
        auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        X509_add_ext(one, extension, -1);
        X509_EXTENSION_free(extension);
    };
    add(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) add(NID_subject_alt_name, names);
    X509_sign(one, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
    return made;
}

inline std::string pem_of(const Identity& identity) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(bio.get(), identity.certificate.get());
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

class TlsReceiver {
public:
    explicit TlsReceiver(const Identity& identity, int version_max = TLS1_3_VERSION)
        : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
        SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
        SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_max_proto_version(context_.get(), version_max);
        receiver_.behave([this](int peer) { take(peer); }, 1'000'000);
    }
    std::uint16_t port() const { return receiver_.port(); }
    // Requests that came through TLS.
    std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    int connections() const { return connections_; }

private:
    void take(int peer) {
        ++connections_;
        const timeval patience{5, 0};
        ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
        SSL_set_fd(ssl.get(), peer);
        if (SSL_accept(ssl.get()) != 1) return;
        std::string bytes;
        char buffer[4096];
        const auto whole = [&] {
            const auto end = bytes.find("\r\n\r\n"), at = bytes.find("Content-Length: ");
            return end != std::string::npos && at != std::string::npos &&
                   bytes.size() >= end + 4 + std::stoul(bytes.substr(at + 16));
        };
        while (!whole()) {
            const int count = SSL_read(ssl.get(), buffer, sizeof buffer);
            if (count <= 0) return;
            bytes.append(buffer, static_cast<std::size_t>(count));
        }
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(bytes);
        }
        const std::string answer = "HTTP/1.1 204 No Content\r\n\r\n";
        SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(ssl.get());
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::atomic<int> connections_ = 0;
    Receiver receiver_;  // last: its thread ends first
};

}  // namespace weir::test
