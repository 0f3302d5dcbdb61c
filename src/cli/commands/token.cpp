// weir token: keys and tokens for the HTTP interface.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/nearest.h"
#include "cli/commands/list.h"
#include "cli/project.h"
#include "declare/options.h"
#include "serve/auth/authenticator.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

constexpr auto ttl_max = std::chrono::hours(24 * 366);
constexpr std::size_t token_max = 64 * 1024;

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Result<std::vector<std::string>> scopes_of(const Invocation& invocation) {
    auto scopes = invocation.all("--scope");
    for (const auto& scope : scopes)
        if (!declare::is_scope(scope))
            return Error{
                .code = ErrorCode::usage,
                .message = fmt::format("'{}' is no scope", scope),
                .hint =
                    "view:PATTERN, rows:PATTERN, topic:PATTERN, system:PATTERN or metrics, for example view:course_*"};
    if (scopes.empty())
        return Error{.code = ErrorCode::usage,
                     .message = "what may it do?",
                     .hint = "--scope view:course_*, or several of them"};
    return scopes;
}

Result<const declare::TokenKey*> chosen_key(const Invocation& invocation, const declare::Project& project) {
    const auto& keys = project.serve.access.tokens;
    if (keys.empty())
        return Error{.code = ErrorCode::refused,
                     .message = "serve.yaml declares no keys for tokens",
                     .hint = "access: {tokens: [{algorithm: HS256, secret: \"${env:WEIR_TOKEN_SECRET}\"}]}"};
    if (!invocation.has("--key")) return &keys.front();
    const auto wanted = invocation.option("--key");
    std::vector<std::string> ids;
    for (const auto& key : keys) {
        if (key.id == wanted) return &key;
        ids.push_back(key.id);
    }
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("no token key has the id '{}'", wanted),
                 .hint = suggest(wanted, ids)};
}

// What has the say over a claim already; null for all others.
const char* said_elsewhere(std::string_view claim, const serve::TokenClaims& claims) {
    if (claim == "exp") return "--ttl says how long the token is valid";
    if (claim == "iat") return "it is the time of signing";
    if (claim == "nbf") return "a token is valid from its signing on";
    if (claim == "scope") return "--scope says what it may do, and may be repeated";
    if (claim == "sub" && !claims.subject.empty()) return "--subject sets it";
    if (claim == "iss" && !claims.issuer.empty()) return "`access: {issuer: …}` in serve.yaml sets it";
    if (claim == "aud" && !claims.audience.empty()) return "`access: {audience: …}` in serve.yaml sets it";
    return nullptr;
}

Result<int> create(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto scopes, scopes_of(invocation));
    const auto ttl = declare::parse_duration(invocation.option("--ttl", "1h"));
    if (!ttl || *ttl < std::chrono::seconds(1) || *ttl > ttl_max)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--ttl cannot be '{}'", invocation.option("--ttl")),
                     .hint = "a span from 1s to 366d, for example 1h"};
    serve::TokenClaims claims{.subject = invocation.option("--subject"), .scopes = scopes, .issued = unix_now()};
    claims.expires = claims.issued + std::chrono::duration_cast<std::chrono::seconds>(*ttl).count();
    for (const auto& claim : invocation.all("--claim")) {
        const auto equals = claim.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("--claim cannot be '{}'", claim),
                         .hint = "NAME=VALUE"};
        claims.more.emplace_back(claim.substr(0, equals), claim.substr(equals + 1));
    }
    WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
    claims.issuer = project.serve.access.issuer;
    claims.audience = project.serve.access.audience;
    for (const auto& [name, value] : claims.more)
        if (const auto* instead = said_elsewhere(name, claims); instead != nullptr)
            return Error{
                .code = ErrorCode::usage, .message = fmt::format("--claim cannot set '{}'", name), .hint = instead};
    WEIR_ASSIGN(const auto* key, chosen_key(invocation, project));
    WEIR_ASSIGN(const auto material, serve::load_token_key(*key, project.root, true));
    WEIR_ASSIGN(const auto token, serve::sign_token(claims, material));
    if (!terminal.json()) {
        WEIR_TRY(terminal.write(token + "\n"));
        return 0;
    }
    WEIR_TRY(terminal.write(fmt::format("{{\"token\": \"{}\", \"expires\": \"{}\"}}\n", token,
                                        to_iso(Time(std::chrono::seconds(claims.expires))))));
    return 0;
}

// From standard input: an argument would stand in the list of processes.
Result<std::string> token_from_input() {
    std::string text;
    char bytes[4096];
    for (ssize_t count = 0; (count = ::read(STDIN_FILENO, bytes, sizeof bytes)) > 0;) {
        text.append(bytes, static_cast<std::size_t>(count));
        if (text.size() > token_max) break;
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty())
        return Error{.code = ErrorCode::usage,
                     .message = "there is no token on standard input",
                     .hint = "weir token verify < token.txt"};
    return text;
}

