#include "serve/api/view_answer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "serve/api/spool.h"
#include "serve/http/negotiate.h"
#include "serve/http/uri.h"
#include "serve/read/cursor.h"
#include "sink/value.h"

namespace weir::serve {
namespace {

using sink::Format;

struct Offer {
    std::string_view type;
    Format format;
    std::string_view content_type;
};
constexpr std::array<Offer, 5> offers{
    {{"application/json", Format::json, "application/json"},
     {"application/x-ndjson", Format::ndjson, "application/x-ndjson"},
     {"application/jsonl", Format::ndjson, "application/jsonl"},
     {"text/csv", Format::csv, "text/csv; charset=utf-8; header=present"},
     {"application/vnd.apache.parquet", Format::parquet, "application/vnd.apache.parquet"}}};
constexpr std::string_view layer_field = "Weir-Layer";

constexpr auto offered_types = [] {
    std::array<std::string_view, offers.size()> types{};
    for (std::size_t i = 0; i < offers.size(); ++i) types[i] = offers[i].type;
    return types;
}();

Problem not_acceptable() {
    std::string types;
    for (const auto type : offered_types) types += fmt::format("{}{}", types.empty() ? "" : ", ", type);
    return {.kind = "not-acceptable", .detail = "rows come as " + types};
}

// A text of a result's vector.
std::optional<std::string> text_at(duckdb_vector vector, idx_t row) {
    auto* validity = duckdb_vector_get_validity(vector);
    if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) return std::nullopt;
    auto& text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))[row];
    return std::string(duckdb_string_t_data(&text), duckdb_string_t_length(text));
}

std::int64_t age_of(Time published_at, Time now) {
    return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - published_at).count());
}

// The query string without its cursor.
std::string without_cursor(std::string_view query) {
    std::string kept;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
        if (pair.empty() || pair.starts_with("cursor=")) continue;
        kept += pair;
        kept += '&';
    }
    return kept;
}

}  // namespace

struct ViewAnswers::Request {
    const http::Head& head;
    const std::string& view;
    const Principal& principal;
    ViewQuery query;
    Offer offer{};
    http::Encoding encoding = http::Encoding::identity;
    std::shared_ptr<const Pinned> pinned;
    Resolved resolved;
    std::string question;  // hash
    std::optional<RowPlace> after;
    std::int64_t limit = 0;  // 0: all rows
    std::string tag;
};

ViewAnswers::ViewAnswers(Reads& reads, AnswerOptions options)
    : reads_(reads), options_(std::move(options)), connections_(reads.database()) {}

bool ViewAnswers::sees_all_rows(const std::string& view, const Principal& principal) const {
    if (principal.everything || principal.may("rows", view)) return true;
    return std::none_of(options_.row_limits.begin(), options_.row_limits.end(),
                        [&](const declare::RowLimit& limit) { return declare::matches_pattern(limit.views, view); });
}

std::string ViewAnswers::own_rows(const Pinned& pinned, const Principal& principal) const {
    if (sees_all_rows(pinned.view, principal)) return {};
    std::string condition;
    for (const auto& limit : options_.row_limits) {
        if (!declare::matches_pattern(limit.views, pinned.view)) continue;
        const auto claim = principal.claims.find(limit.claim);
        const auto own =
            claim == principal.claims.end() ? std::nullopt : equals_sql(pinned.schema, limit.column, claim->second);
        // Who has no such claim has no rows.
        condition += fmt::format("{}({})", condition.empty() ? "" : " AND ", own.value_or("FALSE"));
    }
    return condition;
}

std::optional<Problem> ViewAnswers::open_cursor_of(Request& request) {
    const auto cursor = open_cursor(request.query.cursor, options_.cursor_key);
    if (!cursor || cursor->view != request.view)
        return Problem{.kind = "bad-cursor",
                       .detail = "this cursor was not given for this view, or was changed",
                       .hint = "begin again without it",
                       .parameter = "cursor"};
    if (request.query.as_of || request.query.known_at || (request.query.layer && *request.query.layer != cursor->layer))
        return Problem{
            .kind = "bad-cursor",
            .detail = "a cursor knows its layer and its time: leave out layer, as_of and known_at, or the cursor",
            .parameter = "cursor"};
    auto pinned = reads_.pin(request.view, {.layer = cursor->layer, .version = cursor->version});
    if (!pinned) return to_problem(pinned.error());
    request.pinned = std::move(*pinned);
    request.after = cursor->place;
    request.question = cursor->question;
    return std::nullopt;
}

