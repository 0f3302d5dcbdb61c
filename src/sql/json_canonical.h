// One text for all ways of writing the same JSON value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::sql {

// The canonical text of a JSON value: keys in the order of their bytes (of equal keys the last one counts), no white
// space, characters as themselves where JSON allows it, numbers by their exact value (1, 1.0 and 10e-1 are the same).
class JsonCanonical {
public:
    // Appends to `to`; false, with nothing appended, if the text is not exactly one JSON value (RFC 8259).
    bool append(std::string_view text, std::string& to);

private:
    struct Member {
        std::size_t begin, key_end, end;  // "key":value in the output
    };

    bool value(int depth);
    bool object(int depth);
    bool array(int depth);
    bool string();
    bool number();
    bool word(std::string_view word);
    void order(std::size_t first_member, std::size_t begin);
    void blanks();

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string* out_ = nullptr;
    std::vector<Member> members_;  // of the open objects, the inner ones behind
    std::string ordered_, digits_;
};

}  // namespace weir::sql
