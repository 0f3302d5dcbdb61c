#include "source/read_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "source/columns/cast.h"
#include "source/read_run.h"

namespace weir::source {
namespace {

duckdb_logical_type make_type(const Type& type) {
    if (type.kind == Type::Kind::decimal)
        return duckdb_create_decimal_type(static_cast<std::uint8_t>(type.precision),
                                          static_cast<std::uint8_t>(type.scale));
    using K = Type::Kind;
    switch (type.kind) {
        case K::boolean: return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
        case K::int8: return duckdb_create_logical_type(DUCKDB_TYPE_TINYINT);
        case K::int16: return duckdb_create_logical_type(DUCKDB_TYPE_SMALLINT);
        case K::int32: return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
        case K::int64: return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
        case K::float32: return duckdb_create_logical_type(DUCKDB_TYPE_FLOAT);
        case K::float64: return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
        case K::binary: return duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
        case K::date: return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
        case K::timestamp: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
        case K::timestamp_ntz: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
        default: return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    }
}

std::size_t width_of(const Type& type) {
    using K = Type::Kind;
    switch (type.kind) {
        case K::boolean:
        case K::int8: return 1;
        case K::int16: return 2;
        case K::int32:
        case K::float32:
        case K::date: return 4;
        case K::int64:
        case K::float64:
        case K::timestamp:
        case K::timestamp_ntz: return 8;
        case K::decimal: return type.precision <= 4 ? 2 : type.precision <= 9 ? 4 : type.precision <= 18 ? 8 : 16;
        default: return sizeof(duckdb_string_t);
    }
}

void set_null(duckdb_vector vector, std::size_t row) {
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

// Moves the values of the rows in `good` together at the front.
void compact(duckdb_vector vector, std::size_t width, const std::vector<std::uint32_t>& good) {
    auto* data = static_cast<char*>(duckdb_vector_get_data(vector));
    const auto move = [&]<std::size_t n>(std::integral_constant<std::size_t, n>) {
        for (std::size_t to = 0; to < good.size(); ++to) std::memmove(data + to * n, data + good[to] * n, n);
    };
    switch (width) {
        case 1: move(std::integral_constant<std::size_t, 1>{}); break;
        case 2: move(std::integral_constant<std::size_t, 2>{}); break;
        case 4: move(std::integral_constant<std::size_t, 4>{}); break;
        case 8: move(std::integral_constant<std::size_t, 8>{}); break;
        default: move(std::integral_constant<std::size_t, 16>{});
    }
    if (auto* validity = duckdb_vector_get_validity(vector)) {
        for (std::size_t to = 0; to < good.size(); ++to)
            duckdb_validity_set_row_validity(validity, to, duckdb_validity_row_is_valid(validity, good[to]));
    }
}

struct Bound {
    std::shared_ptr<ReadRun::Impl> run;
};

struct Thread {
    explicit Thread(std::shared_ptr<ReadRun::Impl> r)
        : run(std::move(r)), parser(*run->context, *run->keys), chunk(run->column_plans.size()) {
        for (const auto& plan : run->column_plans) writers.emplace_back(plan, run->context->dialect());
    }
    ~Thread() { run->release(supply); }
    std::shared_ptr<ReadRun::Impl> run;
    ReadRun::Impl::Supply supply;
    ChunkParser parser;
    FieldChunk chunk;
    std::vector<ColumnWriter> writers;
    bool has_block = false;
    bool done = false;
    std::vector<std::uint32_t> good, nulled;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> all_nulled;  // slot, row
    std::vector<Field> captured;
    std::string captured_text;
    std::vector<std::string> type_errors;  // by row
};

// The captured values of the rows' files, as fields of their own text.
void fill_captured(Thread& thread) {
    auto& run = *thread.run;
    if (run.plan.captures.empty()) return;
    auto& chunk = thread.chunk;
    thread.captured.resize(run.plan.captures.size() * chunk_rows);
    thread.captured_text.clear();
    for (std::size_t i = 0; i < run.plan.captures.size(); ++i) {
        const FileState* file = nullptr;
        Field field;
        for (std::size_t row = 0; row < chunk.rows; ++row) {
            const auto* now = thread.supply.block->pieces[chunk.places[row].piece].file;
            if (now != file) {
                file = now;
                const auto& value = file->file->captures[i];
                field =
                    Field::of(thread.captured_text.size(), thread.captured_text.size() + value.size(), Kind::quoted);
                thread.captured_text += value;
            }
            thread.captured[i * chunk_rows + row] = field;
        }
    }
}

void count(const FieldChunk& chunk, const Block& block) {
    for (std::size_t row = 0; row < chunk.rows;) {
        auto* file = block.pieces[chunk.places[row].piece].file;
        std::int64_t records = 0, rejected = 0;
        for (; row < chunk.rows && block.pieces[chunk.places[row].piece].file == file; ++row) {
            ++records;
            rejected += chunk.bad[row];
        }
        file->records.fetch_add(records, std::memory_order_relaxed);
        file->rejected.fetch_add(rejected, std::memory_order_relaxed);
    }
}

// The names of the columns of each row whose values became NULL: ",a,b,".
void write_type_errors(Thread& thread, duckdb_vector vector) {
    auto& run = *thread.run;
    const auto& good = thread.good;
    auto& of_row = thread.type_errors;
    of_row.resize(chunk_rows);
    for (const auto& [slot, row] : thread.all_nulled)
        of_row[row] += (of_row[row].empty() ? "," : "") + run.column_plans[slot].name + ",";
    duckdb_vector_ensure_validity_writable(vector);
    auto* validity = duckdb_vector_get_validity(vector);
    std::fill(validity, validity + (good.size() + 63) / 64, std::uint64_t{0});
    if (thread.all_nulled.empty()) return;
    TextVector texts(vector);
    for (std::size_t to = 0; to < good.size(); ++to) {
        if (of_row[good[to]].empty()) continue;
        texts.put(static_cast<std::uint32_t>(to), of_row[good[to]]);
        duckdb_validity_set_row_valid(validity, to);
    }
    texts.finish();
    for (const auto& [slot, row] : thread.all_nulled) of_row[row].clear();
}

void write_positions(Thread& thread, duckdb_data_chunk output, std::size_t column) {
    auto& run = *thread.run;
    auto& chunk = thread.chunk;
    auto& block = *thread.supply.block;
    const auto& good = thread.good;
    for (std::size_t i = 0; i < run.plan.captures.size(); ++i) {
        if (run.capture_slot[i] >= 0) continue;
        auto vector = duckdb_data_chunk_get_vector(output, column++);
        const Field* fields = thread.captured.data() + i * chunk_rows;
        const auto value_of = [&](std::uint32_t row) {
            return std::string_view(thread.captured_text).substr(fields[row].begin, fields[row].length());
        };
        if (run.plan.captures[i].type.kind == Type::Kind::string) {
            TextVector texts(vector);
            for (std::size_t to = 0; to < good.size(); ++to)
                texts.put(static_cast<std::uint32_t>(to), value_of(good[to]));
            texts.finish();
        } else if (run.plan.captures[i].type.kind == Type::Kind::int32) {
            auto* data = static_cast<std::int32_t*>(duckdb_vector_get_data(vector));
            for (std::size_t to = 0; to < good.size(); ++to) cast_integer(value_of(good[to]), data[to]);
        } else {
            auto* data = static_cast<std::int64_t*>(duckdb_vector_get_data(vector));
            for (std::size_t to = 0; to < good.size(); ++to) cast_integer(value_of(good[to]), data[to]);
        }
    }
    if (run.has_extra) {
        auto vector = duckdb_data_chunk_get_vector(output, column++);
        TextVector texts(vector);
        for (std::size_t to = 0; to < good.size(); ++to) {
            const auto [begin, end] = chunk.extra[good[to]];
            if (begin == end)
                set_null(vector, to);
            else
                texts.put(static_cast<std::uint32_t>(to),
                          std::string_view(chunk.extra_text).substr(begin, end - begin));
        }
        texts.finish();
    }
    auto* file_no = static_cast<std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column)));
    auto* line = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column + 1)));
    auto* record = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column + 2)));
    const std::scoped_lock lock(block.places_mutex);
    const FileState* last_file = nullptr;
    FileState* file = nullptr;
    std::int64_t emitted = 0;
    for (std::size_t to = 0; to < good.size(); ++to) {
        const auto& place = chunk.places[good[to]];
        const auto& piece = block.pieces[place.piece];
        if (piece.file != last_file) {
            if (file != nullptr) file->emitted.fetch_add(emitted, std::memory_order_relaxed);
            last_file = file = piece.file;
            emitted = 0;
        }
        ++emitted;
        file_no[to] = piece.file->file->file_no;
        line[to] = piece.line + place.line;
        record[to] = static_cast<std::int64_t>(block.id) << 32 | static_cast<std::int64_t>(block.places.size());
        block.places.push_back({place.piece, place.begin, place.end, place.line});
    }
    if (file != nullptr) file->emitted.fetch_add(emitted, std::memory_order_relaxed);
    if (run.plan.type_errors) write_type_errors(thread, duckdb_data_chunk_get_vector(output, column + 3));
}

