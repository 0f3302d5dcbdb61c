// weir explain: how a view is computed: its states, the three statements, what it rests on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/commands/list.h"
#include "cli/lineage_picture.h"
#include "cli/run_place.h"
#include "view/batch/state_store.h"
#include "view/batch/view_split.h"

namespace weir::cli {
namespace {

using nlohmann::json;
using view::Split;
using view::State;

struct Explained {
    const declare::View& view;
    const Split& split;
    std::vector<std::optional<view::StateSize>> sizes;  // of the states; nothing: not stored yet
    std::vector<view::ColumnLineage> columns;
    std::string whole_below{};  // a view that it reads, of which all is computed again; empty: none
};

std::string_view meaning(const State& state) {
    switch (state.kind) {
        case State::Kind::sums: return "one row per key";
        case State::Kind::values: return "one row per key and value";
        case State::Kind::first: return "one row per key, the first by an order";
        case State::Kind::sketch: return "one row per key, of bounded size, with a stated error";
    }
    return "";
}

std::string columns_text(const std::vector<view::StateColumn>& columns) {
    std::vector<std::string> texts;
    texts.reserve(columns.size());
    for (const auto& column : columns) texts.push_back(fmt::format("{} = {}", column.name, column.expression));
    return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string size_text(const std::optional<view::StateSize>& size) {
    if (!size) return "not stored yet; the next run builds it";
    std::vector<std::string> reached;
    for (const auto& [table, version] : size->positions) reached.push_back(fmt::format("{} {}", table, version));
    return fmt::format("{} rows, {} bytes in {} file{}; holds {}", size->rows, size->bytes, size->files,
                       size->files == 1 ? "" : "s", fmt::join(reached, ", "));
}

std::set<std::string> events_of(const Split& split) {
    auto tables = split.rows;
    for (const auto& state : split.states) tables.insert(state.events.begin(), state.events.end());
    return tables;
}

std::set<std::string> references_of(const Split& split) {
    std::set<std::string> tables;
    for (const auto& state : split.states) tables.insert(state.references.begin(), state.references.end());
    return tables;
}

Lineage lineage_of(const Explained& explained) {
    Lineage lineage{.view = explained.view.name, .parts = {}, .edges = {}};
    const auto part = [&](const std::string& name, Lineage::Kind kind) { lineage.parts.emplace(name, kind); };
    for (const auto& state : explained.split.states) {
        part(state.name, Lineage::Kind::state);
        lineage.edges.emplace(state.name, explained.view.name);
        for (const auto& table : state.events) {
            part(table, Lineage::Kind::table);
            lineage.edges.emplace(table, state.name);
        }
        for (const auto& table : state.references) {
            part(table, Lineage::Kind::table);
            lineage.edges.emplace(table, state.name);
        }
    }
    for (const auto* tables : {&explained.split.rows, &explained.split.reads}) {
        for (const auto& table : *tables) {
            part(table, Lineage::Kind::table);
            lineage.edges.emplace(table, explained.view.name);
        }
    }
    return lineage;
}

// Why new events make all of the result be computed again; empty: only their rows, or the keys that they have, are.
std::string why_whole(const Explained& explained) {
    if (explained.view.keep == declare::View::Keep::every_interval)
        return "each interval's result is made from nothing";
    if (explained.split.append_only) return "";
    if (!explained.split.touched.why_not.empty()) return explained.split.touched.why_not;
    return explained.whole_below.empty() ? ""
                                         : fmt::format("so is all of view {}, which it reads", explained.whole_below);
}

Result<std::string> whole_below(view::Catalog& catalog, const declare::Project& project, const Split& split) {
    for (const auto& read : split.reads) {
        const auto* other = project.view(read);
        if (other == nullptr) continue;
        WEIR_ASSIGN(const auto* below, catalog.split(*other));
        if (!below->touched.why_not.empty()) return other->name;
        WEIR_ASSIGN(auto deeper, whole_below(catalog, project, *below));
        if (!deeper.empty()) return other->name;
    }
    return std::string();
}

bool only_grows(const Explained& explained) { return explained.split.append_only && why_whole(explained).empty(); }

std::string refresh_rule(const Explained& explained) {
    if (only_grows(explained)) return "new events: their rows are added to the result";
    const auto why = why_whole(explained);
    if (!why.empty()) return fmt::format("new events: all of it is computed again, because {}", why);
    return fmt::format("new events: only rows whose {} they touch are computed again",
                       fmt::join(explained.split.touched.columns, ", "));
}

std::string origins_text(const view::ColumnLineage& column, view::Origin::Kind kind) {
    std::vector<std::string> texts;
    for (const auto& origin : column.origins)
        if (origin.kind == kind) texts.push_back(fmt::format("{}.{}", origin.table, origin.column));
    return fmt::format("{}", fmt::join(texts, ", "));
}

json json_of(const view::ColumnLineage& column) {
    json origins = json::array();
    for (const auto& origin : column.origins)
        origins.push_back({{"table", origin.table}, {"column", origin.column}, {"kind", view::to_string(origin.kind)}});
    return {{"column", column.column}, {"origins", std::move(origins)}};
}

json json_of(const Explained& explained) {
    const auto columns = [](const std::vector<view::StateColumn>& list) {
        json result = json::array();
        for (const auto& column : list)
            result.push_back({{"name", column.name},
                              {"type", column.type},
                              {"expression", column.expression},
                              {"precision", column.precision.empty() ? json("exact") : json(column.precision)}});
        return result;
    };
    json states = json::array();
    for (std::size_t i = 0; i < explained.split.states.size(); ++i) {
        const auto& state = explained.split.states[i];
        const auto& size = explained.sizes[i];
        states.push_back({{"name", state.name},
                          {"kind", view::to_string(state.kind)},
                          {"keys", columns(state.keys)},
                          {"values", columns(state.values)},
                          {"sums", columns(state.sums)},
                          {"events", state.events},
                          {"references", state.references},
                          {"weighted", state.weighted},
                          {"partial", state.partial},
                          {"merge", state.merge},
                          {"rows", size ? json(size->rows) : json()},
                          {"bytes", size ? json(size->bytes) : json()},
                          {"positions", size ? json(size->positions) : json()}});
    }
    json lineage = json::array();
    for (const auto& column : explained.columns) lineage.push_back(json_of(column));
    const auto why = why_whole(explained);
    const bool by_key = why.empty() && !only_grows(explained);
    return {{"view", explained.view.name},
            {"states", std::move(states)},
            {"finish", explained.split.finish},
            {"plain", explained.split.plain},
            {"rows_of", explained.split.rows},
            {"reads", explained.split.reads},
            {"row_by_row", explained.split.row_by_row},
            {"notes", explained.split.notes},
            {"append_only", only_grows(explained)},
            {"touched_keys", by_key ? json(explained.split.touched.columns) : json()},
            {"why_whole", why},
            {"lineage",
             {{"events", events_of(explained.split)},
              {"references", references_of(explained.split)},
              {"columns", std::move(lineage)}}}};
}

Status print(const Explained& explained, Terminal& terminal) {
    const auto& split = explained.split;
    std::string text;
    const auto title = [&](std::string_view word) { text += terminal.styled(Style::bold, word) + "\n"; };
    title(explained.view.name);
    if (!explained.view.description.empty()) text += fmt::format("  {}\n", explained.view.description);
    text += fmt::format("  events      {}\n", fmt::join(events_of(split), ", "));
    if (!references_of(split).empty()) text += fmt::format("  references  {}\n", fmt::join(references_of(split), ", "));
    if (!split.reads.empty()) text += fmt::format("  also reads  {}\n", fmt::join(split.reads, ", "));
    for (std::size_t i = 0; i < split.states.size(); ++i) {
        const auto& state = split.states[i];
        text += "\n";
        title(fmt::format("state {}", state.name));
        text += fmt::format("  kind        {}: {}\n", view::to_string(state.kind), meaning(state));
        text += fmt::format("  keys        {}\n", columns_text(state.keys));
        if (!state.values.empty()) text += fmt::format("  values      {}\n", columns_text(state.values));
        if (!state.sums.empty()) text += fmt::format("  sums        {}\n", columns_text(state.sums));
        if (state.weighted)
            text += fmt::format("  weights     rows of {} can be taken back: c1 is how many are left\n",
                                fmt::join(state.events, ", "));
        for (const auto& column : state.sums)
            if (!column.precision.empty()) text += fmt::format("  error       {}: {}\n", column.name, column.precision);
        text += fmt::format("  size        {}\n", size_text(explained.sizes[i]));
        text += fmt::format("  partial     {}\n", state.partial);
        text += fmt::format("  merge       {}\n", state.merge);
    }
    text += "\n";
    title("finish");
    text += fmt::format("  {}\n", split.finish);
    text += fmt::format("  {}\n", refresh_rule(explained));
    if (!split.rows.empty() && !only_grows(explained)) {
        text += "\n";
        title("rows");
        text += fmt::format("  finish reads the rows of {}: that part of the result is computed again each time\n",
                            fmt::join(split.rows, ", "));
    }
    for (const auto& why : split.row_by_row) text += fmt::format("  {}\n", why);
    text += "\n";
    title("columns");
    // What all columns have in common is told once.
    std::set<std::string> conditions;
    for (const auto& column : explained.columns) conditions.insert(origins_text(column, view::Origin::Kind::condition));
    std::size_t width = 0;
    for (const auto& column : explained.columns) width = std::max(width, column.column.size());
    for (const auto& column : explained.columns) {
        const auto values = origins_text(column, view::Origin::Kind::value);
        const auto when = origins_text(column, view::Origin::Kind::condition);
        text += fmt::format("  {:{}}  from {}{}\n", column.column, width, values.empty() ? "constants" : values,
                            when.empty() || conditions.size() == 1 ? "" : "; by " + when);
    }
    if (conditions.size() == 1 && !conditions.begin()->empty())
        text += fmt::format("  all by {}\n", *conditions.begin());
    if (!split.notes.empty()) {
        text += "\n";
        title("notes");
        for (const auto& note : split.notes) text += fmt::format("  {}\n", note);
    }
    return terminal.write(text);
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal, view::Access::look));
    observe::NoObserver nobody;
    const auto at = place->workplace(nobody);
    const auto name = invocation.argument("VIEW");
    const auto* view = at.project.view(name);
    if (view == nullptr) {
        std::vector<std::string> names;
        for (const auto& each : at.project.views) names.push_back(each.name);
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("the project has no view '{}'", name),
                     .hint = suggest(name, names)};
    }
    WEIR_ASSIGN(auto catalog, view::Catalog::open(at.lake, at.project, view::Catalog::For::people));
    WEIR_ASSIGN(const auto* split, catalog.split(*view));
    Explained explained{.view = *view, .split = *split, .sizes = {}, .columns = {}};
    WEIR_ASSIGN(explained.columns, catalog.lineage(*view));
    WEIR_ASSIGN(explained.whole_below, whole_below(catalog, at.project, *split));
    for (const auto& state : split->states) {
        WEIR_ASSIGN(auto size, view::state_size(at.lake, state));
        explained.sizes.push_back(std::move(size));
    }
    if (invocation.has("--dot")) {
        WEIR_TRY(terminal.write(to_dot(lineage_of(explained))));
    } else if (invocation.has("--svg")) {
        WEIR_TRY(terminal.write(to_svg(lineage_of(explained))));
    } else if (terminal.json()) {
        WEIR_TRY(terminal.write(json_of(explained).dump(2) + "\n"));
    } else {
        WEIR_TRY(print(explained, terminal));
    }
    return 0;
}

}  // namespace

Command explain_command() {
    return {
        .name = "explain",
        .summary = "show how a view is computed: states, the three statements, lineage",
        .description =
            "A view's SELECT is split into partial (events to state), merge (state and state to state) and finish "
            "(states to the view). Shown are the statements, what each state holds and how large it is, which "
            "tables are read, where rows have to be read one by one, and which keys new events touch, each with the "
            "reason where the whole has to be computed again.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project},
                      {.name = "VIEW", .help = "the view", .required = true, .words = Words::view}},
        .options = {{.name = "--dot", .value = "", .help = "the lineage as a Graphviz graph"},
                    {.name = "--svg", .value = "", .help = "the lineage as an SVG picture"}},
        .examples = {{"weir explain difficulty_report", "a view of the project in the current directory"},
                     {"weir explain projects/recipes run_report --json", "for a program"},
                     {"weir explain difficulty_report --svg > lineage.svg", "a picture"}},
        .exit_codes = {0, 1, 2, 4},
        .run = run};
}

}  // namespace weir::cli
