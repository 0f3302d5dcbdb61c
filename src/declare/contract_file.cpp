// contracts/*.odcs.yaml: Open Data Contract Standard v3.0 to v3.2. Each promise becomes a check on the column, a rule
// on rows, or a rule on the intake; what can be none of these is listed as documented only.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "base/sha256.h"
#include "declare/context.h"
#include "declare/contract_values.h"
#include "declare/text.h"
#include "sql/database.h"

namespace weir::declare {
namespace {

constexpr std::string_view contract_files = "contracts/*.odcs.yaml";
constexpr std::array sensitive{std::string_view("pii"),           std::string_view("personal"),
                               std::string_view("personal_data"), std::string_view("confidential"),
                               std::string_view("restricted"),    std::string_view("sensitive"),
                               std::string_view("secret")};

// Which version of the standard a document is written in, as 30, 31, 32; newer ones are read as the newest known.
struct Version {
    int number = 31;
    bool known = true;
};

class ContractReader {
public:
    ContractReader(std::string file, std::string name, Problems& problems, std::vector<SqlSnippet>& snippets)
        : file_(std::move(file)), problems_(problems), snippets_(snippets) {
        contract_.name = std::move(name);
        contract_.where = {file_, 1, 1};
    }

    Contract read(const YamlNode& root) {
        OptionReader reader(root, key_section(contract_files), file_, problems_);
        read_version(reader);
        if (const auto kind = reader.take<Text>("kind"); kind && kind->text != "DataContract")
            problems_.error(kind->where, fmt::format("'kind' must be DataContract, not '{}'", kind->text));
        contract_.id = reader.take_or("id", std::string{});
        contract_.version = take_version_text(reader, root);
        contract_.status = reader.take_or("status", std::string{});
        if (contract_.status.empty() && version_.known && version_.number < 32 && root.is_map())
            problems_.error(reader.where(), "the key 'status' is missing",
                            "proposed, draft, active, deprecated or retired");
        if (const auto* description = reader.take_node("description"); description != nullptr && !description->is_map())
            problems_.error(at(*description),
                            fmt::format("'description' must be a map, not {}", describe(*description)),
                            "write description: {purpose: …}");
        read_sla(reader);
        // Our keys may stand at the top as well as at the object.
        const auto* custom = reader.take_list("customProperties");
        read_schema(reader, custom);
        reader.ignore({"name", "tenant", "domain", "dataProduct", "servers", "slaDefaultElement", "team", "roles",
                       "support", "price", "tags", "authoritativeDefinitions", "contractCreatedTs", "context"});
        refuse_newer(root, {"context"});
        reader.finish(version_.known);
        return std::move(contract_);
    }

private:
    Where at(const YamlNode& node) const { return {file_, node.line, node.column}; }

    void note(const YamlNode& node, std::string_view why) {
        contract_.not_enforced.push_back(fmt::format("{}:{}: {}", file_, node.line, why));
        problems_.warning(at(node), fmt::format("documented, not enforced: {}", why));
    }

    void read_version(OptionReader& reader) {
        const auto text = reader.take<Text>("apiVersion");
        if (!text) return;
        static const std::vector<std::string> known{"v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"};
        if (std::find(known.begin(), known.end(), text->text) != known.end()) {
            version_.number = 30 + (text->text[3] - '0');
            return;
        }
        const bool newer =
            text->text.starts_with("v3.") && text->text.size() > 3 && text->text[3] >= '2' && text->text[3] <= '9';
        if (newer) {
            version_ = {32, false};
            problems_.warning(text->where,
                              fmt::format("apiVersion {} is newer than v3.2.0 and is read as v3.2.0", text->text),
                              "unknown keys are told and ignored");
            return;
        }
        problems_.error(text->where, fmt::format("apiVersion '{}' is not supported", text->text),
                        suggest(text->text, known));
    }

    std::string take_version_text(OptionReader& reader, const YamlNode& root) {
        const auto text = reader.take_or("version", std::string{});
        const auto* node = root.find("version");
        double number = 0;
        if (node != nullptr && node->is_scalar() && node->style == YamlNode::Style::plain) {
            const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (failure == std::errc{} && end == text.data() + text.size())
                problems_.error(at(*node), fmt::format("'version' is the number {}, and must be a text", text),
                                fmt::format("write it in quotes: \"{}\"", text));
        }
        return text;
    }

    void refuse_newer(const YamlNode& map, std::initializer_list<std::string_view> keys) {
        if (version_.number >= 32 || !version_.known) return;
        for (const auto key : keys) {
            if (const auto* entry = map.entry(key))
                problems_.error({file_, entry->line, entry->column},
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
                problems_.error(at(item), "an SLA property needs 'property' and 'value', both single values",
                                "for example {property: retention, value: 400, unit: d}");
                continue;
            }
            const auto name = lower(property->text);
            if (name != "retention" && name != "re") {
                note(item, fmt::format("slaProperties '{}'", property->text));
                continue;
            }
            const auto* unit = item.find("unit");
            const auto days = retention_days(value->text, unit == nullptr ? "d" : unit->text);
            if (!days) {
                problems_.error(at(*value),
                                fmt::format("'{}' '{}' is no retention", value->text, unit ? unit->text : "d"),
                                "a whole number, with unit d, w, m (30 days) or y (365 days)");
            } else {
                contract_.retention_days = *days;
            }
        }
    }

