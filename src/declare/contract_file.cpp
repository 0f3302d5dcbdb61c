// contracts/*.odcs.yaml: Open Data Contract Standard v3.0 to v3.2. Each promise becomes a check on the column, a rule
// on rows, or a rule on the intake; what can be none of these is listed as documented only.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "declare/contract_draft.h"
#include "declare/contract_values.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

constexpr std::array sensitive{std::string_view("pii"),           std::string_view("personal"),
                               std::string_view("personal_data"), std::string_view("confidential"),
                               std::string_view("restricted"),    std::string_view("sensitive"),
                               std::string_view("secret")};

class ContractReader {
public:
    explicit ContractReader(ContractDraft& draft) : draft_(draft) {}

    void read(const YamlNode& root) {
        OptionReader reader(root, key_section(contract_files), draft_.file, draft_.problems);
        read_version(reader);
        if (const auto kind = reader.take<Text>("kind"); kind && kind->text != "DataContract")
            draft_.problems.error(kind->where, fmt::format("'kind' must be DataContract, not '{}'", kind->text));
        draft_.contract.id = reader.take_or("id", std::string{});
        draft_.contract.version = take_version_text(reader, root);
        draft_.contract.status = reader.take_or("status", std::string{});
        if (draft_.contract.status.empty() && draft_.version.known && draft_.version.number < 32 && root.is_map())
            draft_.problems.error(reader.where(), "the key 'status' is missing",
                                  "proposed, draft, active, deprecated or retired");
        if (const auto* description = reader.take_node("description"); description != nullptr && !description->is_map())
            draft_.problems.error(draft_.at(*description),
                                  fmt::format("'description' must be a map, not {}", describe(*description)),
                                  "write description: {purpose: …}");
        read_sla(reader);
        // Our keys may stand at the top as well as at the object.
        const auto* custom = reader.take_list("customProperties");
        read_schema(reader, custom);
        reader.ignore({"name", "tenant", "domain", "dataProduct", "servers", "slaDefaultElement", "team", "roles",
                       "support", "price", "tags", "authoritativeDefinitions", "contractCreatedTs", "context"});
        refuse_newer(root, {"context"});
        reader.finish(draft_.version.known);
    }

private:
    void read_version(OptionReader& reader) {
        const auto text = reader.take<Text>("apiVersion");
        if (!text) return;
        static const std::vector<std::string> known{"v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"};
        if (std::find(known.begin(), known.end(), text->text) != known.end()) {
            draft_.version.number = 30 + (text->text[3] - '0');
            return;
        }
        const bool newer =
            text->text.starts_with("v3.") && text->text.size() > 3 && text->text[3] >= '2' && text->text[3] <= '9';
        if (newer) {
            draft_.version = {32, false};
            draft_.problems.warning(text->where,
                                    fmt::format("apiVersion {} is newer than v3.2.0 and is read as v3.2.0", text->text),
                                    "unknown keys are told and ignored");
            return;
        }
        draft_.problems.error(text->where, fmt::format("apiVersion '{}' is not supported", text->text),
                              suggest(text->text, known));
    }

    std::string take_version_text(OptionReader& reader, const YamlNode& root) {
        auto text = reader.take_or("version", std::string{});
        const auto* node = root.find("version");
        double number = 0;
        if (node != nullptr && node->is_scalar() && node->style == YamlNode::Style::plain) {
            const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (failure == std::errc{} && end == text.data() + text.size())
                draft_.problems.error(draft_.at(*node),
                                      fmt::format("'version' is the number {}, and must be a text", text),
                                      fmt::format("write it in quotes: \"{}\"", text));
        }
        return text;
    }

    void refuse_newer(const YamlNode& map, std::initializer_list<std::string_view> keys) {
        if (draft_.version.number >= 32 || !draft_.version.known) return;
        for (const auto key : keys) {
            if (const auto* entry = map.entry(key))
                draft_.problems.error({draft_.file, entry->line, entry->column},
                                      fmt::format("the key '{}' needs apiVersion v3.2.0", key),
                                      "raise apiVersion, or remove the key");
        }
    }