Result<std::size_t> write_chunk(Thread& thread, duckdb_data_chunk output) {
    auto& run = *thread.run;
    auto& chunk = thread.chunk;
    auto& block = *thread.supply.block;
    const auto columns = run.column_plans.size();
    fill_captured(thread);
    thread.all_nulled.clear();
    for (std::size_t slot = 0; slot < columns; ++slot) {
        const Field* fields = chunk.column(slot);
        const char* text = run.of_unpacked[slot] ? chunk.unpacked_text.data() : block.text();
        const auto capture = std::find(run.capture_slot.begin(), run.capture_slot.end(), static_cast<int>(slot));
        if (capture != run.capture_slot.end()) {
            fields = thread.captured.data() + static_cast<std::size_t>(capture - run.capture_slot.begin()) * chunk_rows;
            text = thread.captured_text.data();
        }
        thread.nulled.clear();
        thread.writers[slot].write(chunk, fields, text, duckdb_data_chunk_get_vector(output, slot), thread.nulled);
        for (const auto row : thread.nulled) thread.all_nulled.emplace_back(static_cast<std::uint32_t>(slot), row);
    }
    for (const auto& [slot, row] : thread.all_nulled)
        if (!chunk.bad[row])
            block.pieces[chunk.places[row].piece].file->nulled[slot].fetch_add(1, std::memory_order_relaxed);

    auto& good = thread.good;
    good.clear();
    for (std::uint32_t row = 0; row < chunk.rows; ++row)
        if (!chunk.bad[row]) good.push_back(row);
    if (good.size() != chunk.rows && !good.empty()) {
        for (std::size_t slot = 0; slot < columns; ++slot)
            compact(duckdb_data_chunk_get_vector(output, slot), width_of(run.column_plans[slot].type), good);
    }
    count(chunk, block);
    if (!chunk.rejects.empty()) {
        std::vector<Reject> rejects;
        rejects.reserve(chunk.rejects.size());
        std::sort(chunk.rejects.begin(), chunk.rejects.end(),
                  [](const auto& a, const auto& b) { return a.row < b.row; });
        for (auto& bad : chunk.rejects) {
            const auto& place = chunk.places[bad.row];
            auto reject = make_reject(block, place.piece, place.begin, place.end, place.line);
            reject.rule = std::string(bad.rule);
            reject.column = std::move(bad.column);
            reject.reason = std::move(bad.reason);
            rejects.push_back(std::move(reject));
        }
        WEIR_TRY(run.add_rejects(std::move(rejects)));
    }
    write_positions(thread, output, columns);
    run.context->progress.rows.fetch_add(static_cast<std::int64_t>(good.size()), std::memory_order_relaxed);
    return good.size();
}

