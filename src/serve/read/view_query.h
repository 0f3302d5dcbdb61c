// What GET /views/VIEW asks for: from the query string to a typed query, and from there to one SELECT.
//
//   column=v  column.eq=v  .ne  .gt  .gte  .lt  .lte   compared in the column's type
//   column.in=a,b,c        one of them; a comma in a value is written \,
//   column.prefix=text     texts that begin so
//   column.null=true       NULL, or with false anything else
//   select=a,b  order=a,-b  limit=n  cursor=…  layer=…  as_of=…  known_at=…
//
// A column that is called like one of these words is filtered as limit.eq=5.
//
// Pages: rows are numbered in the view's own order, which makes every order total. A page's rows are those behind the
// last row of the page before, by value: nothing is counted off.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "serve/problem.h"
#include "serve/read/reads.h"

namespace weir::serve {

struct Filter {
    enum class Op { eq, ne, gt, gte, lt, lte, in, prefix, null };
    std::string column;
    Op op = Op::eq;
    std::vector<std::string> values;  // as written
    bool is_null = true;              // Op::null
    std::string parameter;            // as it stood in the query string
};

struct OrderBy {
    std::string column;
    bool descending = false;
};

struct ViewQuery {
    std::vector<Filter> filters;
    std::vector<std::string> select;  // empty: all
    std::vector<OrderBy> order;
    std::optional<std::int64_t> limit;
    std::string cursor;
    std::optional<Layer> layer;
    std::optional<Day> as_of;
    std::optional<Time> known_at;

    // No filter, order or selection: the view as it is.
    bool is_whole() const { return filters.empty() && select.empty() && order.empty(); }
};

struct QueryLimits {
    std::int64_t rows_max = 10'000;
    std::size_t filters_max = 64;
    std::size_t values_max = 1'000;
};

// Whether a parameter of this name is no filter: select, order, limit, …
bool is_query_word(std::string_view name);

// Reads a query string; column names are checked by resolve().
std::optional<Problem> parse_view_query(std::string_view text, const QueryLimits& limits, ViewQuery& query);

// A row's place in its order: values of the order's columns as SQL texts, then its number.
struct RowPlace {
    std::vector<std::optional<std::string>> values;
    std::int64_t number = 0;
};

struct Resolved {
    std::string where;                          // SQL; empty: all rows
    std::vector<std::string> columns;           // in the answer, as the view spells them
    std::vector<std::pair<Field, bool>> order;  // and whether descending
    std::string identity;                       // of filters and order: what a cursor is bound to
};

// Names and values against the view's columns.
std::optional<Problem> resolve(const ViewQuery& query, const Schema& schema, Resolved& resolved);

// "\"sub\" = 'x'" for a rule on rows, or nothing where no row can have this value.
std::optional<std::string> equals_sql(const Schema& schema, const std::string& column, std::string_view value);

// The whole answer, without pages.
std::string whole_sql(const Pinned& pinned, const Resolved& resolved);
// At most `limit` rows behind `after`. Behind the answer's columns stand one text per column of the order, and the
// row's number: hidden_columns() of them.
std::string page_sql(const Pinned& pinned, const Resolved& resolved, const std::optional<RowPlace>& after,
                     std::int64_t limit);
inline std::size_t hidden_columns(const Resolved& resolved) { return resolved.order.size() + 1; }

}  // namespace weir::serve
