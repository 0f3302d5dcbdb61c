#include "serve/api/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/clock.h"
#include "base/limits.h"
#include "base/murmur2.h"
#include "base/nearest.h"
#include "base/sha256.h"
#include "serve/http/negotiate.h"
#include "serve/http/uri.h"
#include "sink/value.h"
#include "source/columns/json_record.h"

namespace weir::serve {
namespace {

namespace log = source::log;

constexpr std::size_t faults_max = 100;
constexpr std::size_t seen_max = 10'000;
constexpr std::size_t idempotency_key_max = 255;
constexpr int losses_max = 3;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// "[{…}, {…}]" → its elements' texts; a single object is one. Nothing where the brackets do not match: what stands
// inside an element is looked at later.
std::optional<std::vector<std::string>> elements(std::string_view body) {
    while (!body.empty() && is_blank(body.front())) body.remove_prefix(1);
    while (!body.empty() && is_blank(body.back())) body.remove_suffix(1);
    if (body.starts_with('{')) return std::vector<std::string>{std::string(body)};
    if (body.size() < 2 || body.front() != '[' || body.back() != ']') return std::nullopt;
    body = body.substr(1, body.size() - 2);
    std::vector<std::string> all;
    std::size_t begin = 0, depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= body.size(); ++i) {
        if (i == body.size() || (body[i] == ',' && depth == 0 && !quoted)) {
            if (quoted || depth != 0) return std::nullopt;
            auto element = body.substr(begin, i - begin);
            while (!element.empty() && is_blank(element.front())) element.remove_prefix(1);
            while (!element.empty() && is_blank(element.back())) element.remove_suffix(1);
            if (element.empty() && i == body.size() && all.empty()) return all;
            all.emplace_back(element);
            begin = i + 1;
            continue;
        }
        const char c = body[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return std::nullopt;
            --depth;
        }
    }
    return all;
}

class RowReader {
public:
    explicit RowReader(const std::string& key) : wants_key_(!key.empty()), keys_({key}), parser_(keys_) {}

    // What is wrong with the row; nothing where it is one.
    std::optional<std::string> read(PostedRow& row) {
        members_.clear();
        if (!http::is_utf8(row.value)) return "it is not UTF-8";
        if (parser_.parse(row.value.data(), 0, row.value.size(), members_) != source::JsonRecordParser::Outcome::parsed)
            return "it is no JSON object: " + parser_.problem();
        if (!wants_key_) return std::nullopt;
        for (const auto& member : members_) {
            if (member.column != 0 || member.value.kind() == source::Kind::null) continue;
            const auto text = std::string_view(row.value).substr(member.value.begin, member.value.length());
            row.key = std::string(text);
            if (member.value.kind() != source::Kind::json_escaped) continue;
            row.key->clear();
            if (!source::json_unescape(text, *row.key)) return "its key holds half a pair of UTF-16";
        }
        if (!row.key) return "it has no key";
        return std::nullopt;
    }

private:
    bool wants_key_;
    source::JsonKeys keys_;
    source::JsonRecordParser parser_;
    std::vector<source::JsonMember> members_;
};

http::Response rows_refused(const std::vector<RowFault>& faults) {
    auto response = to_response({.kind = "rows-refused",
                                 .detail = fmt::format("{} row{} cannot be taken, and none was", faults.size(),
                                                       faults.size() == 1 ? "" : "s")});
    // Into the problem's object.
    response.body.erase(response.body.rfind('}'));
    response.body += ",\"errors\":[";
    for (std::size_t i = 0; i < std::min(faults.size(), faults_max); ++i) {
        response.body += fmt::format("{}{{\"row\":{},\"detail\":", i == 0 ? "" : ",", faults[i].row);
        sink::append_json_string(faults[i].detail, response.body);
        response.body += '}';
    }
    response.body += "]}\n";
    return response;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Whether the parameters of a media type name another charset than UTF-8.
bool is_other_charset(std::string_view parameters) {
    while (!parameters.empty()) {
        const auto end = parameters.find(';');
        const auto one = trimmed(parameters.substr(0, end));
        parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
        const auto equals = one.find('=');
        if (equals == std::string_view::npos || !http::equals_lower(one.substr(0, equals), "charset")) continue;
        auto charset = one.substr(equals + 1);
        if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"')
            charset = charset.substr(1, charset.size() - 2);
        // ASCII is a part of UTF-8.
        if (!http::equals_lower(charset, "utf-8") && !http::equals_lower(charset, "us-ascii")) return true;
    }
    return false;
}

std::optional<PostedAs> posted_as(std::string_view type) {
    if (const auto end = type.find(';'); end != std::string_view::npos) {
        if (is_other_charset(type.substr(end + 1))) return std::nullopt;
        type = type.substr(0, end);
    }
    type = trimmed(type);
    for (const std::string_view lines : {"application/x-ndjson", "application/jsonl", "application/ndjson"})
        if (http::equals_lower(type, lines)) return PostedAs::lines;
    if (http::equals_lower(type, "application/json")) return PostedAs::array;
    return std::nullopt;
}

// The number of a producer for a request that may come again: the same for the same key.
std::int64_t producer_of(const std::string& name) {
    std::uint64_t number = 0;
    const auto hex = sha256_hex(name);
    std::from_chars(hex.data(), hex.data() + 16, number, 16);
    return static_cast<std::int64_t>(number >> 1);
}

}  // namespace

std::optional<std::vector<PostedRow>> posted_rows(PostedAs as, std::string_view body, const std::string& key,
                                                  std::vector<RowFault>& faults) {
    std::vector<std::string> texts;
    if (as == PostedAs::array) {
        auto all = elements(body);
        if (!all) return std::nullopt;
        texts = std::move(*all);
        // A line end can only stand between the parts of an element, where a blank is as good.
        for (auto& text : texts)
            std::replace_if(
                text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    } else {
        while (!body.empty()) {
            const auto end = body.find('\n');
            auto line = body.substr(0, end);
            body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (!line.empty()) texts.emplace_back(line);
        }
    }
    std::vector<PostedRow> rows;
    RowReader reader(key);
    for (auto& text : texts) {
        PostedRow row{.value = std::move(text), .key = {}};
        if (auto fault = reader.read(row)) faults.push_back({rows.size() + 1, std::move(*fault)});
        rows.push_back(std::move(row));
    }
    return rows;
}

TopicPosts::~TopicPosts() {
    // Whoever was opened first may own the log, and the others speak to it.
    std::sort(free_.begin(), free_.end(), [](const Open& a, const Open& b) { return a.order > b.order; });
    for (auto& open : free_) static_cast<void>(open.publisher->close());
}

Result<TopicPosts::Open> TopicPosts::borrow() {
    int order = 0;
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            auto open = std::move(free_.back());
            free_.pop_back();
            return open;
        }
        order = ++opened_;
    }
    WEIR_ASSIGN(auto publisher, log::open_publisher(log_, options_));
    return Open{order, std::move(publisher)};
}

