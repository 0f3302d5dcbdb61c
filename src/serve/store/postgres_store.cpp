// PostgreSQL as serving store: a table for each served view, with its columns, key and indexes, for whoever reads it
// with SQL, and for look-ups by key.
//
//   BEGIN ── lock ── is it newer? ──► stage():  each view that changed, by COPY into a temporary table
//                        │ no         apply():  changed columns; rows that are no longer so: DELETE, those that are not
//                        ▼                      there yet: INSERT; changed indexes
//                     ROLLBACK                  ──► the publication's number ── COMMIT
//
// (1) All of a publication's rows and its number become visible in one commit: a transaction that reads at REPEATABLE
//     READ sees one publication. Nothing is truncated or renamed, which such a transaction would see half of.
// (2) Tables are changed and never made anew: grants, views on top, foreign keys and policies of others stay.
// (3) One writer at a time, by an advisory lock; a lower number never follows a higher one; what is there already is
// not
//     written again.
// (4) Staging tables are temporary: of a load that ended half-way nothing stays.
//
//   weir_generation(lake, epoch, generation, …)               one row; `generation` counts commits that changed
//   anything weir_publication(view, publication, version, cut, …)      one row per view VIEW(its columns…) its rows
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "base/stop.h"
#include "serve/store/postgres_connection.h"
#include "serve/store/postgres_values.h"
#include "serve/store/serving_store.h"
#include "sink/rows.h"
#include "sink/value.h"