// Which version, and which of its rows.
std::optional<Problem> ViewAnswers::find_rows(Request& request) {
    const auto& query = request.query;
    const auto layers = reads_.layers();
    // Of earlier results there is one layer.
    const auto meant = query.known_at || query.as_of ? Layer::batch : layers.front();
    const auto layer = query.layer.value_or(meant);
    if (std::find(layers.begin(), layers.end(), layer) == layers.end())
        return no_layer(layer, layers.front(), options_.has_project);
    if (!query.cursor.empty()) {
        if (auto problem = open_cursor_of(request)) return problem;
    } else {
        auto pinned =
            reads_.pin(request.view, {.layer = layer, .version = {}, .known_at = query.known_at, .as_of = query.as_of});
        if (!pinned) {
            auto problem = to_problem(pinned.error());
            if (problem.kind == "internal") options_.log_fault(pinned.error());
            return problem;
        }
        request.pinned = std::move(*pinned);
    }
    if (auto problem = resolve(query, request.pinned->schema, request.resolved)) return problem;
    if (const auto own = own_rows(*request.pinned, request.principal); !own.empty()) {
        auto& where = request.resolved.where;
        where = where.empty() ? own : fmt::format("({}) AND {}", own, where);
        request.resolved.identity += "\n" + own;
    }
    return std::nullopt;
}

std::optional<Problem> ViewAnswers::prepare(Request& request) {
    auto& query = request.query;
    const auto chosen = http::best_media_type(request.head.joined("accept"), offered_types);
    if (!chosen) return not_acceptable();
    request.offer = offers.at(*chosen);
    if (auto problem = parse_view_query(request.head.query, options_.limits, query)) return problem;
    if (auto problem = find_rows(request)) return problem;
    const auto question = sha256_hex(request.resolved.identity).substr(0, 24);
    const bool fits = !request.after ||
                      (request.question == question && request.after->values.size() == request.resolved.order.size());
    if (!fits)
        return Problem{.kind = "bad-cursor",
                       .detail = "the cursor was given for other filters or another order",
                       .hint = "begin again without it",
                       .parameter = "cursor"};
    request.question = question;
    const bool paged = request.offer.format == Format::json || query.limit || request.after;
    if (paged && request.offer.format == Format::parquet)
        return Problem{.kind = "bad-parameter",
                       .detail = "Parquet comes whole, without pages",
                       .hint = "leave out limit and cursor",
                       .parameter = request.after ? "cursor" : "limit"};
    if (paged) request.limit = query.limit.value_or(std::min(options_.page_rows, options_.limits.rows_max));
    if (request.offer.format != Format::parquet)
        request.encoding = http::best_encoding(request.head.joined("accept-encoding"));
    std::string identity =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", request.view, request.pinned->version, request.resolved.identity,
                    fmt::join(request.resolved.columns, ","), request.limit, query.cursor, request.offer.type);
    identity +=
        fmt::format("\n{}\n{}\n{}", to_string(request.encoding), request.pinned->from.publication, request.head.query);
    // Parquet's bytes depend on who wrote which part first.
    request.tag = fmt::format("{}\"{}\"", request.offer.format == Format::parquet ? "W/" : "",
                              sha256_hex(identity).substr(0, 32));
    return std::nullopt;
}

// What the request's conditions make of an answer that has a tag: nothing where it has to be sent.
std::optional<http::Response> ViewAnswers::conditional(const Request& request) const {
    const auto if_match = request.head.joined("if-match");
    if (!if_match.empty() && !http::names_tag_strongly(if_match, request.tag))
        return to_response(
            {.kind = "precondition-failed", .detail = fmt::format("the present version is {}", request.tag)});
    const auto if_none_match = request.head.joined("if-none-match");
    if (if_none_match.empty() || !http::names_tag(if_none_match, request.tag)) return std::nullopt;
    http::Response response{.status = 304};
    describe(request, response);
    return response;
}

