// One JSON object, strictly: every byte is checked, also of values that nobody asked for. Nothing is built: the values
// of the wanted keys are given as places in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/columns/fields.h"

namespace weir::source {

// The keys that are wanted; index = column.
class JsonKeys {
public:
    // Names that are `left_out` (by index; may be shorter) are not looked for.
    explicit JsonKeys(std::vector<std::string> names, const std::vector<bool>& left_out = {});
    static constexpr int unknown = -1;
    // `hint`: the column that the key most likely is, as keys mostly come in the same order.
    int find(std::string_view key, int hint) const;
    // The column's key as it stands in most records, with its quotes and the colon; empty if it has to be escaped, and
    // behind the last column.
    std::string_view as_written(int column) const { return written_[static_cast<std::size_t>(column)]; }
    std::size_t size() const { return names_.size(); }

private:
    std::vector<std::string> names_;
    std::vector<std::string> written_;
    std::vector<std::uint32_t> table_;  // open addressing; column + 1
};

struct JsonMember {
    int column;            // JsonKeys::unknown for an unknown key
    std::string_view key;  // as written, without quotes
    Field value;
};

class JsonRecordParser {
public:
    // `only_column` (-1: none): a record in which it is not the string `only_value` is given up there, unread.
    explicit JsonRecordParser(const JsonKeys& keys, int only_column = -1, std::string only_value = {})
        : keys_(keys), only_column_(only_column), only_value_(std::move(only_value)) {}

    enum class Outcome { parsed, malformed, passed_over };
    // Parses text[begin, end). Gives the members in their order; malformed: `problem()` says what and where (byte from
    // 1).
    Outcome parse(const char* text, std::size_t begin, std::size_t end, std::vector<JsonMember>& members);
    const std::string& problem() const { return problem_; }

private:
    bool fail(const char* what);
    bool string(bool& escaped);
    bool number();
    bool literal(std::string_view word);
    bool value(Kind& kind);
    bool nested();
    bool any_key(std::string_view& key, int& column);
    bool is_only(const char* text, const JsonMember& member);
    Outcome malformed(const char* what) {
        fail(what);
        return Outcome::malformed;
    }
    void skip_blanks() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }

    const JsonKeys& keys_;
    const int only_column_;
    const std::string only_value_;
    const char* start_ = nullptr;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string stack_;  // of '{' and '['
    std::string key_text_;
    std::string problem_;
};

// The text of a JSON string with escapes (without its quotes), appended to `to`; the string was parsed before.
// False: an escape that stands for no character (half a UTF-16 pair).
bool json_unescape(std::string_view text, std::string& to);

// A text as a JSON string with its quotes, appended to `to`.
void json_quote(std::string_view text, std::string& to);

}  // namespace weir::source