namespace weir::serve {
namespace {

namespace pg = postgres;
using std::chrono::milliseconds;

constexpr int shape_format = 1;  // another one makes every view load again
// A loader that waits for a reader's lock stands in the way of all readers behind it: it gives up and comes again.
constexpr const char* lock_timeout = "10s";
constexpr milliseconds load_connect_timeout{5000};
constexpr milliseconds lookup_timeout{5000}, lookup_connect_timeout{2000};
constexpr std::size_t piece_bytes = 256 * 1024;
constexpr int lookup_attempts = 4;
// A row of a view with nested columns as the API gives it: jsonb keeps neither the order of members nor -0.0.
constexpr std::string_view whole_column = "weir_json";

// How a view's table looks.
struct Shape {
    std::vector<Field> fields, key, owners;
    std::vector<std::vector<std::string>> indexes;
    std::string description;
    bool whole = false;  // has whole_column
    std::string hash;
};

Shape shape_of(const ViewLoad& view) {
    Shape shape{.fields = view.pinned->schema.fields,
                .owners = view.owners,
                .indexes = view.indexes,
                .description = view.description};
    // Names as the result spells them.
    const auto own = [&](const std::string& name) {
        const auto* field = view.pinned->schema.find(name);
        return field == nullptr ? Field{.name = name} : *field;
    };
    for (const auto& field : view.key) shape.key.push_back(own(field.name));
    for (auto& field : shape.owners) field = own(field.name);
    for (auto& index : shape.indexes)
        for (auto& column : index) column = own(column).name;
    shape.whole = !shape.key.empty() && std::any_of(shape.fields.begin(), shape.fields.end(),
                                                    [](const Field& field) { return field.type.is_nested(); });
    auto text = fmt::format("{}\n{}\n{}", shape_format, shape.whole, shape.description);
    for (const auto& field : shape.fields) text += "\nc " + field.name + " " + to_string(field.type);
    for (const auto& field : shape.key) text += "\nk " + field.name;
    for (const auto& index : shape.indexes) text += fmt::format("\ni {}", fmt::join(index, "\n  "));
    shape.hash = sha256_hex(text).substr(0, 16);
    return shape;
}

std::string names_of(const std::vector<Field>& fields) {
    std::string names;
    for (const auto& field : fields) names += (names.empty() ? "" : ", ") + pg::quote_name(field.name);
    return names;
}

std::string names_of(const std::vector<std::string>& columns) {
    std::string names;
    for (const auto& column : columns) names += (names.empty() ? "" : ", ") + pg::quote_name(column);
    return names;
}

// weir_VIEW_COLUMNS_3f2a9c1d: as long as PostgreSQL lets a name be, and no two of a schema alike.
std::string index_name(const std::string& view, const std::vector<std::string>& columns) {
    constexpr std::size_t name_bytes_max = 63, digest = 8;
    auto name = fmt::format("weir_{}_{}", view, fmt::join(columns, "_"));
    const auto hash = sha256_hex(fmt::format("{}\n{}", view, fmt::join(columns, "\n"))).substr(0, digest);
    if (name.size() > name_bytes_max - digest - 1) {
        auto end = name_bytes_max - digest - 1;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // not inside a character
        name.resize(end);
    }
    return name + "_" + hash;
}

// What the store says of a view.
struct Loaded {
    std::string version, shape;
    std::string form;  // of the key: primary; unique: some rows have none; none: it is not unique; empty: no key
    Provenance from;
};
struct State {
    std::int64_t generation = -1, epoch = 0;  // -1: nothing was ever loaded
    std::string lake;
    std::map<std::string, Loaded, std::less<>> views;
};

// Of one snapshot, since it is one statement.
Result<State> read_state(pg::Connection& connection, const std::string& schema) {
    const auto s = pg::quote_name(schema);
    auto rows = connection.run(fmt::format(
        "SELECT g.generation, g.epoch, g.lake, p.view, p.version, p.shape, p.form, p.publication, "
        "round(extract(epoch FROM p.published_at) * 1000000)::bigint, p.\"interval\", p.cut, "
        "coalesce(p.rows, -1), p.code "
        "FROM (SELECT) AS one LEFT JOIN {0}.weir_generation AS g ON true LEFT JOIN {0}.weir_publication AS p ON true",
        s));
    State state;
    if (!rows) {
        // There is no such table, or no such schema.
        if (connection.state() == "42P01" || connection.state() == "3F000") return state;
        return std::move(rows).error();
    }
    for (int row = 0; row < rows->count(); ++row) {
        if (!rows->is_null(row, 0)) state.generation = rows->integer(row, 0);
        state.epoch = rows->integer(row, 1);
        state.lake = rows->text(row, 2);
        if (rows->is_null(row, 3)) continue;
        Loaded view{.version = std::string(rows->text(row, 4)),
                    .shape = std::string(rows->text(row, 5)),
                    .form = std::string(rows->text(row, 6))};
        view.from.publication = rows->integer(row, 7);
        if (!rows->is_null(row, 8)) view.from.published_at = Time(std::chrono::microseconds(rows->integer(row, 8)));
        view.from.interval = rows->text(row, 9);
        view.from.cut = rows->text(row, 10);
        view.from.rows = rows->integer(row, 11);
        view.from.code = rows->text(row, 12);
        state.views.emplace(rows->text(row, 3), std::move(view));
    }
    return state;
}

bool same(const Provenance& a, const Provenance& b) {
    return a.publication == b.publication && a.published_at == b.published_at && a.interval == b.interval &&
           a.cut == b.cut && a.rows == b.rows && a.code == b.code;
}

// What the store and its readers share.
struct Shared {
    pg::Options options;
    std::string schema;
    const std::atomic<bool>* stop = nullptr;
    std::atomic<bool> up{false};
    std::atomic<std::uint64_t> moves{1};  // loads of this process, also those that failed: what readers know may be old
    std::mutex mutex;
    std::shared_ptr<const std::map<std::string, Shape, std::less<>>> shapes =
        std::make_shared<const std::map<std::string, Shape, std::less<>>>();  // guarded by mutex

    std::shared_ptr<const std::map<std::string, Shape, std::less<>>> known_shapes() {
        const std::lock_guard lock(mutex);
        return shapes;
    }
};

// ---- one load, in one transaction

class Loading {
public:
    Loading(pg::Connection& connection, const Shared& shared, sql::Connection& source)
        : to_(connection), shared_(shared), source_(source), schema_(pg::quote_name(shared.schema)) {}

