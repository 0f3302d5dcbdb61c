// views/*.sql and generators/*.sql: parsed, named, ordered by what they read, and bound against empty tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "declare/contract_values.h"
#include "declare/sql_rules.h"
#include "declare/text.h"
#include "declare/view_file.h"
#include "model/system_tables.h"

namespace weir::declare {
namespace {

using sql::quote_name;

struct ParsedView {
    View view;
    std::string noun = "view";  // or "generator", which is written the same way
    std::string text;           // the SQL as written
    FilledSql filled;
    SqlUses uses;
    bool usable = true;  // parsed, and all it reads is known
    bool bound = false;
    GeneratorHeader generator{};  // where it is one
};

class ViewCheck {
public:
    explicit ViewCheck(SqlRules& sql) : sql_(sql) {}

    void run() {
        read_views();
        check_names();
        resolve_views();
        order_views();
        bind_views();
        read_generators();
    }

private:
    using At = SqlRules::At;

    void read_views() {
        for (const auto& path : sql_.context.list("views", ".sql", "views are files named NAME.sql"))
            views_.push_back(read_file(path, "view"));
    }

    ParsedView read_file(const std::filesystem::path& path, const std::string& noun) {
        const auto file = sql_.context.shown(path);
        ParsedView parsed;
        parsed.noun = noun;
        parsed.view.name = path.stem().string();
        parsed.view.where = {file, 1, 1};
        if (!is_plain_name(parsed.view.name))
            sql_.problems.error({file}, fmt::format("'{}' cannot name a {}", parsed.view.name, noun),
                                "rename the file: letters, digits and underscores");
        const auto text = sql_.context.read_text(path);
        const auto at = [&](std::size_t offset) { return SqlOrigin{file, 1, *text}.at(offset); };
        parsed.usable = text && check_text(*text, at, sql_.problems) && parse_view(*text, file, parsed);
        return parsed;
    }

    bool parse_view(const std::string& text, const std::string& file, ParsedView& parsed) {
        const auto before = sql_.problems.count();
        const auto split = split_view(text, file, sql_.problems);
        if (parsed.noun == "view")
            read_view_header(split, file, parsed.view, sql_.problems);
        else
            parsed.generator = read_generator_header(split, file, sql_.problems);
        parsed.text = split.sql;
        parsed.view.sql_first_line = split.sql_line;
        if (split.sql.empty()) {
            if (sql_.problems.count() == before)
                sql_.problems.error({file}, fmt::format("the {} has no SELECT", parsed.noun),
                                    "write one SELECT after the header");
            return false;
        }
        const auto before_filling = sql_.problems.count();
        parsed.filled = fill_sql(origin_of(parsed), sql_.project, sql_.problems);
        parsed.view.sql = parsed.filled.sql;
        if (sql_.problems.count() > before_filling) return false;
        SqlFault fault;
        const auto at = place_in(parsed);
        if (!parsed.filled.used.empty()) {
            // The parser must see the same parameters in the text as written as were replaced; in CASE x WHEN … it sees
            // x many times.
            const auto original = sql_.duckdb.parse(parsed.text, fault);
            auto seen = original && !original->empty() ? uses_of(original->front()).parameters : parsed.filled.used;
            auto used = parsed.filled.used;
            for (auto* names : {&seen, &used}) {
                std::sort(names->begin(), names->end());
                names->erase(std::unique(names->begin(), names->end()), names->end());
            }
            if (seen != used) {
                sql_.problems.error({file, split.sql_line, 1}, "a parameter stands where the parser sees none",
                                    "write $name as a value of its own", ErrorCode::sql_invalid);
                return false;
            }
        }
        const auto tree = sql_.duckdb.parse(parsed.filled.sql, fault);
        if (!tree) {
            if (fault.message.starts_with("Only SELECT"))
                fault.message = fmt::format("a {} is one SELECT", parsed.noun);
            sql_.report(fault, fmt::format("{} {}", parsed.noun, parsed.view.name), at);
            return false;
        }
        if (tree->size() != 1) {
            const auto statements = sql_statements(parsed.text);
            sql_.problems.error(
                origin_of(parsed).at(statements.size() > 1 ? statements[1].begin : 0),
                fmt::format("{} {} has {} statements; it is one SELECT", parsed.noun, parsed.view.name, tree->size()),
                "make a file of each");
            return false;
        }
        parsed.uses = uses_of(tree->front());
        const auto what = fmt::format("{} {}", parsed.noun, parsed.view.name);
        if (parsed.noun == "view") {
            sql_.check_deterministic(parsed.uses, what, at, SqlRules::Time::known);
        } else {
            sql_.check_deterministic(parsed.uses, what, at);
            sql_.check_columns_deterministic(parsed.uses, what, at);
        }
        return sql_.check_sources(parsed.uses, what, at);
    }

