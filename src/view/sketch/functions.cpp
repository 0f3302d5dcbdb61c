#include "view/sketch/functions.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "view/own_aggregate.h"
#include "view/sketch/distinct.h"
#include "view/sketch/quantile.h"

namespace weir::view {
namespace {

using Distinct = OwnAggregate<DistinctSketch>;
using Quantile = OwnAggregate<QuantileSketch>;

std::uint64_t hash_of(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

std::uint64_t hash_of_integer(std::int64_t value) { return hash_of(&value, sizeof value); }

// Equal numbers have equal bytes.
std::uint64_t hash_of_real(double value) {
    if (value == 0) value = 0;
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    return hash_of(&value, sizeof value);
}

// As DuckDB compares them: a month has 30 days, a day 24 hours.
std::uint64_t hash_of_interval(const duckdb_interval& value) {
    constexpr std::int64_t day = 86'400'000'000;
    const std::int64_t days = value.days + value.micros / day;
    const std::array<std::int64_t, 3> parts{value.months + days / 30, days % 30, value.micros % day};
    return hash_of(parts.data(), sizeof parts);
}

template <class Hash>
void add_hashes(const VectorColumn& column, idx_t rows, duckdb_aggregate_state* states, Hash hash) {
    for (idx_t row = 0; row < rows; ++row)
        if (!column.is_null(row)) Distinct::object_in(states[row]).add(hash(row));
}

void add_distinct(duckdb_function_info info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const VectorColumn column(input, 0);
    const auto rows = duckdb_data_chunk_get_size(input);
    auto type = duckdb_vector_get_column_type(column.vector());
    auto id = duckdb_get_type_id(type);
    if (id == DUCKDB_TYPE_DECIMAL) id = duckdb_decimal_internal_type(type);
    duckdb_destroy_logical_type(&type);
    const auto integers = [&]<class Integer>(Integer) {
        add_hashes(column, rows, states,
                   [&](idx_t row) { return hash_of_integer(static_cast<std::int64_t>(column.at<Integer>(row))); });
    };
    switch (id) {
        case DUCKDB_TYPE_BOOLEAN:
        case DUCKDB_TYPE_UTINYINT: return integers(std::uint8_t{});
        case DUCKDB_TYPE_TINYINT: return integers(std::int8_t{});
        case DUCKDB_TYPE_SMALLINT: return integers(std::int16_t{});
        case DUCKDB_TYPE_USMALLINT: return integers(std::uint16_t{});
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_DATE: return integers(std::int32_t{});
        case DUCKDB_TYPE_UINTEGER: return integers(std::uint32_t{});
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_TIME:
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS:
        case DUCKDB_TYPE_TIMESTAMP_NS:
        case DUCKDB_TYPE_TIMESTAMP_TZ: return integers(std::int64_t{});
        case DUCKDB_TYPE_UBIGINT: return integers(std::uint64_t{});
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT:
        case DUCKDB_TYPE_UUID:
            return add_hashes(column, rows, states, [&](idx_t row) {
                return hash_of(&column.at<duckdb_hugeint>(row), sizeof(duckdb_hugeint));
            });
        case DUCKDB_TYPE_FLOAT:
            return add_hashes(column, rows, states,
                              [&](idx_t row) { return hash_of_real(static_cast<double>(column.at<float>(row))); });
        case DUCKDB_TYPE_DOUBLE:
            return add_hashes(column, rows, states, [&](idx_t row) { return hash_of_real(column.real(row)); });
        case DUCKDB_TYPE_INTERVAL:
            return add_hashes(column, rows, states,
                              [&](idx_t row) { return hash_of_interval(column.at<duckdb_interval>(row)); });
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB:
            return add_hashes(column, rows, states, [&](idx_t row) {
                const auto bytes = column.bytes(row);
                return hash_of(bytes.data(), bytes.size());
            });
        case DUCKDB_TYPE_SQLNULL: return;
        default: duckdb_aggregate_function_set_error(info, "distinct_sketch takes values of this type as their text");
    }
}

void count_distinct(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const VectorColumn sketches(input, 0);
    auto* counts = static_cast<std::int64_t*>(duckdb_vector_get_data(output));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        duckdb_validity_set_row_validity(validity, row, !sketches.is_null(row));
        if (sketches.is_null(row)) continue;
        DistinctSketch sketch;
        if (!sketch.add_bytes(sketches.bytes(row)))
            return duckdb_scalar_function_set_error(info, DistinctSketch::damaged);
        counts[row] = sketch.count();
    }
}

void add_reals(duckdb_function_info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const VectorColumn values(input, 0);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!values.is_null(row) && std::isfinite(values.real(row)))
            Quantile::object_in(states[row]).add(values.real(row));
    }
}

