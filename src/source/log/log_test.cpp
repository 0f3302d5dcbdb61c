// The log as its users see it: what is appended is read, in order, once, and what is wrong is told.
#include "source/log/log.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "source/log/testing.h"

namespace weir::source::log {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t hour_ms = 3600 * 1000;

Record plain(const std::string& value, std::optional<std::string> key = {}, std::int64_t timestamp = 0) {
    return {.key = std::move(key), .value = value, .timestamp = timestamp};
}

AppendRequest request(const std::vector<Record>& records, int partition = 0) {
    return {.topic = "t", .partition = partition, .batch = batch_of(records, Codec::none)};
}

std::vector<std::string> values(const Held& held) {
    std::vector<std::string> found;
    for (const auto& [offset, record] : held)
        found.push_back(std::to_string(offset) + "=" + record.value.value_or("-"));
    return found;
}

class LogTest : public LogFolder {};

TEST_F(LogTest, records_come_back_whole_under_every_codec) {
    const std::vector<Record> records{
        {.key = "k", .value = "v", .timestamp = 5, .headers = {{"a", "1"}, {"b", std::nullopt}, {"", ""}}},
        {.key = std::nullopt, .value = std::nullopt, .timestamp = INT64_MIN},
        {.key = "", .value = "", .timestamp = INT64_MAX},
        {.key = "k", .value = std::string(100'000, 'x'), .timestamp = -1}};
    auto log = open();
    ASSERT_TRUE(log->create_topic("t", {}));
    std::int64_t offset = 0;
    for (const auto codec : {Codec::none, Codec::lz4, Codec::zstd}) {
        const auto appended = log->append({.topic = "t", .partition = 0, .batch = batch_of(records, codec)});
        ASSERT_TRUE(appended.ok()) << to_string(appended.error());
        EXPECT_EQ(appended->offset, offset);
        const auto held = all_records(folder, "t", 0, nullptr, offset);
        ASSERT_EQ(held.size(), records.size());
        for (const auto& record : records) EXPECT_EQ(held.at(offset++), record) << name_of(codec);
    }
}

TEST_F(LogTest, what_was_appended_is_there_after_the_owner_has_gone) {
    for (const auto sync : {Sync::always, Sync::interval, Sync::never}) {
        auto log = open({.sync = sync});
        ASSERT_TRUE(log->create_topic("t", {.partitions = 2}));
        ASSERT_TRUE(log->append(request({plain("a"), plain("b")}, 1)));
        ASSERT_TRUE(log->close());
    }
    EXPECT_THAT(values(all_records(folder, "t", 1)), ElementsAre("0=a", "1=b", "2=a", "3=b", "4=a", "5=b"));
    EXPECT_TRUE(all_records(folder, "t", 0).empty());
    EXPECT_TRUE(notes.empty());
}

TEST_F(LogTest, one_owner_and_its_process_is_named) {
    auto log = open();
    const auto second = Log::open(folder, {});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::log_locked);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
    EXPECT_EQ(owner_of(folder), std::to_string(::getpid()));
    log.reset();
    EXPECT_EQ(owner_of(folder), "");
    EXPECT_TRUE(Log::open(folder, {}).ok());
}

TEST_F(LogTest, a_log_of_another_version_is_refused_and_left_alone) {
    fs::create_directories(folder);
    std::ofstream(folder / "format") << "weir log 7\n";
    const auto opened = Log::open(folder, {});
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::log_unsupported);
    EXPECT_THAT(opened.error().message, HasSubstr("version 7"));
    const auto reader = Reader::open(folder, "t", 0);
    ASSERT_FALSE(reader.ok());
    EXPECT_EQ(reader.error().code, ErrorCode::log_unsupported);
}

TEST_F(LogTest, names_partitions_and_configurations_that_cannot_be_are_refused) {
    auto log = open();
    EXPECT_EQ(log->create_topic("../x", {}).error().code, ErrorCode::usage);
    EXPECT_EQ(log->create_topic("t", {.partitions = 0}).error().code, ErrorCode::usage);
    EXPECT_EQ(log->create_topic("t", {.segment_bytes = 5}).error().code, ErrorCode::usage);
    ASSERT_TRUE(log->create_topic("t", {}));
    ASSERT_TRUE(log->create_topic("t", {}));
    EXPECT_EQ(log->create_topic("t", {.partitions = 2}).error().code, ErrorCode::refused);
    EXPECT_EQ(log->append(request({plain("a")}, 3)).error().code, ErrorCode::usage);
    EXPECT_EQ(log->append({.topic = "tt", .partition = 0, .batch = batch_of({plain("a")})}).error().code,
              ErrorCode::not_found);
}

TEST_F(LogTest, an_idempotent_producer_may_send_again_also_after_a_restart) {
    const auto send = [&](Log& log, std::int64_t sequence, int count) {
        auto append = request(std::vector<Record>(static_cast<std::size_t>(count), plain("v")));
        append.producer = 7;
        append.sequence = sequence;
        return log.append(std::move(append));
    };
    auto log = open();
    ASSERT_TRUE(log->create_topic("t", {.segment_bytes = 64 << 10}));
    EXPECT_EQ(send(*log, 0, 3)->offset, 0);
    EXPECT_EQ(send(*log, 3, 2)->offset, 3);
    EXPECT_TRUE(send(*log, 0, 3)->duplicate);
    EXPECT_EQ(send(*log, 0, 3)->offset, 0);
    const auto gap = send(*log, 9, 1);
    ASSERT_FALSE(gap.ok());
    EXPECT_THAT(gap.error().message, HasSubstr("5 is the next one"));
    log.reset();
    log = open();
    EXPECT_TRUE(send(*log, 3, 2)->duplicate);
    EXPECT_EQ(send(*log, 3, 2)->offset, 3);
    EXPECT_EQ(send(*log, 5, 1)->offset, 5);
    // The state also stands at the head of later segments.
    std::mt19937_64 random(1);
    std::string noise(60'000, ' ');
    for (auto& c : noise) c = static_cast<char>(random());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->append(request({plain(noise)})));
    log.reset();
    EXPECT_GT(list_segments(partition_folder(folder, "t", 0))->size(), 3u);
    log = open();
    EXPECT_EQ(send(*log, 5, 1)->offset, 5);
    EXPECT_FALSE(send(*log, 4, 1).ok());
    EXPECT_EQ(send(*log, 6, 1)->offset, 11);
    EXPECT_TRUE(notes.empty());
}

TEST_F(LogTest, offsets_and_times_are_found_over_segments) {
    auto log = open();
    ASSERT_TRUE(log->create_topic("t", {.codec = Codec::none, .segment_bytes = 64 << 10}));
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(log->append(request({plain(std::string(1000, 'x'), {}, 10 * i), plain("y", {}, 10 * i + 5)})));
    EXPECT_GT(list_segments(partition_folder(folder, "t", 0))->size(), 2u);
    auto reader = Reader::open(folder, "t", 0);
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(*reader->end(), 400);
    for (const std::int64_t offset : {0, 1, 77, 78, 255, 399}) {
        reader->seek(offset);
        const auto batch = reader->next();
        ASSERT_TRUE(batch.ok() && *batch) << offset;
        std::int64_t first = -1;
        EXPECT_TRUE((*batch)->for_each([&](const RecordView& record) {
            if (first < 0) first = record.offset;
        }));
        EXPECT_EQ(first, offset);
    }
    EXPECT_EQ(*reader->offset_at(-3), 0);
    EXPECT_EQ(*reader->offset_at(101), 21);
    EXPECT_EQ(*reader->offset_at(1995), 399);
    EXPECT_EQ(*reader->offset_at(1996), 400);
    reader->seek(401);
    const auto beyond = reader->next();
    ASSERT_FALSE(beyond.ok());
    EXPECT_EQ(beyond.error().code, ErrorCode::offsets_gone);
}

TEST_F(LogTest, retention_removes_whole_segments_and_readers_are_told) {
    ManualClock clock(Time(std::chrono::hours(1000)));
    auto log = open({.clock = &clock});
    ASSERT_TRUE(log->create_topic(
        "t", {.codec = Codec::none, .segment_bytes = 64 << 10, .retention_ms = hour_ms, .retention_bytes = 150'000}));
    const auto fill = [&] {
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(log->append(request({plain(std::string(1000, 'x'))})));
    };
    fill();
    EXPECT_EQ(*log->retain(), 0);
    fill();
    EXPECT_GT(*log->retain(), 0);
    auto reader = Reader::open(folder, "t", 0);
    ASSERT_TRUE(reader.ok());
    const auto begin = *reader->begin();
    EXPECT_GT(begin, 0);
    const auto gone = reader->next();
    ASSERT_FALSE(gone.ok());
    EXPECT_EQ(gone.error().code, ErrorCode::offsets_gone);
    EXPECT_THAT(gone.error().message, HasSubstr(std::to_string(begin)));
    clock.set(clock.now() + std::chrono::hours(2));
    EXPECT_GT(*log->retain(), 0);
    EXPECT_EQ(*reader->begin(), 200);
    EXPECT_EQ(*reader->end(), 200);
    EXPECT_EQ(log->append(request({plain("later")}))->offset, 200);
    log.reset();
    EXPECT_THAT(values(all_records(folder, "t", 0)), ElementsAre("200=later"));
}

TEST_F(LogTest, compaction_keeps_the_newest_of_each_key_at_its_offset) {
    ManualClock clock(Time(std::chrono::hours(1000)));
    auto log = open({.clock = &clock});
    ASSERT_TRUE(log->create_topic("t", {.compact = true, .tombstone_ms = hour_ms}));
    const auto keyless = log->append(request({plain("v")}));
    ASSERT_FALSE(keyless.ok());
    EXPECT_THAT(keyless.error().message, HasSubstr("compacted by key"));
    ASSERT_TRUE(log->append(request({plain("1", "a"), plain("1", "b"), plain("2", "a")})));
    ASSERT_TRUE(log->append(request({plain("3", "a"), plain("1", "c")})));
    ASSERT_TRUE(log->append(request({Record{.key = "b"}})));
    auto compacted = log->compact("t");
    ASSERT_TRUE(compacted.ok()) << to_string(compacted.error());
    EXPECT_EQ(compacted->records_before, 6);
    EXPECT_EQ(compacted->records_after, 3);
    EXPECT_THAT(values(all_records(folder, "t", 0)), ElementsAre("3=3", "4=1", "5=-"));
    EXPECT_EQ(log->append(request({plain("4", "a")}))->offset, 6);
    clock.set(clock.now() + std::chrono::hours(2));
    compacted = log->compact("t");
    ASSERT_TRUE(compacted.ok());
    EXPECT_EQ(compacted->records_after, 2);
    EXPECT_THAT(values(all_records(folder, "t", 0)), ElementsAre("4=1", "6=4"));
    // A reader that stands among what is gone goes on behind it.
    EXPECT_THAT(values(all_records(folder, "t", 0, nullptr, 1)), ElementsAre("4=1", "6=4"));
    log.reset();
    log = open();
    EXPECT_EQ(log->append(request({plain("5", "a")}))->offset, 7);
}

TEST_F(LogTest, a_topic_is_deleted_whole) {
    auto log = open();
    ASSERT_TRUE(log->create_topic("t", {}));
    ASSERT_TRUE(log->append(request({plain("a")})));
    ASSERT_TRUE(log->delete_topic("t"));
    EXPECT_TRUE(list_topics(folder)->empty());
    EXPECT_FALSE(log->append(request({plain("a")})).ok());
    ASSERT_TRUE(log->create_topic("t", {}));
    EXPECT_EQ(log->append(request({plain("b")}))->offset, 0);
    EXPECT_EQ(log->delete_topic("other").error().code, ErrorCode::not_found);
}

TEST_F(LogTest, a_reader_follows_the_tail) {
    auto log = open();
    ASSERT_TRUE(log->create_topic("t", {}));
    std::atomic<int> seen{0};
    std::thread follower([&] {
        auto reader = Reader::open(folder, "t", 0);
        while (seen < 100) {
            auto batch = reader->next();
            ASSERT_TRUE(batch.ok()) << to_string(batch.error());
            if (!*batch) {
                reader->wait(std::chrono::milliseconds(1000));
                continue;
            }
            seen += static_cast<int>((*batch)->header.records);
        }
    });
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(log->append(request({plain("v")})));
    follower.join();
    EXPECT_EQ(seen, 100);
}

// Many writers and readers at the same time; run under the thread sanitizer too.
TEST_F(LogTest, readers_see_what_writers_were_told_in_order_and_once) {
    auto log = open({.sync = Sync::never, .retain_every = std::chrono::milliseconds(1)});
    ASSERT_TRUE(log->create_topic("t", {.partitions = 2, .segment_bytes = 64 << 10}));
    constexpr int writers = 4, batches = 100, per_batch = 20;
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&, writer] {
            for (int i = 0; i < batches; ++i) {
                std::vector<Record> records;
                for (int k = 0; k < per_batch; ++k)
                    records.push_back(plain(std::to_string(i * per_batch + k), std::to_string(writer)));
                auto append = request(records, writer % 2);
                append.producer = writer;
                append.sequence = i * per_batch;
                EXPECT_TRUE(log->append(std::move(append)).ok());
            }
        });
    }
    for (int follower = 0; follower < 4; ++follower) {
        threads.emplace_back([&, follower] {
            auto reader = Reader::open(folder, "t", follower % 2);
            std::map<std::string, int> next;
            for (int left = writers / 2 * batches * per_batch; left > 0;) {
                auto batch = reader->next();
                ASSERT_TRUE(batch.ok()) << to_string(batch.error());
                if (!*batch) {
                    reader->wait(std::chrono::milliseconds(100));
                    continue;
                }
                EXPECT_TRUE((*batch)->for_each([&](const RecordView& record) {
                    EXPECT_EQ(*record.value, std::to_string(next[std::string(*record.key)]++));
                    --left;
                }));
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_TRUE(notes.empty());
}

}  // namespace
}  // namespace weir::source::log
