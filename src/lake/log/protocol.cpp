#include "lake/log/protocol.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::lake {
namespace {

constexpr std::array features{
    FeatureInfo{"appendOnly", true, true},
    FeatureInfo{"invariants", true, true},
    FeatureInfo{"checkConstraints", true, true},
    FeatureInfo{"generatedColumns", true, true},
    FeatureInfo{"identityColumns", true, true},
    FeatureInfo{"allowColumnDefaults", true, true},
    FeatureInfo{"changeDataFeed", true, true},
    FeatureInfo{"columnMapping", true, true},
    FeatureInfo{"deletionVectors", true, true},
    FeatureInfo{"timestampNtz", true, true},
    FeatureInfo{"v2Checkpoint", true, true},
    FeatureInfo{"vacuumProtocolCheck", true, true},
    FeatureInfo{"domainMetadata", true, true},
    FeatureInfo{"inCommitTimestamp", true, true},
    // Writer-only features whose duties we do not take on: reading is harmless.
    FeatureInfo{"rowTracking", true, false},
    FeatureInfo{"clustering", true, false},
    FeatureInfo{"icebergCompatV1", true, false},
    FeatureInfo{"icebergCompatV2", true, false},
    FeatureInfo{"icebergCompatV3", true, false},
    FeatureInfo{"materializePartitionColumns", true, false},
    FeatureInfo{"checkpointProtection", true, false},
};

const FeatureInfo* find_feature(std::string_view name) {
    const auto found = std::find_if(features.begin(), features.end(), [&](const auto& f) { return f.name == name; });
    return found == features.end() ? nullptr : &*found;
}

Error unsupported(std::string message, std::string hint) {
    return {.code = ErrorCode::table_unsupported, .message = std::move(message), .hint = std::move(hint)};
}

bool uses_ntz(const Type& type) {
    return type.kind == Type::Kind::timestamp_ntz ||
           std::any_of(type.fields.begin(), type.fields.end(), [](const Field& f) { return uses_ntz(f.type); });
}
bool uses_ntz(const Schema& schema) {
    return std::any_of(schema.fields.begin(), schema.fields.end(), [](const Field& f) { return uses_ntz(f.type); });
}

// Calls `visit` for every field, nested ones included, with its dotted path; stops at the first Error.
template <class Visit>
Status each_field(const std::vector<Field>& fields, const std::string& parent, const Visit& visit) {
    for (const auto& field : fields) {
        const auto path = parent.empty() ? field.name : parent + "." + field.name;
        WEIR_TRY(visit(field, path));
        WEIR_TRY(each_field(field.type.fields, path, visit));
    }
    return ok();
}

struct GatedKey {
    std::string_view key;
    std::string_view feature;
};
constexpr std::array gated_field_keys{
    GatedKey{"delta.invariants", "invariants"},
    GatedKey{"delta.generationExpression", "generatedColumns"},
    GatedKey{"delta.identity.start", "identityColumns"},
    GatedKey{"CURRENT_DEFAULT", "allowColumnDefaults"},
};

}  // namespace

std::span<const FeatureInfo> known_features() { return features; }

bool has_feature(const Protocol& protocol, std::string_view name) {
    const auto in = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
    return in(protocol.reader_features) || in(protocol.writer_features);
}

Status check_readable(const Protocol& protocol) {
    if (protocol.min_reader < 1 || protocol.min_reader > 3) {
        return unsupported(
            fmt::format("the table asks for reader version {}; weir reads versions 1 to 3", protocol.min_reader),
            "a newer weir may read it");
    }
    if (protocol.min_reader < 3) return ok();
    std::vector<std::string> missing;
    for (const auto& name : protocol.reader_features) {
        const auto* feature = find_feature(name);
        if (feature == nullptr || !feature->readable) missing.push_back(name);
    }
    if (missing.empty()) return ok();
    return unsupported(fmt::format("the table uses features that weir cannot read: {}", fmt::join(missing, ", ")),
                       "drop the feature in the program that wrote the table, or read the table there");
}

