#include "serve/store/store_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weir::serve {
namespace {

using testing::HasSubstr;

TEST(StoreLoader, waits_longer_after_each_failure) {
    using std::chrono::seconds;
    EXPECT_EQ(load_pause(0), seconds(0));
    EXPECT_EQ(load_pause(1), seconds(1));
    EXPECT_EQ(load_pause(2), seconds(2));
    EXPECT_EQ(load_pause(4), seconds(8));
    EXPECT_EQ(load_pause(6), seconds(30));
    EXPECT_EQ(load_pause(1000), seconds(30));
}

TEST(StoreLoader, does_not_wait_when_there_is_another_publication) {
    std::atomic<int> loads{0};
    StoreLoader loader({.load = [&]() -> Status {
                            if (++loads < 6) return Error{.code = ErrorCode::refused, .message = "cannot be held"};
                            return ok();
                        },
                        .is_up = [] { return true; },
                        .note = [](const std::string&) {}});
    // Six loads with the pauses between them would be 31 s.
    for (int look = 0; look < 4000 && loads < 6; ++look) {
        loader.changed();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_GE(loads, 6);
}

TEST(StoreLoader, tells_a_failure_once_and_when_it_is_over) {
    std::mutex mutex;
    std::vector<std::string> notes;
    int loads = 0;
    {
        StoreLoader loader({.load = [&]() -> Status {
                                const std::lock_guard lock(mutex);
                                if (++loads <= 2) return Error{.code = ErrorCode::io_failed, .message = "no route"};
                                return ok();
                            },
                            .is_up = [] { return true; },
                            .note =
                                [&](const std::string& text) {
                                    const std::lock_guard lock(mutex);
                                    notes.push_back(text);
                                }});
        loader.wait_for_first(std::chrono::seconds(10));
        EXPECT_EQ(loader.failures(), 1u);
        EXPECT_TRUE(loader.first_ended());
        for (int i = 0; i < 1000; ++i) {
            {
                const std::lock_guard lock(mutex);
                if (notes.size() >= 2) break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    ASSERT_EQ(notes.size(), 2u);
    EXPECT_THAT(notes[0], HasSubstr("no route"));
    EXPECT_THAT(notes[1], HasSubstr("again"));
}

}  // namespace
}  // namespace weir::serve