http::Response ViewAnswers::failed(const Error& error) const {
    const auto problem = to_problem(error);
    if (problem.kind == "internal") options_.log_fault(error);
    return to_response(problem);
}

http::Response ViewAnswers::answer(const http::Head& head, const std::string& view, const Principal& principal) {
    Request request{.head = head, .view = view, .principal = principal};
    if (const auto problem = prepare(request)) return to_response(*problem);
    if (auto response = conditional(request)) return std::move(*response);
    http::Response response;
    describe(request, response);
    const auto written = request.offer.format == Format::parquet ? write_parquet(request, response)
                         : request.limit > 0                     ? write_page(request, response)
                                                                 : write_whole(request, response);
    if (written) return response;
    // A version that was vacuumed while it was read.
    if (request.after && written.error().code == ErrorCode::io_failed)
        return to_response({.kind = "gone",
                            .detail = "this version of the view is no longer in the lake",
                            .hint = "begin again without a cursor"});
    return failed(written.error());
}

http::Response ViewAnswers::row(const http::Head& head, const std::string& view, Layer layer, std::vector<Filter> key,
                                const Principal& principal) {
    Request request{.head = head, .view = view, .principal = principal};
    request.query = {.filters = std::move(key), .layer = layer};
    request.offer = offers.front();
    if (const auto problem = find_rows(request)) return to_response(*problem);
    request.tag = fmt::format(
        "\"{}\"", sha256_hex(fmt::format("row\n{}\n{}\n{}", view, request.pinned->version, request.resolved.identity))
                      .substr(0, 32));
    std::string json;
    const auto find = [&]() -> Result<std::int64_t> {
        WEIR_ASSIGN(auto connection, connections_.borrow(options_.query_timeout));
        return sink::write_rows(*connection,
                                fmt::format("SELECT * FROM ({}) LIMIT 2", whole_sql(*request.pinned, request.resolved)),
                                Format::ndjson, [&](std::string_view bytes) {
                                    json += bytes;
                                    return ok();
                                });
    };
    const auto rows = find();
    if (!rows) return failed(rows.error());
    if (*rows == 0) return to_response(no_row(view));
    if (*rows > 1) {
        std::vector<std::string> names;
        for (const auto& part : request.query.filters) names.push_back(part.column);
        return to_response(several_rows(view, names));
    }
    if (auto response = conditional(request)) return std::move(*response);
    if (json.ends_with('\n')) json.pop_back();
    http::Response response;
    describe(request, response);
    response.body = fmt::format("{{\"data\":{},\n\"meta\":{}}}\n", json, provenance_json(view, request.pinned->from));
    return response;
}

void ViewAnswers::describe(const Request& request, http::Response& response) const {
    response.field("Content-Type", request.offer.content_type);
    if (request.encoding != http::Encoding::identity) response.field("Content-Encoding", to_string(request.encoding));
    response.field("ETag", request.tag);
    response.field(
        "Vary", options_.is_private ? "Accept, Accept-Encoding, Authorization, X-API-Key" : "Accept, Accept-Encoding");
    response.field("Cache-Control", options_.is_private ? "private, no-cache" : "no-cache");
    add_fixed_provenance(request.pinned->from, response);
    add_age(request.pinned->from, SystemClock().now(), response);
}