    void read_schema(OptionReader& reader, const YamlNode* custom) {
        const auto* list = reader.take_list("schema");
        if (list == nullptr) return;
        if (list->items.size() != 1) {
            problems_.error(at(*list),
                            fmt::format("the contract describes {} objects; one is expected", list->items.size()),
                            "split it: one contract file for each table");
            if (list->items.empty()) return;
        }
        const auto& node = list->items.front();
        OptionReader object(node, key_section(contract_files, "schema[]"), file_, problems_);
        if (const auto type = object.take<Text>("logicalType"); type && type->text != "object")
            problems_.error(type->where, fmt::format("the logicalType of a table is object, not '{}'", type->text));
        object.ignore({"name", "id", "physicalName", "physicalType", "businessName", "description",
                       "dataGranularityDescription", "tags", "authoritativeDefinitions", "deprecated", "synonyms"});
        refuse_newer(node, {"deprecated", "synonyms"});
        if (const auto* relationships = object.take_list("relationships")) note(*relationships, "relationships");
        if (const auto* properties = object.take_list("properties")) {
            for (const auto& property : properties->items) read_property(property);
            if (properties->items.empty()) problems_.error(at(*properties), "the contract has no columns");
        }
        check_columns();
        if (custom != nullptr) read_table_keys(*custom);
        if (const auto* own = object.take_list("customProperties")) read_table_keys(*own);
        if (const auto* quality = object.take_list("quality")) {
            for (const auto& item : quality->items) read_quality(item, nullptr);
        }
        object.finish(version_.known);
        default_deduplicate();
    }

    // ---- columns

