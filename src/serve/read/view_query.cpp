#include "serve/read/view_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/nearest.h"
#include "serve/http/uri.h"
#include "serve/read/literal.h"
#include "source/columns/cast.h"

namespace weir::serve {
namespace {

using Op = Filter::Op;

constexpr std::array<std::pair<std::string_view, Op>, 9> operators{{{"eq", Op::eq},
                                                                    {"ne", Op::ne},
                                                                    {"gt", Op::gt},
                                                                    {"gte", Op::gte},
                                                                    {"lt", Op::lt},
                                                                    {"lte", Op::lte},
                                                                    {"in", Op::in},
                                                                    {"prefix", Op::prefix},
                                                                    {"null", Op::null}}};
constexpr std::string_view row_number = "weir row number";

Problem bad(std::string parameter, std::string detail, std::string hint = {}) {
    return {.kind = "bad-parameter",
            .detail = std::move(detail),
            .hint = std::move(hint),
            .parameter = std::move(parameter)};
}

// "a,b\,c" → {"a", "b,c"}.
std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> items(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
            items.back() += text[++i];
        } else if (text[i] == ',') {
            items.emplace_back();
        } else {
            items.back() += text[i];
        }
    }
    return items;
}

std::optional<Problem> read_filter(const http::Parameter& parameter, const QueryLimits& limits, Filter& filter) {
    filter.parameter = parameter.name;
    filter.column = parameter.name;
    const auto point = parameter.name.rfind('.');
    if (point != std::string::npos) {
        const auto word = std::string_view(parameter.name).substr(point + 1);
        const auto found =
            std::find_if(operators.begin(), operators.end(), [&](const auto& one) { return one.first == word; });
        if (found == operators.end()) {
            std::vector<std::string> names;
            names.reserve(operators.size());
            for (const auto& [name, op] : operators) names.emplace_back(name);
            return bad(parameter.name, fmt::format("'{}' is no operator", word), suggest(word, names));
        }
        filter.op = found->second;
        filter.column = parameter.name.substr(0, point);
    }
    if (filter.op == Op::in) {
        filter.values = split_list(parameter.value);
        if (filter.values.size() > limits.values_max)
            return bad(parameter.name, fmt::format("a list has at most {} values", limits.values_max));
    } else if (filter.op == Op::null) {
        if (!source::cast_boolean(parameter.value, filter.is_null))
            return bad(parameter.name, fmt::format("'{}' is neither true nor false", parameter.value));
    } else {
        filter.values = {parameter.value};
    }
    return std::nullopt;
}

std::optional<Problem> read_select(const std::string& value, ViewQuery& query) {
    query.select = split_list(value);
    std::set<std::string> seen;
    for (const auto& name : query.select) {
        if (name.empty()) return bad("select", "a name in 'select' is empty", "select=a,b");
        if (!seen.insert(name).second) return bad("select", fmt::format("'{}' is selected twice", name));
    }
    return std::nullopt;
}

std::optional<Problem> read_order(const std::string& value, ViewQuery& query) {
    std::set<std::string> seen;
    for (auto& item : split_list(value)) {
        OrderBy by{.column = item};
        if (item.starts_with('-') || item.starts_with('+')) {
            by.descending = item.front() == '-';
            by.column = item.substr(1);
        }
        if (by.column.empty()) return bad("order", "a name in 'order' is empty", "order=a,-b");
        if (!seen.insert(by.column).second) return bad("order", fmt::format("'{}' is ordered by twice", by.column));
        query.order.push_back(std::move(by));
    }
    return std::nullopt;
}

std::optional<Problem> read_limit(const std::string& value, const QueryLimits& limits, ViewQuery& query) {
    std::int64_t limit = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (failure != std::errc{} || end != value.data() + value.size() || limit < 1 || limit > limits.rows_max)
        return bad("limit", fmt::format("'limit' is a whole number from 1 to {}, not '{}'", limits.rows_max, value),
                   "follow `next` for more rows, or ask for text/csv or application/x-ndjson without a limit");
    query.limit = limit;
    return std::nullopt;
}

