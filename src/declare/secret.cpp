#include "declare/secret.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/file.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

constexpr std::string_view env_prefix = "${env:";
constexpr std::string_view file_prefix = "${file:";
constexpr std::size_t secret_bytes_max = 64 * 1024;

std::string_view inner(std::string_view reference, std::string_view prefix) {
    return reference.substr(prefix.size(), reference.size() - prefix.size() - 1);
}

}  // namespace

bool is_secret_reference(std::string_view text) {
    if (!text.ends_with('}') || text.find('}') != text.size() - 1) return false;
    if (text.starts_with(env_prefix)) return is_plain_name(inner(text, env_prefix));
    return text.starts_with(file_prefix) && text.size() > file_prefix.size() + 1;
}

bool has_secret_reference(std::string_view text) {
    return text.find(env_prefix) != std::string_view::npos || text.find(file_prefix) != std::string_view::npos;
}

std::optional<std::filesystem::path> secret_file(std::string_view reference, const std::filesystem::path& root) {
    if (!is_secret_reference(reference) || !reference.starts_with(file_prefix)) return std::nullopt;
    return root / std::filesystem::path(inner(reference, file_prefix));
}

Result<std::string> read_secret(std::string_view reference, const std::filesystem::path& root) {
    if (!is_secret_reference(reference))
        return Error{.code = ErrorCode::secret_missing,
                     .message = "a secret is given as a literal",
                     .hint = "write ${env:NAME} or ${file:path}, and keep the value there"};
    if (reference.starts_with(env_prefix)) {
        const std::string name(inner(reference, env_prefix));
        const char* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0')
            return Error{.code = ErrorCode::secret_missing,
                         .message = fmt::format("the environment variable {} is not set", name),
                         .hint = fmt::format("set it before weir starts: export {}=…", name)};
        return std::string(value);
    }
    const auto path = *secret_file(reference, root);
    auto content = read_file(path, secret_bytes_max);
    if (!content)
        return Error{
            .code = ErrorCode::secret_missing,
            .message = fmt::format("the secret file {} cannot be read: {}", path.string(), content.error().message),
            .hint = "create it, readable by the user who runs weir"};
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    if (content->empty())
        return Error{.code = ErrorCode::secret_missing,
                     .message = fmt::format("the secret file {} is empty", path.string())};
    return std::move(content).value();
}

}  // namespace weir::declare
