#include "serve/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "sink/value.h"

namespace weir::serve {
namespace {

constexpr std::array kinds{
    ProblemKind{"malformed-request", 400, "The request is malformed",
                "The bytes of the request are not HTTP/1.1 as RFC 9112 has it, or could be read in two ways. The "
                "connection is closed."},
    ProblemKind{"bad-parameter", 400, "A parameter is not understood",
                "A parameter of the query string is unknown, stands there twice, or has a value that its column's type "
                "does not have. `parameter` names it."},
    ProblemKind{"bad-cursor", 400, "The cursor does not belong to this request",
                "A cursor continues the request that gave it: the same view, filters and order. It cannot be made up "
                "or changed."},
    ProblemKind{"bad-body", 400, "The body is not understood", "The body is not what its Content-Type says."},
    ProblemKind{"unauthorized", 401, "Credentials are missing or not valid",
                "Send `Authorization: Bearer TOKEN`, or `X-API-Key: KEY`. Which of several things is wrong with a "
                "token is told in the server's log only."},
    ProblemKind{"forbidden", 403, "The credentials do not reach this far",
                "The token's scopes do not cover what was asked for."},
    ProblemKind{"not-found", 404, "There is no such thing", "The path, the view or the row does not exist."},
    ProblemKind{"no-result", 404, "The view has no result yet",
                "The view is declared, and `weir run` has not published a result of it."},
    ProblemKind{"method-not-allowed", 405, "The method is not allowed here", "`Allow` lists the methods of this path."},
    ProblemKind{"not-acceptable", 406, "No acceptable representation",
                "`Accept` takes none of the media types that this path has."},
    ProblemKind{"timeout", 408, "The request came too slowly", "Send the whole request without long pauses."},
    ProblemKind{"key-not-unique", 409, "The key is not unique",
                "Several rows of the view have this key, so that none of them is the answer. The project's serve.yaml "
                "declares the key."},
    ProblemKind{"conflict", 409, "A request of this kind is under way", "Wait for it, then send this one again."},
    ProblemKind{"gone", 410, "The snapshot is gone",
                "What the cursor or the time names was removed from the lake. Begin again without it."},
    ProblemKind{"precondition-failed", 412, "The precondition is false",
                "If-Match names another version than the present one."},
    ProblemKind{"too-large", 413, "The content is too large",
                "The request's body, or the answer, is larger than this server takes."},
    ProblemKind{"uri-too-long", 414, "The request line is too long", "Use a shorter path and query string."},
    ProblemKind{"unsupported-media-type", 415, "The media type is not taken here",
                "`Accept` lists the media types that this path takes."},
    ProblemKind{"expectation-failed", 417, "The expectation cannot be met", "100-continue is the only one that can."},
    ProblemKind{"misdirected", 421, "Another server is meant",
                "Without any key, weir answers requests to this machine's own names only: a page of another site "
                "cannot make a browser read it."},
    ProblemKind{"not-answerable", 422, "This cannot be answered from what is stored",
                "The request is understood, and what it asks for is not kept: `detail` says what is."},
    ProblemKind{"idempotency-mismatch", 422, "The idempotency key was used for another request",
                "Use a new key for new content."},
    ProblemKind{"rows-refused", 422, "Rows are not understood", "`errors` names each row. Nothing was taken."},
    ProblemKind{"quota-exceeded", 429, "Too many requests", "Wait as long as Retry-After says."},
    ProblemKind{"header-too-large", 431, "The header is too large", "Send fewer or shorter header fields."},
    ProblemKind{"internal", 500, "A fault of the server", "It is in the server's log, under the request's id."},
    ProblemKind{"not-implemented", 501, "Not implemented", "This server does not have this part of HTTP."},
    ProblemKind{"busy", 503, "The server is busy",
                "Too many queries wait, or this one took too long. Send it again after Retry-After."},
    ProblemKind{
        "store-unavailable", 503, "The serving store cannot be reached",
        "Rows by their keys come from a PostgreSQL, which does not answer or does not have them yet. Everything "
        "else is served. Send the request again after Retry-After."},
    ProblemKind{"version", 505, "HTTP/1.1 is spoken here", "Send HTTP/1.1 or HTTP/1.0."},
};

}  // namespace

std::span<const ProblemKind> problem_kinds() { return kinds; }

const ProblemKind& problem_kind(std::string_view name) {
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&](const ProblemKind& kind) { return kind.name == name; });
    assert(found != kinds.end());
    return *found;
}

std::string_view kind_of_status(int status) {
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&](const ProblemKind& kind) { return kind.status == status; });
    return found == kinds.end() ? "internal" : found->name;
}

http::Response to_response(const Problem& problem) {
    const auto& kind = problem_kind(problem.kind);
    http::Response response;
    response.status = kind.status;
    auto& body = response.body;
    body = fmt::format("{{\"type\":\"/problems/{}\",\"title\":\"{}\",\"status\":{},\"detail\":", kind.name, kind.title,
                       kind.status);
    sink::append_json_string(problem.detail, body);
    if (!problem.hint.empty()) {
        body += ",\"hint\":";
        sink::append_json_string(problem.hint, body);
    }
    if (!problem.parameter.empty()) {
        body += ",\"parameter\":";
        sink::append_json_string(problem.parameter, body);
    }
    body += "}\n";
    response.field("Content-Type", "application/problem+json");
    response.field("Cache-Control", "no-store");
    if (problem.retry_after > 0) response.field("Retry-After", std::to_string(problem.retry_after));
    response.fields += problem.fields;
    return response;
}

}  // namespace weir::serve
