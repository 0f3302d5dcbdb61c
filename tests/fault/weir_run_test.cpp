// `weir run` under faults: whatever happens, a reader sees the old state or the new one, the next run completes it,
// every row is accounted for, and no row is there twice. What is right is what a run without faults leaves.
//
//   WEIR_FAULT_LONG=1    every call meets every kind of fault; otherwise a sample of the calls, one kind each
//   WEIR_FAULT_SEED=N    which calls, and when to kill
//   WEIR_FAULT_KILLS=N   how often to kill at random, default 200
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "fault/fault.h"
#include "support/places.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using Kind = Fault::Kind;

// Rounds of one test that tries every call of a run, where there are more calls than that.
constexpr std::uint64_t sampled_rounds = 30;

// Two changed recipes, one without the word, and one without ingredients, which breaks the contract.
std::string recipes_of_day(int day) {
    const auto recipe = [&](int number, const std::string& ingredients, int minutes) {
        return fmt::format(R"({{"name": "R{0}", "url": "r{0}", {1}"cookTime": "PT{2}M", "prepTime": "PT{3}M"}})",
                           number, ingredients.empty() ? "" : fmt::format(R"("ingredients": "{}", )", ingredients),
                           minutes, day) +
               "\n";
    };
    return recipe(1, "beef", 10) + recipe(100 + day, "salt\\nbeef", 50 + day) + recipe(2, "beet", 5) + recipe(3, "", 1);
}

// New ids, the first id of the day before, an amount that is no number, and a row that the source filters.
constexpr int new_visits = 5;

std::string visits_of_day(int day) {
    std::string text = "id,amount\n";
    for (int i = 0; i < new_visits; ++i) text += fmt::format("{},{}.50\n", day * 100 + i, i);
    if (day > 1) text += fmt::format("{},1.00\n", (day - 1) * 100);
    text += fmt::format("{},many\n{},7.00\n", day * 100 + 90, day * 100 + 99);
    return text;
}

// What a reader can see, as "part|values" lines: one query, so that one process looks at everything.
constexpr const char* whole_state = R"(
SELECT line FROM (
    SELECT concat_ws('|', 'recipes', url, name, cookTime, _arrival_date, _source_file, _source_line, year, month, day)
        AS line FROM recipe_changes
    UNION ALL
    SELECT concat_ws('|', 'visits', id, amount, _arrival_date, _source_file, _source_line) FROM visits
    UNION ALL
    SELECT concat_ws('|', 'quarantine', source, id, state, arrival_date, file, line, rule, hex(raw), epoch)
    FROM weir.quarantine
    UNION ALL
    SELECT concat_ws('|', 'files', source, path, size, sha256, arrival_date, start_offset, records, quarantined, epoch)
    FROM weir.files
    UNION ALL
    SELECT concat_ws('|', 'accounting', source, kind, interval_from, epoch, read, accepted, duplicate, quarantined,
                     filtered, read = accepted + duplicate + quarantined + filtered)
    FROM weir.accounting
    UNION ALL
    SELECT concat_ws('|', 'report of ' || run_date, difficulty, avg_total_cooking_time) FROM history.difficulty_report
    UNION ALL
    SELECT concat_ws('|', 'report', difficulty, avg_total_cooking_time) FROM difficulty_report
    UNION ALL
    SELECT concat_ws('|', 'totals', arrived, n, total) FROM totals
    UNION ALL
    SELECT concat_ws('|', 'amounts', id, twice) FROM amounts
) ORDER BY line
)";

// Lines by part; the part "report of DAY" is a result of its own.
using State = std::map<std::string, std::multiset<std::string>>;

State parse_state(const std::string& csv) {
    State state;
    std::istringstream lines(csv);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) state[line.substr(0, line.find('|'))].insert(line);
    return state;
}

std::string text_of(const State& state) {
    std::string text;
    for (const auto& [part, lines] : state)
        for (const auto& line : lines) text += line + "\n";
    return text;
}

