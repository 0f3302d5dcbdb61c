// How a group of appends becomes durable, and what a crash leaves:
//
//   gathered ──write──► written ──sync──► synced ──publish──► published ──► acknowledged
//       ▲                  │
//       └──────────────────┘ the write failed: the file is cut to where it was, and the group is answered with the
//       error
//
//   write     one pwritev for the group      flush_group()
//   sync      fdatasync, by the policy       sync()
//   publish   the tail's end                 publish(); only now readers see it
//
// (1) Readers see nothing that could be taken back. (2) A group is acknowledged before the next one is written.
// (3) A segment is synced before the next one begins, unless the policy is never.
// (4) A failed sync ends all appends: what the disk holds is found out by recovery when the partition is opened again,
// not guessed.
#include "source/log/partition.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::source::log {
namespace {

// Temporary files of a process that died while it made a segment.
void remove_leftovers(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        std::error_code ignored;
        if (name.front() == '.' && name.find(".tmp-") != std::string::npos) fs::remove(entry->path(), ignored);
    }
}

Status write_parts(int fd, std::vector<iovec> parts, std::uint64_t position, const fs::path& path) {
    for (std::size_t first = 0; first < parts.size();) {
        const auto count = std::min<std::size_t>(parts.size() - first, IOV_MAX);
        const auto written = ::pwritev(fd, parts.data() + first, static_cast<int>(count), static_cast<off_t>(position));
        if (written < 0) {
            if (errno == EINTR) continue;
            return io_error("write", path, errno);
        }
        position += static_cast<std::uint64_t>(written);
        auto rest = static_cast<std::size_t>(written);
        while (first < parts.size() && rest >= parts[first].iov_len) rest -= parts[first++].iov_len;
        if (rest > 0) {
            parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + rest;
            parts[first].iov_len -= rest;
        }
    }
    return ok();
}

std::string describe(const Damage& damage, const fs::path& folder) {
    return fmt::format(
        "{}: the records with offsets {} to {} cannot be read; they were acknowledged, and are damaged "
        "or lost on the disk",
        folder.string(), damage.from, damage.to - 1);
}

Error judged(const Producers::Verdict& verdict, const Partition::Item& item) {
    return {.code = ErrorCode::refused,
            .message = fmt::format("producer {}: sequence {} was sent, and {} is the next one", item.producer,
                                   item.sequence, verdict.expected),
            .hint = "send what is missing first, or begin as a new producer"};
}

}  // namespace

Result<Partition> Partition::open(const fs::path& folder, const TopicConfig& config, Sync sync, std::int64_t now_ms,
                                  std::vector<std::string>& notes) {
    WEIR_TRY(make_directories(folder));
    remove_leftovers(folder);
    WEIR_ASSIGN(auto tail, Tail::open_or_create(folder));
    const auto acknowledged = tail.end();
    Partition partition(folder, config, sync, std::move(tail));
    WEIR_ASSIGN(const auto bases, list_segments(folder));
    if (bases.empty()) {
        // Offsets never come twice, even if every segment was taken away.
        partition.end_offset_ = acknowledged.value_or(0);
        WEIR_TRY(partition.start_segment(now_ms));
        partition.publish();
        return partition;
    }
    WEIR_ASSIGN(auto reader, SegmentReader::open(folder, bases.back()));
    WEIR_ASSIGN(auto found, recover(reader, acknowledged));
    for (const auto& damage : found.damage) notes.push_back(describe(damage, folder));
    partition.file_ = FileHandle(::open(reader.path().c_str(), O_WRONLY | O_CLOEXEC));
    if (!partition.file_.open()) return io_error("open", reader.path(), errno);
    if (found.torn_bytes > 0) {
        notes.push_back(
            fmt::format("{}: {} bytes behind offset {} were cut off; they are of a write that was "
                        "interrupted before it was acknowledged",
                        folder.string(), found.torn_bytes, found.end_offset));
        if (::ftruncate(partition.file_.get(), static_cast<off_t>(found.position)) != 0)
            return io_error("truncate", reader.path(), errno);
        if (::fsync(partition.file_.get()) != 0) return io_error("sync", reader.path(), errno);
    }
    partition.segment_base_ = bases.back();
    partition.segment_head_bytes_ = reader.head().bytes;
    partition.position_ = found.position;
    partition.end_offset_ = found.end_offset;
    partition.appended_at_ = found.appended_at;
    partition.producers_ = std::move(found.producers);
    // What a process wrote and did not live to sync is acknowledged from now on.
    partition.unsynced_ = true;
    if (sync != Sync::never) WEIR_TRY(partition.sync());
    partition.publish();
    return partition;
}

Status Partition::start_segment(std::int64_t now_ms) {
    const auto head =
        encode_head({.base_offset = end_offset_, .created_at = now_ms, .producers = producers_.encode(), .bytes = 0});
    const auto path = folder_ / segment_name(end_offset_);
    WEIR_TRY(write_file_atomic(path, head));
    FileHandle file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.open()) return io_error("open", path, errno);
    file_ = std::move(file);
    segment_base_ = end_offset_;
    segment_head_bytes_ = position_ = head.size();
    return ok();
}

Status Partition::roll(std::int64_t now_ms) {
    if (position_ == segment_head_bytes_) return ok();
    if (sync_policy_ != Sync::never) WEIR_TRY(sync());
    return start_segment(now_ms);
}

