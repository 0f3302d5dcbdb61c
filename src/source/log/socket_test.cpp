// Publishing to a log that another owns, and losing that owner on the way.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <set>
#include <thread>

#include "source/log/frames.h"
#include "source/log/producer.h"
#include "source/log/server.h"
#include "source/log/socket.h"
#include "source/log/testing.h"

namespace weir::source::log {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class LogSocket : public LogFolder {};

TEST(LogFrames, what_is_written_is_read) {
    AppendFrame append{{.topic = "t", .partition = 3, .batch = batch_of({{.key = "k", .value = "v"}})}};
    append.request.producer = 9;
    append.request.sequence = 4;
    const auto body = [](const std::string& frame) { return std::string_view(frame).substr(frame_length_bytes); };
    auto bytes = encode(RequestFrame{append});
    const auto request = read_request(body(bytes));
    ASSERT_TRUE(request);
    const auto& read = std::get<AppendFrame>(*request).request;
    EXPECT_EQ(read.topic, "t");
    EXPECT_EQ(read.partition, 3);
    EXPECT_EQ(read.producer, 9);
    EXPECT_EQ(read.sequence, 4);
    EXPECT_EQ(read.batch.header, append.request.batch.header);
    EXPECT_EQ(read.batch.payload, append.request.batch.payload);
    for (std::size_t size = 0; size < bytes.size() - frame_length_bytes; ++size)
        EXPECT_FALSE(read_request(body(bytes).substr(0, size))) << size;
    for (std::size_t at = frame_length_bytes + 22; at < bytes.size(); ++at) {
        auto flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        const auto other = read_request(body(flipped));
        EXPECT_TRUE(!other || at < frame_length_bytes + 27) << at;
    }
    bytes = encode(AnswerFrame{FailedFrame{{.code = ErrorCode::refused, .message = "no", .hint = "try"}}});
    const auto failed = read_answer(body(bytes));
    ASSERT_TRUE(failed);
    EXPECT_EQ(std::get<FailedFrame>(*failed).error.message, "no");
    bytes = encode(AnswerFrame{DoneFrame{{1, -2}}});
    EXPECT_EQ(std::get<DoneFrame>(*read_answer(body(bytes))).numbers, (std::vector<std::int64_t>{1, -2}));
}

TEST_F(LogSocket, others_publish_through_the_owner_and_do_all_that_it_does) {
    auto log = open();
    const auto server = Server::start(*log);
    ASSERT_TRUE(server.ok()) << to_string(server.error());
    auto publisher = open_publisher(folder, {});
    ASSERT_TRUE(publisher.ok()) << to_string(publisher.error());
    ASSERT_TRUE((*publisher)->create_topic("t", {.partitions = 2}));
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(
            (*publisher)->send({.topic = "t", .partition = i % 2, .batch = batch_of({{.key = "k", .value = "v"}})}));
    for (int i = 0; i < 10; ++i) {
        const auto appended = (*publisher)->answer();
        ASSERT_TRUE(appended.ok()) << to_string(appended.error());
        EXPECT_EQ(appended->offset, i / 2);
    }
    ASSERT_TRUE((*publisher)->send({.topic = "nowhere", .batch = batch_of({{.value = "v"}})}));
    const auto nowhere = (*publisher)->answer();
    ASSERT_FALSE(nowhere.ok());
    EXPECT_EQ(nowhere.error().code, ErrorCode::not_found);
    EXPECT_FALSE((*publisher)->lost());
    const auto compacted = (*publisher)->compact("t");
    ASSERT_TRUE(compacted.ok()) << to_string(compacted.error());
    EXPECT_EQ(compacted->records_before, 10);
    EXPECT_EQ(compacted->records_after, 2);
    EXPECT_EQ(*(*publisher)->retain(), 0);
    ASSERT_TRUE((*publisher)->delete_topic("t"));
    EXPECT_TRUE(list_topics(folder)->empty());
}

// Of a topic that is compacted by key, records without one are refused.
TEST_F(LogSocket, a_producer_that_was_refused_says_so_and_ends) {
    for (const bool owner : {true, false}) {
        auto log = open();
        ASSERT_TRUE(log->create_topic("t", {.compact = true}));
        std::unique_ptr<Server> server;
        if (owner) {
            log.reset();
        } else {
            server = std::move(*Server::start(*log));
        }
        auto producer = Producer::open(folder, "t", {});
        ASSERT_TRUE(producer.ok()) << to_string(producer.error());
        ASSERT_TRUE(producer->add(1, std::nullopt, "v"));
        for (const auto& status : {producer->flush(), producer->flush(), producer->close()}) {
            ASSERT_FALSE(status);
            EXPECT_EQ(status.error().code, ErrorCode::refused);
        }
        EXPECT_EQ(producer->produced().records, 0);
    }
}

TEST_F(LogSocket, what_is_no_frame_ends_the_connection_and_harms_nobody) {
    auto log = open();
    const auto server = Server::start(*log);
    ASSERT_TRUE(server.ok());
    for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\xff\xff\xff\xff"),
                                     std::string("\0\0\0\0", 4), std::string("\3\0\0\0abc", 7), std::string("\5\0")}) {
        auto socket = connect_to(folder);
        ASSERT_TRUE(socket.ok());
        ASSERT_TRUE(send_bytes(socket->get(), bytes));
        ::shutdown(socket->get(), SHUT_WR);
        const auto answer = receive_frame(socket->get());
        if (answer && *answer) {
            EXPECT_TRUE(std::holds_alternative<FailedFrame>(*read_answer(**answer)));
        }
        auto end = receive_frame(socket->get());
        EXPECT_TRUE(!end || !*end);
    }
    EXPECT_TRUE(log->create_topic("t", {}));
}