Status ViewAnswers::write_page(Request& request, http::Response& response) {
    WEIR_ASSIGN(auto connection, connections_.borrow(options_.query_timeout));
    const bool is_json = request.offer.format == Format::json;
    const auto hidden = hidden_columns(request.resolved);
    std::string rows;
    sink::RowsWriter writer(request.offer.format, rows, options_.csv);
    std::int64_t left = request.limit;
    bool more = false;
    RowPlace last;
    WEIR_TRY(connection->stream(
        page_sql(*request.pinned, request.resolved, request.after, request.limit + 1),
        [&](const sql::ResultHeader& header) {
            auto shown = header;
            shown.names.resize(header.names.size() - hidden);
            shown.types.resize(header.types.size() - hidden);
            return writer.begin(shown);
        },
        [&](duckdb_data_chunk chunk) -> Status {
            const auto size = static_cast<std::int64_t>(duckdb_data_chunk_get_size(chunk));
            const auto taken = std::min(size, left);
            more = more || size > left;
            if (taken == 0) return ok();
            left -= taken;
            if (left == 0) {
                const auto columns = duckdb_data_chunk_get_column_count(chunk);
                last.values.clear();
                for (auto column = columns - hidden; column + 1 < columns; ++column)
                    last.values.push_back(
                        text_at(duckdb_data_chunk_get_vector(chunk, column), static_cast<idx_t>(taken - 1)));
                last.number = std::stoll(
                    *text_at(duckdb_data_chunk_get_vector(chunk, columns - 1), static_cast<idx_t>(taken - 1)));
            }
            duckdb_data_chunk_set_size(chunk, static_cast<idx_t>(taken));
            if (rows.size() > options_.result_bytes_max)
                return Error{
                    .code = ErrorCode::refused, .message = "the answer is too large", .hint = "use a smaller limit"};
            return writer.take(chunk);
        }));
    WEIR_TRY(writer.end());
    std::string next;
    if (more) {
        const auto cursor = seal_cursor({.view = request.view,
                                         .layer = request.pinned->from.layer,
                                         .version = request.pinned->version,
                                         .question = request.question,
                                         .place = last},
                                        options_.cursor_key);
        // What chose the version is in the cursor.
        std::string query;
        for (const auto& parameter :
             http::query_parameters(without_cursor(request.head.query)).value_or(std::vector<http::Parameter>{})) {
            if (parameter.name == "as_of" || parameter.name == "known_at") continue;
            query +=
                fmt::format("{}={}&", http::percent_encoded(parameter.name), http::percent_encoded(parameter.value));
        }
        next = fmt::format("{}{}?{}cursor={}", options_.path, http::percent_encoded(request.view), query, cursor);
        response.field("Link", fmt::format("<{}>; rel=\"next\"", next));
    }
    std::string body;
    if (is_json) {
        if (rows.ends_with('\n')) rows.pop_back();
        body = "{\"data\":" + rows + ",\n\"next\":";
        if (next.empty()) {
            body += "null";
        } else {
            sink::append_json_string(next, body);
        }
        body += ",\n\"meta\":" + provenance_json(request.view, request.pinned->from) + "}\n";
    } else {
        body = std::move(rows);
    }
    Spool spool(options_.spool, request.encoding, options_.result_bytes_max);
    WEIR_TRY(spool.write(body));
    return spool.finish(response);
}

Status ViewAnswers::write_whole(Request& request, http::Response& response) {
    WEIR_ASSIGN(auto connection, connections_.borrow(options_.query_timeout));
    Spool spool(options_.spool, request.encoding, options_.result_bytes_max);
    WEIR_ASSIGN(const auto rows, sink::write_rows(
                                     *connection, whole_sql(*request.pinned, request.resolved), request.offer.format,
                                     [&](std::string_view bytes) { return spool.write(bytes); }, options_.csv));
    static_cast<void>(rows);
    return spool.finish(response);
}

Status ViewAnswers::write_parquet(Request& request, http::Response& response) {
    WEIR_ASSIGN(auto connection, connections_.borrow(options_.query_timeout));
    // DuckDB writes to a name: the nameless file's own, as this process sees it.
    WEIR_ASSIGN(auto handle, nameless_file(options_.spool));
    const auto name = fmt::format("/proc/self/fd/{}", handle.get());
    WEIR_ASSIGN(const auto done,
                connection->query(fmt::format(
                    "COPY ({}\n) TO {} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, OVERWRITE true)",
                    whole_sql(*request.pinned, request.resolved), sql::quote_text(name))));
    static_cast<void>(done);
    std::error_code error;
    auto file = std::make_shared<http::BodyFile>();
    file->size = fs::file_size(name, error);
    if (error || file->size > options_.result_bytes_max)
        return Error{.code = ErrorCode::refused,
                     .message = "the answer is too large",
                     .hint = "select fewer columns, or filter"};
    file->file = std::move(handle);
    response.file = std::move(file);
    return ok();
}

std::optional<Layer> layer_told(std::string_view fields) {
    const auto begin = fields.find(layer_field);
    if (begin == std::string_view::npos) return std::nullopt;
    const auto value = fields.substr(begin + layer_field.size() + std::string_view(": ").size());
    for (const auto layer : {Layer::batch, Layer::speed, Layer::merged})
        if (value.starts_with(to_string(layer))) return layer;
    return std::nullopt;
}

