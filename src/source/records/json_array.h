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

private:
    enum class State { before, first, element, after_element, after };
    State state_ = State::before;
};

}  // namespace weir::source
