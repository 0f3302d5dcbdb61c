// Messages of alerts over TLS: to whom a trusted certificate says it is, and to nobody else.
#include <nlohmann/json.hpp>
#include <thread>

#include "support/server.h"
#include "support/shop.h"
#include "support/tls_receiver.h"

namespace weir::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Webhooks : public Shop {
protected:
    Webhooks() {
        put("in/1.csv", header + "1,a,1\n");
        view("newest", "SELECT name, id FROM t\n");
    }
    // One alert that fires at once, for all of these targets.
    void targets(const std::vector<std::string>& names, const std::string& more) {
        std::string text = "every: 100ms\nnotify:\n";
        for (const auto& name : names)
            text += "- {name: " + name + ", url: \"${env:URL_" + name + "}\", retries: 0, " + more + "}\n";
        put("alerts.yaml",
            text + "alerts:\n- {name: odd, sql: SELECT name FROM newest, key: [name], message: \"{name}\"}\n");
        run_ok();
    }
    // What became of the message to this target.
    static std::string fate(const UpServer& up, const std::string& name) {
        const auto begin = "a message of alert odd to " + name + " is given up: ";
        for (int look = 0; look < 2400; ++look) {
            const auto err = up.err();
            if (const auto at = err.find(begin); at != std::string::npos)
                return err.substr(at + begin.size(), err.find('\n', at) - at - begin.size());
            const auto metrics = up.get("/metrics").body;
            if (metrics.find("weir_alert_messages_total{target=\"" + name + "\",outcome=\"delivered\"} 1") !=
                std::string::npos)
                return "delivered";
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
        }
        return "waits still\n" + up.err();
    }
};

TEST_F(Webhooks, over_tls_go_to_whom_a_trusted_certificate_names) {
    const auto authority = make_identity("", -3600, 3600), stranger = make_identity("", -3600, 3600);
    const auto make = [&](const std::string& names, long from, long until, const Identity& by) {
        return make_identity(names, from, until, &by);
    };
    const auto good = make("DNS:localhost,IP:127.0.0.1", -60, 3600, authority),
               other_name = make("DNS:receiver.example.org,IP:127.0.0.2", -60, 3600, authority),
               late = make("DNS:localhost,IP:127.0.0.1", -7200, -60, authority),
               early = make("DNS:localhost,IP:127.0.0.1", 600, 3600, authority),
               unknown = make("DNS:localhost,IP:127.0.0.1", -60, 3600, stranger),
               itself = make_identity("DNS:localhost,IP:127.0.0.1", -60, 3600);
    put("trusted.pem", pem_of(authority));
    TlsReceiver of_good(good), of_other(other_name), of_late(late), of_early(early), of_unknown(unknown),
        of_itself(itself), of_old(good, TLS1_1_VERSION);
    const auto url = [](const TlsReceiver& receiver, const std::string& host) {
        return "https://" + host + ":" + std::to_string(receiver.port()) + "/hidden-0815";
    };
    targets({"good", "by_address", "other", "other_address", "late", "early", "unknown", "itself", "old"},
            "timeout: 5s");
    std::map<std::string, std::string> environment{
        {"URL_good", url(of_good, "localhost")},       {"URL_by_address", url(of_good, "127.0.0.1")},
        {"URL_other", url(of_other, "localhost")},     {"URL_other_address", url(of_other, "127.0.0.1")},
        {"URL_late", url(of_late, "localhost")},       {"URL_early", url(of_early, "localhost")},
        {"URL_unknown", url(of_unknown, "localhost")}, {"URL_itself", url(of_itself, "localhost")},
        {"URL_old", url(of_old, "localhost")},         {"SSL_CERT_FILE", (project / "trusted.pem").string()}};
    {
        UpServer up(project, {"--only", "alerts,serve"}, environment);
        ASSERT_NE(up.port(), 0) << up.err();
        EXPECT_EQ(fate(up, "good"), "delivered");
        EXPECT_EQ(fate(up, "by_address"), "delivered");
        EXPECT_THAT(fate(up, "other"), HasSubstr("not trusted: hostname mismatch"));
        EXPECT_THAT(fate(up, "other_address"), HasSubstr("not trusted: IP address mismatch"));
        EXPECT_THAT(fate(up, "late"), HasSubstr("not trusted: certificate has expired"));
        EXPECT_THAT(fate(up, "early"), HasSubstr("not trusted: certificate is not yet valid"));
        EXPECT_THAT(fate(up, "unknown"), HasSubstr("not trusted: certificate signature failure"))
            << "of somebody with the same name";
        EXPECT_THAT(fate(up, "itself"), HasSubstr("not trusted: self-signed certificate"));
        EXPECT_THAT(fate(up, "old"), HasSubstr("TLS failed"));
        EXPECT_THAT(up.err(), Not(HasSubstr("hidden-0815")));
        EXPECT_EQ(up.stop(), 0);
    }
    ASSERT_EQ(of_good.requests().size(), 2u);
    EXPECT_THAT(of_good.requests()[0], HasSubstr("POST /hidden-0815 HTTP/1.1\r\n"));
    EXPECT_THAT(of_good.requests()[0], HasSubstr("\"state\":\"firing\""));
    for (const auto* refused : {&of_other, &of_late, &of_early, &of_unknown, &of_itself, &of_old}) {
        EXPECT_EQ(refused->requests().size(), 0u) << "nothing is sent to whom nobody trusts";
        EXPECT_GE(refused->connections(), 1);
    }
}

