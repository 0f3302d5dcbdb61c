#include "source/log/topic_reader.h"

#include <fmt/format.h>

#include "source/log/around.h"
#include "source/log/testing.h"

namespace weir::source::log {
namespace {

using declare::Reset;
using testing::batch_of;
using testing::Record;

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

class TopicReading : public testing::LogFolder {
protected:
    TopicReading() {
        auto opened = Log::open(folder, {.sync = Sync::never});
        EXPECT_TRUE(opened.ok());
        log = std::move(*opened);
        EXPECT_TRUE(log->create_topic("t", {.partitions = 2}));
    }
    void append(int partition, const std::vector<Record>& records) {
        EXPECT_TRUE(log->append({.topic = "t", .partition = partition, .batch = batch_of(records)}).ok());
    }
    TopicReader reader(const Positions& positions = {}, Reset reset = Reset::fail) {
        auto opened = TopicReader::open(
            folder, "t", [&](const std::string&) -> Result<KnownTopic> { return KnownTopic{positions}; }, reset);
        EXPECT_TRUE(opened.ok()) << to_string(opened.error());
        return std::move(*opened);
    }
    // "file_no offset key=value" of every message, in their order.
    static std::vector<std::string> messages(const Stretch& stretch) {
        std::vector<std::string> all;
        for (const auto& block : stretch.blocks)
            for (const auto& piece : block->message_pieces)
                for (auto i = piece.begin; i < piece.end; ++i) {
                    const auto& message = block->messages[i];
                    const auto text = [&](bool there, std::uint32_t begin, std::uint32_t end) {
                        return there ? std::string(block->text() + begin, end - begin) : std::string("-");
                    };
                    EXPECT_EQ(stretch.parts[static_cast<std::size_t>(piece.file_no)].partition, piece.partition);
                    all.push_back(fmt::format("{} {} {}={}", piece.file_no, message.offset,
                                              text(message.has_key, message.key_begin, message.key_end),
                                              text(message.has_value, message.begin, message.end)));
                }
        return all;
    }
    std::unique_ptr<Log> log;
};

TEST_F(TopicReading, a_topic_that_was_made_anew_is_another) {
    append(0, {{std::nullopt, "1", 5}});
    auto topic = reader();
    const auto origin = topic.origin();
    EXPECT_EQ(topic.take({})->rows, 1);
    ASSERT_TRUE(log->delete_topic("t"));
    ASSERT_TRUE(log->create_topic("t", {.partitions = 2}));
    append(0, {{std::nullopt, "2", 5}, {std::nullopt, "3", 5}});
    const auto taken = topic.take({});
    ASSERT_FALSE(taken.ok());
    EXPECT_EQ(taken.error().code, ErrorCode::not_found);
    EXPECT_NE(taken.error().message.find("made anew"), std::string::npos);
    EXPECT_NE(reader().origin(), origin);
    const auto anew = [&](Reset reset) {
        return TopicReader::open(
            folder, "t",
            [](const std::string&) -> Result<KnownTopic> {
                return KnownTopic{{}, true};
            },
            reset);
    };
    ASSERT_FALSE(anew(Reset::fail).ok());
    EXPECT_EQ(anew(Reset::fail).error().code, ErrorCode::offsets_gone);
    auto earliest = anew(Reset::earliest), latest = anew(Reset::latest);
    ASSERT_TRUE(earliest.ok() && latest.ok());
    const auto all = earliest->take({});
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(all->rows, 2);
    ASSERT_EQ(all->notes.size(), 1u);
    EXPECT_NE(all->notes[0].find("made anew"), std::string::npos);
    const auto none = latest->take({});
    EXPECT_EQ(none->rows, 0);
    EXPECT_EQ(none->moved.at(0), std::pair(std::int64_t{2}, std::int64_t{2}));
    // Where it is kept as before it is no other.
    EXPECT_TRUE(log->create_topic("t", {.partitions = 2}));
    EXPECT_EQ(reader().origin(), earliest->origin());
}

TEST_F(TopicReading, gives_every_message_with_its_place_and_the_positions_reached) {
    append(0, {{"a", "1", 5}, {std::nullopt, "2", 5}});
    append(1, {{"b", std::nullopt, 5}, {"c", "", 5}});
    append(0, {{"d", "3", 5}});
    auto topic = reader();
    EXPECT_EQ(*topic.lags(), (std::map<int, std::int64_t>{{0, 3}, {1, 2}}));
    const auto stretch = topic.take({});
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(messages(*stretch), (std::vector<std::string>{"0 0 a=1", "0 1 -=2", "1 0 b=-", "1 1 c=", "0 2 d=3"}));
    EXPECT_EQ(stretch->moved.at(0), (std::pair<std::int64_t, std::int64_t>{0, 3}));
    EXPECT_EQ(stretch->moved.at(1), (std::pair<std::int64_t, std::int64_t>{0, 2}));
    EXPECT_EQ(stretch->rows, 5);
    EXPECT_EQ(*topic.lags(), (std::map<int, std::int64_t>{{0, 0}, {1, 0}}));
    EXPECT_TRUE(topic.take({})->empty());
    append(1, {{"e", "4", 5}});
    auto later = reader({{0, 3}, {1, 2}});
    EXPECT_EQ(messages(*later.take({})), (std::vector<std::string>{"0 2 e=4"}));
}

TEST_F(TopicReading, days_are_parts_of_their_own_in_whatever_order_they_come) {
    append(0, {{"a", "1", day_ms - 1}, {"b", "2", day_ms}, {"c", "3", 0}, {"d", "4", -5}, {"e", "5", INT64_MAX}});
    auto topic = reader();
    const auto stretch = topic.take({});
    ASSERT_TRUE(stretch.ok());
    ASSERT_EQ(stretch->parts.size(), 3u);
    EXPECT_EQ(to_string(stretch->parts[0].day), "1970-01-01");
    EXPECT_EQ(stretch->parts[0].records, 3);
    EXPECT_EQ(to_string(stretch->parts[1].day), "1970-01-02");
    EXPECT_EQ(to_string(stretch->parts[2].day), "9999-12-31");
    for (const auto& part : stretch->parts) {
        EXPECT_EQ(part.from, 0);
        EXPECT_EQ(part.to, 5);
    }
    const auto days = topic.days({{0, 0}}, {{0, 5}});
    ASSERT_TRUE(days.ok());
    EXPECT_EQ(to_string(*days->begin()), "1970-01-01");
    EXPECT_EQ(to_string(*days->rbegin()), "9999-12-31");
}

TEST_F(TopicReading, bounds_end_a_stretch_and_no_partition_waits_for_the_others) {
    for (int i = 0; i < 20; ++i) append(0, {{"a", std::string(100, 'x'), 5}});
    append(1, {{"b", "1", 5}});
    auto topic = reader();
    auto stretch = topic.take({.rows = 4});
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(stretch->rows, 4);
    EXPECT_EQ(stretch->moved.size(), 2u);
    stretch = topic.take({.rows = 100, .bytes = 500});
    EXPECT_EQ(stretch->rows, 5);
    const Positions ends{{0, 10}, {1, 1}};
    stretch = topic.take({}, &ends);
    EXPECT_EQ(stretch->moved.at(0).second, 10);
    ASSERT_TRUE(topic.rewind({{0, 8}}));
    EXPECT_EQ(topic.take({}, &ends)->rows, 2);
}

TEST_F(TopicReading, offsets_behind_the_end_are_told_after_what_can_be_read_or_passed_over) {
    append(0, {{"a", "1", 5}});
    append(1, {{"b", "1", 5}, {"c", "2", 5}});
    const Positions ahead{{0, 7}, {1, 0}};
    auto topic = reader(ahead);
    auto stretch = topic.take({});
    if (stretch.ok()) {
        EXPECT_EQ(stretch->rows, 2);
        stretch = topic.take({});
    }
    ASSERT_FALSE(stretch.ok());
    EXPECT_EQ(stretch.error().code, ErrorCode::offsets_gone);
    EXPECT_NE(stretch.error().hint.find("reset: earliest"), std::string::npos);

    auto again = reader(ahead, Reset::earliest);
    stretch = again.take({});
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(stretch->rows, 3);
    EXPECT_EQ(stretch->moved.at(0), (std::pair<std::int64_t, std::int64_t>{7, 1}));
    ASSERT_EQ(stretch->notes.size(), 1u);
    auto newest = reader(ahead, Reset::latest);
    stretch = newest.take({});
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(stretch->rows, 2);
    EXPECT_EQ(stretch->moved.at(0).second, 1);
}

TEST(Around, comes_back_as_it_was) {
    for (const auto& key : {std::optional<std::string>(), std::optional<std::string>("a\"ä\n"),
                            std::optional<std::string>("\xff\x01"), std::optional<std::string>("")}) {
        const Around around{.partition = 3,
                            .offset = 1LL << 50,
                            .timestamp = -1,
                            .key = key,
                            .has_value = !key,
                            .headers = key == "a\"ä\n" ? R"([{"name": "a", "value": "\\n"}])" : ""};
        const auto back = parse_around(around_json(around));
        ASSERT_TRUE(back.ok()) << around_json(around);
        EXPECT_EQ(back->partition, 3);
        EXPECT_EQ(back->offset, 1LL << 50);
        EXPECT_EQ(back->timestamp, -1);
        EXPECT_EQ(back->key, key);
        EXPECT_EQ(back->has_value, !key);
        EXPECT_EQ(back->headers, around.headers);
    }
    EXPECT_FALSE(parse_around("{}").ok());
    EXPECT_FALSE(parse_around("no").ok());
    EXPECT_FALSE(parse_around(R"({"partition":0,"offset":1,"timestamp":2,"key_hex":"0g"})").ok());
    EXPECT_EQ(broker_time(1764522000011), "2025-11-30T17:00:00.011Z");
}

}  // namespace
}  // namespace weir::source::log
