// /openapi.json: this interface, made from the routes and the catalogue, so that it cannot say anything else.
#pragma once

#include <string>

#include "serve/api/key_answer.h"
#include "serve/auth/principal.h"
#include "serve/read/reads.h"
#include "serve/read/view_query.h"

namespace weir::serve {

struct OpenApiOptions {
    std::string title, version;
    std::vector<std::string> layers;
    bool has_topics = false;
    bool has_keys = false;  // credentials are needed
    std::int64_t page_rows = 100;
    std::int64_t page_rows_max = 10'000;
};

// An OpenAPI 3.1 document with one path per view, and per system table, that this reader may see.
std::string openapi_document(const OpenApiOptions& options, const std::vector<CatalogueEntry>& views,
                             const std::vector<CatalogueEntry>& system, const KeyAnswers::Specs& keys,
                             const Principal& principal);

}  // namespace weir::serve
