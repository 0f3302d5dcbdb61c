#include "contract/reject_table.h"

#include <fmt/format.h>

#include "contract/check.h"

namespace weir::contract {
namespace {

class Appender {
public:
    Appender(duckdb_connection connection, const std::string& table) {
        duckdb_appender_create(connection, nullptr, table.c_str(), &appender_);
    }
    Appender(const Appender&) = delete;
    ~Appender() { duckdb_appender_destroy(&appender_); }
    duckdb_appender get() const { return appender_; }
    Status flush() {
        if (duckdb_appender_close(appender_) == DuckDBSuccess) return ok();
        const char* text = duckdb_appender_error(appender_);
        return sql::duckdb_error(text == nullptr ? "the appender failed" : text, "");
    }

private:
    duckdb_appender appender_ = nullptr;
};

}  // namespace

Result<RejectTable> RejectTable::create(sql::Database& database, const std::string& name, std::vector<Rule> rules) {
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(
        connection.run(fmt::format("CREATE OR REPLACE TABLE {} (file_no INTEGER, line BIGINT, byte_offset BIGINT, "
                                   "\"column\" VARCHAR, rule VARCHAR, "
                                   "reason VARCHAR, raw BLOB, cut BOOLEAN)",
                                   sql::quote_name(name))));
    return RejectTable(std::move(connection), name, std::move(rules));
}

Status RejectTable::append(const std::vector<source::Reject>& rejects) {
    Appender appender(connection_.raw(), name_);
    const auto text = [&](const std::string& value) {
        duckdb_append_varchar_length(appender.get(), value.data(), value.size());
    };
    for (const auto& reject : rejects) {
        duckdb_append_int32(appender.get(), reject.file_no);
        duckdb_append_int64(appender.get(), reject.line);
        duckdb_append_int64(appender.get(), reject.byte_offset);
        if (reject.rule.empty()) {
            const auto broken = explain_broken(rules_, reject.violations);
            text(broken.column);
            text(broken.rule);
            text(broken.reason);
        } else {
            text(reject.column);
            text(reject.rule);
            text(reject.reason);
        }
        duckdb_append_blob(appender.get(), reject.raw.data(), reject.raw.size());
        duckdb_append_bool(appender.get(), reject.raw_size > reject.raw.size());
        duckdb_appender_end_row(appender.get());
    }
    WEIR_TRY(appender.flush());
    rows_ += static_cast<std::int64_t>(rejects.size());
    return ok();
}

}  // namespace weir::contract
