#include "source/kafka/client.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace weir::source::kafka {
namespace {

using declare::KafkaCluster;
using declare::KafkaSasl;
using declare::KafkaTls;

TEST(KafkaSettings, say_how_a_cluster_is_spoken_to) {
    KafkaCluster cluster{.brokers = "k1:9092,k2:9092"};
    auto settings = settings_of(cluster, "/");
    ASSERT_TRUE(settings.ok());
    EXPECT_EQ(settings->at("bootstrap.servers"), "k1:9092,k2:9092");
    EXPECT_EQ(settings->at("security.protocol"), "plaintext");

    cluster.tls = KafkaTls{.ca = "/ca.pem", .verify_name = false};
    settings = settings_of(cluster, "/");
    ASSERT_TRUE(settings.ok());
    EXPECT_EQ(settings->at("security.protocol"), "ssl");
    EXPECT_EQ(settings->at("ssl.ca.location"), "/ca.pem");
    EXPECT_EQ(settings->at("ssl.endpoint.identification.algorithm"), "none");

    ::setenv("WEIR_TEST_KAFKA_PASSWORD", "s3cret", 1);
    cluster.sasl = KafkaSasl{.mechanism = KafkaSasl::Mechanism::scram_sha_256,
                             .username = "weir",
                             .password = "${env:WEIR_TEST_KAFKA_PASSWORD}"};
    settings = settings_of(cluster, "/");
    ASSERT_TRUE(settings.ok());
    EXPECT_EQ(settings->at("security.protocol"), "sasl_ssl");
    EXPECT_EQ(settings->at("sasl.mechanism"), "SCRAM-SHA-256");
    EXPECT_EQ(settings->at("sasl.password"), "s3cret");
    cluster.tls.reset();
    EXPECT_EQ(settings_of(cluster, "/")->at("security.protocol"), "sasl_plaintext");
}

TEST(KafkaSettings, name_the_secret_that_is_missing_and_show_none) {
    ::unsetenv("WEIR_TEST_KAFKA_PASSWORD");
    const KafkaCluster cluster{.brokers = "k:1",
                               .sasl = KafkaSasl{.username = "weir", .password = "${env:WEIR_TEST_KAFKA_PASSWORD}"}};
    const auto settings = settings_of(cluster, "/");
    ASSERT_FALSE(settings.ok());
    EXPECT_EQ(settings.error().code, ErrorCode::secret_missing);
    EXPECT_NE(settings.error().message.find("WEIR_TEST_KAFKA_PASSWORD"), std::string::npos);

    Told told("k:1");
    const auto client =
        Client::make(RD_KAFKA_CONSUMER, {{"ssl.key.pem", "not-a-key"}, {"ssl.nonsense.password", "x"}}, told);
    ASSERT_FALSE(client.ok());
    EXPECT_EQ(client.error().message.find("not-a-key"), std::string::npos);
}

TEST(KafkaTrouble, is_what_may_pass_or_what_somebody_has_to_mend) {
    const std::vector<std::tuple<rd_kafka_resp_err_t, Trouble, ErrorCode>> table{
        {RD_KAFKA_RESP_ERR__TRANSPORT, Trouble::passing, ErrorCode::io_failed},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, Trouble::passing, ErrorCode::io_failed},
        {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Trouble::passing, ErrorCode::io_failed},
        {RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, Trouble::passing, ErrorCode::io_failed},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Trouble::no_topic, ErrorCode::not_found},
        {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Trouble::offsets_gone, ErrorCode::offsets_gone},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, Trouble::not_admitted, ErrorCode::refused},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Trouble::not_admitted, ErrorCode::refused},
        {RD_KAFKA_RESP_ERR__SSL, Trouble::not_admitted, ErrorCode::refused},
        {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, Trouble::lasting, ErrorCode::refused},
    };
    for (const auto& [error, trouble, code] : table) {
        EXPECT_EQ(trouble_of(error), trouble) << rd_kafka_err2name(error);
        EXPECT_EQ(to_error(error, "", "k:1").code, code) << rd_kafka_err2name(error);
    }
}

TEST(KafkaTold, an_obstacle_names_what_was_heard_and_goes_with_the_next_answer) {
    Told told("k:1");
    told.tell(RD_KAFKA_RESP_ERR__TRANSPORT, "connect to k:1 failed: Connection refused");
    EXPECT_FALSE(told.obstacle());  // others may be there
    told.tell(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    ASSERT_TRUE(told.obstacle());
    EXPECT_NE(told.obstacle()->message.find("Connection refused"), std::string::npos);
    told.answered();
    EXPECT_FALSE(told.obstacle());
    EXPECT_FALSE(told.failure());
    told.tell(RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong password");
    told.answered();
    ASSERT_TRUE(told.failure());
    EXPECT_EQ(told.failure()->code, ErrorCode::refused);
}

}  // namespace
}  // namespace weir::source::kafka
