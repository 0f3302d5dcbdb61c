// A table whose own files contradict the protocol.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace weir::lake {

inline Error damaged(std::string message) { return {.code = ErrorCode::table_damaged, .message = std::move(message)}; }

}  // namespace weir::lake