Status file_split_rejects(ReadRun::Impl& run, Block& block) {
    if (block.rejects.empty()) return ok();
    std::vector<Reject> rejects;
    for (auto& reject : block.rejects) {
        reject.file->records.fetch_add(1, std::memory_order_relaxed);
        reject.file->rejected.fetch_add(1, std::memory_order_relaxed);
        rejects.push_back({.file_no = reject.file->file->file_no,
                           .line = reject.line,
                           .byte_offset = reject.offset,
                           .rule = std::string(reject.rule),
                           .reason = std::move(reject.reason),
                           .raw = std::move(reject.raw),
                           .raw_size = reject.raw_size});
    }
    block.rejects.clear();
    return run.add_rejects(std::move(rejects));
}

Result<std::size_t> next_chunk(Thread& thread, duckdb_data_chunk output) {
    auto& run = *thread.run;
    while (!thread.done) {
        if (!thread.has_block) {
            WEIR_ASSIGN(const bool some, run.next_block(thread.supply));
            if (!some) {
                thread.done = true;
                run.release(thread.supply);
                break;
            }
            thread.has_block = true;
            auto& block = *thread.supply.block;
            thread.parser.begin(block);
            WEIR_TRY(file_split_rejects(run, block));
        }
        if (!thread.parser.next(thread.chunk)) {
            thread.has_block = false;
            continue;
        }
        WEIR_ASSIGN(const auto rows, write_chunk(thread, output));
        if (rows > 0) return rows;
        // Not one row was good; what was marked NULL on the way must not show in the next ones.
        duckdb_data_chunk_reset(output);
    }
    return std::size_t{0};
}

