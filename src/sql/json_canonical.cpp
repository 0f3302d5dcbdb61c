#include "sql/json_canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/ascii.h"
#include "base/limits.h"

namespace weir::sql {
namespace {

void append_utf8(std::uint32_t c, std::string& to) {
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
}

void append_character(std::uint32_t c, std::string& to) {
    if (c == '"' || c == '\\') {
        to += '\\';
        to += static_cast<char>(c);
    } else if (c < 0x20 || (c >= 0xD800 && c < 0xE000)) {
        // A half of a UTF-16 pair is no character: it stays an escape.
        fmt::format_to(std::back_inserter(to), "\\u{:04x}", c);
    } else {
        append_utf8(c, to);
    }
}

// Beyond this many digits a whole number is written with an exponent.
constexpr std::int64_t plain_digits_max = 40;
// An exponent with more digits than this is kept as it is written.
constexpr std::ptrdiff_t exponent_digits_max = 15;

}  // namespace

bool JsonCanonical::append(std::string_view text, std::string& to) {
    const auto before = to.size();
    at_ = text.data();
    end_ = at_ + text.size();
    out_ = &to;
    members_.clear();
    blanks();
    bool good = value(0);
    blanks();
    good = good && at_ == end_;
    if (!good) to.resize(before);
    return good;
}

void JsonCanonical::blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool JsonCanonical::value(int depth) {
    if (at_ == end_ || depth > static_cast<int>(limits::json_depth_max)) return false;
    switch (*at_) {
        case '"': return string();
        case '{': return object(depth);
        case '[': return array(depth);
        case 't': return word("true");
        case 'f': return word("false");
        case 'n': return word("null");
        default: return number();
    }
}

bool JsonCanonical::word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size() || std::string_view(at_, expected.size()) != expected)
        return false;
    at_ += expected.size();
    *out_ += expected;
    return true;
}

bool JsonCanonical::object(int depth) {
    const auto first_member = members_.size();
    const auto begin = out_->size();
    ++at_;
    *out_ += '{';
    blanks();
    if (at_ != end_ && *at_ == '}') {
        ++at_;
        *out_ += '}';
        return true;
    }
    for (;;) {
        blanks();
        const auto key_begin = out_->size();
        if (at_ == end_ || *at_ != '"' || !string()) return false;
        const auto key_end = out_->size();
        blanks();
        if (at_ == end_ || *at_ != ':') return false;
        ++at_;
        *out_ += ':';
        blanks();
        if (!value(depth + 1)) return false;
        members_.push_back({key_begin, key_end, out_->size()});
        blanks();
        if (at_ == end_) return false;
        if (*at_ == '}') break;
        if (*at_ != ',') return false;
        ++at_;
        *out_ += ',';
    }
    ++at_;
    order(first_member, begin);
    *out_ += '}';
    members_.resize(first_member);
    return true;
}

// Brings the members of one object, which stand behind `begin`, into the order of their keys.
void JsonCanonical::order(std::size_t first_member, std::size_t begin) {
    const auto key = [this](const Member& member) {
        return std::string_view(*out_).substr(member.begin, member.key_end - member.begin);
    };
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(first_member);
    bool in_order = true;
    for (auto member = first; in_order && std::next(member) != members_.end(); ++member)
        in_order = key(*member) < key(*std::next(member));
    if (in_order) return;
    // Of equal keys the last stays last.
    std::stable_sort(first, members_.end(), [&](const Member& a, const Member& b) { return key(a) < key(b); });
    ordered_.clear();
    for (auto member = first; member != members_.end(); ++member) {
        const bool repeated = std::next(member) != members_.end() && key(*member) == key(*std::next(member));
        if (repeated) continue;
        if (!ordered_.empty()) ordered_ += ',';
        ordered_.append(*out_, member->begin, member->end - member->begin);
    }
    out_->resize(begin + 1);
    *out_ += ordered_;
}

bool JsonCanonical::array(int depth) {
    ++at_;
    *out_ += '[';
    blanks();
    if (at_ != end_ && *at_ == ']') {
        ++at_;
        *out_ += ']';
        return true;
    }
    for (;;) {
        blanks();
        if (!value(depth + 1)) return false;
        blanks();
        if (at_ == end_) return false;
        if (*at_ == ']') break;
        if (*at_ != ',') return false;
        ++at_;
        *out_ += ',';
    }
    ++at_;
    *out_ += ']';
    return true;
}

bool JsonCanonical::string() {
    const auto unit = [this](const char* from, std::uint32_t& code) {
        code = 0;
        if (end_ - from < 4) return false;
        for (int i = 0; i < 4; ++i) {
            const int digit = hex_value(from[i]);
            if (digit < 0) return false;
            code = code << 4 | static_cast<std::uint32_t>(digit);
        }
        return true;
    };
    ++at_;
    *out_ += '"';
    for (;;) {
        const char* from = at_;
        while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
        out_->append(from, at_);
        if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return false;
        if (*at_++ == '"') {
            *out_ += '"';
            return true;
        }
        if (at_ == end_) return false;
        std::uint32_t code = 0;
        switch (*at_++) {
            case '"': code = '"'; break;
            case '\\': code = '\\'; break;
            case '/': code = '/'; break;
            case 'b': code = '\b'; break;
            case 'f': code = '\f'; break;
            case 'n': code = '\n'; break;
            case 'r': code = '\r'; break;
            case 't': code = '\t'; break;
            case 'u': {
                if (!unit(at_, code)) return false;
                at_ += 4;
                std::uint32_t low = 0;
                if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u' &&
                    unit(at_ + 2, low) && low >= 0xDC00 && low < 0xE000) {
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                    at_ += 6;
                }
                break;
            }
            default: return false;
        }
        append_character(code, *out_);
    }
}

// Digits without leading and trailing zeros, times a power of ten: written out where that is short, else as DeE.
bool JsonCanonical::number() {
    const char* begin = at_;
    const bool negative = at_ != end_ && *at_ == '-';
    if (negative) ++at_;
    if (at_ == end_ || !is_digit(*at_)) return false;
    if (*at_ == '0' && end_ - at_ > 1 && is_digit(at_[1])) return false;
    digits_.clear();
    while (at_ != end_ && is_digit(*at_)) digits_ += *at_++;
    std::int64_t exponent = 0;
    if (at_ != end_ && *at_ == '.') {
        ++at_;
        if (at_ == end_ || !is_digit(*at_)) return false;
        for (; at_ != end_ && is_digit(*at_); --exponent) digits_ += *at_++;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        const bool below = at_ != end_ && *at_ == '-';
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        const char* first = at_;
        std::int64_t written = 0;
        while (at_ != end_ && is_digit(*at_)) {
            if (at_ - first < exponent_digits_max) written = written * 10 + (*at_ - '0');
            ++at_;
        }
        if (at_ == first) return false;
        if (at_ - first > exponent_digits_max) {
            out_->append(begin, at_);
            return true;
        }
        exponent += below ? -written : written;
    }
    const auto significant = digits_.find_first_not_of('0');
    if (significant == std::string::npos) {
        *out_ += '0';
        return true;
    }
    digits_.erase(0, significant);
    while (digits_.back() == '0') {
        digits_.pop_back();
        ++exponent;
    }
    if (negative) *out_ += '-';
    *out_ += digits_;
    if (exponent > 0 && static_cast<std::int64_t>(digits_.size()) + exponent <= plain_digits_max)
        out_->append(static_cast<std::size_t>(exponent), '0');
    else if (exponent != 0)
        fmt::format_to(std::back_inserter(*out_), "e{}", exponent);
    return true;
}

}  // namespace weir::sql