    void read_sla(OptionReader& reader) {
        const auto* list = reader.take_list("slaProperties");
        if (list == nullptr) return;
        for (const auto& item : list->items) {
            const auto* property = item.find("property");
            const auto* value = item.find("value");
            if (property == nullptr || value == nullptr || !property->is_scalar() || !value->is_scalar()) {
                draft_.problems.error(draft_.at(item),
                                      "an SLA property needs 'property' and 'value', both single values",
                                      "for example {property: retention, value: 400, unit: d}");
                continue;
            }
            const auto name = lower(property->text);
            if (name != "retention" && name != "re") {
                draft_.note(item, fmt::format("slaProperties '{}'", property->text));
                continue;
            }
            const auto* unit = item.find("unit");
            const auto days = retention_days(value->text, unit == nullptr ? "d" : unit->text);
            if (!days) {
                draft_.problems.error(draft_.at(*value),
                                      fmt::format("'{}' '{}' is no retention", value->text, unit ? unit->text : "d"),
                                      "a whole number, with unit d, w, m (30 days) or y (365 days)");
            } else {
                draft_.contract.retention_days = *days;
            }
        }
    }

    void read_schema(OptionReader& reader, const YamlNode* custom) {
        const auto* list = reader.take_list("schema");
        if (list == nullptr) return;
        if (list->items.size() != 1) {
            draft_.problems.error(draft_.at(*list),
                                  fmt::format("the contract describes {} objects; one is expected", list->items.size()),
                                  "split it: one contract file for each table");
            if (list->items.empty()) return;
        }
        const auto& node = list->items.front();
        OptionReader object(node, key_section(contract_files, "schema[]"), draft_.file, draft_.problems);
        if (const auto type = object.take<Text>("logicalType"); type && type->text != "object")
            draft_.problems.error(type->where,
                                  fmt::format("the logicalType of a table is object, not '{}'", type->text));
        object.ignore({"name", "id", "physicalName", "physicalType", "businessName", "description",
                       "dataGranularityDescription", "tags", "authoritativeDefinitions", "deprecated", "synonyms"});
        refuse_newer(node, {"deprecated", "synonyms"});
        if (const auto* relationships = object.take_list("relationships")) draft_.note(*relationships, "relationships");
        if (const auto* properties = object.take_list("properties")) {
            for (const auto& property : properties->items) read_property(property);
            if (properties->items.empty()) draft_.problems.error(draft_.at(*properties), "the contract has no columns");
        }
        check_columns();
        if (custom != nullptr) read_table_keys(draft_, *custom);
        if (const auto* own = object.take_list("customProperties")) read_table_keys(draft_, *own);
        if (const auto* quality = object.take_list("quality")) {
            for (const auto& item : quality->items) read_quality(draft_, item, nullptr);
        }
        object.finish(draft_.version.known);
        default_deduplicate();
    }

    // ---- columns

