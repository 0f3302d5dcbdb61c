#include "serve/api/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace weir::serve {
namespace {

constexpr std::size_t memory_max = 512 * 1024;

}  // namespace

Result<FileHandle> nameless_file(const fs::path& folder) {
    std::error_code error;
    for (const auto& place : {folder, fs::temp_directory_path(error)}) {
        if (place.empty()) continue;
        const int fd = ::open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0) return FileHandle(fd);
        // File systems without O_TMPFILE.
        auto name = (place / "weir-answer-XXXXXX").string();
        const int made = ::mkostemp(name.data(), O_CLOEXEC);
        if (made < 0) continue;
        ::unlink(name.c_str());
        return FileHandle(made);
    }
    return io_error("creating", folder / "answer", errno);
}

Spool::Spool(fs::path folder, http::Encoding encoding, std::uint64_t bytes_max)
    : folder_(std::move(folder)), compressor_(encoding), bytes_max_(bytes_max) {}

Status Spool::write(std::string_view bytes) {
    WEIR_TRY(compressor_.write(bytes, false, memory_));
    return memory_.size() > memory_max ? flush() : ok();
}

Status Spool::flush() {
    if (size_ + memory_.size() > bytes_max_)
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("the answer is larger than {} bytes", bytes_max_),
                     .hint = "ask for fewer columns, or filter, or follow pages with limit=…"};
    if (!file_.open()) {
        WEIR_ASSIGN(file_, nameless_file(folder_));
    }
    std::string_view rest = memory_;
    while (!rest.empty()) {
        const auto count = ::write(file_.get(), rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return io_error("writing", folder_ / "answer", errno);
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    size_ += memory_.size();
    memory_.clear();
    return ok();
}

Status Spool::finish(http::Response& response) {
    WEIR_TRY(compressor_.write({}, true, memory_));
    if (!file_.open()) {
        response.body = std::move(memory_);
        return ok();
    }
    WEIR_TRY(flush());
    auto file = std::make_shared<http::BodyFile>();
    file->file = std::move(file_);
    file->size = size_;
    response.file = std::move(file);
    return ok();
}

}  // namespace weir::serve
