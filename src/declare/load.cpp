#include "declare/load.h"

#include <fmt/format.h>

#include <algorithm>

#include "declare/context.h"
#include "declare/load_access.h"
#include "declare/path_template.h"
#include "declare/sql_check.h"
#include "declare/table_schema.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> contract_names(const Project& project) {
    std::vector<std::string> names;
    for (const auto& contract : project.contracts) names.push_back(contract.name);
    return names;
}

// A source whose rows can be taken back.
void check_event_time(const Source& source, const Contract& contract, Problems& problems) {
    const auto& event_time = *source.event_time;
    const auto column_named = [&](const std::string& name) {
        return std::find_if(contract.columns.begin(), contract.columns.end(),
                            [&](const ContractColumn& column) { return equal_ignoring_case(column.name, name); });
    };
    if (!event_time.watermark.empty() && column_named(event_time.watermark) != contract.columns.end())
        problems.error(event_time.watermark_where,
                       fmt::format("the column '{}' is in the contract too", event_time.watermark),
                       "the watermark is weir's own column; name it otherwise");
    if (event_time.column.empty()) return;
    const auto column = column_named(event_time.column);
    if (column == contract.columns.end())
        return problems.error(event_time.where,
                              fmt::format("'{}' is no column of the contract '{}'", event_time.column, contract.name),
                              suggest(event_time.column, table_schema(source, contract).names()));
    if (column->type.kind != Type::Kind::timestamp && column->type.kind != Type::Kind::timestamp_ntz)
        problems.error(event_time.where,
                       fmt::format("the event time '{}' is {}, not a timestamp", column->name, to_string(column->type)),
                       "name a timestamp column, or declare this one as such in the contract");
    else if (!column->masking.empty())
        problems.error(event_time.where, fmt::format("the event time '{}' is masked", column->name),
                       "the watermark needs its values");
}

void check_weight(const Source& source, const Contract& contract, Problems& problems) {
    using enum Type::Kind;
    const auto column = std::find_if(contract.columns.begin(), contract.columns.end(), [&](const ContractColumn& c) {
        return equal_ignoring_case(c.name, source.weight);
    });
    if (column == contract.columns.end())
        return problems.error(source.weight_where,
                              fmt::format("'{}' is no column of the contract '{}'", source.weight, contract.name),
                              suggest(source.weight, table_schema(source, contract).names()));
    const auto kind = column->type.kind;
    if (kind != int8 && kind != int16 && kind != int32 && kind != int64)
        problems.error(source.weight_where,
                       fmt::format("the weight '{}' is {}, not an integer", column->name, to_string(column->type)),
                       "give it logicalType: integer");
    if (!column->required)
        problems.error(source.weight_where, fmt::format("the weight '{}' may be missing", column->name),
                       "write required: true in the contract");
    if (source.reference)
        problems.error(source.weight_where, "a reference table has no weight", "leave out one of the two");
    const auto& same = contract.deduplicate;
    const bool tells_changes_apart = same.by == Deduplicate::By::columns && same.where.line > 0;
    if (same.by != Deduplicate::By::nothing && !tells_changes_apart)
        problems.error(
            source.weight_where,
            fmt::format("the contract '{}' would drop a row that takes another back as its duplicate", contract.name),
            "write deduplicate: {by: none}, or the columns that tell changes apart; they are then no part of "
            "the row");
    if (view_schema(source, contract).fields.empty())
        problems.error(source.weight_where, "no column is left for views to see", "");
}

