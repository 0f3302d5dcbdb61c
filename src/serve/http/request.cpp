#include "serve/http/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace weir::serve::http {
namespace {

constexpr std::array<bool, 256> token_table() {
    std::array<bool, 256> table{};
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}
constexpr auto token_chars = token_table();

bool token_char(char c) { return token_chars[static_cast<unsigned char>(c)]; }
bool digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

Progress refuse(Refusal& refusal, int status, std::string detail) {
    refusal = {status, std::move(detail)};
    return Progress::refused;
}

Method method_of(std::string_view text) {
    if (text == "GET") return Method::get;
    if (text == "HEAD") return Method::head;
    if (text == "POST") return Method::post;
    if (text == "OPTIONS") return Method::options;
    return Method::other;
}

bool host_chars(std::string_view host) {
    return std::all_of(host.begin(), host.end(), [](char c) {
        return digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view(".-_:[]~%").find(c) != std::string_view::npos;
    });
}

// Origin-form, absolute-form (which is reduced to its path), or "*".
bool read_target(Head& head) {
    auto target = head.target;
    if (target != "*" && target.front() != '/') {
        const auto scheme = target.find("://");
        if (scheme == std::string_view::npos) return false;
        const auto name = target.substr(0, scheme);
        if (!equals_lower(name, "http") && !equals_lower(name, "https")) return false;
        const auto slash = target.find_first_of("/?", scheme + 3);
        target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
    const auto question = target.find('?');
    head.path = target.substr(0, question);
    head.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    return !head.path.empty();
}

Progress read_request_line(std::string_view line, Head& head, Refusal& refusal) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || first == 0)
        return refuse(refusal, 400, "the request line is not METHOD TARGET VERSION");
    head.method_text = line.substr(0, first);
    head.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (!is_token(head.method_text)) return refuse(refusal, 400, "the method is no token");
    if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) || version[6] != '.' ||
        !digit(version[7]))
        return refuse(refusal, 400, "the version is not HTTP/1.1");
    if (version[5] != '1') return refuse(refusal, 505, "HTTP/1.1 is spoken here");
    head.http_1_1 = version[7] != '0';
    head.keep_alive = head.http_1_1;
    head.method = method_of(head.method_text);
    const bool visible = !head.target.empty() && std::all_of(head.target.begin(), head.target.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\';
    });
    if (!visible || !read_target(head)) return refuse(refusal, 400, "the target is no path");
    return Progress::done;
}

struct Seen {
    int hosts = 0, lengths = 0, codings = 0;
    std::string_view coding;
};

Progress note_length(std::string_view value, Head& head, Seen& seen, Refusal& refusal) {
    if (++seen.lengths > 1) return refuse(refusal, 400, "Content-Length stands there twice");
    if (value.empty() || value.size() > 18 || !std::all_of(value.begin(), value.end(), digit))
        return refuse(refusal, 400, "Content-Length is no number");
    std::uint64_t length = 0;
    for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    head.content_length = length;
    return Progress::done;
}

void note_connection(std::string_view value, Head& head) {
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto word = trimmed(value.substr(0, comma));
        if (equals_lower(word, "close")) head.keep_alive = false;
        if (equals_lower(word, "keep-alive") && !head.http_1_1) head.keep_alive = true;
        value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    }
}

// What a field says about the framing.
Progress note_field(const Field& field, Head& head, Seen& seen, Refusal& refusal) {
    switch (field.name.size()) {
        case 4:
            if (field.name == "host") {
                if (++seen.hosts > 1) return refuse(refusal, 400, "Host stands there twice");
                if (!host_chars(field.value)) return refuse(refusal, 400, "Host is no host");
                head.host = field.value;
            }
            break;
        case 6:
            if (field.name == "expect") {
                if (!equals_lower(field.value, "100-continue"))
                    return refuse(refusal, 417, "only 100-continue can be expected");
                head.expects_continue = head.http_1_1;
            }
            break;
        case 10:
            if (field.name == "connection") note_connection(field.value, head);
            break;
        case 14:
            if (field.name == "content-length") return note_length(field.value, head, seen, refusal);
            break;
        case 17:
            if (field.name == "transfer-encoding") {
                ++seen.codings;
                seen.coding = field.value;
            }
            break;
        default: break;
    }
    return Progress::done;
}

Progress check_framing(Head& head, const Seen& seen, Refusal& refusal) {
    if (head.http_1_1 && seen.hosts == 0) return refuse(refusal, 400, "Host is missing");
    if (seen.codings == 0) return Progress::done;
    if (seen.lengths > 0) return refuse(refusal, 400, "Transfer-Encoding and Content-Length exclude each other");
    if (!head.http_1_1) return refuse(refusal, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (seen.codings > 1) return refuse(refusal, 400, "Transfer-Encoding stands there twice");
    if (!equals_lower(seen.coding, "chunked")) {
        std::string coding(seen.coding);
        std::transform(coding.begin(), coding.end(), coding.begin(), lower);
        const bool last = coding.ends_with("chunked");
        return refuse(refusal, last ? 501 : 400, "chunked is the only Transfer-Encoding taken");
    }
    head.chunked = true;
    return Progress::done;
}

Progress read_fields(char* bytes, std::size_t at, std::size_t end, const HeadLimits& limits, Head& head,
                     Refusal& refusal) {
    Seen seen;
    while (at < end) {
        if (bytes[at] == ' ' || bytes[at] == '\t') return refuse(refusal, 400, "folded header lines are not taken");
        const auto name_begin = at;
        while (at < end && token_char(bytes[at])) {
            bytes[at] = lower(bytes[at]);
            ++at;
        }
        if (at == name_begin || at >= end || bytes[at] != ':')
            return refuse(refusal, 400, "a header line is not NAME: VALUE");
        const std::string_view name(bytes + name_begin, at - name_begin);
        const auto value_begin = ++at;
        while (at < end && bytes[at] != '\r') {
            const auto byte = static_cast<unsigned char>(bytes[at]);
            if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
                return refuse(refusal, 400, "a header holds a control character");
            ++at;
        }
        if (at + 1 >= end || bytes[at + 1] != '\n') return refuse(refusal, 400, "a header line ends in a bare CR");
        const Field field{name, trimmed(std::string_view(bytes + value_begin, at - value_begin))};
        at += 2;
        if (head.fields.size() == limits.fields) return refuse(refusal, 431, "there are too many header fields");
        head.fields.push_back(field);
        if (note_field(field, head, seen, refusal) == Progress::refused) return Progress::refused;
    }
    return check_framing(head, seen, refusal);
}

}  // namespace

