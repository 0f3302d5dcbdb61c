// serve.yaml.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "declare/context.h"
#include "declare/secret.h"
#include "declare/text.h"
#include "model/interval.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::string_view serve_file = "serve.yaml";

std::optional<Rate> parse_rate(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || slash + 2 != text.size()) return std::nullopt;
    Rate rate;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + slash, rate.count);
    if (failure != std::errc{} || end != text.data() + slash || rate.count < 1 || rate.count > 1'000'000'000)
        return std::nullopt;
    switch (text.back()) {
        case 's': rate.window = std::chrono::seconds(1); break;
        case 'm': rate.window = std::chrono::minutes(1); break;
        case 'h': rate.window = std::chrono::hours(1); break;
        default: return std::nullopt;
    }
    return rate;
}

void take_rate(OptionReader& reader, std::string_view key, Problems& problems, Rate& rate) {
    const auto text = reader.take<Text>(key);
    if (!text) return;
    const auto parsed = parse_rate(text->text);
    if (!parsed)
        return problems.error(text->where, fmt::format("'{}' is no rate", text->text), "for example 100/s or 6000/m");
    rate = *parsed;
}

void take_size(OptionReader& reader, std::string_view key, Problems& problems, std::size_t least, std::size_t most,
               std::size_t& size) {
    const auto given = reader.take<Bytes>(key);
    if (!given) return;
    if (given->count < least || given->count > most)
        return problems.error(reader.where(key), fmt::format("'{}' must be {} to {} bytes", key, least, most));
    size = given->count;
}

template <class T>
void take_count(OptionReader& reader, std::string_view key, Problems& problems, std::int64_t least, std::int64_t most,
                T& count) {
    const auto given = reader.take<std::int64_t>(key);
    if (!given) return;
    if (*given < least || *given > most)
        return problems.error(reader.where(key),
                              fmt::format("'{}' must be {} to {}, not {}", key, least, most, *given));
    count = static_cast<T>(*given);
}

bool is_origin(std::string_view text) {
    const bool scheme = text.starts_with("https://") || text.starts_with("http://");
    return scheme && text.find('/', text.find("//") + 2) == std::string_view::npos && !text.ends_with("//") &&
           text.find_first_of("* ,") == std::string_view::npos;
}

void take_secret(OptionReader& reader, std::string_view key, std::string& reference) {
    if (const auto secret = reader.take<SecretRef>(key)) reference = secret->reference;
}