// What one file says about another.
void check_references(Context& context) {
    auto& problems = context.problems;
    const auto& project = context.project;
    for (const auto& source : project.sources) {
        if (source.where.line == 0) continue;
        const auto* contract = project.contract(source.contract);
        if (contract == nullptr) {
            auto hint = suggest(source.contract, contract_names(project));
            if (hint.empty()) hint = fmt::format("write contracts/{}.odcs.yaml", source.contract);
            problems.error(source.contract_where, fmt::format("there is no contract '{}'", source.contract),
                           std::move(hint));
            continue;
        }
        if (contract->status == "retired")
            problems.error(source.contract_where, fmt::format("the contract '{}' is retired", source.contract),
                           "a retired contract takes no rows; use its successor");
        if (contract->status == "draft" || contract->status == "proposed")
            problems.warning(source.contract_where,
                             fmt::format("the contract '{}' is {}, and holds like an active one", contract->name,
                                         contract->status == "draft" ? "a draft" : "proposed"),
                             "every rule of it is enforced; write status: active once it is agreed");
        if (contract->status == "deprecated")
            problems.warning(source.contract_where, fmt::format("the contract '{}' is deprecated", contract->name),
                             "it still takes rows; once it is retired it does not");
        if (contract->columns.empty()) continue;
        for (const auto& field : path_columns(source.files)) {
            const bool known =
                std::any_of(contract->columns.begin(), contract->columns.end(),
                            [&](const ContractColumn& c) { return equal_ignoring_case(c.name, field.name); });
            if (!known)
                problems.warning(
                    source.files_where,
                    fmt::format("the path names '{}', which is no column of the contract and is dropped", field.name),
                    fmt::format("add a property '{}' to the contract '{}' to keep it", field.name, contract->name));
        }
        const auto column_named = [&](const std::string& name) {
            return std::find_if(contract->columns.begin(), contract->columns.end(),
                                [&](const ContractColumn& c) { return equal_ignoring_case(c.name, name); });
        };
        if (source.only) {
            const auto column = column_named(source.only->column);
            if (column == contract->columns.end())
                problems.error(
                    source.only->where,
                    fmt::format("'{}' is no column of the contract '{}'", source.only->column, contract->name),
                    suggest(source.only->column, table_schema(source, *contract).names()));
            else if (column->type.kind != Type::Kind::string || !column->inside.empty() || !column->derived.empty())
                problems.error(
                    source.only->where,
                    fmt::format("'only' looks at a text of the record itself, which '{}' is not", column->name),
                    "write it as `where`");
        }
        if (source.only && !source.topic.empty() && takes_whole_records(*contract)) {
            // A log has one topic; of a file that holds several, `only` takes this one.
            if (source.only->column != "topic")
                problems.error(source.only->where, "of a log, 'only' can look at the topic alone",
                               "write it as `where`");
            else if (source.only->value != source.topic)
                problems.error(
                    source.only->where,
                    fmt::format("no record of the topic '{}' has the topic '{}'", source.topic, source.only->value),
                    "leave out 'only', or name the same topic");
        }
        if (!source.sequence.empty() && column_named(source.sequence) != contract->columns.end())
            problems.error(source.sequence_where,
                           fmt::format("the column '{}' is in the contract too", source.sequence),
                           "the sequence is weir's own column; name it otherwise");
        if (source.event_time) check_event_time(source, *contract, problems);
        const auto unpacked = std::find_if(contract->columns.begin(), contract->columns.end(),
                                           [](const ContractColumn& c) { return c.unpack; });
        if (unpacked != contract->columns.end() && source.format != Format::ndjson &&
            source.format != Format::json_array)
            problems.error(source.contract_where,
                           fmt::format("the contract '{}' unpacks '{}', which is for records of JSON", contract->name,
                                       unpacked->name),
                           "unpack it in a view");
        if (!source.weight.empty()) check_weight(source, *contract, problems);
        const auto schema = table_schema(source, *contract);
        for (const auto& name : source.partition_by) {
            if (schema.find(name) == nullptr)
                problems.error(context.places["source " + source.name + " partition_by"],
                               fmt::format("the table is partitioned by '{}', which is no column", name),
                               suggest(name, schema.names()));
        }
        for (const std::string name : {"year", "month", "day"}) {
            const bool partition =
                std::find(source.partition_by.begin(), source.partition_by.end(), name) != source.partition_by.end();
            const auto column =
                std::find_if(contract->columns.begin(), contract->columns.end(),
                             [&](const ContractColumn& c) { return equal_ignoring_case(c.name, name); });
            if (partition && column != contract->columns.end())
                problems.error(
                    column->where,
                    fmt::format("the column '{}' is also a part of the arrival date that '{}' is partitioned by", name,
                                source.name),
                    "rename the column, or partition by _arrival_date");
        }
        for (const auto& [from, to] : source.csv.rename) {
            const bool known = std::any_of(contract->columns.begin(), contract->columns.end(),
                                           [&, &column = to](const ContractColumn& c) { return c.name == column; });
            if (known) continue;
            std::vector<std::string> names;
            for (const auto& c : contract->columns) names.push_back(c.name);
            problems.error(context.places["source " + source.name + " csv"],
                           fmt::format("\'{}\' is renamed to '{}', which is no column of the contract", from, to),
                           suggest(to, names));
        }
    }
}

