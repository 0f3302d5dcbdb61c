#include "source/records/json_array.h"

#include <cstring>

namespace weir::source {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Behind the value that begins at `at`, or npos when its end is not in sight.
std::size_t value_end(std::string_view text, std::size_t at, bool final) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            ++at;
            for (;;) {
                const auto* quote = static_cast<const char*>(std::memchr(text.data() + at, '"', text.size() - at));
                if (quote == nullptr) return std::string_view::npos;
                const auto place = static_cast<std::size_t>(quote - text.data());
                std::size_t escapes = 0;
                while (place - escapes > at && text[place - escapes - 1] == '\\') ++escapes;
                at = place + 1;
                if (escapes % 2 == 0) break;
            }
            if (depth == 0) return at;
            continue;
        }
        if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at;  // ends a bare value
            if (--depth == 0) return at + 1;
        } else if (depth == 0 && (c == ',' || is_blank(c))) {
            return at;
        }
        ++at;
    }
    return final && depth == 0 ? at : std::string_view::npos;
}

}  // namespace

JsonArraySplitter::Scan JsonArraySplitter::scan(std::string_view text, bool final) {
    Scan scan;
    std::size_t at = 0;
    for (;;) {
        while (at < text.size() && is_blank(text[at])) ++at;
        scan.consumed = at;
        if (at == text.size()) {
            if (final && state_ != State::before && state_ != State::after) scan.problem = "the array is not closed";
            return scan;
        }
        const char c = text[at];
        switch (state_) {
            case State::before:
                if (c != '[') {
                    scan.problem = "a JSON array must begin with '['";
                    return scan;
                }
                state_ = State::first;
                ++at;
                break;
            case State::first:
            case State::element: {
                if (c == ']' && state_ == State::first) {
                    state_ = State::after;
                    ++at;
                    break;
                }
                if (c == ',' || c == ']') {
                    scan.problem = "an element is missing";
                    return scan;
                }
                const auto end = value_end(text, at, final);
                if (end == std::string_view::npos || (end == text.size() && !final)) {
                    scan.in_element = true;
                    if (final) scan.problem = "an element does not end";
                    return scan;
                }
                scan.elements.push_back({at, end});
                at = end;
                state_ = State::after_element;
                break;
            }
            case State::after_element:
                if (c == ']')
                    state_ = State::after;
                else if (c == ',')
                    state_ = State::element;
                else {
                    scan.problem = "a ',' or ']' is missing behind an element";
                    return scan;
                }
                ++at;
                break;
            case State::after: scan.problem = "something follows the array"; return scan;
        }
    }
}

JsonArraySplitter::Passed JsonArraySplitter::pass(std::string_view text) {
    const auto ends_at = [&](std::size_t at) {
        state_ = State::after_element;
        return Passed{at, true};
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string_) {
            if (escaped_) {
                escaped_ = false;
            } else if (c == '\\') {
                escaped_ = true;
            } else if (c == '"') {
                in_string_ = false;
                if (depth_ == 0) return ends_at(at + 1);
            }
            continue;
        }
        if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if (c == '}' || c == ']') {
            if (depth_ == 0) return ends_at(at);
            if (--depth_ == 0) return ends_at(at + 1);
        } else if (depth_ == 0 && (c == ',' || is_blank(c))) {
            return ends_at(at);
        }
    }
    return {text.size(), false};
}

}  // namespace weir::source
