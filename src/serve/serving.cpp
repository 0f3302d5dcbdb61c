#include "serve/serving.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "declare/secret.h"
#include "observe/alerts/alert_store.h"
#include "observe/part_facts.h"
#include "observe/system_facts.h"
#include "observe/system_relation.h"
#include "observe/watermarks.h"
#include "serve/api/api.h"
#include "serve/api/part_metrics.h"
#include "serve/auth/bytes.h"
#include "serve/http/server.h"
#include "serve/publication_load.h"
#include "serve/read/live_reads.h"
#include "serve/settled_files.h"
#include "serve/store/store_loader.h"
#include "view/session.h"

namespace weir::serve {
namespace {

constexpr auto refresh_every = std::chrono::seconds(1);
// So long it does not listen yet, for a serving store that is slow to load.
constexpr auto first_load_wait = std::chrono::seconds(1);
constexpr std::size_t key_bytes = 32;
constexpr std::size_t streams_max = 10'000;

int one_per_core(int wanted) {
    return wanted > 0 ? wanted : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Files of the lake, the log and answers under way.
constexpr std::size_t files_reserved = 512;
constexpr std::size_t bodies_bytes_min = std::size_t{256} << 20;

// Connections are open files: as many as the system lets us have, without those that are for other things.
std::size_t connections_that_fit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return files_reserved;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const auto files = static_cast<std::size_t>(limit.rlim_cur);
    return std::max<std::size_t>(1, files - std::min(files_reserved, files / 2));
}

Result<std::string> tls_key_of(const declare::Project& project) {
    const auto& tls = *project.serve.http.tls;
    auto key = declare::read_secret(tls.key, project.root);
    if (key) return key;
    auto error = std::move(key).error();
    error.where = tls.where;
    return error;
}

std::vector<std::string> views_not_stored(const declare::Project* project) {
    std::vector<std::string> names;
    if (project == nullptr) return names;
    for (const auto& view : project->views)
        if (view.keep == declare::View::Keep::none) names.push_back(view.name);
    return names;
}

// What signs cursors, kept so that they outlive the process. A lake that cannot be written gives cursors for now.
std::string cursor_key(const fs::path& lake) {
    const auto path = lake / ".weir" / "cursor.key";
    if (auto kept = read_file_if_there(path, 1024); kept && *kept && (*kept)->size() == key_bytes) return **kept;
    auto key = random_bytes(key_bytes);
    if (make_directories(path.parent_path()) && write_file_atomic(path, key, false)) {
        std::error_code ignored;
        fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, ignored);
    }
    return key;
}

}  // namespace

Status check_secrets(const declare::Project& project) {
    WEIR_ASSIGN(const auto authenticator, Authenticator::make(project.serve.access, project.root));
    static_cast<void>(authenticator);
    WEIR_ASSIGN(const auto connection, postgres_connection_of(project));
    static_cast<void>(connection);
    if (!project.serve.http.tls) return ok();
    WEIR_ASSIGN(const auto key, tls_key_of(project));
    static_cast<void>(key);
    return ok();
}

struct Serving::Impl {
    ServingOptions options;
    declare::Serve settings;
    std::unique_ptr<BatchReads> reads;
    std::unique_ptr<LiveReads> live;  // nothing: published results alone
    std::unique_ptr<ViewAnswers> answers;
    std::unique_ptr<KeyRing> ring;
    std::atomic<bool> store_stop{false};  // outlives the store
    std::unique_ptr<ServingStore> store;
    std::unique_ptr<KeyAnswers> keys;
    std::unique_ptr<StoreLoader> loader;  // nothing: there is nothing to load
    std::unique_ptr<TopicPosts> topics;
    Streams streams{streams_max};
    std::unique_ptr<Changes> changes;
    std::unique_ptr<SystemReads> system_reads;
    std::unique_ptr<ViewAnswers> system_answers;
    std::unique_ptr<StatusPage> status;
    std::unique_ptr<AccessLog> log;
    std::unique_ptr<Api> api;
    std::unique_ptr<http::Server> server;
    // The same, for requests: they come as soon as it listens, which is before `server` is set.
    std::atomic<const http::Server*> listening{nullptr};
    SettledFiles certificate_files;
    std::string url;
    std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false;
    std::atomic<std::uint64_t> refresh_failures{0};
    std::thread refresher;

