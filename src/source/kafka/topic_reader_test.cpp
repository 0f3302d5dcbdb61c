// Against the cluster that librdkafka has for tests: a server of the real protocol, without transactions and retention.
#include "source/kafka/topic_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <thread>

#include "base/murmur2.h"
#include "source/kafka/producer.h"

namespace weir::source::kafka {
namespace {

using declare::Reset;

class KafkaReading : public ::testing::Test {
protected:
    void SetUp() override {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "skipped: librdkafka starts threads by thrd_create, which the thread sanitizer does not know";
#endif
        auto made = Client::make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", "127.0.0.1:1"}, {"log_level", "0"}}, told_);
        EXPECT_TRUE(made.ok());
        client_ = std::move(*made);
        cluster_ = rd_kafka_mock_cluster_new(client_.get(), 1);
        access_.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    }
    void TearDown() override {
        if (cluster_ != nullptr) rd_kafka_mock_cluster_destroy(cluster_);
    }

    void make_topic(int partitions) {
        EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, "t", partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    // Records k0 … with their numbers as values.
    void produce(int from, int to) {
        auto producer = Producer::open(access_, "/");
        ASSERT_TRUE(producer.ok());
        for (int i = from; i < to; ++i) {
            const auto key = fmt::format("k{}", i), value = std::to_string(i);
            ASSERT_TRUE((*producer)->add("t", 1000 + i, key, value));
        }
        const auto flushed = (*producer)->flush();
        ASSERT_TRUE(flushed) << to_string(flushed.error());
        ASSERT_EQ((*producer)->delivered(), to - from);
    }
    Result<std::unique_ptr<TopicReader>> open(bool shared = false, Reset reset = Reset::fail) {
        return TopicReader::open({.cluster = access_,
                                  .root = "/",
                                  .topic = "t",
                                  .group = "g",
                                  .shared = shared,
                                  .reset = reset,
                                  .stored = [this](const std::string&) { return Result<Positions>(lake_); }});
    }
    // Lands a stretch: the values, and the positions they reach. False where a partition is not where it begins.
    bool land(const Stretch& stretch) {
        for (const auto& [partition, range] : stretch.moved) {
            const auto known = lake_.find(partition);
            if (known != lake_.end() && known->second != range.first) return false;
        }
        for (const auto& [partition, range] : stretch.moved) lake_[partition] = range.second;
        for (const auto& block : stretch.blocks)
            for (const auto& message : block->messages)
                ++landed_[std::string(block->text() + message.begin, message.end - message.begin)];
        return true;
    }
    // Where the group is in the topic's only partition, as tools of Kafka see it; -1001: nowhere.
    std::int64_t committed() {
        auto looking = Client::make(
            RD_KAFKA_CONSUMER, {{"bootstrap.servers", access_.brokers}, {"group.id", "g"}, {"log_level", "0"}}, told_);
        EXPECT_TRUE(looking.ok());
        const PartitionList list(rd_kafka_topic_partition_list_new(1));
        rd_kafka_topic_partition_list_add(list.get(), "t", 0);
        constexpr int patience_ms = 10'000;
        EXPECT_EQ(rd_kafka_committed(looking->get(), list.get(), patience_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
        return list->elems[0].offset;
    }
    bool each_once(int count) const {
        return landed_.size() == static_cast<std::size_t>(count) &&
               std::all_of(landed_.begin(), landed_.end(), [](const auto& one) { return one.second == 1; });
    }

    Told told_{"mock"};
    Client client_;
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
    declare::KafkaCluster access_;
    Positions lake_;
    std::map<std::string, int> landed_;
};

TEST_F(KafkaReading, alone_it_reads_to_the_ends_and_goes_on_where_the_lake_is) {
    make_topic(3);
    produce(0, 100);
    {
        auto reader = open();
        ASSERT_TRUE(reader.ok()) << to_string(reader.error());
        EXPECT_TRUE((*reader)->origin().starts_with("kafka:"));
        const auto ends = (*reader)->ends();
        ASSERT_TRUE(ends.ok());
        for (int i = 0; i < 100; ++i) {
            const auto stretch = (*reader)->take({.rows = 30}, &*ends);
            ASSERT_TRUE(stretch.ok()) << to_string(stretch.error());
            EXPECT_LE(stretch->rows, 30);
            if (stretch->empty()) break;
            EXPECT_TRUE(land(*stretch));
        }
        EXPECT_EQ((*reader)->positions(), *ends);
    }
    EXPECT_TRUE(each_once(100));
    produce(100, 120);
    auto reader = open();
    ASSERT_TRUE(reader.ok());
    const auto ends = (*reader)->ends();
    const auto stretch = (*reader)->take({}, &*ends);
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(stretch->rows, 20);
    EXPECT_TRUE(land(*stretch));
    EXPECT_TRUE(each_once(120));
}

TEST_F(KafkaReading, a_key_goes_where_the_embedded_log_puts_it) {
    make_topic(3);
    produce(0, 60);
    auto reader = open();
    ASSERT_TRUE(reader.ok());
    const auto ends = (*reader)->ends();
    const auto stretch = (*reader)->take({}, &*ends);
    ASSERT_TRUE(stretch.ok());
    for (const auto& block : stretch->blocks)
        for (const auto& piece : block->message_pieces)
            for (auto i = piece.begin; i < piece.end; ++i) {
                const auto& message = block->messages[i];
                const std::string_view key(block->text() + message.key_begin, message.key_end - message.key_begin);
                EXPECT_EQ(piece.partition, kafka_partition(key, 3)) << key;
            }
}

TEST_F(KafkaReading, what_was_not_landed_is_read_again) {
    make_topic(1);
    produce(0, 50);
    auto reader = open();
    ASSERT_TRUE(reader.ok());
    const auto ends = (*reader)->ends();
    auto first = (*reader)->take({.rows = 20}, &*ends);
    ASSERT_TRUE(first.ok());
    EXPECT_TRUE(land(*first));
    const auto dropped = (*reader)->take({.rows = 20}, &*ends);
    ASSERT_TRUE(dropped.ok());
    ASSERT_TRUE((*reader)->rewind(lake_));
    for (auto stretch = (*reader)->take({.rows = 7}, &*ends); stretch.ok() && !stretch->empty();
         stretch = (*reader)->take({.rows = 7}, &*ends))
        EXPECT_TRUE(land(*stretch));
    EXPECT_TRUE(each_once(50));
}

TEST_F(KafkaReading, a_position_behind_the_end_is_told_or_passed_over) {
    make_topic(1);
    produce(0, 5);
    lake_[0] = 9;
    auto reader = open();
    ASSERT_TRUE(reader.ok());
    auto ends = (*reader)->ends();
    const auto stretch = (*reader)->take({}, &*ends);
    ASSERT_FALSE(stretch.ok());
    EXPECT_EQ(stretch.error().code, ErrorCode::offsets_gone);
    EXPECT_NE(stretch.error().message.find("ends at 5"), std::string::npos) << stretch.error().message;

    reader = open(false, Reset::earliest);
    ASSERT_TRUE(reader.ok());
    ends = (*reader)->ends();
    const auto again = (*reader)->take({}, &*ends);
    ASSERT_TRUE(again.ok()) << to_string(again.error());
    EXPECT_EQ(again->rows, 5);
    EXPECT_EQ(again->moved.at(0), std::pair(std::int64_t{9}, std::int64_t{5}));
    EXPECT_EQ(again->notes.size(), 1u);
}

TEST_F(KafkaReading, members_of_a_group_come_and_go_and_each_record_lands_once) {
    make_topic(4);
    int produced = 0;
    std::vector<std::unique_ptr<TopicReader>> members;
    const auto step = [&](TopicReader& member) {
        auto stretch = member.take({.time = std::chrono::milliseconds(50)});
        ASSERT_TRUE(stretch.ok()) << to_string(stretch.error());
        if (land(*stretch)) return;
        ASSERT_TRUE(member.rewind(lake_));
    };
    const auto join = [&] {
        auto opened = open(true);
        ASSERT_TRUE(opened.ok()) << to_string(opened.error());
        members.push_back(std::move(*opened));
    };
    const auto run_until_landed = [&] {
        constexpr auto patience = std::chrono::seconds(30);
        const auto until = std::chrono::steady_clock::now() + patience;
        while (landed_.size() < static_cast<std::size_t>(produced) && std::chrono::steady_clock::now() < until) {
            for (auto& member : members) step(*member);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    };
    const auto more = [&](int count) {
        produce(produced, produced + count);
        produced += count;
    };
    join();
    more(100);
    run_until_landed();
    EXPECT_TRUE(each_once(produced));
    join();
    more(100);
    run_until_landed();
    EXPECT_TRUE(each_once(produced));
    members.erase(members.begin());  // leaves
    more(100);
    run_until_landed();
    EXPECT_TRUE(each_once(produced)) << landed_.size() << " of " << produced;
}

TEST_F(KafkaReading, the_group_knows_what_landed_once_a_reader_has_ended) {
    make_topic(1);
    produce(0, 50);
    {
        auto alone = open();
        ASSERT_TRUE(alone.ok());
        const auto ends = (*alone)->ends();
        for (int i = 0; i < 2; ++i) {
            const auto stretch = (*alone)->take({.rows = 20}, &*ends);
            ASSERT_TRUE(stretch.ok());
            ASSERT_TRUE(land(*stretch));
            (*alone)->landed(lake_);
        }
    }
    EXPECT_EQ(committed(), 40);
}

TEST_F(KafkaReading, the_group_knows_what_somebody_landed_who_ended_before_he_told) {
    make_topic(1);
    produce(0, 50);
    lake_[0] = 50;
    auto member = open(true);
    ASSERT_TRUE(member.ok());
    constexpr auto patience = std::chrono::seconds(30);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (committed() != 50 && std::chrono::steady_clock::now() < until) {
        ASSERT_TRUE((*member)->take({}).ok());
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(committed(), 50);
}

TEST_F(KafkaReading, brokers_that_are_not_there_are_told) {
    access_.brokers = "127.0.0.1:1";
    auto waiting = open(true);
    ASSERT_TRUE(waiting.ok());
    for (int i = 0; i < 1000 && (*waiting)->obstacle(); ++i) {
        EXPECT_TRUE((*waiting)->take({}).ok());
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const auto obstacle = (*waiting)->obstacle();
    ASSERT_FALSE(obstacle);
    EXPECT_EQ(obstacle.error().code, ErrorCode::io_failed);
    EXPECT_NE(obstacle.error().message.find("refused"), std::string::npos) << obstacle.error().message;
}

}  // namespace
}  // namespace weir::source::kafka
