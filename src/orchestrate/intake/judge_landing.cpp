#include "orchestrate/intake/judge_landing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "contract/dataset.h"
#include "contract/rules.h"

namespace weir::orchestrate {
namespace {

constexpr std::size_t examples_shown = 5;

// "file:line: rule: reason" of the first broken records, one a line.
Result<std::string> first_rejects(sql::Connection& connection) {
    WEIR_ASSIGN(const auto rows,
                connection.query(
                    fmt::format("SELECT t.path, r.line, r.rule, r.reason FROM {} r JOIN {} t USING (file_no) ORDER BY "
                                "file_no, line LIMIT {}",
                                rejects_table, taken_table, examples_shown)));
    std::string text;
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        text += fmt::format("\n  {}:{}: {}: {}", rows.text(row, 0), rows.integer(row, 1), rows.text(row, 2),
                            rows.text(row, 3));
    return text;
}

// Rules that only warn: how many of the kept rows break them. Of a masked column only what is left is known here.
void count_warnings(const LandingJob& job, const StagedRows& staged, Taken& taken) {
    std::vector<contract::Rule> rules;
    std::vector<std::string> counts;
    for (auto& rule : contract::compile_rules(job.contract)) {
        const auto column = std::find_if(job.contract.columns.begin(), job.contract.columns.end(),
                                         [&](const auto& candidate) { return candidate.name == rule.column; });
        const bool masked = column != job.contract.columns.end() && !column->masking.empty();
        if (!rule.warn_only || masked) continue;
        counts.push_back(fmt::format("count(*) FILTER (({}) IS FALSE)", rule.predicate));
        rules.push_back(std::move(rule));
    }
    if (rules.empty()) return;
    const auto rows = staged.connection.query(fmt::format("SELECT {} FROM {}", fmt::join(counts, ", "), staged.rows));
    if (!rows) {
        taken.warnings.push_back("rules that only warn could not be measured: " + rows.error().message);
        return;
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto count = rows->integer(0, i);
        if (count > 0)
            taken.warnings.push_back(fmt::format("{} kept row{} break{} {}: {}", count, count == 1 ? "" : "s",
                                                 count == 1 ? "s" : "", rules[i].name, rules[i].reason));
    }
}

Status judge_rule(const declare::DatasetRule& rule, const StagedRows& staged, Taken& taken) {
    auto relation = staged.rows;
    if (rule.whole_table) {
        WEIR_ASSIGN(const auto scan,
                    lake::prepare_scan(staged.table.store(), staged.connection, staged.snapshot, "weir_whole"));
        for (const auto& statement : scan.setup) WEIR_TRY(staged.connection.run(statement));
        relation = fmt::format("(SELECT * FROM {} UNION ALL BY NAME SELECT * FROM {})", scan.relation, relation);
    }
    auto rows = staged.connection.query(contract::measure_query(rule, relation));
    if (!rows) {
        auto error = std::move(rows).error();
        error.where = rule.where;
        return std::move(error).within(fmt::format("measuring rule '{}'", rule.id));
    }
    const auto verdict = contract::judge(rule, rows->real(0, 0), rows->real(0, 1));
    if (verdict.passed) return ok();
    if (verdict.severity == declare::Severity::error)
        return Error{.code = ErrorCode::contract_violated,
                     .message = verdict.sentence + "; nothing was committed",
                     .hint = "mend the input, or the rule if it is too strict",
                     .where = rule.where};
    taken.warnings.push_back(verdict.sentence);
    return ok();
}

}  // namespace

Status judge_landing(const LandingJob& job, const StagedRows& staged, Taken& taken) {
    const auto& recent = job.recent;
    const auto quarantined = recent.quarantined + taken.quarantined;
    const auto read = std::max(recent.least, recent.read + taken.read);
    if (taken.quarantined > 0 &&
        !contract::within_quarantine_limit(quarantined, read, job.contract.quarantine_limit_percent)) {
        WEIR_ASSIGN(const auto examples, first_rejects(staged.connection));
        return Error{
            .code = ErrorCode::contract_violated,
            .message = fmt::format(
                "{} of {} records of source '{}' broke the contract, more than its limit of {:g} %; nothing was "
                "committed{}",
                quarantined, recent.read + taken.read, job.source.name, job.contract.quarantine_limit_percent,
                examples),
            .hint = job.source.topic.empty()
                        ? fmt::format("mend the input, or raise quarantineLimit in {}", job.contract.where.file)
                        : fmt::format("raise quarantineLimit in {} and start again: the records go to the "
                                      "quarantine then, from where they can be replayed or discarded",
                                      job.contract.where.file),
            .where = job.contract.where};
    }
    for (const auto& rule : job.contract.dataset_rules) WEIR_TRY(judge_rule(rule, staged, taken));
    for (const auto& column : job.contract.columns) {
        if (column.unique)
            WEIR_TRY(judge_rule({.id = "unique " + column.name,
                                 .metric = declare::DatasetRule::Metric::duplicate_values,
                                 .columns = {column.name},
                                 .op = declare::DatasetRule::Operator::be,
                                 .whole_table = true,
                                 .where = column.where},
                                staged, taken));
    }
    count_warnings(job, staged, taken);
    return ok();
}

}  // namespace weir::orchestrate
