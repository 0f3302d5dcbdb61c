// The head of an HTTP/1.1 request, held strictly to RFC 9112: what two readers could understand differently is refused.
//
//   refused and closed: Transfer-Encoding beside Content-Length, a coding other than chunked, a Content-Length that is
//   not one number, no Host or several, folded lines, a blank before a colon, control characters, a bare CR or LF
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::serve::http {

enum class Method { get, head, post, options, other };

struct Field {
    std::string_view name;  // in lower case
    std::string_view value;
};

// Views into the bytes that were parsed.
struct Head {
    Method method = Method::other;
    std::string_view method_text, target, path, query;  // path and query as sent; query without '?'
    std::string_view host;
    bool http_1_1 = true;
    bool keep_alive = true;
    bool chunked = false;
    bool expects_continue = false;
    std::optional<std::uint64_t> content_length;
    std::vector<Field> fields;

    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
    // The first field of this name, or nothing.
    std::optional<std::string_view> field(std::string_view name) const;
    // All values of a list field, joined with ", ".
    std::string joined(std::string_view name) const;
};

struct HeadLimits {
    std::size_t line = 8 * 1024;
    std::size_t bytes = 32 * 1024;
    std::size_t fields = 100;
};

struct Refusal {
    int status = 400;
    std::string detail;
};

enum class Progress { more, done, refused };

// Parses a head at the start of `bytes`, whose field names become lower case. `seen` is how far earlier calls have
// looked for its end; `used` is set to its length. After `refused` the connection's bytes mean nothing any more.
Progress parse_head(char* bytes, std::size_t size, const HeadLimits& limits, std::size_t& seen, Head& head,
                    std::size_t& used, Refusal& refusal);

// Takes a chunked body apart as it comes.
class Chunked {
public:
    // Appends content to `body`; sets how many bytes were used. `refused` is also an answer to more than `body_max`,
    // with 413.
    Progress feed(std::string_view bytes, std::size_t body_max, std::string& body, std::size_t& used, Refusal& refusal);

private:
    enum class State { size, extension, size_end, data, data_end, data_end_lf, trailer, trailer_lf, last_lf };
    State state_ = State::size;
    std::uint64_t left_ = 0;
    int digits_ = 0;
    std::size_t overhead_ = 0;  // bytes of extensions and trailers
    bool trailer_empty_ = true;
};

bool is_token(std::string_view text);
bool equals_lower(std::string_view text, std::string_view lower);
// Of a body with more than `most` bytes.
std::string too_large(std::size_t most);

}  // namespace weir::serve::http