    SqlOrigin origin_of(const ParsedView& parsed) const {
        return {parsed.view.where.file, parsed.view.sql_first_line, parsed.text};
    }
    At place_in(const ParsedView& parsed) const {
        return [this, &parsed](std::size_t offset) {
            if (offset == std::string::npos) return Where{parsed.view.where.file, parsed.view.sql_first_line, 0};
            return origin_of(parsed).at(parsed.filled.original(offset));
        };
    }

    // ---- names

    void check_names() {
        struct Named {
            std::string kind;
            Where where;
        };
        std::map<std::string, Named> seen;
        const auto claim = [&](const std::string& name, const std::string& kind, const Where& where) {
            const auto [other, added] = seen.emplace(lower(name), Named{kind, where});
            if (!added)
                sql_.problems.error(
                    where, fmt::format("the name '{}' of a {} is taken by a {}", name, kind, other->second.kind),
                    fmt::format("the other one: {}; case does not matter", to_string(other->second.where)));
        };
        const auto reserved = [&](const std::string& name, const std::string& kind, const Where& where) {
            static const std::set<std::string> words{
                "weir", "export", "main", "temp", "system", "pg_catalog", "information_schema"};
            if (words.contains(lower(name)))
                sql_.problems.error(where, fmt::format("the name '{}' of a {} is reserved", name, kind),
                                    "choose another name");
        };
        for (const auto& source : sql_.project.sources) {
            reserved(source.name, "source", source.where);
            if (lower(source.table) != lower(source.name)) {
                reserved(source.table, "table", source.where);
                claim(source.table, "table", source.where);
            }
            claim(source.name, "source", source.where);
        }
        for (auto& parsed : views_) {
            reserved(parsed.view.name, "view", parsed.view.where);
            const auto before = sql_.problems.count();
            claim(parsed.view.name, "view", parsed.view.where);
            if (sql_.problems.count() > before) parsed.usable = false;
            sql_.known_names.push_back(parsed.view.name);
        }
    }

    // ---- dependencies

    ParsedView* view(std::string_view name) {
        for (auto& parsed : views_) {
            if (equal_ignoring_case(parsed.view.name, name)) return &parsed;
        }
        return nullptr;
    }

    void resolve_views() {
        for (auto& parsed : views_) {
            const auto at = place_in(parsed);
            add_reads(parsed, parsed.uses, at, {});
        }
    }

    // Direct reads, and those of the macros that are called, at the place of the view.
    void add_reads(ParsedView& parsed, const SqlUses& uses, const At& at, std::set<std::string> visited) {
        for (const auto& use : uses.tables) add_read(parsed, use, at);
        const auto follow = [&](const SqlUse& use) {
            const auto macro = sql_.macros.find(use.name);
            if (macro == sql_.macros.end() || !visited.insert(use.name).second) return;
            add_reads(
                parsed, macro->second, [&](std::size_t) { return at(use.offset); }, visited);
        };
        for (const auto& use : uses.functions) follow(use);
        for (const auto& use : uses.table_functions) follow(use);
    }

    void add_read(ParsedView& parsed, const SqlUse& use, const At& at) {
        const auto what = fmt::format("view {}", parsed.view.name);
        const auto fail = [&](std::string message, std::string hint) {
            sql_.problems.error(at(use.offset), fmt::format("{}: {}", what, message), std::move(hint),
                                ErrorCode::sql_invalid);
            parsed.usable = false;
        };
        std::string name;
        if (lower(use.schema) == system_schema) {
            std::vector<std::string> known;
            const SystemTable* found = nullptr;
            for (const auto& table : system_tables()) {
                if (table.stored) known.emplace_back(table.name);
                if (equal_ignoring_case(table.name, use.name)) found = &table;
            }
            if (found == nullptr)
                return fail(fmt::format("there is no table 'weir.{}'", use.name), suggest(use.name, known));
            if (!found->stored)
                return fail(fmt::format("weir.{} is not for views: it is not part of the lake", use.name),
                            "use it in `weir sql`");
            name = fmt::format("{}.{}", system_schema, found->name);
        } else if (!use.schema.empty()) {
            return fail(fmt::format("there is no schema '{}'", use.schema),
                        "tables and views are named without a schema");
        } else if (const auto* other = view(use.name)) {
            name = other->view.name;
            if (!other->usable && other != &parsed) parsed.usable = false;
        } else {
            const auto source = std::find_if(sql_.project.sources.begin(), sql_.project.sources.end(),
                                             [&](const Source& s) { return equal_ignoring_case(s.table, use.name); });
            if (source == sql_.project.sources.end()) {
                auto hint = suggest(use.name, sql_.known_names);
                if (use.name.find_first_of("./*") != std::string::npos)
                    hint = "a view reads no files: declare a source in sources/ and read its table";
                return fail(fmt::format("there is no table or view '{}'", use.name), std::move(hint));
            }
            name = source->table;
            if (!sql_.source_tables.contains(lower(name))) parsed.usable = false;
        }
        auto& reads = parsed.view.reads;
        if (std::find(reads.begin(), reads.end(), name) == reads.end()) reads.push_back(name);
    }

