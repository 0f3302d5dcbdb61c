// The time that a webhook has bounds all of it, the look-up of its name too.
#include "observe/alerts/http_post.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weir::observe {
namespace {

using std::chrono::milliseconds;

const auto never = [] { return false; };

HttpPost to(const std::string& url, NameLookup lookup) {
    return {.to = *parse_address(url),
            .header = "",
            .body = "{}",
            .timeout = milliseconds(200),
            .lookup = std::move(lookup)};
}

TEST(HttpPost, a_name_that_takes_too_long_is_left_behind) {
    const auto over = std::make_shared<std::atomic<bool>>(false);  // those who are left behind look at it too
    const auto slow = [over](const std::string&, const std::string&) {
        while (!*over) std::this_thread::sleep_for(milliseconds(5));
        return std::vector<SocketAddress>();
    };
    const auto status = post(to("http://slow.example.org/", slow), never);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "looking up its name took longer than 200 ms");
    // Those who hang are not added to without an end.
    Result<int> last = 0;
    for (int i = 0; i < 12; ++i) last = post(to("http://slow.example.org/", slow), never);
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().message, "looking up its name: too many look-ups hang");
    *over = true;
    for (int i = 0; i < 200; ++i) {
        last =
            post(to("http://none.example.org/", [](const auto&, const auto&) { return std::vector<SocketAddress>(); }),
                 never);
        if (last.error().message == "its name cannot be found") break;
        std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_EQ(last.error().message, "its name cannot be found");
}

// As many targets as there may be at one moment: none is turned away because others are being looked up.
TEST(HttpPost, many_names_at_once_wait_for_each_other) {
    const auto takes_a_while = [](const std::string&, const std::string&) {
        std::this_thread::sleep_for(milliseconds(30));
        return std::vector<SocketAddress>();
    };
    constexpr int many = 30;
    std::vector<std::string> said(many);
    std::vector<std::thread> threads;
    for (auto& one : said) {
        threads.emplace_back([&one, takes_a_while] {
            auto request = to("http://none.example.org/", takes_a_while);
            request.timeout = milliseconds(60'000);
            one = post(request, never).error().message;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(said, std::vector<std::string>(many, "its name cannot be found"));
}

TEST(HttpPost, who_is_told_to_stop_stops_while_a_name_is_looked_up) {
    const auto over = std::make_shared<std::atomic<bool>>(false);  // those who are left behind look at it too
    auto request = to("http://slow.example.org/", [over](const std::string&, const std::string&) {
        while (!*over) std::this_thread::sleep_for(milliseconds(5));
        return std::vector<SocketAddress>();
    });
    request.timeout = milliseconds(60'000);
    const auto status = post(request, [] { return true; });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::interrupted);
    *over = true;
}

TEST(HttpPost, the_next_address_is_tried_where_one_does_not_answer) {
    // Nobody listens at port 1.
    const auto both = [](const std::string&, const std::string&) {
        auto places = system_lookup("127.0.0.1", "1");
        for (auto& one : system_lookup("127.0.0.2", "1")) places.push_back(std::move(one));
        return places;
    };
    EXPECT_EQ(both("", "").size(), 2u);
    const auto status = post(to("http://closed.example.org/", both), never);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "connecting failed: Connection refused");
}

}  // namespace
}  // namespace weir::observe
