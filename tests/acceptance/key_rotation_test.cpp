// Keys change while weir runs: new ones are accepted, old ones refused, and a broken file changes nothing.
#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "support/served.h"
#include "support/tls_receiver.h"
#include "support/tokens.h"

namespace weir::test {
namespace {

namespace client = serve::http::testing;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Not;

class Rotation : public Guarded {
protected:
    // Waits until this credential gets that status; whether it did.
    static bool becomes(const UpServer& server, const std::string& authorization, int status) {
        for (int look = 0; look < 1200 * slowness; ++look) {
            if (server.get("/views/sums", {{"Authorization", authorization}}).status == status) return true;
            std::this_thread::sleep_for(milliseconds(50));
        }
        return false;
    }
    static bool says(const UpServer& server, const std::string& text) {
        for (int look = 0; look < 1200 * slowness; ++look) {
            if (server.err().find(text) != std::string::npos) return true;
            std::this_thread::sleep_for(milliseconds(50));
        }
        return false;
    }
    static std::string signed_with(const std::string& secret, const std::string& kid) {
        const auto exp = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1) + 3600;
        return "Bearer " + hs256_token(json{{"alg", "HS256"}, {"kid", kid}}.dump(),
                                       json{{"scope", "view:* metrics"}, {"sub", "x"}, {"exp", exp}}.dump(), secret);
    }
    int status(const UpServer& server, const std::string& authorization) const {
        return server.get("/views/sums", {{"Authorization", authorization}}).status;
    }
};

TEST_F(Rotation, a_secret_s_file_is_read_when_it_changes) {
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const std::string first(40, 'n'), second(40, 'm');
    const auto before = signed_with(first, "new"), after = signed_with(second, "new");
    EXPECT_EQ(status(server, before), 200);
    EXPECT_EQ(status(server, after), 401);
    client::Client stream(server.port());
    stream.send("GET /stream/sums HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + before + "\r\n\r\n");
    EXPECT_THAT(stream.read_until("retry: "), HasSubstr("200 OK"));
    put("new.secret", second);
    ASSERT_TRUE(becomes(server, after, 200)) << server.err();
    EXPECT_EQ(status(server, before), 401) << "remembered tokens of the key that is gone, too";
    EXPECT_EQ(status(server, signed_with(std::string(32, 'o'), "old")), 200) << "the other key stays";
    EXPECT_TRUE(stream.closed(milliseconds(4000))) << "streams of before end";
    EXPECT_THAT(server.err(), HasSubstr("keys were read again: 2 of tokens, 1 API key in force"));
    // Broken, short, gone: the keys in force stay, and the log has the reason without a secret.
    put("new.secret", "too-short-4711");
    ASSERT_TRUE(says(server, "has fewer than 32 bytes")) << server.err();
    EXPECT_EQ(status(server, after), 200);
    EXPECT_THAT(server.get("/metrics", {{"Authorization", after}}).body, HasSubstr("weir_access_keys_current 0\n"));
    std::filesystem::remove(project / "new.secret");
    ASSERT_TRUE(says(server, "new.secret cannot be read")) << server.err();
    EXPECT_EQ(status(server, after), 200);
    EXPECT_THAT(server.err(), Not(HasSubstr("4711")));
    // As a file that is put in its place at once, with the time of an old one.
    put("next.secret", std::string(40, 'k'));
    const timespec old[2]{{1'000'000, 0}, {1'000'000, 0}};
    ::utimensat(AT_FDCWD, (project / "next.secret").c_str(), old, 0);
    std::filesystem::rename(project / "next.secret", project / "new.secret");
    ASSERT_TRUE(becomes(server, signed_with(std::string(40, 'k'), "new"), 200)) << server.err();
    EXPECT_EQ(status(server, after), 401);
    EXPECT_THAT(server.get("/metrics", {{"Authorization", signed_with(std::string(40, 'k'), "new")}}).body,
                HasSubstr("weir_access_keys_current 1\n"));
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Rotation, keys_come_and_go_in_serve_yaml) {
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto settings = read(project / "serve.yaml");
    const auto made = json::parse(weir_with({"token", "key", "--scope", "view:sums", "--json"}).out);
    const auto old_key = "Bearer " + api_key, new_key = "Bearer " + made.at("key").get<std::string>();
    EXPECT_EQ(status(server, old_key), 200);
    EXPECT_EQ(status(server, new_key), 401);
    // Beside the old one: both hold.
    const auto at = settings.find("  keys:\n") + 8;
    const auto line = "  - {id: \"" + made.at("id").get<std::string>() +
                      "\", sha256: " + made.at("sha256").get<std::string>() + ", scopes: [\"view:sums\"]}\n";
    put("serve.yaml", settings.substr(0, at) + line + settings.substr(at));
    ASSERT_TRUE(becomes(server, new_key, 200)) << server.err();
    EXPECT_EQ(status(server, old_key), 200);
    // A file that is no YAML, one that is no project's, and one that would open everything: nothing changes.
    for (const auto& [broken, said] :
         {std::pair<std::string, std::string>{"access: {keys: [", "serve.yaml:"},
          {"access: {keys: [{id: a, sha256: x, scopes: [all]}]}\n", "64 hexadecimal digits"},
          {"views: [{view: sums, key: [name]}]\n", "everybody could read everything"},
          {settings.substr(0, settings.find("  rows:")) + "  rows:\n  - {views: rows_, claim: sub, column: id}\n",
           "other rules for rows"}}) {
        put("serve.yaml", broken);
        ASSERT_TRUE(says(server, said)) << said << server.err();
        EXPECT_EQ(status(server, old_key), 200) << broken;
        EXPECT_EQ(status(server, new_key), 200) << broken;
        EXPECT_EQ(server.get("/views/sums").status, 401) << broken;
    }
    // The old one is taken out.
    const auto old_line = settings.find("  - {id: \"", at);
    const auto end = settings.find('\n', old_line) + 1;
    put("serve.yaml", settings.substr(0, old_line) + line + settings.substr(end));
    ASSERT_TRUE(becomes(server, old_key, 401)) << server.err();
    EXPECT_EQ(status(server, new_key), 200);
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Rotation, a_set_of_keys_is_read_when_it_changes) {
    for (const auto* name : {"one", "two"}) {
        const auto done = run({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                               std::string(name) + ".key"},
                              {.directory = project, .environment = {}});
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }
    const auto jwk = [&](const std::string& name) {
        const auto modulus = run({"openssl", "rsa", "-in", name + ".key", "-noout", "-modulus"},
                                 {.directory = project, .environment = {}})
                                 .out;
        std::string bytes;
        for (auto at = modulus.find('=') + 1; at + 1 < modulus.size(); at += 2)
            bytes += static_cast<char>(std::stoi(modulus.substr(at, 2), nullptr, 16));
        return json{{"kty", "RSA"}, {"alg", "RS256"},        {"use", "sig"},
                    {"kid", name},  {"n", base64url(bytes)}, {"e", "AQAB"}};
    };
    const auto token_of = [&](const std::string& name) {
        const auto exp = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1) + 3600;
        return "Bearer " + rs256_token(json{{"alg", "RS256"}, {"kid", name}}.dump(),
                                       json{{"scope", "view:*"}, {"exp", exp}}.dump(), read(project / (name + ".key")));
    };
    const auto set_of = [](const std::vector<json>& keys) { return json{{"keys", keys}}.dump(); };
    put("keys.json", set_of({jwk("one")}));
    put("serve.yaml", "access: {jwks: keys.json}\n");
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto one = token_of("one"), two = token_of("two");
    EXPECT_EQ(status(server, one), 200);
    EXPECT_EQ(status(server, two), 401);
    put("keys.json", set_of({jwk("one"), jwk("two")}));
    ASSERT_TRUE(becomes(server, two, 200)) << server.err();
    EXPECT_EQ(status(server, one), 200);
    put("keys.json", R"({"keys": [{"kty": "RSA", "kid": "two")");
    ASSERT_TRUE(says(server, "no set of keys")) << server.err();
    EXPECT_EQ(status(server, two), 200);
    put("keys.json", set_of({jwk("two")}));
    ASSERT_TRUE(becomes(server, one, 401)) << server.err();
    EXPECT_EQ(status(server, two), 200);
    EXPECT_EQ(server.stop(), 0);
}

// The serial number of the certificate that a new connection gets; 0 where there is none.
long serial_at(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    long serial = 0;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && SSL_set_fd(ssl.get(), fd) == 1 &&
        SSL_connect(ssl.get()) == 1) {
        const TlsCertificate certificate(SSL_get1_peer_certificate(ssl.get()), X509_free);
        serial = ASN1_INTEGER_get(X509_get_serialNumber(certificate.get()));
    }
    ::close(fd);
    return serial;
}