    // `inside`: the unpacked column whose key this is.
    void read_property(const YamlNode& node, const std::string& inside = {}) {
        OptionReader reader(node, key_section(contract_files, "schema[].properties[]"), file_, problems_);
        ContractColumn column;
        column.where = at(node);
        column.inside = inside;
        if (const auto* outer = inside.empty() ? nullptr : find(inside)) column.on_type_error = outer->on_type_error;
        if (const auto name = reader.take<Text>("name")) {
            column.name = name->text;
            column.where = name->where;
        }
        const bool key = reader.take_or("primaryKey", false);
        const auto position = reader.take_or("primaryKeyPosition", std::int64_t{-1});
        if (key) keys_.push_back({position, contract_.columns.size()});
        if (!key && position > 0)
            problems_.error(reader.where("primaryKeyPosition"), "'primaryKeyPosition' stands without primaryKey: true");
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
                    problems_.error(at(item), "an item of 'enum' needs a value", "write {value: …}");
                } else {
                    column.allowed.push_back(value->text);
                }
            }
        }
        refuse_newer(node, {"enum", "semanticType", "deprecated", "synonyms"});
        if (const auto* custom = reader.take_list("customProperties")) read_column_keys(*custom, column);
        if (column.logical_type == "object" || column.logical_type == "array" || column.logical_type == "map" ||
            column.logical_type == "vector") {
            if (!column.unpack && column.inside.empty())
                note(node,
                     fmt::format("the inside of '{}' ({} is kept as JSON text)", column.name, column.logical_type));
        }
        if (const auto* inner = reader.take_node("items")) note(*inner, "items of an array");
        const auto* inner = reader.take_list("properties");
        if (inner != nullptr && !column.unpack) note(*inner, "properties of an object");
        if (const auto* relationships = reader.take_list("relationships")) note(*relationships, "relationships");
        const auto* quality = reader.take_list("quality");
        reader.ignore({"id", "physicalName", "partitioned", "partitionKeyPosition", "encryptedName",
                       "transformSourceObjects", "transformLogic", "transformDescription", "examples",
                       "criticalDataElement", "businessName", "tags", "authoritativeDefinitions", "semanticType",
                       "deprecated", "synonyms"});
        reader.finish(version_.known);
        if (quality != nullptr) {
            for (const auto& item : quality->items) read_quality(item, &column);
        }
        check_values(node, column);
        const bool unpack = column.unpack;
        const auto name = column.name;
        contract_.columns.push_back(std::move(column));
        if (!unpack) return;
        if (inner == nullptr || inner->items.empty())
            problems_.error(at(node), fmt::format("'{}' is unpacked, and no column stands in it", name),
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
            problems_.error(logical->where, fmt::format("'{}' is no logicalType", logical->text), std::move(hint));
            (void)reader.take<std::string>("physicalType");
            column.logical_type = "string";
            return;
        }
        if (logical && version_.known && version_.number == 30 &&
            (logical->text == "timestamp" || logical->text == "time"))
            problems_.error(logical->where, fmt::format("the logicalType {} needs apiVersion v3.1.0", logical->text),
                            "raise apiVersion, or write date with a format");
        if (logical && version_.known && version_.number < 32 && (logical->text == "map" || logical->text == "vector"))
            problems_.error(logical->where, fmt::format("the logicalType {} needs apiVersion v3.2.0", logical->text));
        if (!logical && options_node != nullptr && !options_node->entries.empty())
            problems_.error(at(*options_node), "'logicalTypeOptions' stands without a logicalType",
                            "add logicalType: string, or whatever fits");
        column.type = type_of(column.logical_type);
        const auto physical = reader.take<Text>("physicalType");
        static const YamlNode no_options;
        read_options(options_node == nullptr ? no_options : *options_node, column);
        if (physical && (column.logical_type == "number" || column.logical_type == "integer")) {
            const auto decimal = parse_decimal(physical->text);
            if (decimal.wanted && !decimal.type) {
                problems_.error(physical->where,
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
        OptionReader reader(node, key_section(contract_files, "logicalTypeOptions"), file_, problems_);
        const auto& logical = column.logical_type;
        const bool text = logical == "string", number = logical == "integer" || logical == "number";
        const bool time = logical == "date" || logical == "timestamp" || logical == "time";
        const auto fits = [&](bool fitting, std::initializer_list<std::string_view> keys) {
            if (fitting) return;
            for (const auto key : keys) {
                if (const auto* entry = node.entry(key))
                    problems_.error({file_, entry->line, entry->column},
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
            problems_.error(reader.where("minLength"), "minLength is above maxLength");
        column.pattern = reader.take<std::string>("pattern");
        if (column.pattern) patterns_.push_back({*column.pattern, reader.where("pattern")});
        column.minimum = reader.take<std::string>("minimum");
        column.maximum = reader.take<std::string>("maximum");
        column.multiple_of = reader.take<std::string>("multipleOf");
        read_exclusive(reader, "exclusiveMinimum", column.minimum, column.exclusive_minimum);
        read_exclusive(reader, "exclusiveMaximum", column.maximum, column.exclusive_maximum);
        if (const auto format = reader.take<Text>("format")) read_format(*format, node, column);
        (void)reader.take<bool>("timezone");
        if (const auto zone = reader.take<Text>("defaultTimezone");
            zone && zone->text != "UTC" && zone->text != "Etc/UTC")
            problems_.error(zone->where, fmt::format("defaultTimezone '{}' is not supported", zone->text),
                            "times without a zone are read as UTC");
        for (const auto* key : {"minProperties", "maxProperties", "required", "minItems", "maxItems", "uniqueItems"}) {
            if (const auto* option = reader.take_node(key)) note(*option, fmt::format("{} of {}", key, logical));
        }
        reader.finish(version_.known);
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
        if (version_.known && version_.number > 30) {
            problems_.error(text->where, fmt::format("'{}' is a bound, not true or false, since v3.1.0", key),
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
                note(*node.find("format"), fmt::format("the string format '{}'", format.text));
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
            problems_.error(format.where, fmt::format("'{}' is no format of an integer", format.text),
                            suggest(format.text, names));
            return;
        }
        if (column.logical_type == "number") {
            if (format.text == "f32") column.type = Type::of(float32);
            if (format.text != "f32" && format.text != "f64")
                problems_.error(format.where, fmt::format("'{}' is no format of a number", format.text), "f32 or f64");
            return;
        }
        if (column.logical_type == "time") {
            note(*node.find("format"), "the format of a time (it is kept as text)");
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
                problems_.error(
                    written == nullptr ? at(node) : at(*written),
                    fmt::format("'{}' must be {} in column '{}', not '{}'", key, wanted, column.name, *value));
            }
        }
        if (column.multiple_of && unfit_value(column.type, *column.multiple_of).empty() &&
            std::strtod(column.multiple_of->c_str(), nullptr) <= 0)
            problems_.error(at(node), fmt::format("'multipleOf' of column '{}' must be above 0", column.name));
        for (const auto& value : column.allowed) {
            if (const auto wanted = unfit_value(column.type, value); !wanted.empty())
                problems_.error(column.where, fmt::format("'{}' is allowed in column '{}', but is not {}", value,
                                                          column.name, wanted));
        }
    }

    void check_columns() {
        std::map<std::string, const ContractColumn*> seen;
        for (const auto& column : contract_.columns) {
            if (column.name.empty()) continue;
            if (const auto [first, added] = seen.emplace(lower(column.name), &column); !added)
                problems_.error(
                    column.where, fmt::format("the column '{}' stands here twice", column.name),
                    fmt::format("the first one is on line {}; case does not matter", first->second->where.line));
            for (const auto reserved :
                 {arrival_column, file_column, line_column, ingested_column, extra_column, type_errors_column}) {
                if (lower(column.name).starts_with(reserved))
                    problems_.error(column.where, fmt::format("the column name '{}' is reserved", column.name),
                                    fmt::format("weir adds {} itself; use another name", reserved));
            }
            if (column.name.find_first_of(" ,;{}()\n\t=\"") != std::string::npos || column.name.size() > 255)
                problems_.error(column.where, fmt::format("'{}' cannot name a column of a Delta table", column.name),
                                "use letters, digits and underscores; `rename` of a CSV source maps the header to it");
        }
        // Positions first, then the order of the file.
        std::stable_sort(keys_.begin(), keys_.end(), [](const Key& a, const Key& b) {
            const auto rank = [](std::int64_t p) { return p > 0 ? p : std::numeric_limits<std::int64_t>::max(); };
            return rank(a.position) < rank(b.position);
        });
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            auto& column = contract_.columns[keys_[i].column];
            if (i > 0 && keys_[i].position > 0 && keys_[i].position == keys_[i - 1].position)
                problems_.error(column.where, fmt::format("two columns have primaryKeyPosition {}", keys_[i].position));
            column.primary_key_position = static_cast<int>(i) + 1;
        }
    }

    const ContractColumn* find(std::string_view name) const {
        for (const auto& column : contract_.columns) {
            if (equal_ignoring_case(column.name, name)) return &column;
        }
        return nullptr;
    }

    std::vector<std::string> column_names() const {
        std::vector<std::string> names;
        for (const auto& column : contract_.columns) names.push_back(column.name);
        return names;
    }

    bool check_column_name(const std::string& name, const Where& where) {
        if (find(name) != nullptr) return true;
        auto hint = suggest(name, column_names());
        problems_.error(where, fmt::format("the contract has no column '{}'", name), std::move(hint));
        return false;
    }

    // ---- our own keys

    struct Custom {
        std::string name;
        const YamlNode* value = nullptr;
        const YamlNode* item = nullptr;
    };

    std::vector<Custom> custom_properties(const YamlNode& list, const KeySection& ours) {
        std::vector<Custom> result;
        const auto names = ours.names();
        for (const auto& item : list.items) {
            const auto* property = item.is_map() ? item.find("property") : nullptr;
            const auto* value = item.is_map() ? item.find("value") : nullptr;
            if (property == nullptr || !property->is_scalar() || value == nullptr) {
                problems_.error(at(item), "a custom property is written {property: NAME, value: …}");
                continue;
            }
            if (ours.find(property->text) != nullptr) {
                result.push_back({property->text, value, &item});
            } else if (const auto close = nearest(property->text, names); !close.empty()) {
                problems_.warning(at(*property),
                                  fmt::format("the custom property '{}' is not ours and is ignored", property->text),
                                  fmt::format("did you mean '{}'?", close));
            }
        }
        return result;
    }

    template <class E, std::size_t N>
    std::optional<E> choice(const Custom& custom, const std::array<std::pair<std::string_view, E>, N>& choices) {
        std::vector<std::string> names;
        for (const auto& [name, value] : choices) {
            // YAML reads a bare null as nothing; here it is a word.
            if (custom.value->text == name || (custom.value->is_null() && name == "null")) return value;
            names.emplace_back(name);
        }
        problems_.error(at(*custom.value),
                        fmt::format("{} is not a value of '{}'", describe(*custom.value), custom.name),
                        suggest(custom.value->text, names));
        return std::nullopt;
    }

    void read_table_keys(const YamlNode& list) {
        for (const auto& custom : custom_properties(list, key_section(contract_files, "schema[].customProperties"))) {
            if (custom.name == "unknownColumns") {
                static constexpr std::array<std::pair<std::string_view, UnknownColumns>, 3> choices{
                    {{"keep", UnknownColumns::keep},
                     {"drop", UnknownColumns::drop},
                     {"refuse", UnknownColumns::refuse}}};
                contract_.unknown_columns = choice(custom, choices).value_or(contract_.unknown_columns);
            } else if (custom.name == "quarantineLimit") {
                double percent = 0;
                const auto& text = custom.value->text;
                const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), percent);
                if (!custom.value->is_scalar() || failure != std::errc{} || end != text.data() + text.size() ||
                    !(percent >= 0 && percent <= 100)) {
                    problems_.error(at(*custom.value),
                                    fmt::format("'quarantineLimit' must be a number from 0 to 100, not {}",
                                                describe(*custom.value)),
                                    "it is a share in percent");
                } else {
                    contract_.quarantine_limit_percent = percent;
                }
            } else if (custom.name == "deduplicate") {
                read_deduplicate(*custom.value);
            } else if (custom.name == "rowRules") {
                read_row_rules(*custom.value);
            } else if (custom.name == "brokenRules") {
                static constexpr std::array<std::pair<std::string_view, bool>, 2> choices{
                    {{"all", false}, {"first", true}}};
                contract_.first_rule_only = choice(custom, choices).value_or(false);
            } else if (custom.name == "unreadableRule") {
                contract_.unreadable_rule = custom.value->text;
                if (custom.value->text.empty()) problems_.error(at(*custom.value), "'unreadableRule' is empty");
            }
        }
    }

    void read_deduplicate(const YamlNode& value) {
        contract_.deduplicate.where = at(value);
        deduplicate_given_ = true;
        const auto* by = &value;
        if (value.is_map()) {
            by = value.find("by");
            const auto* expression = value.find("sql");
            for (const auto& entry : value.entries) {
                if (entry.key != "by" && entry.key != "horizonDays" && entry.key != "sql")
                    problems_.error({file_, entry.line, entry.column},
                                    fmt::format("unknown key '{}' in deduplicate", entry.key),
                                    suggest(entry.key, std::vector<std::string>{"by", "sql", "horizonDays"}));
            }
            if (by != nullptr && expression != nullptr)
                problems_.error(at(*expression), "'deduplicate' has both 'by' and 'sql'", "remove one of them");
            if (const auto* horizon = value.find("horizonDays")) {
                int days = 0;
                const auto& text = horizon->text;
                const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), days);
                if (failure != std::errc{} || end != text.data() + text.size() || days < 1) {
                    problems_.error(at(*horizon), fmt::format("'horizonDays' must be a whole number from 1, not {}",
                                                              describe(*horizon)));
                } else {
                    contract_.deduplicate.horizon_days = days;
                }
            }
            if (by == nullptr && expression != nullptr) {
                contract_.deduplicate.by = Deduplicate::By::expression;
                contract_.deduplicate.sql = expression->text;
                snippets_.push_back({.kind = SqlSnippet::Kind::value,
                                     .owner = contract_.name,
                                     .title = "the key of 'deduplicate'",
                                     .sql = expression->text,
                                     .file = file_,
                                     .node = *expression});
                return;
            }
            if (by == nullptr) {
                deduplicate_given_ = false;
                return;
            }
        }
        if (by->is_sequence()) {
            contract_.deduplicate.by = Deduplicate::By::columns;
            for (const auto& item : by->items) {
                if (check_column_name(item.text, at(item)))
                    contract_.deduplicate.columns.push_back(find(item.text)->name);
            }
            if (by->items.empty())
                problems_.error(at(*by), "'deduplicate' names no column", "write none, row, or a list of columns");
        } else if (by->text == "row") {
            contract_.deduplicate.by = Deduplicate::By::row;
        } else if (by->text == "none" && by->is_scalar()) {
            contract_.deduplicate.by = Deduplicate::By::nothing;
        } else {
            problems_.error(at(*by), fmt::format("{} is not a value of 'deduplicate'", describe(*by)),
                            "write none, row, or a list of columns");
        }
    }

