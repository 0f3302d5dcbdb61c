// PostgreSQL as serving store: a table for each served view, with its columns, key and indexes, for whoever reads it
// with SQL, and for look-ups by key. One connection loads; each thread that looks up has its own.
#include <algorithm>
#include <optional>

#include "base/stop.h"
#include "serve/store/postgres_connection.h"
#include "serve/store/postgres_load.h"
#include "serve/store/postgres_reader.h"
#include "serve/store/postgres_tables.h"
#include "serve/store/serving_store.h"

namespace weir::serve {
namespace {

constexpr std::chrono::milliseconds load_connect_timeout{5000};

class PostgresStore final : public ServingStore {
public:
    explicit PostgresStore(std::shared_ptr<postgres::Shared> shared) : shared_(std::move(shared)) {}

    bool waits() const override { return true; }
    bool is_up() const override { return shared_->up.load(); }

    Status load(const Load& load, sql::Connection& source) override {
        auto shapes = std::make_shared<postgres::Shapes>();
        for (const auto& view : load.views) shapes->emplace(view.pinned->view, postgres::shape_of(view));
        {
            const std::lock_guard lock(shared_->mutex);
            shared_->shapes = shapes;
        }
        auto loaded = try_load(load, *shapes, source);
        // Readers look again: what they knew of may have another shape now.
        shared_->moves.fetch_add(1, std::memory_order_release);
        return loaded;
    }

    Result<std::unique_ptr<StoreReader>> reader() override { return postgres::make_reader(shared_); }

private:
    std::shared_ptr<postgres::Shared> shared_;
    std::optional<postgres::Connection> writer_;

    // A load ends where weir is asked to end; look-ups under way may get their answers.
    std::function<bool()> stop() const {
        return [shared = shared_.get()] { return stop_requested() || shared->is_stopping(); };
    }

    Status try_load(const Load& load, const postgres::Shapes& shapes, sql::Connection& source) {
        const bool kept = writer_.has_value();
        auto done = load_once(load, shapes, source);
        // A connection that was kept since the last load may have been lost meanwhile.
        if (!done && kept && writer_ && writer_->is_broken()) {
            writer_.reset();
            done = load_once(load, shapes, source);
        }
        // Leaving the connection is the rollback.
        if (!done) writer_.reset();
        return done;
    }

    Status load_once(const Load& load, const postgres::Shapes& shapes, sql::Connection& source) {
        if (!writer_) {
            auto connection =
                postgres::Connection::open(shared_->options, {.connect_timeout = load_connect_timeout, .stop = stop()});
            shared_->up.store(connection.ok());
            if (!connection) return std::move(connection).error();
            writer_ = std::move(*connection);
        }
        if (load.epoch == 0) return ok();  // nothing was published yet
        WEIR_ASSIGN(const auto done, postgres::load(load, shapes, shared_->schema, *writer_, source, stop()));
        shared_->up.store(true);
        // So that the first queries are planned well; it is no part of the load, and may fail.
        for (const auto& table : done.filled) static_cast<void>(writer_->run("ANALYZE " + table));
        return ok();
    }
};

}  // namespace

Result<std::unique_ptr<ServingStore>> open_postgres_store(PostgresStoreOptions options) {
    auto shared = std::make_shared<postgres::Shared>();
    WEIR_ASSIGN(shared->options, postgres::parse_connection(options.connection));
    shared->schema = std::move(options.schema);
    shared->stop = options.stop;
    return std::unique_ptr<ServingStore>(std::make_unique<PostgresStore>(std::move(shared)));
}

}  // namespace weir::serve