    // True: something changed, and is committed.
    Result<bool> run(const Load& load, const std::map<std::string, Shape, std::less<>>& shapes) {
        WEIR_TRY(to_.run(fmt::format("BEGIN; SET LOCAL lock_timeout = '{}'", lock_timeout)));
        WEIR_TRY(lock());
        WEIR_TRY(make_own_tables());
        WEIR_ASSIGN(state_, read_state(to_, shared_.schema));
        if (!state_.lake.empty() && state_.lake != load.lake)
            return Error{
                .code = ErrorCode::refused,
                .message =
                    fmt::format("the schema {} of the serving store holds the views of another lake", shared_.schema),
                .hint = fmt::format("give each lake a schema of its own (serve.yaml, store: schema:); or let this "
                                    "one take it over: DELETE FROM {}.weir_generation",
                                    schema_)};
        bool changed = false;
        if (state_.generation < 0 || state_.epoch <= load.epoch) {
            WEIR_ASSIGN(changed, bring_up(load, shapes));
        }
        if (!changed) {
            WEIR_TRY(to_.run("ROLLBACK"));
            return false;
        }
        WEIR_TRY(to_.run(
            fmt::format("INSERT INTO {0}.weir_generation AS g (lake, epoch, generation, loaded_at) VALUES ({1}, {2}, "
                        // Of a schema that was emptied by hand, no reader may take the new one for the old one.
                        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_timestamp()) ON CONFLICT (one) "
                        "DO UPDATE SET "
                        "lake = excluded.lake, epoch = excluded.epoch, generation = g.generation + 1, loaded_at = "
                        "excluded.loaded_at",
                        schema_, pg::quote_text(load.lake), load.epoch)));
        WEIR_TRY(to_.run("COMMIT"));
        return true;
    }

    // Tables that were filled from nothing, for the planner to look at.
    const std::vector<std::string>& filled() const { return filled_; }

private:
    pg::Connection& to_;
    const Shared& shared_;
    sql::Connection& source_;
    const std::string schema_;
    State state_;
    std::vector<std::string> filled_;

    std::string table_of(const std::string& view) const { return schema_ + "." + pg::quote_name(view); }
    std::string class_of(const std::string& view) const { return pg::quote_text(table_of(view)) + "::regclass"; }

    Status lock() {
        const auto number = std::stoull(sha256_hex("weir serving store " + shared_.schema).substr(0, 15), nullptr, 16);
        for (;;) {
            WEIR_ASSIGN(const auto got, to_.run(fmt::format("SELECT pg_try_advisory_xact_lock({})", number)));
            if (got.count() == 1 && got.boolean(0, 0)) return ok();
            if (stop_requested() || (shared_.stop != nullptr && shared_.stop->load()))
                return Error{.code = ErrorCode::interrupted, .message = "the serving store: stopped"};
            std::this_thread::sleep_for(milliseconds(100));
        }
    }

    Status make_own_tables() {
        WEIR_ASSIGN(const auto there,
                    to_.run(fmt::format("SELECT to_regnamespace({}) IS NOT NULL, to_regclass({}) IS NOT "
                                        "NULL AND to_regclass({}) IS NOT NULL",
                                        pg::quote_text(schema_), pg::quote_text(schema_ + ".weir_generation"),
                                        pg::quote_text(schema_ + ".weir_publication"))));
        if (!there.boolean(0, 0)) WEIR_TRY(to_.run("CREATE SCHEMA " + schema_));
        if (there.boolean(0, 1)) return ok();
        WEIR_TRY(to_.run(fmt::format(
            "CREATE TABLE IF NOT EXISTS {0}.weir_generation("
            "one boolean PRIMARY KEY DEFAULT true CHECK (one), lake text NOT NULL, epoch bigint NOT NULL, generation "
            "bigint NOT NULL, loaded_at timestamptz NOT NULL);"
            "COMMENT ON TABLE {0}.weir_generation IS 'The publication that the tables of this schema hold. Written by "
            "weir.';"
            "CREATE TABLE IF NOT EXISTS {0}.weir_publication("
            "view text PRIMARY KEY, publication bigint NOT NULL, published_at timestamptz, \"interval\" text NOT NULL, "
            "cut json NOT NULL, rows bigint, code text NOT NULL, version text NOT NULL, form text NOT NULL, shape text "
            "NOT NULL);"
            "COMMENT ON TABLE {0}.weir_publication IS 'What each table of this schema was computed from. Written by "
            "weir.'",
            schema_)));
        return ok();
    }