    void default_deduplicate() {
        if (deduplicate_given_) return;
        for (int position = 1; position <= static_cast<int>(keys_.size()); ++position) {
            for (const auto& column : contract_.columns) {
                if (column.primary_key_position == position) contract_.deduplicate.columns.push_back(column.name);
            }
        }
        if (!contract_.deduplicate.columns.empty()) contract_.deduplicate.by = Deduplicate::By::columns;
    }

    void read_row_rules(const YamlNode& value) {
        if (!value.is_sequence()) {
            problems_.error(at(value), fmt::format("'rowRules' must be a list, not {}", describe(value)),
                            "write - {id: …, sql: …}");
            return;
        }
        static const std::vector<std::string> names{"id", "sql", "column", "description", "rule"};
        for (const auto& item : value.items) {
            const auto* id = item.find("id");
            const auto* sql = item.find("sql");
            if (!item.is_map() || id == nullptr || sql == nullptr || !id->is_scalar() || !sql->is_scalar()) {
                problems_.error(at(item), "a row rule needs 'id' and 'sql'",
                                "write {id: positive_price, sql: price > 0}");
                continue;
            }
            for (const auto& entry : item.entries) {
                if (std::find(names.begin(), names.end(), entry.key) == names.end())
                    problems_.error({file_, entry.line, entry.column},
                                    fmt::format("unknown key '{}' in a row rule", entry.key),
                                    suggest(entry.key, names));
            }
            RowRule rule;
            rule.id = id->text;
            rule.rule = id->text;
            if (const auto* shared = item.find("rule"); shared != nullptr && !shared->text.empty())
                rule.rule = shared->text;
            rule.sql = sql->text;
            rule.where = {file_, sql->text_line, sql->text_column};
            if (const auto* column = item.find("column")) {
                if (check_column_name(column->text, at(*column))) rule.column = find(column->text)->name;
            }
            if (const auto* description = item.find("description")) rule.description = description->text;
            check_rule_id(rule.id, at(*id));
            snippets_.push_back({.kind = SqlSnippet::Kind::row_rule,
                                 .owner = contract_.name,
                                 .title = fmt::format("row rule '{}'", rule.id),
                                 .sql = rule.sql,
                                 .file = file_,
                                 .node = *sql});
            contract_.row_rules.push_back(std::move(rule));
        }
    }

