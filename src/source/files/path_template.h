// Paths with wildcards and captures, compiled once.
//
//   ?  one character      *  any characters of one name      [a-z0-9] [!x]  one of these
//   **  as a whole name: any folders, none included
//   {year} {month} {day}  numbers; all three give the arrival date      {date}  2024-03-01, gives it alone
//   {name:int}  a number      {name:date}  a day as 2024-03-01, kept as its text      {name}  any text
// No wildcard and no capture matches a '/'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/plan.h"

namespace weir::source {

class PathTemplate {
public:
    // param_invalid for a mistake, with `where.column` moved to its place in the text.
    static Result<PathTemplate> compile(std::string_view text, Where where = {});

    struct Token {
        enum class Kind { character, any, many, set, capture };
        Kind kind = Kind::character;
        char c = 0;
        bool negated = false;  // set
        std::vector<std::pair<char, char>> ranges{};
        std::size_t capture = 0;     // index into captures()
        std::size_t digits_max = 0;  // capture: 0 text, else digits; year takes exactly 4
        std::size_t digits_min = 0;
        bool date = false;  // capture: dddd-dd-dd
    };
    // One name of the path.
    struct Name {
        bool folders = false;  // "**"
        bool plain = false;    // nothing but characters: `text`
        std::string text{};
        std::vector<Token> tokens{};
    };

    const std::vector<Name>& names() const { return names_; }
    const std::vector<CaptureColumn>& captures() const { return captures_; }
    bool absolute() const { return absolute_; }
    bool is_plain() const;  // a path without any special meaning

    // Whether a name of a path matches; captured texts go into `values` (one for each capture).
    bool match(const Name& name, std::string_view text, std::vector<std::string>& values) const;

private:
    std::vector<Name> names_;
    std::vector<CaptureColumn> captures_;
    bool absolute_ = false;
};

}  // namespace weir::source