void TopicPosts::give_back(Open open) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(open));
}

// For who may post to it: the name of another topic that was meant, or how to make this one.
std::string TopicPosts::other_topic(const std::string& topic, const Error& error, const Principal& principal) const {
    if (const auto names = log::list_topics(log_)) {
        std::vector<std::string> open;
        for (const auto& name : *names)
            if (principal.may("topic", name)) open.push_back(name);
        if (const auto near = nearest(topic, open); !near.empty()) return fmt::format("did you mean '{}'?", near);
    }
    // No topic can be called so.
    return error.code == ErrorCode::usage ? error.hint : fmt::format("make it: weir topic create {}", topic);
}

http::Response TopicPosts::post(const http::Head& head, const std::string& topic, const std::string& body,
                                const Principal& principal) {
    const auto as = posted_as(head.field("content-type").value_or(""));
    if (!as)
        return to_response({.kind = "unsupported-media-type",
                            .detail = "rows come as application/x-ndjson or as a JSON array, in UTF-8",
                            .fields = "Accept: application/x-ndjson, application/jsonl, application/json\r\n"});
    if (!http::equals_lower(head.joined("content-encoding"), "identity") && head.field("content-encoding"))
        return to_response({.kind = "unsupported-media-type",
                            .detail = "rows come as they are, not packed",
                            .fields = "Accept-Encoding: identity\r\n"});
    std::string key;
    const auto parameters = http::query_parameters(head.query);
    if (!parameters) return to_response({.kind = "bad-parameter", .detail = "the query string is malformed"});
    for (const auto& parameter : *parameters) {
        if (parameter.name != "key" || parameter.value.empty() || !key.empty())
            return to_response({.kind = "bad-parameter",
                                .detail = "the only parameter is key=MEMBER, once",
                                .parameter = parameter.name});
        key = parameter.value;
    }
    if (auto there = log::load_topic(log_, topic); !there) {
        if (there.error().code == ErrorCode::not_found || there.error().code == ErrorCode::usage)
            return to_response({.kind = "not-found",
                                .detail = fmt::format("there is no topic '{}'", topic),
                                .hint = other_topic(topic, there.error(), principal)});
        log_fault_(there.error());
        return to_response({.kind = "busy", .detail = "the log cannot be read now", .retry_after = 5});
    }
    std::vector<RowFault> faults;
    const auto rows = posted_rows(*as, body, key, faults);
    if (!rows) return to_response({.kind = "bad-body", .detail = "the body is neither a JSON array nor an object"});
    if (!faults.empty()) return rows_refused(faults);
    if (rows->empty()) return to_response({.kind = "bad-body", .detail = "there are no rows in the body"});
    const auto idempotency = head.field("idempotency-key");
    if (!idempotency) return append(topic, *rows, std::nullopt);
    if (idempotency->empty() || idempotency->size() > idempotency_key_max)
        return to_response({.kind = "bad-parameter",
                            .detail = fmt::format("Idempotency-Key has 1 to {} characters", idempotency_key_max)});
    const auto name = fmt::format("{}\n{}\n{}", principal.name, topic, *idempotency);
    const auto content = sha256_hex(fmt::format("{}\n{}\n", key, *as == PostedAs::lines) + body);
    {
        const std::lock_guard lock(mutex_);
        const auto [found, is_new] = seen_.try_emplace(name, Seen{content});
        if (!is_new && found->second.content != content)
            return to_response({.kind = "idempotency-mismatch",
                                .detail = "this idempotency key came with other content before",
                                .hint = "use a new key for new rows"});
        if (!is_new && found->second.under_way)
            return to_response(
                {.kind = "conflict", .detail = "the request with this idempotency key is under way", .retry_after = 1});
        found->second.under_way = true;
        if (seen_.size() > seen_max) std::erase_if(seen_, [](const auto& one) { return !one.second.under_way; });
    }
    // The log itself knows the producer, so that rows that come again are not appended again, also behind a restart.
    auto response = append(topic, *rows, producer_of(name));
    const std::lock_guard lock(mutex_);
    if (const auto found = seen_.find(name); found != seen_.end()) {
        found->second.under_way = false;
        // What was refused may be mended and sent again with the same key.
        if (response.status != 202) seen_.erase(found);
    }
    return response;
}

