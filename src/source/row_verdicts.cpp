#include "source/row_verdicts.h"

#include <fmt/format.h>

#include <vector>

#include "source/read_run.h"
#include "sql/scalar_function.h"

namespace weir::source {
namespace {

Result<Reject> find_record(ReadRun::Impl& run, std::int64_t record) {
    std::shared_ptr<Block> block;
    {
        const std::scoped_lock lock(run.hand_out);
        const auto found = run.live_blocks.find(block_of(record));
        if (found != run.live_blocks.end()) block = found->second;
    }
    const auto index = static_cast<std::uint32_t>(record);
    if (block) {
        const std::scoped_lock lock(block->places_mutex);
        if (index < block->places.size()) {
            const auto place = block->places[index];
            block->pieces[place.piece].file->rule_rejected.fetch_add(1, std::memory_order_relaxed);
            return make_reject(*block, place.piece, place.begin, place.end, place.line);
        }
    }
    return Error{.code = ErrorCode::internal,
                 .message = fmt::format("record {} was rejected after its block was gone: the statement does not "
                                        "filter right above weir_read",
                                        record)};
}

void reject(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const auto rows = duckdb_data_chunk_get_size(input);
    auto* results = static_cast<bool*>(duckdb_vector_get_data(output));
    const auto* handles = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
    auto records_vector = duckdb_data_chunk_get_vector(input, 1);
    const auto* records = static_cast<std::int64_t*>(duckdb_vector_get_data(records_vector));
    auto violations_vector = duckdb_data_chunk_get_vector(input, 2);
    auto* violations = static_cast<duckdb_string_t*>(duckdb_vector_get_data(violations_vector));
    auto* valid = duckdb_vector_get_validity(violations_vector);
    if (rows == 0) return;
    const auto run = find_run(handles[0]);
    if (!run) {
        duckdb_scalar_function_set_error(info, no_such_run(handles[0]).c_str());
        return;
    }
    std::vector<Reject> rejects;
    rejects.reserve(rows);
    for (idx_t row = 0; row < rows; ++row) {
        results[row] = false;
        auto made = find_record(*run, records[row]);
        if (!made) {
            duckdb_scalar_function_set_error(info, to_string(run->fail(std::move(made).error())).c_str());
            return;
        }
        if (valid == nullptr || duckdb_validity_row_is_valid(valid, row))
            made->violations.assign(duckdb_string_t_data(&violations[row]), duckdb_string_t_length(violations[row]));
        rejects.push_back(std::move(made).value());
    }
    if (auto status = run->add_rejects(std::move(rejects)); !status)
        duckdb_scalar_function_set_error(info, to_string(run->fail(std::move(status).error())).c_str());
}

// Its argument. DuckDB does not move a filter below a column that comes from it, nor computes it twice.
void verdict(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const auto rows = duckdb_data_chunk_get_size(input);
    auto vector = duckdb_data_chunk_get_vector(input, 0);
    auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    auto* valid = duckdb_vector_get_validity(vector);
    duckdb_vector_ensure_validity_writable(output);
    auto* kept = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < rows; ++row) {
        const bool broken = valid == nullptr || duckdb_validity_row_is_valid(valid, row);
        duckdb_validity_set_row_validity(kept, row, broken);
        if (broken)
            duckdb_vector_assign_string_element_len(output, row, duckdb_string_t_data(&texts[row]),
                                                    duckdb_string_t_length(texts[row]));
    }
}

void filtered(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const auto rows = duckdb_data_chunk_get_size(input);
    auto* results = static_cast<bool*>(duckdb_vector_get_data(output));
    const auto* handles = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
    const auto* numbers = static_cast<std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1)));
    if (rows == 0) return;
    const auto run = find_run(handles[0]);
    if (!run) {
        duckdb_scalar_function_set_error(info, no_such_run(handles[0]).c_str());
        return;
    }
    FileState* file = nullptr;
    for (idx_t row = 0; row < rows; ++row) {
        results[row] = false;
        if (file == nullptr || file->file->file_no != numbers[row]) {
            const auto found = run->state_of_number.find(numbers[row]);
            if (found == run->state_of_number.end()) {
                duckdb_scalar_function_set_error(
                    info, to_string(run->fail({.code = ErrorCode::internal,
                                               .message = fmt::format("weir_filtered: no file {}", numbers[row])}))
                              .c_str());
                return;
            }
            file = found->second;
        }
        file->filtered.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace

bool register_verdicts(sql::Connection& connection) {
    constexpr auto bigint = DUCKDB_TYPE_BIGINT, integer = DUCKDB_TYPE_INTEGER;
    constexpr auto text = DUCKDB_TYPE_VARCHAR, boolean = DUCKDB_TYPE_BOOLEAN;
    using sql::Calls;
    return sql::add_scalar(connection.raw(), "weir_reject", {bigint, bigint, text}, boolean, reject, Calls::each_row) &&
           sql::add_scalar(connection.raw(), "weir_verdict", {text}, text, verdict, Calls::each_row) &&
           sql::add_scalar(connection.raw(), "weir_filtered", {bigint, integer}, boolean, filtered, Calls::each_row);
}

}  // namespace weir::source
