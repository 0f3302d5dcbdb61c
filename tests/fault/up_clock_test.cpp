// `weir up` while the clock of the day jumps: back an hour, forward a day, and to where it was.
#include <fmt/chrono.h>
#include <gmock/gmock.h>

#include <csignal>

#include "fault/fault.h"
#include "fault/live_project.h"
#include "support/background.h"

namespace weir::test {
namespace {

using namespace std::chrono_literals;

class UpClock : public LiveProject {};

TEST_F(UpClock, jumps_lose_nothing_and_no_watermark_goes_back) {
    write(project / "sources" / "t.yaml",
          "log: orders\ncontract: t\nsequence: seq\nevent_time: {column: _broker_ts, delay: 1s, idle: 1s, watermark: "
          "watermark}\n");
    auto contract = read(project / "contracts" / "t.odcs.yaml");
    write(project / "contracts" / "t.odcs.yaml", contract + "  - {name: _broker_ts, logicalType: timestamp}\n");
    ASSERT_EQ(go({"topic", "delete", "orders"}).exit_code, 0);
    ASSERT_EQ(go({"topic", "create", "orders", "--partitions", "2", "--retention", "2h"}).exit_code, 0);
    const FaultedCalls faulted(project, {});
    environment = faulted.environment();
    const auto err = scratch / "up.err";
    Background up(project, {"up", "--listen", "127.0.0.1:0"}, err, environment);
    const auto today = fmt::format("{:%F}", std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
    std::string watermark;
    std::chrono::seconds before{0};
    for (const auto jump : std::vector<std::chrono::seconds>{0s, -1h, 0s, 24h, 24h, 0s, -1h, 0s}) {
        SCOPED_TRACE(jump.count());
        faulted.set_clock_wrong(jump);
        for (int i = 0; i < 3; ++i) produce(60);
        wait_until_taken_in(err);
        if (HasFailure()) return;
        const auto now = sql("SELECT watermark FROM weir.watermarks");
        // While nothing comes it follows the clock, back too.
        if (jump >= before) {
            EXPECT_GE(now, watermark);
        }
        watermark = now;
        before = jump;
        // As it stood before each row, in the order in which they were read.
        EXPECT_EQ(sql("SELECT count(*) FROM (SELECT watermark AS mark, max(watermark) OVER (ORDER BY seq) AS highest "
                      "FROM t) WHERE mark < highest"),
                  "0\n");
        EXPECT_TRUE(up.running());
    }
    EXPECT_EQ(sql("SELECT count(*) FROM t"), std::to_string(next) + "\n");
    // What came in with the clock a day ahead was taken for that day's.
    EXPECT_EQ(sql("SELECT max(_arrival_date) > DATE '" + today + "' FROM t"), "true\n");
    EXPECT_EQ(up.end(SIGTERM), 0) << read(err);
    expect_everything();
    if (HasFailure()) std::cout << read(err) << std::endl;
    // Another process, with the clock as it is, goes on.
    environment.clear();
    Background again(project, {"up", "--listen", "127.0.0.1:0"}, err);
    produce(100);
    wait_until_taken_in(err);
    EXPECT_EQ(again.end(SIGTERM), 0) << read(err);
    expect_everything();
}

}  // namespace
}  // namespace weir::test