    void check_rule_id(const std::string& id, const Where& where) {
        if (id.empty()) {
            problems_.error(where, "a rule's id is empty");
        } else if (!rule_ids_.insert(lower(id)).second) {
            problems_.error(where, fmt::format("the rule id '{}' stands here twice", id));
        }
    }

    void read_column_keys(const YamlNode& list, ContractColumn& column) {
        for (const auto& custom :
             custom_properties(list, key_section(contract_files, "schema[].properties[].customProperties"))) {
            if (custom.name == "onTypeError") {
                static constexpr std::array<std::pair<std::string_view, OnTypeError>, 2> choices{
                    {{"quarantine", OnTypeError::quarantine}, {"null", OnTypeError::null}}};
                column.on_type_error = choice(custom, choices).value_or(column.on_type_error);
            } else if (custom.name == "severity") {
                static constexpr std::array<std::pair<std::string_view, bool>, 2> choices{
                    {{"error", false}, {"warning", true}}};
                column.warn_only = choice(custom, choices).value_or(false);
            } else if (custom.name == "missingValues") {
                if (!custom.value->is_sequence()) {
                    problems_.error(at(*custom.value),
                                    fmt::format("'missingValues' must be a list, not {}", describe(*custom.value)));
                    continue;
                }
                for (const auto& item : custom.value->items) column.missing.push_back(item.text);
            } else if (custom.name == "masking") {
                read_masking(custom, column);
            } else if (custom.name == "unpack") {
                read_unpack(custom, column);
            } else if (custom.name == "derived" || custom.name == "fallback") {
                (custom.name == "derived" ? column.derived : column.fallback) = custom.value->text;
                column.sql_where = {file_, custom.value->text_line, custom.value->text_column};
                snippets_.push_back({.kind = SqlSnippet::Kind::value,
                                     .owner = contract_.name,
                                     .title = fmt::format("'{}' of column '{}'", custom.name, column.name),
                                     .sql = custom.value->text,
                                     .column = to_duckdb(column.type),
                                     .file = file_,
                                     .node = *custom.value});
            }
        }
        if (!column.derived.empty() && (!column.fallback.empty() || column.unpack || !column.inside.empty()))
            problems_.error(column.where, fmt::format("column '{}' is derived, and also read", column.name),
                            "a derived column stands by itself: take away fallback and unpack, and put it outside the "
                            "unpacked object");
        if (column.on_type_error == OnTypeError::null && column.required)
            problems_.warning(
                column.where,
                fmt::format("column '{}' is required, and a value of the wrong type becomes NULL", column.name),
                "such a row goes to quarantine as 'required'");
    }

