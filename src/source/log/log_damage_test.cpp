// What a crash, a torn write or a bad disk leaves: nothing acknowledged is lost without being told, nothing comes
// twice.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "source/log/testing.h"

namespace weir::source::log {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class LogDamage : public LogFolder {
protected:
    fs::path segment() const {
        const auto part = partition_folder(folder, "t", 0);
        return part / segment_name(list_segments(part)->back());
    }
    fs::path tail() const { return partition_folder(folder, "t", 0) / "tail"; }

    // A log of one partition with `batches` batches; what is in it.
    Held fill(std::mt19937_64& random, int batches) {
        auto log = open({.sync = Sync::never});
        EXPECT_TRUE(log->create_topic("t", {}));
        Held held;
        for (int i = 0; i < batches; ++i) {
            std::vector<Record> records;
            for (auto count = 1 + random() % 4; count > 0; --count) {
                auto record = random_record(random);
                if (record.value && record.value->size() > 40) record.value->resize(40);
                records.push_back(record);
            }
            const auto offset = log->append({.topic = "t", .batch = batch_of(records)})->offset;
            for (std::size_t k = 0; k < records.size(); ++k) held[offset + static_cast<std::int64_t>(k)] = records[k];
        }
        return held;
    }
};

std::string bytes_of(const fs::path& file) { return *read_file(file, std::size_t{1} << 30); }

void put_bytes(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// Where each batch of a segment ends, and with it which offset.
std::vector<std::pair<std::uint64_t, std::int64_t>> ends_of(const fs::path& file) {
    auto segment = SegmentReader::open(file.parent_path(), *segment_base(file.filename().string()));
    std::vector<std::pair<std::uint64_t, std::int64_t>> ends{{segment->head().bytes, segment->head().base_offset}};
    for (;;) {
        const auto step = segment->header_at(ends.back().first);
        if (step->kind != SegmentReader::Step::Kind::batch) return ends;
        ends.emplace_back(ends.back().first + step->header.bytes, step->header.end_offset());
    }
}

TEST_F(LogDamage, random_appends_and_restarts_lose_and_double_nothing) {
    const auto seed = seed_of_test();
    SCOPED_TRACE("WEIR_RANDOM_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr int partitions = 3;
    std::map<int, Held> model;
    std::map<std::pair<int, int>, std::int64_t> sequences;
    for (int restart = 0; restart < 12; ++restart) {
        const auto sync = static_cast<Sync>(random() % 3);
        auto log = open({.sync = sync, .sync_interval = std::chrono::milliseconds(1)});
        ASSERT_TRUE(log->create_topic("t", {.partitions = partitions, .segment_bytes = 64 << 10}));
        for (auto appends = random() % 60; appends > 0; --appends) {
            const int partition = static_cast<int>(random() % partitions);
            std::vector<Record> records(1 + random() % 30);
            for (auto& record : records) record = random_record(random);
            AppendRequest request{.topic = "t", .partition = partition};
            const auto codec = static_cast<Codec>(random() % 3);
            const int producer = static_cast<int>(random() % 3);
            auto* sequence = producer > 0 ? &sequences[{producer, partition}] : nullptr;
            std::int64_t offset = -1;
            // A producer that has not heard the answer sends again.
            for (auto times = sequence != nullptr ? 1 + random() % 2 : 1; times > 0; --times) {
                request.batch = batch_of(records, codec);
                if (sequence != nullptr) {
                    request.producer = producer;
                    request.sequence = *sequence;
                }
                const auto appended = log->append(std::move(request));
                ASSERT_TRUE(appended.ok()) << to_string(appended.error());
                EXPECT_TRUE(offset < 0 || appended->offset == offset);
                offset = appended->offset;
                request = {.topic = "t", .partition = partition};
            }
            if (sequence != nullptr) *sequence += static_cast<std::int64_t>(records.size());
            for (const auto& record : records) {
                EXPECT_EQ(model[partition].count(offset), 0u);
                model[partition][offset++] = record;
            }
        }
        for (int partition = 0; partition < partitions; ++partition)
            EXPECT_EQ(all_records(folder, "t", partition), model[partition]);
    }
    EXPECT_TRUE(notes.empty());
}

// As a power cut leaves it: the tail's memory is gone, the last batches are cut anywhere.
TEST_F(LogDamage, a_tail_cut_at_any_byte_is_repaired_to_the_last_whole_batch) {
    const auto seed = seed_of_test();
    SCOPED_TRACE("WEIR_RANDOM_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto held = fill(random, 6);
    const auto file = segment();
    const auto whole = bytes_of(file);
    const auto ends = ends_of(file);
    for (auto size = ends[3].first; size <= whole.size(); ++size) {
        put_bytes(file, whole.substr(0, size));
        fs::remove(tail());
        notes.clear();
        std::int64_t end = 0;
        bool clean = false;
        for (const auto& [position, offset] : ends) {
            if (position <= size) end = offset;
            clean = clean || position == size;
        }
        const Held expected(held.begin(), held.lower_bound(end));
        // A reader that comes before the owner sees the same.
        ASSERT_EQ(all_records(folder, "t", 0), expected) << "cut to " << size;
        auto log = open({.sync = Sync::never});
        ASSERT_EQ(log->append({.topic = "t", .batch = batch_of({{.value = "next"}})})->offset, end);
        log.reset();
        ASSERT_EQ(notes.size(), clean ? 0u : 1u) << "cut to " << size;
        auto after = expected;
        after[end] = {.value = "next"};
        ASSERT_EQ(all_records(folder, "t", 0), after) << "cut to " << size;
    }
}

// Acknowledged records that are not there are damage, never a tail to be cut off.
TEST_F(LogDamage, acknowledged_records_that_a_file_has_lost_are_reported) {
    const auto seed = seed_of_test();
    SCOPED_TRACE("WEIR_RANDOM_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto held = fill(random, 6);
    const auto file = segment();
    const auto whole = bytes_of(file);
    const auto page = bytes_of(tail());
    const auto ends = ends_of(file);
    const auto all = ends.back().second;
    for (auto size = ends[3].first; size < whole.size(); size += 7) {
        put_bytes(file, whole.substr(0, size));
        put_bytes(tail(), page);
        notes.clear();
        std::int64_t end = 0;
        for (const auto& [position, offset] : ends)
            if (position <= size) end = offset;
        auto log = open({.sync = Sync::never});
        ASSERT_EQ(log->append({.topic = "t", .batch = batch_of({{.value = "next"}})})->offset, all);
        ASSERT_EQ(notes.size(), 1u);
        EXPECT_THAT(notes[0], HasSubstr("offsets " + std::to_string(end) + " to " + std::to_string(all - 1)));
        log.reset();
        std::vector<Damage> damage;
        Held expected(held.begin(), held.lower_bound(end));
        expected[all] = {.value = "next"};
        ASSERT_EQ(all_records(folder, "t", 0, &damage), expected) << "cut to " << size;
        ASSERT_EQ(damage, (std::vector<Damage>{{end, all}})) << "cut to " << size;
    }
}

// Flipped bits: every record is read as it was, or its offset is named.
TEST_F(LogDamage, a_flipped_bit_is_found_wherever_it_is) {
    const auto seed = seed_of_test();
    SCOPED_TRACE("WEIR_RANDOM_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto held = fill(random, 8);
    const auto file = segment();
    const auto whole = bytes_of(file);
    const auto page = bytes_of(tail());
    const auto ends = ends_of(file);
    const auto check = [&](const Held& seen, const std::vector<Damage>& damage, std::size_t at) {
        std::int64_t missing = 0;
        for (const auto& each : damage) missing += each.to - each.from;
        for (const auto& [offset, record] : held) {
            const auto found = seen.find(offset);
            if (found != seen.end()) {
                ASSERT_EQ(found->second, record) << "byte " << at;
                continue;
            }
            const bool named = std::any_of(damage.begin(), damage.end(), [&, place = offset](const Damage& each) {
                return each.from <= place && place < each.to;
            });
            ASSERT_TRUE(named) << "offset " << offset << ", byte " << at;
        }
        ASSERT_GT(missing, 0) << "byte " << at;
    };
    for (std::size_t at = ends.front().first; at < whole.size(); at += 1 + random() % 3) {
        auto flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
        put_bytes(file, flipped);
        put_bytes(tail(), page);
        std::vector<Damage> damage;
        check(all_records(folder, "t", 0, &damage), damage, at);
        if (random() % 4 != 0) continue;
        auto log = open({.sync = Sync::never});
        ASSERT_EQ(log->append({.topic = "t", .batch = batch_of({{.value = "next"}})})->offset, ends.back().second);
        log.reset();
        damage.clear();
        check(all_records(folder, "t", 0, &damage), damage, at);
    }
}

TEST_F(LogDamage, a_segment_without_its_head_is_reported_and_passed) {
    {
        auto log = open({.sync = Sync::never});
        ASSERT_TRUE(log->create_topic("t", {.segment_bytes = 64 << 10}));
        for (int i = 0; i < 20; ++i)
            ASSERT_TRUE(
                log->append({.topic = "t", .batch = batch_of({{.value = std::string(20'000, 'x')}}, Codec::none)}));
    }
    const auto part = partition_folder(folder, "t", 0);
    const auto bases = *list_segments(part);
    ASSERT_GT(bases.size(), 3u);
    auto bytes = bytes_of(part / segment_name(bases[1]));
    bytes[3] = '?';
    put_bytes(part / segment_name(bases[1]), bytes);
    fs::remove(part / segment_name(bases[3]));
    std::vector<Damage> damage;
    const auto held = all_records(folder, "t", 0, &damage);
    EXPECT_EQ(damage, (std::vector<Damage>{{bases[1], bases[2]}, {bases[3], bases[4]}}));
    EXPECT_EQ(static_cast<std::int64_t>(held.size()), 20 - (bases[2] - bases[1]) - (bases[4] - bases[3]));
}

// A process that is killed while it appends: 60 times, on one log. The producer goes on with what was not acknowledged.
TEST_F(LogDamage, kill_9_loses_nothing_acknowledged_and_doubles_nothing) {
    const auto seed = seed_of_test();
    SCOPED_TRACE("WEIR_RANDOM_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr int partitions = 2;
    {
        auto log = open();
        ASSERT_TRUE(log->create_topic("t", {.partitions = partitions, .segment_bytes = 64 << 10}));
    }
    std::int64_t acknowledged[partitions] = {0, 0};  // how many records
    for (int round = 0; round < 60; ++round) {
        int pipe_ends[2];
        ASSERT_EQ(::pipe(pipe_ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(pipe_ends[0]);
            auto log = Log::open(folder, {.sync = static_cast<Sync>(round % 3)});
            if (!log) ::_exit(3);
            for (std::int64_t turn = 0;; ++turn) {
                const int partition = static_cast<int>(turn % partitions);
                auto& next = acknowledged[partition];
                std::vector<Record> records;
                for (int i = 0; i < 50; ++i) records.push_back({.value = std::to_string(next + i)});
                AppendRequest request{.topic = "t", .partition = partition, .batch = batch_of(records)};
                request.producer = 1;
                request.sequence = next;
                if (!(*log)->append(std::move(request))) ::_exit(4);
                next += 50;
                const std::int64_t told[2] = {partition, next};
                if (::write(pipe_ends[1], told, sizeof(told)) != sizeof(told)) ::_exit(5);
            }
        }
        ::close(pipe_ends[1]);
        // Killed at some moment after it began to acknowledge.
        auto left = 1 + random() % 40;
        std::int64_t told[2];
        while (left > 0 && ::read(pipe_ends[0], told, sizeof(told)) == sizeof(told)) {
            acknowledged[told[0]] = told[1];
            --left;
        }
        ASSERT_EQ(left, 0u) << "the child ended by itself";
        ::usleep(static_cast<useconds_t>(random() % 300));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        while (::read(pipe_ends[0], told, sizeof(told)) == sizeof(told)) acknowledged[told[0]] = told[1];
        ::close(pipe_ends[0]);
        for (int partition = 0; partition < partitions; ++partition) {
            const auto held = all_records(folder, "t", partition);
            ASSERT_GE(static_cast<std::int64_t>(held.size()), acknowledged[partition]) << "round " << round;
            std::int64_t expected = 0;
            for (const auto& [offset, record] : held) {
                ASSERT_EQ(offset, expected);
                ASSERT_EQ(*record.value, std::to_string(expected++)) << "round " << round;
            }
        }
    }
}

}  // namespace
}  // namespace weir::source::log