    struct TableColumn {
        std::string name, type;
    };
    // A view whose rows are staged, and what its table becomes.
    struct Staged {
        const ViewLoad* view;
        const Shape* shape;
        const Loaded* before;              // nothing: there is no table
        std::vector<TableColumn> columns;  // of the table, in its order, once it is changed
        std::string changes;               // of ALTER TABLE; may be empty
        std::string stage;                 // the temporary table
        std::string form;                  // of the key
        bool same_shape() const { return before != nullptr && before->shape == shape->hash; }
    };

    Result<bool> bring_up(const Load& load, const std::map<std::string, Shape, std::less<>>& shapes) {
        bool changed = state_.epoch != load.epoch || state_.generation < 0;
        std::set<std::string, std::less<>> kept;
        std::vector<Staged> staged;
        for (const auto& view : load.views) {
            const auto& pinned = *view.pinned;
            const auto& shape = shapes.find(pinned.view)->second;
            kept.insert(pinned.view);
            const auto known = state_.views.find(pinned.view);
            const auto* before = known == state_.views.end() ? nullptr : &known->second;
            WEIR_ASSIGN(const bool is_there, has_table(pinned.view));
            if (is_there && before == nullptr)
                return Error{.code = ErrorCode::refused,
                             .message = fmt::format("the schema {} has a table '{}' that weir did not make",
                                                    shared_.schema, pinned.view),
                             .hint = "rename it, or give the serving store another schema"};
            if (is_there && before->version == pinned.version && before->shape == shape.hash) {
                if (same(before->from, pinned.from)) continue;
                changed = true;
                WEIR_TRY(note(pinned, shape, before->form));
                continue;
            }
            Staged one{.view = &view, .shape = &shape, .before = is_there ? before : nullptr};
            one.stage = fmt::format("pg_temp.weir_stage_{}", staged.size());
            auto done = stage(one);
            if (!done) return std::move(done).error().within("loading view " + pinned.view);
            staged.push_back(std::move(one));
        }
        // From here on, tables may be locked.
        for (const auto& one : staged) {
            changed = true;
            auto done = apply(one);
            if (!done) return std::move(done).error().within("loading view " + one.view->pinned->view);
            WEIR_TRY(note(*one.view->pinned, *one.shape, one.form));
        }
        for (const auto& [name, before] : state_.views) {
            if (kept.contains(name)) continue;
            changed = true;
            WEIR_TRY(to_.run(fmt::format("DROP TABLE IF EXISTS {}; DELETE FROM {}.weir_publication WHERE view = {}",
                                         table_of(name), schema_, pg::quote_text(name))));
        }
        return changed;
    }

    Result<bool> has_table(const std::string& view) {
        WEIR_ASSIGN(const auto rows,
                    to_.run(fmt::format("SELECT to_regclass({}) IS NOT NULL", pg::quote_text(table_of(view)))));
        return rows.boolean(0, 0);
    }

    Status note(const Pinned& pinned, const Shape& shape, const std::string& form) {
        const auto& from = pinned.from;
        const auto published_at = from.published_at ? fmt::format("timestamptz 'epoch' + {} * interval '1 microsecond'",
                                                                  from.published_at->time_since_epoch().count())
                                                    : "NULL";
        WEIR_TRY(to_.run(fmt::format(
            "INSERT INTO {0}.weir_publication (view, publication, published_at, \"interval\", cut, rows, code, "
            "version, "
            "form, shape) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10}) ON CONFLICT (view) DO UPDATE SET "
            "publication = excluded.publication, published_at = excluded.published_at, \"interval\" = "
            "excluded.\"interval\", cut = excluded.cut, rows = excluded.rows, code = excluded.code, version = "
            "excluded.version, form = excluded.form, shape = excluded.shape",
            schema_, pg::quote_text(pinned.view), from.publication, published_at, pg::quote_text(from.interval),
            pg::quote_text(from.cut), from.rows < 0 ? "NULL" : std::to_string(from.rows), pg::quote_text(from.code),
            pg::quote_text(pinned.version), pg::quote_text(form), pg::quote_text(shape.hash))));
        return ok();
    }

