// Frames over the local socket of a log: made, found and waited for.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"

namespace weir::source::log {

// The socket LOG/socket, whatever length its path has. What a dead owner left there is replaced; only for the owner.
Result<FileHandle> listen_at(const fs::path& log);
// Fails with not_found where nobody listens.
Result<FileHandle> connect_to(const fs::path& log);

// One frame's body; nothing where the other side has ended. Fails with refused for a length above the limit.
Result<std::optional<std::string>> receive_frame(int fd);
Status send_bytes(int fd, std::string_view bytes);

}  // namespace weir::source::log
