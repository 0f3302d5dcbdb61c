// What the split's tests share: events in a database, cut into pieces, and answers compared.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "view/own_functions.h"
#include "view/split/split.h"
#include "view/split/touched.h"
#include "view/split/weights.h"

namespace weir::view::testing {

inline bool is_error(const std::vector<std::string>& answer) {
    return !answer.empty() && answer.front().starts_with("error: ");
}

// A database whose event tables can be seen in three ways, a schema each: `whole`, `turned` (in another order), and
// `piece`: the rows of one piece, as the variables piece, pieces and salt say.
class Pieces {
public:
    Pieces() : database_(sql::Database::open({.threads = 1}).value()), connection_(database_.connect().value()) {
        must(add_own_functions(connection_));
        run("CREATE SCHEMA whole; CREATE SCHEMA turned; CREATE SCHEMA piece; CREATE SCHEMA earlier; CREATE SCHEMA "
            "touched");
        see("whole");
    }

    sql::Connection& connection() { return connection_; }

    void must(const Status& status) const { ASSERT_TRUE(bool(status)) << status.error().message; }
    void run(const std::string& sql) { must(connection_.run(sql)); }
    void see(const std::string& schema) { run("SET search_path = 'main," + schema + "'"); }

    // `rows`: a SELECT, or VALUES behind "SELECT * FROM (VALUES …) t(a, b)".
    void add_events(const std::string& table, const std::string& rows) {
        run("CREATE OR REPLACE TABLE whole." + table + " AS " + rows);
        run("CREATE OR REPLACE TABLE turned." + table + " AS FROM whole." + table + " ORDER BY hash(rowid, 17)");
        run("CREATE OR REPLACE VIEW piece." + table + " AS SELECT * FROM whole." + table +
            " WHERE hash(rowid, getvariable('salt')) % getvariable('pieces') = getvariable('piece')");
        run("CREATE OR REPLACE VIEW earlier." + table + " AS SELECT * FROM whole." + table +
            " WHERE hash(rowid, getvariable('salt')) % getvariable('pieces') <> getvariable('piece')");
        events_.insert(table);
    }
    // `changes`: a SELECT with a column `weight`; the events are what is left of them.
    void add_changes(const std::string& table, const std::string& changes) {
        const auto all = changes_relation(table);
        run("CREATE OR REPLACE TABLE whole." + all + " AS " + changes);
        for (const auto& [schema, comparison] : {std::pair{"piece.", "="}, std::pair{"earlier.", "<>"}})
            run(
                fmt::format("CREATE OR REPLACE VIEW {}{} AS SELECT * FROM whole.{} WHERE hash(rowid, "
                            "getvariable('salt')) % getvariable('pieces') {} getvariable('piece')",
                            schema, all, all, comparison));
        auto& weights = weights_[table];
        weights.column = "weight";
        weights.columns.clear();
        const auto columns = connection_.describe("SELECT * EXCLUDE (weight) FROM whole." + all);
        must(columns ? ok() : Status(columns.error()));
        for (const auto& column : *columns) weights.columns.push_back(column.name);
        add_events(table, select_left(weights, "whole." + all));
        run("CREATE OR REPLACE VIEW earlier." + table + " AS " + select_left(weights, "earlier." + all));
        run("CREATE OR REPLACE VIEW piece." + table + " AS SELECT * EXCLUDE (weight) FROM piece." + all);
    }
    void add_reference(const std::string& table, const std::string& rows) {
        run("CREATE OR REPLACE TABLE " + table + " AS " + rows);
        references_.insert(table);
    }

    TableRole role(std::string_view table) const {
        if (events_.contains(std::string(table))) return TableRole::events;
        return references_.contains(std::string(table)) ? TableRole::reference : TableRole::other;
    }
    SplitInput input(const std::string& sql) const {
        return {.sql = sql,
                .inlined = {},
                .role = [this](std::string_view table) { return role(table); },
                .weights = [this](std::string_view table) -> const Weights* {
                    const auto found = weights_.find(std::string(table));
                    return found == weights_.end() ? nullptr : &found->second;
                }};
    }

    // The rows of an answer as text, in order; the error's message where there is none.
    std::vector<std::string> answer(const std::string& sql) {
        auto rows = connection_.query("SELECT to_json(weir_answer)::VARCHAR FROM (" + sql + ") AS weir_answer");
        if (!rows) return {"error: " + rows.error().message};
        std::vector<std::string> lines;
        for (std::size_t row = 0; row < rows->row_count(); ++row) lines.emplace_back(rows->text(row, 0));
        return lines;
    }

    // What the states and finish give after the events came in `pieces` pieces at random, partly merged on the way.
    // Where finish reads events, it sees them in another order than the whole query did.
    std::vector<std::string> answer_in_pieces(const Split& split, int pieces, std::mt19937_64& random) {
        std::vector<int> order(static_cast<std::size_t>(pieces));
        for (int i = 0; i < pieces; ++i) order[static_cast<std::size_t>(i)] = i;
        std::shuffle(order.begin(), order.end(), random);
        std::string script = "SET VARIABLE pieces = " + std::to_string(pieces) +
                             "; SET VARIABLE salt = " + std::to_string(random() % 1000000) + "; ";
        std::set<std::string> begun;
        for (const auto piece : order) {
            script += "SET VARIABLE piece = " + std::to_string(piece) + "; ";
            for (const auto& state : split.states) {
                script += begun.insert(state.name).second ? "CREATE OR REPLACE TEMP TABLE " + state.name + " AS "
                                                          : "INSERT INTO " + state.name + " ";
                script += state.partial + "; ";
                if (random() % 3 == 0)
                    script += "CREATE OR REPLACE TEMP TABLE " + state.name + " AS " + state.merge + "; ";
            }
        }
        see("piece");
        auto status = split.states.empty() ? ok() : connection_.run(script);
        see("turned");
        auto result = status ? answer(split.finish) : std::vector{"error: " + status.error().message + "\n" + script};
        see("whole");
        for (const auto& state : split.states) run("DROP TABLE IF EXISTS " + state.name);
        return result;
    }

