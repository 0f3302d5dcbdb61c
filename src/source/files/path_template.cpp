#include "source/files/path_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/ascii.h"

namespace weir::source {
namespace {

constexpr std::size_t integer_digits = 18;  // always fits 64 bits

constexpr std::string_view date_shape = "dddd-dd-dd";

bool has_date_shape(std::string_view text) {
    return std::equal(text.begin(), text.end(), date_shape.begin(), date_shape.end(),
                      [](char c, char shape) { return shape == 'd' ? is_digit(c) : c == shape; });
}

// Backtracking with a memory of what failed, so that no pattern takes more than tokens × length steps squared.
class Matcher {
public:
    Matcher(const std::vector<PathTemplate::Token>& tokens, std::string_view text, std::vector<std::string>& values)
        : tokens_(tokens), text_(text), values_(values), failed_((tokens.size() + 1) * (text.size() + 1), false) {}

    bool run(std::size_t token, std::size_t at) {
        if (token == tokens_.size()) return at == text_.size();
        const auto place = token * (text_.size() + 1) + at;
        if (failed_[place]) return false;
        if (step(token, at)) return true;
        failed_[place] = true;
        return false;
    }

private:
    bool step(std::size_t index, std::size_t at) {
        const auto& token = tokens_[index];
        using T = PathTemplate::Token::Kind;
        switch (token.kind) {
            case T::character: return at < text_.size() && text_[at] == token.c && run(index + 1, at + 1);
            case T::any: {
                if (at == text_.size()) return false;
                ++at;
                while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80) ++at;
                return run(index + 1, at);
            }
            case T::set: {
                if (at == text_.size()) return false;
                const bool in = std::any_of(token.ranges.begin(), token.ranges.end(), [&](const auto& range) {
                    return range.first <= text_[at] && text_[at] <= range.second;
                });
                return in != token.negated && run(index + 1, at + 1);
            }
            case T::many:
                for (auto end = at; end <= text_.size(); ++end)
                    if (run(index + 1, end)) return true;
                return false;
            case T::capture: {
                if (token.date) {
                    const auto day = text_.substr(at, date_shape.size());
                    if (!has_date_shape(day) || !run(index + 1, at + day.size())) return false;
                    values_[token.capture] = std::string(day);
                    return true;
                }
                auto end = at;
                for (std::size_t count = 1; end < text_.size(); ++count) {
                    if (token.digits_max > 0 && (!is_digit(text_[end]) || count > token.digits_max)) return false;
                    ++end;
                    if (count < token.digits_min) continue;
                    if (run(index + 1, end)) {
                        values_[token.capture] = std::string(text_.substr(at, end - at));
                        return true;
                    }
                }
                return false;
            }
        }
        return false;
    }

    const std::vector<PathTemplate::Token>& tokens_;
    std::string_view text_;
    std::vector<std::string>& values_;
    std::vector<bool> failed_;
};

}  // namespace