http::Response TopicPosts::append(const std::string& topic, const std::vector<PostedRow>& rows,
                                  std::optional<std::int64_t> producer) {
    const auto failed = [this](const Error& error) {
        if (error.code == ErrorCode::refused)
            return to_response({.kind = "not-answerable", .detail = error.message, .hint = error.hint});
        log_fault_(error);
        return to_response({.kind = "busy",
                            .detail = "the rows may be in the log or not; the server's log says why",
                            .hint = "send them again; with an Idempotency-Key they are in it once",
                            .retry_after = 5});
    };
    const auto config = log::load_topic(log_, topic);
    if (!config) return failed(config.error());
    const auto now = to_unix_millis(SystemClock().now());
    std::map<int, log::BatchBuilder> builders;
    const int unkeyed = static_cast<int>(static_cast<std::uint64_t>(producer.value_or(now)) %
                                         static_cast<std::uint64_t>(config->partitions));
    for (const auto& row : rows) {
        auto& builder = builders[row.key ? kafka_partition(*row.key, config->partitions) : unkeyed];
        const auto key = row.key ? std::optional<std::string_view>(*row.key) : std::nullopt;
        if (!builder.fits(row.value.size() + (key ? key->size() : 0)))
            return to_response({.kind = "too-large",
                                .detail = "these rows are more than one append takes",
                                .hint = "send fewer rows at a time"});
        if (auto added = builder.add(now, key, std::string_view(row.value)); !added) return failed(added.error());
    }
    std::vector<std::pair<int, log::EncodedBatch>> batches;
    for (auto& [partition, builder] : builders) {
        auto batch = builder.finish(config->codec);
        if (!batch) return failed(batch.error());
        batches.emplace_back(partition, std::move(*batch));
    }
    Error last;
    for (int loss = 0; loss < losses_max; ++loss) {
        auto open = borrow();
        if (!open) return failed(open.error());
        auto& publisher = *open->publisher;
        Status status;
        std::size_t sent = 0;
        for (const auto& [partition, batch] : batches) {
            status = publisher.send({.topic = topic,
                                     .partition = partition,
                                     .batch = batch,
                                     .producer = producer.value_or(-1),
                                     .sequence = producer ? 0 : -1});
            if (!status) break;
            ++sent;
        }
        std::string offsets;
        bool duplicate = false;
        // Every answer is taken, also behind a failure: the next request must not get this one's.
        for (std::size_t i = 0; i < sent && !publisher.lost(); ++i) {
            const auto appended = publisher.answer();
            if (!appended) {
                if (status) status = appended.error();
                continue;
            }
            duplicate = duplicate || appended->duplicate;
            offsets += fmt::format("{}{{\"partition\":{},\"offset\":{},\"rows\":{}}}", offsets.empty() ? "" : ",",
                                   batches[i].first, appended->offset, batches[i].second.header.records);
        }
        const bool lost = publisher.lost();
        if (!lost) give_back(std::move(*open));
        if (status && !lost) {
            http::Response response;
            response.status = 202;
            response.body = "{\"topic\":";
            sink::append_json_string(topic, response.body);
            response.body +=
                fmt::format(",\"rows\":{},\"duplicate\":{},\"appended\":[{}]}}\n", rows.size(), duplicate, offsets);
            response.field("Content-Type", "application/json");
            response.field("Cache-Control", "no-store");
            return response;
        }
        last = status ? Error{.code = ErrorCode::io_failed, .message = "the process that owns the log went away"}
                      : status.error();
        // Without a producer's number, sending again could append again.
        if (!lost || !producer) break;
    }
    return failed(last);
}

}  // namespace weir::serve