Status check_writable(const Protocol& protocol, const Metadata& metadata, const Schema& schema) {
    WEIR_TRY(check_readable(protocol));
    if (protocol.min_writer < 1 || protocol.min_writer > 7) {
        return unsupported(
            fmt::format("the table asks for writer version {}; weir writes versions 1 to 7", protocol.min_writer),
            "a newer weir may write it");
    }
    if (protocol.min_writer == 7) {
        std::vector<std::string> missing;
        for (const auto& name : protocol.writer_features) {
            const auto* feature = find_feature(name);
            if (feature == nullptr || !feature->writable) missing.push_back(name);
        }
        if (!missing.empty()) {
            return unsupported(
                fmt::format("the table uses features that weir cannot write: {}", fmt::join(missing, ", ")),
                "it can still be read; write it with the program that made it");
        }
    }
    const auto refuse = [](std::string_view feature, const std::string& what) {
        return unsupported(fmt::format("the table uses {}, which weir cannot write: {}", feature, what),
                           "it can still be read; write it with the program that made it");
    };
    WEIR_ASSIGN(const auto mapping, column_mapping(metadata));
    if (mapping != ColumnMapping::none)
        return refuse("columnMapping", "its columns have other names in the data files");
    for (const auto& [key, value] : metadata.configuration) {
        if (key.starts_with("delta.constraints."))
            return refuse("checkConstraints", fmt::format("{} = {}", key, value));
    }
    if (property_is_true(metadata, "delta.enableRowTracking"))
        return refuse("rowTracking", "delta.enableRowTracking = true");
    return each_field(schema.fields, "", [&](const Field& field, const std::string& path) -> Status {
        for (const auto& gated : gated_field_keys) {
            if (const auto value = field_metadata(field, gated.key))
                return refuse(gated.feature, fmt::format("column '{}' has {} = {}", path, gated.key, *value));
        }
        return ok();
    });
}

Result<ColumnMapping> column_mapping(const Metadata& metadata) {
    const auto mode = property(metadata, "delta.columnMapping.mode");
    if (!mode || *mode == "none") return ColumnMapping::none;
    if (*mode == "name") return ColumnMapping::name;
    if (*mode == "id") return ColumnMapping::id;
    return unsupported(fmt::format("the table has delta.columnMapping.mode = {}, which weir does not know", *mode), "");
}

Protocol protocol_for(const Schema& schema) {
    if (!uses_ntz(schema)) return {};
    return {.min_reader = 3, .min_writer = 7, .reader_features = {"timestampNtz"}, .writer_features = {"timestampNtz"}};
}

Protocol upgraded_for(const Protocol& current, const Schema& schema) {
    if (!uses_ntz(schema) || has_feature(current, "timestampNtz")) return current;
    Protocol upgraded = current;
    // A version number stands for a list of features; going to the list form must not lose one.
    if (current.min_writer < 7) {
        const std::array<std::pair<int, std::string_view>, 7> implied{{{2, "appendOnly"},
                                                                       {2, "invariants"},
                                                                       {3, "checkConstraints"},
                                                                       {4, "changeDataFeed"},
                                                                       {4, "generatedColumns"},
                                                                       {5, "columnMapping"},
                                                                       {6, "identityColumns"}}};
        for (const auto& [version, name] : implied) {
            if (current.min_writer >= version) upgraded.writer_features.emplace_back(name);
        }
    }
    if (current.min_reader == 2) upgraded.reader_features.emplace_back("columnMapping");
    upgraded.reader_features.emplace_back("timestampNtz");
    upgraded.writer_features.emplace_back("timestampNtz");
    upgraded.min_reader = 3;
    upgraded.min_writer = 7;
    return upgraded;
}

std::optional<std::string> property(const Metadata& metadata, std::string_view key) {
    const auto found = metadata.configuration.find(std::string(key));
    if (found == metadata.configuration.end()) return std::nullopt;
    return found->second;
}

bool property_is_true(const Metadata& metadata, std::string_view key) {
    const auto value = property(metadata, key);
    return value && equal_ignoring_case(*value, "true");
}

std::optional<std::int64_t> parse_interval_ms(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t ms;
    };
    constexpr std::array units{Unit{"week", 604'800'000}, Unit{"day", 86'400'000}, Unit{"hour", 3'600'000},
                               Unit{"minute", 60'000},    Unit{"second", 1000},    Unit{"millisecond", 1}};
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto begin = text.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        text.remove_prefix(begin);
        const auto end = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    if (!words.empty() && equal_ignoring_case(words.front(), "interval")) words.erase(words.begin());
    if (words.empty() || words.size() % 2 != 0) return std::nullopt;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        std::int64_t count = 0;
        const auto* end = words[i].data() + words[i].size();
        if (std::from_chars(words[i].data(), end, count).ptr != end || count < 0 || count > 1'000'000)
            return std::nullopt;
        auto name = words[i + 1];
        if (name.ends_with('s') || name.ends_with('S')) name.remove_suffix(1);
        const auto unit =
            std::find_if(units.begin(), units.end(), [&](const Unit& u) { return equal_ignoring_case(u.name, name); });
        if (unit == units.end()) return std::nullopt;
        total += count * unit->ms;
    }
    return total;
}

}  // namespace weir::lake