    static std::vector<TableColumn> columns_of(const Shape& shape) {
        std::vector<TableColumn> columns;
        for (const auto& field : shape.fields) columns.push_back({field.name, pg::column_type(field.type)});
        if (shape.whole) columns.push_back({std::string(whole_column), "text"});
        return columns;
    }
    static std::string declare(const std::vector<TableColumn>& columns) {
        std::string text;
        for (const auto& column : columns)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", pg::quote_name(column.name), column.type);
        return text;
    }

    Status apply(const Staged& one) {
        const auto& name = one.view->pinned->view;
        const auto table = table_of(name);
        const auto& shape = *one.shape;
        const bool same_indexes = one.same_shape() && one.before->form == one.form;
        if (one.before == nullptr) {
            WEIR_TRY(to_.run(fmt::format("CREATE TABLE {} ({})", table, declare(one.columns))));
        } else {
            if (!same_indexes) WEIR_TRY(drop_indexes(name));
            if (!one.changes.empty()) WEIR_TRY(to_.run(fmt::format("ALTER TABLE {} {}", table, one.changes)));
        }
        if (!one.same_shape()) WEIR_TRY(describe(name, shape));
        const auto has_key = [](const std::string& form) { return form == "primary" || form == "unique"; };
        const auto columns = names_of(shape_columns(shape));
        if (one.same_shape() && has_key(one.form) && has_key(one.before->form)) {
            // Rows that are as they were stay: what changed little is written little.
            std::string on;
            for (const auto& field : shape.key)
                on += fmt::format("{0}weir_new.{1} = weir_old.{1}", on.empty() ? "" : " AND ",
                                  pg::quote_name(field.name));
            // Whole rows are compared by their bytes: 0.0 and -0.0 are two.
            WEIR_TRY(to_.run(fmt::format(
                "DELETE FROM {0} AS weir_old WHERE NOT EXISTS (SELECT FROM {3} AS weir_new WHERE {1} AND weir_new "
                "*= weir_old); INSERT INTO {0} ({2}) SELECT {2} FROM {3} AS weir_new WHERE NOT EXISTS (SELECT "
                "FROM {0} AS weir_old WHERE {1})",
                table, on, columns, one.stage)));
        } else {
            WEIR_TRY(to_.run(
                fmt::format("DELETE FROM {0}; INSERT INTO {0} ({1}) SELECT {1} FROM {2}", table, columns, one.stage)));
            filled_.push_back(table);
        }
        if (!same_indexes) WEIR_TRY(make_indexes(name, shape, one.form));
        return ok();
    }

    static std::vector<std::string> shape_columns(const Shape& shape) {
        std::vector<std::string> names;
        for (const auto& column : columns_of(shape)) names.push_back(column.name);
        return names;
    }

    // Columns that are gone or have another type go, those that are new come last: everything else that others made of
    // the table stays.
    Status plan_columns(Staged& one) {
        const auto wanted = columns_of(*one.shape);
        if (one.before == nullptr) {
            one.columns = wanted;
            return ok();
        }
        WEIR_ASSIGN(const auto rows, to_.run(fmt::format("SELECT attname, format_type(atttypid, atttypmod) FROM "
                                                         "pg_attribute WHERE attrelid = {} AND attnum > 0 AND NOT "
                                                         "attisdropped ORDER BY attnum",
                                                         class_of(one.view->pinned->view))));
        const auto named = [](const std::vector<TableColumn>& columns, std::string_view name) {
            return std::find_if(columns.begin(), columns.end(),
                                [&](const TableColumn& column) { return column.name == name; });
        };
        const auto change = [&](const std::string& what) { one.changes += (one.changes.empty() ? "" : ", ") + what; };
        for (int row = 0; row < rows.count(); ++row) {
            const auto found = named(wanted, rows.text(row, 0));
            if (found != wanted.end() && found->type == rows.text(row, 1)) {
                one.columns.push_back(*found);
            } else {
                change("DROP COLUMN " + pg::quote_name(rows.text(row, 0)));
            }
        }
        for (const auto& column : wanted) {
            if (named(one.columns, column.name) != one.columns.end()) continue;
            one.columns.push_back(column);
            change(fmt::format("ADD COLUMN {} {}", pg::quote_name(column.name), column.type));
        }
        return ok();
    }

