// alerts.yaml: each alert is one SELECT over stored views and weir's own tables.
#include <fmt/format.h>

#include <algorithm>

#include "declare/contract_values.h"
#include "declare/determinism.h"
#include "declare/sql_rules.h"
#include "model/system_tables.h"

namespace weir::declare {
namespace {

class AlertCheck {
public:
    explicit AlertCheck(SqlRules& sql) : sql_(sql) {}

    void run(const SqlSnippet& snippet, const SqlRules::At& at) {
        auto& rules = sql_.project.alerts.rules;
        const auto rule =
            std::find_if(rules.begin(), rules.end(), [&](const AlertRule& one) { return one.name == snippet.owner; });
        const auto filled = sql_.filled(snippet);
        if (!filled) return;
        rule->sql = filled->sql;
        const At inside = [&](std::size_t offset) {
            return at(offset == std::string::npos ? offset : filled->original(offset));
        };
        SqlFault fault;
        const auto tree = sql_.duckdb.parse(filled->sql, fault);
        if (!tree || tree->size() != 1) {
            if (tree || fault.message.starts_with("Only SELECT")) fault.message = "an alert is one SELECT";
            return sql_.report(fault, snippet.title, inside);
        }
        const auto uses = uses_of(tree->front());
        const auto before = sql_.problems.count();
        sql_.check_deterministic(uses, snippet.title, inside, SqlRules::Time::known);
        sql_.check_columns_deterministic(uses, snippet.title, inside, SqlRules::Time::known);
        sql_.check_sources(uses, snippet.title, inside);
        add_alert_reads(*rule, uses, snippet.title, inside, {});
        if (sql_.problems.count() > before) return;
        // What it reads has problems of its own.
        for (const auto& read : rule->reads)
            if (const auto* known = sql_.project.view(read); known != nullptr && known->schema.fields.empty()) return;
        const auto columns = sql_.duckdb.bind(filled->sql, fault);
        if (!columns) return sql_.report(fault, snippet.title, inside);
        check_alert_columns(*rule, *columns, snippet.title, at);
    }

private:
    using At = SqlRules::At;

    void add_alert_reads(AlertRule& rule, const SqlUses& uses, const std::string& what, const At& at,
                         std::set<std::string> visited) {
        for (const auto& use : uses.tables) add_alert_read(rule, use, what, at);
        const auto follow = [&](const SqlUse& use) {
            rule.asks_time = rule.asks_time || !time_in_view(use.name).empty();
            if (use.name == "interval_start" || use.name == "interval_end")
                sql_.problems.error(at(use.offset), fmt::format("{}: an alert has no interval", what),
                                    "now() is the moment at which it is looked at", ErrorCode::sql_invalid);
            const auto macro = sql_.macros.find(use.name);
            if (macro == sql_.macros.end() || !visited.insert(use.name).second) return;
            add_alert_reads(
                rule, macro->second, what, [&](std::size_t) { return at(use.offset); }, visited);
        };
        for (const auto& use : uses.functions) follow(use);
        for (const auto& use : uses.table_functions) follow(use);
        for (const auto& use : uses.columns) rule.asks_time = rule.asks_time || !time_in_view(use.name).empty();
    }

    void add_alert_read(AlertRule& rule, const SqlUse& use, const std::string& what, const At& at) {
        const auto fail = [&](std::string message, std::string hint) {
            sql_.problems.error(at(use.offset), fmt::format("{}: {}", what, message), std::move(hint),
                                ErrorCode::sql_invalid);
        };
        std::string name;
        if (lower(use.schema) == system_schema) {
            std::vector<std::string> known;
            for (const auto& table : system_tables())
                if (for_alerts(table)) known.push_back(fmt::format("{}.{}", system_schema, table.name));
            name = fmt::format("{}.{}", system_schema, lower(use.name));
            if (std::find(known.begin(), known.end(), name) == known.end())
                return fail(fmt::format("there is no table '{}' for alerts", name), suggest(name, known));
        } else if (!use.schema.empty()) {
            return fail(fmt::format("there is no schema '{}'", use.schema),
                        "tables and views are named without a schema");
        } else {
            std::vector<std::string> known;
            const View* found = nullptr;
            for (const auto& one : sql_.project.views) {
                known.push_back(one.name);
                if (equal_ignoring_case(one.name, use.name)) found = &one;
            }
            const bool of_source = std::any_of(sql_.project.sources.begin(), sql_.project.sources.end(),
                                               [&](const Source& s) { return equal_ignoring_case(s.table, use.name); });
            if (found == nullptr && of_source)
                return fail(fmt::format("an alert reads no rows of sources, as those of '{}'", use.name),
                            "write a view that sums them up: then a look costs little however many rows there are");
            if (found == nullptr) return fail(fmt::format("there is no view '{}'", use.name), suggest(use.name, known));
            if (found->keep == View::Keep::none)
                return fail(fmt::format("view '{}' is never stored, so an alert cannot look at it", found->name),
                            "take `keep: none` out of its header, or read a view above it");
            name = found->name;
        }
        if (std::find(rule.reads.begin(), rule.reads.end(), name) == rule.reads.end()) rule.reads.push_back(name);
    }

    // What weir knows whether or not a project is at hand, and what an alert has to do with.
    static bool for_alerts(const SystemTable& table) {
        return table.name != "lineage" && !table.name.starts_with("alert");
    }

    void check_alert_columns(const AlertRule& rule, const std::vector<BoundColumn>& columns, const std::string& what,
                             const At& at) {
        std::vector<std::string> names;
        for (const auto& column : columns) {
            if (std::find(names.begin(), names.end(), column.name) != names.end())
                sql_.problems.error(at(std::string::npos),
                                    fmt::format("{}: two columns are named '{}'", what, column.name),
                                    "name one of them with AS", ErrorCode::sql_invalid);
            names.push_back(column.name);
        }
        const auto known = [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        for (const auto& key : rule.key)
            if (!known(key))
                sql_.problems.error(rule.key_where, fmt::format("{}: its SELECT has no column '{}'", what, key),
                                    suggest(key, names));
        const auto message = parse_message(rule.message);
        for (const auto& piece : message.pieces)
            if (!piece.column.empty() && !known(piece.column))
                sql_.problems.error(
                    rule.message_where,
                    fmt::format("{}: its message names '{{{}}}', which is no column of its SELECT", what, piece.column),
                    suggest(piece.column, names));
        if (!message.whole)
            sql_.problems.error(rule.message_where, fmt::format("{}: a {{ of its message is never closed", what),
                                "write {column}");
    }

    SqlRules& sql_;
};

}  // namespace

void check_alert(SqlRules& sql, const SqlSnippet& snippet, const SqlRules::At& at) { AlertCheck(sql).run(snippet, at); }

}  // namespace weir::declare
