// GET / and GET /assets/NAME: the page and its files, straight from memory.
#pragma once

#include <string_view>

#include "serve/http/exchange.h"

namespace weir::serve {

// Whether who asks for / wants the page, and not the list of paths as JSON.
bool wants_page(const http::Head& head);
// `path`: "/" or "/assets/NAME"; not-found where there is no such file.
http::Response page_answer(const http::Head& head, std::string_view path);

}  // namespace weir::serve
