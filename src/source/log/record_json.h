// A record's bytes as JSON, for dumps of a topic and for contracts that name a record's headers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "source/log/batch.h"

namespace weir::source::log {

// "name": "text", or "name_base64": "…" for bytes that are no UTF-8, or "name": null.
void append_member(std::string_view name, std::optional<std::string_view> bytes, std::string& to);

// [{"name": "trace", "value": "7"}], in the record's order, each as append_member has it.
void append_headers(std::span<const RecordHeader> headers, std::string& to);

}  // namespace weir::source::log
