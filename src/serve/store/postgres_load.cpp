// A publication into the tables.
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
//     not written again.
// (4) Staging tables are temporary: of a load that ended half-way nothing stays.
#include "serve/store/postgres_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "sink/rows.h"

namespace weir::serve::postgres {
namespace {

using std::chrono::milliseconds;

// A loader that waits for a reader's lock stands in the way of all readers behind it: it gives up and comes again.
constexpr const char* lock_timeout = "10s";
constexpr std::size_t piece_bytes = 256 * 1024;

bool same(const Provenance& a, const Provenance& b) {
    return a.publication == b.publication && a.published_at == b.published_at && a.interval == b.interval &&
           a.cut == b.cut && a.rows == b.rows && a.code == b.code && a.watermark == b.watermark;
}

class Loading {
public:
    Loading(const std::string& schema, Connection& connection, sql::Connection& source,
            const std::function<bool()>& stop)
        : name_(schema), schema_(quote_name(schema)), to_(connection), source_(source), stop_(stop) {}

    // True: something changed, and is committed.
    Result<bool> run(const Load& load, const Shapes& shapes) {
        WEIR_TRY(to_.run(fmt::format("BEGIN; SET LOCAL lock_timeout = '{}'", lock_timeout)));
        WEIR_TRY(lock());
        WEIR_TRY(make_own_tables());
        WEIR_ASSIGN(state_, read_state(to_, name_));
        if (!state_.lake.empty() && state_.lake != load.lake)
            return Error{
                .code = ErrorCode::refused,
                .message = fmt::format("the schema {} of the serving store holds the views of another lake", name_),
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
                        schema_, quote_text(load.lake), load.epoch)));
        WEIR_TRY(to_.run("COMMIT"));
        return true;
    }

    // Tables that were filled from nothing, for the planner to look at.
    const std::vector<std::string>& filled() const { return filled_; }

private:
    const std::string& name_;
    const std::string schema_;
    Connection& to_;
    sql::Connection& source_;
    const std::function<bool()>& stop_;
    State state_;
    std::vector<std::string> filled_;

    std::string table_of(const std::string& view) const { return schema_ + "." + quote_name(view); }
    std::string class_of(const std::string& view) const { return quote_text(table_of(view)) + "::regclass"; }

    Status lock() {
        const auto number = std::stoull(sha256_hex("weir serving store " + name_).substr(0, 15), nullptr, 16);
        for (;;) {
            WEIR_ASSIGN(const auto got, to_.run(fmt::format("SELECT pg_try_advisory_xact_lock({})", number)));
            if (got.count() == 1 && got.boolean(0, 0)) return ok();
            if (stop_()) return Error{.code = ErrorCode::interrupted, .message = "the serving store: stopped"};
            std::this_thread::sleep_for(milliseconds(100));
        }
    }