void Partition::write(std::span<Item* const> items, std::int64_t now_ms) {
    group_offset_ = end_offset_;
    for (auto* item : items) {
        if (failed_) {
            item->offset = *failed_;
            continue;
        }
        auto& header = item->batch->header;
        Producers::Verdict verdict{Producers::Verdict::Kind::append};
        if (item->producer >= 0) verdict = producers_.judge(item->producer, item->sequence, header.records);
        if (verdict.kind == Producers::Verdict::Kind::duplicate ||
            verdict.kind == Producers::Verdict::Kind::forgotten) {
            item->offset = verdict.base_offset;
            item->duplicate = true;
            group_.push_back(item);
            continue;
        }
        if (verdict.kind != Producers::Verdict::Kind::append) {
            item->offset = judged(verdict, *item);
            continue;
        }
        const bool full = position_ + group_bytes_ + header.bytes > static_cast<std::uint64_t>(config_.segment_bytes);
        if (full && position_ + group_bytes_ > segment_head_bytes_) {
            flush_group();
            if (auto rolled = roll(now_ms); !rolled) {
                item->offset = std::move(rolled).error();
                continue;
            }
            // The write may have failed, and this one's turn is then not here.
            if (item->producer >= 0) verdict = producers_.judge(item->producer, item->sequence, header.records);
            if (verdict.kind != Producers::Verdict::Kind::append) {
                item->offset = judged(verdict, *item);
                continue;
            }
        }
        header.base_offset = end_offset_;
        header.appended_at = now_ms;
        header.producer = item->producer;
        header.sequence = item->sequence;
        header.group_back = static_cast<std::uint32_t>(end_offset_ - group_offset_);
        item->offset = end_offset_;
        if (item->producer >= 0) {
            group_undo_.emplace_back(item->producer, producers_.state(item->producer));
            producers_.record(item->producer, {item->sequence, header.records, end_offset_}, now_ms);
        }
        end_offset_ += header.offsets;
        group_bytes_ += header.bytes;
        group_.push_back(item);
        group_writes_.push_back(item);
    }
    flush_group();
    appended_at_ = now_ms;
}

void Partition::flush_group() {
    if (!group_writes_.empty()) {
        std::vector<std::array<char, batch_header_bytes>> headers(group_writes_.size());
        std::vector<iovec> parts;
        parts.reserve(2 * group_writes_.size());
        for (std::size_t i = 0; i < group_writes_.size(); ++i) {
            auto& batch = *group_writes_[i]->batch;
            write_header(batch.header, headers[i].data());
            parts.push_back({headers[i].data(), headers[i].size()});
            parts.push_back({batch.payload.data(), batch.payload.size()});
        }
        const auto path = folder_ / segment_name(segment_base_);
        if (auto written = write_parts(file_.get(), std::move(parts), position_, path); !written) {
            take_back(written.error());
        } else {
            position_ += group_bytes_;
            unsynced_ = true;
        }
    }
    group_.clear();
    group_writes_.clear();
    group_undo_.clear();
    group_bytes_ = 0;
    group_offset_ = end_offset_;
}

void Partition::take_back(const Error& error) {
    for (auto* item : group_) item->offset = error;
    for (auto undo = group_undo_.rbegin(); undo != group_undo_.rend(); ++undo)
        producers_.restore(undo->first, std::move(undo->second));
    end_offset_ = group_offset_;
    if (::ftruncate(file_.get(), static_cast<off_t>(position_)) != 0) {
        failed_ = io_error("cut back", folder_ / segment_name(segment_base_), errno);
        failed_->hint = "send it again: the partition is opened anew, which repairs what a write left behind";
    }
}

Status Partition::sync() {
    if (failed_) return *failed_;
    if (!unsynced_) return ok();
    if (::fdatasync(file_.get()) != 0) {
        failed_ = io_error("sync", folder_ / segment_name(segment_base_), errno);
        failed_->hint = "send it again: the partition is opened anew, which finds out what the disk holds";
        // What the system has in memory may not be what is on the disk, although it counts as written.
        static_cast<void>(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED));
        return *failed_;
    }
    unsynced_ = false;
    return ok();
}

Result<std::int64_t> Partition::retain(std::int64_t now_ms) {
    if (!config_.retention_ms && !config_.retention_bytes) return std::int64_t{0};
    const auto too_old = [&](std::int64_t appended_at) {
        return config_.retention_ms && appended_at < now_ms - *config_.retention_ms;
    };
    if (too_old(appended_at_) && !failed_) {
        // The next segment begins when the last append was: that is what tells the age of this one.
        WEIR_TRY(roll(appended_at_));
        appended_at_ = now_ms;
    }
    WEIR_ASSIGN(const auto bases, list_segments(folder_));
    std::vector<std::int64_t> sizes;
    std::int64_t bytes = 0;
    for (const auto base : bases) {
        struct stat info {};
        const auto path = folder_ / segment_name(base);
        if (::stat(path.c_str(), &info) != 0) return io_error("look at", path, errno);
        sizes.push_back(info.st_size);
        bytes += info.st_size;
    }
    std::int64_t removed = 0;
    for (std::size_t i = 0; i + 1 < bases.size(); ++i) {
        // Nothing was appended to a segment after the next one began.
        auto next = SegmentReader::open(folder_, bases[i + 1]);
        const bool old = next.ok() && too_old(next->head().created_at);
        const bool too_much = config_.retention_bytes && bytes - removed > *config_.retention_bytes;
        if (!old && !too_much) break;
        const auto path = folder_ / segment_name(bases[i]);
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove", path, errno);
        removed += sizes[i];
    }
    if (removed > 0 && sync_policy_ != Sync::never) WEIR_TRY(sync_directory(folder_));
    return removed;
}

Status Partition::close() {
    if (failed_) return ok();
    if (sync_policy_ != Sync::never) WEIR_TRY(sync());
    return tail_.close(sync_policy_ != Sync::never);
}

}  // namespace weir::source::log
