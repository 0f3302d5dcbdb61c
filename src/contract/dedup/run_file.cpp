#include "contract/dedup/run_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace weir::contract {
namespace {

static_assert(std::endian::native == std::endian::little, "run files are little-endian");
static_assert(sizeof(Hash128) == 16);

constexpr std::size_t page_header_bytes = 16;  // checksum, number of entries
constexpr std::size_t key_days_offset = page_header_bytes + run_page_keys * sizeof(Hash128);
static_assert(key_days_offset + run_page_keys * sizeof(std::int32_t) == run_page_bytes);

constexpr std::size_t filter_block_bytes = 32;
constexpr std::size_t filter_first_offset = 32;
static_assert(filter_first_offset + run_page_filter_blocks * filter_block_bytes == run_page_bytes);

// 16 bits a key let about one absent key in 1000 through to the key pages, 12 bits one in 200: their cache misses would
// be felt beside those of the filter itself.
constexpr std::uint64_t filter_bits_per_key = 16;
constexpr std::size_t write_buffer_bytes = 1u << 20;
// Far enough ahead that the line has arrived when it is needed.
constexpr std::size_t prefetch_distance = 24;

__extension__ using Wide = unsigned __int128;

constexpr std::array<char, 8> magic{'w', 'e', 'i', 'r', 'k', 'e', 'y', '1'};

struct FooterBytes {
    std::array<char, 8> magic;
    std::int64_t first;
    std::int64_t last;
    std::uint64_t identity;
    std::uint64_t keys;
    std::uint64_t filter_blocks;
    std::uint64_t key_pages;
    std::uint64_t fence_checksum;
    std::array<std::uint64_t, 7> reserved;
    std::uint64_t checksum;  // of the bytes before it
};
static_assert(sizeof(FooterBytes) == 128);

std::uint64_t checksum_of(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

std::uint64_t page_checksum(const std::byte* page) {
    return checksum_of(page + sizeof(std::uint64_t), run_page_bytes - sizeof(std::uint64_t));
}

template <class T>
T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

template <class T>
void store(std::byte* to, const T& value) {
    std::memcpy(to, &value, sizeof(T));
}

void seal_page(std::byte* page) { store(page, page_checksum(page)); }

std::uint64_t filter_block_of(const Hash128& hash, std::uint64_t blocks) {
    return static_cast<std::uint64_t>((static_cast<Wide>(hash.hi) * blocks) >> 64);
}

std::size_t filter_block_offset(std::uint64_t block) {
    return (block / run_page_filter_blocks) * run_page_bytes + filter_first_offset +
           (block % run_page_filter_blocks) * filter_block_bytes;
}

constexpr std::size_t filter_words = filter_block_bytes / sizeof(std::uint32_t);

// One of 32 bits in each word of the block. The low half of a hash is random already: five bits of it per word do.
std::uint32_t filter_shift(const Hash128& hash, std::size_t word) {
    return static_cast<std::uint32_t>(hash.lo >> (5 * word)) & 31u;
}

// Without a branch per word: about half of the bits are set, so every one of them would be mispredicted.
bool filter_may_hold(const std::byte* block, const Hash128& hash) {
    std::uint32_t all = 1;
    for (std::size_t word = 0; word < filter_words; ++word) {
        all &= load<std::uint32_t>(block + word * sizeof(std::uint32_t)) >> filter_shift(hash, word);
    }
    return all != 0;
}

// The first of the ascending hashes that is greater than `hash`. Hashes are evenly spread, so the place is known but
// for a few: the search leaves `guess` in doubling steps and touches few lines of memory.
const Hash128* upper_bound_near(const Hash128* begin, const Hash128* end, const Hash128* guess, const Hash128& hash) {
    std::ptrdiff_t step = 4;
    const Hash128* low = guess;
    const Hash128* high = guess;
    while (low != begin && hash < *low) {
        high = low;
        low -= std::min(step, low - begin);
        step *= 2;
    }
    if (low == high) {
        while (high != end && !(hash < *high)) {
            low = high;
            high += std::min(step, end - high);
            step *= 2;
        }
    }
    return std::upper_bound(low, high, hash);
}

Error damaged(const std::string& name, std::string_view what) {
    return {.code = ErrorCode::table_damaged,
            .message = fmt::format("the duplicate index file {} is damaged: {}", name, what),
            .hint = "nothing is lost: the index is built again from the lake"};
}

}  // namespace

Result<RunView> RunView::parse(std::span<const std::byte> bytes, std::string name) {
    if (bytes.size() < sizeof(FooterBytes)) return damaged(name, "it is shorter than its footer");
    const auto footer = load<FooterBytes>(bytes.data() + bytes.size() - sizeof(FooterBytes));
    if (footer.magic != magic) return damaged(name, "its footer is not one of ours");
    if (footer.checksum != checksum_of(&footer, offsetof(FooterBytes, checksum))) {
        return damaged(name, "the checksum of its footer is wrong");
    }
    RunView view;
    view.footer_ = {.range = {footer.first, footer.last},
                    .identity = footer.identity,
                    .keys = footer.keys,
                    .filter_blocks = footer.filter_blocks,
                    .key_pages = footer.key_pages};
    // Each number is bounded by the file's size before it is multiplied.
    const std::uint64_t body = bytes.size() - sizeof(FooterBytes);
    const std::uint64_t filter_pages =
        footer.filter_blocks / run_page_filter_blocks + (footer.filter_blocks % run_page_filter_blocks != 0 ? 1 : 0);
    if (footer.filter_blocks == 0 || filter_pages > body / run_page_bytes || footer.key_pages > body / run_page_bytes ||
        (filter_pages + footer.key_pages) * run_page_bytes + footer.key_pages * sizeof(Hash128) != body) {
        return damaged(name, "its size does not fit its footer");
    }
    const std::uint64_t pages_needed = footer.keys / run_page_keys + (footer.keys % run_page_keys != 0 ? 1 : 0);
    if (pages_needed != footer.key_pages || footer.first < 0 || footer.first > footer.last) {
        return damaged(name, "the numbers in its footer contradict each other");
    }
    const std::byte* fence = bytes.data() + (filter_pages + footer.key_pages) * run_page_bytes;
    if (footer.fence_checksum != checksum_of(fence, footer.key_pages * sizeof(Hash128))) {
        return damaged(name, "the checksum of its fence is wrong");
    }
    view.bytes_ = bytes;
    view.name_ = std::move(name);
    view.filter_pages_ = filter_pages;
    view.fence_ = reinterpret_cast<const Hash128*>(fence);
    view.checked_ = std::make_unique<std::atomic<std::uint8_t>[]>(filter_pages + footer.key_pages);
    return view;
}

Status RunView::check_page(std::size_t page) const {
    if (checked_[page].load(std::memory_order_relaxed) != 0) return ok();
    const std::byte* bytes = bytes_.data() + page * run_page_bytes;
    if (load<std::uint64_t>(bytes) != page_checksum(bytes)) {
        return damaged(name_, fmt::format("the checksum of page {} is wrong", page));
    }
    const auto entries = load<std::uint64_t>(bytes + sizeof(std::uint64_t));
    if (page >= filter_pages_ && (entries == 0 || entries > run_page_keys)) {
        return damaged(name_, fmt::format("page {} says that it holds {} keys", page, entries));
    }
    checked_[page].store(1, std::memory_order_relaxed);
    return ok();
}

// The day of `hash`, if it stands here.
Result<std::int32_t> RunView::day_of(const Hash128& hash, bool& found) const {
    found = false;
    const auto expected = static_cast<std::size_t>((static_cast<Wide>(hash.hi) * footer_.key_pages) >> 64);
    const auto* after = upper_bound_near(fence_, fence_ + footer_.key_pages, fence_ + expected, hash);
    if (after == fence_) return 0;  // smaller than the first key of all
    const auto page = static_cast<std::size_t>(after - fence_) - 1;
    WEIR_TRY(check_page(filter_pages_ + page));
    const std::byte* bytes = bytes_.data() + (filter_pages_ + page) * run_page_bytes;
    const auto entries = load<std::uint64_t>(bytes + sizeof(std::uint64_t));
    const auto* hashes = reinterpret_cast<const Hash128*>(bytes + page_header_bytes);
    const auto* at = std::lower_bound(hashes, hashes + entries, hash);
    if (at == hashes + entries || *at != hash) return 0;
    found = true;
    return load<std::int32_t>(bytes + key_days_offset + static_cast<std::size_t>(at - hashes) * sizeof(std::int32_t));
}

Status RunView::probe(std::span<const Hash128> sorted, std::int32_t oldest_day, std::span<std::uint8_t> seen) const {
    assert(seen.size() >= sorted.size());
    if (footer_.keys == 0) return ok();
    // First the filter for all, in one sweep through memory; then the few that it lets through.
    std::vector<std::uint32_t> candidates;
    std::size_t good_page = SIZE_MAX;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i + prefetch_distance < sorted.size()) {
            const auto ahead = filter_block_of(sorted[i + prefetch_distance], footer_.filter_blocks);
            __builtin_prefetch(bytes_.data() + filter_block_offset(ahead));
        }
        const auto block = filter_block_of(sorted[i], footer_.filter_blocks);
        if (const auto page = block / run_page_filter_blocks; page != good_page) {
            WEIR_TRY(check_page(page));
            good_page = page;
        }
        const bool candidate = filter_may_hold(bytes_.data() + filter_block_offset(block), sorted[i]);
        if (candidate && seen[i] == 0) candidates.push_back(static_cast<std::uint32_t>(i));
    }
    for (const auto i : candidates) {
        bool found = false;
        WEIR_ASSIGN(const auto day, day_of(sorted[i], found));
        seen[i] = static_cast<std::uint8_t>(found && day >= oldest_day);
    }
    return ok();
}