TEST_F(Webhooks, trust_nobody_whom_neither_the_system_nor_the_setting_names) {
    const auto authority = make_identity("", -3600, 3600);
    TlsReceiver receiver(make_identity("DNS:localhost", -60, 3600, &authority));
    targets({"hook"}, "timeout: 5s");
    UpServer up(project, {"--only", "alerts,serve"},
                {{"URL_hook", "https://localhost:" + std::to_string(receiver.port()) + "/"}});
    ASSERT_NE(up.port(), 0) << up.err();
    EXPECT_THAT(fate(up, "hook"), HasSubstr("not trusted"));
    EXPECT_EQ(receiver.requests().size(), 0u);
}

TEST_F(Webhooks, trust_for_each_target_whom_it_names) {
    const auto ours = make_identity("", -3600, 3600), system = make_identity("", -3600, 3600);
    TlsReceiver inside(make_identity("DNS:localhost", -60, 3600, &ours)),
        outside(make_identity("DNS:localhost", -60, 3600, &system));
    put("certs/ours.pem", pem_of(ours));
    put("system.pem", pem_of(system));
    const auto url = [](const TlsReceiver& receiver) {
        return "https://localhost:" + std::to_string(receiver.port()) + "/";
    };
    put("alerts.yaml", R"(every: 100ms
notify:
- {name: inside, url: "${env:URL_inside}", retries: 0, ca: certs/ours.pem}
- {name: outside, url: "${env:URL_outside}", retries: 0}
- {name: mistaken, url: "${env:URL_outside}", retries: 0, ca: certs/ours.pem}
alerts:
- {name: odd, sql: SELECT name FROM newest, key: [name], message: "{name}"}
)");
    run_ok();
    const std::map<std::string, std::string> environment{{"URL_inside", url(inside)},
                                                         {"URL_outside", url(outside)},
                                                         {"SSL_CERT_FILE", (project / "system.pem").string()}};
    {
        UpServer up(project, {"--only", "alerts,serve"}, environment);
        ASSERT_NE(up.port(), 0) << up.err();
        EXPECT_EQ(fate(up, "inside"), "delivered");
        EXPECT_EQ(fate(up, "outside"), "delivered");
        EXPECT_THAT(fate(up, "mistaken"), HasSubstr("not trusted")) << "the system's are not trusted beside its own";
        EXPECT_EQ(up.stop(), 0);
    }
    for (const auto* broken : {"", "no certificate\n"}) {
        put("certs/ours.pem", broken);
        const UpServer up(project, {"--only", "alerts,serve"}, environment);
        EXPECT_EQ(up.port(), 0);
        EXPECT_THAT(up.err(), HasSubstr("certs/ours.pem cannot be used: there is no certificate in it"));
        EXPECT_THAT(up.err(), HasSubstr("alerts.yaml:3:"));
    }
    std::filesystem::remove(project / "certs/ours.pem");
    const UpServer up(project, {"--only", "alerts,serve"}, environment);
    EXPECT_EQ(up.port(), 0);
    EXPECT_THAT(up.err(), HasSubstr("certs/ours.pem cannot be used: No such file"));
}

TEST_F(Webhooks, that_are_no_webhooks_end_with_their_time) {
    // It takes connections and says nothing; and TLS that speaks HTTP.
    Receiver silent, plain;
    silent.behave(
        [&](int) {
            for (int i = 0; i < 100 && !silent.stopping(); ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
        },
        10);
    targets({"silent", "plain", "nobody"}, "timeout: 500ms");
    UpServer up(project, {"--only", "alerts,serve"},
                {{"URL_silent", "https://127.0.0.1:" + std::to_string(silent.port()) + "/"},
                 {"URL_plain", "https://127.0.0.1:" + std::to_string(plain.port()) + "/"},
                 {"URL_nobody", "https://no-such-host.invalid/"}});
    ASSERT_NE(up.port(), 0) << up.err();
    EXPECT_THAT(fate(up, "silent"), HasSubstr("TLS took longer than 500 ms"));
    EXPECT_THAT(fate(up, "plain"), Not(HasSubstr("waits still")));
    EXPECT_THAT(fate(up, "nobody"), HasSubstr("its name"));
}

}  // namespace
}  // namespace weir::test