void read_http(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    auto& http = context.project.serve.http;
    OptionReader reader(node, key_section(serve_file, "http"), file, problems, context.fill());
    if (const auto listen = reader.take<Text>("listen")) {
        http.listen = listen->text;
        http.listen_where = listen->where;
    }
    if (const auto* tls = reader.take_map("tls")) {
        OptionReader one(*tls, key_section(serve_file, "http.tls"), file, problems);
        ServeTls result;
        result.where = one.where();
        if (const auto path = one.take<std::string>("certificate"))
            result.certificate = (context.project.root / *path).lexically_normal().string();
        take_secret(one, "key", result.key);
        one.finish();
        http.tls = std::move(result);
    }
    take_count(reader, "loops", problems, 0, 256, http.loops);
    take_count(reader, "queries", problems, 0, 256, http.queries);
    take_count(reader, "queue", problems, 1, 100'000, http.queue);
    take_count(reader, "connections", problems, 1, 1'000'000, http.connections_max);
    take_count(reader, "connections_per_address", problems, 1, 1'000'000, http.connections_per_address_max);
    take_count(reader, "page_rows", problems, 1, 1'000'000, http.page_rows);
    take_count(reader, "page_rows_max", problems, 1, 1'000'000, http.page_rows_max);
    if (http.page_rows > http.page_rows_max) http.page_rows = http.page_rows_max;
    const auto hour = milliseconds(std::chrono::hours(1));
    take_span(reader, "query_timeout", problems, milliseconds(100), hour, http.query_timeout);
    take_span(reader, "header_timeout", problems, milliseconds(100), hour, http.header_timeout);
    take_span(reader, "idle_timeout", problems, milliseconds(100), hour, http.idle_timeout);
    take_span(reader, "drain", problems, milliseconds(0), hour, http.drain);
    take_size(reader, "header_bytes", problems, 1024, std::size_t{1} << 20, http.header_bytes_max);
    take_size(reader, "body_bytes", problems, 1024, std::size_t{1} << 30, http.body_bytes_max);
    take_size(reader, "result_bytes", problems, std::size_t{1} << 20, std::size_t{1} << 40, http.result_bytes_max);
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> logs{
        {{"file", "file"}, {"stderr", "stderr"}, {"none", "none"}}};
    http.access_log = reader.take_choice<std::string_view>("access_log", logs).value_or("file");
    if (const auto origins = reader.take<std::vector<Text>>("origins")) {
        for (const auto& origin : *origins) {
            if (!is_origin(origin.text))
                problems.error(origin.where, fmt::format("'{}' is no origin", origin.text),
                               "write scheme, host and port, without a path: https://app.example.org");
            http.origins.push_back(origin.text);
        }
    }
    take_rate(reader, "rate", problems, http.rate);
    take_rate(reader, "address_rate", problems, http.address_rate);
    reader.finish();
}

// As PostgreSQL bounds names, in bytes.
constexpr std::size_t postgres_name_bytes_max = 63;
constexpr std::array postgres_tables{std::string_view("weir_generation"), std::string_view("weir_publication")};
constexpr std::array postgres_columns{
    std::string_view("tableoid"),  std::string_view("xmin"),     std::string_view("cmin"),
    std::string_view("xmax"),      std::string_view("cmax"),     std::string_view("ctid"),
    std::string_view("weir_json"), std::string_view("weir_new"), std::string_view("weir_old")};

void read_store(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    auto& store = context.project.serve.store;
    OptionReader reader(node, key_section(serve_file, "store"), file, problems, context.fill());
    store.where = reader.where();
    if (const auto* postgres = reader.take_node("postgres")) {
        const Where at{file, postgres->line, postgres->column};
        if (!postgres->is_scalar() || postgres->text.empty()) {
            problems.error(at, fmt::format("'postgres' must be a connection string, not {}", describe(*postgres)),
                           "write \"${env:WEIR_STORE}\", and keep the value there");
        } else if (!is_secret_reference(postgres->text) && has_secret_reference(postgres->text)) {
            problems.error(at, "'postgres' holds a reference among other text",
                           "keep the whole connection string in one place: \"${env:WEIR_STORE}\"");
        } else if (!is_secret_reference(postgres->text) && holds_password(postgres->text)) {
            // The value itself is never shown.
            problems.error(at, "'postgres' holds a password, which must not be written here",
                           "write \"${env:WEIR_STORE}\" or \"${file:store.txt}\", and keep the value there");
        } else {
            store.postgres = postgres->text;
        }
    }
    if (const auto schema = reader.take<Text>("schema")) {
        store.schema = schema->text;
        if (schema->text.empty() || schema->text.size() > postgres_name_bytes_max || schema->text.starts_with("pg_") ||
            schema->text == "information_schema" || schema->text.find('\0') != std::string::npos)
            problems.error(schema->where,
                           fmt::format("'{}' cannot be the name of a schema in PostgreSQL", schema->text),
                           "1 to 63 bytes that do not begin with pg_, for example weir");
    }
    reader.finish();
}

// [[a], [b, c]]; a name alone is an index of one column.
void take_indexes(Context& context, OptionReader& reader, ServedView& view) {
    const auto* list = reader.take_list("indexes");
    if (list == nullptr) return;
    for (const auto& item : list->items) {
        const Where at{reader.file(), item.line, item.column};
        std::vector<std::string> columns;
        bool good = item.is_scalar() || (item.is_sequence() && !item.items.empty());
        if (item.is_scalar()) columns.push_back(item.text);
        for (const auto& column : item.items) {
            good = good && column.is_scalar();
            columns.push_back(column.text);
        }
        if (!good) {
            context.problems.error(at, fmt::format("an index is a list of columns, not {}", describe(item)),
                                   "for example indexes: [[last_login], [city, age]]");
            continue;
        }
        view.indexes.push_back(std::move(columns));
        view.index_places.push_back(at);
    }
}

void read_served_view(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    OptionReader reader(node, key_section(serve_file, "views[]"), file, problems, context.fill());
    ServedView result;
    const auto view = reader.take<Text>("view");
    result.where = view ? view->where : reader.where();
    result.view = view ? view->text : "";
    result.served = reader.take_or("served", true);
    result.key_where = reader.where("key");
    if (reader.has("key"))
        result.key = reader.take<std::vector<std::string>>("key").value_or(std::vector<std::string>());
    take_indexes(context, reader, result);
    reader.finish();
    if (!view) return;
    if (context.project.serve.view(result.view) != nullptr)
        return problems.error(result.where, fmt::format("view '{}' is listed twice", result.view), "leave out one");
    context.project.serve.views.push_back(std::move(result));
}

void take_scopes(OptionReader& reader, Problems& problems, std::vector<std::string>& scopes) {
    const auto given = reader.take<std::vector<Text>>("scopes");
    if (!given) return;
    for (const auto& scope : *given) {
        if (!is_scope(scope.text))
            problems.error(
                scope.where, fmt::format("'{}' is no scope", scope.text),
                "view:PATTERN, rows:PATTERN, topic:PATTERN, system:PATTERN or metrics, for example view:course_*");
        scopes.push_back(scope.text);
    }
}

void read_api_key(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    OptionReader reader(node, key_section(serve_file, "access.keys[]"), file, problems, context.fill());
    ApiKey key;
    key.where = reader.where();
    key.id = reader.take_or<std::string>("id", "");
    if (const auto digest = reader.take<Text>("sha256")) {
        key.sha256 = digest->text;
        const bool hex =
            digest->text.size() == 64 && digest->text.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (!hex)
            problems.error(digest->where, "'sha256' must be 64 hexadecimal digits in lower case",
                           "`weir token key` prints a new key and the lines that belong here");
    }
    take_scopes(reader, problems, key.scopes);
    key.subject = reader.take_or<std::string>("subject", "");
    if (const auto expires = reader.take<Text>("expires")) {
        if (!parse_day(expires->text))
            problems.error(expires->where, fmt::format("'{}' is no day", expires->text), "write 2027-01-31");
        key.expires = expires->text;
    }
    reader.finish();
    context.project.serve.access.keys.push_back(std::move(key));
}

void read_token_key(Context& context, const YamlNode& node, const std::string& file) {
    auto& problems = context.problems;
    using Algorithm = TokenKey::Algorithm;
    OptionReader reader(node, key_section(serve_file, "access.tokens[]"), file, problems, context.fill());
    TokenKey key;
    key.where = reader.where();
    key.id = reader.take_or<std::string>("id", "");
    static constexpr std::array<std::pair<std::string_view, Algorithm>, 3> algorithms{
        {{"HS256", Algorithm::hs256}, {"RS256", Algorithm::rs256}, {"EdDSA", Algorithm::eddsa}}};
    const auto algorithm = reader.take_choice<Algorithm>("algorithm", algorithms);
    key.algorithm = algorithm.value_or(Algorithm::hs256);
    take_secret(reader, "secret", key.secret);
    if (const auto path = reader.take<std::string>("public_key"))
        key.public_key = (context.project.root / *path).lexically_normal().string();
    take_secret(reader, "private_key", key.private_key);
    reader.finish();
    if (!algorithm) return;
    const bool shared = key.algorithm == Algorithm::hs256;
    if (shared && key.secret.empty())
        problems.error(key.where, "a token key of HS256 needs a secret",
                       "secret: ${env:WEIR_TOKEN_SECRET}, 32 bytes at least");
    if (!shared && key.public_key.empty())
        problems.error(key.where, "this token key needs its public key", "public_key: keys/tokens.pem");
    if (shared && !(key.public_key.empty() && key.private_key.empty()))
        problems.error(key.where, "a token key of HS256 has a secret and nothing else");
    if (!shared && !key.secret.empty())
        problems.error(key.where, "only a token key of HS256 has a secret", "write public_key");
    auto& tokens = context.project.serve.access.tokens;
    if (std::any_of(tokens.begin(), tokens.end(), [&](const TokenKey& other) { return other.id == key.id; }))
        problems.error(key.where, fmt::format("two token keys have the id '{}'", key.id), "give each its own");
    tokens.push_back(std::move(key));
}

void read_row_limit(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section(serve_file, "access.rows[]"), file, context.problems, context.fill());
    RowLimit limit;
    limit.where = reader.where();
    limit.views = reader.take_or<std::string>("views", "");
    limit.claim = reader.take_or<std::string>("claim", "sub");
    limit.column = reader.take_or<std::string>("column", "");
    reader.finish();
    context.project.serve.access.rows.push_back(std::move(limit));
}