std::string too_large(std::size_t most) { return fmt::format("the body has more than {} bytes", most); }

bool equals_lower(std::string_view text, std::string_view lowered) {
    return text.size() == lowered.size() &&
           std::equal(text.begin(), text.end(), lowered.begin(), [](char a, char b) { return lower(a) == b; });
}

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), token_char); }

std::optional<std::string_view> Head::field(std::string_view name) const {
    for (const auto& one : fields)
        if (one.name == name) return one.value;
    return std::nullopt;
}

std::string Head::joined(std::string_view name) const {
    std::string all;
    for (const auto& one : fields) {
        if (one.name != name) continue;
        if (!all.empty()) all += ", ";
        all += one.value;
    }
    return all;
}

Progress parse_head(char* bytes, std::size_t size, const HeadLimits& limits, std::size_t& seen, Head& head,
                    std::size_t& used, Refusal& refusal) {
    const std::string_view text(bytes, size);
    // A blank line before a request is passed over.
    std::size_t begin = 0;
    if (text.starts_with("\r\n")) begin = 2;
    if (text.size() > begin && text.substr(begin).starts_with("\r\n")) return refuse(refusal, 400, "an empty request");
    const auto from = std::max(begin, seen > 3 ? seen - 3 : 0);
    const auto end = text.find("\r\n\r\n", from);
    if (end == std::string_view::npos || end + 4 > limits.bytes) {
        const auto line = text.substr(0, std::min(size, limits.line + 2)).find("\r\n", begin);
        if (line == std::string_view::npos && size > limits.line)
            return refuse(refusal, 414, "the request line is too long");
        if (size > limits.bytes) return refuse(refusal, 431, "the request's header is too long");
        seen = size;
        return Progress::more;
    }
    const auto line_end = text.find("\r\n", begin);
    if (line_end - begin > limits.line) return refuse(refusal, 414, "the request line is too long");
    head = Head{.fields = std::move(head.fields)};
    head.fields.clear();
    if (read_request_line(text.substr(begin, line_end - begin), head, refusal) == Progress::refused)
        return Progress::refused;
    if (read_fields(bytes, line_end + 2, end + 2, limits, head, refusal) == Progress::refused) return Progress::refused;
    used = end + 4;
    seen = 0;
    return Progress::done;
}

Progress Chunked::feed(std::string_view bytes, std::size_t body_max, std::string& body, std::size_t& used,
                       Refusal& refusal) {
    constexpr std::size_t overhead_max = 16 * 1024;
    const auto bad = [&] { return refuse(refusal, 400, "the chunked body is malformed"); };
    std::size_t at = 0;
    while (at < bytes.size()) {
        const char c = bytes[at];
        switch (state_) {
            case State::size: {
                const char l = lower(c);
                const int value = digit(l) ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
                if (value >= 0) {
                    if (++digits_ > 15) return bad();
                    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
                } else if (digits_ == 0) {
                    return bad();
                } else if (c == '\r') {
                    state_ = State::size_end;
                } else if (c == ';' || c == ' ' || c == '\t') {
                    state_ = State::extension;
                } else {
                    return bad();
                }
                ++at;
                break;
            }
            case State::extension:
                if (++overhead_ > overhead_max || c == '\n' || c == '\0') return bad();
                if (c == '\r') state_ = State::size_end;
                ++at;
                break;
            case State::size_end:
                if (c != '\n') return bad();
                ++at;
                digits_ = 0;
                if (left_ > body_max || body.size() + left_ > body_max)
                    return refuse(refusal, 413, too_large(body_max));
                state_ = left_ == 0 ? State::trailer : State::data;
                trailer_empty_ = true;
                break;
            case State::data: {
                const auto count = std::min<std::uint64_t>(left_, bytes.size() - at);
                body.append(bytes.substr(at, count));
                at += count;
                left_ -= count;
                if (left_ == 0) state_ = State::data_end;
                break;
            }
            case State::data_end:
                if (c != '\r') return bad();
                ++at;
                state_ = State::data_end_lf;
                break;
            case State::data_end_lf:
                if (c != '\n') return bad();
                ++at;
                state_ = State::size;
                break;
            case State::trailer:
                if (c == '\r') {
                    state_ = trailer_empty_ ? State::last_lf : State::trailer_lf;
                } else {
                    if (++overhead_ > overhead_max || c == '\n' || c == '\0') return bad();
                    trailer_empty_ = false;
                }
                ++at;
                break;
            case State::trailer_lf:
                if (c != '\n') return bad();
                ++at;
                trailer_empty_ = true;
                state_ = State::trailer;
                break;
            case State::last_lf:
                if (c != '\n') return bad();
                used = at + 1;
                return Progress::done;
        }
    }
    used = at;
    return Progress::more;
}

}  // namespace weir::serve::http
