// The hash against the values that Kafka's own tests name (UtilsTest.testMurmur2) and those that librdkafka's name.
#include "base/murmur2.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

TEST(Murmur2, gives_what_kafka_gives) {
    struct Row {
        std::string_view bytes;
        std::int32_t wanted;
    };
    for (const auto& [bytes, wanted] :
         {Row{"21", -973932308}, Row{"foobar", -790332482}, Row{"a-little-bit-long-string", -985981536},
          Row{"a-little-bit-longer-string", -1486304829},
          Row{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}, Row{"abc", 479470107}})
        EXPECT_EQ(static_cast<std::int32_t>(murmur2(bytes)), wanted) << bytes;
}

TEST(Murmur2, gives_what_librdkafka_gives) {
    struct Row {
        std::string_view bytes;
        std::uint32_t wanted;
    };
    for (const auto& [bytes, wanted] :
         {Row{"kafka", 0xd067cf64}, Row{"giberish123456789", 0x8f552b0c}, Row{"1234", 0x9fc97b14},
          Row{"234", 0xe7c009ca}, Row{"34", 0x873930da}, Row{"4", 0x5a4b5ca1}, Row{"", 0x106e08d9}})
        EXPECT_EQ(murmur2(bytes), wanted) << bytes;
}

// What another client of Kafka, kafka-python, gives.
TEST(Murmur2, bytes_above_127_are_not_negative) {
    EXPECT_EQ(murmur2("\xff\xfe\xfd"), 998637092u);
    EXPECT_EQ(murmur2("\x80\x81\x82\xff\xfe"), 1431174060u);
    EXPECT_EQ(murmur2("Nguyễn"), 2960953184u);
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    EXPECT_EQ(murmur2(all), 2346620022u);
}

TEST(Murmur2, partitions_lose_the_sign_bit) {
    // -973932308 & 0x7fffffff is 1173551340.
    EXPECT_EQ(kafka_partition("21", 3), 1173551340 % 3);
    EXPECT_EQ(kafka_partition("21", 1), 0);
    EXPECT_EQ(kafka_partition("abc", 479470108), 479470107);
}

}  // namespace
}  // namespace weir