    Status describe(const std::string& view, const Shape& shape) {
        WEIR_TRY(to_.run(fmt::format("COMMENT ON TABLE {} IS {}", table_of(view),
                                     shape.description.empty() ? "NULL" : pg::quote_text(shape.description))));
        if (shape.whole)
            WEIR_TRY(to_.run(fmt::format("COMMENT ON COLUMN {}.{} IS 'The row as the HTTP interface gives it.'",
                                         table_of(view), pg::quote_name(whole_column))));
        return ok();
    }

    // Those that weir made, by their names. A key leaves its columns NOT NULL behind.
    Status drop_indexes(const std::string& view) {
        WEIR_ASSIGN(const auto rows,
                    to_.run(fmt::format("SELECT c.relname, k.conname FROM pg_index AS i JOIN pg_class AS c ON c.oid = "
                                        "i.indexrelid LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND "
                                        "k.conrelid = i.indrelid WHERE i.indrelid = {} AND c.relname LIKE 'weir\\_%'",
                                        class_of(view))));
        for (int row = 0; row < rows.count(); ++row) {
            const auto index = pg::quote_name(rows.text(row, 0));
            WEIR_TRY(to_.run(rows.is_null(row, 1) ? fmt::format("DROP INDEX {}.{}", schema_, index)
                                                  : fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_of(view),
                                                                pg::quote_name(rows.text(row, 1)))));
        }
        WEIR_ASSIGN(const auto filled, to_.run(fmt::format("SELECT attname FROM pg_attribute WHERE attrelid = {} AND "
                                                           "attnum > 0 AND NOT attisdropped AND attnotnull",
                                                           class_of(view))));
        for (int row = 0; row < filled.count(); ++row)
            WEIR_TRY(to_.run(fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table_of(view),
                                         pg::quote_name(filled.text(row, 0)))));
        return ok();
    }

    Status make_indexes(const std::string& view, const Shape& shape, const std::string& form) {
        std::vector<std::string> key{"key"};
        for (const auto& field : shape.key) key.push_back(field.name);
        if (form == "primary")
            WEIR_TRY(to_.run(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})", table_of(view),
                                         pg::quote_name(index_name(view, key)), names_of(shape.key))));
        if (form == "unique")
            WEIR_TRY(to_.run(fmt::format("CREATE UNIQUE INDEX {} ON {} ({})", pg::quote_name(index_name(view, key)),
                                         table_of(view), names_of(shape.key))));
        std::set<std::string> made;
        for (const auto& columns : shape.indexes)
            if (made.insert(names_of(columns)).second)
                WEIR_TRY(to_.run(fmt::format("CREATE INDEX {} ON {} ({})", pg::quote_name(index_name(view, columns)),
                                             table_of(view), names_of(columns))));
        return ok();
    }

    // The rows into a temporary table whose columns stand as those of the real one, so that whole rows can be compared.
    Status stage(Staged& one) {
        const auto& view = *one.view;
        const auto& shape = *one.shape;
        WEIR_TRY(plan_columns(one));
        WEIR_TRY(
            to_.run(fmt::format("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP", one.stage, declare(one.columns))));
        WEIR_TRY(to_.begin_copy(
            fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", one.stage, names_of(shape_columns(shape)))));
        std::string select;
        for (const auto& field : shape.fields) select += (select.empty() ? "" : ", ") + sql::quote_name(field.name);
        std::optional<pg::CopyRows> copy;
        std::string piece, lines;
        sink::RowsWriter whole(sink::Format::ndjson, lines);
        pg::CopyRows::append_header(piece);
        auto streamed = source_.stream(
            fmt::format("SELECT {} FROM {}", select, view.pinned->relation),
            [&](const sql::ResultHeader& header) -> Status {
                WEIR_ASSIGN(copy, pg::CopyRows::of(view.pinned->view, shape.fields, header.types));
                return shape.whole ? whole.begin(header) : ok();
            },
            [&](duckdb_data_chunk chunk) -> Status {
                copy->bind(chunk);
                lines.clear();
                if (shape.whole) WEIR_TRY(whole.take(chunk));
                std::string_view rest = lines;
                const auto size = duckdb_data_chunk_get_size(chunk);
                for (idx_t row = 0; row < size; ++row) {
                    std::optional<std::string_view> json;
                    if (shape.whole) {
                        const auto end = rest.find('\n');
                        json = rest.substr(0, end);
                        rest.remove_prefix(end + 1);
                    }
                    WEIR_TRY(copy->append(row, json, piece));
                    if (piece.size() < piece_bytes) continue;
                    WEIR_TRY(to_.put_copy(piece));
                    piece.clear();
                }
                return ok();
            });
        if (!streamed) return streamed;
        pg::CopyRows::append_trailer(piece);
        WEIR_TRY(to_.put_copy(piece));
        WEIR_TRY(to_.end_copy());
        WEIR_TRY(to_.run("ANALYZE " + one.stage));
        WEIR_ASSIGN(one.form, form_of_key(one));
        return ok();
    }

    Result<std::string> form_of_key(const Staged& one) {
        const auto& shape = *one.shape;
        if (shape.key.empty()) return std::string();
        std::string some_null;
        for (const auto& field : shape.key)
            some_null += fmt::format("{}{} IS NULL", some_null.empty() ? "" : " OR ", pg::quote_name(field.name));
        WEIR_ASSIGN(const auto rows,
                    to_.run(fmt::format("SELECT EXISTS (SELECT FROM {2} WHERE {0}), EXISTS (SELECT FROM {2} WHERE NOT "
                                        "({0}) GROUP BY {1} HAVING count(*) > 1)",
                                        some_null, names_of(shape.key), one.stage)));
        if (rows.boolean(0, 1)) return std::string("none");
        return std::string(rows.boolean(0, 0) ? "unique" : "primary");
    }
};

// ---- look-ups

class PostgresReader final : public StoreReader {
public:
    explicit PostgresReader(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    Status move_on() override {
        if (!shared_->up.load()) return unreachable();
        if (shared_->moves.load(std::memory_order_acquire) == seen_ && connection_) return ok();
        return reload();
    }
    std::int64_t generation() const override { return generation_; }

    Result<Found> find(std::string_view name, const std::vector<std::string>& key) override {
        std::optional<Error> last;
        for (int attempt = 0; attempt < lookup_attempts; ++attempt) {
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
        std::unique_ptr<pg::RowChunk> columns, owners;
        std::unique_ptr<sink::RowsWriter> writer;
        std::vector<sink::ValueWriter> owner_writers;
    };
    std::shared_ptr<Shared> shared_;
    std::optional<pg::Connection> connection_;
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
        auto connection = pg::Connection::open(
            shared_->options,
            {.connect_timeout = lookup_connect_timeout, .statement_timeout = lookup_timeout, .stop = shared_->stop});
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
            on += fmt::format("{}t.{} = ${}::{}", i == 0 ? "" : " AND ", pg::quote_name(field.name), i + 1,
                              pg::column_type(field.type));
        }
        const auto add = [&](const std::string& column) { columns += ", t." + pg::quote_name(column); };
        if (view.shape.whole) {
            add(std::string(whole_column));
        } else {
            for (const auto& field : view.shape.fields) add(field.name);
            view.columns = std::make_unique<pg::RowChunk>(view.shape.fields);
            view.writer = std::make_unique<sink::RowsWriter>(sink::Format::ndjson, line_);
            sql::ResultHeader header{.types = view.columns->types()};
            for (const auto& field : view.shape.fields) header.names.push_back(field.name);
            WEIR_TRY(view.writer->begin(header));
        }
        for (const auto& field : view.shape.owners) add(field.name);
        view.owners = std::make_unique<pg::RowChunk>(view.shape.owners);
        for (std::size_t i = 0; i < view.shape.owners.size(); ++i) {
            WEIR_ASSIGN(auto writer, sink::ValueWriter::of(view.owners->types()[i], view.shape.owners[i].name));
            view.owner_writers.push_back(std::move(writer));
        }
        const auto name = fmt::format("weir_{}", ++statements_);
        const auto s = pg::quote_name(shared_->schema);
        WEIR_TRY(connection_->prepare(
            name,
            fmt::format("SELECT g.generation, t.tableoid IS NOT NULL{} FROM {}.weir_generation AS g LEFT JOIN {}.{} "
                        "AS t ON {}",
                        columns, s, s, pg::quote_name(view_name(view)), on)));
        view.statement = name;
        return ok();
    }

    const std::string& view_name(const View& view) const {
        return std::find_if(views_.begin(), views_.end(), [&](const auto& one) { return &one.second == &view; })->first;
    }

    // False: what this reader knows is not what the store holds now.
    Result<bool> look_up(View& view, const std::vector<std::string>& key, Found& found) {
        std::vector<pg::Parameter> parameters;
        for (std::size_t i = 0; i < key.size(); ++i) {
            auto parameter = pg::parameter_of(view.shape.key[i].type, key[i]);
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
        if (rows->count() == 0 || pg::read_bigint(rows->text(0, 0)) != generation_) return false;
        if (rows->text(0, 1) != std::string_view("\0", 1)) return read_row(view, *rows, found);
        return true;
    }

    Result<bool> read_row(View& view, const pg::Rows& rows, Found& found) {
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

class PostgresStore final : public ServingStore {
public:
    explicit PostgresStore(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    bool waits() const override { return true; }
    bool is_up() const override { return shared_->up.load(); }

    Status load(const Load& load, sql::Connection& source) override {
        auto shapes = std::make_shared<std::map<std::string, Shape, std::less<>>>();
        for (const auto& view : load.views) shapes->emplace(view.pinned->view, shape_of(view));
        {
            const std::lock_guard lock(shared_->mutex);
            shared_->shapes = shapes;
        }
        auto loaded = try_load(load, *shapes, source);
        // Readers look again: what they knew of may have another shape now.
        shared_->moves.fetch_add(1, std::memory_order_release);
        return loaded;
    }

    Result<std::unique_ptr<StoreReader>> reader() override {
        return std::unique_ptr<StoreReader>(std::make_unique<PostgresReader>(shared_));
    }

private:
    std::shared_ptr<Shared> shared_;
    std::optional<pg::Connection> writer_;

    Status try_load(const Load& load, const std::map<std::string, Shape, std::less<>>& shapes,
                    sql::Connection& source) {
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

    Status load_once(const Load& load, const std::map<std::string, Shape, std::less<>>& shapes,
                     sql::Connection& source) {
        if (!writer_) {
            auto connection = pg::Connection::open(shared_->options,
                                                   {.connect_timeout = load_connect_timeout, .stop = shared_->stop});
            shared_->up.store(connection.ok());
            if (!connection) return std::move(connection).error();
            writer_ = std::move(*connection);
        }
        if (load.epoch == 0) return ok();  // nothing was published yet
        Loading loading(*writer_, *shared_, source);
        WEIR_TRY(loading.run(load, shapes));
        shared_->up.store(true);
        // So that the first queries are planned well; it is no part of the load, and may fail.
        for (const auto& table : loading.filled()) static_cast<void>(writer_->run("ANALYZE " + table));
        return ok();
    }
};

}  // namespace

Result<std::unique_ptr<ServingStore>> open_postgres_store(PostgresStoreOptions options) {
    auto shared = std::make_shared<Shared>();
    WEIR_ASSIGN(shared->options, pg::parse_connection(options.connection));
    shared->schema = std::move(options.schema);
    shared->stop = options.stop;
    return std::unique_ptr<ServingStore>(std::make_unique<PostgresStore>(std::move(shared)));
}

}  // namespace weir::serve
