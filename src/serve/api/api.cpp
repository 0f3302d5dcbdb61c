#include "serve/api/api.h"

#include <arpa/inet.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/sha256.h"
#include "model/system_tables.h"
#include "serve/api/openapi.h"
#include "serve/console/page.h"
#include "serve/http/negotiate.h"
#include "serve/http/uri.h"
#include "sink/value.h"

namespace weir::serve {
namespace {

constexpr std::string_view security_fields =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n";
constexpr std::string_view policy_name = "Content-Security-Policy";
constexpr std::string_view policy_fields = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
constexpr std::string_view transport_fields = "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";
constexpr std::string_view exposed_fields =
    "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Location, X-Request-Id, Weir-Layer, Weir-Publication, "
    "Weir-Published-At, Weir-Interval, Weir-Cut, Weir-Watermark, Weir-Freshness-Seconds";

bool is_request_id(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
}

// The name in Host, without its port. Only whole addresses: a site may be called 127.0.0.1.example.org, and lead here.
bool is_loopback_name(std::string_view host) {
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
        host = host.substr(0, colon);
    if (host.empty() || http::equals_lower(host, "localhost") || host == "[::1]") return true;
    in_addr address{};
    return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

// Whoever has one address of IPv6 has the 2^64 beside it too.
std::string network_of(const std::string& address) {
    in6_addr bytes{};
    if (address.find(':') == std::string::npos || ::inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return address;
    std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), std::uint8_t{0});
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET6, &bytes, text.data(), text.size());
}

std::int64_t seconds_since_1970() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

bool is_view_name(std::string_view text) {
    return !text.empty() && text.size() <= 128 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// What the nearest path is to one that is not there.
std::string near_path(const std::string& path) {
    std::vector<std::string> paths;
    for (const auto& route : routes())
        if (!route.path.empty() && route.path.find('{') == std::string_view::npos) paths.emplace_back(route.path);
    if (const auto near = nearest(path, paths); !near.empty()) return fmt::format("did you mean '{}'?", near);
    return "/views lists the views, and /openapi.json all paths; / is the page, for browsers";
}

std::string tag_of(std::string_view body) { return fmt::format("\"{}\"", sha256_hex(body).substr(0, 32)); }

http::Response json_response(std::string body, std::string_view cache) {
    http::Response response;
    response.body = std::move(body);
    response.field("Content-Type", "application/json");
    response.field("Cache-Control", cache);
    return response;
}

}  // namespace

// What is known of one request, from its head on.
struct Api::State {
    Route route = Route::none;
    std::vector<std::string> segments;
    std::shared_ptr<const Principal> principal;
    std::uint64_t keys = 0;  // those that it was identified with
    std::string request_id;
    std::string refused;         // why, for the log alone
    std::string fields;          // header lines of whatever answer it gets
    std::optional<Layer> layer;  // of the rows that it got
};

Api::Api(Reads& reads, ViewAnswers& answers, const KeyRing& ring, AccessLog& log, ApiOptions options)
    : reads_(reads),
      answers_(answers),
      ring_(ring),
      log_(log),
      options_(std::move(options)),
      rates_(options_.rate),
      address_rates_(options_.address_rate) {
    auto anybody = std::make_shared<Principal>();
    anybody->everything = true;
    anybody_ = std::move(anybody);
}

std::optional<Problem> Api::take_rate(Rates& rates, std::string_view policy, std::string_view who, State& state) {
    if (!rates.limited()) return std::nullopt;
    const auto taken = rates.take(who, Rates::Clock::now());
    state.fields +=
        fmt::format("RateLimit-Policy: \"{}\";q={};w={}\r\nRateLimit: \"{}\";r={};t={}\r\n", policy, rates.rate().count,
                    rates.rate().window.count(), policy, taken.remaining, taken.seconds);
    if (taken.allowed) return std::nullopt;
    return Problem{
        .kind = "quota-exceeded",
        .detail = fmt::format("{} requests in {} s are allowed", rates.rate().count, rates.rate().window.count()),
        .retry_after = static_cast<int>(taken.seconds)};
}

std::optional<Problem> Api::identify(http::Exchange& exchange, State& state) {
    if (ring_.is_open()) {
        state.principal = anybody_;
        return std::nullopt;
    }
    state.keys = ring_.number();
    auto credentials = ring_.current().identify(exchange.head, seconds_since_1970());
    if (credentials.fault == Credentials::Fault::none) {
        state.principal = std::move(credentials.principal);
        return take_rate(rates_, "token", state.principal->name, state);
    }
    ++refused_credentials_;
    state.refused = std::move(credentials.reason);
    if (credentials.fault == Credentials::Fault::twice)
        return Problem{.kind = "bad-parameter",
                       .detail = "credentials stand there twice",
                       .hint = "send Authorization or X-API-Key, once"};
    const bool missing = credentials.fault == Credentials::Fault::missing;
    // The same words whatever is wrong with it.
    return Problem{.kind = "unauthorized",
                   .detail = missing ? "this path needs a key or a token" : "the key or token is not valid",
                   .fields = missing ? "WWW-Authenticate: Bearer realm=\"weir\"\r\n"
                                     : "WWW-Authenticate: Bearer realm=\"weir\", error=\"invalid_token\"\r\n"};
}

std::optional<Problem> Api::check(http::Exchange& exchange, State& state) {
    const auto& head = exchange.head;
    if (ring_.is_open() && !is_loopback_name(head.host))
        return Problem{.kind = "misdirected",
                       .detail = fmt::format("'{}' is not this machine", head.host),
                       .hint = "ask for localhost"};
    state.route = route_of(head.path, state.segments);
    const auto& route = spec(state.route);
    if (auto problem = take_rate(address_rates_, "address", network_of(exchange.peer->address), state)) return problem;
    if (state.route == Route::none)
        return Problem{
            .kind = "not-found", .detail = "there is nothing at this path", .hint = near_path(std::string(head.path))};
    if (!takes(route, head.method))
        return Problem{.kind = "method-not-allowed",
                       .detail = fmt::format("{} takes {}", route.path, route.methods),
                       .fields = fmt::format("Allow: {}\r\n", route.methods)};
    if (head.method == http::Method::options || route.open) return std::nullopt;
    if (auto problem = identify(exchange, state)) return problem;
    const auto forbidden = [](std::string_view scope) {
        return Problem{
            .kind = "forbidden",
            .detail = fmt::format("the credentials do not have the scope {}", scope),
            .fields = fmt::format(
                "WWW-Authenticate: Bearer realm=\"weir\", error=\"insufficient_scope\", scope=\"{}\"\r\n", scope)};
    };
    if (state.route == Route::metrics && !state.principal->may_see_metrics()) return forbidden("metrics");
    if ((state.route == Route::status || state.route == Route::status_stream) &&
        !state.principal->may("system", "status"))
        return forbidden("system:status");
    if (state.route == Route::system_table && !state.principal->may("system", state.segments[1]))
        return forbidden(is_view_name(state.segments[1]) ? "system:" + state.segments[1] : "system:NAME");
    if (state.route == Route::topic && !state.principal->may("topic", state.segments[1]))
        return forbidden("topic:NAME");
    if ((state.route == Route::view || state.route == Route::key || state.route == Route::stream) &&
        !state.principal->may("view", state.segments[1]))
        return forbidden(is_view_name(state.segments[1]) ? "view:" + state.segments[1] : "view:NAME");
    return std::nullopt;
}

std::optional<http::Response> Api::cors_preflight(const http::Exchange& exchange, const State& state) const {
    if (exchange.head.method != http::Method::options) return std::nullopt;
    http::Response response;
    response.status = 204;
    response.field("Allow", spec(state.route).methods);
    const auto origin = exchange.head.field("origin");
    const bool known =
        origin && std::find(options_.origins.begin(), options_.origins.end(), *origin) != options_.origins.end();
    if (known && exchange.head.field("access-control-request-method")) {
        response.field("Access-Control-Allow-Methods", spec(state.route).methods);
        response.field("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Match, Last-Event-ID, "
                       "X-API-Key, X-Request-Id");
        response.field("Access-Control-Max-Age", "7200");
    }
    return response;
}

http::Admission Api::admit(http::Exchange& exchange) {
    auto state = std::make_shared<State>();
    exchange.state = state;
    if (const auto id = exchange.head.field("x-request-id"); id && is_request_id(*id)) state->request_id = *id;
    http::Admission admission;
    if (const auto problem = check(exchange, *state)) {
        admission.answer = to_response(*problem);
    } else {
        admission.answer = cors_preflight(exchange, *state);
    }
    if (admission.answer) complete(&exchange, *admission.answer);
    // A body that nobody asked for is read and dropped while it is small.
    admission.body_max = exchange.head.method == http::Method::post ? options_.body_bytes_max : 64 * 1024;
    return admission;
}

std::optional<http::Response> Api::answer_now(http::Exchange& exchange) {
    const auto& state = *std::static_pointer_cast<State>(exchange.state);
    http::Response response;
    switch (state.route) {
        case Route::index: response = wants_page(exchange.head) ? page_answer(exchange.head, "/") : index(); break;
        case Route::asset: response = page_answer(exchange.head, exchange.head.path); break;
        case Route::livez: response = health(exchange.head, false); break;
        case Route::readyz: response = health(exchange.head, true); break;
        case Route::problem: response = problem_page(state.segments[1]); break;
        case Route::views: response = catalogue(exchange.head, *state.principal, reads_, "view"); break;
        case Route::system: response = catalogue(exchange.head, *state.principal, *system_reads_, "system"); break;
        case Route::status_stream: response = status_stream(exchange.head); break;
        case Route::stream: response = stream(exchange.head, state.segments[1], state.principal); break;
        case Route::key:
            if (keys_ != nullptr && keys_->waits(exchange.head)) return std::nullopt;
            response = key(exchange.head, state);
            break;
        default: return std::nullopt;
    }
    if (response.events) response.events_go_on = may_go_on(state);
    complete(&exchange, response);
    return response;
}

// A stream ends with the credentials that opened it. Where keys changed, whoever still has one comes back.
std::function<bool()> Api::may_go_on(const State& state) const {
    if (state.principal->everything) return nullptr;
    return [this, principal = state.principal, keys = state.keys] {
        return keys == ring_.number() && (principal->expires == 0 || seconds_since_1970() < principal->expires);
    };
}

// What a library throws, without memory for one, ends the request and not the server.
http::Response Api::failed(http::Exchange& exchange, const std::exception& error) const {
    answers_.options().log_fault({.code = ErrorCode::internal, .message = error.what()});
    auto response = to_response({.kind = "internal", .detail = "the request failed; the server's log says why"});
    complete(&exchange, response);
    return response;
}

std::optional<http::Response> Api::answer(http::Exchange& exchange) {
    try {
        return answer_now(exchange);
    } catch (const std::exception& error) {
        return failed(exchange, error);
    }
}

http::Response Api::work(http::Exchange& exchange) {
    try {
        return work_on(exchange);
    } catch (const std::exception& error) {
        return failed(exchange, error);
    }
}

http::Response Api::work_on(http::Exchange& exchange) {
    const auto& state = *std::static_pointer_cast<State>(exchange.state);
    http::Response response;
    if (state.route == Route::metrics) {
        response = metrics_page();
    } else if (state.route == Route::topic) {
        response = topics_ == nullptr
                       ? to_response({.kind = "not-found", .detail = "a lake without its project has no topics"})
                       : topics_->post(exchange.head, state.segments[1], exchange.body, *state.principal);
    } else if (state.route == Route::key) {
        response = key(exchange.head, state);
    } else if (state.route == Route::status) {
        response = status(exchange.head);
    } else if (state.route == Route::system_table) {
        response = system_table(exchange.head, state.segments[1], *state.principal);
    } else if (state.route == Route::openapi) {
        response = openapi(exchange.head, *state.principal);
    } else {
        const auto& name = state.segments[1];
        response = is_view(name) ? answers_.answer(exchange.head, name, *state.principal)
                                 : to_response(unknown_view(name, *state.principal));
    }
    complete(&exchange, response);
    return response;
}

http::Response Api::key(const http::Head& head, const State& state) const {
    const auto& view = state.segments[1];
    if (!is_view(view)) return to_response(unknown_view(view, *state.principal));
    if (keys_ == nullptr)
        return to_response({.kind = "busy", .detail = "there is no index of keys here", .retry_after = 60});
    return keys_->answer(head, state.segments, *state.principal);
}

http::Response Api::busy(http::Exchange& exchange) {
    auto response = to_response({.kind = "busy", .detail = "too many queries wait for a thread", .retry_after = 1});
    complete(&exchange, response);
    return response;
}

http::Response Api::refuse(const http::Refusal& refusal) {
    Problem problem{.kind = kind_of_status(refusal.status), .detail = refusal.detail};
    if (refusal.status == 400) problem.kind = "malformed-request";
    if (refusal.status == 503) problem.retry_after = 5;
    auto response = to_response(problem);
    complete(nullptr, response);
    return response;
}

// What every answer carries.
void Api::complete(const http::Exchange* exchange, http::Response& response) const {
    response.fields += security_fields;
    if (response.fields.find(policy_name) == std::string::npos) response.fields += policy_fields;
    if (options_.tls) response.fields += transport_fields;
    if (exchange == nullptr) return;
    const auto state = std::static_pointer_cast<State>(exchange->state);
    if (state->route == Route::view || state->route == Route::key) state->layer = layer_told(response.fields);
    if (!state->request_id.empty()) response.field("X-Request-Id", state->request_id);
    response.fields += state->fields;
    if (options_.origins.empty()) return;
    response.field("Vary", "Origin");
    const auto origin = exchange->head.field("origin");
    if (!origin || std::find(options_.origins.begin(), options_.origins.end(), *origin) == options_.origins.end())
        return;
    response.field("Access-Control-Allow-Origin", *origin);
    response.field("Access-Control-Expose-Headers", exposed_fields);
}

void Api::finished(const http::Exchange* exchange, const http::Peer& peer, int status, std::uint64_t bytes) {
    const auto state = exchange == nullptr ? nullptr : std::static_pointer_cast<State>(exchange->state);
    const auto took =
        exchange == nullptr ? std::chrono::nanoseconds(0) : std::chrono::steady_clock::now() - exchange->begun;
    const auto route = state ? state->route : Route::none;
    metrics_.note(route, status, bytes, took);
    if (state && state->layer) metrics_.note_layer(*state->layer);
    if (!log_.on()) return;
    std::string line = fmt::format(
        FMT_COMPILE("{{\"time\":\"{}\",\"address\":\"{}\",\"status\":{},\"bytes\":{},\"micros\":{},\"route\":\"{}\""),
        to_iso(SystemClock().now()), peer.address, status, bytes, took.count() / 1000, spec(route).name);
    if (exchange != nullptr) {
        line += ",\"method\":";
        sink::append_json_string(exchange->head.method_text, line);
        line += ",\"path\":";
        sink::append_json_string(exchange->head.path, line);
        if (!exchange->head.query.empty()) {
            line += ",\"query\":";
            sink::append_json_string(without_secrets(exchange->head.query), line);
        }
        if (state->principal && !state->principal->name.empty()) {
            line += ",\"who\":";
            sink::append_json_string(state->principal->name, line);
        }
        if (!state->refused.empty()) {
            line += ",\"refused\":";
            sink::append_json_string(state->refused, line);
        }
        if (!state->request_id.empty()) line += fmt::format(",\"request\":\"{}\"", state->request_id);
    }
    line += "}\n";
    log_.add(line);
}

http::Response Api::index() const {
    auto response = json_response(
        "{\"views\":\"/views\",\"openapi\":\"/openapi.json\",\"metrics\":\"/metrics\",\"health\":\"/readyz\"}\n",
        "no-cache");
    response.field("Vary", "Accept");
    return response;
}

http::Response Api::health(const http::Head& head, bool ready) const {
    if (ready && draining_) return to_response({.kind = "busy", .detail = "the server is ending", .retry_after = 5});
    if (ready && !loaded_())
        return to_response({.kind = "busy", .detail = "the serving store is being loaded", .retry_after = 1});
    http::Response response;
    response.field("Content-Type", "text/plain; charset=utf-8");
    response.field("Cache-Control", "no-store");
    response.body = head.query.find("verbose") == std::string_view::npos ? "ok\n"
                    : ready ? "[+]lake ok\n[+]store ok\n[+]draining ok\nok\n"
                            : "[+]process ok\nok\n";
    return response;
}

http::Response Api::problem_page(const std::string& name) const {
    const auto kinds = problem_kinds();
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
    if (found == kinds.end()) {
        std::vector<std::string> names;
        names.reserve(kinds.size());
        for (const auto& kind : kinds) names.emplace_back(kind.name);
        return to_response(
            {.kind = "not-found", .detail = "there is no problem of this name", .hint = suggest(name, names)});
    }
    http::Response response;
    response.body = fmt::format("{}\n\nStatus {}. {}\n", found->title, found->status, found->help);
    response.field("Content-Type", "text/plain; charset=utf-8");
    response.field("Cache-Control", "max-age=3600");
    return response;
}

http::Response Api::metrics_page() const {
    http::Response response;
    metrics_.append_to(response.body);
    MetricsText text(response.body);
    text.family("weir_access_log_lines_left_out_total", "counter", "Lines that the access log could not take.");
    text.sample("weir_access_log_lines_left_out_total", {}, log_.left_out());
    text.family("weir_http_refused_credentials_total", "counter",
                "Requests whose key or token was missing or not valid.");
    text.sample("weir_http_refused_credentials_total", {}, refused_credentials_.load());
    more_metrics_(text);
    response.field("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.field("Cache-Control", "no-store");
    return response;
}

http::Response Api::stream(const http::Head& head, const std::string& view,
                           const std::shared_ptr<const Principal>& principal) const {
    constexpr std::array offers{std::string_view("text/event-stream")};
    if (!http::best_media_type(head.joined("accept"), offers))
        return to_response({.kind = "not-acceptable", .detail = "a stream comes as text/event-stream"});
    const auto entries = reads_.catalogue();
    const auto found =
        std::find_if(entries->begin(), entries->end(), [&](const CatalogueEntry& entry) { return entry.name == view; });
    if (found == entries->end()) return to_response(unknown_view(view, *principal));
    const auto parameters = http::query_parameters(head.query);
    bool rows = false;
    for (const auto& parameter : parameters.value_or(std::vector<http::Parameter>{{"query", ""}})) {
        const bool merged = parameter.value == to_string(Layer::merged);
        if (parameter.name != "layer" || (!merged && parameter.value != to_string(Layer::batch)))
            return to_response(
                {.kind = "bad-parameter",
                 .detail = fmt::format("a stream does not know '{}={}'", parameter.name, parameter.value),
                 .hint = "layer=merged: rows as they change; layer=batch: publications",
                 .parameter = parameter.name});
        rows = merged;
    }
    if (rows && changes_ == nullptr)
        return to_response(no_layer(Layer::merged, Layer::batch, answers_.options().has_project));
    const auto last_id = head.field("last-event-id").value_or("");
    if (rows && !draining_)
        if (auto response = changes_->open(view, principal, last_id)) return std::move(*response);
    if (!rows && streams_ != nullptr && !draining_)
        if (auto response = streams_->open(*found, last_id)) return std::move(*response);
    return to_response({.kind = "busy", .detail = "there are too many streams now", .retry_after = 5});
}

void Api::tick() {
    if (keys_ != nullptr) keys_->tick();
}

// The catalogue is in the order of names.
bool Api::is_view(const std::string& name) const {
    const auto entries = reads_.catalogue();
    const auto found =
        std::lower_bound(entries->begin(), entries->end(), name,
                         [](const CatalogueEntry& entry, const std::string& wanted) { return entry.name < wanted; });
    return found != entries->end() && found->name == name;
}

Problem Api::unknown_view(const std::string& name, const Principal& principal) const {
    std::vector<std::string> names;
    const auto entries = reads_.catalogue();
    for (const auto& entry : *entries)
        if (principal.may("view", entry.name)) names.push_back(entry.name);
    const auto& not_stored = options_.not_stored;
    if (std::find(not_stored.begin(), not_stored.end(), name) != not_stored.end())
        return {.kind = "not-found",
                .detail = fmt::format("view '{}' is not stored: it is there for other views", name),
                .hint = "`keep: latest` in its header stores it"};
    auto hint = suggest(name, names);
    if (hint.empty()) hint = "/views lists the views";
    return {.kind = "not-found", .detail = fmt::format("there is no view '{}'", name), .hint = std::move(hint)};
}

Problem Api::unknown_system_table(const std::string& name) const {
    std::vector<std::string> names;
    const auto entries = system_reads_->catalogue();
    for (const auto& entry : *entries) names.push_back(entry.name);
    const auto known = weir::system_tables();
    if (std::any_of(known.begin(), known.end(), [&](const SystemTable& table) { return table.name == name; }))
        return {
            .kind = "not-found",
            .detail = fmt::format("the system table '{}' is not kept in the lake, which is served alone here", name),
            .hint = "`weir up PROJECT --only serve --lake LAKE` has it"};
    auto hint = suggest(name, names);
    if (hint.empty()) hint = "/system lists the system tables";
    return {.kind = "not-found", .detail = fmt::format("there is no system table '{}'", name), .hint = std::move(hint)};
}

http::Response Api::system_table(const http::Head& head, const std::string& table, const Principal& principal) const {
    if (!system_reads_->has(table)) return to_response(unknown_system_table(table));
    return system_answers_->answer(head, table, principal);
}

http::Response Api::status(const http::Head& head) const {
    constexpr std::array offers{std::string_view("application/json")};
    if (!http::best_media_type(head.joined("accept"), offers))
        return to_response({.kind = "not-acceptable", .detail = "this comes as application/json"});
    const auto document = status_->document();
    if (document) return json_response(*document + "\n", "no-store");
    const auto problem = to_problem(document.error());
    if (problem.kind == "internal") answers_.options().log_fault(document.error());
    return to_response(problem);
}

http::Response Api::status_stream(const http::Head& head) const {
    constexpr std::array offers{std::string_view("text/event-stream")};
    if (!http::best_media_type(head.joined("accept"), offers))
        return to_response({.kind = "not-acceptable", .detail = "a stream comes as text/event-stream"});
    if (!draining_)
        if (auto response = status_->open_stream()) return std::move(*response);
    return to_response({.kind = "busy", .detail = "there are too many streams now", .retry_after = 5});
}

// A document that changes with the project or a publication.
http::Response Api::tagged_json(const http::Head& head, std::string body, const std::string& tag) const {
    constexpr std::array offers{std::string_view("application/json")};
    if (!http::best_media_type(head.joined("accept"), offers))
        return to_response({.kind = "not-acceptable", .detail = "this comes as application/json"});
    auto response = json_response(std::move(body), answers_.options().is_private ? "private, no-cache" : "no-cache");
    response.field("ETag", tag);
    if (http::names_tag(head.joined("if-none-match"), tag)) {
        response.status = 304;
        response.body.clear();
    }
    return response;
}

http::Response Api::openapi(const http::Head& head, const Principal& principal) const {
    static const KeyAnswers::Specs none;
    std::vector<std::string> layers;
    for (const auto layer : reads_.layers()) layers.emplace_back(to_string(layer));
    auto document = openapi_document({.title = options_.title,
                                      .version = options_.version,
                                      .layers = std::move(layers),
                                      .has_topics = topics_ != nullptr,
                                      .has_keys = !ring_.is_open(),
                                      .page_rows = answers_.options().page_rows,
                                      .page_rows_max = answers_.options().limits.rows_max},
                                     *reads_.catalogue(), *system_reads_->catalogue(),
                                     keys_ == nullptr ? none : keys_->specs(), principal);
    const auto tag = tag_of(document);
    return tagged_json(head, std::move(document), tag);
}

// `kind`: view or system; of scopes, and in paths.
http::Response Api::catalogue(const http::Head& head, const Principal& principal, const Reads& reads,
                              std::string_view kind) const {
    const auto entries = reads.catalogue();
    const bool views = kind == "view";
    struct Meta {
        std::size_t begin, end;  // in the body
        const CatalogueEntry* entry;
    };
    std::vector<Meta> metas;
    std::string body = views ? "{\"views\":[" : "{\"tables\":[";
    for (const auto& entry : *entries) {
        if (!principal.may(kind, entry.name)) continue;
        body += body.back() == '[' ? "\n{\"name\":" : ",\n{\"name\":";
        sink::append_json_string(entry.name, body);
        body += ",\"description\":";
        sink::append_json_string(entry.description, body);
        body += fmt::format(",\"kind\":\"{}\",\"url\":\"/{}/{}\",\"columns\":", entry.kind, views ? "views" : "system",
                            http::percent_encoded(entry.name));
        if (entry.schema) {
            body += '[';
            for (const auto& field : entry.schema->fields) {
                if (body.back() != '[') body += ',';
                body += "{\"name\":";
                sink::append_json_string(field.name, body);
                body += ",\"type\":";
                sink::append_json_string(weir::to_string(field.type), body);
                body += '}';
            }
            body += ']';
        } else {
            body += "null";
        }
        if (views) body += fmt::format(",\"has_result\":{}", entry.has_result);
        if (views && entry.has_result) {
            if (answers_.sees_all_rows(entry.name, principal)) body += fmt::format(",\"rows\":{}", entry.from.rows);
            body += ",\"meta\":";
            const auto begin = body.size();
            body += provenance_json(entry.name, entry.from);
            metas.push_back({begin, body.size(), &entry});
        }
        body += '}';
    }
    body += "\n]}\n";
    if (metas.empty()) return tagged_json(head, body, tag_of(body));
    // How old a result is changes while it does not.
    const auto tag = "W/" + tag_of(body);
    const auto now = SystemClock().now();
    std::string whole;
    std::size_t taken = 0;
    for (const auto& meta : metas) {
        whole.append(body, taken, meta.begin - taken);
        whole += provenance_json(meta.entry->name, meta.entry->from, now);
        taken = meta.end;
    }
    whole.append(body, taken);
    return tagged_json(head, std::move(whole), tag);
}

}  // namespace weir::serve
