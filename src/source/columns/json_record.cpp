#include "source/columns/json_record.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>

#include "base/ascii.h"
#include "base/limits.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::source {
namespace {

// The next quote, backslash or control character; `end` when there is none.
const char* find_string_special(const char* at, const char* end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    while (end - at >= 16) {
        const auto part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const auto found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(part, quote), _mm_cmpeq_epi8(part, slash)),
                                        _mm_cmpeq_epi8(_mm_max_epu8(part, control), control));
        const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (bits != 0) return at + __builtin_ctz(bits);
        at += 16;
    }
#endif
    while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
    return at;
}

std::size_t hash_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

}  // namespace

JsonKeys::JsonKeys(std::vector<std::string> names, const std::vector<bool>& left_out) : names_(std::move(names)) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        // No key: this byte is not UTF-8.
        if (i < left_out.size() && left_out[i]) names_[i] = "\xFF";
        const auto& name = names_[i];
        const bool plain = find_string_special(name.data(), name.data() + name.size()) == name.data() + name.size();
        written_.push_back(plain ? fmt::format("\"{}\":", name) : std::string());
    }
    written_.emplace_back();
    std::size_t slots = 8;
    while (slots < names_.size() * 2 + 2) slots *= 2;
    table_.assign(slots, 0);
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (i < left_out.size() && left_out[i]) continue;
        auto slot = hash_of(names_[i]) & (slots - 1);
        while (table_[slot] != 0) slot = (slot + 1) & (slots - 1);
        table_[slot] = static_cast<std::uint32_t>(i + 1);
    }
}

int JsonKeys::find(std::string_view key, int hint) const {
    if (static_cast<std::size_t>(hint) < names_.size() && names_[static_cast<std::size_t>(hint)] == key) return hint;
    for (auto slot = hash_of(key) & (table_.size() - 1); table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1))
        if (names_[table_[slot] - 1] == key) return static_cast<int>(table_[slot]) - 1;
    return unknown;
}

bool JsonRecordParser::fail(const char* what) {
    problem_ = fmt::format("{} at byte {} of the record", what, at_ - start_ + 1);
    return false;
}

// `at_` stands behind the opening quote; afterwards behind the closing one.
bool JsonRecordParser::string(bool& escaped) {
    for (;;) {
        at_ = find_string_special(at_, end_);
        if (at_ == end_) return fail("a string is not closed");
        if (*at_ == '"') {
            ++at_;
            return true;
        }
        if (*at_ != '\\') return fail("a control character stands in a string");
        escaped = true;
        if (end_ - at_ < 2) return fail("a string is not closed");
        switch (at_[1]) {
            case '"':
            case '\\':
            case '/':
            case 'b':
            case 'f':
            case 'n':
            case 'r':
            case 't': at_ += 2; break;
            case 'u':
                if (end_ - at_ < 6) return fail("a \\u escape is not complete");
                for (int i = 2; i < 6; ++i)
                    if (hex_value(at_[i]) < 0) return fail("a \\u escape is not complete");
                at_ += 6;
                break;
            default: return fail("an unknown escape");
        }
    }
}

bool JsonRecordParser::number() {
    if (at_ != end_ && *at_ == '-') ++at_;
    if (at_ == end_ || !is_digit(*at_)) return fail("a number has no digits");
    if (*at_ == '0') {
        ++at_;
        if (at_ != end_ && is_digit(*at_)) return fail("a number begins with a zero");
    }
    while (at_ != end_ && is_digit(*at_)) ++at_;
    if (at_ != end_ && *at_ == '.') {
        ++at_;
        if (at_ == end_ || !is_digit(*at_)) return fail("a number ends in a point");
        while (at_ != end_ && is_digit(*at_)) ++at_;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        if (at_ == end_ || !is_digit(*at_)) return fail("a number has an empty exponent");
        while (at_ != end_ && is_digit(*at_)) ++at_;
    }
    return true;
}