std::optional<Problem> read_word(const http::Parameter& parameter, const QueryLimits& limits, ViewQuery& query) {
    const auto& value = parameter.value;
    if (parameter.name == "select") return read_select(value, query);
    if (parameter.name == "order") return read_order(value, query);
    if (parameter.name == "limit") return read_limit(value, limits, query);
    if (parameter.name == "cursor") {
        if (value.empty()) return bad("cursor", "'cursor' is empty", "leave it out for the first page");
        query.cursor = value;
        return std::nullopt;
    }
    if (parameter.name == "layer") {
        for (const auto layer : {Layer::batch, Layer::speed, Layer::merged})
            if (value == to_string(layer)) query.layer = layer;
        if (query.layer) return std::nullopt;
        return bad("layer", fmt::format("'{}' is no layer", value), "batch, speed or merged");
    }
    if (parameter.name == "as_of") {
        query.as_of = parse_day(std::string_view(value).substr(0, 10));
        std::int64_t micros = 0;
        const bool moment = value.size() > 10 && source::cast_timestamp(value, source::Zone::allowed, micros);
        if (!query.as_of || !(value.size() == 10 || moment))
            return bad("as_of", fmt::format("'{}' is no day and no moment", value), "for example 2024-03-01");
        if (moment) query.as_of = std::chrono::floor<std::chrono::days>(Time(std::chrono::microseconds(micros)));
        return std::nullopt;
    }
    std::int64_t micros = 0;
    if (!source::cast_timestamp(value, source::Zone::allowed, micros))
        return bad("known_at", fmt::format("'{}' is no moment", value), "for example 2024-03-01T10:00:00Z");
    query.known_at = Time(std::chrono::microseconds(micros));
    return std::nullopt;
}

constexpr std::array<std::string_view, 7> words{"select", "order", "limit", "cursor", "layer", "as_of", "known_at"};

std::string_view symbol(Op op) {
    switch (op) {
        case Op::ne: return "<>";
        case Op::gt: return ">";
        case Op::gte: return ">=";
        case Op::lt: return "<";
        case Op::lte: return "<=";
        default: return "=";
    }
}

Problem unknown_column(const std::string& parameter, const std::string& column, const Schema& schema) {
    auto names = schema.names();
    auto hint = suggest(column, names);
    if (parameter == column) {
        for (const auto word : words) names.emplace_back(word);
        if (const auto near = nearest(column, names); !near.empty()) hint = fmt::format("did you mean '{}'?", near);
    }
    return bad(parameter, fmt::format("the view has no column '{}'", column), std::move(hint));
}

std::optional<Problem> filter_sql(const Filter& filter, const Schema& schema, std::string& sql) {
    const auto* field = schema.find(filter.column);
    if (field == nullptr) return unknown_column(filter.parameter, filter.column, schema);
    const auto name = sql::quote_name(field->name);
    if (filter.op == Op::null) {
        sql = fmt::format("{} IS {}NULL", name, filter.is_null ? "" : "NOT ");
        return std::nullopt;
    }
    if (filter.op == Op::prefix) {
        if (field->type.kind != Type::Kind::string)
            return bad(filter.parameter, fmt::format("'{}' is {}, and only a text has a prefix", field->name,
                                                     weir::to_string(field->type)));
        if (filter.values.front().find('\0') != std::string::npos) return bad(filter.parameter, "a text holds no NUL");
        sql = fmt::format("starts_with({}, {})", name, sql::quote_text(filter.values.front()));
        return std::nullopt;
    }
    std::vector<std::string> literals;
    for (const auto& value : filter.values) {
        const auto literal = sql_literal(field->type, value);
        if (!literal)
            return bad(filter.parameter,
                       fmt::format("'{}' is no value of '{}', a column of type {}", value, field->name,
                                   weir::to_string(field->type)),
                       fmt::format("write {}", example_of(field->type)));
        literals.push_back(*literal);
    }
    sql = filter.op == Op::in ? fmt::format("{} IN ({})", name, fmt::join(literals, ", "))
                              : fmt::format("{} {} {}", name, symbol(filter.op), literals.front());
    return std::nullopt;
}

bool can_be_ordered(const Type& type) {
    return !type.is_nested() && type.kind != Type::Kind::binary && type.kind != Type::Kind::null;
}

// A value of an order as text, which reads back as the same value.
std::string place_expression(const Field& field) { return key_expression(field.type, field.name); }

std::string place_literal(const Field& field, const std::string& text) {
    using enum Type::Kind;
    if (field.type.kind == timestamp) return fmt::format("make_timestamptz({}::BIGINT)", sql::quote_text(text));
    if (field.type.kind == timestamp_ntz) return fmt::format("make_timestamp({}::BIGINT)", sql::quote_text(text));
    return fmt::format("{}::{}", sql::quote_text(text), to_duckdb(field.type));
}

// Rows behind a place. NULL comes last, whichever way a column is ordered.
std::string behind(const Resolved& resolved, const RowPlace& place) {
    const auto number = sql::quote_name(row_number);
    std::string condition, equal;
    for (std::size_t i = 0; i < resolved.order.size(); ++i) {
        const auto& [field, descending] = resolved.order[i];
        const auto name = sql::quote_name(field.name);
        const auto& value = place.values[i];
        if (value) {
            const auto literal = place_literal(field, *value);
            condition += fmt::format("{}({}({} {} {} OR {} IS NULL))", condition.empty() ? "" : " OR ", equal, name,
                                     descending ? "<" : ">", literal, name);
            equal += fmt::format("{} = {} AND ", name, literal);
        } else {
            equal += fmt::format("{} IS NULL AND ", name);
        }
    }
    condition += fmt::format("{}({}{} > {})", condition.empty() ? "" : " OR ", equal, number, place.number);
    return condition;
}

}  // namespace