    void order_views() {
        enum class State { fresh, open, done };
        std::map<std::string, State> states;
        std::vector<std::string> path;
        const std::function<void(ParsedView&)> visit = [&](ParsedView& parsed) {
            auto& state = states[parsed.view.name];
            if (state == State::done) return;
            if (state == State::open) {
                const auto start = std::find(path.begin(), path.end(), parsed.view.name);
                std::vector<std::string> cycle(start, path.end());
                // Always told from the name that sorts first, so that one cycle is one problem.
                std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
                for (const auto& name : cycle) view(name)->usable = false;
                auto& first = *view(cycle.front());
                const auto& next = cycle.size() > 1 ? cycle[1] : cycle[0];
                std::size_t offset = std::string::npos;
                for (const auto& use : first.uses.tables) {
                    if (equal_ignoring_case(use.name, next)) offset = use.offset;
                }
                sql_.problems.error(
                    place_in(first)(offset),
                    fmt::format("views read each other in a circle: {} → {}", fmt::join(cycle, " → "), cycle.front()),
                    "take one of these reads away", ErrorCode::sql_invalid);
                return;
            }
            state = State::open;
            path.push_back(parsed.view.name);
            for (const auto& read : parsed.view.reads) {
                if (auto* other = view(read)) visit(*other);
            }
            path.pop_back();
            states[parsed.view.name] = State::done;
            order_.push_back(&parsed);
        };
        for (auto& parsed : views_) visit(parsed);
    }

    void bind_views() {
        for (auto* parsed : order_) {
            for (const auto& read : parsed->view.reads) {
                if (const auto* other = view(read); other != nullptr && !other->bound) parsed->usable = false;
            }
            if (parsed->usable) bind_view(*parsed);
        }
        for (auto* parsed : order_) sql_.project.views.push_back(std::move(parsed->view));
    }

    void bind_view(ParsedView& parsed) {
        const auto at = place_in(parsed);
        const auto what = fmt::format("view {}", parsed.view.name);
        SqlFault fault;
        const auto columns = sql_.duckdb.bind(parsed.filled.sql, fault);
        if (!columns) return sql_.report(fault, what, at);
        const auto before = sql_.problems.count();
        sql_.check_columns_deterministic(parsed.uses, what, at, SqlRules::Time::known);
        sql_.check_asof(parsed.uses, what, at);
        if (sql_.problems.count() > before) return;
        Schema schema;
        bool good = true;
        std::set<std::string> names;
        for (const auto& column : *columns) {
            const Where where{parsed.view.where.file, parsed.view.sql_first_line, 0};
            if (!names.insert(lower(column.name)).second) {
                sql_.problems.error(where, fmt::format("{}: two columns are named '{}'", what, column.name),
                                    "name one of them with AS", ErrorCode::sql_invalid);
                good = false;
            } else if (column.name.find_first_of(" ,;{}()\n\t=\"") != std::string::npos) {
                sql_.problems.error(where, fmt::format("{}: '{}' cannot name a column of a table", what, column.name),
                                    "name it with AS", ErrorCode::sql_invalid);
                good = false;
            } else if (!column.type) {
                sql_.problems.error(where,
                                    fmt::format("{}: column '{}' has a type that a lake cannot hold ({})", what,
                                                column.name, column.duckdb_type),
                                    "cast it, for example to VARCHAR, BIGINT or DECIMAL", ErrorCode::sql_invalid);
                good = false;
            } else {
                schema.fields.push_back({.name = column.name, .type = *column.type});
            }
        }
        check_view_contract(parsed, schema);
        if (!good || !SqlRules::creatable(schema)) return;
        // As a table, so that views above it are bound against names and types and not against its text again.
        if (!sql_.duckdb.run(SqlRules::create(quote_name(parsed.view.name), schema), fault))
            return sql_.report(fault, what, at);
        parsed.bound = true;
        parsed.view.schema = std::move(schema);
    }