Status RunView::read_page(std::size_t page, std::vector<KeyEntry>& entries) const {
    WEIR_TRY(check_page(filter_pages_ + page));
    const std::byte* bytes = bytes_.data() + (filter_pages_ + page) * run_page_bytes;
    const auto count = load<std::uint64_t>(bytes + sizeof(std::uint64_t));
    for (std::size_t i = 0; i < count; ++i) {
        entries.push_back({.hash = load<Hash128>(bytes + page_header_bytes + i * sizeof(Hash128)),
                           .day = load<std::int32_t>(bytes + key_days_offset + i * sizeof(std::int32_t))});
    }
    return ok();
}

Result<RunFile> RunFile::open(const fs::path& path) {
    WEIR_ASSIGN(const auto file, open_for_reading(path));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return io_error("look at", path, errno);
    if (status.st_size == 0) return damaged(path.string(), "it is empty");
    const auto size = static_cast<std::size_t>(status.st_size);
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED) return io_error("map", path, errno);
    RunFile run;
    run.path_ = path;
    run.mapping_ = {static_cast<std::byte*>(mapped), size};
    WEIR_ASSIGN(auto view, RunView::parse(run.mapping_, path.string()));
    run.view_ = std::make_unique<RunView>(std::move(view));
    return run;
}

