#include "serve/api/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weir::serve {
namespace {

using json = nlohmann::ordered_json;

constexpr auto look_every = std::chrono::milliseconds(900);
// Some documents; who is further behind comes again, and gets the newest.
constexpr std::size_t documents_queue_bytes = 256 * 1024;

json time_or_null(std::optional<Time> time) { return time ? json(to_iso(*time)) : json(); }

Time from_micros(std::int64_t micros) { return Time(std::chrono::microseconds(micros)); }

json rows_of(const observe::SourceRows& rows) {
    return {{"read", rows.read},
            {"accepted", rows.accepted},
            {"duplicate", rows.duplicate},
            {"quarantined", rows.quarantined},
            {"filtered", rows.filtered},
            {"mismatch", rows.mismatch()},
            {"committed_at", rows.committed_us == 0 ? json() : json(to_iso(from_micros(rows.committed_us)))}};
}

// Where a source's rows come from, as its project says; never where that lies on this machine.
json source_of(const declare::Source& source, const fs::path& root) {
    json value{{"name", source.name}, {"kind", source.topic.empty() ? "files" : source.kafka ? "kafka" : "log"}};
    if (source.topic.empty()) {
        const auto relative = fs::path(source.files).lexically_relative(root);
        const bool inside = !relative.empty() && *relative.begin() != "..";
        value["from"] = inside ? relative.string() : fs::path(source.files).filename().string();
    } else {
        value["from"] = source.topic;
    }
    value["contract"] = source.contract;
    value["table"] = source.table;
    return value;
}

}  // namespace

StatusPage::StatusPage(const BatchReads& reads, SystemReads& system, Connections& connections, StatusOptions options)
    : reads_(reads),
      system_(system),
      connections_(connections),
      options_(std::move(options)),
      up_since_(SystemClock().now()) {}

// Those that sources fill; of a lake without its project, those that are no results.
Result<std::vector<std::string>> StatusPage::base_tables() const {
    std::vector<std::string> tables;
    if (options_.project != nullptr) {
        for (const auto& source : options_.project->sources)
            if (std::find(tables.begin(), tables.end(), source.table) == tables.end()) tables.push_back(source.table);
        return tables;
    }
    WEIR_ASSIGN(tables, reads_.lake().tables());
    const auto views = reads_.catalogue();
    std::erase_if(tables, [&](const std::string& table) {
        return table.starts_with("weir/") || std::any_of(views->begin(), views->end(), [&](const CatalogueEntry& view) {
                   return view.name == table;
               });
    });
    return tables;
}

Result<StatusPage::LakeFacts> StatusPage::look() {
    const std::lock_guard lock(looking_);
    const auto now = std::chrono::steady_clock::now();
    if (!seen_.empty() && now - looked_ < look_every) return facts_;
    LakeFacts facts;
    std::string seen;
    const auto see = [&](const std::string& table) -> Result<SystemReads::TableFacts> {
        WEIR_ASSIGN(auto of, system_.facts(table));
        seen += fmt::format("{}@{} ", table, of.files == 0 && of.rows < 0 ? -1 : of.version);
        return of;
    };
    WEIR_ASSIGN(const auto tables, base_tables());
    for (const auto& table : tables) {
        WEIR_ASSIGN(auto of, see(table));
        facts.tables.push_back(std::move(of));
    }
    WEIR_TRY(see("weir/accounting"));
    WEIR_TRY(see("weir/verdicts"));
    if (seen != seen_) {
        WEIR_ASSIGN(auto connection, connections_.borrow(std::chrono::seconds(10)));
        WEIR_ASSIGN(facts.sources, observe::accounting_totals(reads_.lake(), *connection));
        WEIR_ASSIGN(facts.verdicts, observe::last_verdicts(reads_.lake(), *connection));
        facts_ = std::move(facts);
        seen_ = std::move(seen);
    }
    if (options_.project != nullptr) {
        WEIR_ASSIGN(auto connection, connections_.borrow(std::chrono::seconds(10)));
        WEIR_ASSIGN(facts_.watermarks,
                    observe::watermarks(reads_.lake(), *connection, *options_.project, SystemClock().now()));
    }
    looked_ = now;
    return facts_;
}

