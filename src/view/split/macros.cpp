#include "view/split/macros.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"
#include "declare/macro_text.h"
#include "declare/sql_text.h"
#include "view/split/aggregates.h"

namespace weir::view {
namespace {

using Definition = Macros::Definition;
using Definitions = std::map<Macros::Name, std::vector<Definition>>;
using Arguments = std::map<std::string, Tree>;  // by parameter

// A call that stays as it is.
Error stays(const std::string& name, std::string_view why) {
    return {.code = ErrorCode::refused,
            .message = fmt::format("it calls the macro {}, which cannot be written out there: {}", name, why)};
}

// The macro's name where `part` is a call, with or without OVER.
Macros::Name called(const Tree& part) {
    if (is_type(part, "TABLE_FUNCTION")) return {lowered(text_of(part.at("function"), "function_name")), true};
    if (is_class(part, "FUNCTION") || is_class(part, "WINDOW")) return {lowered(text_of(part, "function_name")), false};
    return {};
}

// The first that is called; empty: none.
std::string first_call(const Definitions& macros, const Tree& tree) {
    std::string name;
    each_part(tree, [&](const Tree& part) {
        if (name.empty() && macros.contains(called(part))) name = called(part).first;
        return name.empty();
    });
    return name;
}

// ---- what is declared

// The defaults that a script gives to each form of a macro, by the macro and the names of the form's parameters.
using Defaults = std::map<std::pair<std::string, std::vector<std::string>>, Arguments>;

Defaults defaults_in(Trees& trees, std::string_view script) {
    Defaults found;
    for (const auto& range : declare::sql_statements(script)) {
        const auto statement = script.substr(range.begin, range.end - range.begin);
        const auto name = lowered(declare::macro_name(statement));
        for (const auto& form : declare::macro_forms(statement)) {
            std::vector<std::string> names;
            Arguments values;
            for (const auto& parameter : form.parameters) {
                names.push_back(lowered(parameter.name));
                const auto& place = parameter.value;
                if (place.end == place.begin) continue;
                auto value = trees.expression(std::string(statement.substr(place.begin, place.end - place.begin)), {});
                if (value) values.emplace(names.back(), std::move(*value));
            }
            found[{name, std::move(names)}] = std::move(values);
        }
    }
    return found;
}

bool looks_beyond_its_row(const Tree& body) {
    return body.is_null() || has_window(body) || has_aggregate(body) || has_query(body);
}

std::vector<std::string> texts_in(std::string_view json) {
    std::vector<std::string> texts;
    for (const auto& each : Tree::parse(json, nullptr, false))
        texts.push_back(each.is_string() ? each.get<std::string>() : std::string());
    return texts;
}

// ---- one call

// What stands around a call: the relations of its FROM.
struct Surroundings {
    std::set<std::string> relations;  // lower case
    std::string only;                 // whose columns a name alone means; empty: it cannot be said
};

Surroundings around(const Tree& query) {
    const auto from = query.find("from_table");
    if (from == query.end()) return {};
    Surroundings here{.relations = relation_names(*from), .only = {}};
    if (!is_type(*from, "JOIN") && here.relations.size() == 1) here.only = *here.relations.begin();
    return here;
}

std::string first_name(const Tree& column_ref) {
    return lowered(column_ref.at("column_names").at(0).get<std::string>());
}

// By which a macro's queries and lambdas speak of what is their own.
std::set<std::string> own_names(const Tree& body) {
    std::set<std::string> names;
    each_part(body, [&](const Tree& part) {
        if (part.contains("from_table")) names.merge(relation_names(part.at("from_table")));
        if (is_class(part, "LAMBDA")) {
            each_part(part.at("lhs"), [&](const Tree& each) {
                if (is_class(each, "COLUMN_REF")) names.insert(first_name(each));
                return true;
            });
        }
        return true;
    });
    return names;
}

class Call {
public:
    Call(Trees& trees, const std::string& name, const Tree& function, const Surroundings& here)
        : trees_(trees), name_(name), function_(function), here_(here) {}

