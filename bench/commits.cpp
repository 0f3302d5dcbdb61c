// Small commits to one Delta table: commits_bench append DIR COUNT sync|nosync | open DIR | beside DIR SECONDS
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "lake/lake.h"
#include "lake/maintain/optimize.h"
#include "lake/write/transaction.h"
#include "sql/database.h"

using namespace weir;
using namespace weir::lake;
using Steady = std::chrono::steady_clock;

namespace {

constexpr const char* one_row =
    "SELECT 1::BIGINT AS id, 'a small row' AS text, TIMESTAMPTZ '2024-03-01 10:00:00+00' AS at";

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

Status make_table(const Table& table, sql::Connection& connection) {
    WEIR_ASSIGN(const bool there, table.exists());
    if (there) return ok();
    WEIR_ASSIGN(auto schema, connection.schema_of(one_row));
    WEIR_ASSIGN(auto transaction, Transaction::create(table, {.schema = std::move(schema)}));
    WEIR_TRY(commit_or_fail(std::move(transaction)));
    return ok();
}

// A long-lived writer: it keeps its snapshot and refreshes it.
Status append(const Table& table, sql::Connection& connection, const std::function<bool(int)>& more) {
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    for (int i = 0; more(i); ++i) {
        WEIR_ASSIGN(auto transaction, Transaction::begin(table, snapshot));
        WEIR_TRY(transaction.append(connection, one_row));
        WEIR_TRY(commit_or_fail(std::move(transaction)));
        WEIR_ASSIGN(snapshot, table.refresh(snapshot));
    }
    return ok();
}

Status run(const std::vector<std::string>& words) {
    WEIR_ASSIGN(auto database, sql::Database::open({}));
    WEIR_ASSIGN(auto connection, database.connect());
    const Sync sync = words.size() > 3 && words[3] == "nosync" ? Sync::none : Sync::durable;
    WEIR_ASSIGN(const auto table, Table::at(words.at(1), database, sync));
    if (words[0] == "append") {
        const int count = std::stoi(words.at(2));
        WEIR_TRY(make_table(table, connection));
        const auto start = Steady::now();
        WEIR_TRY(append(table, connection, [&](int i) { return i < count; }));
        std::printf("%.1f\n", count / seconds_since(start));
    } else if (words[0] == "open") {
        std::vector<double> times;
        std::int64_t version = 0;
        for (int i = 0; i < 21; ++i) {
            const auto start = Steady::now();
            WEIR_ASSIGN(const auto snapshot, table.snapshot());
            times.push_back(seconds_since(start) * 1000);
            version = snapshot.version().get();
        }
        std::ranges::sort(times);
        std::printf("%lld %.2f\n", static_cast<long long>(version), times[times.size() / 2]);
    } else if (words[0] == "beside") {
        WEIR_TRY(make_table(table, connection));
        std::atomic<bool> stop = false;
        int commits = 0;
        Status written;
        std::thread writer([&] {
            written = append(table, connection, [&](int i) {
                commits = i;
                return !stop;
            });
        });
        int optimized = 0;
        Status status;
        const auto start = Steady::now();
        while (status && seconds_since(start) < std::stod(words.at(2))) {
            auto result = optimize(table);
            if (result) {
                optimized += result->version ? 1 : 0;
            } else {
                status = std::move(result).error();
            }
        }
        stop = true;
        writer.join();
        WEIR_TRY(std::move(status));
        WEIR_TRY(std::move(written));
        std::printf("%d %d\n", commits, optimized);
    } else {
        return Error{.code = ErrorCode::usage, .message = "append, open or beside"};
    }
    return ok();
}

}  // namespace

int main(int count, char** arguments) {
    const auto status = run({arguments + 1, arguments + count});
    if (status) return 0;
    std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
    return 1;
}