    // `inside`: the unpacked column whose key this is.
    void read_property(const YamlNode& node, const std::string& inside = {}) {
        OptionReader reader(node, key_section(contract_files, "schema[].properties[]"), draft_.file, draft_.problems);
        ContractColumn column;
        column.where = draft_.at(node);
        column.inside = inside;
        if (const auto* outer = inside.empty() ? nullptr : draft_.find(inside))
            column.on_type_error = outer->on_type_error;
        if (const auto name = reader.take<Text>("name")) {
            column.name = name->text;
            column.where = name->where;
        }
        const bool key = reader.take_or("primaryKey", false);
        const auto position = reader.take_or("primaryKeyPosition", std::int64_t{-1});
        if (key) keys_.push_back({position, draft_.contract.columns.size()});
        if (!key && position > 0)
            draft_.problems.error(reader.where("primaryKeyPosition"),
                                  "'primaryKeyPosition' stands without primaryKey: true");
        column.required = reader.take_or("required", false);
        column.unique = reader.take_or("unique", false);
        column.description = reader.take_or("description", std::string{});
        column.classification = reader.take_or("classification", std::string{});
        column.pii = std::find(sensitive.begin(), sensitive.end(), lower(column.classification)) != sensitive.end();
        read_type(reader, column);
        if (const auto* list = reader.take_list("enum")) {
            for (const auto& item : list->items) {
                const auto* value = item.is_map() ? item.find("value") : nullptr;
                if (value == nullptr || !value->is_scalar()) {
                    draft_.problems.error(draft_.at(item), "an item of 'enum' needs a value", "write {value: …}");
                } else {
                    column.allowed.push_back(value->text);
                }
            }
        }
        refuse_newer(node, {"enum", "semanticType", "deprecated", "synonyms"});
        if (const auto* custom = reader.take_list("customProperties")) read_column_keys(draft_, *custom, column);
        if (column.logical_type == "object" || column.logical_type == "array" || column.logical_type == "map" ||
            column.logical_type == "vector") {
            if (!column.unpack && column.inside.empty())
                draft_.note(node, fmt::format("the inside of '{}' ({} is kept as JSON text)", column.name,
                                              column.logical_type));
        }
        if (const auto* inner = reader.take_node("items")) draft_.note(*inner, "items of an array");
        const auto* inner = reader.take_list("properties");
        if (inner != nullptr && !column.unpack) draft_.note(*inner, "properties of an object");
        if (const auto* relationships = reader.take_list("relationships")) draft_.note(*relationships, "relationships");
        const auto* quality = reader.take_list("quality");
        reader.ignore({"id", "physicalName", "partitioned", "partitionKeyPosition", "encryptedName",
                       "transformSourceObjects", "transformLogic", "transformDescription", "examples",
                       "criticalDataElement", "businessName", "tags", "authoritativeDefinitions", "semanticType",
                       "deprecated", "synonyms"});
        reader.finish(draft_.version.known);
        if (quality != nullptr) {
            for (const auto& item : quality->items) read_quality(draft_, item, &column);
        }
        check_values(node, column);
        const bool unpack = column.unpack;
        const auto name = column.name;
        draft_.contract.columns.push_back(std::move(column));
        if (!unpack) return;
        if (inner == nullptr || inner->items.empty())
            draft_.problems.error(draft_.at(node), fmt::format("'{}' is unpacked, and no column stands in it", name),
                                  "list its keys under properties");
        else
            for (const auto& property : inner->items) read_property(property, name);
    }

    void read_type(OptionReader& reader, ContractColumn& column) {
        static const std::vector<std::string> types{"string", "date",  "timestamp", "time", "integer", "number",
                                                    "object", "array", "boolean",   "map",  "vector"};
        const auto logical = reader.take<Text>("logicalType");
        column.logical_type = logical ? logical->text : "string";
        const auto* options_node = reader.take_map("logicalTypeOptions");
        if (logical && std::find(types.begin(), types.end(), logical->text) == types.end()) {
            auto hint = suggest(logical->text, types);
            if (logical->text == "decimal") hint = "write logicalType: number and physicalType: decimal(18,2)";
            if (logical->text == "int" || logical->text == "long" || logical->text == "bigint") hint = "write integer";
            if (logical->text == "float" || logical->text == "double") hint = "write number";
            if (logical->text == "datetime") hint = "write timestamp";
            if (hint.empty()) hint = fmt::format("one of: {}", fmt::join(types, ", "));
            draft_.problems.error(logical->where, fmt::format("'{}' is no logicalType", logical->text),
                                  std::move(hint));
            (void)reader.take<std::string>("physicalType");
            column.logical_type = "string";
            return;
        }
        if (logical && draft_.version.known && draft_.version.number == 30 &&
            (logical->text == "timestamp" || logical->text == "time"))
            draft_.problems.error(logical->where,
                                  fmt::format("the logicalType {} needs apiVersion v3.1.0", logical->text),
                                  "raise apiVersion, or write date with a format");
        if (logical && draft_.version.known && draft_.version.number < 32 &&
            (logical->text == "map" || logical->text == "vector"))
            draft_.problems.error(logical->where,
                                  fmt::format("the logicalType {} needs apiVersion v3.2.0", logical->text));
        if (!logical && options_node != nullptr && !options_node->entries.empty())
            draft_.problems.error(draft_.at(*options_node), "'logicalTypeOptions' stands without a logicalType",
                                  "add logicalType: string, or whatever fits");
        column.type = type_of(column.logical_type);
        const auto physical = reader.take<Text>("physicalType");
        static const YamlNode no_options;
        read_options(options_node == nullptr ? no_options : *options_node, column);
        if (physical && (column.logical_type == "number" || column.logical_type == "integer")) {
            const auto decimal = parse_decimal(physical->text);
            if (decimal.wanted && !decimal.type) {
                draft_.problems.error(physical->where,
                                      fmt::format("'{}' is no decimal that a table can hold", physical->text),
                                      "decimal(p,s) with 1 ≤ p ≤ 38 and 0 ≤ s ≤ p");
            } else if (decimal.type) {
                column.type = *decimal.type;
            }
        }
        if (physical && column.logical_type == "timestamp" && physical->text == "timestamp_ntz")
            column.type = Type::of(Type::Kind::timestamp_ntz);
    }

