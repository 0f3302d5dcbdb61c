// Whether a file that is there now is taken, skipped, continued or refused. Pure.
//
//   never seen                                   → take
//   same size and time, recorded well after      → skip, unread
//   same size otherwise                          → hash all: same → skip, other → changed
//   larger, append-only                          → hash the old length: same → continue there, other → changed
//   larger, not append-only, or smaller          → changed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::source {

// What was recorded when the file was taken.
struct KnownFile {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::string sha256;
    std::int64_t recorded_at_ns = 0;  // our clock, when it was read
};

struct SeenFile {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
};

enum class FileAction { take, skip, continue_from, hash, changed };

struct FileDecision {
    FileAction action = FileAction::take;
    std::uint64_t bytes = 0;  // continue_from: the offset; hash: how many bytes to hash, then decide again
    std::string reason{};     // changed: what is different
    bool operator==(const FileDecision&) const = default;
};

// A file whose time lies within this span before it was recorded may have been written again in the same tick.
inline constexpr std::int64_t racy_ns = 2'000'000'000;

// `hash`: of the first `bytes` that an earlier decision asked for. `append_only`: a grown file may be continued.
FileDecision decide(const std::optional<KnownFile>& known, const SeenFile& seen, bool append_only,
                    std::optional<std::string_view> hash = std::nullopt);

// The error for a decision that says changed.
Error changed_error(std::string_view path, const FileDecision& decision);

}  // namespace weir::source
