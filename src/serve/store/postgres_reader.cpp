// One statement a look-up: the row, and the generation that it is of. Where that is another than the one whose
// provenances are known, these are read again first, so an answer never mixes two publications.
#include "serve/store/postgres_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sink/rows.h"
#include "sink/value.h"

namespace weir::serve::postgres {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds timeout{5000}, connect_timeout{2000};
constexpr int attempts_max = 4;

class Reader final : public StoreReader {
public:
    explicit Reader(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    Status move_on() override {
        if (!shared_->up.load()) return unreachable();
        if (shared_->moves.load(std::memory_order_acquire) == seen_ && connection_) return ok();
        return reload();
    }
    std::int64_t generation() const override { return generation_; }

    Result<Found> find(std::string_view name, const std::vector<std::string>& key) override {
        std::optional<Error> last;
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            // Somebody else published, or the connection was lost.
            if (attempt > 0) WEIR_TRY(reload());
            const auto known = views_.find(name);
            if (known == views_.end()) return Found{};
            auto& view = known->second;
            Found found{.state = view.state, .from = &view.from};
            if (view.state != KeyState::ready) return found;
            auto row = look_up(view, key, found);
            if (row && *row) return found;
            if (row) continue;
            // Whoever waits for an answer holds a thread that others need: nobody waits again until the loader got one.
            if (connection_->timed_out()) {
                shared_->up.store(false);
                connection_.reset();
                return std::move(row).error();
            }
            last = std::move(row).error();
        }
        if (last) return std::move(*last);
        return Error{.code = ErrorCode::table_conflict, .message = "the serving store: publications follow too fast"};
    }

private:
    struct View {
        KeyState state = KeyState::behind;
        Provenance from;
        Shape shape;
        std::string statement;  // prepared; empty: not yet
        std::unique_ptr<RowChunk> columns, owners;
        std::unique_ptr<sink::RowsWriter> writer;
        std::vector<sink::ValueWriter> owner_writers;
    };
    std::shared_ptr<Shared> shared_;
    std::optional<Connection> connection_;
    std::uint64_t seen_ = 0;
    std::int64_t generation_ = -2;
    std::uint64_t statements_ = 0;
    std::map<std::string, View, std::less<>> views_;
    std::string line_;
    std::vector<std::string> owner_texts_;

    static Error unreachable() {
        return {.code = ErrorCode::io_failed, .message = "the serving store cannot be reached"};
    }

    Status connect() {
        if (connection_ && !connection_->is_broken()) return ok();
        connection_.reset();
        // The loader finds out when it is there again: nobody else waits for that.
        if (!shared_->up.load()) return unreachable();
        auto connection =
            Connection::open(shared_->options, {.connect_timeout = connect_timeout,
                                                .statement_timeout = timeout,
                                                .stop = [shared = shared_.get()] { return shared->is_stopping(); }});
        if (!connection) {
            shared_->up.store(false);
            return std::move(connection).error();
        }
        connection_ = std::move(*connection);
        return ok();
    }

    Status reload() {
        views_.clear();
        generation_ = -2;
        const auto moves = shared_->moves.load(std::memory_order_acquire);
        const auto shapes = shared_->known_shapes();
        WEIR_TRY(connect());
        auto state = read_state(*connection_, shared_->schema);
        if (!state) {
            connection_.reset();
            return std::move(state).error();
        }
        WEIR_TRY(connection_->run("DEALLOCATE ALL"));
        for (const auto& [name, shape] : *shapes) {
            View view{.shape = shape};
            const auto loaded = state->views.find(name);
            if (state->generation >= 0 && loaded != state->views.end() && loaded->second.shape == shape.hash) {
                view.state = loaded->second.form == "none" ? KeyState::not_unique : KeyState::ready;
                view.from = loaded->second.from;
            }
            views_.emplace(name, std::move(view));
        }
        seen_ = moves;
        generation_ = state->generation;
        return ok();
    }

