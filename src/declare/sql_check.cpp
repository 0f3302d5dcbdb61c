#include "declare/sql_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "declare/contract_values.h"
#include "declare/determinism.h"
#include "declare/duckdb_check.h"
#include "declare/macro_text.h"
#include "declare/own_functions.h"
#include "declare/sql_text.h"
#include "declare/sql_tree.h"
#include "declare/table_schema.h"
#include "declare/text.h"
#include "declare/view_file.h"
#include "model/system_tables.h"

namespace weir::declare {
namespace {

using sql::quote_name;

constexpr std::string_view system_schema = "weir";
// Holds the tables behind the relations that a text reads.
constexpr std::string_view hidden_schema = "weir_rows";
// CREATE OR REPLACE TEMP MACRO name
constexpr std::size_t words_before_macro = 6;
constexpr const char* way_out_of_rowid =
    "rows have no numbers of their own: take _source_file with _source_line, or the column that the source's "
    "`sequence` names";

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

struct Macro {
    SqlUses uses;
};

class SqlCheck {
public:
    SqlCheck(Context& context, DuckdbCheck duckdb)
        : context_(context), project_(context.project), problems_(context.problems), duckdb_(std::move(duckdb)) {}

    void run() {
        check_zone();
        create_tables();
        read_macros();
        declare_interval();
        read_views();
        check_names();
        resolve_views();
        order_views();
        bind_views();
        read_generators();
        for (const auto& snippet : context_.snippets) check_snippet(snippet);
    }

private:
    using At = std::function<Where(std::size_t offset)>;

    // ---- tables

    void check_zone() {
        if (project_.zone == "UTC") return;
        SqlFault fault;
        if (!duckdb_.run("SET TimeZone = " + sql::quote_text(project_.zone), fault)) {
            problems_.error(context_.places["zone"], fmt::format("'{}' is no time zone", project_.zone),
                            "for example UTC or Europe/Berlin");
            project_.zone = "UTC";
        }
        (void)duckdb_.run("SET TimeZone = 'UTC'", fault);
    }

    void create_tables() {
        std::string script = fmt::format("CREATE SCHEMA {}; CREATE SCHEMA {};", system_schema, hidden_schema);
        for (const auto& table : system_tables()) {
            script += create(fmt::format("{}.{}", system_schema, quote_name(table.name)), table.schema);
        }
        for (const auto& source : project_.sources) {
            names_.push_back(source.table);
            const auto* contract = project_.contract(source.contract);
            if (contract == nullptr || contract->columns.empty()) continue;
            const auto schema = view_schema(source, *contract);
            if (!creatable(schema) || !tables_.insert(lower(source.table)).second) continue;
            script += create(quote_name(source.table), schema);
        }
        for (const auto& contract : project_.contracts) {
            Schema schema;
            for (const auto& column : contract.columns)
                schema.fields.push_back({.name = column.name, .type = column.type});
            if (schema.fields.empty()) continue;
            schema.fields.push_back({.name = std::string(line_column), .type = Type::of(Type::Kind::int64)});
            schema.fields.push_back({.name = std::string(type_errors_column), .type = Type::of(Type::Kind::string)});
            if (!creatable(schema)) continue;
            checkable_contracts_.insert(contract.name);
            script += create(contract_table(contract.name), schema);
        }
        SqlFault fault;
        if (!duckdb_.run(script, fault))
            problems_.error({context_.shown("contracts")},
                            "the tables of the contracts cannot be made: " + fault.message);
    }

    static std::string contract_table(const std::string& contract) {
        return fmt::format("{}.{}", system_schema, quote_name("contract " + contract));
    }

    // As a view, because that is what a run reads: a table of DuckDB has a rowid besides.
    static std::string create(const std::string& name, const Schema& schema) {
        const auto table = fmt::format("{}.{}", hidden_schema, quote_name(name));
        std::string sql = fmt::format("CREATE TABLE {}(", table);
        for (std::size_t i = 0; i < schema.fields.size(); ++i)
            sql += fmt::format("{}{} {}", i ? ", " : "", quote_name(schema.fields[i].name),
                               to_duckdb(schema.fields[i].type));
        return sql + fmt::format("); CREATE VIEW {} AS FROM {};", name, table);
    }

    static bool creatable(const Schema& schema) {
        std::set<std::string> names;
        for (const auto& field : schema.fields) {
            if (field.name.empty() || !names.insert(lower(field.name)).second) return false;
        }
        return !schema.fields.empty();
    }

    // ---- faults with their place and way out