bool JsonRecordParser::literal(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
        return fail("no JSON value");
    at_ += word.size();
    return true;
}

bool JsonRecordParser::value(Kind& kind) {
    if (at_ == end_) return fail("the record ends before a value");
    switch (*at_) {
        case '"': {
            ++at_;
            bool escaped = false;
            if (!string(escaped)) return false;
            kind = escaped ? Kind::json_escaped : Kind::json_string;
            return true;
        }
        case '{': kind = Kind::json_object; return nested();
        case '[': kind = Kind::json_array; return nested();
        case 't': kind = Kind::json_true; return literal("true");
        case 'f': kind = Kind::json_false; return literal("false");
        case 'n': kind = Kind::null; return literal("null");
        default: kind = Kind::json_number; return number();
    }
}

// An object or an array, with all that is in it; no recursion.
bool JsonRecordParser::nested() {
    stack_.clear();
    bool expect_value = true;  // else: ',' or the end
    stack_ += *at_++;
    bool fresh = true;  // directly behind the opening bracket
    while (!stack_.empty()) {
        skip_blanks();
        if (at_ == end_) return fail("an object or array is not closed");
        const bool object = stack_.back() == '{';
        const char close = object ? '}' : ']';
        if (*at_ == close && (fresh || !expect_value)) {
            ++at_;
            stack_.pop_back();
            fresh = expect_value = false;
            continue;
        }
        if (!expect_value) {
            if (*at_ != ',') return fail("a ',' is missing");
            ++at_;
            expect_value = true;
            continue;
        }
        fresh = false;
        if (object) {
            if (*at_ != '"') return fail("a key is missing");
            ++at_;
            bool escaped = false;
            if (!string(escaped)) return false;
            skip_blanks();
            if (at_ == end_ || *at_ != ':') return fail("a ':' is missing");
            ++at_;
            skip_blanks();
            if (at_ == end_) return fail("the record ends before a value");
        }
        if (*at_ == '{' || *at_ == '[') {
            // The record itself is the first level.
            if (stack_.size() + 2 > limits::json_depth_max) return fail("nested too deeply");
            stack_ += *at_++;
            fresh = expect_value = true;
            continue;
        }
        Kind kind;
        if (!value(kind)) return false;
        expect_value = false;
    }
    return true;
}

// Any key and its colon; `column` is the likely one before.
bool JsonRecordParser::any_key(std::string_view& key, int& column) {
    if (at_ == end_ || *at_ != '"') return fail("a key is missing");
    const char* begin = ++at_;
    bool escaped = false;
    if (!string(escaped)) return false;
    key = {begin, static_cast<std::size_t>(at_ - 1 - begin)};
    if (escaped) {
        key_text_.clear();
        json_unescape(key, key_text_);
        column = keys_.find(key_text_, column);
    } else {
        column = keys_.find(key, column);
    }
    skip_blanks();
    if (at_ == end_ || *at_ != ':') return fail("a ':' is missing");
    ++at_;
    return true;
}

bool JsonRecordParser::is_only(const char* text, const JsonMember& member) {
    const std::string_view written(text + member.value.begin, member.value.length());
    if (member.value.kind() == Kind::json_string) return written == only_value_;
    if (member.value.kind() != Kind::json_escaped) return false;
    key_text_.clear();
    return json_unescape(written, key_text_) && key_text_ == only_value_;
}

