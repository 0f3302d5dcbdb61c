// MurmurHash2 as Kafka's clients use it: which partition a record with a key goes to.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// The 32 bits of Kafka's Utils.murmur2 over these bytes (32-bit MurmurHash2 with Kafka's seed).
std::uint32_t murmur2(std::string_view bytes);

// The partition that Kafka's default partitioner gives a record with this key: the hash without its sign bit, modulo
// `partitions`, which must be above 0. Records without a key are spread by the client, not by this.
std::int32_t kafka_partition(std::string_view key, std::int32_t partitions);

}  // namespace weir