    Status start();
    void start_system(AnswerOptions answer_options);
    Status open_store();
    Status load_store();
    void refresh();
    std::vector<fs::path> tls_files() const;
    void renew_certificate();
    ServingStatus status_now() const;
    void append_metrics(MetricsText& text) const;
    void append_system_facts(MetricsText& text) const;
    void append_alerts(MetricsText& text) const;
};

Status Serving::Impl::start() {
    const auto* project = options.project;
    if (project != nullptr) settings = project->serve;
    const auto& http = settings.http;
    const auto listen = options.listen.empty() ? http.listen : options.listen;
    WEIR_ASSIGN(const auto where, http::parse_listen(listen));
    WEIR_ASSIGN(ring, KeyRing::make(project, options.note));
    if (!where.loopback && ring->is_open())
        return Error{
            .code = ErrorCode::refused,
            .message = fmt::format("{} can be reached from other machines, and nobody would need a key", listen),
            .hint = "listen on 127.0.0.1, or declare keys under `access` in serve.yaml"};
    WEIR_ASSIGN(reads, BatchReads::open({.lake = options.lake,
                                         .project = project,
                                         .database = options.speed != nullptr ? &options.speed->database() : nullptr}));
    if (project != nullptr && reads->can_be_live()) {
        auto opened = LiveReads::open(*reads, *project, options.speed);
        if (opened) {
            live = std::move(*opened);
        } else {
            options.note("views cannot be read live: " + to_string(opened.error()));
        }
    }
    Reads& all_layers = live ? static_cast<Reads&>(*live) : *reads;
    const auto hidden = options.lake / ".weir";
    static_cast<void>(make_directories(hidden));
    AnswerOptions answer_options{
        .page_rows = http.page_rows,
        .limits = {.rows_max = http.page_rows_max},
        .query_timeout = http.query_timeout,
        .result_bytes_max = http.result_bytes_max,
        .spool = view::spill_root(options.lake),
        .csv = {project != nullptr && project->csv_clock_with_space},
        .cursor_key = cursor_key(options.lake),
        .row_limits = settings.access.rows,
        .is_private = !ring->is_open(),
        .has_project = project != nullptr,
        .log_fault = [this](const Error& error) { options.note("a query failed: " + to_string(error)); }};
    answers = std::make_unique<ViewAnswers>(all_layers, answer_options);
    WEIR_TRY(open_store());
    const auto to = http.access_log == "none"     ? AccessLog::To::none
                    : http.access_log == "stderr" ? AccessLog::To::stderr_stream
                                                  : AccessLog::To::file;
    log = std::make_unique<AccessLog>(to, hidden / "access.jsonl");
    api =
        std::make_unique<Api>(all_layers, *answers, *ring, *log,
                              ApiOptions{.title = project != nullptr ? project->name : options.lake.filename().string(),
                                         .version = options.version,
                                         .origins = http.origins,
                                         .tls = http.tls.has_value(),
                                         .rate = http.rate,
                                         .address_rate = http.address_rate,
                                         .body_bytes_max = http.body_bytes_max,
                                         .not_stored = views_not_stored(project)});
    if (keys) api->use_keys(*keys);
    if (loader) api->ready_when([this] { return loader->first_ended(); });
    if (options.log) {
        topics = std::make_unique<TopicPosts>(*options.log, options.log_options, [this](const Error& error) {
            options.note("rows could not be put into the log: " + to_string(error));
        });
        api->use_topics(*topics);
    }
    api->use_streams(streams);
    if (live) {
        const auto log_fault = answer_options.log_fault;
        changes = std::make_unique<Changes>(all_layers, *answers, keys ? &keys->specs() : nullptr,
                                            ChangesOptions{.log_fault = log_fault});
        api->use_changes(*changes);
    }
    start_system(std::move(answer_options));
    api->add_metrics([this](MetricsText& text) { append_metrics(text); });
    http::ServerOptions server_options{.listen = listen,
                                       .loops = one_per_core(http.loops),
                                       .workers = one_per_core(http.queries),
                                       .waiting_max = http.queue,
                                       .head = {.bytes = http.header_bytes_max},
                                       .header_timeout = http.header_timeout,
                                       .idle_timeout = http.idle_timeout,
                                       .connections_max = std::min(http.connections_max, connections_that_fit()),
                                       .connections_per_address_max = http.connections_per_address_max,
                                       .bodies_bytes_max = std::max(bodies_bytes_min, 2 * http.body_bytes_max)};
    if (server_options.connections_max + files_reserved < http.connections_max)
        options.note(fmt::format("at most {} connections at a time: the system lets this process have no more files",
                                 server_options.connections_max));
    if (http.tls) {
        certificate_files = SettledFiles(tls_files());
        server_options.certificate = http.tls->certificate;
        WEIR_ASSIGN(server_options.key, tls_key_of(*project));
    }
    WEIR_ASSIGN(server, http::Server::start(std::move(server_options), *api));
    listening = server.get();
    const bool v6 = where.host.find(':') != std::string::npos;
    url = fmt::format("{}://{}:{}", http.tls ? "https" : "http", v6 ? "[" + where.host + "]" : where.host,
                      server->port());
    if (!where.loopback && !http.tls)
        options.note(
            "keys and rows cross the network in the clear: give it TLS (`http: {tls: …}`), or a proxy that speaks TLS");
    if (ring->is_open())
        options.note("nobody needs a key: everybody on this machine may read every view, and no other machine may");
    refresher = std::thread([this] { refresh(); });
    return ok();
}

