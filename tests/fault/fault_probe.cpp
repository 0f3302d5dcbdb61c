// Small things that write below a folder, for the tests of the fault tools: fault_probe
// atomic|absent|duckdb|sqlite|index|log|compact DIR
#include <sqlite3.h>

#include <cstdio>

#include "base/file.h"
#include "contract/dedup/duplicate_index.h"
#include "source/log/log.h"
#include "sql/database.h"

using namespace weir;

namespace {

Status copy_to_parquet(const fs::path& folder) {
    WEIR_ASSIGN(auto database, sql::Database::open({}));
    WEIR_ASSIGN(auto connection, database.connect());
    return connection.run("COPY (SELECT range AS n, repeat('x', 100) AS text FROM range(10000)) TO " +
                          sql::quote_text((folder / "rows.parquet").string()) + " (FORMAT parquet)");
}

Status insert_with_sqlite(const fs::path& folder) {
    sqlite3* database = nullptr;
    const auto done = [&](int code) -> Status {
        if (code == SQLITE_OK) return ok();
        return Error{.code = ErrorCode::io_failed, .message = sqlite3_errmsg(database)};
    };
    auto status = done(sqlite3_open((folder / "rows.sqlite").c_str(), &database));
    if (status) {
        status = done(sqlite3_exec(database,
                                   "CREATE TABLE IF NOT EXISTS numbers (n INTEGER);"
                                   "INSERT INTO numbers VALUES (1), (2), (3);",
                                   nullptr, nullptr, nullptr));
    }
    sqlite3_close(database);
    return status;
}

Status add_to_index(const fs::path& folder) {
    WEIR_ASSIGN(auto index, contract::DuplicateIndex::open(folder / "index", {.identity = "probe"}));
    for (std::int64_t version = index.covers().value_or(-1) + 1; version < 6; ++version) {
        std::vector<contract::KeyEntry> entries;
        for (std::uint64_t i = 0; i < 3000; ++i) {
            entries.push_back({{i << 48, static_cast<std::uint64_t>(version)}, 0});
        }
        WEIR_TRY(index.add(entries, version));
    }
    return ok();
}

// Eight appends of one producer to a topic of small segments; each that is acknowledged is printed.
Status append_to_log(const fs::path& folder) {
    WEIR_ASSIGN(const auto topics, source::log::Log::open(folder / "log", {}));
    WEIR_TRY(topics->create_topic("t", {.codec = source::log::Codec::none, .segment_bytes = 64 << 10}));
    for (std::int64_t i = 0; i < 8; ++i) {
        source::log::BatchBuilder builder;
        for (std::int64_t k = 0; k < 10; ++k)
            WEIR_TRY(builder.add(0, std::to_string(k), std::to_string(i * 10 + k) + std::string(2000, ' ')));
        source::log::AppendRequest request{.topic = "t"};
        WEIR_ASSIGN(request.batch, builder.finish(source::log::Codec::none));
        request.producer = 1;
        request.sequence = i * 10;
        WEIR_ASSIGN(const auto appended, topics->append(std::move(request)));
        std::printf("%d\n", static_cast<int>(appended.offset));
        std::fflush(stdout);
    }
    return topics->close();
}

Status compact_log(const fs::path& folder) {
    WEIR_ASSIGN(const auto log, source::log::Log::open(folder / "log", {}));
    WEIR_ASSIGN(const auto done, log->compact("t"));
    if (done.damaged_segments > 0) return Error{.code = ErrorCode::log_damaged, .message = "damaged"};
    return log->close();
}

Status probe(const std::string& what, const fs::path& folder) {
    if (what == "atomic") return write_file_atomic(folder / "file", "new content, a little longer");
    if (what == "absent") return write_file_if_absent(folder / "file", "new content, a little longer");
    if (what == "duckdb") return copy_to_parquet(folder);
    if (what == "sqlite") return insert_with_sqlite(folder);
    if (what == "index") return add_to_index(folder);
    if (what == "log") return append_to_log(folder);
    if (what == "compact") return compact_log(folder);
    return Error{.code = ErrorCode::usage, .message = "unknown probe " + what};
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const auto status = probe(arguments[1], arguments[2]);
    if (status) return 0;
    std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
    return 1;
}