    static Type type_of(const std::string& logical) {
        using enum Type::Kind;
        if (logical == "date") return Type::of(date);
        if (logical == "timestamp") return Type::of(timestamp);
        if (logical == "integer") return Type::of(int64);
        if (logical == "number") return Type::of(float64);
        if (logical == "boolean") return Type::of(boolean);
        return Type::of(string);
    }

    void read_options(const YamlNode& node, ContractColumn& column) {
        if (node.entries.empty()) return;
        OptionReader reader(node, key_section(contract_files, "logicalTypeOptions"), draft_.file, draft_.problems);
        const auto& logical = column.logical_type;
        const bool text = logical == "string", number = logical == "integer" || logical == "number";
        const bool time = logical == "date" || logical == "timestamp" || logical == "time";
        const auto fits = [&](bool fitting, std::initializer_list<std::string_view> keys) {
            if (fitting) return;
            for (const auto key : keys) {
                if (const auto* entry = node.entry(key))
                    draft_.problems.error({draft_.file, entry->line, entry->column},
                                          fmt::format("'{}' does not fit the logicalType {}", key, logical));
            }
        };
        fits(text, {"minLength", "maxLength", "pattern"});
        fits(number, {"multipleOf"});
        fits(number || time, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"});
        fits(logical == "timestamp" || logical == "time", {"timezone", "defaultTimezone"});
        fits(logical == "object", {"minProperties", "maxProperties", "required"});
        fits(logical == "array", {"minItems", "maxItems", "uniqueItems"});
        fits(text || number || time, {"format"});
        column.min_length = reader.take<std::int64_t>("minLength");
        column.max_length = reader.take<std::int64_t>("maxLength");
        if (column.min_length && column.max_length && *column.min_length > *column.max_length)
            draft_.problems.error(reader.where("minLength"), "minLength is above maxLength");
        column.pattern = reader.take<std::string>("pattern");
        if (column.pattern) draft_.patterns.push_back({*column.pattern, reader.where("pattern")});
        column.minimum = reader.take<std::string>("minimum");
        column.maximum = reader.take<std::string>("maximum");
        column.multiple_of = reader.take<std::string>("multipleOf");
        read_exclusive(reader, "exclusiveMinimum", column.minimum, column.exclusive_minimum);
        read_exclusive(reader, "exclusiveMaximum", column.maximum, column.exclusive_maximum);
        if (const auto format = reader.take<Text>("format")) read_format(*format, node, column);
        (void)reader.take<bool>("timezone");
        if (const auto zone = reader.take<Text>("defaultTimezone");
            zone && zone->text != "UTC" && zone->text != "Etc/UTC")
            draft_.problems.error(zone->where, fmt::format("defaultTimezone '{}' is not supported", zone->text),
                                  "times without a zone are read as UTC");
        for (const auto* key : {"minProperties", "maxProperties", "required", "minItems", "maxItems", "uniqueItems"}) {
            if (const auto* option = reader.take_node(key)) draft_.note(*option, fmt::format("{} of {}", key, logical));
        }
        reader.finish(draft_.version.known);
    }

    // A bound of its own, or, in v3.0, a yes beside minimum or maximum.
    void read_exclusive(OptionReader& reader, std::string_view key, std::optional<std::string>& inclusive,
                        std::optional<std::string>& exclusive) {
        const auto text = reader.take<Text>(key);
        if (!text) return;
        if (text->text != "true" && text->text != "false") {
            exclusive = text->text;
            return;
        }
        if (draft_.version.known && draft_.version.number > 30) {
            draft_.problems.error(text->where, fmt::format("'{}' is a bound, not true or false, since v3.1.0", key),
                                  "write the bound itself");
        } else if (text->text == "true" && inclusive) {
            exclusive = std::exchange(inclusive, std::nullopt);
        }
    }

    void read_format(const Text& format, const YamlNode& node, ContractColumn& column) {
        using enum Type::Kind;
        if (column.logical_type == "string") {
            static const std::set<std::string, std::less<>> checked{"email", "uuid", "uri", "hostname", "ipv4", "ipv6"};
            if (checked.contains(format.text)) {
                column.format = format.text;
            } else {
                draft_.note(*node.find("format"), fmt::format("the string format '{}'", format.text));
            }
            return;
        }
        if (column.logical_type == "integer") {
            struct Width {
                std::string_view name;
                Type type;
                std::string_view low, high;
            };
            static const std::array<Width, 9> widths{{{"i8", Type::of(int8), "", ""},
                                                      {"i16", Type::of(int16), "", ""},
                                                      {"i32", Type::of(int32), "", ""},
                                                      {"i64", Type::of(int64), "", ""},
                                                      {"i128", Type::decimal(38, 0), "", ""},
                                                      {"u8", Type::of(int16), "0", "255"},
                                                      {"u16", Type::of(int32), "0", "65535"},
                                                      {"u32", Type::of(int64), "0", "4294967295"},
                                                      {"u64", Type::decimal(20, 0), "0", "18446744073709551615"}}};
            std::vector<std::string> names;
            for (const auto& width : widths) {
                names.emplace_back(width.name);
                if (width.name != format.text) continue;
                column.type = width.type;
                if (!width.low.empty() && !column.minimum && !column.exclusive_minimum) column.minimum = width.low;
                if (!width.high.empty() && !column.maximum && !column.exclusive_maximum) column.maximum = width.high;
                return;
            }
            draft_.problems.error(format.where, fmt::format("'{}' is no format of an integer", format.text),
                                  suggest(format.text, names));
            return;
        }
        if (column.logical_type == "number") {
            if (format.text == "f32") column.type = Type::of(float32);
            if (format.text != "f32" && format.text != "f64")
                draft_.problems.error(format.where, fmt::format("'{}' is no format of a number", format.text),
                                      "f32 or f64");
            return;
        }
        if (column.logical_type == "time") {
            draft_.note(*node.find("format"), "the format of a time (it is kept as text)");
            return;
        }
        column.format = format.text;
        // Before v3.1 a timestamp was a date with a time in its format.
        if (column.logical_type == "date" && format.text.find_first_of("HhmsS") != std::string::npos)
            column.type = Type::of(timestamp);
    }

    void check_values(const YamlNode& node, const ContractColumn& column) {
        const auto* options = node.find("logicalTypeOptions");
        for (const auto& [key, value] :
             {std::pair<std::string_view, const std::optional<std::string>&>{"minimum", column.minimum},
              {"maximum", column.maximum},
              {"exclusiveMinimum", column.exclusive_minimum},
              {"exclusiveMaximum", column.exclusive_maximum},
              {"multipleOf", column.multiple_of}}) {
            if (!value || column.logical_type == "time") continue;
            if (const auto wanted = unfit_value(column.type, *value); !wanted.empty()) {
                const auto* written = options == nullptr ? nullptr : options->find(key);
                draft_.problems.error(
                    written == nullptr ? draft_.at(node) : draft_.at(*written),
                    fmt::format("'{}' must be {} in column '{}', not '{}'", key, wanted, column.name, *value));
            }
        }
        if (column.multiple_of && unfit_value(column.type, *column.multiple_of).empty() &&
            std::strtod(column.multiple_of->c_str(), nullptr) <= 0)
            draft_.problems.error(draft_.at(node),
                                  fmt::format("'multipleOf' of column '{}' must be above 0", column.name));
        for (const auto& value : column.allowed) {
            if (const auto wanted = unfit_value(column.type, value); !wanted.empty())
                draft_.problems.error(column.where, fmt::format("'{}' is allowed in column '{}', but is not {}", value,
                                                                column.name, wanted));
        }
    }

    void check_columns() {
        std::map<std::string, const ContractColumn*> seen;
        for (const auto& column : draft_.contract.columns) {
            if (column.name.empty()) continue;
            if (const auto [first, added] = seen.emplace(lower(column.name), &column); !added)
                draft_.problems.error(
                    column.where, fmt::format("the column '{}' stands here twice", column.name),
                    fmt::format("the first one is on line {}; case does not matter", first->second->where.line));
            for (const auto reserved :
                 {arrival_column, file_column, line_column, ingested_column, extra_column, type_errors_column}) {
                if (lower(column.name).starts_with(reserved))
                    draft_.problems.error(column.where, fmt::format("the column name '{}' is reserved", column.name),
                                          fmt::format("weir adds {} itself; use another name", reserved));
            }
            if (column.name.find_first_of(" ,;{}()\n\t=\"") != std::string::npos || column.name.size() > 255)
                draft_.problems.error(
                    column.where, fmt::format("'{}' cannot name a column of a Delta table", column.name),
                    "use letters, digits and underscores; `rename` of a CSV source maps the header to it");
        }
        // Positions first, then the order of the file.
        std::stable_sort(keys_.begin(), keys_.end(), [](const Key& a, const Key& b) {
            const auto rank = [](std::int64_t p) { return p > 0 ? p : std::numeric_limits<std::int64_t>::max(); };
            return rank(a.position) < rank(b.position);
        });
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            auto& column = draft_.contract.columns[keys_[i].column];
            if (i > 0 && keys_[i].position > 0 && keys_[i].position == keys_[i - 1].position)
                draft_.problems.error(column.where,
                                      fmt::format("two columns have primaryKeyPosition {}", keys_[i].position));
            column.primary_key_position = static_cast<int>(i) + 1;
        }
    }

