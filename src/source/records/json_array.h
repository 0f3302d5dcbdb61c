// Cuts a JSON array into its elements, without building anything: strings and nesting are followed, values are not
// judged (the record parser does that).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::source {

class JsonArraySplitter {
public:
    struct Element {
        std::size_t begin, end;
    };
    struct Scan {
        std::vector<Element> elements;  // whole ones, offsets into the text
        std::size_t consumed = 0;       // the next scan must begin with this byte
        bool in_element = false;        // the text at `consumed` begins an element that is not whole yet
        std::string problem;            // the text is no array; at `consumed`
    };
    // `final`: nothing follows.
    Scan scan(std::string_view text, bool final);

    struct Passed {
        std::size_t bytes = 0;
        bool ended = false;  // the next scan begins behind these bytes; otherwise the next text goes on here
    };
    // Passes over the element that the last scan was left in, however long it is: `text` begins where that element
    // does, or where the text before ended.
    Passed pass(std::string_view text);

private:
    enum class State { before, first, element, after_element, after };
    State state_ = State::before;
    // Where pass() stands inside an element.
    std::size_t depth_ = 0;
    bool in_string_ = false, escaped_ = false;
};

}  // namespace weir::source