    // The body with the arguments in it.
    Result<Tree> written_out(const std::vector<Definition>& overloads, bool table) {
        const auto schema = text_of(function_, "schema");
        if (!text_of(function_, "catalog").empty() || (!schema.empty() && schema != "main"))
            return stays(name_, "it is called with a dot before its name");
        if (!is_class(function_, "FUNCTION") || function_.value("distinct", false) ||
            !function_.at("filter").is_null() || !function_.at("order_bys").at("orders").empty())
            return stays(name_, "DISTINCT, FILTER, ORDER BY and OVER go with functions");
        const Definition* chosen = nullptr;
        for (const auto& overload : overloads) {
            auto arguments = arguments_for(overload);
            if (!arguments) continue;
            const bool typed = std::any_of(overload.types.begin(), overload.types.end(),
                                           [](const std::string& type) { return !type.empty(); });
            if (chosen != nullptr || (typed && overloads.size() > 1))
                return stays(name_, "which of its forms is meant depends on types");
            chosen = &overload;
            arguments_ = std::move(*arguments);
        }
        if (chosen == nullptr) return stays(name_, "not all of its parameters have a value");
        if (chosen->body.is_null()) return stays(name_, "it is not one SELECT");
        for (std::size_t i = 0; i < chosen->types.size(); ++i) {
            if (chosen->types[i].empty()) continue;
            auto& argument = arguments_.at(chosen->parameters[i]);
            WEIR_ASSIGN(argument, trees_.expression("CAST($1 AS " + chosen->types[i] + ")", {argument}));
        }
        own_names_ = own_names(chosen->body);
        auto body = chosen->body;
        WEIR_TRY(put_arguments(body, table));
        return body;
    }

private:
    // Nothing: the call does not fit.
    std::optional<Arguments> arguments_for(const Definition& definition) const {
        Arguments arguments;
        std::size_t position = 0;
        for (const auto& child : function_.at("children")) {
            auto parameter = lowered(text_of(child, "alias"));
            if (parameter.empty() && position == definition.parameters.size()) return std::nullopt;
            if (parameter.empty()) parameter = definition.parameters[position++];
            if (!arguments.emplace(parameter, with_alias(child, "")).second) return std::nullopt;
        }
        for (const auto& [parameter, value] : definition.defaults) arguments.emplace(parameter, value);
        const auto has = [&](const std::string& parameter) { return arguments.contains(parameter); };
        const bool fits = arguments.size() == definition.parameters.size() &&
                          std::all_of(definition.parameters.begin(), definition.parameters.end(), has);
        return fits ? std::optional(std::move(arguments)) : std::nullopt;
    }

