// What lies in the schema of a PostgreSQL store: how a view's table looks, and what is told of it.
//
//   weir_generation(lake, epoch, generation, …)               one row; `generation` counts commits that changed
//   anything weir_publication(view, publication, version, cut, …)      one row per view VIEW(its columns…) its rows
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serve/store/postgres_connection.h"
#include "serve/store/serving_store.h"

namespace weir::serve::postgres {

// A row of a view with nested columns as the API gives it: jsonb keeps neither the order of members nor -0.0.
inline constexpr std::string_view whole_column = "weir_json";

// How a view's table looks.
struct Shape {
    std::vector<Field> fields, key, owners;
    std::vector<std::vector<std::string>> indexes;
    std::string description;
    bool whole = false;  // has whole_column
    std::string hash;    // of all but the owners
};
using Shapes = std::map<std::string, Shape, std::less<>>;

Shape shape_of(const ViewLoad& view);

// "a", "b"
std::string names_of(const std::vector<Field>& fields);
std::string names_of(const std::vector<std::string>& columns);
// weir_VIEW_COLUMNS_3f2a9c1d: as long as PostgreSQL lets a name be, and no two of a schema alike.
std::string index_name(const std::string& view, const std::vector<std::string>& columns);

// What the store says of a view.
struct Loaded {
    std::string version, shape;
    std::string form;  // of the key: primary; unique: some rows have none; none: it is not unique; empty: no key
    Provenance from;
};
struct State {
    std::int64_t generation = -1, epoch = 0;  // -1: nothing was ever loaded
    std::string lake;
    std::map<std::string, Loaded, std::less<>> views;
};

// Of one snapshot, since it is one statement.
Result<State> read_state(Connection& connection, const std::string& schema);

}  // namespace weir::serve::postgres
