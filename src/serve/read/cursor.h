// A cursor: where a page ended, in which version of the view, for which question. Opaque and signed: whoever changes
// it gets no answer.
//
//   base64url( JSON [1, view, layer, version, hash of the question, place] ‖ HMAC-SHA-256, 16 bytes )
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "serve/read/view_query.h"

namespace weir::serve {

struct Cursor {
    std::string view;
    Layer layer = Layer::batch;
    std::string version;
    std::string question;  // hash over filters, order and whose rows
    RowPlace place;
};

std::string seal_cursor(const Cursor& cursor, std::string_view key);
// Nothing where it was not made with this key.
std::optional<Cursor> open_cursor(std::string_view text, std::string_view key);

}  // namespace weir::serve
