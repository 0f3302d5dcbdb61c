#include "serve/api/openapi.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "serve/api/routes.h"
#include "serve/problem.h"

namespace weir::serve {
namespace {

// In the order in which members are written.
using json = nlohmann::ordered_json;

json schema_of(const Type& type) {
    using enum Type::Kind;
    switch (type.kind) {
        case boolean: return {{"type", {"boolean", "null"}}};
        case int8:
        case int16:
        case int32: return {{"type", {"integer", "null"}}, {"format", "int32"}};
        case int64: return {{"type", {"integer", "null"}}, {"format", "int64"}};
        // NaN and the infinities are texts.
        case float32:
        case float64: return {{"type", {"number", "string", "null"}}};
        case decimal: return {{"type", {"number", "null"}}, {"description", weir::to_string(type)}};
        case date: return {{"type", {"string", "null"}}, {"format", "date"}};
        case timestamp: return {{"type", {"string", "null"}}, {"format", "date-time"}};
        case timestamp_ntz:
            return {{"type", {"string", "null"}}, {"description", "A moment without a zone: 2024-03-01T10:00:00"}};
        case binary: return {{"type", {"string", "null"}}, {"contentEncoding", "base64"}};
        case array:
            return {{"type", {"array", "null"}},
                    {"items", type.fields.empty() ? json::object() : schema_of(type.fields[0].type)}};
        case map: return {{"type", {"object", "null"}}};
        case structure: {
            json properties = json::object();
            for (const auto& field : type.fields) properties[field.name] = schema_of(field.type);
            return {{"type", {"object", "null"}}, {"properties", properties}};
        }
        case null: return {{"type", "null"}};
        default: return {{"type", {"string", "null"}}};
    }
}

// As a parameter: one value, never null. Numbers are bounded as their column is.
json parameter_schema(const Type& type) {
    using enum Type::Kind;
    switch (type.kind) {
        case boolean: return {{"type", "boolean"}};
        case int8: return {{"type", "integer"}, {"minimum", INT8_MIN}, {"maximum", INT8_MAX}};
        case int16: return {{"type", "integer"}, {"minimum", INT16_MIN}, {"maximum", INT16_MAX}};
        case int32: return {{"type", "integer"}, {"format", "int32"}, {"minimum", INT32_MIN}, {"maximum", INT32_MAX}};
        case int64: return {{"type", "integer"}, {"format", "int64"}, {"minimum", INT64_MIN}, {"maximum", INT64_MAX}};
        case float32:
        case float64: return {{"type", "number"}};
        case decimal: {
            const auto fraction = type.scale > 0 ? fmt::format("([.][0-9]{{1,{}}})?", type.scale) : std::string();
            return {
                {"type", "string"},
                {"pattern", fmt::format("^-?[0-9]{{1,{}}}{}$", std::max(1, type.precision - type.scale), fraction)}};
        }
        case date: return {{"type", "string"}, {"format", "date"}};
        case timestamp: return {{"type", "string"}, {"format", "date-time"}};
        default: return {{"type", "string"}};
    }
}

bool can_be_compared(const Type& type) {
    return !type.is_nested() && type.kind != Type::Kind::binary && type.kind != Type::Kind::null;
}

json query_parameter(const std::string& name, const std::string& description, json schema) {
    return {{"name", name},
            {"in", "query"},
            {"required", false},
            {"description", description},
            {"schema", std::move(schema)}};
}

json problem_response(std::string_view description) {
    return {{"description", description},
            {"content", {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
}

// The statuses that a route may answer with, besides success.
void add_problems(json& responses, std::initializer_list<int> statuses, bool needs_credentials) {
    for (const int status : statuses)
        responses[std::to_string(status)] = problem_response(problem_kind(kind_of_status(status)).title);
    // What the server itself may say, before anybody looks at the path.
    for (const int status : {408, 414, 431})
        responses[std::to_string(status)] = problem_response(problem_kind(kind_of_status(status)).title);
    if (!needs_credentials) return;
    for (const int status : {401, 403})
        responses[std::to_string(status)] = problem_response(problem_kind(kind_of_status(status)).title);
}

json header(std::string_view description) { return {{"description", description}, {"schema", {{"type", "string"}}}}; }

json answer_headers() {
    return {{"ETag", header("The version of this answer; send it back in If-None-Match")},
            {"Link", header("rel=\"next\": the next page")},
            {"Weir-Layer", header("batch, speed or merged")},
            {"Weir-Publication", header("The number of the publication")},
            {"Weir-Published-At", header("When it was published")},
            {"Weir-Interval", header("The last day computed")},
            {"Weir-Cut", header("JSON: what of each base table is in it")},
            {"Weir-Watermark", header("The least watermark of the sources of the view, where they have event time")},
            {"Weir-Freshness-Seconds", header("How long ago it was published")}};
}

json row_schema(const CatalogueEntry& view) {
    json properties = json::object();
    if (view.schema)
        for (const auto& field : view.schema->fields) properties[field.name] = schema_of(field.type);
    return {{"type", "object"}, {"properties", properties}};
}

json layer_parameter(const OpenApiOptions& options, const std::string& what) {
    return query_parameter("layer", what, {{"type", "string"}, {"enum", options.layers}});
}

// `kind`: view or system.
json view_operation(const OpenApiOptions& options, const CatalogueEntry& view, std::string_view kind) {
    const bool is_view = kind == "view";
    json parameters = json::array();
    if (view.schema)
        for (const auto& field : view.schema->fields)
            if (can_be_compared(field.type))
                parameters.push_back(query_parameter(
                    is_query_word(field.name) ? field.name + ".eq" : field.name,
                    fmt::format("Rows whose {0} is this. Also {0}.ne, .gt, .gte, .lt, .lte, .in, .null{1}", field.name,
                                field.type.kind == Type::Kind::string ? ", .prefix" : ""),
                    parameter_schema(field.type)));
    for (const auto& word : {"select", "order"})
        parameters.push_back(query_parameter(word,
                                             word == std::string_view("select")
                                                 ? "Columns of the answer: a,b"
                                                 : "Columns to order by, downwards with a minus: a,-b",
                                             {{"type", "string"}}));
    parameters.push_back(query_parameter("limit",
                                         fmt::format("Rows of a page; {} where none is named", options.page_rows),
                                         {{"type", "integer"}, {"minimum", 1}, {"maximum", options.page_rows_max}}));
    parameters.push_back(query_parameter("cursor", "As `next` of the page before has it",
                                         {{"type", "string"}, {"maxLength", 4096}, {"pattern", "^[A-Za-z0-9_-]+$"}}));
    if (is_view) {
        parameters.push_back(layer_parameter(
            options, fmt::format("Which layer answers; {} where none is named, batch with as_of or known_at",
                                 options.layers.empty() ? "batch" : options.layers.front())));
        parameters.push_back(query_parameter(
            "as_of",
            "The result of that day of event time, of a view that keeps every interval; of layer=batch, "
            "which is meant where no layer is named",
            {{"type", "string"}, {"format", "date"}}));
        parameters.push_back(query_parameter(
            "known_at",
            "The result that was the published one then; of layer=batch, which is meant where no layer is named",
            {{"type", "string"}, {"format", "date-time"}}));
    }
    const auto name = fmt::format("#/components/schemas/{}{}", is_view ? "" : "weir.", view.name);
    json responses = json::object();
    responses["200"] = {{"description", "Rows"},
                        {"headers", answer_headers()},
                        {"content",
                         {{"application/json",
                           {{"schema",
                             {{"type", "object"},
                              {"required", {"data", "next", "meta"}},
                              {"properties",
                               {{"data", {{"type", "array"}, {"items", {{"$ref", name}}}}},
                                {"next", {{"type", {"string", "null"}}}},
                                {"meta", {{"$ref", "#/components/schemas/Meta"}}}}}}}}},
                          {"application/x-ndjson", json::object()},
                          {"application/jsonl", json::object()},
                          {"text/csv", json::object()},
                          {"application/vnd.apache.parquet", json::object()}}}};
    responses["304"] = {{"description", "The version that the client has is the present one"}};
    add_problems(responses, {400, 404, 405, 406, 410, 412, 422, 429, 503}, options.has_keys);
    return {{"operationId", fmt::format("{}_{}", kind, view.name)},
            {"summary", view.description.empty() ? fmt::format("The rows of {}", view.name) : view.description},
            {"tags", {is_view ? "views" : "operations"}},
            {"parameters", parameters},
            {"responses", responses}};
}

json key_operation(const OpenApiOptions& options, const CatalogueEntry& view, const KeySpec& spec) {
    json parameters = json::array();
    for (const auto& field : spec.key) {
        auto schema = parameter_schema(field.type);
        if (field.type.kind == Type::Kind::string) schema["minLength"] = 1;
        parameters.push_back({{"name", field.name}, {"in", "path"}, {"required", true}, {"schema", schema}});
    }
    parameters.push_back(layer_parameter(options, "Which layer answers; batch where none is named"));
    json responses = json::object();
    responses["200"] = {{"description", "The row"},
                        {"headers", answer_headers()},
                        {"content",
                         {{"application/json",
                           {{"schema",
                             {{"type", "object"},
                              {"required", {"data", "meta"}},
                              {"properties",
                               {{"data", {{"$ref", fmt::format("#/components/schemas/{}", view.name)}}},
                                {"meta", {{"$ref", "#/components/schemas/Meta"}}}}}}}}}}}};
    responses["304"] = {{"description", "The version that the client has is the present one"}};
    add_problems(responses, {400, 404, 405, 406, 409, 412, 422, 429, 503}, options.has_keys);
    return {{"operationId", "key_" + view.name},
            {"summary", fmt::format("One row of {}, by its key", view.name)},
            {"tags", {"views"}},
            {"parameters", parameters},
            {"responses", responses}};
}

json plain_operation(const OpenApiOptions& options, const RouteSpec& route, std::string_view type) {
    json responses = json::object();
    responses["200"] = {
        {"description", route.summary},
        {"content",
         {{std::string(type),
           {{"schema", type == "application/json" ? json{{"type", "object"}} : json{{"type", "string"}}}}}}}};
    if (route.route == Route::views || route.route == Route::system)
        responses["304"] = {{"description", "The version that the client has is the present one"}};
    add_problems(responses, {400, 405, 406, 429, 503}, options.has_keys && !route.open);
    json operation = {
        {"operationId", route.name}, {"summary", route.summary}, {"tags", {"operations"}}, {"responses", responses}};
    if (route.open) operation["security"] = json::array();
    return operation;
}

}  // namespace

std::string openapi_document(const OpenApiOptions& options, const std::vector<CatalogueEntry>& views,
                             const std::vector<CatalogueEntry>& system, const KeyAnswers::Specs& keys,
                             const Principal& principal) {
    json document = {{"openapi", "3.1.0"},
                     {"info",
                      {{"title", options.title.empty() ? "weir" : options.title},
                       {"version", options.version},
                       {"description", "Views of a weir project. Printed from the project itself."}}},
                     {"paths", json::object()},
                     {"components", {{"schemas", json::object()}}}};
    auto& paths = document["paths"];
    auto& schemas = document["components"]["schemas"];
    for (const auto& route : routes()) {
        const bool text = route.route == Route::livez || route.route == Route::readyz || route.route == Route::metrics;
        if (route.path.empty() || route.path.find('{') != std::string_view::npos) continue;
        const auto* type = route.route == Route::status_stream ? "text/event-stream"
                           : text                              ? "text/plain"
                                                               : "application/json";
        paths[std::string(route.path)]["get"] = plain_operation(options, route, type);
    }
    paths["/"]["get"]["responses"]["200"]["content"]["text/html"] = {{"schema", {{"type", "string"}}}};
    paths["/healthz"]["get"] = paths["/livez"]["get"];
    paths["/healthz"]["get"]["operationId"] = "healthz";
    paths["/healthz"]["get"]["deprecated"] = true;
    auto asset = plain_operation(options, spec(Route::asset), "*/*");
    asset["parameters"] =
        json::array({{{"name", "file"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
    asset["responses"]["304"] = {{"description", "The version that the client has is the present one"}};
    add_problems(asset["responses"], {404}, false);
    paths["/assets/{file}"]["get"] = asset;
    auto problem_route = plain_operation(options, spec(Route::problem), "text/plain");
    json names = json::array();
    for (const auto& kind : problem_kinds()) names.push_back(kind.name);
    problem_route["parameters"] = json::array(
        {{{"name", "problem"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}, {"enum", names}}}}});
    add_problems(problem_route["responses"], {404}, false);
    paths["/problems/{problem}"]["get"] = problem_route;
    if (options.has_topics) {
        auto topics = plain_operation(options, spec(Route::topic), "application/json");
        topics["parameters"] = json::array({{{"name", "topic"},
                                             {"in", "path"},
                                             {"required", true},
                                             {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}}},
                                            query_parameter("key", "The member whose value is a row's key",
                                                            {{"type", "string"}, {"maxLength", 512}, {"minLength", 1}}),
                                            {{"name", "Idempotency-Key"},
                                             {"in", "header"},
                                             {"required", false},
                                             {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}}}}});
        topics["requestBody"] = {
            {"required", true},
            {"content",
             {{"application/x-ndjson", json::object()},
              {"application/jsonl", json::object()},
              {"application/json",
               {{"schema", {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "object"}}}}}}}}}};
        auto& responses = topics["responses"];
        responses["202"] = responses["200"];
        responses.erase("200");
        add_problems(responses, {404, 409, 413, 415, 422}, options.has_keys);
        paths["/topics/{topic}"]["post"] = topics;
    }
    auto stream = plain_operation(options, spec(Route::stream), "text/event-stream");
    stream["parameters"] = json::array({{{"name", "view"},
                                         {"in", "path"},
                                         {"required", true},
                                         {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}}},
                                        query_parameter("layer", "merged: rows as they change; batch: publications",
                                                        {{"type", "string"}, {"enum", {"batch", "merged"}}}),
                                        {{"name", "Last-Event-ID"},
                                         {"in", "header"},
                                         {"required", false},
                                         {"schema", {{"type", "string"}, {"maxLength", 200}}}}});
    add_problems(stream["responses"], {404, 422}, options.has_keys);
    paths["/stream/{view}"]["get"] = stream;
    for (const auto& view : views) {
        if (!principal.may("view", view.name)) continue;
        schemas[view.name] = row_schema(view);
        paths["/views/" + view.name]["get"] = view_operation(options, view, "view");
        const auto found = keys.find(view.name);
        if (found == keys.end()) continue;
        std::string path = "/views/" + view.name;
        for (const auto& field : found->second.key) path += "/{" + field.name + "}";
        paths[path]["get"] = key_operation(options, view, found->second);
    }
    for (const auto& table : system) {
        if (!principal.may("system", table.name)) continue;
        schemas["weir." + table.name] = row_schema(table);
        paths["/system/" + table.name]["get"] = view_operation(options, table, "system");
    }
    schemas["Problem"] = {{"type", "object"},
                          {"required", {"type", "title", "status", "detail"}},
                          {"properties",
                           {{"type", {{"type", "string"}}},
                            {"title", {{"type", "string"}}},
                            {"status", {{"type", "integer"}}},
                            {"detail", {{"type", "string"}}},
                            {"hint", {{"type", "string"}}},
                            {"parameter", {{"type", "string"}}}}}};
    schemas["Meta"] = {{"type", "object"},
                       {"required", {"view", "layer", "publication", "published_at", "interval", "watermark", "cut"}},
                       {"properties",
                        {{"view", {{"type", "string"}}},
                         {"layer", {{"type", "string"}}},
                         {"publication", {{"type", {"integer", "null"}}}},
                         {"published_at", {{"type", {"string", "null"}}}},
                         {"interval", {{"type", {"string", "null"}}}},
                         {"watermark", {{"type", {"string", "null"}}}},
                         {"freshness_seconds",
                          {{"type", {"integer", "null"}},
                           {"description",
                            "How long ago it was published; in the catalogue and in events, since other "
                            "answers have it as Weir-Freshness-Seconds"}}},
                         {"cut", {{"type", "object"}}}}}};
    if (options.has_keys) {
        document["components"]["securitySchemes"] = {
            {"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
            {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}};
        document["security"] = json::array({{{"bearer", json::array()}}, {{"key", json::array()}}});
    }
    return document.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace weir::serve