RunFile::RunFile(RunFile&& other) noexcept
    : path_(std::move(other.path_)), mapping_(std::exchange(other.mapping_, {})), view_(std::move(other.view_)) {}

RunFile& RunFile::operator=(RunFile&& other) noexcept {
    if (this != &other) {
        if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
        path_ = std::move(other.path_);
        mapping_ = std::exchange(other.mapping_, {});
        view_ = std::move(other.view_);
    }
    return *this;
}

RunFile::~RunFile() {
    if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
}

void RunFile::forget_pages_before(std::size_t page) const {
    const auto& footer = view_->footer();
    const auto filter_pages = (footer.filter_blocks + run_page_filter_blocks - 1) / run_page_filter_blocks;
    ::madvise(mapping_.data(), (filter_pages + page) * run_page_bytes, MADV_DONTNEED);
}

Result<RunWriter> RunWriter::create(const fs::path& path, std::uint64_t keys_max) {
    RunWriter writer;
    writer.path_ = path;
    writer.file_ = FileHandle(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!writer.file_.open()) return io_error("create", path, errno);
    writer.keys_max_ = keys_max;
    constexpr auto block_bits = filter_block_bytes * 8;
    writer.filter_blocks_ = std::max<std::uint64_t>(1, (keys_max * filter_bits_per_key + block_bits - 1) / block_bits);
    const auto filter_pages = (writer.filter_blocks_ + run_page_filter_blocks - 1) / run_page_filter_blocks;
    writer.key_offset_ = filter_pages * run_page_bytes;
    writer.page_entries_.reserve(run_page_keys);
    return writer;
}

Status RunWriter::add(const KeyEntry& entry) {
    if (pending_) {
        assert(pending_entry_.hash <= entry.hash);
        if (pending_entry_.hash == entry.hash) {
            pending_entry_.day = std::max(pending_entry_.day, entry.day);
            return ok();
        }
        WEIR_TRY(flush_entry());
    }
    pending_ = true;
    pending_entry_ = entry;
    return ok();
}

