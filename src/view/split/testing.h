// What the split's tests share: events in a database, cut into pieces, and answers compared.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "view/exact/functions.h"
#include "view/split/split.h"

namespace weir::view::testing {

// A database whose event tables can be seen whole or in pieces. Each table "t" has its rows in "all_t", with the piece
// that a row belongs to in the column _piece.
class Pieces {
public:
    Pieces() : database_(sql::Database::open({.threads = 2}).value()), connection_(database_.connect().value()) {
        must(add_exact_functions(connection_));
    }

    sql::Connection& connection() { return connection_; }

    void must(const Status& status) const { ASSERT_TRUE(bool(status)) << status.error().message; }
    void run(const std::string& sql) { must(connection_.run(sql)); }

    // `rows`: a SELECT, or VALUES behind "SELECT * FROM (VALUES …) t(a, b)".
    void add_events(const std::string& table, const std::string& rows) {
        run("CREATE OR REPLACE TABLE all_" + table + " AS SELECT *, 0 AS _piece FROM (" + rows + ")");
        events_.insert(table);
        see(table, "true");
    }
    void add_reference(const std::string& table, const std::string& rows) {
        run("CREATE OR REPLACE TABLE " + table + " AS " + rows);
        references_.insert(table);
    }
    void see(const std::string& table, const std::string& predicate) {
        run("CREATE OR REPLACE VIEW " + table + " AS SELECT * EXCLUDE (_piece) FROM all_" + table + " WHERE " +
            predicate);
    }

    TableRole role(std::string_view table) const {
        if (events_.contains(std::string(table))) return TableRole::events;
        return references_.contains(std::string(table)) ? TableRole::reference : TableRole::other;
    }
    SplitInput input(const std::string& sql) const {
        return {.sql = sql, .inlined = {}, .role = [this](std::string_view table) { return role(table); }};
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
    std::vector<std::string> answer_in_pieces(const Split& split, int pieces, std::mt19937_64& random) {
        for (const auto& table : events_)
            run("UPDATE all_" + table + " SET _piece = (hash(rowid, " + std::to_string(random() % 1000000) + ") % " +
                std::to_string(pieces) + ")::INT");
        std::vector<int> order(static_cast<std::size_t>(pieces));
        for (int i = 0; i < pieces; ++i) order[static_cast<std::size_t>(i)] = i;
        std::shuffle(order.begin(), order.end(), random);
        for (const auto& state : split.states) {
            bool first = true;
            for (const auto piece : order) {
                for (const auto& table : events_) see(table, "_piece = " + std::to_string(piece));
                run((first ? "CREATE OR REPLACE TABLE " + state.name + " AS " : "INSERT INTO " + state.name + " ") +
                    state.partial);
                first = false;
                if (random() % 2 == 0) run("CREATE OR REPLACE TABLE " + state.name + " AS " + state.merge);
            }
        }
        for (const auto& table : events_) see(table, "true");
        return answer(split.finish);
    }

private:
    sql::Database database_;
    sql::Connection connection_;
    std::set<std::string> events_, references_;
};

}  // namespace weir::view::testing
