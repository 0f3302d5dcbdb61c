#include "lake/read/checksum.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "lake/log/paths.h"

namespace weir::lake {

Result<std::string> file_checksum(const fs::path& path) {
    const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return io_error("open", path, errno);
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
    XXH3_64bits_reset(state.get());
    std::vector<char> buffer(1 << 20);
    for (;;) {
        const auto count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return io_error("read", path, errno);
        if (count == 0) break;
        XXH3_64bits_update(state.get(), buffer.data(), static_cast<std::size_t>(count));
    }
    return fmt::format("{:016x}", XXH3_64bits_digest(state.get()));
}

Status verify_checksums(ObjectStore& store, const Snapshot& snapshot) {
    for (const auto& file : snapshot.files()) {
        if (!file.tags) continue;
        const auto expected = file.tags->find(checksum_tag);
        if (expected == file.tags->end()) continue;
        const auto path = decode_data_path(file.path);
        const auto url = !path ? file.path : path->absolute ? path->text : store.url(path->text);
        const auto actual = file_checksum(url);
        if (!actual || *actual != expected->second)
            return Error{.code = ErrorCode::table_damaged,
                         .message = actual ? fmt::format("{} does not hold what was written to it", url)
                                           : fmt::format("{} cannot be read: {}", url, actual.error().message)};
    }
    return ok();
}

}  // namespace weir::lake
