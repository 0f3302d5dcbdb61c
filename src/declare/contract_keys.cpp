// weir's own keys of a contract: customProperties of the table and of its columns.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "declare/contract_draft.h"
#include "declare/contract_values.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

class OwnKeys {
public:
    explicit OwnKeys(ContractDraft& draft) : draft_(draft) {}

    void read_table_keys(const YamlNode& list) {
        for (const auto& custom : custom_properties(list, key_section(contract_files, "schema[].customProperties"))) {
            if (custom.name == "unknownColumns") {
                static constexpr std::array<std::pair<std::string_view, UnknownColumns>, 3> choices{
                    {{"keep", UnknownColumns::keep},
                     {"drop", UnknownColumns::drop},
                     {"refuse", UnknownColumns::refuse}}};
                draft_.contract.unknown_columns = choice(custom, choices).value_or(draft_.contract.unknown_columns);
            } else if (custom.name == "quarantineLimit") {
                double percent = 0;
                const auto& text = custom.value->text;
                const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), percent);
                if (!custom.value->is_scalar() || failure != std::errc{} || end != text.data() + text.size() ||
                    !(percent >= 0 && percent <= 100)) {
                    draft_.problems.error(draft_.at(*custom.value),
                                          fmt::format("'quarantineLimit' must be a number from 0 to 100, not {}",
                                                      describe(*custom.value)),
                                          "it is a share in percent");
                } else {
                    draft_.contract.quarantine_limit_percent = percent;
                }
            } else if (custom.name == "deduplicate") {
                read_deduplicate(*custom.value);
            } else if (custom.name == "rowRules") {
                read_row_rules(*custom.value);
            } else if (custom.name == "brokenRules") {
                static constexpr std::array<std::pair<std::string_view, bool>, 2> choices{
                    {{"all", false}, {"first", true}}};
                draft_.contract.first_rule_only = choice(custom, choices).value_or(false);
            } else if (custom.name == "unreadableRule") {
                draft_.contract.unreadable_rule = custom.value->text;
                if (custom.value->text.empty())
                    draft_.problems.error(draft_.at(*custom.value), "'unreadableRule' is empty");
            }
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
                    draft_.problems.error(
                        draft_.at(*custom.value),
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
                column.sql_where = {draft_.file, custom.value->text_line, custom.value->text_column};
                draft_.snippets.push_back({.kind = SqlSnippet::Kind::value,
                                           .owner = draft_.contract.name,
                                           .title = fmt::format("'{}' of column '{}'", custom.name, column.name),
                                           .sql = custom.value->text,
                                           .column = to_duckdb(column.type),
                                           .file = draft_.file,
                                           .node = *custom.value});
            }
        }
        if (!column.derived.empty() && (!column.fallback.empty() || column.unpack || !column.inside.empty()))
            draft_.problems.error(
                column.where, fmt::format("column '{}' is derived, and also read", column.name),
                "a derived column stands by itself: take away fallback and unpack, and put it outside the "
                "unpacked object");
        if (column.on_type_error == OnTypeError::null && column.required)
            draft_.problems.warning(
                column.where,
                fmt::format("column '{}' is required, and a value of the wrong type becomes NULL", column.name),
                "such a row goes to quarantine as 'required'");
    }

