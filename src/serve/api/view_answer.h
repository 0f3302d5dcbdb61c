// GET /views/VIEW: from a request to rows in the format that was asked for. Runs on a thread for queries.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "declare/serve.h"
#include "serve/auth/principal.h"
#include "serve/http/exchange.h"
#include "serve/problem.h"
#include "serve/read/connections.h"
#include "serve/read/reads.h"
#include "serve/read/view_query.h"
#include "sink/rows.h"

namespace weir::serve {

struct AnswerOptions {
    std::int64_t page_rows = 100;
    QueryLimits limits;
    std::chrono::milliseconds query_timeout{30'000};
    std::uint64_t result_bytes_max = 0;
    std::filesystem::path spool;
    sink::CsvStyle csv;
    std::string cursor_key;
    std::string path = "/views/";  // of the next page
    std::vector<declare::RowLimit> row_limits;
    bool is_private = false;   // there are keys: what one reader gets is not for another
    bool has_project = false;  // nothing else than its views can be computed, or has keys
    std::function<void(const Error&)> log_fault = [](const Error&) {};  // of the server, which the client is not told
};

class ViewAnswers {
public:
    ViewAnswers(Reads& reads, AnswerOptions options);

    http::Response answer(const http::Head& head, const std::string& view, const Principal& principal);

    // The one row that meets the filters, as it is in this layer.
    http::Response row(const http::Head& head, const std::string& view, Layer layer, std::vector<Filter> key,
                       const Principal& principal);

    // The SQL condition that this reader's rows of a view meet: empty for all rows, "FALSE" for none.
    std::string own_rows(const Pinned& pinned, const Principal& principal) const;
    bool sees_all_rows(const std::string& view, const Principal& principal) const;
    const AnswerOptions& options() const { return options_; }
    Connections& connections() { return connections_; }

private:
    struct Request;
    Reads& reads_;
    AnswerOptions options_;
    Connections connections_;

    std::optional<Problem> prepare(Request& request);
    std::optional<Problem> find_rows(Request& request);
    std::optional<Problem> open_cursor_of(Request& request);
    Status write_page(Request& request, http::Response& response);
    Status write_whole(Request& request, http::Response& response);
    Status write_parquet(Request& request, http::Response& response);
    void describe(const Request& request, http::Response& response) const;
    std::optional<http::Response> conditional(const Request& request) const;
    http::Response failed(const Error& error) const;
};

// The headers that tell where rows come from, but for their age, which changes; then that one.
void add_fixed_provenance(const Provenance& from, http::Response& response);
void add_age(const Provenance& from, Time now, http::Response& response);
// The layer that such headers tell; nothing: they tell none, as there are no rows.
std::optional<Layer> layer_told(std::string_view fields);
// The same as JSON, for the envelope. With its age as of `age_at`, which no header tells of one view among several, and
// of an event; where there is a header, the body is the same as long as the tag is.
std::string provenance_json(const std::string& view, const Provenance& from, std::optional<Time> age_at = {});

// What is told of a layer that is not among `layers`.
Problem no_layer(Layer layer, Layer instead, bool has_project);

// What a look-up by key is told: there is no such row, or at least none for this reader; there are several.
Problem no_row(const std::string& view);
Problem several_rows(const std::string& view, const std::vector<std::string>& key);

// The problem that an error is for whoever asked. What is nobody's business but the operator's stays out of it.
Problem to_problem(const Error& error);

}  // namespace weir::serve