    Status prepare(View& view) {
        std::string columns, on;
        for (std::size_t i = 0; i < view.shape.key.size(); ++i) {
            const auto& field = view.shape.key[i];
            on += fmt::format("{}t.{} = ${}::{}", i == 0 ? "" : " AND ", quote_name(field.name), i + 1,
                              column_type(field.type));
        }
        const auto add = [&](const std::string& column) { columns += ", t." + quote_name(column); };
        if (view.shape.whole) {
            add(std::string(whole_column));
        } else {
            for (const auto& field : view.shape.fields) add(field.name);
            view.columns = std::make_unique<RowChunk>(view.shape.fields);
            view.writer = std::make_unique<sink::RowsWriter>(sink::Format::ndjson, line_);
            sql::ResultHeader header{.types = view.columns->types()};
            for (const auto& field : view.shape.fields) header.names.push_back(field.name);
            WEIR_TRY(view.writer->begin(header));
        }
        for (const auto& field : view.shape.owners) add(field.name);
        view.owners = std::make_unique<RowChunk>(view.shape.owners);
        for (std::size_t i = 0; i < view.shape.owners.size(); ++i) {
            WEIR_ASSIGN(auto writer, sink::ValueWriter::of(view.owners->types()[i], view.shape.owners[i].name));
            view.owner_writers.push_back(std::move(writer));
        }
        const auto name = fmt::format("weir_{}", ++statements_);
        const auto s = quote_name(shared_->schema);
        WEIR_TRY(connection_->prepare(
            name,
            fmt::format("SELECT g.generation, t.tableoid IS NOT NULL{} FROM {}.weir_generation AS g LEFT JOIN {}.{} "
                        "AS t ON {}",
                        columns, s, s, quote_name(view_name(view)), on)));
        view.statement = name;
        return ok();
    }

    const std::string& view_name(const View& view) const {
        return std::find_if(views_.begin(), views_.end(), [&](const auto& one) { return &one.second == &view; })->first;
    }

    // False: what this reader knows is not what the store holds now.
    Result<bool> look_up(View& view, const std::vector<std::string>& key, Found& found) {
        std::vector<Parameter> parameters;
        for (std::size_t i = 0; i < key.size(); ++i) {
            auto parameter = parameter_of(view.shape.key[i].type, key[i]);
            if (!parameter) return true;
            parameters.push_back(std::move(*parameter));
        }
        if (view.statement.empty()) {
            auto prepared = prepare(view);
            if (!prepared) return std::move(prepared).error();
        }
        auto rows = connection_->run_prepared(view.statement, parameters);
        if (!rows) {
            // No value of the column's type, such as a text that is no UTF-8: no row has it.
            if (connection_->state().starts_with("22")) return true;
            return std::move(rows).error();
        }
        if (rows->count() == 0 || read_bigint(rows->text(0, 0)) != generation_) return false;
        if (rows->text(0, 1) != std::string_view("\0", 1)) return read_row(view, *rows, found);
        return true;
    }

    Result<bool> read_row(View& view, const Rows& rows, Found& found) {
        const Error unreadable{.code = ErrorCode::internal,
                               .message = "the serving store: a value does not have its type's form"};
        const auto owners = static_cast<int>(view.shape.owners.size());
        const auto take = [&](int from, int to) {
            std::vector<std::optional<std::string_view>> values;
            for (int i = from; i < to; ++i)
                values.push_back(rows.is_null(0, i) ? std::nullopt : std::optional(rows.text(0, i)));
            return values;
        };
        line_.clear();
        if (view.shape.whole) {
            line_ = rows.text(0, 2);
        } else {
            if (!view.columns->set(take(2, rows.columns() - owners))) return unreadable;
            WEIR_TRY(view.writer->take(view.columns->chunk()));
            line_.pop_back();  // the line's end
        }
        found.row = FoundRow{.json = line_, .owners = {}};
        if (owners == 0) return true;
        if (!view.owners->set(take(rows.columns() - owners, rows.columns()))) return unreadable;
        owner_texts_.assign(static_cast<std::size_t>(owners), {});
        for (std::size_t i = 0; i < owner_texts_.size(); ++i) {
            auto& writer = view.owner_writers[i];
            auto* vector = duckdb_data_chunk_get_vector(view.owners->chunk(), i);
            writer.bind(vector);
            if (writer.is_null(0)) {
                found.row->owners.emplace_back(std::nullopt);
                continue;
            }
            // As key_expression() spells it.
            const auto kind = view.shape.owners[i].type.kind;
            if (kind == Type::Kind::timestamp || kind == Type::Kind::timestamp_ntz) {
                owner_texts_[i] = std::to_string(*static_cast<const std::int64_t*>(duckdb_vector_get_data(vector)));
            } else {
                writer.append_text(0, owner_texts_[i]);
            }
            found.row->owners.emplace_back(owner_texts_[i]);
        }
        return true;
    }
};

}  // namespace

std::unique_ptr<StoreReader> make_reader(std::shared_ptr<Shared> shared) {
    return std::make_unique<Reader>(std::move(shared));
}

}  // namespace weir::serve::postgres
