#include "serve/api/routes.h"

#include <array>

#include "serve/http/uri.h"

namespace weir::serve {
namespace {

constexpr std::string_view reading = "GET, HEAD, OPTIONS";

constexpr std::array specs{
    RouteSpec{Route::index, "index", "/", reading, true, "The page, for browsers; else where to begin"},
    RouteSpec{Route::asset, "asset", "/assets/{file}", reading, true, "A file of the page"},
    RouteSpec{Route::livez, "livez", "/livez", reading, true, "Whether the process is alive"},
    RouteSpec{Route::readyz, "readyz", "/readyz", reading, true, "Whether it can serve now"},
    RouteSpec{Route::metrics, "metrics", "/metrics", reading, false, "Metrics in Prometheus' text format"},
    RouteSpec{Route::openapi, "openapi", "/openapi.json", reading, false, "This interface as an OpenAPI document"},
    RouteSpec{Route::problem, "problem", "/problems/{problem}", reading, true, "What a problem's type means"},
    RouteSpec{Route::views, "views", "/views", reading, false, "The catalogue of views"},
    RouteSpec{Route::view, "view", "/views/{view}", reading, false, "The rows of a view"},
    RouteSpec{Route::key, "key", "/views/{view}/{key}", reading, false, "One row of a view, by its key"},
    RouteSpec{Route::stream, "stream", "/stream/{view}", "GET, OPTIONS", false,
              "An event for each publication of a view"},
    RouteSpec{Route::topic, "topic", "/topics/{topic}", "POST, OPTIONS", false, "Rows into a topic of the log"},
    RouteSpec{Route::status, "status", "/status", reading, false,
              "The pipeline: sources, tables, parts, the last verdict"},
    RouteSpec{Route::status_stream, "status_stream", "/status/stream", "GET, OPTIONS", false,
              "The pipeline as events, about one a second"},
    RouteSpec{Route::system, "system", "/system", reading, false, "The catalogue of system tables"},
    RouteSpec{Route::system_table, "system_table", "/system/{table}", reading, false, "The rows of a system table"},
    RouteSpec{Route::none, "none", "", "", true, ""},
};

}  // namespace

std::span<const RouteSpec> routes() { return specs; }

const RouteSpec& spec(Route route) { return specs.at(static_cast<std::size_t>(route)); }

Route route_of(std::string_view path, std::vector<std::string>& segments) {
    segments.clear();
    if (path == "/") return Route::index;
    if (path == "/livez" || path == "/healthz") return Route::livez;
    if (path == "/readyz") return Route::readyz;
    if (path == "/metrics") return Route::metrics;
    if (path == "/openapi.json") return Route::openapi;
    if (path == "/status") return Route::status;
    if (path == "/status/stream") return Route::status_stream;
    if (path == "/system") return Route::system;
    auto parts = http::path_segments(path);
    if (!parts) return Route::none;
    segments = std::move(*parts);
    if (segments.size() == 2 && segments[0] == "assets" && !segments[1].empty()) return Route::asset;
    if (segments.size() == 2 && segments[0] == "problems" && !segments[1].empty()) return Route::problem;
    if (segments.size() == 2 && segments[0] == "system" && !segments[1].empty()) return Route::system_table;
    if (segments.size() == 2 && segments[0] == "stream" && !segments[1].empty()) return Route::stream;
    if (segments.size() == 2 && segments[0] == "topics" && !segments[1].empty()) return Route::topic;
    if (segments[0] != "views") return Route::none;
    if (segments.size() == 1) return Route::views;
    if (segments[1].empty()) return Route::none;
    return segments.size() == 2 ? Route::view : Route::key;
}

bool takes(const RouteSpec& spec, http::Method method) {
    switch (method) {
        case http::Method::get: return spec.methods.find("GET") != std::string_view::npos;
        case http::Method::head: return spec.methods.find("HEAD") != std::string_view::npos;
        case http::Method::post: return spec.methods.find("POST") != std::string_view::npos;
        case http::Method::options: return spec.methods.find("OPTIONS") != std::string_view::npos;
        default: return false;
    }
}

}  // namespace weir::serve
