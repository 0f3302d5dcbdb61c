// Random queries over random pieces of events: states that were merged in any order give the answer of the whole query,
// to the bit. WEIR_RANDOM_SEED repeats a case and those behind it; WEIR_RANDOM_CASES and WEIR_RANDOM_SECONDS say how
// many.
#include "view/split/random_query.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>

#include "view/split/macros.h"
#include "view/split/testing.h"

namespace weir::view {
namespace {

using testing::is_error;
using testing::nearly_equal;
using testing::Pieces;
using testing::RandomQuery;
using testing::RandomTables;
using testing::sorted;

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* given = std::getenv(variable);
    if (given == nullptr || *given == '\0') return std::nullopt;
    return std::strtoull(given, nullptr, 10);
}

std::string shown(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += "    " + line + "\n";
    return text;
}

// Rows that come once or twice, of which some are taken back, wholly or in part.
std::string changes_of(std::string_view rows) {
    return fmt::format(
        "WITH rows_of AS ({}) SELECT *, (1 + hash(id, 91) % 2)::INTEGER AS weight FROM rows_of UNION ALL SELECT *, -1 "
        "FROM rows_of WHERE hash(id, 92) % 2 = 0 UNION ALL SELECT *, -1 FROM rows_of WHERE hash(id, 93) % 2 = 0 AND "
        "hash(id, 91) % 2 = 1 UNION ALL SELECT *, 0 FROM rows_of WHERE hash(id, 94) % 5 = 0",
        rows);
}

// Whether a state cannot be computed of all rows at once either.
bool fails_by_itself(Pieces& pieces, const Split& split) {
    return std::any_of(split.states.begin(), split.states.end(),
                       [&](const State& state) { return is_error(pieces.answer(state.partial)); });
}

// The cases of CI, in parts that can run side by side.
class RandomQueries : public ::testing::TestWithParam<int> {
protected:
    enum class Rows { stay, can_be_taken_back };
    void check(Rows rows);
};
constexpr int parts = 4;
constexpr std::uint64_t cases_in_all = 10000;

TEST_P(RandomQueries, pieces_give_the_answer_of_the_whole) { check(Rows::stay); }
TEST_P(RandomQueries, pieces_of_changes_give_the_answer_of_what_is_left) { check(Rows::can_be_taken_back); }

void RandomQueries::check(Rows rows) {
    const auto given = number_from("WEIR_RANDOM_SEED");
    const auto seconds = number_from("WEIR_RANDOM_SECONDS");
    if ((given || seconds) && GetParam() > 0) GTEST_SKIP() << "skipped: a run with a seed or a time is one part";
    // Without a word from outside the same cases each time; with a time new ones.
    const auto seed = given     ? *given
                      : seconds ? std::uint64_t{std::random_device{}()} << 20U
                                : std::uint64_t{1000000} * static_cast<std::uint64_t>(GetParam() + 1);
    const std::uint64_t of_ci = rows == Rows::stay ? cases_in_all / parts : 300;
    const auto cases = number_from("WEIR_RANDOM_CASES").value_or(seconds ? ~std::uint64_t{0} : of_ci);
    std::cout << "seed " << seed << "\n";
    Pieces pieces;
    const auto nothing = std::string(RandomTables::e) + " WHERE n < 0";
    if (rows == Rows::stay) {
        pieces.add_events("e", std::string(RandomTables::e));
        pieces.add_events("f", std::string(RandomTables::f));
    } else {
        pieces.add_changes("e", changes_of(RandomTables::e));
        pieces.add_changes("f", changes_of(RandomTables::f));
    }
    pieces.add_events("nothing", nothing);
    pieces.add_reference("r", std::string(RandomTables::r));
    pieces.run(std::string(RandomTables::macros));
    const auto macros = Macros::of(pieces.connection(), RandomTables::macros);
    ASSERT_TRUE(bool(macros)) << macros.error().message;

    const auto begin = std::chrono::steady_clock::now();
    std::size_t tried = 0, accepted = 0, fully = 0, partly = 0, as_written = 0, by_key = 0, by_row = 0,
                never_computed = 0, with_macros = 0, opaque = 0, failed = 0;
    std::map<std::string, std::size_t> refusals, reasons;
    for (; tried < cases; ++tried) {
        if (seconds && std::chrono::steady_clock::now() - begin > std::chrono::seconds(*seconds)) break;
        const auto own = seed + tried;
        std::mt19937_64 random(own);
        RandomQuery maker(own);
        const auto query = maker.make();
        const auto written = pieces.answer(query.sql);
        if (is_error(written)) {
            ++refusals[written.front().substr(0, 150)];
            continue;
        }
        ++accepted;
        const auto report = [&](std::string_view what, const std::string& more) {
            ++failed;
            ADD_FAILURE() << what << "\nWEIR_RANDOM_SEED=" << own << " WEIR_RANDOM_CASES=1\n"
                          << query.sql << "\n"
                          << more;
        };
        const auto text = macros->write_out(pieces.connection(), query.sql);
        if (!text) {
            report("not written out", text.error().message);
            continue;
        }
        if (!text->why_not.empty()) {
            ++opaque;
            ++reasons[text->why_not];
            continue;
        }
        with_macros += text->sql != query.sql ? 1U : 0U;
        const auto found = split(pieces.connection(), pieces.input(text->sql));
        if (!found) {
            report("not split", found.error().message);
            continue;
        }
        ++(found->states.empty() ? reasons["no states"] : found->rows.empty() ? fully : partly);
        for (const auto& why : found->row_by_row) ++reasons[why];
        const auto plain = pieces.answer(found->plain);
        if (maker.one_answer()) {
            ++as_written;
            if (!nearly_equal(plain, written)) {
                report("the stable query differs from the query as written",
                       fmt::format("plain: {}\n  written:\n{}  plain:\n{}", found->plain, shown(sorted(written)),
                                   shown(sorted(plain))));
                continue;
            }
        } else if (is_error(plain)) {
            report("the stable query fails", found->plain + "\n" + plain.front());
            continue;
        }
        const auto merged = pieces.answer_in_pieces(*found, 1 + static_cast<int>(random() % 6), random);
        if (is_error(merged) && rows == Rows::can_be_taken_back && fails_by_itself(pieces, *found)) {
            ++reasons["an expression fails over rows that were taken back"];
            continue;
        }
        // What DuckDB never computes in the whole query, as below WHERE false, or in a column that nobody reads, fails
        // in the pieces.
        if (is_error(merged) && merged.front().find("Out of Range Error") != std::string::npos &&
            (plain.empty() || fails_by_itself(pieces, *found))) {
            ++never_computed;
            continue;
        }
        if (query.ordered ? merged != plain : sorted(merged) != sorted(plain)) {
            std::string states;
            for (const auto& state : found->states) states += "  " + state.name + ": " + state.partial + "\n";
            report("pieces differ from the whole",
                   fmt::format("plain: {}\nfinish: {}\n{}  whole:\n{}  pieces:\n{}", found->plain, found->finish,
                               states, shown(plain), shown(merged)));
        }
        if (found->append_only) {
            ++by_row;
            if (query.ordered) report("an ordered result is append-only", found->plain);
            const auto appended = pieces.answer_appended(*found, random);
            if (sorted(appended) != sorted(plain))
                report(
                    "the result with new rows added differs",
                    fmt::format("finish: {}\nwhole:\n{}  appended:\n{}", found->finish, shown(plain), shown(appended)));
        }
        if (found->touched.why_not.empty()) {
            ++by_key;
            const auto refreshed = pieces.answer_refreshed(*found, random);
            // Sums that miss a row may have no square root.
            if (is_error(refreshed) && rows == Rows::can_be_taken_back) {
                ++reasons["a row was taken back before it came"];
                continue;
            }
            if (query.ordered ? refreshed != plain : sorted(refreshed) != sorted(plain))
                report("the refreshed result differs", fmt::format("keys: {}\nfinish: {}\nwhole:\n{}  refreshed:\n{}",
                                                                   fmt::join(found->touched.columns, ", "),
                                                                   found->finish, shown(plain), shown(refreshed)));
        } else {
            ++reasons["the whole again: " + found->touched.why_not];
        }
        if (failed >= number_from("WEIR_RANDOM_FAILURES").value_or(5)) break;
    }
    std::cout << tried << " queries: " << accepted << " accepted by DuckDB, " << as_written
              << " with one answer as written; " << fully << " wholly of states, " << partly << " of states and rows, "
              << accepted - fully - partly - opaque << " of rows only; " << by_key << " refreshed by key, " << by_row
              << " append-only, " << with_macros << " with macros written out, " << opaque << " with others\n";
    if (std::getenv("WEIR_RANDOM_VERBOSE") != nullptr) {
        for (const auto& [why, count] : refusals) std::cout << count << "  " << why << "\n";
        for (const auto& [why, count] : reasons) std::cout << count << "  " << why << "\n";
    }
    if (failed > 0 || tried < 1000) return;
    EXPECT_GT(accepted * 100, tried * 85);
    EXPECT_GT(fully * 100, accepted * (rows == Rows::stay ? 60U : 50U));
    EXPECT_GT(as_written * 100, accepted * 25);
    EXPECT_GT(by_key * 100, accepted * 20);
    EXPECT_GE(by_row * 100, accepted * (rows == Rows::stay ? 2U : 0U));
    EXPECT_GT(with_macros * 100, accepted * 15);
    EXPECT_LT(opaque * 100, accepted * 5);
    EXPECT_LT(never_computed * 500, accepted);
}

INSTANTIATE_TEST_SUITE_P(Part, RandomQueries, ::testing::Range(0, parts));

}  // namespace
}  // namespace weir::view
