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

std::string in_memory(const std::string& name) { return name + "_in_memory"; }

}  // namespace

Result<RejectTable> RejectTable::open(sql::Database& database, const std::string& name, std::vector<Rule> rules) {
    WEIR_ASSIGN(auto connection, database.connect());
    std::filesystem::path folder;
    if (database.spill_folder() != nullptr) folder = *database.spill_folder() / name;
    return RejectTable(std::move(connection), name, std::move(rules), std::move(folder));
}

Status RejectTable::make() {
    if (!folder_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
        WEIR_TRY(make_directories(folder_));
    }
    WEIR_TRY(make_memory());
    WEIR_TRY(make_view());
    made_ = true;
    return ok();
}

Status RejectTable::make_memory() {
    rows_in_memory_ = 0;
    bytes_in_memory_ = 0;
    return connection_.run(
        fmt::format("CREATE OR REPLACE TABLE {} (file_no INTEGER, line BIGINT, byte_offset BIGINT, \"column\" VARCHAR, "
                    "rule VARCHAR, reason VARCHAR, raw BLOB, cut BOOLEAN, header VARCHAR)",
                    sql::quote_name(in_memory(name_))));
}

Status RejectTable::make_view() {
    auto rows = "SELECT * FROM " + sql::quote_name(in_memory(name_));
    if (!pieces_.empty())
        rows = fmt::format("SELECT * FROM read_parquet({}) UNION ALL {}", sql::quote_list(pieces_), rows);
    return connection_.run(fmt::format("CREATE OR REPLACE VIEW {} AS {}", sql::quote_name(name_), rows));
}

Status RejectTable::spill() {
    pieces_.push_back((folder_ / fmt::format("{:08}.parquet", pieces_.size())).string());
    WEIR_TRY(connection_.run(fmt::format("COPY (SELECT * FROM {} ORDER BY file_no, line) TO {} (FORMAT parquet)",
                                         sql::quote_name(in_memory(name_)), sql::quote_text(pieces_.back()))));
    WEIR_TRY(make_memory());
    return make_view();
}

Status RejectTable::append(const std::vector<source::Reject>& rejects) {
    if (rejects.empty()) return ok();
    if (!made_) WEIR_TRY(make());
    Appender appender(connection_.raw(), in_memory(name_));
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
        if (reject.header.empty())
            duckdb_append_null(appender.get());
        else
            text(reject.header);
        duckdb_appender_end_row(appender.get());
        bytes_in_memory_ += reject.raw.size() + reject.reason.size();
    }
    WEIR_TRY(appender.flush());
    rows_ += static_cast<std::int64_t>(rejects.size());
    rows_in_memory_ += static_cast<std::int64_t>(rejects.size());
    const bool full = rows_in_memory_ >= piece_rows || bytes_in_memory_ >= piece_bytes;
    return full && !folder_.empty() ? spill() : ok();
}

}  // namespace weir::contract
