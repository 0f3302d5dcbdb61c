// Every path of the API: what it is called, which methods it takes. The router, Allow, the metrics and /openapi.json
// read the same list.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/request.h"

namespace weir::serve {

enum class Route {
    index,
    asset,
    livez,
    readyz,
    metrics,
    openapi,
    problem,
    views,
    view,
    key,
    stream,
    topic,
    status,
    status_stream,
    system,
    system_table,
    none
};

struct RouteSpec {
    Route route;
    std::string_view name;     // of metrics and operations
    std::string_view path;     // "/views/{view}"
    std::string_view methods;  // of Allow
    bool open;                 // needs no credentials
    std::string_view summary;
};

std::span<const RouteSpec> routes();
const RouteSpec& spec(Route route);

// The route of a path, and its segments decoded. `none` where there is none.
Route route_of(std::string_view path, std::vector<std::string>& segments);
bool takes(const RouteSpec& spec, http::Method method);

}  // namespace weir::serve
