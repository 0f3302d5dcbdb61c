#include "source/log/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/stop.h"
#include "source/log/frames.h"

namespace weir::source::log {
namespace {

constexpr const char* socket_name = "socket";
constexpr const char* what = "the log's socket";
constexpr timeval answer_patience{.tv_sec = 60, .tv_usec = 0};

// A path to a socket may have 107 bytes, and a folder's number is always short enough.
Result<FileHandle> open_folder(const fs::path& log, sockaddr_un& address) {
    FileHandle folder(::open(log.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder.open()) return io_error("open", log, errno);
    std::memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    const auto path = fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_name);
    std::memcpy(address.sun_path, path.data(), path.size());
    return folder;
}

Result<FileHandle> new_socket() {
    FileHandle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.open()) return io_error("open", what, errno);
    return socket;
}

Error failed(const char* doing, int number) {
    if (number != EAGAIN && number != EWOULDBLOCK) return io_error(doing, what, number);
    return {.code = ErrorCode::log_locked,
            .message = fmt::format("the process that owns the log has not answered for {} s", answer_patience.tv_sec),
            .hint = "end it, or wait until it goes on; what it did not acknowledge may be in the log all the same"};
}

// false: the other side ended before the first byte.
Result<bool> receive(int fd, char* to, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
        const auto got = ::recv(fd, to + done, size - done, 0);
        if (got < 0) {
            if (errno == EINTR && !stop_requested()) continue;
            return failed("read from", errno);
        }
        if (got == 0) {
            if (done == 0) return false;
            return Error{.code = ErrorCode::io_failed, .message = "the log's socket ended within a frame"};
        }
        done += static_cast<std::size_t>(got);
    }
    return true;
}

}  // namespace

Result<FileHandle> listen_at(const fs::path& log) {
    sockaddr_un address;
    WEIR_ASSIGN(const auto folder, open_folder(log, address));
    const auto path = log / socket_name;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove", path, errno);
    WEIR_ASSIGN(auto socket, new_socket());
    constexpr int backlog = 64;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return io_error("make", path, errno);
    if (::listen(socket.get(), backlog) != 0) return io_error("listen at", path, errno);
    return socket;
}

Result<FileHandle> connect_to(const fs::path& log) {
    sockaddr_un address;
    WEIR_ASSIGN(const auto folder, open_folder(log, address));
    WEIR_ASSIGN(auto socket, new_socket());
    for (const int way : {SO_RCVTIMEO, SO_SNDTIMEO})
        if (::setsockopt(socket.get(), SOL_SOCKET, way, &answer_patience, sizeof(answer_patience)) != 0)
            return io_error("set up", what, errno);
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        if (errno == EINTR) continue;
        if (errno == ENOENT || errno == ECONNREFUSED)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("nobody listens at {}", (log / socket_name).string())};
        return io_error("connect to", log / socket_name, errno);
    }
    return socket;
}

Result<std::optional<std::string>> receive_frame(int fd) {
    std::uint32_t length = 0;
    char bytes[sizeof(length)];
    WEIR_ASSIGN(const bool more, receive(fd, bytes, sizeof(bytes)));
    if (!more) return std::optional<std::string>();
    std::memcpy(&length, bytes, sizeof(length));
    if (length == 0 || length > frame_bytes_max())
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("a frame of {} bytes; 1 to {} are taken", length, frame_bytes_max())};
    std::string body(length, '\0');
    WEIR_ASSIGN(const bool whole, receive(fd, body.data(), body.size()));
    if (!whole) return Error{.code = ErrorCode::io_failed, .message = "the log's socket ended within a frame"};
    return std::optional(std::move(body));
}

Status send_bytes(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR && !stop_requested()) continue;
            return failed("write to", errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return ok();
}

}  // namespace weir::source::log