TEST_F(LogSocket, a_socket_may_lie_deep) {
    folder /= std::string(90, 'd');
    folder /= std::string(90, 'e');
    auto log = open();
    ASSERT_TRUE(Server::start(*log).ok());
    const auto server = Server::start(*log);
    ASSERT_TRUE(server.ok());
    EXPECT_TRUE(connect_to(folder).ok());
}

TEST_F(LogSocket, a_producer_spreads_by_key_and_without_one_by_batches) {
    {
        auto log = open();
        ASSERT_TRUE(log->create_topic("t", {.partitions = 4}));
    }
    auto producer = Producer::open(folder, "t", {});
    ASSERT_TRUE(producer.ok()) << to_string(producer.error());
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(producer->add(i, "key" + std::to_string(i % 50), "v"));
    ASSERT_TRUE(producer->flush());
    std::map<std::string, std::set<int>> partitions;
    std::size_t count = 0;
    for (int partition = 0; partition < 4; ++partition) {
        for (const auto& [offset, record] : all_records(folder, "t", partition)) {
            partitions[*record.key].insert(partition);
            ++count;
        }
    }
    EXPECT_EQ(count, 1000u);
    EXPECT_EQ(partitions.size(), 50u);
    for (const auto& [key, where] : partitions) EXPECT_EQ(where.size(), 1u) << key;
    const std::string large(50'000, 'x');
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(producer->add(0, std::nullopt, large));
    ASSERT_TRUE(producer->close());
    for (int partition = 0; partition < 4; ++partition) {
        std::size_t keyless = 0;
        for (const auto& [offset, record] : all_records(folder, "t", partition)) keyless += record.key ? 0 : 1;
        EXPECT_GT(keyless, 10u);
    }
}

// The owner is killed again and again while we publish through it: every record is there once, in its order.
TEST_F(LogSocket, a_producer_survives_the_death_of_the_owner) {
    {
        auto log = open();
        ASSERT_TRUE(log->create_topic("t", {.partitions = 2, .segment_bytes = 64 << 10}));
    }
    const auto start_owner = [&] {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            auto log = Log::open(folder, {.sync = Sync::never});
            if (!log) ::_exit(3);
            auto server = Server::start(**log);
            if (!server || ::write(ready[1], "x", 1) != 1) ::_exit(4);
            for (;;) ::pause();
        }
        char byte = 0;
        EXPECT_EQ(::read(ready[0], &byte, 1), 1);
        ::close(ready[0]);
        ::close(ready[1]);
        return child;
    };
    pid_t owner = start_owner();
    auto producer = Producer::open(folder, "t", {.sync = Sync::never});
    ASSERT_TRUE(producer.ok()) << to_string(producer.error());
    // In batches of a few hundred records, by values that do not compress.
    const std::string padding(2000, 'x');
    constexpr int records = 6000;
    for (int i = 0; i < records; ++i) {
        ASSERT_TRUE(producer->add(0, std::to_string(i % 7), std::to_string(i) + padding));
        if (i == 1500 || i == 3000) {
            ::kill(owner, SIGKILL);
            int status = 0;
            ::waitpid(owner, &status, 0);
            // Once another owner is there first, once we become it ourselves.
            owner = i == 1500 ? start_owner() : -1;
        }
    }
    const auto closed = producer->close();
    ASSERT_TRUE(closed) << to_string(closed.error());
    std::map<std::string, int> last;
    std::set<int> seen;
    for (int partition = 0; partition < 2; ++partition) {
        for (const auto& [offset, record] : all_records(folder, "t", partition)) {
            const int number = std::stoi(*record.value);
            EXPECT_TRUE(seen.insert(number).second) << number << " is there twice";
            if (last.count(*record.key) > 0) {
                EXPECT_GT(number, last[*record.key]);
            }
            last[*record.key] = number;
        }
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(records));
}

}  // namespace
}  // namespace weir::source::log
