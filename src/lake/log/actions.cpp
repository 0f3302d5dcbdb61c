#include "lake/log/actions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lake/damaged.h"
#include "lake/log/paths.h"

namespace weir::lake {
namespace {

using Json = nlohmann::json;
// Keeps our order of keys, which makes commits pleasant to read.
using OrderedJson = nlohmann::ordered_json;

// Reads the fields of one action and keeps the first complaint.
class FieldReader {
public:
    FieldReader(const Json& object, std::string_view action) : object_(object), action_(action) {}

    std::string required_text(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return complain(key, "is missing"), std::string();
        if (!value->is_string()) return complain(key, "is not a string"), std::string();
        return value->get_ref<const std::string&>();
    }
    std::optional<std::string> text(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (!value->is_string()) return complain(key, "is not a string"), std::nullopt;
        return value->get_ref<const std::string&>();
    }
    std::optional<std::int64_t> number(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
            return complain(key, "is too large"), std::nullopt;
        if (!value->is_number_integer()) return complain(key, "is not an integer"), std::nullopt;
        return value->get<std::int64_t>();
    }
    std::int64_t required_number(const char* key) {
        const auto value = number(key);
        if (!value) complain(key, "is missing");
        return value.value_or(0);
    }
    std::optional<bool> boolean(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (!value->is_boolean()) return complain(key, "is not true or false"), std::nullopt;
        return value->get<bool>();
    }
    std::vector<std::string> texts(const char* key) {
        std::vector<std::string> result;
        const Json* value = find(key);
        if (value == nullptr) return result;
        if (!value->is_array()) return complain(key, "is not a list"), result;
        for (const auto& item : *value) {
            if (!item.is_string()) return complain(key, "is not a list of strings"), result;
            result.push_back(item.get_ref<const std::string&>());
        }
        return result;
    }
    std::optional<std::map<std::string, std::string>> text_map(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return std::nullopt;
        std::map<std::string, std::string> result;
        if (!value->is_object()) return complain(key, "is not an object"), result;
        for (const auto& [name, item] : value->items()) {
            // Null values occur in tags; they say as much as a missing key.
            if (item.is_null()) continue;
            if (!item.is_string()) return complain(key, "has a value that is not a string"), result;
            result.emplace(name, item.get_ref<const std::string&>());
        }
        return result;
    }
    PartitionValues partition_values(const char* key) {
        PartitionValues result;
        const Json* value = find(key);
        if (value == nullptr) return result;
        if (!value->is_object()) return complain(key, "is not an object"), result;
        for (const auto& [name, item] : value->items()) {
            if (item.is_null()) {
                result.emplace(name, std::nullopt);
            } else if (item.is_string()) {
                result.emplace(name, item.get_ref<const std::string&>());
            } else {
                return complain(key, "has a value that is not a string"), result;
            }
        }
        return result;
    }
    std::optional<DeletionVectorRef> deletion_vector() {
        const Json* value = find("deletionVector");
        if (value == nullptr) return std::nullopt;
        if (!value->is_object()) return complain("deletionVector", "is not an object"), std::nullopt;
        FieldReader inner(*value, action_);
        DeletionVectorRef vector;
        vector.storage = inner.required_text("storageType");
        vector.path_or_inline = inner.required_text("pathOrInlineDv");
        vector.offset = inner.number("offset");
        vector.size_bytes = inner.required_number("sizeInBytes");
        vector.cardinality = inner.required_number("cardinality");
        if (problem_.empty()) problem_ = inner.problem_;
        return vector;
    }
    // The value's JSON text.
    std::string verbatim(const char* key, std::string fallback) {
        const Json* value = find(key);
        return value == nullptr ? fallback : value->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    const Json* find(const char* key) const {
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    void complain(const char* key, std::string_view what) {
        if (problem_.empty()) problem_ = fmt::format("{}.{} {}", action_, key, what);
    }
    const std::string& problem() const { return problem_; }

private:
    const Json& object_;
    std::string_view action_;
    std::string problem_;
};

CommitInfo read_commit_info(const Json& object) {
    // Every field is free-form: one of another type is somebody else's and no reason to refuse the commit.
    CommitInfo info;
    FieldReader fields(object, "commitInfo");
    info.timestamp_ms = fields.number("timestamp");
    info.in_commit_timestamp_ms = fields.number("inCommitTimestamp");
    info.operation = fields.text("operation").value_or("");
    info.txn_id = fields.text("txnId").value_or("");
    info.blind_append = fields.boolean("isBlindAppend");
    info.read_version = fields.number("readVersion");
    info.text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
    return info;
}

Protocol read_protocol(FieldReader& fields) {
    Protocol protocol;
    protocol.min_reader = static_cast<int>(fields.required_number("minReaderVersion"));
    protocol.min_writer = static_cast<int>(fields.required_number("minWriterVersion"));
    protocol.reader_features = fields.texts("readerFeatures");
    protocol.writer_features = fields.texts("writerFeatures");
    return protocol;
}

Metadata read_metadata(FieldReader& fields) {
    Metadata metadata;
    metadata.id = fields.text("id").value_or("");
    metadata.name = fields.text("name");
    metadata.description = fields.text("description");
    if (const Json* format = fields.find("format"); format != nullptr && format->is_object()) {
        FieldReader inner(*format, "metaData.format");
        const auto provider = inner.text("provider").value_or("parquet");
        if (provider != "parquet") fields.complain("format", "is not parquet");
        metadata.format_options = inner.verbatim("options", "{}");
    }
    metadata.schema_text = fields.required_text("schemaString");
    metadata.partition_columns = fields.texts("partitionColumns");
    metadata.configuration = fields.text_map("configuration").value_or(std::map<std::string, std::string>{});
    metadata.created_ms = fields.number("createdTime");
    return metadata;
}

AddFile read_add(FieldReader& fields) {
    AddFile add;
    add.path = fields.required_text("path");
    add.partition_values = fields.partition_values("partitionValues");
    add.size_bytes = fields.required_number("size");
    add.modified_ms = fields.number("modificationTime").value_or(0);
    add.data_change = fields.boolean("dataChange").value_or(true);
    add.stats = fields.text("stats");
    add.tags = fields.text_map("tags");
    add.deletion_vector = fields.deletion_vector();
    add.base_row_id = fields.number("baseRowId");
    add.default_row_commit_version = fields.number("defaultRowCommitVersion");
    add.clustering_provider = fields.text("clusteringProvider");
    return add;
}

RemoveFile read_remove(FieldReader& fields) {
    RemoveFile remove;
    remove.path = fields.required_text("path");
    remove.deleted_ms = fields.number("deletionTimestamp").value_or(0);
    remove.data_change = fields.boolean("dataChange").value_or(true);
    remove.partition_values = fields.partition_values("partitionValues");
    remove.size_bytes = fields.number("size");
    remove.deletion_vector = fields.deletion_vector();
    return remove;
}

SetTransaction read_txn(FieldReader& fields) {
    SetTransaction txn;
    txn.app_id = fields.required_text("appId");
    txn.version = fields.required_number("version");
    txn.updated_ms = fields.number("lastUpdated");
    return txn;
}

DomainMetadata read_domain(FieldReader& fields) {
    DomainMetadata domain;
    domain.domain = fields.required_text("domain");
    domain.configuration = fields.text("configuration").value_or("");
    domain.removed = fields.boolean("removed").value_or(false);
    return domain;
}

OrderedJson to_json(const PartitionValues& values) {
    OrderedJson object = OrderedJson::object();
    for (const auto& [name, value] : values) object[name] = value ? OrderedJson(*value) : OrderedJson(nullptr);
    return object;
}

OrderedJson to_json(const DeletionVectorRef& vector) {
    OrderedJson object{{"storageType", vector.storage}, {"pathOrInlineDv", vector.path_or_inline}};
    if (vector.offset) object["offset"] = *vector.offset;
    object["sizeInBytes"] = vector.size_bytes;
    object["cardinality"] = vector.cardinality;
    return object;
}

// Text that we keep verbatim was parsed once; what does not parse again was put in by our own caller.
OrderedJson parsed(const std::string& text) {
    auto value = OrderedJson::parse(text, nullptr, false);
    return value.is_discarded() ? OrderedJson::object() : value;
}

struct Print {
    OrderedJson operator()(const CommitInfo& info) const { return {{"commitInfo", parsed(info.text)}}; }
    OrderedJson operator()(const Protocol& protocol) const {
        OrderedJson object{{"minReaderVersion", protocol.min_reader}, {"minWriterVersion", protocol.min_writer}};
        if (protocol.min_reader >= 3) object["readerFeatures"] = protocol.reader_features;
        if (protocol.min_writer >= 7) object["writerFeatures"] = protocol.writer_features;
        return {{"protocol", std::move(object)}};
    }
    OrderedJson operator()(const Metadata& metadata) const {
        OrderedJson object{{"id", metadata.id}};
        if (metadata.name) object["name"] = *metadata.name;
        if (metadata.description) object["description"] = *metadata.description;
        object["format"] = {{"provider", "parquet"}, {"options", parsed(metadata.format_options)}};
        object["schemaString"] = metadata.schema_text;
        object["partitionColumns"] = metadata.partition_columns;
        object["configuration"] = metadata.configuration;
        if (metadata.created_ms) object["createdTime"] = *metadata.created_ms;
        return {{"metaData", std::move(object)}};
    }
    OrderedJson operator()(const AddFile& add) const {
        OrderedJson object{{"path", add.path},
                           {"partitionValues", to_json(add.partition_values)},
                           {"size", add.size_bytes},
                           {"modificationTime", add.modified_ms},
                           {"dataChange", add.data_change}};
        if (add.stats) object["stats"] = *add.stats;
        if (add.tags) object["tags"] = *add.tags;
        if (add.deletion_vector) object["deletionVector"] = to_json(*add.deletion_vector);
        if (add.base_row_id) object["baseRowId"] = *add.base_row_id;
        if (add.default_row_commit_version) object["defaultRowCommitVersion"] = *add.default_row_commit_version;
        if (add.clustering_provider) object["clusteringProvider"] = *add.clustering_provider;
        return {{"add", std::move(object)}};
    }
    OrderedJson operator()(const RemoveFile& remove) const {
        OrderedJson object{
            {"path", remove.path}, {"deletionTimestamp", remove.deleted_ms}, {"dataChange", remove.data_change}};
        // The extended fields stand together or not at all.
        object["extendedFileMetadata"] = remove.size_bytes.has_value();
        if (remove.size_bytes) {
            object["partitionValues"] = to_json(remove.partition_values);
            object["size"] = *remove.size_bytes;
        }
        if (remove.deletion_vector) object["deletionVector"] = to_json(*remove.deletion_vector);
        return {{"remove", std::move(object)}};
    }
    OrderedJson operator()(const SetTransaction& txn) const {
        OrderedJson object{{"appId", txn.app_id}, {"version", txn.version}};
        if (txn.updated_ms) object["lastUpdated"] = *txn.updated_ms;
        return {{"txn", std::move(object)}};
    }
    OrderedJson operator()(const DomainMetadata& domain) const {
        return {{"domainMetadata",
                 {{"domain", domain.domain}, {"configuration", domain.configuration}, {"removed", domain.removed}}}};
    }
};

}  // namespace

std::string DeletionVectorRef::unique_id() const {
    auto id = storage + path_or_inline;
    if (offset) id += fmt::format("@{}", *offset);
    return id;
}

Result<std::optional<Action>> parse_action(std::string_view line) {
    const auto json = Json::parse(line.begin(), line.end(), nullptr, false);
    if (json.is_discarded()) return damaged("is not valid JSON");
    if (!json.is_object()) return damaged("is not a JSON object");
    for (const auto& [kind, value] : json.items()) {
        if (value.is_null()) continue;
        const bool known = kind == "commitInfo" || kind == "protocol" || kind == "metaData" || kind == "add" ||
                           kind == "remove" || kind == "txn" || kind == "domainMetadata";
        if (!known) continue;
        if (!value.is_object()) return damaged(fmt::format("holds a {} that is not an object", kind));
        if (kind == "commitInfo") return std::optional<Action>(read_commit_info(value));
        FieldReader fields(value, kind);
        std::optional<Action> action;
        if (kind == "protocol") {
            action = read_protocol(fields);
        } else if (kind == "metaData") {
            action = read_metadata(fields);
        } else if (kind == "add") {
            action = read_add(fields);
        } else if (kind == "remove") {
            action = read_remove(fields);
        } else if (kind == "txn") {
            action = read_txn(fields);
        } else {
            action = read_domain(fields);
        }
        if (!fields.problem().empty()) return damaged(fmt::format("holds a bad action: {}", fields.problem()));
        return action;
    }
    return std::optional<Action>();
}

Result<std::vector<Action>> parse_commit(std::string_view content, const std::string& file) {
    std::vector<Action> actions;
    int number = 0;
    while (!content.empty()) {
        ++number;
        const auto end = content.find('\n');
        auto line = content.substr(0, end);
        content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto action = parse_action(line);
        if (!action) {
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("{}:{}: the line {}", file, number, action.error().message),
                         .hint = "put back an intact copy of this file; the data files are not touched by this"};
        }
        if (*action) actions.push_back(std::move(**action));
    }
    return actions;
}

std::string print_action(const Action& action) {
    return std::visit(Print{}, action).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

RemoveFile remove_of(const AddFile& add, std::int64_t now_ms, bool data_change) {
    return {.path = add.path,
            .deleted_ms = now_ms,
            .data_change = data_change,
            .partition_values = add.partition_values,
            .size_bytes = add.size_bytes,
            .deletion_vector = add.deletion_vector};
}

std::string file_key(std::string_view path, const std::optional<DeletionVectorRef>& deletion_vector) {
    auto decoded = decode_data_path(path);
    std::string key = decoded ? std::move(decoded->text) : std::string(path);
    if (deletion_vector) {
        key += '\0';
        key += deletion_vector->unique_id();
    }
    return key;
}

}  // namespace weir::lake