    // `inside`: in a query or a lambda of the macro, where other names are known.
    Status put_arguments(Tree& tree, bool inside) {
        if (!tree.is_structured()) return ok();
        if (is_class(tree, "COLUMN_REF")) {
            const auto argument = arguments_.find(first_name(tree));
            if (argument == arguments_.end()) return ok();
            if (tree.at("column_names").size() > 1)
                return stays(name_, fmt::format("it reads a part of its parameter {}", argument->first));
            auto value = with_alias(argument->second, text_of(tree, "alias"));
            WEIR_TRY(inside ? qualify(value) : refuse_star(value));
            tree = std::move(value);
            return ok();
        }
        if (is_class(tree, "LAMBDA")) {
            const auto names = own_names(tree);
            // DuckDB's x -> 'key' is one, too.
            if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return arguments_.contains(name); }))
                return stays(name_, "a lambda has a parameter that is called like one of the macro");
            inside = true;
        }
        inside = inside || is_query(tree);
        for (auto& child : tree) WEIR_TRY(put_arguments(child, inside));
        return ok();
    }

    Status refuse_star(const Tree& argument) const {
        bool star = false;
        each_part_here(argument, [&](const Tree& part) {
            star = star || is_class(part, "STAR");
            return !star;
        });
        return star ? Status(stays(name_, "its argument is a *")) : ok();
    }

    // In a select list DuckDB says whose column an argument is before it goes in.
    Status qualify(Tree& tree) const {
        if (!tree.is_structured()) return ok();
        for (const auto* kind : {"SUBQUERY", "LAMBDA", "STAR", "POSITIONAL_REFERENCE"})
            if (is_class(tree, kind)) return stays(name_, "its argument would be read inside a query of the macro");
        if (is_class(tree, "COLUMN_REF")) {
            auto& names = tree["column_names"];
            if (names.size() == 1 && !here_.only.empty()) names.insert(names.begin(), here_.only);
            const auto relation = first_name(tree);
            if (names.size() == 1 || !here_.relations.contains(relation))
                return stays(name_, fmt::format("its query asks for the column {} of who calls; name its table",
                                                names.back().get<std::string>()));
            if (own_names_.contains(relation))
                return stays(name_, fmt::format("{} is a name inside the macro, too", relation));
            return ok();
        }
        for (auto& child : tree) WEIR_TRY(qualify(child));
        return ok();
    }

    Trees& trees_;
    const std::string& name_;
    const Tree& function_;
    const Surroundings& here_;
    Arguments arguments_;
    std::set<std::string> own_names_;
};

// ---- a whole SELECT

class Writing {
public:
    Writing(Trees& trees, const Definitions& macros) : trees_(trees), macros_(macros) {}

    Status visit(Tree& tree, const Surroundings& here) {
        if (!tree.is_structured()) return ok();
        if (is_query(tree)) return visit_query(tree);
        if (const auto macro = macros_.find(called(tree)); macro != macros_.end()) {
            WEIR_TRY(write_out(tree, macro->first, macro->second, here));
            return visit(tree, here);
        }
        // A name may be one of the lambda's.
        const bool lambda = is_class(tree, "LAMBDA");
        for (auto& child : tree) WEIR_TRY(visit(child, lambda ? Surroundings{} : here));
        return ok();
    }

private:
    Status visit_query(Tree& query) {
        if (is_type(query, "SELECT_NODE")) WEIR_TRY(keep_names(query));
        const auto here = around(query);
        // Elsewhere DuckDB does not (WHERE, GROUP BY, ON), or takes names that the select list gives (ORDER BY).
        const Surroundings unnamed{.relations = here.relations, .only = {}};
        for (auto& [key, part] : query.items()) WEIR_TRY(visit(part, key == "select_list" ? here : unnamed));
        return ok();
    }

    Status keep_names(Tree& select) {
        for (auto& item : select["select_list"]) {
            if (!text_of(item, "alias").empty()) continue;
            const auto name = first_call(macros_, item);
            if (name.empty()) continue;
            bool star = false;
            each_part_here(item, [&](const Tree& part) {
                star = star || is_class(part, "STAR");
                return !star;
            });
            if (star) return stays(name, "a * stands beside it");
            WEIR_ASSIGN(const auto texts, trees_.texts({item}));
            item["alias"] = texts.front();
        }
        return ok();
    }

    Status write_out(Tree& tree, const Macros::Name& name, const std::vector<Definition>& overloads,
                     const Surroundings& here) {
        if (++calls_ > limits::macro_calls_max)
            return stays(name.first, fmt::format("there are more than {} such calls", limits::macro_calls_max));
        if (!name.second) {
            WEIR_ASSIGN(auto body, Call(trees_, name.first, tree, here).written_out(overloads, false));
            tree = with_alias(std::move(body), text_of(tree, "alias"));
            return ok();
        }
        if (text_of(tree, "with_ordinality") == "WITH_ORDINALITY") return stays(name.first, "it has WITH ORDINALITY");
        // DuckDB takes the columns of arguments as the macro's own.
        WEIR_ASSIGN(auto body, Call(trees_, name.first, tree.at("function"), {}).written_out(overloads, true));
        auto relation = subquery_relation(std::move(body), text_of(tree, "alias"));
        for (const auto* key : {"sample", "column_name_alias"}) relation[key] = tree.at(key);
        tree = std::move(relation);
        return ok();
    }