    Status make_own_tables() {
        WEIR_ASSIGN(
            const auto there,
            to_.run(fmt::format(
                "SELECT to_regnamespace({}) IS NOT NULL, to_regclass({}) IS NOT "
                "NULL AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass({}) AND attname = 'watermark')",
                quote_text(schema_), quote_text(schema_ + ".weir_generation"),
                quote_text(schema_ + ".weir_publication"))));
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
            "ALTER TABLE {0}.weir_publication ADD COLUMN IF NOT EXISTS watermark timestamptz;"
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

    Result<bool> bring_up(const Load& load, const Shapes& shapes) {
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
                return Error{
                    .code = ErrorCode::refused,
                    .message = fmt::format("the schema {} has a table '{}' that weir did not make", name_, pinned.view),
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
                                         table_of(name), schema_, quote_text(name))));
        }
        return changed;
    }

    Result<bool> has_table(const std::string& view) {
        WEIR_ASSIGN(const auto rows,
                    to_.run(fmt::format("SELECT to_regclass({}) IS NOT NULL", quote_text(table_of(view)))));
        return rows.boolean(0, 0);
    }

    Status note(const Pinned& pinned, const Shape& shape, const std::string& form) {
        const auto& from = pinned.from;
        const auto moment = [](const std::optional<Time>& time) {
            return time ? fmt::format("timestamptz 'epoch' + {} * interval '1 microsecond'",
                                      time->time_since_epoch().count())
                        : "NULL";
        };
        WEIR_TRY(to_.run(fmt::format(
            "INSERT INTO {0}.weir_publication (view, publication, published_at, \"interval\", cut, rows, code, "
            "version, form, shape, watermark) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10}, {11}) ON "
            "CONFLICT (view) DO UPDATE SET "
            "publication = excluded.publication, published_at = excluded.published_at, \"interval\" = "
            "excluded.\"interval\", cut = excluded.cut, rows = excluded.rows, code = excluded.code, version = "
            "excluded.version, form = excluded.form, shape = excluded.shape, watermark = excluded.watermark",
            schema_, quote_text(pinned.view), from.publication, moment(from.published_at), quote_text(from.interval),
            quote_text(from.cut), from.rows < 0 ? "NULL" : std::to_string(from.rows), quote_text(from.code),
            quote_text(pinned.version), quote_text(form), quote_text(shape.hash), moment(from.watermark))));
        return ok();
    }

    static std::vector<TableColumn> columns_of(const Shape& shape) {
        std::vector<TableColumn> columns;
        for (const auto& field : shape.fields) columns.push_back({field.name, column_type(field.type)});
        if (shape.whole) columns.push_back({std::string(whole_column), "text"});
        return columns;
    }
    static std::string declare(const std::vector<TableColumn>& columns) {
        std::string text;
        for (const auto& column : columns)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", quote_name(column.name), column.type);
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
                on += fmt::format("{0}weir_new.{1} = weir_old.{1}", on.empty() ? "" : " AND ", quote_name(field.name));
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
                change("DROP COLUMN " + quote_name(rows.text(row, 0)));
            }
        }
        for (const auto& column : wanted) {
            if (named(one.columns, column.name) != one.columns.end()) continue;
            one.columns.push_back(column);
            change(fmt::format("ADD COLUMN {} {}", quote_name(column.name), column.type));
        }
        return ok();
    }

    Status describe(const std::string& view, const Shape& shape) {
        WEIR_TRY(to_.run(fmt::format("COMMENT ON TABLE {} IS {}", table_of(view),
                                     shape.description.empty() ? "NULL" : quote_text(shape.description))));
        if (shape.whole)
            WEIR_TRY(to_.run(fmt::format("COMMENT ON COLUMN {}.{} IS 'The row as the HTTP interface gives it.'",
                                         table_of(view), quote_name(whole_column))));
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
            const auto index = quote_name(rows.text(row, 0));
            WEIR_TRY(to_.run(rows.is_null(row, 1) ? fmt::format("DROP INDEX {}.{}", schema_, index)
                                                  : fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_of(view),
                                                                quote_name(rows.text(row, 1)))));
        }
        WEIR_ASSIGN(const auto filled, to_.run(fmt::format("SELECT attname FROM pg_attribute WHERE attrelid = {} AND "
                                                           "attnum > 0 AND NOT attisdropped AND attnotnull",
                                                           class_of(view))));
        for (int row = 0; row < filled.count(); ++row)
            WEIR_TRY(to_.run(fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table_of(view),
                                         quote_name(filled.text(row, 0)))));
        return ok();
    }

    Status make_indexes(const std::string& view, const Shape& shape, const std::string& form) {
        std::vector<std::string> key{"key"};
        for (const auto& field : shape.key) key.push_back(field.name);
        if (form == "primary")
            WEIR_TRY(to_.run(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})", table_of(view),
                                         quote_name(index_name(view, key)), names_of(shape.key))));
        if (form == "unique")
            WEIR_TRY(to_.run(fmt::format("CREATE UNIQUE INDEX {} ON {} ({})", quote_name(index_name(view, key)),
                                         table_of(view), names_of(shape.key))));
        std::set<std::string> made;
        for (const auto& columns : shape.indexes)
            if (made.insert(names_of(columns)).second)
                WEIR_TRY(to_.run(fmt::format("CREATE INDEX {} ON {} ({})", quote_name(index_name(view, columns)),
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
        std::optional<CopyRows> copy;
        std::string piece, lines;
        sink::RowsWriter whole(sink::Format::ndjson, lines);
        CopyRows::append_header(piece);
        auto streamed = source_.stream(
            fmt::format("SELECT {} FROM {}", select, view.pinned->relation),
            [&](const sql::ResultHeader& header) -> Status {
                WEIR_ASSIGN(copy, CopyRows::of(view.pinned->view, shape.fields, header.types));
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
        CopyRows::append_trailer(piece);
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
            some_null += fmt::format("{}{} IS NULL", some_null.empty() ? "" : " OR ", quote_name(field.name));
        WEIR_ASSIGN(const auto rows,
                    to_.run(fmt::format("SELECT EXISTS (SELECT FROM {2} WHERE {0}), EXISTS (SELECT FROM {2} WHERE NOT "
                                        "({0}) GROUP BY {1} HAVING count(*) > 1)",
                                        some_null, names_of(shape.key), one.stage)));
        if (rows.boolean(0, 1)) return std::string("none");
        return std::string(rows.boolean(0, 0) ? "unique" : "primary");
    }
};

}  // namespace

Result<LoadDone> load(const Load& what, const Shapes& shapes, const std::string& schema, Connection& to,
                      sql::Connection& source, const std::function<bool()>& stop) {
    Loading loading(schema, to, source, stop);
    LoadDone done;
    WEIR_ASSIGN(done.changed, loading.run(what, shapes));
    done.filled = loading.filled();
    return done;
}

}  // namespace weir::serve::postgres
