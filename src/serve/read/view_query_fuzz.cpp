// Any query string against a view of every type: a problem, or SQL without a quote left open.
#include <cstdint>
#include <cstdlib>

#include "declare/sql_text.h"
#include "serve/read/cursor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using enum Type::Kind;
    static const Schema schema{{{"a", Type::of(int64)},
                                {"b", Type::of(string)},
                                {"c", Type::decimal(10, 2)},
                                {"d", Type::of(date)},
                                {"e", Type::of(timestamp)},
                                {"f", Type::of(float64)},
                                {"g", Type::of(boolean)},
                                {"h", Type::of(timestamp_ntz)}}};
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    serve::ViewQuery query;
    serve::Resolved resolved;
    if (!serve::parse_view_query(text, {}, query) && !serve::resolve(query, schema, resolved)) {
        const serve::Pinned pinned{.view = "v", .version = "1", .schema = schema, .relation = "r", .from = {}};
        if (declare::sql_statements(serve::whole_sql(pinned, resolved)).size() != 1) std::abort();
        if (declare::sql_statements(serve::page_sql(pinned, resolved, std::nullopt, 5)).size() != 1) std::abort();
    }
    if (serve::open_cursor(text, "key")) std::abort();
    return 0;
}