Result<PathTemplate> PathTemplate::compile(std::string_view text, Where where) {
    PathTemplate made;
    const auto refuse = [&](std::size_t at, std::string message, std::string hint) {
        Where place = where;
        if (place.column > 0) place.column += static_cast<int>(at);
        return Error{.code = ErrorCode::param_invalid,
                     .message = fmt::format("in the path '{}', at character {}: {}", text, at + 1, message),
                     .hint = std::move(hint),
                     .where = std::move(place)};
    };
    if (text.empty()) return refuse(0, "it is empty", "name a file, a folder or a pattern");
    if (text.find('\0') != std::string_view::npos) return refuse(text.find('\0'), "a NUL byte", "");
    made.absolute_ = text.front() == '/';

    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '/') {
            ++at;
            continue;
        }
        const auto end = std::min(text.find('/', at), text.size());
        const auto part = text.substr(at, end - at);
        Name name;
        name.text = std::string(part);
        if (part == "**") {
            name.folders = true;
            if (made.names_.empty() || !made.names_.back().folders) made.names_.push_back(std::move(name));
            at = end;
            continue;
        }
        name.plain = true;
        for (std::size_t i = 0; i < part.size(); ++i) {
            using T = Token::Kind;
            const char c = part[i];
            Token token;
            if (c == '*') {
                if (i + 1 < part.size() && part[i + 1] == '*')
                    return refuse(at + i, "'**' must stand alone between slashes", "write dir/**/*.csv");
                token.kind = T::many;
            } else if (c == '?') {
                token.kind = T::any;
            } else if (c == '[') {
                token.kind = T::set;
                auto k = i + 1;
                if (k < part.size() && (part[k] == '!' || part[k] == '^')) {
                    token.negated = true;
                    ++k;
                }
                const auto first = k;
                while (k < part.size() && (part[k] != ']' || k == first)) {
                    if (k + 2 < part.size() && part[k + 1] == '-' && part[k + 2] != ']') {
                        if (part[k] > part[k + 2])
                            return refuse(at + k, fmt::format("the range {}-{} is empty", part[k], part[k + 2]), "");
                        token.ranges.emplace_back(part[k], part[k + 2]);
                        k += 3;
                    } else {
                        token.ranges.emplace_back(part[k], part[k]);
                        ++k;
                    }
                }
                if (k >= part.size()) return refuse(at + i, "'[' is not closed", "");
                i = k;
            } else if (c == '{') {
                const auto close = part.find('}', i);
                if (close == std::string_view::npos)
                    return refuse(at + i, "'{' is not closed", "a capture is {name}, {name:int} or {year}");
                auto inner = part.substr(i + 1, close - i - 1);
                const auto colon = inner.find(':');
                const auto kind = colon == std::string_view::npos ? std::string_view() : inner.substr(colon + 1);
                inner = inner.substr(0, colon);
                const bool named =
                    !inner.empty() && !is_digit(inner.front()) && std::all_of(inner.begin(), inner.end(), [](char x) {
                        return x == '_' || std::isalnum(static_cast<unsigned char>(x)) != 0;
                    });
                if (!named)
                    return refuse(at + i + 1, fmt::format("'{}' is no name of a column", inner),
                                  "letters, digits and '_', a letter first");
                for (const auto& known : made.captures_)
                    if (equal_ignoring_case(known.name, inner))
                        return refuse(at + i + 1, fmt::format("'{}' is captured twice", inner),
                                      "use * or ? in one of the places");
                token.kind = T::capture;
                token.capture = made.captures_.size();
                Type type = Type::of(Type::Kind::string);
                if (inner == "year" || inner == "month" || inner == "day") {
                    if (colon != std::string_view::npos && kind != "int")
                        return refuse(at + i + 2 + colon, fmt::format("'{}' is a number", inner), "");
                    type = Type::of(Type::Kind::int32);
                    token.digits_max = inner == "year" ? 4 : 2;
                    token.digits_min = inner == "year" ? 4 : 1;
                } else if (kind == "date" || (inner == "date" && colon == std::string_view::npos)) {
                    token.date = true;
                } else if (inner == "date") {
                    return refuse(at + i + 2 + colon, "'date' is a day", "write {date}");
                } else if (kind == "int") {
                    type = Type::of(Type::Kind::int64);
                    token.digits_max = integer_digits;
                    token.digits_min = 1;
                } else if (colon != std::string_view::npos && kind != "text") {
                    return refuse(at + i + 2 + colon, fmt::format("'{}' is no kind of capture", kind),
                                  "int, date or text");
                }
                made.captures_.push_back({std::string(inner), std::move(type)});
                i = close;
            } else if (c == '}') {
                return refuse(at + i, "'}' without '{'", "");
            } else {
                token.c = c;
            }
            if (token.kind != T::character) name.plain = false;
            name.tokens.push_back(std::move(token));
        }
        made.names_.push_back(std::move(name));
        at = end;
    }
    return made;
}

bool PathTemplate::is_plain() const {
    return std::all_of(names_.begin(), names_.end(), [](const Name& name) { return name.plain; });
}

bool PathTemplate::match(const Name& name, std::string_view text, std::vector<std::string>& values) const {
    if (name.plain) return name.text == text;
    return Matcher(name.tokens, text, values).run(0, 0);
}

}  // namespace weir::source
