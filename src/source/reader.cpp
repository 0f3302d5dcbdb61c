#include "source/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "source/read_run.h"
#include "source/read_table.h"
#include "source/row_verdicts.h"

namespace weir::source {
namespace {

// A field's length has 28 bits.
constexpr std::size_t record_bytes_ceiling = Field::length_max - 16;

// By the plan's word, since a part of the contract may be missing among the columns.
std::optional<declare::LogPart> log_part_of(const ReadPlan& plan, const declare::ContractColumn& column) {
    if (!column.inside.empty()) return std::nullopt;
    std::string_view name = column.name;
    if (!plan.whole_records) {
        if (!name.starts_with('_')) return std::nullopt;
        name.remove_prefix(1);
    }
    for (std::size_t i = 0; i < std::size(declare::log_part_names); ++i) {
        const auto part = static_cast<declare::LogPart>(i);
        if (name == declare::log_part_names[i] && (plan.whole_records || part != declare::LogPart::value)) return part;
    }
    return std::nullopt;
}

int& slot_of(LogSlots& slots, declare::LogPart part) {
    using enum declare::LogPart;
    switch (part) {
        case topic: return slots.topic_slot;
        case partition: return slots.partition_slot;
        case offset: return slots.offset_slot;
        case broker_ts: return slots.time_slot;
        case key: return slots.key_slot;
        case headers: return slots.headers_slot;
        case value: break;
    }
    return slots.value_slot;
}

}  // namespace

Status register_functions(sql::Connection& connection) {
    if (register_read(connection) && register_verdicts(connection)) return ok();
    return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions that read files"};
}

void await_turn(std::int64_t handle, std::int64_t record) {
    if (const auto run = find_run(handle)) run->await_turn(block_of(record));
}

void end_turn(std::int64_t handle, std::int64_t record) {
    if (const auto run = find_run(handle)) run->end_turn(block_of(record));
}

ReadRun::ReadRun() : impl_(std::make_shared<Impl>()) {}

ReadRun::~ReadRun() { leave_run(impl_->handle); }

Result<std::unique_ptr<ReadRun>> ReadRun::start(ReadPlan plan) {
    std::unique_ptr<ReadRun> made(new ReadRun());
    auto& run = *made->impl_;
    run.plan = std::move(plan);
    const auto& source = run.plan.source;
    if (source.format == declare::Format::parquet)
        return Error{.code = ErrorCode::internal, .message = "Parquet files are not read as text"};
    const auto record_bytes = source.record_bytes_max == 0 ? limits::record_bytes_max : source.record_bytes_max;
    if (record_bytes > record_bytes_ceiling)
        return Error{
            .code = ErrorCode::project_invalid,
            .message = fmt::format("source '{}': a record limit of {} bytes is too large", source.name, record_bytes),
            .hint = fmt::format("at most {}", record_bytes_ceiling),
            .where = source.where};
    if (source.format == declare::Format::csv && !source.csv.header && source.csv.columns.empty())
        return Error{.code = ErrorCode::project_invalid,
                     .message = fmt::format("source '{}' has no header and declares no columns", source.name),
                     .hint = "name them in file order: csv: {header: false, columns: [...]}",
                     .where = source.where};
    run.context = std::make_unique<ReadContext>(run.plan, record_bytes);

    std::vector<std::string> names;
    std::vector<bool> outside, inside;
    int unpack_column = -1, only_column = -1;
    std::optional<LogSlots> log;
    if (!source.topic.empty()) log.emplace().topic = source.topic;
    for (const auto& column : run.plan.columns) {
        const auto slot = static_cast<int>(names.size());
        const auto part = log ? log_part_of(run.plan, column) : std::nullopt;
        if (part) slot_of(*log, *part) = slot;
        const bool nested = !column.inside.empty();
        outside.push_back(!nested);
        inside.push_back(nested || part);
        // The message itself, and with it what it holds, stands in the block.
        const bool in_message = part == declare::LogPart::value || (log && run.plan.whole_records && nested);
        run.of_unpacked.push_back(!in_message && (column.unpack || nested || part));
        if (column.unpack) unpack_column = slot;
        if (source.only && equal_ignoring_case(source.only->column, column.name)) only_column = slot;
        WEIR_ASSIGN(auto column_plan, ColumnPlan::make(column, source.csv));
        run.column_plans.push_back(std::move(column_plan));
        run.outputs.push_back({column.name, column.type});
        names.push_back(column.name);
    }
    run.keys = std::make_unique<RecordKeys>(RecordKeys{.outer = JsonKeys(names, inside),
                                                       .inner = JsonKeys(names, outside),
                                                       .only_column = run.plan.whole_records ? -1 : only_column,
                                                       .only_value = source.only ? source.only->value : "",
                                                       .unpack_column = unpack_column,
                                                       .log = std::move(log)});
    for (const auto& capture : run.plan.captures) {
        const auto same = std::find_if(names.begin(), names.end(),
                                       [&](const auto& name) { return equal_ignoring_case(name, capture.name); });
        run.capture_slot.push_back(same == names.end() ? -1 : static_cast<int>(same - names.begin()));
        if (same == names.end()) run.outputs.push_back({capture.name, capture.type});
    }
    run.has_extra = run.plan.unknown == declare::UnknownColumns::keep;
    if (run.has_extra) run.outputs.push_back({std::string(declare::extra_column), Type::of(Type::Kind::string)});
    run.outputs.push_back({"_file_no", Type::of(Type::Kind::int32)});
    run.outputs.push_back({std::string(declare::line_column), Type::of(Type::Kind::int64)});
    run.outputs.push_back({"_record", Type::of(Type::Kind::int64)});
    if (run.plan.type_errors)
        run.outputs.push_back({std::string(declare::type_errors_column), Type::of(Type::Kind::string)});
    for (const auto& output : run.outputs) run.described.push_back({output.name, to_duckdb(output.type)});

    const auto add_state = [&](const FileToTake& file) -> Status {
        if (file.captures.size() != run.plan.captures.size())
            return Error{.code = ErrorCode::internal,
                         .message = fmt::format("{}: {} captured values for {} columns", file.path,
                                                file.captures.size(), run.plan.captures.size())};
        if (source.format == declare::Format::json_array && file.start_offset > 0)
            return Error{.code = ErrorCode::input_changed,
                         .message = fmt::format("{} grew, and a JSON array cannot be continued", file.path),
                         .hint = "write new records to a new file, or use one object a line (format ndjson)"};
        auto& state = run.files.emplace_back();
        state.file = &file;
        state.nulled = std::vector<std::atomic<std::int64_t>>(run.column_plans.size());
        if (!run.state_of_number.emplace(file.file_no, &state).second)
            return Error{.code = ErrorCode::internal,
                         .message = fmt::format("two files have the number {}", file.file_no)};
        return ok();
    };
    for (const auto& file : run.plan.files) {
        WEIR_TRY(add_state(file));
        run.context->progress.bytes_total += file.size;
    }
    for (const auto& block : run.plan.blocks) WEIR_TRY(run.adopt(*block));
    for (const auto& record : run.plan.records) {
        if (run.state_of_number.contains(record.file_no)) continue;
        run.record_files.push_back(
            {.path = fmt::format("file {}", record.file_no), .file_no = record.file_no, .captures = record.captures});
        WEIR_TRY(add_state(run.record_files.back()));
    }

    run.handle = enter_run(made->impl_);
    return made;
}

std::string ReadRun::table() const { return fmt::format("weir_read({})", impl_->handle); }
std::int64_t ReadRun::handle() const { return impl_->handle; }
const std::vector<sql::Column>& ReadRun::columns() const { return impl_->described; }
const Progress& ReadRun::progress() const { return impl_->context->progress; }
const std::vector<FileReport>& ReadRun::report() const { return impl_->reports; }

Status ReadRun::finish(Status statement) {
    auto& run = *impl_;
    run.reports.clear();
    for (const auto& state : run.files) {
        FileReport report;
        report.file_no = state.file->file_no;
        report.path = state.file->path;
        report.bytes = state.bytes;
        report.mtime_ns = state.mtime_ns;
        report.sha256 = state.sha256;
        report.header = state.header;
        report.lines = state.lines;
        report.records = state.records;
        report.emitted = state.emitted;
        report.rejected = state.rejected;
        report.rule_rejected = state.rule_rejected;
        report.filtered = state.filtered;
        report.blank_lines = state.blank_lines;
        for (const auto& count : state.nulled) report.nulled.push_back(count);
        report.complete = state.complete;
        run.reports.push_back(std::move(report));
    }
    {
        const std::scoped_lock lock(run.error_mutex);
        if (run.error) return *run.error;
    }
    if (!statement) return statement;
    {
        const std::scoped_lock lock(run.reject_mutex);
        WEIR_TRY(run.hand_over());
    }
    for (const auto& report : run.reports) {
        if (report.records != report.emitted + report.rejected)
            return Error{.code = ErrorCode::accounting_mismatch,
                         .message = fmt::format("{}: {} records read, but {} rows given and {} rejected", report.path,
                                                report.records, report.emitted, report.rejected)};
        if (!run.plan.blocks.empty()) {
            const auto expected = static_cast<std::int64_t>(run.state_of_number.at(report.file_no)->file->size);
            if (report.records == expected) continue;
            return Error{
                .code = ErrorCode::accounting_mismatch,
                .message = fmt::format("{}: {} of {} messages were read", report.path, report.records, expected)};
        }
        if (!report.complete && run.plan.records.empty())
            return Error{.code = ErrorCode::accounting_mismatch,
                         .message = fmt::format("{} was not read to its end", report.path),
                         .hint = "the statement over it must not stop early (LIMIT)"};
    }
    return statement;
}

}  // namespace weir::source