    void default_deduplicate() {
        if (draft_.deduplicate_given) return;
        for (int position = 1; position <= static_cast<int>(keys_.size()); ++position) {
            for (const auto& column : draft_.contract.columns) {
                if (column.primary_key_position == position) draft_.contract.deduplicate.columns.push_back(column.name);
            }
        }
        if (!draft_.contract.deduplicate.columns.empty()) draft_.contract.deduplicate.by = Deduplicate::By::columns;
    }

    struct Key {
        std::int64_t position;
        std::size_t column;
    };

    ContractDraft& draft_;
    std::vector<Key> keys_;
};

}  // namespace

Contract read_contract(const YamlNode& root, const std::string& file, const std::string& name, Problems& problems,
                       std::vector<SqlSnippet>& snippets) {
    ContractDraft draft{.file = file, .problems = problems, .snippets = snippets};
    draft.contract.name = name;
    draft.contract.where = {file, 1, 1};
    ContractReader(draft).read(root);
    for (const auto& pattern : draft.patterns)
        snippets.push_back({.kind = SqlSnippet::Kind::pattern,
                            .owner = name,
                            .title = "pattern",
                            .sql = pattern.text,
                            .column = {},
                            .file = file,
                            .node = [&] {
                                YamlNode node;
                                node.line = pattern.where.line;
                                node.column = pattern.where.column;
                                node.one_line = false;
                                return node;
                            }()});
    return std::move(draft.contract);
}

void read_contracts(Context& context) {
    constexpr std::string_view ending = ".odcs.yaml";
    for (const auto& path :
         context.list("contracts", std::string(ending), "contracts are files named NAME.odcs.yaml")) {
        const auto file = context.shown(path);
        auto name = path.filename().string();
        name.resize(name.size() - ending.size());
        const auto root = context.read_yaml(path);
        if (root) {
            context.project.contracts.push_back(read_contract(*root, file, name, context.problems, context.snippets));
        } else {
            Contract broken;
            broken.name = name;
            broken.where = {file};
            context.project.contracts.push_back(std::move(broken));
        }
    }
}

}  // namespace weir::declare
