#include "observe/progress.h"

#include <gtest/gtest.h>

namespace weir::observe {
namespace {

struct Recorded {
    double now = 100;
    std::string text;
    ProgressOptions options(ProgressOptions::To to) {
        return {.to = to,
                .columns = 40,
                .seconds = [this] { return now; },
                .write = [this](std::string_view bytes) { text += bytes; }};
    }
};

const StepStarted step{.kind = "source", .node = "events", .interval = "2024-03-01", .reason = "new files"};

TEST(Progress, the_line_says_rows_bytes_rate_share_and_time_left) {
    EXPECT_EQ(progress_text(step, {.rows = 1234567, .bytes = 100 << 20, .bytes_total = 400 << 20}, 2.0),
              "source events 2024-03-01  1.23 M rows  100.0 MiB  50.0 MiB/s  25 %  6.0 s left");
    EXPECT_EQ(progress_text(step, {.rows = 1, .bytes = 2048}, 2.0),
              "source events 2024-03-01  1 row  2.0 KiB  1.0 KiB/s");
    EXPECT_EQ(progress_text(step, {}, 12.3), "source events 2024-03-01  12 s");
}

TEST(Progress, a_terminal_has_one_line_that_is_refreshed_and_cut) {
    Recorded recorded;
    {
        Progress progress(recorded.options(ProgressOptions::To::terminal));
        progress.tell(step);
        recorded.now += 0.05;
        progress.tell(StepAdvanced{.rows = 5, .bytes = 10, .bytes_total = 20});  // too soon
        recorded.now += 0.95;
        progress.tell(StepAdvanced{.rows = 10, .bytes = 10, .bytes_total = 20});
    }
    EXPECT_EQ(recorded.text,
              "\r\x1b[Ksource events 2024-03-01  0.0 s"
              "\r\x1b[Ksource events 2024-03-01  10 rows  10 …"
              "\r\x1b[K");
}

TEST(Progress, what_is_done_stays) {
    Recorded recorded;
    Progress progress(recorded.options(ProgressOptions::To::terminal));
    progress.tell(step);
    recorded.now += 3;
    recorded.text.clear();
    progress.tell(StepDone{.state = "done", .rows = 12345, .duplicate = 1, .quarantined = 2});
    EXPECT_EQ(recorded.text,
              "\r\x1b[Ksource events 2024-03-01: done, 12,345 rows, 1 duplicate, 2 quarantined, 3.0 s\n");
}

TEST(Progress, elsewhere_it_is_json_at_most_once_a_second) {
    Recorded recorded;
    Progress progress(recorded.options(ProgressOptions::To::json_lines));
    progress.tell(RunStarted{.run_id = "r1", .project = "a\"b", .steps = 2});
    progress.tell(step);
    for (int i = 0; i < 30; ++i) {
        recorded.now += 0.1;
        progress.tell(StepAdvanced{.rows = i, .bytes = i * 10, .bytes_total = 300});
    }
    progress.tell(StepDone{.state = "done", .rows = 30});
    progress.tell(RunDone{.run_id = "r1", .rows = 30});
    EXPECT_EQ(std::count(recorded.text.begin(), recorded.text.end(), '\n'), 1 + 1 + 2 + 1 + 1) << recorded.text;
    EXPECT_TRUE(recorded.text.starts_with(
        "{\"event\": \"run_started\", \"run_id\": \"r1\", \"project\": \"a\\\"b\", \"steps\": 2}\n"));
    EXPECT_NE(recorded.text.find("\"event\": \"step_done\", \"kind\": \"source\", \"node\": \"events\", \"interval\": "
                                 "\"2024-03-01\", \"state\": \"done\", \"rows\": 30"),
              std::string::npos);
}

TEST(Progress, quiet_is_quiet) {
    Recorded recorded;
    Progress progress(recorded.options(ProgressOptions::To::nobody));
    progress.tell(step);
    progress.tell(RunDone{});
    EXPECT_EQ(recorded.text, "");
}

TEST(Units, as_people_read_them) {
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(1048575), "1.0 MiB");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(12005), "12,005");
    EXPECT_EQ(seconds_text(0.44), "0.4 s");
    EXPECT_EQ(seconds_text(59.6), "1:00 min");
    EXPECT_EQ(seconds_text(3725), "1:02 h");
}

}  // namespace
}  // namespace weir::observe
