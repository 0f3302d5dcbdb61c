#include "contract/dedup/duplicate_index.h"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <queue>

namespace weir::contract {
namespace {

constexpr std::string_view building_prefix = ".building-";
// A merge lets go of mapped pages in steps of this many (4 MiB), to keep its resident memory flat.
constexpr std::size_t forget_step_pages = 1024;

fs::path building_path(const fs::path& directory) {
    static std::atomic<unsigned> counter{0};
    return directory / fmt::format("{}{}-{}", building_prefix, ::getpid(), counter.fetch_add(1));
}

// Removes a half-built file unless it got its name.
class Building {
public:
    explicit Building(fs::path path) : path_(std::move(path)) {}
    Building(Building&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Building& operator=(Building&&) = delete;
    ~Building() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

// Walks one run, a page at a time.
class Cursor {
public:
    explicit Cursor(const RunFile& run) : run_(&run) {}
    explicit Cursor(std::span<const KeyEntry> entries) : rest_(entries) {}

    // Moves to the next entry; false at the end.
    Result<bool> next() {
        if (rest_.empty()) {
            if (run_ == nullptr || page_ == run_->view().footer().key_pages) return false;
            entries_.clear();
            WEIR_TRY(run_->view().read_page(page_, entries_));
            ++page_;
            if (page_ % forget_step_pages == 0) run_->forget_pages_before(page_);
            rest_ = entries_;
        }
        entry_ = rest_.front();
        rest_ = rest_.subspan(1);
        return true;
    }
    const KeyEntry& entry() const { return entry_; }

private:
    const RunFile* run_ = nullptr;
    std::size_t page_ = 0;
    std::vector<KeyEntry> entries_;
    std::span<const KeyEntry> rest_;
    KeyEntry entry_;
};

}  // namespace

Status merge_runs(std::span<const RunFile> inputs, std::span<const KeyEntry> newest, const fs::path& path,
                  RunRange range, std::uint64_t identity, std::int32_t oldest_day, bool sync) {
    std::uint64_t keys_max = newest.size();
    std::vector<Cursor> cursors;
    cursors.reserve(inputs.size() + 1);
    for (const RunFile& run : inputs) {
        keys_max += run.view().footer().keys;
        cursors.emplace_back(run);
    }
    cursors.emplace_back(newest);
    WEIR_ASSIGN(auto writer, RunWriter::create(path, keys_max));

    const auto later = [&](std::size_t a, std::size_t b) { return cursors[a].entry() > cursors[b].entry(); };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> heads(later);
    for (std::size_t i = 0; i < cursors.size(); ++i) {
        WEIR_ASSIGN(const bool more, cursors[i].next());
        if (more) heads.push(i);
    }
    while (!heads.empty()) {
        const auto smallest = heads.top();
        heads.pop();
        // As long as this one stays the smallest it needs no place in the queue.
        for (;;) {
            if (cursors[smallest].entry().day >= oldest_day) WEIR_TRY(writer.add(cursors[smallest].entry()));
            WEIR_ASSIGN(const bool more, cursors[smallest].next());
            if (!more) break;
            if (!heads.empty() && later(smallest, heads.top())) {
                heads.push(smallest);
                break;
            }
        }
    }
    WEIR_TRY(writer.finish(range, identity, sync));
    return ok();
}

Result<DuplicateIndex> DuplicateIndex::open(const fs::path& directory, DuplicateIndexOptions options) {
    DuplicateIndex index;
    index.directory_ = directory;
    index.identity_ = XXH3_64bits(options.identity.data(), options.identity.size());
    index.options_ = std::move(options);
    WEIR_TRY(make_directories(directory));

    std::vector<RunRange> found;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with(building_prefix)) {
            ::unlink(entry->path().c_str());
        } else if (const auto range = parse_run_name(name)) {
            found.push_back(*range);
        }
    }
    if (error) return io_error("list", directory, error.value());