    void report(const SqlFault& fault, const std::string& what, const At& at) {
        auto message = fault.message;
        std::string hint;
        if (fault.subtype == "COLUMN_NOT_FOUND" || fault.message.starts_with("Referenced column")) {
            message = fmt::format("there is no column '{}'", fault.name);
            hint = lower(fault.name) == "rowid" ? way_out_of_rowid : suggest(fault.name, fault.candidates);
            if (hint.empty() && !fault.candidates.empty())
                hint = fmt::format("near: {}", fmt::join(fault.candidates, ", "));
        } else if (fault.subtype == "MISSING_ENTRY") {
            const auto kind = lower(fault.type);
            const auto noun = kind.find("function") != std::string::npos ? "function"
                              : kind == "type"                           ? "type"
                                                                         : "table";
            message = fmt::format("there is no {} '{}'", noun, fault.name);
            const auto instead = instead_of_own_function(lower(fault.name));
            if (!instead.empty()) {
                message = fmt::format("'{}' is a function of weir's own, for states of views", fault.name);
                hint = instead;
            } else if (!fault.candidates.empty() && noun != std::string_view("table"))
                hint = nearest(fault.name, fault.candidates).empty() ? "" : suggest(fault.name, fault.candidates);
        } else if (fault.subtype == "NO_MATCHING_FUNCTION") {
            hint = fault.candidates.empty() ? "" : fmt::format("it takes: {}", fault.candidates.front());
        }
        if (fault.message.find("does not have a column named") != std::string::npos) {
            for (const std::string_view noun : {"Table \"", "Values list \""})
                if (fault.message.starts_with(noun)) message = "table \"" + fault.message.substr(noun.size());
            if (lower(message).ends_with("\"rowid\"")) hint = way_out_of_rowid;
        }
        problems_.error(at(fault.offset.value_or(std::string::npos)), fmt::format("{}: {}", what, message),
                        std::move(hint), ErrorCode::sql_invalid);
    }

    // Whether one of the tables has a column of this name: it goes before a function.
    bool is_column_of(const std::string& name, const std::vector<SqlUse>& tables) {
        return std::any_of(tables.begin(), tables.end(), [&](const SqlUse& table) {
            const auto quoted = (table.schema.empty() ? "" : table.schema + ".") + quote_name(table.name);
            SqlFault fault;
            return duckdb_.bind(fmt::format("SELECT weir_read.{} FROM {} weir_read", quote_name(name), quoted), fault);
        });
    }

    // Refuses what is not decided by the rows that are read.
    // In a view, functions of the time mean the interval's end; in an alert, the moment at which it is looked at.
    enum class Time { refused, known };
    void check_deterministic(const SqlUses& uses, const std::string& what, const At& at, Time time = Time::refused) {
        for (const auto& use : uses.functions) refuse_if_undecided(use, what, at, time);
        for (const auto& use : uses.samples)
            refuse_undecided(use, what, at,
                             "leave the sample out, or choose rows by a column: WHERE hash(id) % 10 = 0");
        for (const auto& use : uses.collations)
            problems_.error(at(use.offset),
                            fmt::format("{}: nobody says which of the values that are equal by COLLATE {} is meant",
                                        what, use.name),
                            "compare and order with COLLATE, and group by a value of its own: lower(name), "
                            "strip_accents(name)",
                            ErrorCode::sql_invalid);
        for (const auto& use : uses.positional_joins)
            problems_.error(
                at(use.offset), fmt::format("{}: a POSITIONAL JOIN depends on the order in which rows come", what),
                "join on a key, or on row_number() OVER (ORDER BY …) of both sides", ErrorCode::sql_invalid);
    }

    // The same of what is written as a column is; the tables that the text reads are known.
    void check_columns_deterministic(const SqlUses& uses, const std::string& what, const At& at,
                                     Time time = Time::refused) {
        for (const auto& use : uses.columns)
            if (is_written_as_column(use.name) && !is_column_of(use.name, uses.tables))
                refuse_if_undecided(use, what, at, time);
    }

    void refuse_if_undecided(const SqlUse& use, const std::string& what, const At& at, Time time) {
        if (time == Time::known && !time_in_view(use.name).empty()) return;
        if (const auto way_out = way_out_of_nondeterminism(use.name); !way_out.empty())
            refuse_undecided(use, what, at, way_out);
    }

    void refuse_undecided(const SqlUse& use, const std::string& what, const At& at, std::string_view way_out) {
        problems_.error(at(use.offset), fmt::format("{}: '{}' gives another answer each time", what, use.name),
                        std::string(way_out), ErrorCode::sql_invalid);
    }

    // Which of the rows that an ASOF join finds equally near is taken must follow from the rows alone. What is read is
    // known to bind.
    void check_asof(const SqlUses& uses, const std::string& what, const At& at) {
        for (const auto& each : uses.asof_joins) {
            const auto found =
                asof_keys(each.join, [&](const nlohmann::json& expression, const nlohmann::json& relation) {
                    return binds_over(expression, relation, each.names);
                });
            if (!found.why_not.empty())
                problems_.error(at(each.offset),
                                fmt::format("{}: nobody says which of the equally near rows this ASOF JOIN takes: {}",
                                            what, found.why_not),
                                found.way_out, ErrorCode::sql_invalid);
        }
    }