Result<std::string> StatusPage::document() {
    WEIR_ASSIGN(const auto facts, look());
    json document{{"name", options_.name},
                  {"version", options_.version},
                  {"at", to_iso(SystemClock().now())},
                  {"up_since", to_iso(up_since_)}};
    const auto publication = reads_.publication();
    document["publication"] = publication > 0 ? json(publication) : json();
    document["published_at"] = time_or_null(reads_.published_at());
    document["views"] = reads_.catalogue()->size();
    document["batch_every_seconds"] =
        options_.project == nullptr ? json() : json(static_cast<double>(options_.project->batch.every.count()) / 1e3);
    auto& sources = document["sources"] = json::array();
    const auto rows_for = [&](const std::string& name) {
        const auto found = std::find_if(facts.sources.begin(), facts.sources.end(),
                                        [&](const observe::SourceRows& rows) { return rows.source == name; });
        return found == facts.sources.end() ? observe::SourceRows{} : *found;
    };
    if (options_.project != nullptr) {
        for (const auto& source : options_.project->sources) {
            sources.push_back(source_of(source, options_.project->root));
            const auto rows = rows_for(source.name);
            sources.back()["rows"] = rows_of(rows);
            for (const auto& mark : facts.watermarks) {
                if (mark.source != source.name) continue;
                sources.back()["rows"]["late"] = rows.late;
                sources.back()["watermark"] = time_or_null(mark.watermark);
            }
        }
    } else {
        for (const auto& rows : facts.sources)
            sources.push_back({{"name", rows.source}, {"kind", "lake"}, {"from", nullptr}, {"rows", rows_of(rows)}});
    }
    auto& tables = document["tables"] = json::array();
    for (const auto& table : facts.tables)
        tables.push_back({{"name", table.name},
                          {"version", table.version},
                          {"rows", table.rows < 0 ? json() : json(table.rows)},
                          {"files", table.files},
                          {"bytes", table.bytes}});
    std::int64_t equal = 0, newest = 0;
    auto differing = json::array();
    for (const auto& verdict : facts.verdicts) {
        newest = std::max(newest, verdict.verified_us);
        if (verdict.equal) {
            ++equal;
        } else {
            differing.push_back(verdict.view);
        }
    }
    document["verdict"] = facts.verdicts.empty() ? json()
                                                 : json{{"equal", equal},
                                                        {"differs", differing.size()},
                                                        {"differing", differing},
                                                        {"verified_at", to_iso(from_micros(newest))}};
    auto parts = options_.parts ? json::parse(options_.parts(), nullptr, false) : json::object();
    document["parts"] = parts.is_object() ? std::move(parts) : json::object();
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

void StatusPage::append_tables(MetricsText& text) {
    const auto facts = look();
    if (!facts || facts->tables.empty()) return;
    text.family("weir_table_files", "gauge", "Data files of a table's newest version.");
    for (const auto& table : facts->tables)
        text.sample("weir_table_files", {{"table", table.name}}, static_cast<std::uint64_t>(table.files));
    text.family("weir_table_bytes", "gauge", "Their size.");
    for (const auto& table : facts->tables)
        text.sample("weir_table_bytes", {{"table", table.name}}, static_cast<std::uint64_t>(table.bytes));
    text.family("weir_table_rows", "gauge", "Their rows, where the table says how many.");
    for (const auto& table : facts->tables)
        if (table.rows >= 0)
            text.sample("weir_table_rows", {{"table", table.name}}, static_cast<std::uint64_t>(table.rows));
}

std::optional<http::Response> StatusPage::open_stream() {
    auto queue = std::make_shared<http::EventQueue>(documents_queue_bytes);
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& stream) { return stream->closed(); });
    if (closed_ || streams_.size() >= options_.streams_max) return std::nullopt;
    queue->push("retry: 2000\n\n");
    streams_.push_back(queue);
    return http::event_stream(std::move(queue));
}

void StatusPage::tell_streams() {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(streams_, [](const auto& stream) { return stream->closed(); });
        if (streams_.empty()) return;
    }
    const auto text = document();
    if (!text) return options_.log_fault(text.error());
    const std::lock_guard lock(mutex_);
    const auto event =
        std::make_shared<const std::string>(fmt::format("id: {}\nevent: status\ndata: {}\n\n", ++told_, *text));
    for (const auto& stream : streams_) stream->push(event);
}

void StatusPage::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& stream : streams_) {
        stream->push("retry: 2000\n\n");
        stream->close();
    }
    streams_.clear();
}

}  // namespace weir::serve
