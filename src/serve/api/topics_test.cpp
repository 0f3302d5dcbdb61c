#include "serve/api/topics.h"

#include <gtest/gtest.h>

#include "serve/api/access_log.h"
#include "serve/api/metrics.h"

namespace weir::serve {
namespace {

// "value|key" of each row, or "row N" of each fault; "none" where the body is no list.
std::vector<std::string> rows_of(PostedAs as, const std::string& body, const std::string& key = "") {
    std::vector<RowFault> faults;
    const auto rows = posted_rows(as, body, key, faults);
    if (!rows) return {"none"};
    std::vector<std::string> all;
    all.reserve(faults.size() + rows->size());
    for (const auto& fault : faults) all.push_back("row " + std::to_string(fault.row));
    if (!faults.empty()) return all;
    for (const auto& row : *rows) all.push_back(row.value + (row.key ? "|" + *row.key : ""));
    return all;
}

using Rows = std::vector<std::string>;

TEST(PostedRows, lines) {
    EXPECT_EQ(rows_of(PostedAs::lines, "{\"a\":1}\n\n{\"a\":2}\r\n{}"), (Rows{"{\"a\":1}", "{\"a\":2}", "{}"}));
    EXPECT_EQ(rows_of(PostedAs::lines, "{\"k\":\"x\\u00e4\"}\n{\"k\":7}\n", "k"),
              (Rows{"{\"k\":\"x\\u00e4\"}|xä", "{\"k\":7}|7"}));
    EXPECT_EQ(rows_of(PostedAs::lines, "{}\n{\"k\":null}\n{\"k\":1}", "k"), (Rows{"row 1", "row 2"}));
    EXPECT_EQ(rows_of(PostedAs::lines, "1\n[]\n\"a\"\n{\"a\":}\n{\"a\":\"\xff\"}\n{}x\n"),
              (Rows{"row 1", "row 2", "row 3", "row 4", "row 5", "row 6"}));
    EXPECT_EQ(rows_of(PostedAs::lines, ""), Rows{});
}

TEST(PostedRows, arrays) {
    EXPECT_EQ(rows_of(PostedAs::array, " [ {\"a\":[1,\n2]} ,{\"b\":\"],}\\\"\"} ]\n"),
              (Rows{"{\"a\":[1, 2]}", "{\"b\":\"],}\\\"\"}"}));
    EXPECT_EQ(rows_of(PostedAs::array, "{\"a\":1}"), Rows{"{\"a\":1}"});
    EXPECT_EQ(rows_of(PostedAs::array, "[]"), Rows{});
    EXPECT_EQ(rows_of(PostedAs::array, "[{},]"), Rows{"row 2"});
    EXPECT_EQ(rows_of(PostedAs::array, "[1,{}]"), Rows{"row 1"});
    for (const std::string bad : {"", "[", "]", "[{}", "[{}]]", "[\"]", "x", "[{]"})
        EXPECT_EQ(rows_of(PostedAs::array, bad), Rows{"none"}) << bad;
}

TEST(AccessLog, hides_what_is_called_like_a_secret) {
    EXPECT_EQ(without_secrets("a=1&access_token=x.y&Token=z&b"), "a=1&access_token=…&Token=…&b");
}

TEST(Metrics, histograms_are_cumulative) {
    RequestMetrics metrics;
    metrics.note(Route::view, 200, 10, std::chrono::microseconds(90));
    metrics.note(Route::view, 404, 5, std::chrono::milliseconds(3));
    metrics.note(Route::view, 599, 0, std::chrono::minutes(1));
    std::string text;
    metrics.append_to(text);
    for (const auto* line : {"weir_http_requests_total{route=\"view\",status=\"200\"} 1\n",
                             "weir_http_requests_total{route=\"view\",status=\"other\"} 1\n",
                             "_bucket{route=\"view\",le=\"0.0001\"} 1\n", "_bucket{route=\"view\",le=\"0.005\"} 2\n",
                             "_bucket{route=\"view\",le=\"30\"} 2\n", "_bucket{route=\"view\",le=\"+Inf\"} 3\n",
                             "_count{route=\"view\"} 3\n", "weir_http_response_body_bytes_total{route=\"view\"} 15\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    std::string escaped;
    MetricsText(escaped).sample("m", {{"l", "a\"b\\c\nd"}}, std::uint64_t{1});
    EXPECT_EQ(escaped, "m{l=\"a\\\"b\\\\c\\nd\"} 1\n");
}

}  // namespace
}  // namespace weir::serve