    bool binds_over(const nlohmann::json& expression, const nlohmann::json& relation, const nlohmann::json& names) {
        SqlFault fault;
        auto question = duckdb_.parse("SELECT 1", fault);
        if (!question) return false;
        auto& node = question->front()["node"];
        node["select_list"] = nlohmann::json::array({expression});
        node["from_table"] = relation;
        node["cte_map"]["map"] = names;
        const nlohmann::json all{{"error", false}, {"statements", std::move(*question)}};
        const auto text =
            duckdb_.connection().query(fmt::format("SELECT json_deserialize_sql({})", sql::quote_text(all.dump())));
        return text && duckdb_.bind(std::string(text->text(0, 0)), fault);
    }

    // ---- macros

    void read_macros() {
        std::error_code failure;
        if (!std::filesystem::exists(project_.root / "macros.sql", failure)) return;
        const auto text = context_.read_text("macros.sql");
        if (!text) return;
        const auto file = context_.shown("macros.sql");
        if (!check_text(*text, file)) return;
        project_.macros = *text;
        const SqlOrigin origin{file, 1, *text};
        const auto tokens = sql_tokens(*text);
        for (const auto& token : tokens) {
            if (token.kind == SqlToken::Kind::parameter)
                problems_.error(origin.at(token.begin), "a macro takes no parameters of the project",
                                "hand them over as the macro's own arguments: my_macro(x, $word)");
        }
        for (const auto& range : sql_statements(*text)) read_macro(origin, range, tokens);
    }

    // What every view may ask for: the days that its result is for. A run sets them.
    void declare_interval() {
        SqlFault fault;
        for (const auto* name : {"interval_start", "interval_end"})
            (void)duckdb_.run(fmt::format("CREATE TEMP MACRO {}() AS DATE '2000-01-01'", name), fault);
    }

    bool check_text(std::string_view text, const std::string& file) {
        const SqlOrigin origin{file, 1, text};
        if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
            problems_.error(origin.at(nul), "a NUL byte stands in the text", "is this a text file, saved as UTF-8?");
            return false;
        }
        if (const auto bad = find_invalid_utf8(text)) {
            problems_.error(origin.at(*bad),
                            fmt::format("the byte 0x{:02X} is not valid UTF-8", static_cast<unsigned char>(text[*bad])),
                            "save the file as UTF-8");
            return false;
        }
        return true;
    }

