// Any bytes as a run file. The first byte says whether the checksums are mended, so that what they guard is reached
// too.
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "contract/dedup/run_file.h"

using namespace weir::contract;

namespace {

constexpr std::size_t footer_bytes = 128;
constexpr std::size_t fence_checksum_offset = 56;

std::uint64_t load(const std::byte* from) {
    std::uint64_t value;
    std::memcpy(&value, from, sizeof(value));
    return value;
}

void mend(std::byte* bytes, std::size_t size) {
    if (size < footer_bytes) return;
    std::byte* footer = bytes + size - footer_bytes;
    std::memcpy(footer, "weirkey1", 8);
    const std::uint64_t key_pages = load(footer + 48);
    if (key_pages <= size / 16) {
        const std::uint64_t fence = key_pages * 16;
        if (fence + footer_bytes <= size) {
            const auto sum = XXH3_64bits(footer - fence, fence);
            std::memcpy(footer + fence_checksum_offset, &sum, sizeof(sum));
        }
    }
    const auto sum = XXH3_64bits(footer, footer_bytes - 8);
    std::memcpy(footer + footer_bytes - 8, &sum, sizeof(sum));
    for (std::size_t page = 0; (page + 1) * run_page_bytes + footer_bytes <= size; ++page) {
        std::byte* at = bytes + page * run_page_bytes;
        const auto page_sum = XXH3_64bits(at + 8, run_page_bytes - 8);
        std::memcpy(at, &page_sum, sizeof(page_sum));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::vector<Hash128> aligned(size / sizeof(Hash128) + 1);
    auto* bytes = reinterpret_cast<std::byte*>(aligned.data());
    std::memcpy(bytes, data + 1, size - 1);
    if (data[0] % 2 == 0) mend(bytes, size - 1);
    const auto view = RunView::parse({bytes, size - 1}, "fuzz");
    if (!view) return 0;
    std::vector<KeyEntry> entries;
    for (std::size_t page = 0; page < view->footer().key_pages; ++page) {
        if (!view->read_page(page, entries)) break;
    }
    std::vector<Hash128> hashes{{0, 0}, {1, 1}, {UINT64_MAX, UINT64_MAX}};
    for (const auto& entry : entries) hashes.push_back(entry.hash);
    std::ranges::sort(hashes);
    std::vector<std::uint8_t> seen(hashes.size());
    (void)view->probe(hashes, no_horizon, seen).ok();
    return 0;
}
