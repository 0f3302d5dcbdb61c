// kafka: in weir.yaml, and of a source with a cluster of its own.
#include <fmt/format.h>

#include <array>

#include "declare/context.h"

namespace weir::declare {
namespace {

using Mechanism = KafkaSasl::Mechanism;

std::string absolute(const Context& context, OptionReader& reader, std::string_view key) {
    const auto path = reader.take<std::string>(key);
    return path && !path->empty() ? (context.project.root / *path).lexically_normal().string() : std::string();
}

void take_secret(OptionReader& reader, std::string_view key, std::string& reference) {
    if (const auto secret = reader.take<SecretRef>(key)) reference = secret->reference;
}

// host:port, with commas between them.
void check_brokers(const Text& brokers, Problems& problems) {
    std::string_view rest = brokers.text;
    do {
        const auto comma = std::min(rest.find(','), rest.size());
        auto one = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        const auto colon = one.rfind(':');
        const auto port = colon == std::string_view::npos ? std::string_view() : one.substr(colon + 1);
        const bool number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
        if (colon != 0 && number && std::stoi(std::string(port)) <= 65535) continue;
        problems.error(brokers.where, fmt::format("'{}' is no broker", one),
                       "write host:port, and commas between several: kafka-1:9092,kafka-2:9092");
    } while (!rest.empty());
}

void read_tls(Context& context, const YamlNode& node, std::string_view key_file, const std::string& file,
              KafkaCluster& cluster) {
    OptionReader reader(node, key_section(key_file, "kafka.tls"), file, context.problems, context.fill());
    auto& tls = cluster.tls.emplace();
    tls.ca = absolute(context, reader, "ca");
    tls.certificate = absolute(context, reader, "certificate");
    take_secret(reader, "key", tls.key);
    take_secret(reader, "key_password", tls.key_password);
    tls.verify_name = reader.take_or("verify_name", tls.verify_name);
    if (tls.certificate.empty() != tls.key.empty())
        context.problems.error(reader.where(), "a certificate and its key belong together",
                               "give both, or none where the brokers do not ask for one");
    reader.finish();
}

void read_sasl(Context& context, const YamlNode& node, std::string_view key_file, const std::string& file,
               KafkaCluster& cluster) {
    static constexpr std::array<std::pair<std::string_view, Mechanism>, 3> mechanisms{
        {{"plain", Mechanism::plain},
         {"scram-sha-256", Mechanism::scram_sha_256},
         {"scram-sha-512", Mechanism::scram_sha_512}}};
    OptionReader reader(node, key_section(key_file, "kafka.sasl"), file, context.problems, context.fill());
    auto& sasl = cluster.sasl.emplace();
    sasl.mechanism = reader.take_choice<Mechanism>("mechanism", mechanisms).value_or(sasl.mechanism);
    sasl.username = reader.take_or("username", sasl.username);
    take_secret(reader, "password", sasl.password);
    reader.finish();
}

}  // namespace

void read_kafka_cluster(Context& context, OptionReader& reader, std::string_view key_file, KafkaCluster& cluster) {
    if (const auto brokers = reader.take<Text>("brokers")) {
        cluster.brokers = brokers->text;
        cluster.where = brokers->where;
        check_brokers(*brokers, context.problems);
    }
    if (const auto* tls = reader.take_map("tls")) read_tls(context, *tls, key_file, reader.file(), cluster);
    if (const auto* sasl = reader.take_map("sasl")) read_sasl(context, *sasl, key_file, reader.file(), cluster);
    if (cluster.where.file.empty()) cluster.where = reader.where();
}

}  // namespace weir::declare