    void read_unpack(const Custom& custom, ContractColumn& column) {
        static constexpr std::array<std::pair<std::string_view, bool>, 2> choices{{{"true", true}, {"false", false}}};
        column.unpack = choice(custom, choices).value_or(false);
        if (!column.unpack) return;
        if (column.logical_type != "object")
            problems_.error(at(*custom.value),
                            fmt::format("only an object is unpacked, and '{}' is {}", column.name, column.logical_type),
                            "write logicalType: object");
        else if (!column.inside.empty())
            problems_.error(at(*custom.value), "an object inside an unpacked object is not unpacked",
                            "a view can take it apart");
        const bool another = std::any_of(contract_.columns.begin(), contract_.columns.end(),
                                         [](const ContractColumn& known) { return known.unpack; });
        if (another) problems_.error(at(*custom.value), "two columns are unpacked", "unpack one of them");
    }

    void read_masking(const Custom& custom, ContractColumn& column) {
        Custom method = custom;
        const YamlNode* key = nullptr;
        if (custom.value->is_map()) {
            for (const auto& entry : custom.value->entries) {
                if (entry.key == "method") method.value = &entry.value;
                if (entry.key == "key") key = &entry.value;
                if (entry.key != "method" && entry.key != "key")
                    problems_.error({file_, entry.line, entry.column},
                                    fmt::format("unknown key '{}' in masking", entry.key),
                                    suggest(entry.key, std::vector<std::string>{"method", "key"}));
            }
        }
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> choices{
            {{"drop", "drop"}, {"null", "null"}, {"hash", "hash"}, {"hmac-sha256", "hmac-sha256"}}};
        const auto chosen = choice(method, choices);
        if (!chosen) return;
        column.masking = *chosen;
        if (key != nullptr) {
            static const KeySection section{
                contract_files, "masking", "", {{"method", "", "", ""}, {"key", "", "", ""}}};
            OptionReader reader(*custom.value, section, file_, problems_);
            if (const auto secret = reader.take<SecretRef>("key")) column.masking_key = secret->reference;
        }
        if (column.masking == "hmac-sha256" && key == nullptr)
            problems_.error(at(*custom.value), "masking hmac-sha256 needs a key",
                            "write {method: hmac-sha256, key: \"${env:NAME}\"}");
        const bool hashed = column.masking == "hash" || column.masking == "hmac-sha256";
        if (hashed && column.type.kind != Type::Kind::string)
            problems_.error(at(*custom.value),
                            fmt::format("column '{}' is masked by a hash, which is a text, but is of type {}",
                                        column.name, to_string(column.type)),
                            "write logicalType: string, or another masking");
    }

    // ---- quality

    struct Bound {
        DatasetRule::Operator op = DatasetRule::Operator::be;
        double low = 0, high = 0;
        bool zero = false;  // mustBe: 0
    };

    std::optional<Bound> read_bound(OptionReader& reader, const YamlNode& item, bool boolean_allowed) {
        using enum DatasetRule::Operator;
        static constexpr std::array<std::pair<std::string_view, DatasetRule::Operator>, 8> operators{
            {{"mustBe", be},
             {"mustNotBe", not_be},
             {"mustBeGreaterThan", greater},
             {"mustBeGreaterOrEqualTo", greater_or_equal},
             {"mustBeLessThan", less},
             {"mustBeLessOrEqualTo", less_or_equal},
             {"mustBeBetween", between},
             {"mustNotBeBetween", not_between}}};
        std::optional<Bound> bound;
        int count = 0;
        bool good = true;
        for (const auto& [key, op] : operators) {
            const auto* node = reader.take_node(key);
            if (node == nullptr) continue;
            ++count;
            Bound one{.op = op};
            if (op == between || op == not_between) {
                if (!node->is_sequence() || node->items.size() != 2 || !number(node->items[0], one.low) ||
                    !number(node->items[1], one.high) || !(one.low < one.high)) {
                    problems_.error(at(*node), fmt::format("'{}' must be two numbers, the smaller first", key),
                                    "write [1, 10]");
                    good = false;
                }
            } else if (boolean_allowed && node->is_scalar() && (node->text == "true" || node->text == "false")) {
                one.low = node->text == "true" ? 1 : 0;
            } else if (!number(*node, one.low)) {
                problems_.error(at(*node), fmt::format("'{}' must be a number, not {}", key, describe(*node)));
                good = false;
            }
            one.zero = op == be && one.low == 0;
            bound = one;
        }
        if (count != 1) {
            problems_.error(at(item), count == 0 ? "the rule has no bound" : "the rule has several bounds",
                            "give exactly one, for example mustBe: 0 or mustBeLessThan: 5");
            return std::nullopt;
        }
        return good ? bound : std::nullopt;
    }

    static bool number(const YamlNode& node, double& value) {
        if (!node.is_scalar()) return false;
        const auto [end, failure] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
        return failure == std::errc{} && end == node.text.data() + node.text.size() && std::isfinite(value);
    }

