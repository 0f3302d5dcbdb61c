#include "serve/store/postgres_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/sha256.h"

namespace weir::serve::postgres {
namespace {

constexpr int shape_format = 1;  // another one makes every view load again

}  // namespace

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
    for (const auto& field : fields) names += (names.empty() ? "" : ", ") + quote_name(field.name);
    return names;
}

std::string names_of(const std::vector<std::string>& columns) {
    std::string names;
    for (const auto& column : columns) names += (names.empty() ? "" : ", ") + quote_name(column);
    return names;
}

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

Result<State> read_state(Connection& connection, const std::string& schema) {
    const auto s = quote_name(schema);
    auto rows = connection.run(fmt::format(
        "SELECT g.generation, g.epoch, g.lake, p.view, p.version, p.shape, p.form, p.publication, "
        "round(extract(epoch FROM p.published_at) * 1000000)::bigint, p.\"interval\", p.cut, "
        "coalesce(p.rows, -1), p.code, round(extract(epoch FROM p.watermark) * 1000000)::bigint "
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
        if (!rows->is_null(row, 13)) view.from.watermark = Time(std::chrono::microseconds(rows->integer(row, 13)));
        state.views.emplace(rows->text(row, 3), std::move(view));
    }
    return state;
}

}  // namespace weir::serve::postgres