// System tables and the status. Rules for rows are of views: who may read a system table reads all of it.
void Serving::Impl::start_system(AnswerOptions answer_options) {
    std::map<std::string, SystemReads::Computed> computed;
    if (options.runs) computed.emplace("runs", options.runs);
    if (const auto* project = options.project; project != nullptr)
        computed.emplace("watermarks", [this, project]() -> Result<std::string> {
            WEIR_ASSIGN(auto connection, answers->connections().borrow(settings.http.query_timeout));
            WEIR_ASSIGN(const auto rows,
                        observe::watermark_rows(reads->lake(), *connection, *project, SystemClock().now()));
            return observe::system_relation("watermarks", rows);
        });
    if (options.parts)
        computed.emplace("parts", [this]() -> Result<std::string> {
            return observe::system_relation("parts", observe::part_rows(observe::part_facts(options.parts())));
        });
    computed.emplace("alerts", [lake = options.lake] { return observe::alerts_relation(lake); });
    computed.emplace("alert_history", [lake = options.lake] { return observe::alert_history_relation(lake); });
    system_reads = std::make_unique<SystemReads>(reads->lake(), reads->database(), std::move(computed));
    answer_options.path = "/system/";
    answer_options.cursor_key += "system";
    answer_options.row_limits.clear();
    const auto log_fault = answer_options.log_fault;
    system_answers = std::make_unique<ViewAnswers>(*system_reads, std::move(answer_options));
    status = std::make_unique<StatusPage>(
        *reads, *system_reads, system_answers->connections(),
        StatusOptions{.name = options.project != nullptr ? options.project->name : options.lake.filename().string(),
                      .version = options.version,
                      .project = options.project,
                      .parts = options.parts,
                      .log_fault = log_fault});
    api->use_system(*system_reads, *system_answers, *status);
}