Result<int> verify(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
    WEIR_ASSIGN(const auto authenticator, serve::Authenticator::make(project.serve.access, project.root));
    WEIR_ASSIGN(const auto token, token_from_input());
    serve::http::Head head;
    const auto value = "Bearer " + token;
    head.fields.push_back({"authorization", value});
    const auto credentials = authenticator->identify(head, unix_now());
    if (credentials.fault != serve::Credentials::Fault::none)
        return Error{.code = ErrorCode::refused, .message = fmt::format("it would be refused: {}", credentials.reason)};
    const auto& principal = *credentials.principal;
    std::string text;
    if (terminal.json()) {
        text = "{\"who\": ";
        sink::append_json_string(principal.name, text);
        text += ", \"scopes\": [";
        for (const auto& scope : principal.scopes) {
            if (text.back() != '[') text += ", ";
            sink::append_json_string(scope, text);
        }
        text += "]";
        if (principal.expires != 0)
            text += fmt::format(", \"expires\": \"{}\"", to_iso(Time(std::chrono::seconds(principal.expires))));
        text += "}\n";
    } else {
        text = fmt::format("good: {}\n", principal.name);
        for (const auto& scope : principal.scopes) text += fmt::format("  may {}\n", scope);
        if (principal.expires != 0)
            text += fmt::format("  until {}\n", to_iso(Time(std::chrono::seconds(principal.expires))));
    }
    WEIR_TRY(terminal.write(text));
    return 0;
}

Result<int> key(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto scopes, scopes_of(invocation));
    const auto made = serve::make_api_key();
    std::string list;
    for (const auto& scope : scopes) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", scope);
    auto entry = fmt::format("{{id: \"{}\", sha256: {}, scopes: [{}]", made.id, made.sha256, list);
    if (invocation.has("--subject")) {
        entry += ", subject: ";
        sink::append_json_string(invocation.option("--subject"), entry);
    }
    entry += "}";
    if (terminal.json()) {
        std::string text =
            fmt::format("{{\"key\": \"{}\", \"id\": \"{}\", \"sha256\": \"{}\"}}\n", made.key, made.id, made.sha256);
        WEIR_TRY(terminal.write(text));
        return 0;
    }
    WEIR_TRY(terminal.write(made.key + "\n"));
    terminal.note(fmt::format("The key is shown this once. In serve.yaml, under access: keys:\n- {}\n", entry));
    return 0;
}

Option scope_option() {
    return {.name = "--scope",
            .value = "SCOPE",
            .help =
                "what it may do: view:PATTERN, rows:PATTERN (all rows, where readers see their own), topic:PATTERN, "
                "system:PATTERN, "
                "metrics; may be repeated",
            .repeatable = true};
}

Argument project_argument() {
    return {.name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project};
}

}  // namespace

std::vector<Command> token_commands() {
    return {
        {.name = "token create",
         .summary = "sign a token for the HTTP interface",
         .description =
             "With a key that serve.yaml declares under access: tokens:. The token is printed and kept nowhere.",
         .arguments = {project_argument()},
         .options =
             {scope_option(),
              {.name = "--ttl", .value = "SPAN", .help = "how long it is valid (default: 1h)"},
              {.name = "--subject", .value = "NAME", .help = "whose it is: the claim `sub`"},
              {.name = "--claim", .value = "NAME=VALUE", .help = "another claim; may be repeated", .repeatable = true},
              {.name = "--key", .value = "ID", .help = "the key to sign with (default: the first one)"}},
         .examples = {{"weir token create --scope 'view:*' --ttl 1h", "for reading every view"},
                      {"weir token create --scope 'view:student_*' --subject anna", "where rows have owners, anna's"}},
         .exit_codes = {0, 1, 2, 4},
         .run = create},
        {.name = "token verify",
         .summary = "tell what a token or an API key may do, and why it would be refused",
         .description = "Reads it from standard input: an argument could be seen by everybody on the machine.",
         .arguments = {project_argument()},
         .options = {},
         .examples = {{"weir token create --scope 'view:*' | weir token verify", "what was just signed"}},
         .exit_codes = {0, 1, 2, 4},
         .run = verify},
        {.name = "token key",
         .summary = "make an API key, and the lines of serve.yaml that let it in",
         .description = "The key goes to standard output, once; what serve.yaml holds is its hash.",
         .arguments = {},
         .options = {scope_option(), {.name = "--subject", .value = "NAME", .help = "whose it is"}},
         .examples = {{"weir token key --scope 'view:*' --subject dashboard", "a key for a program"}},
         .exit_codes = {0, 2},
         .run = key}};
}

}  // namespace weir::cli
