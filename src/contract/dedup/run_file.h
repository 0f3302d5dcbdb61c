// One immutable sorted run of keys on disk: a filter that says "surely not here", and the keys in pages with a fence.
//
//   page 0 … F-1      filter   127 blocks of 256 bits each; a key's block grows with the key, so that a sorted batch
//                              walks the filter once, and a merge writes it as a stream
//   page F … F+B-1    keys     204 entries each: hashes, then days; ascending, no hash twice
//   then              fence    the first hash of each key page
//   last 128 bytes    footer   counts, covered commits, identity, checksums of fence and footer
//
// Pages have 4 KiB; each starts with the checksum of its other bytes, looked at when the page is first touched.
// All numbers are little-endian.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "contract/dedup/hash128.h"
#include "contract/dedup/levels.h"

namespace weir::contract {

inline constexpr std::size_t run_page_bytes = 4096;
inline constexpr std::size_t run_page_keys = 204;
inline constexpr std::size_t run_page_filter_blocks = 127;

struct RunFooter {
    RunRange range;
    std::uint64_t identity = 0;  // of what the keys are hashes of; runs with another identity are not read
    std::uint64_t keys = 0;
    std::uint64_t filter_blocks = 0;
    std::uint64_t key_pages = 0;
};

// A run in memory that somebody else holds (a mapped file). Reads are checked: a damaged page is an error, never an
// answer. May be probed from several threads at once.
class RunView {
public:
    // `name` is for messages. Checks footer, sizes and fence; pages are checked when they are touched.
    static Result<RunView> parse(std::span<const std::byte> bytes, std::string name);

    const RunFooter& footer() const { return footer_; }

    // Sets seen[i] for each of the ascending `sorted` hashes that stands here with a day of at least `oldest_day`.
    Status probe(std::span<const Hash128> sorted, std::int32_t oldest_day, std::span<std::uint8_t> seen) const;

    // The entries of key page `page`, appended to `entries`.
    Status read_page(std::size_t page, std::vector<KeyEntry>& entries) const;

private:
    RunView() = default;
    Status check_page(std::size_t page) const;
    Result<std::int32_t> day_of(const Hash128& hash, bool& found) const;

    std::span<const std::byte> bytes_;
    std::string name_;
    RunFooter footer_;
    std::size_t filter_pages_ = 0;
    const Hash128* fence_ = nullptr;
    // One flag per page: its checksum was right.
    std::unique_ptr<std::atomic<std::uint8_t>[]> checked_;
};

// A run file, mapped.
class RunFile {
public:
    static Result<RunFile> open(const fs::path& path);
    RunFile(RunFile&& other) noexcept;
    RunFile& operator=(RunFile&& other) noexcept;
    ~RunFile();

    const RunView& view() const { return *view_; }
    const fs::path& path() const { return path_; }
    // Lets go of the pages before `page`, which a merge has behind it.
    void forget_pages_before(std::size_t page) const;

private:
    RunFile() = default;
    fs::path path_;
    std::span<std::byte> mapping_;
    std::unique_ptr<RunView> view_;
};

// Writes a run as a stream of ascending entries. Memory: two buffers and the fence.
class RunWriter {
public:
    // Creates `path`, which must not exist. `keys_max` bounds the number of entries that will be added.
    static Result<RunWriter> create(const fs::path& path, std::uint64_t keys_max);

    // An entry with the hash of the one before replaces its day if it is later.
    Status add(const KeyEntry& entry);
    // Writes what is left, and syncs unless `sync` is false. The file still has its temporary name.
    Result<RunFooter> finish(RunRange range, std::uint64_t identity, bool sync);

private:
    RunWriter() = default;
    Status flush_entry();
    Status flush_keys();
    Status move_filter_to(std::uint64_t block);
    Status write_out(std::vector<std::byte>& buffer, std::uint64_t& offset);

    fs::path path_;
    FileHandle file_;
    std::uint64_t keys_max_ = 0;
    std::uint64_t keys_ = 0;
    std::uint64_t filter_blocks_ = 0;

    bool pending_ = false;
    KeyEntry pending_entry_;
    std::vector<KeyEntry> page_entries_;
    std::vector<std::byte> key_bytes_;
    std::uint64_t key_offset_ = 0;
    std::uint64_t key_pages_ = 0;
    std::vector<Hash128> fence_;

    std::array<std::byte, run_page_bytes> filter_page_{};
    std::uint64_t filter_page_number_ = 0;
    std::vector<std::byte> filter_bytes_;
    std::uint64_t filter_offset_ = 0;
};

}  // namespace weir::contract
