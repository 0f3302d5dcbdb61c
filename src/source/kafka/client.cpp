#include "source/kafka/client.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <functional>
#include <thread>

#include "base/file.h"
#include "base/stop.h"
#include "declare/secret.h"

namespace weir::source::kafka {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::string_view mechanism_name(declare::KafkaSasl::Mechanism mechanism) {
    switch (mechanism) {
        case declare::KafkaSasl::Mechanism::plain: return "PLAIN";
        case declare::KafkaSasl::Mechanism::scram_sha_256: return "SCRAM-SHA-256";
        case declare::KafkaSasl::Mechanism::scram_sha_512: break;
    }
    return "SCRAM-SHA-512";
}

std::string admission_hint(const std::string& reason) {
    // Its SCRAM said a nonce twice before, which brokers took before 4.0.
    constexpr int scram_mended = 0x020601ff;
    if (reason.find("SCRAM") != std::string::npos && rd_kafka_version() < scram_mended)
        return fmt::format(
            "are name and password right? Brokers of version 4 take SCRAM from librdkafka from 2.6.1 on, "
            "and this is {}: use `plain` over TLS there, or a newer library",
            rd_kafka_version_str());
    return "`tls` and `sasl` of the cluster say how weir shows who it is; the brokers' log says what they ask for";
}

// Serves the client's callbacks, which tell of brokers that are not there.
void serve(const Client& client) { rd_kafka_poll(client.get(), 0); }

}  // namespace

Result<Settings> settings_of(const declare::KafkaCluster& cluster, const std::filesystem::path& root) {
    Settings settings{{"bootstrap.servers", cluster.brokers},
                      {"client.id", "weir"},
                      {"log_level", "0"},
                      {"security.protocol", cluster.tls ? (cluster.sasl ? "sasl_ssl" : "ssl")
                                                        : (cluster.sasl ? "sasl_plaintext" : "plaintext")}};
    if (cluster.tls) {
        const auto& tls = *cluster.tls;
        if (!tls.ca.empty()) settings["ssl.ca.location"] = tls.ca;
        if (!tls.certificate.empty()) {
            constexpr std::size_t certificate_bytes_max = 1 << 20;
            WEIR_ASSIGN(settings["ssl.certificate.pem"], read_file(tls.certificate, certificate_bytes_max));
            WEIR_ASSIGN(settings["ssl.key.pem"], declare::read_secret(tls.key, root));
        }
        if (!tls.key_password.empty()) {
            WEIR_ASSIGN(settings["ssl.key.password"], declare::read_secret(tls.key_password, root));
        }
        settings["ssl.endpoint.identification.algorithm"] = tls.verify_name ? "https" : "none";
    }
    if (cluster.sasl) {
        settings["sasl.mechanism"] = mechanism_name(cluster.sasl->mechanism);
        settings["sasl.username"] = cluster.sasl->username;
        WEIR_ASSIGN(settings["sasl.password"], declare::read_secret(cluster.sasl->password, root));
    }
    return settings;
}

Trouble trouble_of(rd_kafka_resp_err_t error) {
    switch (error) {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return Trouble::no_topic;
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return Trouble::offsets_gone;
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
        case RD_KAFKA_RESP_ERR__SSL:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return Trouble::not_admitted;
        case RD_KAFKA_RESP_ERR__FATAL:
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
        case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL: return Trouble::lasting;
        default: return Trouble::passing;
    }
}

Error to_error(rd_kafka_resp_err_t error, const std::string& reason, const std::string& brokers) {
    const auto text = reason.empty() ? std::string(rd_kafka_err2str(error)) : reason;
    switch (trouble_of(error)) {
        case Trouble::no_topic:
            return {.code = ErrorCode::not_found,
                    .message = fmt::format("Kafka at {}: {}", brokers, text),
                    .hint = "`weir topic create TOPIC --kafka BROKERS` makes a topic"};
        case Trouble::offsets_gone: return {.code = ErrorCode::offsets_gone, .message = text};
        case Trouble::not_admitted:
            return {.code = ErrorCode::refused,
                    .message = fmt::format("Kafka at {} does not let us in: {}", brokers, text),
                    .hint = admission_hint(text)};
        case Trouble::lasting:
            return {.code = ErrorCode::refused, .message = fmt::format("Kafka at {}: {}", brokers, text)};
        case Trouble::passing: break;
    }
    return {.code = ErrorCode::io_failed,
            .message = fmt::format("Kafka at {}: {}", brokers, text),
            .hint = "is it running, and reachable from here?"};
}

void Told::tell(rd_kafka_resp_err_t error, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    switch (trouble_of(error)) {
        case Trouble::not_admitted:
        case Trouble::lasting:
            if (!failure_) failure_ = to_error(error, reason, brokers_);
            return;
        case Trouble::offsets_gone: return;
        case Trouble::no_topic: obstacle_ = to_error(error, reason, brokers_); return;
        case Trouble::passing: break;
    }
    // "All brokers are down" says less than what was heard of one of them.
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) last_reason_ = reason;
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || error == RD_KAFKA_RESP_ERR__RESOLVE)
        obstacle_ = to_error(error, last_reason_.empty() ? reason : last_reason_, brokers_);
}

std::optional<Error> Told::obstacle() const {
    const std::lock_guard lock(mutex_);
    return obstacle_;
}

void Told::answered() {
    const std::lock_guard lock(mutex_);
    obstacle_.reset();
}

std::optional<Error> Told::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