    // A run that cannot be used is taken out, and the chain is chosen again without it: what it was merged from may
    // still be there.
    for (;;) {
        const Chain chain = select_chain(found);
        index.runs_.clear();
        std::optional<RunRange> unusable;
        for (const RunRange& range : chain.live) {
            auto run = RunFile::open(directory / run_name(range));
            if (run && run->view().footer().identity == index.identity_ && run->view().footer().range == range) {
                index.runs_.push_back(std::move(*run));
                continue;
            }
            if (!run && run.error().code != ErrorCode::table_damaged) return std::move(run).error();
            if (!run) index.damage_.push_back(run.error());
            unusable = range;
            break;
        }
        if (!unusable) {
            WEIR_TRY(index.remove(chain.obsolete));
            return index;
        }
        WEIR_TRY(index.remove({*unusable}));
        std::erase(found, *unusable);
    }
}

std::optional<std::int64_t> DuplicateIndex::covers() const {
    if (runs_.empty()) return {};
    return runs_.back().view().footer().range.last;
}

std::uint64_t DuplicateIndex::keys() const {
    std::uint64_t total = 0;
    for (const RunFile& run : runs_) total += run.view().footer().keys;
    return total;
}

Result<std::vector<std::uint8_t>> DuplicateIndex::probe(std::span<const Hash128> sorted,
                                                        std::int32_t oldest_day) const {
    assert(std::ranges::is_sorted(sorted));
    std::vector<std::uint8_t> seen(sorted.size());
    for (const RunFile& run : runs_) WEIR_TRY(run.view().probe(sorted, oldest_day, seen));
    return seen;
}

Status DuplicateIndex::add(std::span<const KeyEntry> sorted, std::int64_t upto_version, std::int32_t oldest_day) {
    assert(std::ranges::is_sorted(sorted, {}, &KeyEntry::hash));
    if (const auto covered = covers(); covered && upto_version <= *covered) return ok();
    std::vector<std::uint64_t> counts;
    for (const RunFile& run : runs_) counts.push_back(run.view().footer().keys);
    const auto merged = runs_to_merge(counts, sorted.size());
    const auto inputs = std::span<const RunFile>(runs_).last(merged);
    const RunRange range{.first = merged > 0 ? inputs.front().view().footer().range.first : covers().value_or(-1) + 1,
                         .last = upto_version};

    const Building building(building_path(directory_));
    WEIR_TRY(merge_runs(inputs, sorted, building.path(), range, identity_, oldest_day, options_.sync));
    WEIR_TRY(publish(building.path(), range));
    std::vector<RunRange> obsolete;
    for (const RunFile& run : inputs) obsolete.push_back(run.view().footer().range);
    WEIR_ASSIGN(auto run, RunFile::open(directory_ / run_name(range)));
    runs_.erase(runs_.end() - static_cast<std::ptrdiff_t>(merged), runs_.end());
    runs_.push_back(std::move(run));
    return remove(obsolete);
}

Status DuplicateIndex::rebuild(std::int64_t upto_version, const std::function<Status(const Take&)>& stream,
                               std::int32_t oldest_day) {
    const std::size_t piece_entries = std::max<std::size_t>(1024, options_.rebuild_bytes / sizeof(KeyEntry));
    const RunRange range{.first = 0, .last = upto_version};
    std::vector<KeyEntry> piece;
    std::vector<Building> building;
    std::vector<RunFile> pieces;

    const auto sort_piece = [&] { std::ranges::sort(piece); };
    const auto spill = [&]() -> Status {
        sort_piece();
        building.emplace_back(building_path(directory_));
        WEIR_TRY(merge_runs({}, piece, building.back().path(), range, identity_, oldest_day, false));
        WEIR_ASSIGN(auto run, RunFile::open(building.back().path()));
        pieces.push_back(std::move(run));
        piece.clear();
        return ok();
    };
    const Take take = [&](std::span<const KeyEntry> entries) -> Status {
        while (!entries.empty()) {
            const auto taken = std::min(entries.size(), piece_entries - piece.size());
            piece.insert(piece.end(), entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(taken));
            entries = entries.subspan(taken);
            if (piece.size() == piece_entries) WEIR_TRY(spill());
        }
        return ok();
    };
    WEIR_TRY(stream(take));
    sort_piece();
    building.emplace_back(building_path(directory_));
    WEIR_TRY(merge_runs(pieces, piece, building.back().path(), range, identity_, oldest_day, options_.sync));

    // Runs beyond `upto_version` would count behind the new one; they go first, and covers() only falls back by that.
    std::vector<RunRange> old;
    for (const RunFile& run : runs_) old.push_back(run.view().footer().range);
    std::erase(old, range);
    runs_.clear();
    std::vector<RunRange> beyond;
    std::ranges::copy_if(old, std::back_inserter(beyond), [&](const RunRange& r) { return r.last > upto_version; });
    WEIR_TRY(remove(beyond));
    WEIR_TRY(publish(building.back().path(), range));
    WEIR_ASSIGN(auto run, RunFile::open(directory_ / run_name(range)));
    runs_.push_back(std::move(run));
    damage_.clear();
    return remove(old);
}

Status DuplicateIndex::clear() {
    std::vector<RunRange> all;
    for (const RunFile& run : runs_) all.push_back(run.view().footer().range);
    runs_.clear();
    damage_.clear();
    // Newest first: a crash on the way leaves a chain without a gap.
    std::ranges::reverse(all);
    return remove(all);
}

Status DuplicateIndex::publish(const fs::path& built, RunRange range) {
    const auto path = directory_ / run_name(range);
    if (::rename(built.c_str(), path.c_str()) != 0) return io_error("rename to", path, errno);
    return options_.sync ? sync_directory(directory_) : ok();
}

Status DuplicateIndex::remove(const std::vector<RunRange>& ranges) {
    for (const RunRange& range : ranges) {
        const auto path = directory_ / run_name(range);
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove", path, errno);
    }
    return ok();
}

}  // namespace weir::contract