    Trees& trees_;
    const Definitions& macros_;
    std::size_t calls_ = 0;
};

bool same_columns(const std::vector<sql::Column>& a, const std::vector<sql::Column>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const sql::Column& left, const sql::Column& right) {
        return left.name == right.name && left.type == right.type;
    });
}

}  // namespace

Result<std::size_t> make_macros(sql::Connection& connection, std::string_view script) {
    std::size_t made = 0;
    for (const auto& range : declare::sql_statements(script)) {
        const auto status = connection.run(std::string(script.substr(range.begin, range.end - range.begin)));
        if (status) {
            ++made;
            continue;
        }
        const auto& message = status.error().message;
        const bool later = message.find("does not exist") != std::string::npos;
        if (!later && message.find("already exists") == std::string::npos)
            return Error(status.error()).within("running macros.sql");
    }
    return made;
}

Result<Macros> Macros::of(sql::Connection& connection, std::string_view script) {
    Macros macros;
    if (script.empty()) return macros;
    WEIR_ASSIGN(const auto rows,
                connection.query("SELECT lower(function_name), function_type = 'table_macro', macro_definition, "
                                 "to_json(parameters)::VARCHAR, to_json(parameter_types)::VARCHAR FROM "
                                 "duckdb_functions() WHERE NOT internal AND macro_definition IS NOT NULL"));
    Trees trees(connection);
    const auto defaults = defaults_in(trees, script);
    Definitions all;
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        const bool table = rows.integer(row, 1) != 0;
        auto body = trees.query((table ? "" : "SELECT ") + std::string(rows.text(row, 2)));
        Definition definition{.parameters = texts_in(rows.text(row, 3)),
                              .types = texts_in(rows.text(row, 4)),
                              .defaults = {},
                              .body = {}};
        for (auto& parameter : definition.parameters) parameter = lowered(parameter);
        const auto given = defaults.find({std::string(rows.text(row, 0)), definition.parameters});
        if (given != defaults.end()) definition.defaults = given->second;
        if (body) definition.body = table ? std::move(*body) : with_alias(body->at("select_list").at(0), "");
        all[{std::string(rows.text(row, 0)), table}].push_back(std::move(definition));
    }
    // Those that call such a one are no better.
    for (bool more = true; std::exchange(more, false);) {
        for (auto next = all.begin(); next != all.end();) {
            const auto macro = next++;
            const bool opaque =
                macro->first.second ||
                std::any_of(macro->second.begin(), macro->second.end(), [&](const Definition& each) {
                    return looks_beyond_its_row(each.body) || !first_call(macros.opaque_, each.body).empty();
                });
            if (!opaque) continue;
            macros.opaque_.insert(all.extract(macro));
            more = true;
        }
    }
    return macros;
}

Result<Macros::Written> Macros::write_out(sql::Connection& connection, const std::string& sql) const {
    Written written{.sql = sql, .why_not = {}};
    if (opaque_.empty()) return written;
    Trees trees(connection);
    WEIR_ASSIGN(auto query, trees.query(sql));
    const auto name = first_call(opaque_, query);
    if (name.empty()) return written;
    if (auto status = Writing(trees, opaque_).visit(query, {}); !status) {
        if (status.error().code != ErrorCode::refused) return std::move(status).error();
        written.why_not = status.error().message;
        return written;
    }
    WEIR_ASSIGN(auto text, trees.sql(query));
    const auto meant = connection.describe(sql), made = connection.describe(text);
    if (meant && made && same_columns(*meant, *made))
        written.sql = std::move(text);
    else
        written.why_not = stays(name, "its text in its place would mean something else").message;
    return written;
}

}  // namespace weir::view