TEST_F(Rotation, a_renewed_certificate_is_used_from_then_on) {
    const auto first = make_identity("DNS:localhost", -60, 3600), second = make_identity("DNS:localhost", -60, 3600);
    const auto serial_of = [](const Identity& of) {
        return ASN1_INTEGER_get(X509_get_serialNumber(of.certificate.get()));
    };
    const auto key_of = [](const Identity& of) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_PrivateKey(bio.get(), of.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* text = nullptr;
        const auto size = BIO_get_mem_data(bio.get(), &text);
        return std::string(text, static_cast<std::size_t>(size));
    };
    put("tls.pem", pem_of(first));
    put("tls.key", key_of(first));
    const auto settings = read(project / "serve.yaml");
    put("serve.yaml",
        "http: {tls: {certificate: tls.pem, key: \"${file:tls.key}\"}}\n" + settings.substr(settings.find("access:")));
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    EXPECT_EQ(serial_at(server.port()), serial_of(first));
    // The certificate alone does not go with the key: what is in use stays.
    put("tls.pem", pem_of(second));
    ASSERT_TRUE(says(server, "the certificate in use stays")) << server.err();
    EXPECT_EQ(serial_at(server.port()), serial_of(first));
    put("tls.key", key_of(second));
    ASSERT_TRUE(says(server, "new connections get the new certificate")) << server.err();
    EXPECT_EQ(serial_at(server.port()), serial_of(second));
    EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace weir::test
