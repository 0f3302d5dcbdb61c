//   snapshot ──► staged ──► adopted ──► hinted
//
//   snapshot → staged    the actions as JSON lines, through DuckDB into one Parquet file in a staging folder
//   staged   → adopted   synced and renamed to N.checkpoint.parquet: readers may use it from here on
//   adopted  → hinted    _last_checkpoint names it, unless it names a newer one
//
// (1) N.json exists before N.checkpoint.parquet. (2) Two writers of one checkpoint write the same content, so a rename
// over an existing one is harmless. (3) A crash between the steps leaves a readable table.
#include "lake/maintain/checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "lake/log/checkpoint_reader.h"
#include "lake/log/paths.h"
#include "lake/log/protocol.h"

namespace weir::lake {
namespace {

constexpr std::int64_t week_ms = 604'800'000;
const std::string last_checkpoint = std::string(log_folder) + "/_last_checkpoint";

struct Lines {
    std::string text;
    std::int64_t count = 0;
    std::size_t longest = 0;
    void add(const Action& action) {
        const auto line = print_action(action);
        longest = std::max(longest, line.size());
        text += line;
        text += '\n';
        ++count;
    }
};

Lines lines_of(const Snapshot& snapshot, std::int64_t tombstones_since_ms) {
    Lines lines;
    lines.add(snapshot.protocol());
    lines.add(snapshot.metadata());
    for (const auto& [app_id, txn] : snapshot.transactions()) lines.add(txn);
    for (const auto& [name, domain] : snapshot.domains()) lines.add(domain);
    const bool with_stats =
        property(snapshot.metadata(), "delta.checkpoint.writeStatsAsJson").value_or("true") != "false";
    for (auto add : snapshot.files()) {
        add.data_change = false;
        if (!with_stats) add.stats.reset();
        lines.add(add);
    }
    for (auto remove : snapshot.tombstones()) {
        if (remove.deleted_ms < tombstones_since_ms) continue;
        remove.data_change = false;
        lines.add(remove);
    }
    return lines;
}

// DuckDB's reader of JSON reserves twice the longest line for each thread, whatever the file's size: it is told the
// longest that is there, not the longest that could be.
std::string copy_statement(const fs::path& lines, std::size_t longest, const fs::path& target) {
    std::string columns;
    for (const auto& column : checkpoint_columns())
        columns += fmt::format("{}'{}': {}", columns.empty() ? "" : ", ", column.name,
                               sql::quote_text(std::string(column.type)));
    return fmt::format(
        "COPY (SELECT * FROM read_json({}, format = 'newline_delimited', columns = {{{}}}, maximum_object_size = {})) "
        "TO {} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
        sql::quote_text(lines.string()), columns, std::max(longest + 1, limits::checkpoint_line_bytes_min),
        sql::quote_text(target.string()));
}

std::optional<std::int64_t> hinted_version(ObjectStore& store) {
    const auto content = store.get(last_checkpoint);
    if (!content) return std::nullopt;
    const auto json = nlohmann::json::parse(*content, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto version = json.find("version");
    if (version == json.end() || !version->is_number_integer()) return std::nullopt;
    return version->get<std::int64_t>();
}

class Staging {
public:
    Staging(ObjectStore& store, fs::path folder) : store_(store), folder_(std::move(folder)) {}
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    ~Staging() { store_.drop_staging(folder_); }
    const fs::path& folder() const { return folder_; }

private:
    ObjectStore& store_;
    fs::path folder_;
};

}  // namespace

std::int64_t deleted_file_retention_ms(const Metadata& metadata) {
    const auto text = property(metadata, "delta.deletedFileRetentionDuration");
    return text ? parse_interval_ms(*text).value_or(week_ms) : week_ms;
}

std::optional<std::int64_t> checkpoint_interval(const Metadata& metadata) {
    // Tables that ask for V2 checkpoints get them from the program that asked.
    if (property(metadata, "delta.checkpointPolicy").value_or("classic") != "classic") return std::nullopt;
    if (const auto text = property(metadata, "delta.checkpointInterval")) {
        const auto number = std::atoll(text->c_str());
        if (number > 0) return number;
    }
    return limits::checkpoint_interval;
}

bool wants_checkpoint(TableVersion version, const Metadata& metadata) {
    const auto interval = checkpoint_interval(metadata);
    return interval && version.get() > 0 && version.get() % *interval == 0;
}

Result<CheckpointResult> write_checkpoint(const Table& table, TableVersion version) {
    auto& store = table.store();
    WEIR_ASSIGN(const auto snapshot, read_snapshot(store, table.database(), version));
    const auto now = to_unix_millis(table.clock().now());
    const auto lines = lines_of(snapshot, now - deleted_file_retention_ms(snapshot.metadata()));
    WEIR_ASSIGN(auto folder, store.make_staging());
    const Staging staging(store, std::move(folder));
    const auto json = staging.folder() / "actions.json";
    const auto parquet = staging.folder() / "checkpoint.parquet";
    WEIR_TRY(write_file_atomic(json, lines.text, false));
    WEIR_ASSIGN(auto connection, table.database().connect());
    auto copied = connection.run(copy_statement(json, lines.longest, parquet));
    if (!copied) return std::move(copied.error()).within(fmt::format("writing a checkpoint of {}", table.name()));
    std::error_code error;
    const auto bytes = fs::file_size(parquet, error);
    if (error) return io_error("look at", parquet, error.value());
    const auto path = checkpoint_path(version);
    WEIR_TRY(store.adopt(parquet, path));
    WEIR_TRY(store.settle({path}));
    const CheckpointResult result{version, lines.count, static_cast<std::int64_t>(bytes)};
    if (hinted_version(store).value_or(-1) <= version.get()) {
        const nlohmann::ordered_json hint{{"version", version.get()},
                                          {"size", result.actions},
                                          {"sizeInBytes", result.bytes},
                                          {"numOfAddFiles", snapshot.files().size()}};
        WEIR_TRY(store.put(last_checkpoint, hint.dump()));
    }
    return result;
}

Result<CheckpointResult> write_checkpoint(const Table& table) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    return write_checkpoint(table, snapshot.version());
}

Result<std::optional<CheckpointResult>> write_due_checkpoint(const Table& table) {
    using Maybe = std::optional<CheckpointResult>;
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return Maybe();
    const auto interval = checkpoint_interval(snapshot->metadata());
    const auto last = hinted_version(table.store()).value_or(0);
    if (!interval || snapshot->version().get() - last < *interval) return Maybe();
    WEIR_ASSIGN(const auto written, write_checkpoint(table, snapshot->version()));
    return Maybe(written);
}

}  // namespace weir::lake
