// Whether we may read or write a table: its protocol against what we implement. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "lake/log/actions.h"
#include "lake/log/schema_json.h"

namespace weir::lake {

// What we know of one feature's name.
struct FeatureInfo {
    std::string_view name;
    bool readable;  // harmless to readers, or implemented
    bool writable;  // implemented, or proved inactive by check_writable
};
std::span<const FeatureInfo> known_features();

// Fails with table_unsupported, naming every feature that we lack.
Status check_readable(const Protocol& protocol);
// As above for writing; also refuses features that the metadata shows to be in use and that we do not implement.
Status check_writable(const Protocol& protocol, const Metadata& metadata, const Schema& schema);

bool has_feature(const Protocol& protocol, std::string_view name);
Result<ColumnMapping> column_mapping(const Metadata& metadata);

// The protocol that a new table with this schema needs.
Protocol protocol_for(const Schema& schema);
// The protocol that `current` must become so that the table can hold `schema`; equal to `current` if it can already.
Protocol upgraded_for(const Protocol& current, const Schema& schema);

// The value of a table property, or nothing.
std::optional<std::string> property(const Metadata& metadata, std::string_view key);
bool property_is_true(const Metadata& metadata, std::string_view key);
// "interval 7 days", "interval 1 week 2 hours" in milliseconds; nothing for what is not an interval.
std::optional<std::int64_t> parse_interval_ms(std::string_view text);

}  // namespace weir::lake