constexpr const char* no_share = "the share of a quantile is from 0 to 1";

bool is_share(double share) { return share >= 0 && share <= 1; }

void quantile(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const VectorColumn sketches(input, 0), shares(input, 1), limits(input, 2);
    auto* values = static_cast<double*>(duckdb_vector_get_data(output));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        const bool known = !sketches.is_null(row) && !shares.is_null(row);
        duckdb_validity_set_row_validity(validity, row, known);
        if (!known) continue;
        QuantileSketch sketch;
        if (!sketch.add_bytes(sketches.bytes(row)))
            return duckdb_scalar_function_set_error(info, QuantileSketch::damaged);
        if (!is_share(shares.real(row))) return duckdb_scalar_function_set_error(info, no_share);
        values[row] = std::clamp(sketch.value(shares.real(row)), -limits.real(row), limits.real(row));
    }
}

void quantiles(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const VectorColumn sketches(input, 0), lists(input, 1), limits(input, 2);
    const VectorColumn shares(duckdb_list_vector_get_child(lists.vector()));
    auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(output));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    idx_t size = 0;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        const bool known = !sketches.is_null(row) && !lists.is_null(row);
        duckdb_validity_set_row_validity(validity, row, known);
        entries[row] = {size, 0};
        if (!known) continue;
        QuantileSketch sketch;
        if (!sketch.add_bytes(sketches.bytes(row)))
            return duckdb_scalar_function_set_error(info, QuantileSketch::damaged);
        const auto asked = lists.at<duckdb_list_entry>(row);
        duckdb_list_vector_reserve(output, size + asked.length);
        auto* values = static_cast<double*>(duckdb_vector_get_data(duckdb_list_vector_get_child(output)));
        for (idx_t i = 0; i < asked.length; ++i) {
            const auto at = asked.offset + i;
            if (shares.is_null(at) || !is_share(shares.real(at)))
                return duckdb_scalar_function_set_error(info, no_share);
            values[size + i] = std::clamp(sketch.value(shares.real(at)), -limits.real(row), limits.real(row));
        }
        entries[row] = {size, asked.length};
        size += asked.length;
    }
    duckdb_list_vector_set_size(output, size);
}

}  // namespace

Status add_sketch_functions(sql::Connection& connection) {
    constexpr auto real = DUCKDB_TYPE_DOUBLE, blob = DUCKDB_TYPE_BLOB;
    const bool added =
        Distinct::add(connection, "distinct_sketch", {DUCKDB_TYPE_ANY}, add_distinct) &&
        Distinct::add(connection, "distinct_sketch_merge", {blob}, Distinct::add_bytes) &&
        sql::add_scalar(connection.raw(), "distinct_sketch_count", {LogicalType(blob)}, LogicalType(DUCKDB_TYPE_BIGINT),
                        count_distinct) &&
        Quantile::add(connection, "quantile_sketch", {real}, add_reals) &&
        Quantile::add(connection, "quantile_sketch_merge", {blob}, Quantile::add_bytes) &&
        sql::add_scalar(connection.raw(), "quantile_sketch_value",
                        {LogicalType(blob), LogicalType(real), LogicalType(real)}, LogicalType(real), quantile) &&
        sql::add_scalar(connection.raw(), "quantile_sketch_values",
                        {LogicalType(blob), LogicalType::list_of(real), LogicalType(real)}, LogicalType::list_of(real),
                        quantiles);
    if (!added) return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions of sketches"};
    return ok();
}

bool is_sketched_as_is(std::string_view type) {
    constexpr auto types = std::to_array<std::string_view>(
        {"BOOLEAN",  "TINYINT",   "SMALLINT",    "INTEGER",      "BIGINT",       "HUGEINT",
         "UTINYINT", "USMALLINT", "UINTEGER",    "UBIGINT",      "UHUGEINT",     "UUID",
         "FLOAT",    "DOUBLE",    "DATE",        "TIME",         "TIMESTAMP",    "VARCHAR",
         "BLOB",     "INTERVAL",  "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"});
    return (type.starts_with("DECIMAL(") && type.ends_with(')')) ||
           std::find(types.begin(), types.end(), type) != types.end();
}

std::string_view precision_of_sketch(std::string_view function) {
    if (function == "distinct_sketch") return "exact up to 384 different values, then a standard error of 1.6 %";
    if (function == "quantile_sketch")
        return "off by at most 0.8 % of the value; 1.6 % and more where the values of a key fill more than nine powers "
               "of ten without gaps";
    return {};
}

}  // namespace weir::view