bool is_query_word(std::string_view name) { return std::find(words.begin(), words.end(), name) != words.end(); }

std::optional<Problem> parse_view_query(std::string_view text, const QueryLimits& limits, ViewQuery& query) {
    const auto parameters = http::query_parameters(text);
    if (!parameters)
        return bad("", "the query string is malformed", "write % as %25, and other signs as %XX of their UTF-8 bytes");
    std::set<std::string> seen;
    for (const auto& parameter : *parameters) {
        if (!seen.insert(parameter.name).second)
            return bad(parameter.name, fmt::format("'{}' stands there twice", parameter.name),
                       "column.in=a,b takes one of several values");
        if (is_query_word(parameter.name)) {
            if (auto problem = read_word(parameter, limits, query)) return problem;
            continue;
        }
        if (parameter.name.empty()) return bad("", "a parameter has no name");
        if (query.filters.size() == limits.filters_max)
            return bad(parameter.name, fmt::format("there are more than {} filters", limits.filters_max));
        Filter filter;
        if (auto problem = read_filter(parameter, limits, filter)) return problem;
        query.filters.push_back(std::move(filter));
    }
    return std::nullopt;
}

std::optional<Problem> resolve(const ViewQuery& query, const Schema& schema, Resolved& resolved) {
    for (const auto& filter : query.filters) {
        std::string sql;
        if (auto problem = filter_sql(filter, schema, sql)) return problem;
        resolved.where += fmt::format("{}({})", resolved.where.empty() ? "" : " AND ", sql);
    }
    for (const auto& name : query.select) {
        const auto* field = schema.find(name);
        if (field == nullptr) return unknown_column("select", name, schema);
        if (std::find(resolved.columns.begin(), resolved.columns.end(), field->name) != resolved.columns.end())
            return bad("select", fmt::format("'{}' is selected twice", field->name));
        resolved.columns.push_back(field->name);
    }
    if (query.select.empty()) resolved.columns = schema.names();
    for (const auto& by : query.order) {
        const auto* field = schema.find(by.column);
        if (field == nullptr) return unknown_column("order", by.column, schema);
        if (!can_be_ordered(field->type))
            return bad("order",
                       fmt::format("'{}' is {}, which has no order here", field->name, weir::to_string(field->type)));
        resolved.order.emplace_back(*field, by.descending);
    }
    resolved.identity = resolved.where;
    for (const auto& [field, descending] : resolved.order)
        resolved.identity += fmt::format("\n{}{}", descending ? '-' : '+', field.name);
    return std::nullopt;
}

std::optional<std::string> equals_sql(const Schema& schema, const std::string& column, std::string_view value) {
    const auto* field = schema.find(column);
    if (field == nullptr) return std::nullopt;
    const auto literal = sql_literal(field->type, value);
    if (!literal) return std::nullopt;
    return fmt::format("{} = {}", sql::quote_name(field->name), *literal);
}

namespace {

std::string column_list(const Resolved& resolved) {
    std::string list;
    for (const auto& name : resolved.columns) list += (list.empty() ? "" : ", ") + sql::quote_name(name);
    return list;
}

std::string order_list(const Resolved& resolved) {
    std::string list;
    for (const auto& [field, descending] : resolved.order)
        list += fmt::format("{} {} NULLS LAST, ", sql::quote_name(field.name), descending ? "DESC" : "ASC");
    return list + sql::quote_name(row_number);
}

std::string numbered(const Pinned& pinned, const Resolved& resolved) {
    return fmt::format("(SELECT *, row_number() OVER () AS {} FROM {}{}{})", sql::quote_name(row_number),
                       pinned.relation, resolved.where.empty() ? "" : " WHERE ", resolved.where);
}

}  // namespace

std::string whole_sql(const Pinned& pinned, const Resolved& resolved) {
    const auto columns = column_list(resolved);
    if (!resolved.order.empty())
        return fmt::format("SELECT {} FROM {} ORDER BY {}", columns, numbered(pinned, resolved), order_list(resolved));
    return fmt::format("SELECT {} FROM {}{}{}", columns, pinned.relation, resolved.where.empty() ? "" : " WHERE ",
                       resolved.where);
}

std::string page_sql(const Pinned& pinned, const Resolved& resolved, const std::optional<RowPlace>& after,
                     std::int64_t limit) {
    auto columns = column_list(resolved);
    for (const auto& [field, descending] : resolved.order) columns += ", " + place_expression(field);
    return fmt::format("SELECT {}, {}::VARCHAR FROM {}{} ORDER BY {} LIMIT {}", columns, sql::quote_name(row_number),
                       numbered(pinned, resolved), after ? " WHERE " + behind(resolved, *after) : "",
                       order_list(resolved), limit);
}

}  // namespace weir::serve