// An index for the views whose rows have keys.
Status Serving::Impl::open_store() {
    if (options.project != nullptr && holds_all_views(settings)) {
        WEIR_ASSIGN(store, open_postgres_of(*options.project, store_stop));
    } else {
        auto opened = open_sqlite_store(options.lake / ".weir" / "serve.db", &store_stop);
        if (!opened) {
            options.note("rows cannot be looked up by their keys: " + to_string(opened.error()));
            return ok();
        }
        store = std::move(*opened);
    }
    auto specs = options.project == nullptr ? KeyAnswers::Specs() : key_specs(*options.project);
    keys = std::make_unique<KeyAnswers>(*store, *answers, std::move(specs), !ring->is_open());
    if (!holds_all_views(settings) && keys->specs().empty()) return ok();
    loader = std::make_unique<StoreLoader>(StoreLoader::Options{
        .load = [this] { return load_store(); }, .is_up = [this] { return store->is_up(); }, .note = options.note});
    loader->wait_for_first(first_load_wait);
    return ok();
}

Status Serving::Impl::load_store() {
    WEIR_ASSIGN(const auto load, load_of(*reads, settings, keys->specs()));
    WEIR_ASSIGN(auto connection, reads->database().connect());
    return store->load(load, connection);
}

std::vector<fs::path> Serving::Impl::tls_files() const {
    const auto& tls = *settings.http.tls;
    std::vector<fs::path> files{tls.certificate};
    if (auto key = declare::secret_file(tls.key, options.project->root)) files.push_back(std::move(*key));
    return files;
}

// Certificates are renewed every few weeks, by programs that put new files in the place of old ones.
void Serving::Impl::renew_certificate() {
    if (!settings.http.tls || !certificate_files.changed(tls_files())) return;
    certificate_files.take(tls_files());
    const auto key = tls_key_of(*options.project);
    const auto used = key ? server->use_certificate(settings.http.tls->certificate, *key) : Status(key.error());
    options.note(used ? "new connections get the new certificate"
                      : "the certificate in use stays, since the new one cannot be used: " + to_string(used.error()));
}

void Serving::Impl::refresh() {
    std::unique_lock lock(mutex);
    std::string last_failure;
    while (!wake.wait_for(lock, refresh_every, [this] { return stopping; })) {
        lock.unlock();
        ring->look();
        renew_certificate();
        auto changed = reads->refresh();
        if (changed && *changed && loader) loader->changed();
        if (!changed) {
            ++refresh_failures;
            // The same failure is told once, not every second.
            auto text = to_string(changed.error());
            if (text != last_failure) options.note("looking for a new publication failed: " + text);
            last_failure = std::move(text);
        } else {
            last_failure.clear();
        }
        streams.publish(*reads->catalogue());
        status->tell_streams();
        lock.lock();
    }
}

ServingStatus Serving::Impl::status_now() const {
    const auto* open = listening.load();
    return {.connections = open == nullptr ? 0 : open->connections(),
            .waiting = open == nullptr ? 0 : open->waiting(),
            .streams = streams.count() + (changes ? changes->count() : 0),
            .store_up = store && store->waits() ? std::optional(store->is_up()) : std::nullopt};
}

void Serving::Impl::append_metrics(MetricsText& text) const {
    const auto now = status_now();
    text.family("weir_build_info", "gauge", "Always 1; the labels tell the version.");
    text.sample("weir_build_info", {{"version", options.version}}, std::uint64_t{1});
    text.family("weir_http_connections", "gauge", "Open connections.");
    text.sample("weir_http_connections", {}, static_cast<std::uint64_t>(now.connections));
    text.family("weir_http_waiting_requests", "gauge", "Requests that wait for a thread for queries.");
    text.sample("weir_http_waiting_requests", {}, static_cast<std::uint64_t>(now.waiting));
    text.family("weir_http_streams", "gauge", "Open event streams.");
    text.sample("weir_http_streams", {}, static_cast<std::uint64_t>(now.streams));
    text.family("weir_publication_number", "gauge", "The publication that is served.");
    text.sample("weir_publication_number", {}, static_cast<std::uint64_t>(reads->publication()));
    if (const auto time = reads->published_at()) {
        text.family("weir_publication_timestamp_seconds", "gauge", "When it was published.");
        text.sample("weir_publication_timestamp_seconds", {},
                    static_cast<double>(time->time_since_epoch().count()) / 1e6);
    }
    text.family("weir_publication_refresh_failures_total", "counter", "Failed looks for a new publication.");
    text.sample("weir_publication_refresh_failures_total", {}, refresh_failures.load());
    if (!ring->is_open()) {
        text.family("weir_access_keys_current", "gauge",
                    "1: the keys in force are those of the files; 0: the files changed and cannot be used.");
        text.sample("weir_access_keys_current", {}, std::uint64_t{ring->is_of_the_files()});
    }
    if (options.parts) append_part_facts(observe::part_facts(options.parts()), text);
    if (now.store_up) {
        text.family("weir_store_up", "gauge", "1: the serving store was reached when it was tried last.");
        text.sample("weir_store_up", {}, std::uint64_t{*now.store_up});
    }
    if (loader) {
        text.family("weir_store_load_failures_total", "counter", "Failed loads of the serving store.");
        text.sample("weir_store_load_failures_total", {}, loader->failures());
    }
    append_system_facts(text);
    if (status) status->append_tables(text);
    append_alerts(text);
    const auto catalogue = reads->catalogue();
    text.family("weir_view_rows", "gauge", "Rows of a view's published result.");
    for (const auto& entry : *catalogue)
        if (entry.has_result && entry.from.rows >= 0)
            text.sample("weir_view_rows", {{"view", entry.name}}, static_cast<std::uint64_t>(entry.from.rows));
}