Status RunWriter::flush_entry() {
    assert(keys_ < keys_max_);
    ++keys_;
    const auto block = filter_block_of(pending_entry_.hash, filter_blocks_);
    WEIR_TRY(move_filter_to(block / run_page_filter_blocks));
    std::byte* words = filter_page_.data() + filter_block_offset(block) % run_page_bytes;
    for (std::size_t word = 0; word < filter_words; ++word) {
        std::byte* at = words + word * sizeof(std::uint32_t);
        store(at, load<std::uint32_t>(at) | (1u << filter_shift(pending_entry_.hash, word)));
    }
    page_entries_.push_back(pending_entry_);
    return page_entries_.size() == run_page_keys ? flush_keys() : ok();
}

Status RunWriter::flush_keys() {
    if (page_entries_.empty()) return ok();
    std::array<std::byte, run_page_bytes> page{};
    store(page.data() + sizeof(std::uint64_t), static_cast<std::uint64_t>(page_entries_.size()));
    for (std::size_t i = 0; i < page_entries_.size(); ++i) {
        store(page.data() + page_header_bytes + i * sizeof(Hash128), page_entries_[i].hash);
        store(page.data() + key_days_offset + i * sizeof(std::int32_t), page_entries_[i].day);
    }
    seal_page(page.data());
    fence_.push_back(page_entries_.front().hash);
    page_entries_.clear();
    ++key_pages_;
    key_bytes_.insert(key_bytes_.end(), page.begin(), page.end());
    return key_bytes_.size() >= write_buffer_bytes ? write_out(key_bytes_, key_offset_) : ok();
}

// Filter pages up to (not including) `page` are finished; most hold keys, some may be empty.
Status RunWriter::move_filter_to(std::uint64_t page) {
    while (filter_page_number_ < page) {
        seal_page(filter_page_.data());
        filter_bytes_.insert(filter_bytes_.end(), filter_page_.begin(), filter_page_.end());
        filter_page_.fill(std::byte{0});
        ++filter_page_number_;
        if (filter_bytes_.size() >= write_buffer_bytes) WEIR_TRY(write_out(filter_bytes_, filter_offset_));
    }
    return ok();
}

Status RunWriter::write_out(std::vector<std::byte>& buffer, std::uint64_t& offset) {
    std::span<const std::byte> rest = buffer;
    while (!rest.empty()) {
        const auto written = ::pwrite(file_.get(), rest.data(), rest.size(), static_cast<off_t>(offset));
        if (written < 0) {
            if (errno == EINTR) continue;
            return io_error("write", path_, errno);
        }
        offset += static_cast<std::uint64_t>(written);
        rest = rest.subspan(static_cast<std::size_t>(written));
    }
    buffer.clear();
    return ok();
}

Result<RunFooter> RunWriter::finish(RunRange range, std::uint64_t identity, bool sync) {
    if (pending_) WEIR_TRY(flush_entry());
    WEIR_TRY(flush_keys());
    WEIR_TRY(move_filter_to((filter_blocks_ + run_page_filter_blocks - 1) / run_page_filter_blocks));
    WEIR_TRY(write_out(filter_bytes_, filter_offset_));
    FooterBytes footer{.magic = magic,
                       .first = range.first,
                       .last = range.last,
                       .identity = identity,
                       .keys = keys_,
                       .filter_blocks = filter_blocks_,
                       .key_pages = key_pages_,
                       .fence_checksum = checksum_of(fence_.data(), fence_.size() * sizeof(Hash128)),
                       .reserved = {},
                       .checksum = 0};
    footer.checksum = checksum_of(&footer, offsetof(FooterBytes, checksum));
    const auto append = [this](const void* bytes, std::size_t size) {
        const auto* from = static_cast<const std::byte*>(bytes);
        key_bytes_.insert(key_bytes_.end(), from, from + size);
    };
    append(fence_.data(), fence_.size() * sizeof(Hash128));
    append(&footer, sizeof(footer));
    WEIR_TRY(write_out(key_bytes_, key_offset_));
    if (sync && ::fsync(file_.get()) != 0) return io_error("sync", path_, errno);
    return RunFooter{
        .range = range, .identity = identity, .keys = keys_, .filter_blocks = filter_blocks_, .key_pages = key_pages_};
}

}  // namespace weir::contract
