#include "source/files/decide.h"

#include <fmt/format.h>

namespace weir::source {

FileDecision decide(const std::optional<KnownFile>& known, const SeenFile& seen, bool append_only,
                    std::optional<std::string_view> hash) {
    using A = FileAction;
    if (!known) return {.action = A::take};
    if (seen.size < known->size)
        return {.action = A::changed, .reason = fmt::format("it had {} bytes and has {}", known->size, seen.size)};
    const bool grew = seen.size > known->size;
    if (grew && !append_only)
        return {.action = A::changed,
                .reason = fmt::format("it grew from {} to {} bytes, and the source is not append-only", known->size,
                                      seen.size)};
    if (!grew && seen.mtime_ns == known->mtime_ns && seen.mtime_ns < known->recorded_at_ns - racy_ns)
        return {.action = A::skip};
    if (!hash) return {.action = A::hash, .bytes = known->size};
    if (*hash != known->sha256)
        return {.action = A::changed,
                .reason = grew ? fmt::format("its first {} bytes, which were taken before, are different", known->size)
                               : "it has the same size and other bytes"};
    if (grew) return {.action = A::continue_from, .bytes = known->size};
    return {.action = A::skip};
}

Error changed_error(std::string_view path, const FileDecision& decision) {
    return {.code = ErrorCode::input_changed,
            .message = fmt::format("{} was taken before and changed since: {}", path, decision.reason),
            .hint =
                "put the old bytes back, or give the new content a new file name: rows of the old content stand in "
                "the table already"};
}

}  // namespace weir::source