void Serving::Impl::append_system_facts(MetricsText& text) const {
    auto connection = answers->connections().borrow(settings.http.query_timeout);
    if (!connection) return;
    if (const auto totals = observe::accounting_totals(reads->lake(), **connection)) {
        text.family("weir_source_rows_total", "counter",
                    "Rows of a source by what became of them: read = accepted + duplicate + quarantined + filtered.");
        const auto put = [&](const observe::SourceRows& of, std::string_view outcome, std::int64_t count) {
            text.sample("weir_source_rows_total", {{"source", of.source}, {"outcome", outcome}},
                        static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)));
        };
        for (const auto& of : *totals) {
            put(of, "read", of.read);
            put(of, "accepted", of.accepted);
            put(of, "duplicate", of.duplicate);
            put(of, "quarantined", of.quarantined);
            put(of, "filtered", of.filtered);
        }
        text.family("weir_source_late_rows_total", "counter", "Accepted rows of a source that were late.");
        for (const auto& of : *totals) {
            const auto* source = options.project == nullptr ? nullptr : options.project->source(of.source);
            if (source != nullptr ? source->event_time.has_value() : of.late > 0)
                text.sample("weir_source_late_rows_total", {{"source", of.source}},
                            static_cast<std::uint64_t>(std::max<std::int64_t>(0, of.late)));
        }
        text.family("weir_source_committed_timestamp_seconds", "gauge", "When something of the source landed last.");
        for (const auto& of : *totals)
            if (of.committed_us > 0)
                text.sample("weir_source_committed_timestamp_seconds", {{"source", of.source}},
                            static_cast<double>(of.committed_us) / 1e6);
        text.family("weir_source_accounting_mismatch_rows", "gauge",
                    "read - accepted - duplicate - quarantined - filtered; other than 0 is a fault.");
        for (const auto& of : *totals)
            text.sample("weir_source_accounting_mismatch_rows", {{"source", of.source}},
                        static_cast<double>(of.mismatch()));
    }
    if (options.project != nullptr) {
        const auto sources = observe::watermarks(reads->lake(), **connection, *options.project, SystemClock().now());
        if (sources && !sources->empty()) {
            text.family("weir_source_watermark_timestamp_seconds", "gauge",
                        "Events of the source that are not after this moment are late.");
            for (const auto& of : *sources)
                if (of.watermark)
                    text.sample("weir_source_watermark_timestamp_seconds", {{"source", of.source}},
                                static_cast<double>(of.watermark->time_since_epoch().count()) / 1e6);
        }
    }
    if (const auto verdicts = observe::last_verdicts(reads->lake(), **connection)) {
        const auto catalogue = reads->catalogue();
        const auto served = [&](const observe::Verdict& of) {
            return std::any_of(catalogue->begin(), catalogue->end(),
                               [&](const auto& entry) { return entry.name == of.view; });
        };
        text.family("weir_view_verified_equal", "gauge",
                    "1: the last `weir verify` found the result equal; 0: it differs.");
        for (const auto& of : *verdicts)
            if (served(of)) text.sample("weir_view_verified_equal", {{"view", of.view}}, std::uint64_t{of.equal});
        text.family("weir_view_verified_timestamp_seconds", "gauge", "When it was verified last.");
        for (const auto& of : *verdicts)
            if (served(of))
                text.sample("weir_view_verified_timestamp_seconds", {{"view", of.view}},
                            static_cast<double>(of.verified_us) / 1e6);
    }
}

