#include <gtest/gtest.h>

#include "declare/context.h"
#include "declare/contract_values.h"

namespace weir::declare {
namespace {

struct Read {
    Contract contract;
    Problems problems;
    std::vector<SqlSnippet> snippets;
    std::string text() const {
        std::string all;
        for (const auto& error : problems.errors()) all += to_string(error) + "\n";
        return all;
    }
};

Read read(const std::string& properties, const std::string& table = "", const std::string& version = "v3.1.0") {
    Read result;
    YamlNode root;
    const auto text = "apiVersion: " + version +
                      "\nkind: DataContract\nid: c\nversion: \"1\"\nstatus: active\nschema:\n- name: c\n" + table +
                      "  properties:\n" + properties;
    EXPECT_TRUE(parse_yaml(text, {.file = "c"}, root, result.problems)) << text;
    result.contract = read_contract(root, "c", "c", result.problems, result.snippets);
    return result;
}

TEST(ContractFile, logical_types_become_the_lakes_types) {
    struct Case {
        std::string written, type, minimum, maximum;
    };
    const std::vector<Case> cases{
        {"logicalType: string", "string", "", ""},
        {"description: no type", "string", "", ""},
        {"logicalType: date", "date", "", ""},
        {"logicalType: timestamp", "timestamp", "", ""},
        {"logicalType: timestamp, logicalTypeOptions: {timezone: false}", "timestamp", "", ""},
        {"logicalType: time", "string", "", ""},
        {"logicalType: boolean", "boolean", "", ""},
        {"logicalType: integer", "long", "", ""},
        {"logicalType: integer, logicalTypeOptions: {format: i8}", "byte", "", ""},
        {"logicalType: integer, logicalTypeOptions: {format: i16}", "short", "", ""},
        {"logicalType: integer, logicalTypeOptions: {format: i32}", "integer", "", ""},
        {"logicalType: integer, logicalTypeOptions: {format: i64}", "long", "", ""},
        {"logicalType: integer, logicalTypeOptions: {format: u8}", "short", "0", "255"},
        {"logicalType: integer, logicalTypeOptions: {format: u16, maximum: 9}", "integer", "0", "9"},
        {"logicalType: integer, logicalTypeOptions: {format: u32}", "long", "0", "4294967295"},
        {"logicalType: integer, logicalTypeOptions: {format: u64}", "decimal(20,0)", "0", "18446744073709551615"},
        {"logicalType: integer, physicalType: \"numeric(12)\"", "decimal(12,0)", "", ""},
        {"logicalType: integer, physicalType: bigint", "long", "", ""},
        {"logicalType: number", "double", "", ""},
        {"logicalType: number, logicalTypeOptions: {format: f32}", "float", "", ""},
        {"logicalType: number, physicalType: \"decimal(18, 2)\"", "decimal(18,2)", "", ""},
        {"logicalType: object", "string", "", ""},
        {"logicalType: array", "string", "", ""},
    };
    for (const auto& one : cases) {
        const auto result = read("  - {name: x, " + one.written + "}\n");
        EXPECT_EQ(result.text(), "") << one.written;
        const auto& column = result.contract.columns.at(0);
        EXPECT_EQ(to_string(column.type), one.type) << one.written;
        EXPECT_FALSE(column.pii) << one.written;
        EXPECT_EQ(column.minimum.value_or(""), one.minimum) << one.written;
        EXPECT_EQ(column.maximum.value_or(""), one.maximum) << one.written;
    }
}

TEST(ContractFile, before_v31_a_timestamp_is_a_date_with_a_time_and_bounds_have_a_flag) {
    const auto result = read(
        "  - {name: t, logicalType: date, logicalTypeOptions: {format: yyyy-MM-dd HH:mm}}\n"
        "  - {name: n, logicalType: number, logicalTypeOptions: {minimum: 0, exclusiveMinimum: true, maximum: 9, "
        "exclusiveMaximum: false}}\n",
        "", "v3.0.2");
    EXPECT_EQ(result.text(), "");
    EXPECT_EQ(to_string(result.contract.columns[0].type), "timestamp");
    EXPECT_EQ(result.contract.columns[1].exclusive_minimum, "0");
    EXPECT_EQ(result.contract.columns[1].minimum, std::nullopt);
    EXPECT_EQ(result.contract.columns[1].maximum, "9");
}

TEST(ContractFile, rules_that_none_may_break_are_decided_row_by_row) {
    const auto result = read(
        "  - name: a\n    logicalType: string\n    quality:\n"
        "    - {metric: nullValues, mustBe: 0}\n"
        "    - {metric: invalidValues, mustBe: 0, arguments: {validValues: [x, y]}}\n"
        "    - {metric: invalidValues, mustBe: 0, arguments: {pattern: ^x}}\n"
        "    - {id: second, metric: invalidValues, mustBe: 0, arguments: {pattern: y$}}\n"
        "  - name: b\n    logicalType: string\n    quality:\n"
        "    - {metric: missingValues, mustBe: 0, arguments: {missingValues: [N/A, \"\"]}}\n"
        "    - {metric: nullValues, mustBeLessOrEqualTo: 5, unit: percent}\n"
        "    - {metric: invalidValues, mustBe: 0, severity: warning, arguments: {validValues: [x]}}\n"
        "    - {rule: duplicateCount, mustBe: 0}\n");
    EXPECT_EQ(result.text(), "");
    const auto& a = result.contract.columns[0];
    EXPECT_TRUE(a.required);
    EXPECT_EQ(a.allowed, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(a.pattern, "^x");
    ASSERT_EQ(result.contract.row_rules.size(), 1u);
    EXPECT_EQ(result.contract.row_rules[0].id, "second");
    const auto& b = result.contract.columns[1];
    EXPECT_TRUE(b.required);
    EXPECT_EQ(b.missing, (std::vector<std::string>{"N/A", ""}));
    ASSERT_EQ(result.contract.dataset_rules.size(), 3u);
    EXPECT_TRUE(result.contract.dataset_rules[0].percent);
    EXPECT_EQ(result.contract.dataset_rules[0].op, DatasetRule::Operator::less_or_equal);
    EXPECT_EQ(result.contract.dataset_rules[0].bound, 5);
    EXPECT_EQ(result.contract.dataset_rules[1].severity, Severity::warning);
    EXPECT_EQ(result.contract.dataset_rules[2].metric, DatasetRule::Metric::duplicate_values);
    EXPECT_EQ(result.contract.dataset_rules[2].columns, std::vector<std::string>{"b"});
}

TEST(ContractFile, the_primary_key_is_in_order_and_deduplicates) {
    const auto result = read(
        "  - {name: a, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}\n"
        "  - {name: b, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}\n");
    EXPECT_EQ(result.text(), "");
    EXPECT_EQ(result.contract.columns[0].primary_key_position, 2);
    EXPECT_EQ(result.contract.deduplicate.by, Deduplicate::By::columns);
    EXPECT_EQ(result.contract.deduplicate.columns, (std::vector<std::string>{"b", "a"}));
    const auto none = read("  - {name: a, logicalType: integer, primaryKey: true}\n",
                           "  customProperties: [{property: deduplicate, value: none}]\n");
    EXPECT_EQ(none.contract.deduplicate.by, Deduplicate::By::nothing);
    const auto horizon = read("  - {name: a, logicalType: integer, primaryKey: true}\n",
                              "  customProperties: [{property: deduplicate, value: {by: row, horizonDays: 7}}]\n");
    EXPECT_EQ(horizon.text(), "");
    EXPECT_EQ(horizon.contract.deduplicate.by, Deduplicate::By::row);
    EXPECT_EQ(horizon.contract.deduplicate.horizon_days, 7);
}

TEST(ContractFile, our_keys_stand_in_custom_properties) {
    const auto result = read(
        "  - name: a\n    logicalType: string\n    classification: Restricted\n    customProperties:\n"
        "    - {property: onTypeError, value: \"null\"}\n    - {property: severity, value: warning}\n"
        "    - {property: missingValues, value: [\"-\"]}\n"
        "    - {property: masking, value: {method: hmac-sha256, key: \"${env:KEY}\"}}\n"
        "    - {property: owner, value: somebody else}\n"
        "  - {name: b, logicalType: string, customProperties: [{property: onTypeError, value: null}]}\n",
        "  customProperties:\n  - {property: unknownColumns, value: keep}\n  - {property: quarantineLimit, value: "
        "0.5}\n");
    EXPECT_EQ(result.text(), "");
    const auto& column = result.contract.columns[0];
    EXPECT_EQ(column.on_type_error, OnTypeError::null);
    EXPECT_EQ(result.contract.columns[1].on_type_error, OnTypeError::null);
    EXPECT_TRUE(column.warn_only);
    EXPECT_TRUE(column.pii);
    EXPECT_EQ(column.missing, std::vector<std::string>{"-"});
    EXPECT_EQ(column.masking, "hmac-sha256");
    EXPECT_EQ(column.masking_key, "${env:KEY}");
    EXPECT_EQ(result.contract.unknown_columns, UnknownColumns::keep);
    EXPECT_EQ(result.contract.quarantine_limit_percent, 0.5);
}

TEST(ContractFile, retention_and_small_texts) {
    EXPECT_EQ(retention_days("400", "d"), 400);
    EXPECT_EQ(retention_days("2", "Years"), 730);
    EXPECT_EQ(retention_days("-1", "d"), std::nullopt);
    EXPECT_EQ(retention_days("1", "h"), std::nullopt);
    for (const auto* text : {"2024-03-01", "2024-03-01T10:00", "2024-03-01 10:00:00.123Z", "2024-03-01T10:00:00+02:00"})
        EXPECT_EQ(unfit_value(Type::of(Type::Kind::timestamp), text), "") << text;
    for (const auto* text : {"", "noon", "2024-02-30", "2024-03-01T25:00", "2024-03-01T10:00+2"})
        EXPECT_NE(unfit_value(Type::of(Type::Kind::timestamp), text), "") << text;
    for (const auto* text : {"", "1x", "nan", "inf", "0x10", "--1"})
        EXPECT_NE(unfit_value(Type::of(Type::Kind::int64), text), "") << text;
    EXPECT_EQ(unfit_value(Type::of(Type::Kind::float64), "-1.5e3"), "");
}

}  // namespace
}  // namespace weir::declare