    // The columns and types that the view's contract promises.
    void check_view_contract(const ParsedView& parsed, const Schema& schema) {
        const auto& wanted = parsed.view.contract;
        if (wanted.empty()) return;
        const auto* contract = sql_.project.contract(wanted);
        if (contract == nullptr) {
            std::vector<std::string> names;
            for (const auto& known : sql_.project.contracts) names.push_back(known.name);
            auto hint = suggest(wanted, names);
            if (hint.empty()) hint = fmt::format("write contracts/{}.odcs.yaml", wanted);
            sql_.problems.error(parsed.view.contract_where, fmt::format("there is no contract '{}'", wanted),
                                std::move(hint));
            return;
        }
        const auto what = fmt::format("view {}", parsed.view.name);
        for (const auto& column : contract->columns) {
            const auto* field = schema.find(column.name);
            if (field == nullptr) {
                sql_.problems.error(
                    parsed.view.contract_where,
                    fmt::format("{}: its contract promises the column '{}', which it does not have", what, column.name),
                    suggest(column.name, schema.names()));
            } else if (!holds(column.type, field->type)) {
                sql_.problems.error(parsed.view.contract_where,
                                    fmt::format("{}: its contract promises '{}' as {}, and it is {}", what, column.name,
                                                to_string(column.type), to_string(field->type)),
                                    fmt::format("cast it: {}::{}", column.name, to_duckdb(column.type)));
            }
        }
        if (contract->columns.empty() || contract->unknown_columns != UnknownColumns::refuse) return;
        for (const auto& field : schema.fields) {
            const bool promised =
                std::any_of(contract->columns.begin(), contract->columns.end(),
                            [&](const ContractColumn& c) { return equal_ignoring_case(c.name, field.name); });
            if (!promised)
                sql_.problems.error(parsed.view.contract_where,
                                    fmt::format("{}: its contract does not know the column '{}'", what, field.name),
                                    "add it to the contract, or take it out of the view");
        }
    }

    // Whether every value of `actual` can stand where `promised` is promised.
    static bool holds(const Type& promised, const Type& actual) {
        if (promised == actual) return true;
        using enum Type::Kind;
        const auto is_whole = [](const Type& t) {
            return t.kind == int8 || t.kind == int16 || t.kind == int32 || t.kind == int64 ||
                   (t.kind == decimal && t.scale == 0);
        };
        if (promised.kind == float64) return actual.is_numeric();
        if (is_whole(promised)) return is_whole(actual);
        if (promised.kind == decimal)
            return is_whole(actual) || (actual.kind == decimal && actual.scale <= promised.scale);
        return (promised.kind == timestamp || promised.kind == timestamp_ntz) &&
               (actual.kind == timestamp || actual.kind == timestamp_ntz);
    }

    // ---- generators: one SELECT over numbers(n) and seed()

    void read_generators() {
        SqlFault fault;
        bool prepared = false;
        for (const auto& path : sql_.context.list("generators", ".sql", "generators are files named NAME.sql")) {
            const auto parsed = read_file(path, "generator");
            if (!parsed.usable) continue;
            const auto at = place_in(parsed);
            const auto what = fmt::format("generator {}", parsed.view.name);
            bool good = true;
            for (const auto& use : parsed.uses.tables) {
                if (use.schema.empty() && equal_ignoring_case(use.name, numbers_table)) continue;
                good = false;
                sql_.problems.error(at(use.offset), fmt::format("{}: it reads '{}'", what, use.name),
                                    "a generator reads numbers, a table with the column n, and nothing else",
                                    ErrorCode::sql_invalid);
            }
            if (!good) continue;
            if (!std::exchange(prepared, true))
                (void)sql_.duckdb.run(
                    fmt::format("CREATE TEMP TABLE {}(n BIGINT); CREATE TEMP MACRO seed() AS 0::BIGINT", numbers_table),
                    fault);
            if (!sql_.duckdb.bind(parsed.filled.sql, fault)) {
                sql_.report(fault, what, at);
                continue;
            }
            sql_.project.generators.push_back({.name = parsed.view.name,
                                               .where = parsed.view.where,
                                               .sql = parsed.view.sql,
                                               .sql_first_line = parsed.view.sql_first_line,
                                               .description = parsed.generator.description,
                                               .omit_nulls = parsed.generator.omit_nulls});
        }
    }

    SqlRules& sql_;
    std::vector<ParsedView> views_;
    std::vector<ParsedView*> order_;
};

}  // namespace

void check_views(SqlRules& sql) { ViewCheck(sql).run(); }

}  // namespace weir::declare