class WeirRunFault : public testing::Test {
protected:
    void SetUp() override {
        fs::copy(source_folder() / "projects" / "recipes", project, fs::copy_options::recursive);
        fs::remove_all(project / "sample");
        auto contract = read(project / "contracts" / "recipe.odcs.yaml");
        const std::string limit = "{property: quarantineLimit, value: 5}";
        ASSERT_NE(contract.find(limit), std::string::npos);
        contract.replace(contract.find(limit), limit.size(), "{property: quarantineLimit, value: 50}");
        write(project / "contracts" / "recipe.odcs.yaml", contract);
        write(project / "sources" / "visits.yaml",
              "files: visits/{year}/{month}/{day}/*.csv\nformat: csv\ncontract: visits\nwhere: id % 100 <> 99\n");
        write(project / "contracts" / "visits.odcs.yaml",
              "apiVersion: v3.1.0\nkind: DataContract\nid: visits\nversion: \"1.0.0\"\nstatus: active\n"
              "schema:\n- name: visits\n  logicalType: object\n"
              "  customProperties:\n  - {property: quarantineLimit, value: 50}\n"
              "  properties:\n"
              "  - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}\n"
              "  - {name: amount, logicalType: number, physicalType: \"decimal(10,2)\"}\n");
        write(project / "views" / "totals.sql",
              "SELECT _arrival_date AS arrived, count(*) AS n, sum(amount) AS total FROM visits GROUP BY ALL\n");
        write(project / "views" / "amounts.sql", "SELECT id, amount * 2 AS twice FROM visits\n");
        const char* wanted = std::getenv("WEIR_FAULT_SEED");
        seed = wanted != nullptr ? std::stoul(wanted) : std::random_device{}();
        std::cout << "WEIR_FAULT_SEED=" << seed << std::endl;
    }

    void add_day(int day) const {
        const auto folder =
            fs::path("2024") / fmt::format("{:02}", 1 + (day - 1) / 28) / fmt::format("{:02}", 1 + (day - 1) % 28);
        write(project / "sample" / folder / "changes.json", recipes_of_day(day));
        write(project / "visits" / folder / "visits.csv", visits_of_day(day));
    }

    std::vector<std::string> weir_on(const fs::path& at, const std::vector<std::string>& words) const {
        std::vector<std::string> command{weir().string()};
        command.insert(command.end(), words.begin(), words.end());
        command.insert(command.end(), {project.string(), "--lake", at.string()});
        return command;
    }

    Finished ask(const fs::path& at, const std::string& sql) const {
        auto command = weir_on(at, {"sql"});
        command.insert(command.end(), {"--format", "csv", sql});
        return run_without_sync(command);
    }

    State state_of(const fs::path& at) const {
        const auto asked = ask(at, whole_state);
        EXPECT_EQ(asked.exit_code, 0) << asked.err;
        return parse_state(asked.out);
    }

    // The state that a run without faults leaves in a lake, which stays for copies.
    State run_without_faults(const fs::path& at) const {
        const auto finished = run_without_sync(weir_on(at, {"run"}));
        EXPECT_EQ(finished.exit_code, 0) << finished.err;
        return state_of(at);
    }

    // Each part as it was or as it will be, and accounts only of rows that are there.
    static void expect_old_or_new(const State& found, const State& before, const State& after) {
        const auto failures = [] {
            return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
        };
        const auto failures_before = failures();
        const auto part_of = [](const State& state, const std::string& part) {
            const auto at = state.find(part);
            return at == state.end() ? std::multiset<std::string>{} : at->second;
        };
        std::set<std::string> parts;
        for (const auto* state : {&found, &before, &after})
            for (const auto& [part, lines] : *state) parts.insert(part);
        for (const auto& part : parts) {
            const auto seen = part_of(found, part);
            // Two sources land one after the other, each whole; the newest report is that of some day.
            if (part == "quarantine" || part == "files" || part == "accounting") {
                for (const auto* source : {"recipe_changes", "visits"}) {
                    const auto of_source = [&](const std::multiset<std::string>& lines) {
                        std::multiset<std::string> some;
                        for (const auto& line : lines)
                            if (line.starts_with(part + "|" + source + "|")) some.insert(line);
                        return some;
                    };
                    EXPECT_TRUE(of_source(seen) == of_source(part_of(before, part)) ||
                                of_source(seen) == of_source(part_of(after, part)))
                        << part << " of " << source << " is neither old nor new";
                }
                continue;
            }
            bool known = seen == part_of(before, part) || seen == part_of(after, part);
            if (part == "report") {
                for (const auto* state : {&before, &after}) {
                    for (const auto& [other, lines] : *state) {
                        if (!other.starts_with("report of ")) continue;
                        std::multiset<std::string> as_latest;
                        for (const auto& line : lines) as_latest.insert("report" + line.substr(line.find('|')));
                        known = known || seen == as_latest;
                    }
                }
            }
            EXPECT_TRUE(known) << part << " is neither old nor new";
        }
        const auto same_source = [&](const char* rows, const std::string& source) {
            const auto new_accounts = std::ranges::any_of(part_of(found, "accounting"), [&](const std::string& line) {
                return line.starts_with("accounting|" + source + "|") && !part_of(before, "accounting").contains(line);
            });
            if (new_accounts) {
                EXPECT_EQ(part_of(found, rows), part_of(after, rows)) << "accounted for, but not there";
            }
        };
        same_source("recipes", "recipe_changes");
        same_source("visits", "visits");
        if (failures() > failures_before) ADD_FAILURE() << "found:\n" << text_of(found);
    }

