#include "serve/api/key_answer.h"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <array>
#include <atomic>

#include "serve/http/negotiate.h"
#include "serve/read/literal.h"

namespace weir::serve {

KeyAnswers::KeyAnswers(ServingStore& store, ViewAnswers& views, Specs specs, bool is_private)
    : store_(store), views_(views), specs_(std::move(specs)), is_private_(is_private) {
    static std::atomic<std::uint64_t> count{0};
    number_ = ++count;
}

Result<KeyAnswers::OfThread*> KeyAnswers::of_thread() {
    thread_local OfThread mine;
    if (mine.owner != number_) {
        mine.fixed.clear();
        mine.reader.reset();
        WEIR_ASSIGN(mine.reader, store_.reader());
        mine.owner = number_;
    }
    WEIR_TRY(mine.reader->move_on());
    return &mine;
}

bool KeyAnswers::waits(const http::Head& head) const {
    return store_.waits() || (!head.query.empty() && head.query != "layer=batch");
}

void KeyAnswers::tick() {
    if (!store_.waits()) static_cast<void>(of_thread());
}

bool KeyAnswers::may_see(const KeySpec& spec, const FoundRow& row, const std::string& view,
                         const Principal& principal) const {
    if (spec.limits.empty() || principal.everything || principal.may("rows", view)) return true;
    for (std::size_t i = 0; i < spec.limits.size(); ++i) {
        const auto claim = principal.claims.find(spec.limits[i].claim);
        if (claim == principal.claims.end() || i >= row.owners.size() || !row.owners[i]) return false;
        const auto own = key_text(spec.owners[i].type, claim->second);
        if (!own || *own != *row.owners[i]) return false;
    }
    return true;
}

const KeyAnswers::Fixed& KeyAnswers::fixed_of(OfThread& mine, const std::string& view, const Provenance& from) const {
    if (mine.generation != mine.reader->generation()) mine.fixed.clear();
    mine.generation = mine.reader->generation();
    const auto known = mine.fixed.find(view);
    if (known != mine.fixed.end()) return known->second;
    http::Response response;
    response.field("Content-Type", "application/json");
    response.field("Vary", is_private_ ? "Accept, Authorization, X-API-Key" : "Accept");
    response.field("Cache-Control", is_private_ ? "private, no-cache" : "no-cache");
    add_fixed_provenance(from, response);
    return mine.fixed.emplace(view, Fixed{std::move(response.fields), provenance_json(view, from)}).first->second;
}

http::Response KeyAnswers::answer(const http::Head& head, const std::vector<std::string>& segments,
                                  const Principal& principal) {
    const auto& view = segments[1];
    const auto found_spec = specs_.find(view);
    if (found_spec == specs_.end())
        return to_response(
            {.kind = "not-found",
             .detail = fmt::format("rows of view {} have no key", view),
             .hint = views_.options().has_project
                         ? fmt::format("declare one in serve.yaml, views: [{{view: {}, key: […]}}], or filter: "
                                       "/views/{}?column=value",
                                       view, view)
                         : fmt::format("filter: /views/{}?column=value; keys are declared in a project, and a lake is "
                                       "served alone here: `weir up PROJECT --only serve --lake LAKE`",
                                       view)});
    const auto& spec = found_spec->second;
    const auto names = [&] {
        std::vector<std::string> all;
        for (const auto& field : spec.key) all.push_back(field.name);
        return all;
    };
    if (segments.size() - 2 != spec.key.size())
        return to_response({.kind = "not-found",
                            .detail = fmt::format("the key of view {} has {} part{}", view, spec.key.size(),
                                                  spec.key.size() == 1 ? "" : "s"),
                            .hint = fmt::format("/views/{}/{{{}}}", view, fmt::join(names(), "}/{"))});
    ViewQuery query;
    if (const auto problem = parse_view_query(head.query, {}, query)) return to_response(*problem);
    if (!query.is_whole() || query.limit || !query.cursor.empty() || query.as_of || query.known_at)
        return to_response({.kind = "bad-parameter",
                            .detail = "a row that is asked for by its key comes whole, without parameters but `layer`",
                            .hint = fmt::format("filters, selections and orders are for /views/{}", view)});
    const auto unavailable = [&] {
        if (!store_.waits())
            return to_response({.kind = "busy", .detail = "the index of keys cannot be read now", .retry_after = 5});
        return to_response({.kind = "store-unavailable",
                            .detail = "the serving store, which has the rows by their keys, cannot be reached now",
                            .hint = fmt::format("the view is served: /views/{}?{}=…", view, spec.key.front().name),
                            .retry_after = 5});
    };
    std::vector<std::string> key;
    for (std::size_t i = 0; i < spec.key.size(); ++i) {
        auto text = key_text(spec.key[i].type, segments[i + 2]);
        if (!text)
            return to_response({.kind = "bad-parameter",
                                .detail = fmt::format("'{}' is no value of '{}', a column of type {}", segments[i + 2],
                                                      spec.key[i].name, weir::to_string(spec.key[i].type)),
                                .hint = fmt::format("write {}", example_of(spec.key[i].type)),
                                .parameter = spec.key[i].name});
        key.push_back(std::move(*text));
    }
    constexpr std::array offers{std::string_view("application/json")};
    if (const auto accept = head.joined("accept");
        !accept.empty() && accept != "*/*" && !http::best_media_type(accept, offers))
        return to_response({.kind = "not-acceptable", .detail = "a single row comes as application/json"});
    if (query.layer && *query.layer != Layer::batch) {
        std::vector<Filter> filters;
        for (std::size_t i = 0; i < spec.key.size(); ++i)
            filters.push_back({.column = spec.key[i].name, .values = {segments[i + 2]}, .parameter = spec.key[i].name});
        return views_.row(head, view, *query.layer, std::move(filters), principal);
    }
    const auto mine = of_thread();
    if (!mine) return unavailable();
    const auto found = (*mine)->reader->find(view, key);
    if (!found) return unavailable();
    switch (found->state) {
        case KeyState::unknown:
            return to_response({.kind = "no-result",
                                .detail = fmt::format("view {} has no result yet", view),
                                .hint = "`weir run` computes and publishes it"});
        case KeyState::behind:
            return to_response({.kind = "store-unavailable",
                                .detail = fmt::format("the rows of view {} are not in the serving store yet", view),
                                .hint = fmt::format("the view is served: /views/{}?{}=…", view, spec.key.front().name),
                                .retry_after = 5});
        case KeyState::not_unique: return to_response(several_rows(view, names()));
        case KeyState::ready: break;
    }
    // A row of somebody else is no different from one that is not there.
    const auto& row = found->row;
    if (!row || !may_see(spec, *row, view, principal)) return to_response(no_row(view));
    const auto& fixed = fixed_of(**mine, view, *found->from);
    http::Response response;
    response.fields = fixed.fields;
    response.body.reserve(row->json.size() + fixed.meta.size() + 32);
    response.body += "{\"data\":";
    response.body += row->json;
    response.body += ",\n\"meta\":";
    response.body += fixed.meta;
    response.body += "}\n";
    const auto hash = XXH3_128bits(response.body.data(), response.body.size());
    const auto tag = fmt::format(FMT_COMPILE("\"{:016x}{:016x}\""), hash.high64, hash.low64);
    response.field("ETag", tag);
    add_age(*found->from, SystemClock().now(), response);
    if (const auto match = head.field("if-match"); match && !http::names_tag_strongly(*match, tag))
        return to_response({.kind = "precondition-failed", .detail = fmt::format("the present version is {}", tag)});
    if (const auto match = head.field("if-none-match"); match && http::names_tag(*match, tag)) {
        response.status = 304;
        response.body.clear();
    }
    return response;
}

}  // namespace weir::serve