void read_access(Context& context, const YamlNode& node, const std::string& file) {
    auto& access = context.project.serve.access;
    OptionReader reader(node, key_section(serve_file, "access"), file, context.problems, context.fill());
    if (const auto* keys = reader.take_list("keys"))
        for (const auto& item : keys->items) read_api_key(context, item, file);
    if (const auto* tokens = reader.take_list("tokens"))
        for (const auto& item : tokens->items) read_token_key(context, item, file);
    if (const auto* rows = reader.take_list("rows"))
        for (const auto& item : rows->items) read_row_limit(context, item, file);
    if (const auto path = reader.take<std::string>("jwks"))
        access.jwks = (context.project.root / *path).lexically_normal().string();
    access.issuer = reader.take_or<std::string>("issuer", "");
    access.audience = reader.take_or<std::string>("audience", "");
    milliseconds skew = access.skew;
    take_span(reader, "skew", context.problems, milliseconds(0), milliseconds(60'000), skew);
    access.skew = std::chrono::duration_cast<std::chrono::seconds>(skew);
    reader.finish();
    std::set<std::string> ids;
    for (const auto& key : access.keys)
        if (!ids.insert(key.id).second)
            context.problems.error(key.where, fmt::format("two keys have the id '{}'", key.id), "give each its own");
}

void read_replay_file(Context& context, const YamlNode& node, const std::string& file) {
    OptionReader reader(node, key_section("serve.yaml", "replay[]"), file, context.problems, context.fill());
    const auto view = reader.take<Text>("view");
    const auto name = reader.take<Text>("file");
    reader.finish();
    if (!view) return;
    const ReplayFile made{
        .view = view->text, .name = (name ? *name : *view).text, .where = (name ? *name : *view).where};
    if (!is_plain_name(made.name)) {
        context.problems.error(made.where, fmt::format("'{}' is no name of a file", made.name),
                               "letters, digits and _; .csv is added");
        return;
    }
    const auto& known = context.project.replay;
    if (std::any_of(known.begin(), known.end(), [&](const ReplayFile& other) { return other.name == made.name; })) {
        context.problems.error(made.where, fmt::format("two files of the replay are called '{}'", made.name),
                               "give one of them another name with `file:`");
        return;
    }
    context.project.replay.push_back(made);
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool holds_password(std::string_view connection) {
    if (connection.find("password") != std::string_view::npos) return true;
    const auto scheme = connection.find("://");
    if (scheme == std::string_view::npos) return false;
    // What stands before an @ may hold one, also where it is not written as a URL asks.
    const auto who = connection.rfind('@');
    return who != std::string_view::npos && who > scheme &&
           connection.substr(scheme + 3, who - scheme - 3).find(':') != std::string_view::npos;
}

bool is_scope(std::string_view text) {
    if (text == "metrics") return true;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
    const auto kind = text.substr(0, colon);
    const auto pattern = text.substr(colon + 1);
    const bool plain = std::all_of(pattern.begin(), pattern.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '*' || c == '-' || c == '.';
    });
    return plain && (kind == "view" || kind == "rows" || kind == "topic" || kind == "system");
}

void read_serve_file(Context& context) {
    std::error_code failure;
    if (!fs::exists(context.project.root / "serve.yaml", failure)) return;
    const auto root = context.read_yaml("serve.yaml");
    if (!root) return;
    const auto file = context.shown("serve.yaml");
    OptionReader reader(*root, key_section("serve.yaml"), file, context.problems);
    if (const auto* exports = reader.take_list("exports")) {
        for (const auto& item : exports->items) {
            OptionReader one(item, key_section("serve.yaml", "exports[]"), file, context.problems, context.fill());
            Export result;
            const auto view = one.take<Text>("view");
            result.where = view ? view->where : one.where();
            result.view = view ? view->text : "";
            static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> formats{
                {{"csv", "csv"}, {"json", "json"}, {"ndjson", "ndjson"}, {"parquet", "parquet"}}};
            result.format = one.take_choice<std::string_view>("format", formats).value_or("csv");
            // Beside the tables that it comes from: two lakes of one project never overwrite each other's exports.
            const auto own = context.project.lake / "export" / fmt::format("{}.{}", result.view, result.format);
            const auto path = one.take_or("path", own.string());
            result.path = (context.project.root / path).lexically_normal().string();
            one.finish();
            if (view) context.project.exports.push_back(std::move(result));
        }
    }
    if (const auto* replay = reader.take_list("replay"))
        for (const auto& item : replay->items) read_replay_file(context, item, file);
    if (const auto* csv = reader.take_map("csv")) {
        OptionReader written(*csv, key_section("serve.yaml", "csv"), file, context.problems);
        static constexpr std::array<std::pair<std::string_view, bool>, 2> clocks{{{"T", false}, {"space", true}}};
        context.project.csv_clock_with_space = written.take_choice<bool>("wall_clock", clocks).value_or(false);
        written.finish();
    }
    if (const auto* http = reader.take_map("http")) read_http(context, *http, file);
    if (const auto* store = reader.take_map("store")) read_store(context, *store, file);
    if (const auto* views = reader.take_list("views"))
        for (const auto& item : views->items) read_served_view(context, item, file);
    if (const auto* access = reader.take_map("access")) read_access(context, *access, file);
    reader.finish();
}

namespace {

// Every served view becomes a table of its name there.
void check_postgres_names(Context& context) {
    const auto& project = context.project;
    const auto wrong = [&](const Where& where, const std::string& what, const std::string& name, bool reserved) {
        if (reserved || name.size() > postgres_name_bytes_max)
            context.problems.error(
                where,
                reserved ? fmt::format("{} '{}' has a name that the PostgreSQL store needs itself", what, name)
                         : fmt::format("{} '{}' has a longer name than PostgreSQL's {} bytes", what, name,
                                       postgres_name_bytes_max),
                "give it another name, or say `served: false` in serve.yaml");
    };
    const auto is_one_of = [](const auto& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const auto& view : project.views) {
        const auto* served = project.serve.view(view.name);
        if (view.keep == View::Keep::none || (served != nullptr && !served->served)) continue;
        wrong(view.where, "view", view.name, is_one_of(postgres_tables, view.name));
        for (const auto& field : view.schema.fields)
            wrong(view.where, fmt::format("view {}: column", view.name), field.name,
                  is_one_of(postgres_columns, field.name));
    }
}

}  // namespace

// What serve.yaml says about views: that they are there, are stored, and have these columns.
void check_serve(Context& context) {
    const auto& project = context.project;
    auto& problems = context.problems;
    std::vector<std::string> names;
    for (const auto& view : project.views) names.push_back(view.name);
    // Without a hint, the nearest name is one.
    const auto column_known = [&](const View& view, const std::string& column, const Where& where,
                                  const std::string& hint = {}) {
        if (view.schema.fields.empty() || view.schema.find(column) != nullptr) return;
        problems.error(where, fmt::format("view {} has no column '{}'", view.name, column),
                       hint.empty() ? suggest(column, view.schema.names()) : hint);
    };
    for (const auto& one : project.serve.views) {
        const auto* view = project.view(one.view);
        if (view == nullptr) {
            problems.error(one.where, fmt::format("there is no view '{}'", one.view), suggest(one.view, names));
            continue;
        }
        if (view->keep == View::Keep::none)
            problems.error(one.where, fmt::format("view '{}' is never stored, so it cannot be served", one.view),
                           "take `keep: none` out of its header");
        for (std::size_t i = 0; i < one.indexes.size(); ++i) {
            for (const auto& column : one.indexes[i]) {
                column_known(*view, column, one.index_places[i]);
                const auto* field = view->schema.find(column);
                if (field != nullptr && field->type.is_nested())
                    problems.error(
                        one.index_places[i],
                        fmt::format("'{}' is {}, of which there is no index", column, to_string(field->type)),
                        "index a column of single values");
            }
        }
        if (!one.indexes.empty() && project.serve.store.postgres.empty())
            problems.warning(one.index_places.front(), fmt::format("the indexes of view '{}' are not made", one.view),
                             "they are for SQL readers of a PostgreSQL store: declare `store: {postgres: …}`");
        for (const auto& column : one.key) {
            column_known(*view, column, one.key_where);
            const auto* field = view->schema.find(column);
            if (field != nullptr &&
                (field->type.is_nested() || field->type.kind == Type::Kind::binary ||
                 field->type.kind == Type::Kind::float32 || field->type.kind == Type::Kind::float64))
                problems.error(one.key_where,
                               fmt::format("'{}' is {}, which is no key", column, to_string(field->type)),
                               "a key is made of texts, integers, decimals, days and moments");
        }
    }
    if (!project.serve.store.postgres.empty()) check_postgres_names(context);
    for (const auto& limit : project.serve.access.rows) {
        std::vector<const View*> lacking;
        std::vector<std::string> having;
        for (const auto& view : project.views) {
            if (!matches_pattern(limit.views, view.name)) continue;
            if (view.schema.fields.empty() || view.schema.find(limit.column) != nullptr) {
                having.push_back(view.name);
            } else {
                lacking.push_back(&view);
            }
        }
        for (const auto* view : lacking)
            column_known(*view, limit.column, limit.where,
                         having.empty() ? std::string()
                                        : fmt::format("'{}' matches it too: take narrower patterns, one rule each, for "
                                                      "{}",
                                                      limit.views, fmt::join(having, ", ")));
        if (having.empty() && lacking.empty() && !limit.views.empty())
            problems.error(limit.where, fmt::format("no view is called like '{}'", limit.views),
                           suggest(limit.views, names));
    }
}

}  // namespace weir::declare