    // What a failed command says, and that it does not claim success.
    void expect_told(const Faulted& faulted, bool complete) const {
        const auto& finished = faulted.finished;
        if (finished.exit_code == 0) {
            EXPECT_TRUE(complete) << "success was reported";
            return;
        }
        if (finished.exit_code == 128 + 9) {
            EXPECT_TRUE(faulted.fault.kind == Kind::kill_before || faulted.fault.kind == Kind::kill_after);
            return;
        }
        EXPECT_EQ(finished.exit_code, 4);
        EXPECT_NE(finished.err.find(lake.string()), std::string::npos) << "the message names no path";
        if (faulted.fault.kind == Kind::disk_full || faulted.fault.kind == Kind::short_write) {
            EXPECT_NE(finished.err.find("free some room and run again"), std::string::npos);
        }
    }

    // Nothing half-written stays behind a run that went through.
    void expect_tidy(const fs::path& at, bool was_killed) const {
        if (was_killed) return;
        for (const auto& entry : fs::recursive_directory_iterator(at)) {
            const auto name = entry.path().filename().string();
            const bool staged = entry.is_directory() && entry.path().parent_path().filename() == "_weir_staging";
            EXPECT_FALSE(staged || name.find(".tmp-") != std::string::npos) << entry.path() << " was left behind";
        }
    }

