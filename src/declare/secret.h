// Secrets are references: ${env:NAME} or ${file:path}. Their values are read when they are used, and never printed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::declare {

// Whether the whole text is one reference.
bool is_secret_reference(std::string_view text);
// Whether a reference stands anywhere in the text.
bool has_secret_reference(std::string_view text);

// The value. A relative file is relative to `root`; one line end at its end is dropped. Fails with secret_missing,
// naming the variable or the file, never a value.
Result<std::string> read_secret(std::string_view reference, const std::filesystem::path& root);

// Where the value is, if it is in a file.
std::optional<std::filesystem::path> secret_file(std::string_view reference, const std::filesystem::path& root);

}  // namespace weir::declare