// What `weir up`, this one or another, found when it looked last.
void Serving::Impl::append_alerts(MetricsText& text) const {
    const auto kept = observe::AlertStore::look(observe::AlertStore::file_in(options.lake));
    if (!kept || !*kept) return;
    using observe::AlertState;
    if (const auto counts = (*kept)->counts()) {
        text.family("weir_alert_instances", "gauge", "Instances of an alert by their state.");
        // Each alert has all states, so that a series does not end when an alert does.
        std::map<std::string, std::pair<std::string, std::map<AlertState, std::int64_t>>> alerts;
        for (const auto& of : *counts) {
            alerts[of.alert].first = of.severity;
            alerts[of.alert].second[of.state] = of.count;
        }
        for (auto& [alert, of] : alerts)
            for (const auto state : {AlertState::pending, AlertState::firing})
                text.sample("weir_alert_instances",
                            {{"alert", alert}, {"severity", of.first}, {"state", to_string(state)}},
                            static_cast<std::uint64_t>(of.second[state]));
    }
    if (const auto alerts = (*kept)->alerts()) {
        text.family("weir_alert_failing", "gauge", "1: the alert could not be looked at; 0: it was.");
        for (const auto& of : *alerts)
            text.sample("weir_alert_failing", {{"alert", of.alert}}, std::uint64_t{!of.problem.empty()});
        text.family("weir_alert_looked_at_timestamp_seconds", "gauge", "When the alert was looked at last.");
        for (const auto& of : *alerts)
            if (of.looked_at)
                text.sample("weir_alert_looked_at_timestamp_seconds", {{"alert", of.alert}},
                            static_cast<double>(of.looked_at->time_since_epoch().count()) / 1e6);
    }
    if (const auto tallies = (*kept)->tallies()) {
        text.family("weir_alert_messages_total", "counter", "Messages of alerts by target and what became of them.");
        for (const auto& of : *tallies)
            for (const auto& [outcome, count] : {std::pair("delivered", of.delivered), std::pair("failed", of.failed),
                                                 std::pair("dropped", of.dropped)})
                text.sample("weir_alert_messages_total", {{"target", of.target}, {"outcome", outcome}},
                            static_cast<std::uint64_t>(count));
        text.family("weir_alert_messages_waiting", "gauge", "Messages of alerts that wait for their target.");
        for (const auto& of : *tallies)
            text.sample("weir_alert_messages_waiting", {{"target", of.target}}, static_cast<std::uint64_t>(of.waiting));
    }
}

Serving::Serving(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Serving>> Serving::start(ServingOptions options) {
    auto serving = std::unique_ptr<Serving>(new Serving(std::make_unique<Impl>()));
    serving->impl_->options = std::move(options);
    WEIR_TRY(serving->impl_->start());
    return serving;
}

const std::string& Serving::url() const { return impl_->url; }

ServingStatus Serving::status() const { return impl_->status_now(); }

bool Serving::stop() {
    impl_->api->begin_drain();
    impl_->streams.close();
    impl_->status->close();
    if (impl_->changes) impl_->changes->close();
    return impl_->server->drain(impl_->settings.http.drain);
}

Serving::~Serving() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->wake.notify_all();
    if (impl_->refresher.joinable()) impl_->refresher.join();
    impl_->store_stop = true;
    impl_->server.reset();
    impl_->loader.reset();
}

}  // namespace weir::serve