JsonRecordParser::Outcome JsonRecordParser::parse(const char* text, std::size_t begin, std::size_t end,
                                                  std::vector<JsonMember>& members) {
    members.clear();
    start_ = at_ = text + begin;
    end_ = text + end;
    bool only_seen = only_column_ < 0;
    skip_blanks();
    if (at_ == end_ || *at_ != '{') return malformed("not a JSON object");
    ++at_;
    int hint = 0;
    skip_blanks();
    if (at_ != end_ && *at_ == '}') {
        ++at_;
    } else {
        for (;;) {
            skip_blanks();
            const auto likely = keys_.as_written(hint);
            std::string_view key;
            int column = hint;
            if (!likely.empty() && static_cast<std::size_t>(end_ - at_) >= likely.size() &&
                std::memcmp(at_, likely.data(), likely.size()) == 0) {
                key = likely.substr(1, likely.size() - 3);
                at_ += likely.size();
            } else if (!any_key(key, column)) {
                return Outcome::malformed;
            }
            if (column >= 0) hint = column + 1;
            skip_blanks();
            const char* from = at_;
            Kind kind;
            if (!value(kind)) return Outcome::malformed;
            const bool is_string = kind == Kind::json_string || kind == Kind::json_escaped;
            members.push_back({column, key,
                               Field::of(static_cast<std::size_t>(from - text) + (is_string ? 1 : 0),
                                         static_cast<std::size_t>(at_ - text) - (is_string ? 1 : 0), kind)});
            if (column >= 0 && column == only_column_) {
                only_seen = true;
                if (!is_only(text, members.back())) return Outcome::passed_over;
            }
            skip_blanks();
            if (at_ == end_) return malformed("the object is not closed");
            if (*at_ == '}') {
                ++at_;
                break;
            }
            if (*at_ != ',') return malformed("a ',' is missing");
            ++at_;
        }
    }
    skip_blanks();
    if (at_ != end_) return malformed("something follows the object");
    return only_seen ? Outcome::parsed : Outcome::passed_over;
}

bool json_unescape(std::string_view text, std::string& to) {
    const auto unit_at = [&](std::size_t at) {
        std::uint32_t unit = 0;
        for (std::size_t i = 0; i < 4; ++i) unit = unit << 4 | static_cast<std::uint32_t>(hex_value(text[at + i]));
        return unit;
    };
    std::size_t at = 0;
    while (at < text.size()) {
        const auto slash = text.find('\\', at);
        if (slash == std::string_view::npos) {
            to.append(text.substr(at));
            return true;
        }
        to.append(text.substr(at, slash - at));
        at = slash + 2;
        switch (text[slash + 1]) {
            case 'b': to += '\b'; break;
            case 'f': to += '\f'; break;
            case 'n': to += '\n'; break;
            case 'r': to += '\r'; break;
            case 't': to += '\t'; break;
            case 'u': {
                std::uint32_t c = unit_at(at);
                at += 4;
                if (c >= 0xDC00 && c < 0xE000) return false;
                if (c >= 0xD800 && c < 0xDC00) {
                    if (text.size() - at < 6 || text[at] != '\\' || text[at + 1] != 'u') return false;
                    const auto low = unit_at(at + 2);
                    if (low < 0xDC00 || low >= 0xE000) return false;
                    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                    at += 6;
                }
                if (c < 0x80) {
                    to += static_cast<char>(c);
                } else if (c < 0x800) {
                    to += static_cast<char>(0xC0 | (c >> 6));
                    to += static_cast<char>(0x80 | (c & 0x3F));
                } else if (c < 0x10000) {
                    to += static_cast<char>(0xE0 | (c >> 12));
                    to += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
                    to += static_cast<char>(0x80 | (c & 0x3F));
                } else {
                    to += static_cast<char>(0xF0 | (c >> 18));
                    to += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
                    to += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
                    to += static_cast<char>(0x80 | (c & 0x3F));
                }
                break;
            }
            default: to += text[slash + 1];
        }
    }
    return true;
}

void json_quote(std::string_view text, std::string& to) {
    to += '"';
    for (const char c : text) {
        switch (c) {
            case '"': to += "\\\""; break;
            case '\\': to += "\\\\"; break;
            case '\n': to += "\\n"; break;
            case '\r': to += "\\r"; break;
            case '\t': to += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20)
                    fmt::format_to(std::back_inserter(to), "\\u{:04x}", c);
                else
                    to += c;
        }
    }
    to += '"';
}

}  // namespace weir::source