    // What a result becomes that was computed without one piece of the events, when that piece comes in and only its
    // keys are computed again.
    std::vector<std::string> answer_refreshed(const Split& split, std::mt19937_64& random) {
        run("SET VARIABLE pieces = " + std::to_string(2 + random() % 8) +
            "; SET VARIABLE salt = " + std::to_string(random() % 1000000) + "; SET VARIABLE piece = 0");
        const auto all = [&](const std::string& schema, const std::string& what) {
            see(schema);
            auto status = connection_.run(what);
            return status ? std::string() : "error: " + status.error().message + "\n" + what;
        };
        std::string before, after, touched, restricted;
        for (const auto& state : split.states) {
            before += "CREATE OR REPLACE TEMP TABLE " + state.name + " AS " + state.partial + "; ";
            after += "CREATE OR REPLACE TEMP TABLE new_" + state.name + " AS " + state.partial + "; " +
                     "CREATE OR REPLACE TEMP TABLE all_" + state.name + " AS FROM " + state.name +
                     " UNION ALL FROM new_" + state.name + "; ";
        }
        before += "CREATE OR REPLACE TEMP TABLE weir_old AS " + split.finish;
        for (const auto& [name, columns] : split.touched.sources) {
            const bool rows = events_.contains(name);
            touched +=
                (touched.empty() ? "" : " UNION ") + select_keys(columns, rows ? "piece." + name : "new_" + name);
            restricted +=
                rows ? "CREATE OR REPLACE VIEW touched." + name + " AS " + select_touched(columns, "turned." + name) +
                           "; "
                     : "CREATE OR REPLACE TEMP TABLE " + name + " AS " + select_touched(columns, "all_" + name) + "; ";
        }
        auto failed = all("earlier", before);
        if (failed.empty()) failed = all("piece", after);
        if (failed.empty())
            failed = all("piece", "CREATE OR REPLACE TABLE weir_touched AS " + touched + "; " + restricted);
        see("touched");
        auto result = failed.empty() ? answer(select_refreshed(split.touched, touched_relation, "weir_old",
                                                               "(" + select_fresh(split.touched) + ")"))
                                     : std::vector{failed};
        see("whole");
        for (const auto& state : split.states)
            for (const auto* prefix : {"", "new_", "all_"}) run("DROP TABLE IF EXISTS " + (prefix + state.name));
        return result;
    }

    // What an append-only result becomes that was computed without one piece of the events, when that piece comes in.
    std::vector<std::string> answer_appended(const Split& split, std::mt19937_64& random) {
        run("SET VARIABLE pieces = " + std::to_string(2 + random() % 8) +
            "; SET VARIABLE salt = " + std::to_string(random() % 1000000) + "; SET VARIABLE piece = 0");
        see("earlier");
        auto result = answer(split.finish);
        see("piece");
        auto more = answer(split.finish);
        see("whole");
        if (is_error(more)) return more;
        if (!is_error(result)) result.insert(result.end(), more.begin(), more.end());
        return result;
    }

private:
    sql::Database database_;
    sql::Connection connection_;
    std::set<std::string> events_, references_;
    std::map<std::string, Weights> weights_;
};

// Equal texts, but for numbers with a fraction or exponent, which may differ by a part in 10^9.
inline bool nearly_equal(std::string_view a, std::string_view b) {
    const auto number_at = [](std::string_view text, std::size_t at) {
        std::size_t end = at;
        while (end < text.size() && std::string_view("0123456789+-.eE").find(text[end]) != std::string_view::npos)
            ++end;
        return std::string(text.substr(at, end - at));
    };
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        const auto left = number_at(a, i), right = number_at(b, j);
        if (left != right && !left.empty() && !right.empty() &&
            (left + right).find_first_of(".eE") != std::string::npos) {
            const double x = std::strtod(left.c_str(), nullptr), y = std::strtod(right.c_str(), nullptr);
            if (std::abs(x - y) > 1e-9 * std::max({std::abs(x), std::abs(y), 1.0})) return false;
            i += left.size();
            j += right.size();
            continue;
        }
        if (a[i++] != b[j++]) return false;
    }
    return i == a.size() && j == b.size();
}

inline bool nearly_equal(const std::vector<std::string>& a, std::vector<std::string> b) {
    if (a.size() != b.size()) return false;
    for (const auto& line : a) {
        const auto found =
            std::find_if(b.begin(), b.end(), [&](const auto& other) { return nearly_equal(line, other); });
        if (found == b.end()) return false;
        *found = std::move(b.back());
        b.pop_back();
    }
    return true;
}

inline std::vector<std::string> sorted(std::vector<std::string> lines) {
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace weir::view::testing