    // Every call of `command` below the lake goes wrong, once for each kind; or a sample of them.
    void every_call_goes_wrong_from(const fs::path& before, const std::vector<std::string>& command,
                                    const std::function<void(const Faulted&)>& check) {
        const auto prepare = [&] {
            if (!before.empty())
                fs::copy(before, lake, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        };
        fs::create_directories(lake);
        prepare();
        const auto counted = run_with_fault(command, lake, {});
        ASSERT_EQ(counted.finished.exit_code, 0) << counted.finished.err;
        const bool all = std::getenv("WEIR_FAULT_LONG") != nullptr;
        const auto step = all ? 1 : std::max<std::uint64_t>(1, counted.calls / sampled_rounds);
        std::vector<Kind> kinds{Kind::eio, Kind::kill_after, Kind::disk_full, Kind::short_write, Kind::kill_before};
        std::rotate(kinds.begin(), kinds.begin() + static_cast<std::ptrdiff_t>(seed % kinds.size()), kinds.end());
        const int rounds = every_call_goes_wrong({.command = command,
                                                  .folder = lake,
                                                  .kinds = kinds,
                                                  .rotate = !all,
                                                  .first = 1 + seed % step,
                                                  .step = step,
                                                  .prepare = prepare,
                                                  .check = check});
        std::cout << rounds << " rounds over " << counted.calls << " calls" << std::endl;
        EXPECT_GT(rounds, 20);
    }

    Scratch scratch{"run-fault"};
    fs::path home = fs::canonical(scratch.path());
    fs::path project = home / "project";
    fs::path lake = home / "lake";
    unsigned long seed = 0;
};

TEST_F(WeirRunFault, a_run_without_faults_leaves_what_the_input_says) {
    for (int day = 1; day <= 3; ++day) add_day(day);
    auto state = run_without_faults(lake);
    EXPECT_EQ(state["recipes"].size(), 9u);
    EXPECT_EQ(state["visits"].size(), 3u * new_visits);
    EXPECT_EQ(state["quarantine"].size(), 6u);
    EXPECT_EQ(state["files"].size(), 6u);
    EXPECT_TRUE(state["accounting"].contains("accounting|visits|intake|2024-01-02|1|8|5|1|1|1|true")) << text_of(state);
    EXPECT_TRUE(state["accounting"].contains("accounting|recipe_changes|intake|2024-01-03|1|4|3|0|1|0|true"));
    EXPECT_EQ(state["report"], (std::multiset<std::string>{"report|easy|13.0", "report|medium|54.0"}));
}

TEST_F(WeirRunFault, every_call_of_a_first_run_goes_wrong) {
    add_day(1);
    const State after = run_without_faults(home / "after");
    // There may be no table yet, or no lake; what weir says of itself can always be read.
    const auto check_between = [&] {
        const auto asked = ask(
            lake,
            "SELECT concat_ws(' ', 'table', name, coalesce(rows::VARCHAR, columns)) FROM weir.tables UNION ALL SELECT "
            "'accounts ' || count(*) FROM weir.accounting UNION ALL SELECT 'files ' || count(*) "
            "FROM weir.files UNION ALL SELECT 'quarantine ' || count(*) FROM weir.quarantine");
        if (asked.exit_code != 0) {
            EXPECT_NE(asked.err.find("there is no lake"), std::string::npos) << asked.err;
            return;
        }
        EXPECT_EQ(asked.out.find("unreadable"), std::string::npos) << asked.out;
        for (const auto& [table, rows] : std::map<std::string, int>{{"recipe_changes", 3}, {"visits", new_visits}}) {
            const auto line = fmt::format("table {} ", table);
            if (asked.out.find(line) == std::string::npos) continue;
            const bool known = asked.out.find(line + "0\n") != std::string::npos ||
                               asked.out.find(fmt::format("{}{}\n", line, rows)) != std::string::npos;
            EXPECT_TRUE(known) << asked.out;
        }
    };
    every_call_goes_wrong_from({}, weir_on(lake, {"run"}), [&](const Faulted& faulted) {
        if (faulted.finished.exit_code == 0) {
            EXPECT_EQ(state_of(lake), after) << "success was reported";
        } else {
            check_between();
        }
        expect_told(faulted, true);
        expect_tidy(lake, faulted.finished.exit_code == 128 + 9 || faulted.fault.kind == Kind::eio);
        EXPECT_EQ(text_of(run_without_faults(lake)), text_of(after));
    });
}

TEST_F(WeirRunFault, a_ledger_whose_sync_meets_a_full_disk_says_so) {
    add_day(1);
    ASSERT_FALSE(run_without_faults(lake).empty());
    const auto faulted = run_with_fault(weir_on(lake, {"run"}), lake,
                                        {.kind = Kind::disk_full, .at = 1, .only = "fdatasync", .path = "ledger.db"});
    EXPECT_TRUE(faulted.happened);
    expect_told(faulted, true);
}

// A file of a new day, and one that comes late.
TEST_F(WeirRunFault, every_call_of_a_later_run_goes_wrong) {
    add_day(1);
    add_day(3);
    const State before = run_without_faults(home / "before");
    add_day(2);
    add_day(4);
    fs::copy(home / "before", home / "after", fs::copy_options::recursive);
    const State after = run_without_faults(home / "after");
    every_call_goes_wrong_from(home / "before", weir_on(lake, {"run"}), [&](const Faulted& faulted) {
        const auto between = state_of(lake);
        expect_old_or_new(between, before, after);
        expect_told(faulted, between == after);
        expect_tidy(lake, faulted.finished.exit_code == 128 + 9 || faulted.fault.kind == Kind::eio);
        EXPECT_EQ(text_of(run_without_faults(lake)), text_of(after));
    });
}

// The contract is relaxed, and the rows that broke it are tried again.
TEST_F(WeirRunFault, every_call_of_a_replay_goes_wrong) {
    add_day(1);
    add_day(2);
    const State before = run_without_faults(home / "before");
    auto contract = read(project / "contracts" / "recipe.odcs.yaml");
    const std::string rule = "sql: ingredients IS NOT NULL";
    ASSERT_NE(contract.find(rule), std::string::npos);
    contract.replace(contract.find(rule), rule.size(), "sql: \"true\"");
    write(project / "contracts" / "recipe.odcs.yaml", contract);
    fs::copy(home / "before", home / "after", fs::copy_options::recursive);
    const std::vector<std::string> words{"quarantine", "replay", "--source", "recipe_changes"};
    ASSERT_EQ(run_without_sync(weir_on(home / "after", words)).exit_code, 0);
    State replayed = state_of(home / "after");
    EXPECT_EQ(replayed["recipes"].size(), before.at("recipes").size() + 2);
    EXPECT_TRUE(replayed["accounting"].contains("accounting|recipe_changes|replay|2024-01-02|1|1|1|0|0|0|true"))
        << text_of(replayed);
    const State after = run_without_faults(home / "after");
    const auto replay = weir_on(lake, words);
    every_call_goes_wrong_from(home / "before", replay, [&](const Faulted& faulted) {
        const auto between = state_of(lake);
        expect_old_or_new(between, before, replayed);
        expect_told(faulted, between == replayed);
        expect_tidy(lake, faulted.finished.exit_code == 128 + 9 || faulted.fault.kind == Kind::eio);
        const auto again = run_without_sync(replay);
        ASSERT_EQ(again.exit_code, 0) << again.err;
        EXPECT_EQ(text_of(state_of(lake)), text_of(replayed));
        EXPECT_EQ(text_of(run_without_faults(lake)), text_of(after));
    });
}

// Killed at a random moment, over and over, while days keep arriving. Only a round counts that had a day to take in and
// whose process was still running when the signal came.
TEST_F(WeirRunFault, killed_at_random_moments) {
    const char* wanted = std::getenv("WEIR_FAULT_KILLS");
    const int rounds = wanted != nullptr ? std::stoi(wanted) : 200;
    constexpr int rounds_a_lake = 25;  // every day makes each look at everything longer
    std::mt19937_64 random(seed);
    const auto seconds_of = [](const auto& work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    int days = 0, killed = 0, over = 0;
    double seconds = 0;  // of a run with a day or more to take in
    State state;
    // A run that nobody kills completes everything.
    const auto complete = [&] {
        seconds = seconds_of([&] {
            const auto finished = run_without_sync(weir_on(lake, {"run"}));
            EXPECT_EQ(finished.exit_code, 0) << finished.err;
        });
        state = state_of(lake);
    };
    while (killed < rounds && over <= rounds && !HasFailure()) {
        if (days == 0 || days > rounds_a_lake) {
            for (const auto& folder : {lake, project / "sample", project / "visits"}) fs::remove_all(folder);
            add_day(days = 1);
            complete();
        }
        add_day(++days);
        auto command = weir_on(lake, {"run"});
        const double after = std::uniform_real_distribution(0.004, std::max(0.005, seconds))(random);
        command.insert(command.begin(), {"timeout", "--signal=KILL", fmt::format("{:.3f}", after)});
        int exit_code = 0;
        const double took = seconds_of([&] { exit_code = run_without_sync(command).exit_code; });
        if (exit_code != 128 + 9) {
            EXPECT_EQ(exit_code, 0);
            ++over;
            seconds = std::min(seconds, took);
            state = state_of(lake);
            continue;
        }
        ++killed;
        if (killed % 20 == 1) {  // one day was new to it
            // What readers see is one publication, and right.
            const auto verified = run_without_sync(weir_on(lake, {"verify"}));
            EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
            const auto between = state_of(lake);
            fs::remove_all(home / "copy");
            fs::copy(lake, home / "copy", fs::copy_options::recursive);
            expect_old_or_new(between, state, run_without_faults(home / "copy"));
        }
        if (killed % 5 != 0) continue;
        complete();
        const auto verified = run_without_sync(weir_on(lake, {"verify"}));
        EXPECT_EQ(verified.exit_code, 0) << "the states do not hold what the rows give: " << verified.out;
        EXPECT_EQ(state["recipes"].size(), 3u * static_cast<std::size_t>(days));
        EXPECT_EQ(state["visits"].size(), static_cast<std::size_t>(new_visits * days));
        EXPECT_EQ(state["quarantine"].size(), 2u * static_cast<std::size_t>(days));
        EXPECT_EQ(state["files"].size(), 2u * static_cast<std::size_t>(days));
        if (HasFailure()) ADD_FAILURE() << text_of(state);
    }
    std::cout << killed << " runs were killed, " << over << " were over before" << std::endl;
    EXPECT_EQ(killed, rounds) << "most runs were over before they could be killed";
    // Many kills and one run leave the same as one run for each day.
    const auto completed = run_without_faults(lake);
    EXPECT_EQ(text_of(run_without_faults(lake)), text_of(completed));
}

}  // namespace
}  // namespace weir::test