    void read_macro(const SqlOrigin& origin, const SqlRange& range, const std::vector<SqlToken>& tokens) {
        std::vector<std::string> words;
        for (const auto& token : tokens) {
            if (token.begin >= range.begin && token.begin < range.end && words.size() < words_before_macro)
                words.push_back(lower(origin.text.substr(token.begin, token.end - token.begin)));
        }
        std::size_t i = 1;
        if (words.size() > 2 && words[1] == "or" && words[2] == "replace") i = 3;
        if (words.size() > i && (words[i] == "temp" || words[i] == "temporary")) ++i;
        const bool is_macro = !words.empty() && words[0] == "create" && words.size() > i + 1 &&
                              (words[i] == "macro" || words[i] == "function");
        if (!is_macro) {
            problems_.error(origin.at(range.begin), "macros.sql holds CREATE MACRO statements only",
                            "put a SELECT into a file of views/");
            return;
        }
        auto name = words[i + 1];
        if (name.size() > 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
        const auto what = fmt::format("macro {}", name);
        const std::string statement(origin.text.substr(range.begin, range.end - range.begin));
        const At at = [&](std::size_t offset) {
            return origin.at(offset == std::string::npos ? range.begin : range.begin + offset);
        };
        const bool has_parameter = std::any_of(tokens.begin(), tokens.end(), [&](const SqlToken& token) {
            return token.kind == SqlToken::Kind::parameter && token.begin >= range.begin && token.begin < range.end;
        });
        if (has_parameter) return;
        if (macros_.contains(name)) {
            problems_.error(origin.at(range.begin), fmt::format("the macro '{}' stands here twice", name),
                            "remove one of them");
            return;
        }
        if (is_taken(name)) {
            problems_.error(origin.at(range.begin),
                            fmt::format("the macro '{}' would hide a function of that name", name),
                            "choose another name");
            return;
        }
        SqlFault fault;
        if (!duckdb_.run(statement, fault)) {
            report(fault, what, at);
            return;
        }
        // Each form and each default as a SELECT of its own, for what it reads and calls.
        auto& uses = macros_[name].uses;
        const auto look_at = [&](const SqlRange& part, bool query) {
            const std::string lead = query ? "" : "SELECT (";
            const At part_at = [&](std::size_t offset) {
                return at(part.begin +
                          (offset == std::string::npos || offset < lead.size() ? 0 : offset - lead.size()));
            };
            const auto tree =
                duckdb_.parse(lead + statement.substr(part.begin, part.end - part.begin) + (query ? "" : "\n)"), fault);
            if (!tree || tree->empty()) {
                problems_.error(part_at(0), fmt::format("{}: it cannot be seen what this reads and calls", what),
                                "write it as an expression, or as one SELECT");
                return;
            }
            auto found = uses_of(tree->front());
            check_deterministic(found, what, part_at);
            check_columns_deterministic(found, what, part_at);
            check_sources(found, what, part_at);
            uses.add(std::move(found));
        };
        for (const auto& form : macro_forms(statement)) {
            look_at(form.body, form.table);
            for (const auto& parameter : form.parameters)
                if (parameter.value.end > parameter.value.begin) look_at(parameter.value, false);
        }
    }

    // A macro goes before a function of its name, also where weir itself means the function.
    bool is_taken(const std::string& name) {
        if (!instead_of_own_function(name).empty()) return true;
        SqlFault fault;
        return duckdb_.bind(fmt::format("SELECT {}()", quote_name(name)), fault) || fault.subtype != "MISSING_ENTRY";
    }

    // ---- views

    void read_views() {
        for (const auto& path : context_.list("views", ".sql", "views are files named NAME.sql")) {
            const auto file = context_.shown(path);
            ParsedView parsed;
            parsed.view.name = path.stem().string();
            parsed.view.where = {file, 1, 1};
            if (!is_plain_name(parsed.view.name))
                problems_.error({file}, fmt::format("'{}' cannot name a view", parsed.view.name),
                                "rename the file: letters, digits and underscores");
            const auto text = context_.read_text(path);
            parsed.usable = text && check_text(*text, file) && parse_view(*text, file, parsed);
            views_.push_back(std::move(parsed));
        }
    }

    bool parse_view(const std::string& text, const std::string& file, ParsedView& parsed) {
        const auto before = problems_.count();
        const auto split = split_view(text, file, problems_);
        if (parsed.noun == "view")
            read_view_header(split, file, parsed.view, problems_);
        else
            parsed.generator = read_generator_header(split, file, problems_);
        parsed.text = split.sql;
        parsed.view.sql_first_line = split.sql_line;
        if (split.sql.empty()) {
            if (problems_.count() == before)
                problems_.error({file}, fmt::format("the {} has no SELECT", parsed.noun),
                                "write one SELECT after the header");
            return false;
        }
        const auto before_filling = problems_.count();
        parsed.filled = fill_sql(origin_of(parsed), project_, problems_);
        parsed.view.sql = parsed.filled.sql;
        if (problems_.count() > before_filling) return false;
        SqlFault fault;
        const auto at = place_in(parsed);
        if (!parsed.filled.used.empty()) {
            // The parser must see the same parameters in the text as written as were replaced; in CASE x WHEN … it sees
            // x many times.
            const auto original = duckdb_.parse(parsed.text, fault);
            auto seen = original && !original->empty() ? uses_of(original->front()).parameters : parsed.filled.used;
            auto used = parsed.filled.used;
            for (auto* names : {&seen, &used}) {
                std::sort(names->begin(), names->end());
                names->erase(std::unique(names->begin(), names->end()), names->end());
            }
            if (seen != used) {
                problems_.error({file, split.sql_line, 1}, "a parameter stands where the parser sees none",
                                "write $name as a value of its own", ErrorCode::sql_invalid);
                return false;
            }
        }
        const auto tree = duckdb_.parse(parsed.filled.sql, fault);
        if (!tree) {
            if (fault.message.starts_with("Only SELECT"))
                fault.message = fmt::format("a {} is one SELECT", parsed.noun);
            report(fault, fmt::format("{} {}", parsed.noun, parsed.view.name), at);
            return false;
        }
        if (tree->size() != 1) {
            const auto statements = sql_statements(parsed.text);
            problems_.error(
                origin_of(parsed).at(statements.size() > 1 ? statements[1].begin : 0),
                fmt::format("{} {} has {} statements; it is one SELECT", parsed.noun, parsed.view.name, tree->size()),
                "make a file of each");
            return false;
        }
        parsed.uses = uses_of(tree->front());
        const auto what = fmt::format("{} {}", parsed.noun, parsed.view.name);
        if (parsed.noun == "view") {
            check_deterministic(parsed.uses, what, at, Time::known);
        } else {
            check_deterministic(parsed.uses, what, at);
            check_columns_deterministic(parsed.uses, what, at);
        }
        return check_sources(parsed.uses, what, at);
    }

    // ---- generators: one SELECT over numbers(n) and seed()

    void read_generators() {
        SqlFault fault;
        bool prepared = false;
        for (const auto& path : context_.list("generators", ".sql", "generators are files named NAME.sql")) {
            const auto file = context_.shown(path);
            ParsedView parsed;
            parsed.noun = "generator";
            parsed.view.name = path.stem().string();
            parsed.view.where = {file, 1, 1};
            if (!is_plain_name(parsed.view.name))
                problems_.error({file}, fmt::format("'{}' cannot name a generator", parsed.view.name),
                                "rename the file: letters, digits and underscores");
            const auto text = context_.read_text(path);
            if (!text || !check_text(*text, file) || !parse_view(*text, file, parsed)) continue;
            const auto at = place_in(parsed);
            const auto what = fmt::format("generator {}", parsed.view.name);
            bool good = true;
            for (const auto& use : parsed.uses.tables) {
                if (use.schema.empty() && equal_ignoring_case(use.name, numbers_table)) continue;
                good = false;
                problems_.error(at(use.offset), fmt::format("{}: it reads '{}'", what, use.name),
                                "a generator reads numbers, a table with the column n, and nothing else",
                                ErrorCode::sql_invalid);
            }
            if (!good) continue;
            if (!std::exchange(prepared, true))
                (void)duckdb_.run(
                    fmt::format("CREATE TEMP TABLE {}(n BIGINT); CREATE TEMP MACRO seed() AS 0::BIGINT", numbers_table),
                    fault);
            if (!duckdb_.bind(parsed.filled.sql, fault)) {
                report(fault, what, at);
                continue;
            }
            project_.generators.push_back({.name = parsed.view.name,
                                           .where = parsed.view.where,
                                           .sql = parsed.view.sql,
                                           .sql_first_line = parsed.view.sql_first_line,
                                           .description = parsed.generator.description,
                                           .omit_nulls = parsed.generator.omit_nulls});
        }
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

    // Refuses what reads past the lake.
    bool check_sources(const SqlUses& uses, const std::string& what, const At& at) {
        bool good = true;
        for (const auto& use : uses.table_functions) {
            if (is_pure_table_function(use.name) || macros_.contains(use.name)) continue;
            const bool reader = use.name.starts_with("read_") || use.name.ends_with("_scan") || use.name == "glob";
            problems_.error(
                at(use.offset), fmt::format("{}: '{}' is not allowed behind FROM", what, use.name),
                reader ? "declare a source in sources/ and read its table: then every row is checked and counted"
                       : "read a table, a view, or a macro of macros.sql",
                ErrorCode::sql_invalid);
            good = false;
        }
        for (const auto& use : uses.shows) {
            problems_.error(at(use.offset), fmt::format("{}: {} is not allowed behind FROM", what, use.name),
                            "read a table or a view", ErrorCode::sql_invalid);
            good = false;
        }
        return good;
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
                problems_.error(where,
                                fmt::format("the name '{}' of a {} is taken by a {}", name, kind, other->second.kind),
                                fmt::format("the other one: {}; case does not matter", to_string(other->second.where)));
        };
        const auto reserved = [&](const std::string& name, const std::string& kind, const Where& where) {
            static const std::set<std::string> words{
                "weir", "export", "main", "temp", "system", "pg_catalog", "information_schema"};
            if (words.contains(lower(name)))
                problems_.error(where, fmt::format("the name '{}' of a {} is reserved", name, kind),
                                "choose another name");
        };
        for (const auto& source : project_.sources) {
            reserved(source.name, "source", source.where);
            if (lower(source.table) != lower(source.name)) {
                reserved(source.table, "table", source.where);
                claim(source.table, "table", source.where);
            }
            claim(source.name, "source", source.where);
        }
        for (auto& parsed : views_) {
            reserved(parsed.view.name, "view", parsed.view.where);
            const auto before = problems_.count();
            claim(parsed.view.name, "view", parsed.view.where);
            if (problems_.count() > before) parsed.usable = false;
            names_.push_back(parsed.view.name);
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
            const auto macro = macros_.find(use.name);
            if (macro == macros_.end() || !visited.insert(use.name).second) return;
            add_reads(
                parsed, macro->second.uses, [&](std::size_t) { return at(use.offset); }, visited);
        };
        for (const auto& use : uses.functions) follow(use);
        for (const auto& use : uses.table_functions) follow(use);
    }

    void add_read(ParsedView& parsed, const SqlUse& use, const At& at) {
        const auto what = fmt::format("view {}", parsed.view.name);
        const auto fail = [&](std::string message, std::string hint) {
            problems_.error(at(use.offset), fmt::format("{}: {}", what, message), std::move(hint),
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
            const auto source = std::find_if(project_.sources.begin(), project_.sources.end(),
                                             [&](const Source& s) { return equal_ignoring_case(s.table, use.name); });
            if (source == project_.sources.end()) {
                auto hint = suggest(use.name, names_);
                if (use.name.find_first_of("./*") != std::string::npos)
                    hint = "a view reads no files: declare a source in sources/ and read its table";
                return fail(fmt::format("there is no table or view '{}'", use.name), std::move(hint));
            }
            name = source->table;
            if (!tables_.contains(lower(name))) parsed.usable = false;
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
                problems_.error(
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
        for (auto* parsed : order_) project_.views.push_back(std::move(parsed->view));
    }

    void bind_view(ParsedView& parsed) {
        const auto at = place_in(parsed);
        const auto what = fmt::format("view {}", parsed.view.name);
        SqlFault fault;
        const auto columns = duckdb_.bind(parsed.filled.sql, fault);
        if (!columns) return report(fault, what, at);
        const auto before = problems_.count();
        check_columns_deterministic(parsed.uses, what, at, Time::known);
        check_asof(parsed.uses, what, at);
        if (problems_.count() > before) return;
        Schema schema;
        bool good = true;
        std::set<std::string> names;
        for (const auto& column : *columns) {
            const Where where{parsed.view.where.file, parsed.view.sql_first_line, 0};
            if (!names.insert(lower(column.name)).second) {
                problems_.error(where, fmt::format("{}: two columns are named '{}'", what, column.name),
                                "name one of them with AS", ErrorCode::sql_invalid);
                good = false;
            } else if (column.name.find_first_of(" ,;{}()\n\t=\"") != std::string::npos) {
                problems_.error(where, fmt::format("{}: '{}' cannot name a column of a table", what, column.name),
                                "name it with AS", ErrorCode::sql_invalid);
                good = false;
            } else if (!column.type) {
                problems_.error(where,
                                fmt::format("{}: column '{}' has a type that a lake cannot hold ({})", what,
                                            column.name, column.duckdb_type),
                                "cast it, for example to VARCHAR, BIGINT or DECIMAL", ErrorCode::sql_invalid);
                good = false;
            } else {
                schema.fields.push_back({.name = column.name, .type = *column.type});
            }
        }
        check_view_contract(parsed, schema);
        if (!good || !creatable(schema)) return;
        // As a table, so that views above it are bound against names and types and not against its text again.
        if (!duckdb_.run(create(quote_name(parsed.view.name), schema), fault)) return report(fault, what, at);
        parsed.bound = true;
        parsed.view.schema = std::move(schema);
    }

    // The columns and types that the view's contract promises.
    void check_view_contract(const ParsedView& parsed, const Schema& schema) {
        const auto& wanted = parsed.view.contract;
        if (wanted.empty()) return;
        const auto* contract = project_.contract(wanted);
        if (contract == nullptr) {
            std::vector<std::string> names;
            for (const auto& known : project_.contracts) names.push_back(known.name);
            auto hint = suggest(wanted, names);
            if (hint.empty()) hint = fmt::format("write contracts/{}.odcs.yaml", wanted);
            problems_.error(parsed.view.contract_where, fmt::format("there is no contract '{}'", wanted),
                            std::move(hint));
            return;
        }
        const auto what = fmt::format("view {}", parsed.view.name);
        for (const auto& column : contract->columns) {
            const auto* field = schema.find(column.name);
            if (field == nullptr) {
                problems_.error(
                    parsed.view.contract_where,
                    fmt::format("{}: its contract promises the column '{}', which it does not have", what, column.name),
                    suggest(column.name, schema.names()));
            } else if (!holds(column.type, field->type)) {
                problems_.error(parsed.view.contract_where,
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
                problems_.error(parsed.view.contract_where,
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

    // ---- SQL inside YAML

    void check_snippet(const SqlSnippet& snippet) {
        const At at = [&](std::size_t offset) {
            const auto place = place_of(snippet.sql, offset == std::string::npos ? 0 : offset);
            return place_inside(snippet.node, snippet.file, place.line, place.column);
        };
        SqlFault fault;
        if (snippet.kind == SqlSnippet::Kind::pattern) {
            if (!duckdb_.run(fmt::format("SELECT regexp_matches('', {})", sql::quote_text(snippet.sql)), fault))
                problems_.error(at(std::string::npos),
                                fmt::format("the pattern is no regular expression: {}", fault.message),
                                "RE2 is understood; it has no look-around and no back references");
            return;
        }
        if (const auto nul = snippet.sql.find('\0'); nul != std::string::npos) return;
        if (snippet.kind == SqlSnippet::Kind::dataset_query) return check_dataset_query(snippet, at);
        if (snippet.kind == SqlSnippet::Kind::alert) return check_alert(snippet, at);
        std::string contract = snippet.owner;
        if (snippet.kind == SqlSnippet::Kind::where) contract = project_.source(snippet.owner)->contract;
        check_expression(snippet, contract, at);
    }

    void check_expression(const SqlSnippet& snippet, const std::string& contract, const At& at) {
        // A source's predicate may use parameters; a contract is the same everywhere.
        FilledSql filled{.sql = snippet.sql, .used = {}, .pieces = {}};
        const SqlOrigin origin{snippet.file, 1, snippet.sql};
        if (snippet.kind == SqlSnippet::Kind::where) {
            Problems unplaced;
            filled = fill_sql(origin, project_, unplaced);
            for (auto error : unplaced.errors()) {
                const auto& w = error.where;
                error.where = place_inside(snippet.node, snippet.file, w.line, w.column);
                problems_.add(std::move(error));
            }
            if (!unplaced.none()) return;
            for (auto& source : project_.sources) {
                if (source.name == snippet.owner) source.where_sql = filled.sql;
            }
        }
        const std::string lead = "SELECT (\n";
        const At inside = [&](std::size_t offset) {
            if (offset == std::string::npos || offset < lead.size()) return at(std::string::npos);
            return at(filled.original(std::min(offset - lead.size(), filled.sql.size())));
        };
        SqlFault fault;
        const auto tree = duckdb_.parse(lead + filled.sql + "\n)", fault);
        if (!tree) {
            // The parenthesis that we add is not the user's.
            if (fault.offset && *fault.offset >= lead.size() + filled.sql.size())
                fault.message = "the expression ends too early";
            return report(fault, snippet.title, inside);
        }
        const auto refuse = [&](std::string message, std::string hint) {
            problems_.error(at(std::string::npos), fmt::format("{}: {}", snippet.title, message), std::move(hint),
                            ErrorCode::sql_invalid);
        };
        const auto* node = tree->size() == 1 && tree->front().contains("node") ? &tree->front()["node"] : nullptr;
        const bool one_expression = node != nullptr && node->value("type", "") == "SELECT_NODE" &&
                                    (*node)["select_list"].size() == 1 &&
                                    (*node)["from_table"].value("type", "") == "EMPTY";
        const bool value = snippet.kind == SqlSnippet::Kind::value;
        if (!one_expression)
            return refuse("this is not one expression", value ? "write one value, for example upper(name)"
                                                              : "write one condition, for example price > 0");
        const auto uses = uses_of(tree->front());
        if (uses.has_subquery || !uses.tables.empty())
            return refuse("a rule on a row reads no other rows", "use a quality rule of type sql, or a view");
        if (!uses.parameters.empty())
            return refuse("a contract takes no parameters", "put the condition into `where` of the source");
        check_deterministic(uses, snippet.title, inside);
        if (!checkable_contracts_.contains(contract)) return;
        const auto condition = value ? std::string() : fmt::format(" WHERE ({}\n)", filled.sql);
        const auto columns = duckdb_.bind(
            fmt::format("{}{}\n) FROM {}{}", lead, filled.sql, contract_table(contract), condition), fault);
        if (!columns) return report(fault, snippet.title, inside);
        auto over_contract = uses;
        over_contract.tables.push_back({"contract " + contract, std::string(system_schema), 0});
        check_columns_deterministic(over_contract, snippet.title, inside);
        if (value) {
            if (snippet.column.empty()) return;
            if (!duckdb_.bind(fmt::format("SELECT CAST(({}\n) AS {}) FROM {}", filled.sql, snippet.column,
                                          contract_table(contract)),
                              fault))
                refuse(fmt::format("its value cannot become {}", snippet.column), "cast it to the column's type");
            return;
        }
        if (!columns->front().boolean)
            refuse("this is no condition: it is neither true nor false", "compare it with something");
    }

    void check_dataset_query(const SqlSnippet& snippet, const At& at) {
        std::string filled;
        FilledSql map;
        std::size_t copied = 0;
        const auto replace = [&](std::size_t begin, std::size_t end, const std::string& by) {
            map.sql += snippet.sql.substr(copied, begin - copied);
            const auto start = map.sql.size();
            map.sql += by;
            map.pieces.push_back({start, map.sql.size(), begin, end});
            copied = end;
        };
        const auto table = contract_table(snippet.owner);
        for (auto open = snippet.sql.find('{'); open != std::string::npos; open = snippet.sql.find('{', open + 1)) {
            const auto close = snippet.sql.find('}', open);
            if (close == std::string::npos) break;
            const auto word = snippet.sql.substr(open + 1, close - open - 1);
            const auto begin = open > copied && snippet.sql[open - 1] == '$' ? open - 1 : open;
            if (word == "object" || word == "table" || word == "model") {
                replace(begin, close + 1, table);
            } else if (word == "property" || word == "column") {
                if (snippet.column.empty()) {
                    problems_.error(at(begin),
                                    fmt::format("{}: {{property}} stands in a rule of the table", snippet.title),
                                    "write the column's name, or move the rule to the property");
                    return;
                }
                replace(begin, close + 1, quote_name(snippet.column));
            }
        }
        map.sql += snippet.sql.substr(copied);
        const At inside = [&](std::size_t offset) {
            return at(offset == std::string::npos ? offset : std::min(map.original(offset), snippet.sql.size()));
        };
        SqlFault fault;
        const auto tree = duckdb_.parse(map.sql, fault);
        if (!tree || tree->size() != 1) {
            if (tree) fault.message = "this is not one SELECT";
            return report(fault, snippet.title, inside);
        }
        const auto uses = uses_of(tree->front());
        check_deterministic(uses, snippet.title, inside);
        check_columns_deterministic(uses, snippet.title, inside);
        if (!check_sources(uses, snippet.title, inside)) return;
        bool good = true;
        for (const auto& use : uses.tables) {
            if (lower(use.schema) == system_schema && use.name == "contract " + snippet.owner) continue;
            problems_.error(inside(use.offset),
                            fmt::format("{}: '{}' is not the rows of this intake", snippet.title, use.name),
                            "read {object}; a view can compare tables", ErrorCode::sql_invalid);
            good = false;
        }
        if (!good || !checkable_contracts_.contains(snippet.owner)) return;
        const auto columns = duckdb_.bind(map.sql, fault);
        if (!columns) return report(fault, snippet.title, inside);
        if (columns->size() != 1 || !(columns->front().boolean || columns->front().numeric))
            problems_.error(at(std::string::npos),
                            fmt::format("{}: the query must give one number or one boolean", snippet.title),
                            "for example select count(*) from {object} where …", ErrorCode::sql_invalid);
    }

    // ---- alerts: one SELECT over stored views and weir's own tables

    void check_alert(const SqlSnippet& snippet, const At& at) {
        auto& rules = project_.alerts.rules;
        const auto rule =
            std::find_if(rules.begin(), rules.end(), [&](const AlertRule& one) { return one.name == snippet.owner; });
        Problems unplaced;
        const auto filled = fill_sql(SqlOrigin{snippet.file, 1, snippet.sql}, project_, unplaced);
        for (auto error : unplaced.errors()) {
            error.where = place_inside(snippet.node, snippet.file, error.where.line, error.where.column);
            problems_.add(std::move(error));
        }
        if (!unplaced.none()) return;
        rule->sql = filled.sql;
        const At inside = [&](std::size_t offset) {
            return at(offset == std::string::npos ? offset : filled.original(offset));
        };
        SqlFault fault;
        const auto tree = duckdb_.parse(filled.sql, fault);
        if (!tree || tree->size() != 1) {
            if (tree || fault.message.starts_with("Only SELECT")) fault.message = "an alert is one SELECT";
            return report(fault, snippet.title, inside);
        }
        const auto uses = uses_of(tree->front());
        const auto before = problems_.count();
        check_deterministic(uses, snippet.title, inside, Time::known);
        check_columns_deterministic(uses, snippet.title, inside, Time::known);
        check_sources(uses, snippet.title, inside);
        add_alert_reads(*rule, uses, snippet.title, inside, {});
        if (problems_.count() > before) return;
        // What it reads has problems of its own.
        for (const auto& read : rule->reads)
            if (const auto* known = project_.view(read); known != nullptr && known->schema.fields.empty()) return;
        const auto columns = duckdb_.bind(filled.sql, fault);
        if (!columns) return report(fault, snippet.title, inside);
        check_alert_columns(*rule, *columns, snippet.title, at);
    }

    void add_alert_reads(AlertRule& rule, const SqlUses& uses, const std::string& what, const At& at,
                         std::set<std::string> visited) {
        for (const auto& use : uses.tables) add_alert_read(rule, use, what, at);
        const auto follow = [&](const SqlUse& use) {
            rule.asks_time = rule.asks_time || !time_in_view(use.name).empty();
            if (use.name == "interval_start" || use.name == "interval_end")
                problems_.error(at(use.offset), fmt::format("{}: an alert has no interval", what),
                                "now() is the moment at which it is looked at", ErrorCode::sql_invalid);
            const auto macro = macros_.find(use.name);
            if (macro == macros_.end() || !visited.insert(use.name).second) return;
            add_alert_reads(
                rule, macro->second.uses, what, [&](std::size_t) { return at(use.offset); }, visited);
        };
        for (const auto& use : uses.functions) follow(use);
        for (const auto& use : uses.table_functions) follow(use);
        for (const auto& use : uses.columns) rule.asks_time = rule.asks_time || !time_in_view(use.name).empty();
    }

    void add_alert_read(AlertRule& rule, const SqlUse& use, const std::string& what, const At& at) {
        const auto fail = [&](std::string message, std::string hint) {
            problems_.error(at(use.offset), fmt::format("{}: {}", what, message), std::move(hint),
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
            for (const auto& one : project_.views) {
                known.push_back(one.name);
                if (equal_ignoring_case(one.name, use.name)) found = &one;
            }
            const bool of_source = std::any_of(project_.sources.begin(), project_.sources.end(),
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
                problems_.error(at(std::string::npos), fmt::format("{}: two columns are named '{}'", what, column.name),
                                "name one of them with AS", ErrorCode::sql_invalid);
            names.push_back(column.name);
        }
        const auto known = [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        for (const auto& key : rule.key)
            if (!known(key))
                problems_.error(rule.key_where, fmt::format("{}: its SELECT has no column '{}'", what, key),
                                suggest(key, names));
        const auto message = parse_message(rule.message);
        for (const auto& piece : message.pieces)
            if (!piece.column.empty() && !known(piece.column))
                problems_.error(
                    rule.message_where,
                    fmt::format("{}: its message names '{{{}}}', which is no column of its SELECT", what, piece.column),
                    suggest(piece.column, names));
        if (!message.whole)
            problems_.error(rule.message_where, fmt::format("{}: a {{ of its message is never closed", what),
                            "write {column}");
    }

    Context& context_;
    Project& project_;
    Problems& problems_;
    DuckdbCheck duckdb_;
    std::set<std::string> tables_;  // of sources, lower case, made in DuckDB
    std::set<std::string> checkable_contracts_;
    std::vector<std::string> names_;       // tables and views, for suggestions
    std::map<std::string, Macro> macros_;  // lower case
    std::vector<ParsedView> views_;
    std::vector<ParsedView*> order_;
};

}  // namespace

void check_sql(Context& context) {
    auto duckdb = DuckdbCheck::open();
    if (!duckdb) {
        context.problems.add(std::move(duckdb).error().within("opening DuckDB for the checks"));
        return;
    }
    SqlCheck(context, std::move(duckdb).value()).run();
}

}  // namespace weir::declare
