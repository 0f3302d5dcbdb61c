#include "view/batch/kept_splits.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/sha256.h"

namespace weir::view {

NLOHMANN_JSON_SERIALIZE_ENUM(State::Kind, {{State::Kind::sums, "sums"},
                                           {State::Kind::values, "values"},
                                           {State::Kind::first, "first"},
                                           {State::Kind::sketch, "sketch"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StateColumn, name, type, expression, precision)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, kind, name, keys, values, sums, events, references, reads_whole_rows, columns,
                                   weighted, partial, merge, events_query)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ShownKey, column, state, expression)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TouchedKeys, columns, sources, unordered, order, why_not)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Split, states, finish, plain, rows, reads, shown_keys, touched, append_only,
                                   row_by_row, notes)

namespace {

constexpr std::size_t bytes_max = std::size_t{64} << 20;

// The file: a line with the hash of what follows, the fingerprint, the splits as JSON.
std::string body_of(const std::string& fingerprint, const Splits& splits) {
    return fingerprint + "\n" + nlohmann::json(splits).dump();
}

}  // namespace

Splits read_kept_splits(const std::filesystem::path& file, const std::string& fingerprint) {
    const auto read = read_file_if_there(file, bytes_max);
    if (!read || !*read) return {};
    const std::string_view text = **read;
    const auto line = text.find('\n');
    if (line == std::string_view::npos || text.substr(0, line) != sha256_hex(text.substr(line + 1))) return {};
    const auto body = text.substr(line + 1);
    if (!body.starts_with(fingerprint + "\n")) return {};
    try {
        return nlohmann::json::parse(body.substr(fingerprint.size() + 1)).get<Splits>();
    } catch (const nlohmann::json::exception&) {
        return {};
    }
}

Status keep_splits(const std::filesystem::path& file, const std::string& fingerprint, const Splits& splits) {
    const auto body = body_of(fingerprint, splits);
    return write_file_atomic(file, sha256_hex(body) + "\n" + body, false);
}

}  // namespace weir::view
