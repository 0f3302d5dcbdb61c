// Used by checks/kafka.sh: transactions into a topic, every second one aborted, and the last one left open; the first
// one has a tombstone with a header besides.
//
//   kafka_transactions BROKERS TOPIC COUNT RECORDS     ids from 0 in those that are committed, negative in the others
#include <librdkafka/rdkafka.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void must(rd_kafka_error_t* error) {
    if (error == nullptr) return;
    std::fprintf(stderr, "kafka_transactions: %s\n", rd_kafka_error_string(error));
    std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    const std::string topic = argv[2];
    const int count = std::atoi(argv[3]), records = std::atoi(argv[4]);
    std::array<char, 512> problem{};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], problem.data(), problem.size());
    rd_kafka_conf_set(conf, "transactional.id", "weir-check", problem.data(), problem.size());
    rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem.data(), problem.size());
    if (producer == nullptr) return 1;
    constexpr int timeout_ms = 60'000;
    must(rd_kafka_init_transactions(producer, timeout_ms));
    int next = 0;
    for (int transaction = 0; transaction <= count; ++transaction) {
        must(rd_kafka_begin_transaction(producer));
        const bool commit = transaction % 2 == 0 && transaction < count;
        for (int i = 0; i < records; ++i) {
            const auto text = "{\"id\": " + std::to_string(commit ? next++ : -1) + "}";
            std::array<rd_kafka_vu_t, 3> parts{};
            parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
            parts[0].u.cstr = topic.c_str();
            parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
            parts[1].u.i = RD_KAFKA_MSG_F_COPY;
            parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
            parts[2].u.mem.ptr = const_cast<char*>(text.data());
            parts[2].u.mem.size = text.size();
            must(rd_kafka_produceva(producer, parts.data(), parts.size()));
        }
        if (transaction == 0) {
            std::array<rd_kafka_vu_t, 3> parts{};
            parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
            parts[0].u.cstr = topic.c_str();
            parts[1].vtype = RD_KAFKA_VTYPE_KEY;
            parts[1].u.mem.ptr = const_cast<char*>("gone");
            parts[1].u.mem.size = 4;
            parts[2].vtype = RD_KAFKA_VTYPE_HEADER;
            parts[2].u.header.name = "why";
            parts[2].u.header.val = "test";
            parts[2].u.header.size = 4;
            must(rd_kafka_produceva(producer, parts.data(), parts.size()));
        }
        rd_kafka_flush(producer, timeout_ms);
        if (transaction == count) break;
        must(commit ? rd_kafka_commit_transaction(producer, timeout_ms)
                    : rd_kafka_abort_transaction(producer, timeout_ms));
    }
    std::printf("%d\n", next);
    std::fflush(stdout);
    std::_Exit(0);  // the last transaction stays open
}