    void read_quality(const YamlNode& item, ContractColumn* column) {
        OptionReader reader(item, key_section(contract_files, "quality[]"), file_, problems_);
        reader.ignore({"engine", "implementation", "dimension", "method", "businessImpact", "tags", "customProperties",
                       "authoritativeDefinitions", "scheduler"});
        DatasetRule rule;
        rule.where = at(item);
        const auto id = reader.take<Text>("id");
        const auto name = reader.take_or("name", std::string{});
        rule.description = reader.take_or("description", std::string{});
        const auto type = reader.take<Text>("type");
        const auto metric = reader.take<Text>("metric");
        const auto alias = reader.take<Text>("rule");
        const auto severity = lower(reader.take_or("severity", std::string("error")));
        rule.severity = Severity::error;
        if (severity == "warning" || severity == "warn") rule.severity = Severity::warning;
        if (severity == "info" || severity == "low" || severity == "minor" || severity == "trivial")
            rule.severity = Severity::info;
        const auto unit = reader.take_or("unit", std::string("rows"));
        rule.percent = unit == "percent";
        if (unit != "rows" && unit != "percent")
            problems_.error(reader.where("unit"), fmt::format("'{}' is no unit", unit),
                            suggest(unit, std::vector<std::string>{"rows", "percent"}));
        const auto* schedule = reader.take_node("schedule");
        const auto* query = reader.take_node("query");
        const auto* arguments = reader.take_map("arguments");
        const auto* old_values = reader.take_node("validValues");
        const auto kind = type ? type->text : "library";

        if (id) {
            rule.id = id->text;
            check_rule_id(rule.id, id->where);
        } else if (!name.empty()) {
            rule.id = name;
        } else {
            // Stable under changes elsewhere in the file.
            const auto content = fmt::format("{}|{}|{}|{}", column ? column->name : "", kind,
                                             metric  ? metric->text
                                             : alias ? alias->text
                                                     : "",
                                             query ? query->text : "");
            rule.id = fmt::format("{}{}_{}", column ? column->name + "_" : "",
                                  metric  ? metric->text
                                  : alias ? alias->text
                                          : kind,
                                  sha256_hex(content).substr(0, 6));
        }
        if (kind == "text" || kind == "custom") {
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
            note(item, fmt::format("quality rule '{}' of type {}", name.empty() ? rule.description : name, kind));
        } else if (kind == "library") {
            if (!metric && !alias) {
                for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
                note(item, "a quality rule without a metric");
            } else {
                read_metric(reader, item, metric ? *metric : *alias, !metric, arguments, old_values, column, rule);
            }
        } else if (kind == "sql") {
            read_sql_rule(reader, item, query, column, rule);
        } else {
            problems_.error(type->where, fmt::format("'{}' is no type of a quality rule", kind),
                            suggest(kind, std::vector<std::string>{"library", "sql", "text", "custom"}));
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
        }
        if (schedule != nullptr) note(*schedule, "the schedule of a rule (rules are judged at each intake)");
        reader.finish(version_.known);
    }

    void read_sql_rule(OptionReader& reader, const YamlNode& item, const YamlNode* query, const ContractColumn* column,
                       DatasetRule& rule) {
        rule.metric = DatasetRule::Metric::sql;
        const auto bound = read_bound(reader, item, true);
        if (query == nullptr || !query->is_scalar()) {
            problems_.error(at(item), "a rule of type sql needs a query",
                            "query: select count(*) from {object} where …");
            return;
        }
        if (!bound) return;
        if (rule.percent)
            problems_.error(reader.where("unit"), "a rule of type sql has no percent", "compute it in the query");
        rule.query = query->text;
        rule.where = {file_, query->text_line, query->text_column};
        if (column != nullptr) rule.columns.push_back(column->name);
        snippets_.push_back({.kind = SqlSnippet::Kind::dataset_query,
                             .owner = contract_.name,
                             .title = fmt::format("quality rule '{}'", rule.id),
                             .sql = rule.query,
                             .column = column == nullptr ? "" : column->name,
                             .file = file_,
                             .node = *query});
        keep(rule, *bound);
    }

    void keep(DatasetRule& rule, const Bound& bound) {
        rule.op = bound.op;
        rule.bound = bound.low;
        rule.bound_high = bound.high;
        contract_.dataset_rules.push_back(rule);
    }