private:
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
                draft_.problems.error(draft_.at(item), "a custom property is written {property: NAME, value: …}");
                continue;
            }
            if (ours.find(property->text) != nullptr) {
                result.push_back({property->text, value, &item});
            } else if (const auto close = nearest(property->text, names); !close.empty()) {
                draft_.problems.warning(
                    draft_.at(*property),
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
        draft_.problems.error(draft_.at(*custom.value),
                              fmt::format("{} is not a value of '{}'", describe(*custom.value), custom.name),
                              suggest(custom.value->text, names));
        return std::nullopt;
    }

    void read_deduplicate(const YamlNode& value) {
        draft_.contract.deduplicate.where = draft_.at(value);
        draft_.deduplicate_given = true;
        const auto* by = &value;
        if (value.is_map()) {
            by = value.find("by");
            const auto* expression = value.find("sql");
            for (const auto& entry : value.entries) {
                if (entry.key != "by" && entry.key != "horizonDays" && entry.key != "sql")
                    draft_.problems.error({draft_.file, entry.line, entry.column},
                                          fmt::format("unknown key '{}' in deduplicate", entry.key),
                                          suggest(entry.key, std::vector<std::string>{"by", "sql", "horizonDays"}));
            }
            if (by != nullptr && expression != nullptr)
                draft_.problems.error(draft_.at(*expression), "'deduplicate' has both 'by' and 'sql'",
                                      "remove one of them");
            if (const auto* horizon = value.find("horizonDays")) {
                int days = 0;
                const auto& text = horizon->text;
                const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), days);
                if (failure != std::errc{} || end != text.data() + text.size() || days < 1) {
                    draft_.problems.error(
                        draft_.at(*horizon),
                        fmt::format("'horizonDays' must be a whole number from 1, not {}", describe(*horizon)));
                } else {
                    draft_.contract.deduplicate.horizon_days = days;
                }
            }
            if (by == nullptr && expression != nullptr) {
                draft_.contract.deduplicate.by = Deduplicate::By::expression;
                draft_.contract.deduplicate.sql = expression->text;
                draft_.snippets.push_back({.kind = SqlSnippet::Kind::value,
                                           .owner = draft_.contract.name,
                                           .title = "the key of 'deduplicate'",
                                           .sql = expression->text,
                                           .file = draft_.file,
                                           .node = *expression});
                return;
            }
            if (by == nullptr) {
                draft_.deduplicate_given = false;
                return;
            }
        }
        if (by->is_sequence()) {
            draft_.contract.deduplicate.by = Deduplicate::By::columns;
            for (const auto& item : by->items) {
                if (draft_.check_column_name(item.text, draft_.at(item)))
                    draft_.contract.deduplicate.columns.push_back(draft_.find(item.text)->name);
            }
            if (by->items.empty())
                draft_.problems.error(draft_.at(*by), "'deduplicate' names no column",
                                      "write none, row, or a list of columns");
        } else if (by->text == "row") {
            draft_.contract.deduplicate.by = Deduplicate::By::row;
        } else if (by->text == "none" && by->is_scalar()) {
            draft_.contract.deduplicate.by = Deduplicate::By::nothing;
        } else {
            draft_.problems.error(draft_.at(*by), fmt::format("{} is not a value of 'deduplicate'", describe(*by)),
                                  "write none, row, or a list of columns");
        }
    }

    void read_row_rules(const YamlNode& value) {
        if (!value.is_sequence()) {
            draft_.problems.error(draft_.at(value), fmt::format("'rowRules' must be a list, not {}", describe(value)),
                                  "write - {id: …, sql: …}");
            return;
        }
        static const std::vector<std::string> names{"id", "sql", "column", "description", "rule"};
        for (const auto& item : value.items) {
            const auto* id = item.find("id");
            const auto* sql = item.find("sql");
            if (!item.is_map() || id == nullptr || sql == nullptr || !id->is_scalar() || !sql->is_scalar()) {
                draft_.problems.error(draft_.at(item), "a row rule needs 'id' and 'sql'",
                                      "write {id: positive_price, sql: price > 0}");
                continue;
            }
            for (const auto& entry : item.entries) {
                if (std::find(names.begin(), names.end(), entry.key) == names.end())
                    draft_.problems.error({draft_.file, entry.line, entry.column},
                                          fmt::format("unknown key '{}' in a row rule", entry.key),
                                          suggest(entry.key, names));
            }
            RowRule rule;
            rule.id = id->text;
            rule.rule = id->text;
            if (const auto* shared = item.find("rule"); shared != nullptr && !shared->text.empty())
                rule.rule = shared->text;
            rule.sql = sql->text;
            rule.where = {draft_.file, sql->text_line, sql->text_column};
            if (const auto* column = item.find("column")) {
                if (draft_.check_column_name(column->text, draft_.at(*column)))
                    rule.column = draft_.find(column->text)->name;
            }
            if (const auto* description = item.find("description")) rule.description = description->text;
            draft_.check_rule_id(rule.id, draft_.at(*id));
            draft_.snippets.push_back({.kind = SqlSnippet::Kind::row_rule,
                                       .owner = draft_.contract.name,
                                       .title = fmt::format("row rule '{}'", rule.id),
                                       .sql = rule.sql,
                                       .file = draft_.file,
                                       .node = *sql});
            draft_.contract.row_rules.push_back(std::move(rule));
        }
    }

    void read_unpack(const Custom& custom, ContractColumn& column) {
        static constexpr std::array<std::pair<std::string_view, bool>, 2> choices{{{"true", true}, {"false", false}}};
        column.unpack = choice(custom, choices).value_or(false);
        if (!column.unpack) return;
        if (column.logical_type != "object")
            draft_.problems.error(
                draft_.at(*custom.value),
                fmt::format("only an object is unpacked, and '{}' is {}", column.name, column.logical_type),
                "write logicalType: object");
        else if (!column.inside.empty())
            draft_.problems.error(draft_.at(*custom.value), "an object inside an unpacked object is not unpacked",
                                  "a view can take it apart");
        const bool another = std::any_of(draft_.contract.columns.begin(), draft_.contract.columns.end(),
                                         [](const ContractColumn& known) { return known.unpack; });
        if (another) draft_.problems.error(draft_.at(*custom.value), "two columns are unpacked", "unpack one of them");
    }

    void read_masking(const Custom& custom, ContractColumn& column) {
        Custom method = custom;
        const YamlNode* key = nullptr;
        if (custom.value->is_map()) {
            for (const auto& entry : custom.value->entries) {
                if (entry.key == "method") method.value = &entry.value;
                if (entry.key == "key") key = &entry.value;
                if (entry.key != "method" && entry.key != "key")
                    draft_.problems.error({draft_.file, entry.line, entry.column},
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
            OptionReader reader(*custom.value, section, draft_.file, draft_.problems);
            if (const auto secret = reader.take<SecretRef>("key")) column.masking_key = secret->reference;
        }
        if (column.masking == "hmac-sha256" && key == nullptr)
            draft_.problems.error(draft_.at(*custom.value), "masking hmac-sha256 needs a key",
                                  "write {method: hmac-sha256, key: \"${env:NAME}\"}");
        const bool hashed = column.masking == "hash" || column.masking == "hmac-sha256";
        if (hashed && column.type.kind != Type::Kind::string)
            draft_.problems.error(draft_.at(*custom.value),
                                  fmt::format("column '{}' is masked by a hash, which is a text, but is of type {}",
                                              column.name, to_string(column.type)),
                                  "write logicalType: string, or another masking");
    }

    ContractDraft& draft_;
};

}  // namespace

void read_table_keys(ContractDraft& draft, const YamlNode& list) { OwnKeys(draft).read_table_keys(list); }

void read_column_keys(ContractDraft& draft, const YamlNode& list, ContractColumn& column) {
    OwnKeys(draft).read_column_keys(list, column);
}

}  // namespace weir::declare