void add_fixed_provenance(const Provenance& from, http::Response& response) {
    response.field(layer_field, to_string(from.layer));
    if (from.publication > 0) response.field("Weir-Publication", std::to_string(from.publication));
    response.field("Weir-Cut", from.cut);
    if (!from.interval.empty()) response.field("Weir-Interval", from.interval);
    if (from.watermark) response.field("Weir-Watermark", to_iso(*from.watermark));
    if (from.published_at) response.field("Weir-Published-At", to_iso(*from.published_at));
}

void add_age(const Provenance& from, Time now, http::Response& response) {
    if (from.published_at) response.field("Weir-Freshness-Seconds", std::to_string(age_of(*from.published_at, now)));
}

std::string provenance_json(const std::string& view, const Provenance& from, std::optional<Time> age_at) {
    std::string json = "{\"view\":";
    sink::append_json_string(view, json);
    json += fmt::format(",\"layer\":\"{}\"", to_string(from.layer));
    const auto text = [&](std::string_view name, const std::string& value) {
        json += fmt::format(",\"{}\":", name);
        if (value.empty()) {
            json += "null";
        } else {
            sink::append_json_string(value, json);
        }
    };
    json += from.publication > 0 ? fmt::format(",\"publication\":{}", from.publication) : ",\"publication\":null";
    text("published_at", from.published_at ? to_iso(*from.published_at) : "");
    text("interval", from.interval);
    text("watermark", from.watermark ? to_iso(*from.watermark) : "");
    if (age_at)
        json += from.published_at ? fmt::format(",\"freshness_seconds\":{}", age_of(*from.published_at, *age_at))
                                  : ",\"freshness_seconds\":null";
    return json + fmt::format(",\"cut\":{}}}", from.cut.empty() ? "{}" : from.cut);
}

Problem no_layer(Layer layer, Layer instead, bool has_project) {
    Problem problem{.kind = "not-answerable",
                    .detail = fmt::format("the layer '{}' is not running here", to_string(layer)),
                    .hint = fmt::format("leave `layer` out, or ask for layer={}", to_string(instead)),
                    .parameter = "layer"};
    if (has_project) return problem;
    problem.detail =
        fmt::format("the layer '{}' is computed from a project, and a lake is served alone here", to_string(layer));
    problem.hint += "; `weir up PROJECT --only serve --lake LAKE` has it";
    return problem;
}

Problem no_row(const std::string& view) {
    return {.kind = "not-found", .detail = fmt::format("view {} has no row with this key", view)};
}

Problem several_rows(const std::string& view, const std::vector<std::string>& key) {
    return {.kind = "key-not-unique",
            .detail = fmt::format("several rows of view {} have the same {}", view, fmt::join(key, ", ")),
            .hint = fmt::format("filter instead: /views/{}?{}=…", view, key.front())};
}

Problem to_problem(const Error& error) {
    switch (error.code) {
        case ErrorCode::not_found: return {.kind = "no-result", .detail = error.message, .hint = error.hint};
        case ErrorCode::offsets_gone: return {.kind = "gone", .detail = error.message, .hint = error.hint};
        case ErrorCode::refused: return {.kind = "not-answerable", .detail = error.message, .hint = error.hint};
        case ErrorCode::interrupted:
            return {.kind = "busy",
                    .detail = "the query took too long and was stopped",
                    .hint = "filter, or ask for fewer rows",
                    .retry_after = 5};
        case ErrorCode::out_of_memory:
            return {.kind = "busy",
                    .detail = "the query needs more memory than there is now",
                    .hint = "filter, or ask for fewer columns",
                    .retry_after = 5};
        case ErrorCode::table_conflict:
            return {.kind = "busy", .detail = "a run is publishing just now", .hint = "ask again", .retry_after = 1};
        case ErrorCode::disk_full:
            return {.kind = "busy", .detail = "there is no room for the answer now", .retry_after = 60};
        default: return {.kind = "internal", .detail = "the query failed; the server's log says why"};
    }
}

}  // namespace weir::serve
