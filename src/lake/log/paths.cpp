#include "lake/log/paths.h"

#include <fmt/format.h>

#include <charconv>

#include "base/ascii.h"

namespace weir::lake {
namespace {

// Takes the digits at the front of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool is_scheme(std::string_view text) {
    if (text.size() < 2) return false;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
    }
    return true;
}

}  // namespace

std::optional<LogFile> parse_log_file(std::string_view name) {
    const auto version = take_number(name);
    if (!version) return std::nullopt;
    LogFile file{.kind = LogFile::Kind::commit, .version = TableVersion(*version)};
    if (name == ".json") return file;
    if (name == ".crc") {
        file.kind = LogFile::Kind::crc;
        return file;
    }
    if (take(name, ".checkpoint.")) {
        if (name == "parquet") {
            file.kind = LogFile::Kind::checkpoint;
            return file;
        }
        auto rest = name;
        if (const auto part = take_number(rest); part && take(rest, ".")) {
            const auto parts = take_number(rest);
            if (parts && rest == ".parquet" && *part >= 1 && *part <= *parts) {
                file.kind = LogFile::Kind::checkpoint_part;
                file.part = *part;
                file.parts = *parts;
                return file;
            }
        }
        const auto dot = name.find('.');
        if (dot != 36) return std::nullopt;  // a UUID's length
        file.kind = LogFile::Kind::checkpoint_v2;
        file.json = name.substr(dot) == ".json";
        if (file.json || name.substr(dot) == ".parquet") return file;
        return std::nullopt;
    }
    if (take(name, ".")) {
        if (take_number(name) && name == ".compacted.json") {
            file.kind = LogFile::Kind::compacted;
            return file;
        }
    }
    return std::nullopt;
}

std::string commit_path(TableVersion version) { return fmt::format("{}/{:020}.json", log_folder, version.get()); }

std::string checkpoint_path(TableVersion version) {
    return fmt::format("{}/{:020}.checkpoint.parquet", log_folder, version.get());
}

std::string log_path_before(TableVersion version) { return fmt::format("{}/{:020}", log_folder, version.get()); }

std::string uri_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
            decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

std::string uri_encode_path(std::string_view text) {
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || std::string_view("-_.!~*'()/=+&@,;$:").find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", byte);
        }
    }
    return encoded;
}

std::string hive_escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || std::string_view("\"#%'*/:=?\\{[]^").find(c) != std::string_view::npos) {
            escaped += fmt::format("%{:02X}", byte);
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::optional<DataPath> decode_data_path(std::string_view path) {
    auto decoded = uri_decode(path);
    const auto colon = path.find(':');
    if (colon != std::string_view::npos && path.find('/') > colon && is_scheme(path.substr(0, colon))) {
        if (path.substr(0, colon) != "file") return std::nullopt;
        std::string_view rest(decoded);
        rest.remove_prefix(5);
        // "file://host/…" has no meaning on a local disk; "file:///a" has an empty host.
        if (rest.starts_with("//")) rest.remove_prefix(2);
        if (!rest.starts_with('/')) return std::nullopt;
        return DataPath{std::string(rest), true};
    }
    if (decoded.starts_with('/')) return DataPath{std::move(decoded), true};
    return DataPath{std::move(decoded), false};
}

}  // namespace weir::lake