    void read_metric(OptionReader& reader, const YamlNode& item, const Text& metric, bool old_name,
                     const YamlNode* arguments, const YamlNode* old_values, ContractColumn* column, DatasetRule& rule) {
        using enum DatasetRule::Metric;
        static constexpr std::array<std::pair<std::string_view, DatasetRule::Metric>, 5> metrics{
            {{"nullValues", null_values},
             {"missingValues", missing_values},
             {"invalidValues", invalid_values},
             {"duplicateValues", duplicate_values},
             {"rowCount", row_count}}};
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> old_names{
            {{"duplicateCount", "duplicateValues"},
             {"nullCount", "nullValues"},
             {"nullCheck", "nullValues"},
             {"missingCount", "missingValues"},
             {"validValues", "invalidValues"}}};
        auto name = metric.text;
        for (const auto& [old, now] : old_names) {
            if (old_name && old == name) name = now;
        }
        std::vector<std::string> names;
        const std::pair<std::string_view, DatasetRule::Metric>* found = nullptr;
        for (const auto& one : metrics) {
            names.emplace_back(one.first);
            if (one.first == name) found = &one;
        }
        if (found == nullptr) {
            problems_.error(metric.where, fmt::format("'{}' is no metric", metric.text), suggest(metric.text, names));
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
            return;
        }
        rule.metric = found->second;
        // v3.0 let "validValues" stand without a bound.
        std::optional<Bound> bound;
        if (old_name && metric.text == "validValues" && !reader.has("mustBe")) {
            bound = Bound{.zero = true};
        } else {
            bound = read_bound(reader, item, false);
        }
        if (column != nullptr) rule.columns.push_back(column->name);
        std::vector<std::string> values;
        read_arguments(arguments, old_values, rule, values);
        if (!bound) return;
        if (column == nullptr && rule.metric != row_count && rule.metric != duplicate_values) {
            problems_.error(metric.where, fmt::format("the metric {} belongs to a column", name),
                            "write it under the property's own quality");
            return;
        }
        if (rule.metric == duplicate_values && rule.columns.empty()) {
            problems_.error(metric.where, "duplicateValues of a table needs its columns",
                            "add arguments: {properties: [a, b]}");
            return;
        }
        if (rule.percent && (rule.metric == row_count || rule.metric == duplicate_values)) {
            problems_.error(reader.where("unit"), fmt::format("the metric {} has no percent", name));
            return;
        }
        if (rule.metric == invalid_values && values.empty() && rule.pattern.empty()) {
            problems_.error(metric.where, "invalidValues needs to know what is valid",
                            "add arguments: {validValues: [a, b]} or {pattern: …}");
            return;
        }
        if (rule.metric == missing_values && values.empty()) {
            problems_.error(metric.where, "missingValues needs to know what is missing",
                            "add arguments: {missingValues: [\"\", N/A]}");
            return;
        }
        rule.values = values;
        if (!bound->zero || rule.percent || rule.severity != Severity::error || column == nullptr ||
            !decide_by_row(rule, *column))
            keep(rule, *bound);
    }

    void read_arguments(const YamlNode* arguments, const YamlNode* old_values, DatasetRule& rule,
                        std::vector<std::string>& values) {
        const auto take = [&](const YamlNode& list) {
            if (!list.is_sequence()) {
                problems_.error(at(list), fmt::format("a list belongs here, not {}", describe(list)));
                return;
            }
            for (const auto& item : list.items) {
                // NULL is missing anyway.
                if (item.is_scalar()) values.push_back(item.text);
                if (item.is_null() && rule.metric == DatasetRule::Metric::missing_values && list.items.size() == 1)
                    values.emplace_back();
            }
        };
        if (old_values != nullptr) take(*old_values);
        if (arguments == nullptr) return;
        static const std::vector<std::string> names{"validValues", "pattern", "missingValues", "properties"};
        for (const auto& entry : arguments->entries) {
            if (entry.key == "validValues" || entry.key == "missingValues") {
                take(entry.value);
            } else if (entry.key == "pattern") {
                rule.pattern = entry.value.text;
                patterns_.push_back({entry.value.text, at(entry.value)});
            } else if (entry.key == "properties" && entry.value.is_sequence()) {
                for (const auto& item : entry.value.items) {
                    if (check_column_name(item.text, at(item))) rule.columns.push_back(find(item.text)->name);
                }
            } else {
                problems_.error({file_, entry.line, entry.column},
                                fmt::format("'{}' is no argument of a metric", entry.key), suggest(entry.key, names));
            }
        }
    }

    // "None may break it", at a column: decided row by row, so that a row is quarantined and the rest is kept.
    bool decide_by_row(const DatasetRule& rule, ContractColumn& column) {
        using enum DatasetRule::Metric;
        switch (rule.metric) {
            case null_values: column.required = true; return true;
            case missing_values:
                column.missing.insert(column.missing.end(), rule.values.begin(), rule.values.end());
                column.required = true;
                return true;
            case invalid_values:
                if (!rule.values.empty()) {
                    if (!column.allowed.empty()) return false;
                    column.allowed = rule.values;
                }
                if (!rule.pattern.empty()) {
                    if (!column.pattern) {
                        column.pattern = rule.pattern;
                    } else {
                        contract_.row_rules.push_back(
                            {.id = rule.id,
                             .sql = fmt::format("regexp_matches({}, {})", sql::quote_name(column.name),
                                                sql::quote_text(rule.pattern)),
                             .column = column.name,
                             .description = rule.description,
                             .where = rule.where});
                    }
                }
                return true;
            default: return false;
        }
    }

public:
    struct Pattern {
        std::string text;
        Where where;
    };
    std::vector<Pattern> take_patterns() { return std::move(patterns_); }

private:
    struct Key {
        std::int64_t position;
        std::size_t column;
    };

    std::string file_;
    Problems& problems_;
    std::vector<SqlSnippet>& snippets_;
    Contract contract_;
    Version version_;
    std::vector<Key> keys_;
    std::set<std::string> rule_ids_;
    std::vector<Pattern> patterns_;
    bool deduplicate_given_ = false;
};

}  // namespace

Contract read_contract(const YamlNode& root, const std::string& file, const std::string& name, Problems& problems,
                       std::vector<SqlSnippet>& snippets) {
    ContractReader reader(file, name, problems, snippets);
    auto contract = reader.read(root);
    for (const auto& pattern : reader.take_patterns())
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
    return contract;
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