void check_exports(Context& context) {
    const auto& project = context.project;
    std::vector<std::string> names;
    for (const auto& view : project.views) names.push_back(view.name);
    const auto check = [&](const std::string& name, const Where& where) {
        const auto* view = project.view(name);
        if (view == nullptr)
            context.problems.error(where, fmt::format("there is no view '{}'", name), suggest(name, names));
        else if (view->keep == View::Keep::none)
            context.problems.error(where, fmt::format("view '{}' is never stored, so it cannot be exported", name),
                                   "take `keep: none` out of its header");
    };
    for (const auto& one : project.exports) check(one.view, one.where);
    for (const auto& one : project.replay) check(one.view, one.where);
}

}  // namespace

const Source* Project::source(std::string_view wanted) const {
    const auto found = std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.name == wanted; });
    return found == sources.end() ? nullptr : &*found;
}

const Contract* Project::contract(std::string_view wanted) const {
    const auto found =
        std::find_if(contracts.begin(), contracts.end(), [&](const Contract& c) { return c.name == wanted; });
    return found == contracts.end() ? nullptr : &*found;
}

bool takes_whole_records(const Contract& contract) {
    return std::any_of(contract.columns.begin(), contract.columns.end(), [](const ContractColumn& column) {
        return column.unpack && column.name == log_part_names[static_cast<std::size_t>(LogPart::value)];
    });
}

const View* Project::view(std::string_view wanted) const {
    const auto found = std::find_if(views.begin(), views.end(), [&](const View& v) { return v.name == wanted; });
    return found == views.end() ? nullptr : &*found;
}

const Generator* Project::generator(std::string_view wanted) const {
    const auto found =
        std::find_if(generators.begin(), generators.end(), [&](const Generator& g) { return g.name == wanted; });
    return found == generators.end() ? nullptr : &*found;
}

Loaded load(const LoadOptions& options) {
    Loaded loaded;
    Problems problems;
    std::error_code failure;
    auto root = fs::absolute(options.directory.empty() ? fs::path(".") : options.directory, failure).lexically_normal();
    if (!root.has_filename()) root = root.parent_path();
    loaded.project.root = root;
    Context context{options, loaded.project, problems};
    if (!fs::is_directory(root, failure) || !fs::exists(root / "weir.yaml", failure)) {
        const bool directory = fs::is_directory(root, failure);
        problems.error({},
                       directory ? fmt::format("there is no weir.yaml in {}", root.string())
                                 : fmt::format("there is no directory {}", root.string()),
                       "name a project's directory, or make one: weir new DIR", ErrorCode::not_found);
    } else {
        read_project_file(context);
        read_contracts(context);
        read_sources(context);
        read_serve_file(context);
        read_alerts_file(context);
        check_references(context);
        check_sql(context);
        check_exports(context);
        check_serve(context);
    }
    problems.sort();
    loaded.problems = problems.errors();
    loaded.warnings = problems.warnings();
    return loaded;
}

Result<ServeAccess> load_access(const Project& project) {
    const LoadOptions options{.directory = project.root};
    Project again;
    again.root = project.root;
    again.lake = project.lake;
    again.param_values = project.param_values;
    Problems problems;
    Context context{options, again, problems};
    read_serve_file(context);
    problems.sort();
    if (!problems.none()) return problems.errors().front();
    return std::move(again.serve.access);
}

}  // namespace weir::declare