Result<std::size_t> next_chunk_or_error(Thread& thread, duckdb_data_chunk output) {
    try {
        return next_chunk(thread, output);
    } catch (const std::bad_alloc&) {
        return Error{.code = ErrorCode::out_of_memory,
                     .message = "there is not enough memory for a block of records",
                     .hint = "lower the source's record limit or the number of threads"};
    }
}

void read(duckdb_function_info info, duckdb_data_chunk output) {
    auto& thread = *static_cast<Thread*>(duckdb_function_get_local_init_data(info));
    auto rows = next_chunk_or_error(thread, output);
    if (!rows) {
        const auto error = thread.run->fail(std::move(rows).error());
        duckdb_function_set_error(info, to_string(error).c_str());
        return;
    }
    duckdb_data_chunk_set_size(output, *rows);
}

void bind(duckdb_bind_info info) {
    auto parameter = duckdb_bind_get_parameter(info, 0);
    const auto handle = duckdb_get_int64(parameter);
    duckdb_destroy_value(&parameter);
    auto run = find_run(handle);
    if (!run) {
        duckdb_bind_set_error(info, no_such_run(handle).c_str());
        return;
    }
    for (const auto& column : run->outputs) {
        auto type = make_type(column.type);
        duckdb_bind_add_result_column(info, column.name.c_str(), type);
        duckdb_destroy_logical_type(&type);
    }
    // How many rows come is not known, but more than any table that they are joined with has: that one is hashed.
    constexpr idx_t many = 1'000'000'000;
    duckdb_bind_set_cardinality(info, many, false);
    duckdb_bind_set_bind_data(info, new Bound{std::move(run)}, [](void* data) { delete static_cast<Bound*>(data); });
}

void init(duckdb_init_info info) {
    auto& run = *static_cast<Bound*>(duckdb_init_get_bind_data(info))->run;
    if (run.started.exchange(true)) {
        const auto error = run.fail({.code = ErrorCode::internal, .message = "a statement reads the same run twice"});
        duckdb_init_set_error(info, to_string(error).c_str());
        return;
    }
    duckdb_init_set_max_threads(info, static_cast<idx_t>(run.plan.threads > 0 ? run.plan.threads : 256));
}

void init_thread(duckdb_init_info info) {
    const auto& run = static_cast<Bound*>(duckdb_init_get_bind_data(info))->run;
    duckdb_init_set_init_data(info, new Thread(run), [](void* data) { delete static_cast<Thread*>(data); });
}

}  // namespace

bool register_read(sql::Connection& connection) {
    auto bigint = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    auto table = duckdb_create_table_function();
    duckdb_table_function_set_name(table, "weir_read");
    duckdb_table_function_add_parameter(table, bigint);
    duckdb_table_function_set_bind(table, bind);
    duckdb_table_function_set_init(table, init);
    duckdb_table_function_set_local_init(table, init_thread);
    duckdb_table_function_set_function(table, read);
    const bool registered = duckdb_register_table_function(connection.raw(), table) == DuckDBSuccess;
    duckdb_destroy_table_function(&table);
    duckdb_destroy_logical_type(&bigint);
    return registered;
}

}  // namespace weir::source