Result<Client> Client::make(rd_kafka_type_t type, const Settings& settings, Told& told) {
    Conf conf(rd_kafka_conf_new());
    std::array<char, 512> problem{};
    for (const auto& [name, value] : settings) {
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), problem.data(), problem.size()) ==
            RD_KAFKA_CONF_OK)
            continue;
        // The text may show the value, which may be a secret.
        const bool secret = name.find("password") != std::string::npos || name.find("pem") != std::string::npos;
        return Error{.code = ErrorCode::project_invalid,
                     .message = secret ? fmt::format("Kafka's client does not take what stands for '{}'", name)
                                       : std::string(problem.data())};
    }
    rd_kafka_conf_set_log_cb(conf.get(), nullptr);
    rd_kafka_conf_set_opaque(conf.get(), &told);
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t* client, int error, const char* reason, void* opaque) {
        auto code = static_cast<rd_kafka_resp_err_t>(error);
        std::array<char, 512> text{};
        if (code == RD_KAFKA_RESP_ERR__FATAL) {
            const auto cause = rd_kafka_fatal_error(client, text.data(), text.size());
            return static_cast<Told*>(opaque)->tell(code, fmt::format("{}: {}", rd_kafka_err2str(cause), text.data()));
        }
        static_cast<Told*>(opaque)->tell(code, reason == nullptr ? "" : reason);
    });
    if (told.on_rebalance)
        rd_kafka_conf_set_rebalance_cb(
            conf.get(), [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* opaque) {
                static_cast<Told*>(opaque)->on_rebalance(what, list);
            });
    if (told.on_delivery)
        rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
            static_cast<Told*>(opaque)->on_delivery(*message);
        });
    Client made;
    made.client_ = rd_kafka_new(type, conf.get(), problem.data(), problem.size());
    if (made.client_ == nullptr)
        return Error{
            .code = ErrorCode::project_invalid,
            .message = fmt::format("a client of Kafka at {} cannot be made: {}", told.brokers(), problem.data()),
            .hint = "see `kafka` in weir.yaml"};
    static_cast<void>(conf.release());  // it is the client's now
    return made;
}

Client::~Client() {
    if (client_ != nullptr) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

namespace {

// Asks until somebody answers.
Result<Metadata> ask_metadata(const Client& client, rd_kafka_topic_t* topic, Told& told,
                              std::chrono::milliseconds patience) {
    constexpr int slice_ms = 200;
    const auto until = steady_clock::now() + patience;
    for (;;) {
        const rd_kafka_metadata_t* answer = nullptr;
        const auto error = rd_kafka_metadata(client.get(), topic == nullptr ? 1 : 0, topic, &answer, slice_ms);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            told.answered();
            return Metadata(answer);
        }
        serve(client);
        if (auto failure = told.failure()) return *failure;
        if (trouble_of(error) != Trouble::passing) return to_error(error, "", told.brokers());
        if (stop_requested())
            return Error{.code = ErrorCode::interrupted, .message = "stopped while looking for Kafka's brokers"};
        if (steady_clock::now() >= until)
            return told.obstacle().value_or(
                to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "no broker answers", told.brokers()));
    }
}

}  // namespace

Result<int> count_partitions(const Client& client, const std::string& topic, Told& told,
                             std::chrono::milliseconds patience) {
    const Topic handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
    const auto missing = [&] {
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("Kafka at {} has no topic '{}'", told.brokers(), topic),
                     .hint = fmt::format("`weir topic create {} --kafka {}` makes it", topic, told.brokers())};
    };
    const auto until = steady_clock::now() + patience;
    for (;;) {
        auto asked = ask_metadata(client, handle.get(), told, patience);
        if (!asked) return asked.error().code == ErrorCode::not_found ? missing() : std::move(asked).error();
        const auto& metadata = **asked;
        if (metadata.topic_cnt < 1) return missing();
        const auto& one = metadata.topics[0];
        if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR && one.partition_cnt > 0) return one.partition_cnt;
        if (trouble_of(one.err) == Trouble::no_topic) return missing();
        if (trouble_of(one.err) != Trouble::passing) return to_error(one.err, "", told.brokers());
        if (stop_requested() || steady_clock::now() >= until) return to_error(one.err, "", told.brokers());
        std::this_thread::sleep_for(50ms);
    }
}

Result<std::map<std::string, int>> list_topics(const Client& client, Told& told, std::chrono::milliseconds patience) {
    WEIR_ASSIGN(const auto metadata, ask_metadata(client, nullptr, told, patience));
    std::map<std::string, int> topics;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        const std::string name = metadata->topics[i].topic;
        if (!name.starts_with("__")) topics[name] = metadata->topics[i].partition_cnt;
    }
    return topics;
}

Result<std::pair<std::int64_t, std::int64_t>> watermarks(const Client& client, const std::string& topic, int partition,
                                                         const Told& told) {
    std::int64_t low = 0, high = 0;
    const auto error = rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), partition, &low, &high,
                                                        static_cast<int>(patience_to_connect.count()));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(error, "", told.brokers());
    return std::pair(low, high);
}

Result<std::string> cluster_id(const Client& client, Told& told) {
    char* id = rd_kafka_clusterid(client.get(), static_cast<int>(patience_to_connect.count()));
    if (id == nullptr) {
        serve(client);
        if (auto failure = told.failure()) return *failure;
        return told.obstacle().value_or(to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "no broker answers", told.brokers()));
    }
    std::string text(id);
    rd_kafka_mem_free(client.get(), id);
    return text;
}

std::vector<log::RecordHeader> headers_of(const rd_kafka_message_t& message) {
    std::vector<log::RecordHeader> all;
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
        std::optional<std::string_view> bytes;
        if (value != nullptr) bytes = {static_cast<const char*>(value), size};
        all.push_back({name, bytes});
    }
    return all;
}

}  // namespace weir::source::kafka
