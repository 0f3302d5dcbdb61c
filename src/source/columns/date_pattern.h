// A subset of the JDK's date patterns, compiled once: yyyy yy MM M dd d HH H hh mm ss S… a MMM XXX, 'quoted text' and
// punctuation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::source {

class DatePattern {
public:
    // Fails with project_invalid, naming the letters that are not understood.
    static Result<DatePattern> compile(std::string_view pattern);

    bool date(std::string_view text, std::int32_t& days) const;
    // A pattern without a zone reads UTC.
    bool timestamp(std::string_view text, std::int64_t& micros) const;
    bool has_time() const { return has_time_; }

private:
    struct Step {
        enum class Kind {
            literal,
            year,
            year2,
            month,
            month_name,
            day,
            hour,
            hour12,
            minute,
            second,
            fraction,
            half,
            zone
        };
        Kind kind = Kind::literal;
        int digits = 0;  // exactly as many; 1: one or two
        std::string text;
    };
    struct Parts;
    bool parse(std::string_view text, Parts& parts) const;

    std::vector<Step> steps_;
    bool has_time_ = false;
};

}  // namespace weir::source
