#include "view/split/touched.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "view/split/aggregates.h"

namespace weir::view {
namespace {

// Where the values of a column come from: a place where a relation is read, and the column there.
struct Key {
    std::map<std::size_t, std::string> from;  // number of the place -> column
    std::string type;

    bool operator==(const Key&) const = default;
};
using MaybeKey = std::optional<Key>;

MaybeKey both(const MaybeKey& a, const MaybeKey& b) {
    if (!a || !b || a->type != b->type) return std::nullopt;
    Key key = *a;
    key.from.insert(b->from.begin(), b->from.end());
    return key;
}

struct Output {
    std::string name;  // lower case; empty: nobody can name it
    MaybeKey key;
};
struct Outputs {
    std::vector<Output> columns;
    bool in_place = true;  // every column is here, where it is in the result
};

struct Offered {
    std::string relation;  // lower case
    Outputs columns;
};

// What FROM offers.
struct Offer {
    std::vector<Offered> relations;
    std::map<std::string, MaybeKey> merged;  // names of USING
    bool all = true;                         // every relation's columns are known

    // Columns that hold the same values as each other become one key.
    void replace(const Key& old, const Key& key) {
        const auto settle = [&](MaybeKey& each) {
            if (each == old) each = key;
        };
        for (auto& relation : relations)
            for (auto& column : relation.columns.columns) settle(column.key);
        for (auto& [name, each] : merged) settle(each);
    }
    void forget() {
        for (auto& relation : relations)
            for (auto& column : relation.columns.columns) column.key.reset();
        for (auto& [name, each] : merged) each.reset();
    }
};

class Analysis {
public:
    Analysis(const IsSource& is_source, const ColumnsOf& columns_of) : is_source_(is_source), columns_of_(columns_of) {}

    Outputs query(const Tree& query, const Scope& outer) {
        // Names of WITH are followed wherever they are read.
        if (places_.size() > places_max) why_whole_ = "it is too large to be looked through";
        if (!why_whole_.empty()) return {};
        const auto scope = outer.inside(query);
        auto outputs = is_type(query, "SET_OPERATION_NODE") ? set_operation(query, scope)
                       : is_type(query, "SELECT_NODE")      ? select(query, scope)
                                                            : recursive();
        for (const auto& each : query.at("modifiers")) {
            if (!is_type(each, "LIMIT_MODIFIER") && !is_type(each, "LIMIT_PERCENT_MODIFIER")) continue;
            forget(outputs, "LIMIT picks among all rows");
        }
        return outputs;
    }

    struct Place {
        std::string relation;
        bool source;
    };
    const std::vector<Place>& places() const { return places_; }
    // All of it has to be computed, whatever its columns say.
    const std::string& why_whole() const { return why_whole_; }
    // What stood in the way first, as far as it is one thing.
    const std::string& why() const { return why_; }

private:
    static constexpr std::size_t places_max = 1000;

    void forget(Outputs& outputs, std::string_view why) {
        for (auto& output : outputs.columns) output.key.reset();
        note(why);
    }
    void note(std::string_view why) {
        if (why_.empty()) why_ = why;
    }

    // All that is read inside stays without a key.
    void read_inside(const Tree& tree, const Scope& scope) {
        each_part(tree, [&](const Tree& part) {
            if (is_type(part, "BASE_TABLE")) {
                static_cast<void>(base_table(part, scope));
                return false;
            }
            if (!part.contains("cte_map")) return true;
            static_cast<void>(query(part, scope));
            return false;
        });
    }

    // Its own rows are among what it reads.
    Outputs recursive() {
        why_whole_ = "it is recursive";
        return {};
    }

    Outputs set_operation(const Tree& query, const Scope& scope) {
        std::vector<Outputs> sides;
        for (const auto* side : operands(query)) sides.push_back(this->query(*side, scope));
        if (sides.empty()) return {};
        const bool by_name = text_of(query, "setop_type") == "UNION_BY_NAME";
        const bool in_place =
            std::all_of(sides.begin(), sides.end(), [](const Outputs& side) { return side.in_place; });
        auto outputs = sides.front();
        if (!by_name && !in_place) forget(outputs, "it unites columns of a changed *");
        for (std::size_t i = 1; i < sides.size(); ++i) {
            const auto& side = sides[i].columns;
            for (std::size_t number = 0; number < outputs.columns.size(); ++number) {
                auto& output = outputs.columns[number];
                auto same = side.end();
                if (!by_name && number < side.size()) same = side.begin() + static_cast<std::ptrdiff_t>(number);
                if (by_name)
                    same = std::find_if(side.begin(), side.end(), [&](const Output& other) {
                        return !other.name.empty() && other.name == output.name;
                    });
                output.key = same == side.end() ? MaybeKey() : both(output.key, same->key);
            }
        }
        outputs.in_place = in_place && !by_name;
        return outputs;
    }

    static void rename(Outputs& outputs, const Tree& names) {
        if (!outputs.in_place && !names.empty()) outputs.columns.clear();
        for (std::size_t i = 0; i < names.size() && i < outputs.columns.size(); ++i)
            outputs.columns[i].name = lowered(names[i].get<std::string>());
    }

    Outputs base_table(const Tree& from, const Scope& scope) {
        const auto schema = text_of(from, "schema_name");
        const auto name = text_of(from, "table_name");
        if (schema.empty()) {
            if (const auto* entry = scope.find(name)) {
                auto outputs = query(entry->at("value").at("query").at("node"), scope);
                rename(outputs, entry->at("value").at("aliases"));
                return outputs;
            }
        }
        const auto full = lowered(schema.empty() ? name : schema + "." + name);
        const auto place = places_.size();
        places_.push_back({full, is_source_(full)});
        Outputs outputs;
        const auto quoted =
            schema.empty() ? sql::quote_name(name) : sql::quote_name(schema) + "." + sql::quote_name(name);
        for (const auto& column : columns_of_(full, quoted))
            outputs.columns.push_back({lowered(column.name), Key{{{place, column.name}}, column.type}});
        return outputs;
    }

    Offer relation(const Tree& from, const Scope& scope) {
        if (is_type(from, "JOIN")) return join(from, scope);
        Offered offered{.relation = lowered(text_of(from, "alias")), .columns = {}};
        if (is_type(from, "BASE_TABLE")) {
            offered.columns = base_table(from, scope);
            if (offered.relation.empty()) offered.relation = lowered(text_of(from, "table_name"));
        } else if (is_type(from, "SUBQUERY")) {
            offered.columns = query(from.at("subquery").at("node"), scope);
        } else {
            read_inside(from, scope);
            return {.relations = {}, .merged = {}, .all = is_type(from, "EMPTY")};
        }
        if (from.contains("sample") && from.at("sample").is_object()) forget(offered.columns, "it samples");
        if (from.contains("column_name_alias")) rename(offered.columns, from.at("column_name_alias"));
        return {.relations = {std::move(offered)}, .merged = {}, .all = true};
    }

    static MaybeKey* find(Offer& offer, const Tree& expression) {
        if (!is_class(expression, "COLUMN_REF")) return nullptr;
        const auto& names = expression.at("column_names");
        const auto name = lowered(names.back().get<std::string>());
        const auto in = [&](Offered& relation) -> MaybeKey* {
            for (auto& column : relation.columns.columns)
                if (column.name == name) return &column.key;
            return nullptr;
        };
        if (names.size() == 2) {
            for (auto& relation : offer.relations)
                if (relation.relation == lowered(names.front().get<std::string>())) return in(relation);
            return nullptr;
        }
        if (names.size() != 1) return nullptr;
        if (const auto merged = offer.merged.find(name); merged != offer.merged.end()) return &merged->second;
        MaybeKey* found = nullptr;
        for (auto& relation : offer.relations) {
            auto* key = in(relation);
            if (key != nullptr && found != nullptr) return nullptr;
            if (key != nullptr) found = key;
        }
        return found;
    }

    // The pairs of expressions that a condition holds equal, whatever else it asks.
    static void equalities(const Tree& condition, std::vector<std::pair<const Tree*, const Tree*>>& pairs) {
        if (!condition.is_object()) return;
        if (is_type(condition, "CONJUNCTION_AND"))
            for (const auto& child : condition.at("children")) equalities(child, pairs);
        if (is_type(condition, "COMPARE_EQUAL") || is_type(condition, "COMPARE_NOT_DISTINCT_FROM"))
            pairs.emplace_back(&condition.at("left"), &condition.at("right"));
    }

    Offer join(const Tree& from, const Scope& scope) {
        auto left = relation(from.at("left"), scope);
        auto right = relation(from.at("right"), scope);
        const auto type = text_of(from, "join_type");
        const auto kind = text_of(from, "ref_type");
        read_inside(from.at("condition"), scope);
        if (kind != "REGULAR" && kind != "CROSS") {
            left.forget();
            right.forget();
            note("it joins by order, or by whatever names agree");
        }
        std::vector<std::pair<Key, Key>> equal;
        const auto hold_equal = [&](const MaybeKey* a, const MaybeKey* b) {
            if (a != nullptr && b != nullptr && both(*a, *b)) equal.emplace_back(**a, **b);
        };
        std::map<std::string, MaybeKey> merged;
        for (const auto& name : from.at("using_columns")) {
            const auto reference = column(name.get<std::string>());
            const auto *a = find(left, reference), *b = find(right, reference);
            hold_equal(a, b);
            merged[lowered(name.get<std::string>())] = a != nullptr && b != nullptr ? both(*a, *b) : MaybeKey();
        }
        std::vector<std::pair<const Tree*, const Tree*>> pairs;
        equalities(from.at("condition"), pairs);
        for (const auto& [a, b] : pairs) {
            hold_equal(find(left, *a), find(right, *b));
            hold_equal(find(left, *b), find(right, *a));
        }
        // A side whose columns may be NULL where the other side has no row keeps no keys.
        const bool left_whole = type == "INNER" || type == "LEFT" || type == "SEMI" || type == "ANTI";
        const bool right_whole = type == "INNER" || type == "RIGHT";
        if (!left_whole) left.forget();
        if (!right_whole) right.forget();
        for (const auto& [a, b] : equal) {
            const auto key = both(a, b);
            left.replace(a, *key);
            right.replace(b, *key);
        }
        Offer offer{.relations = std::move(left.relations), .merged = std::move(merged), .all = left.all && right.all};
        for (auto& [name, key] : left.merged) offer.merged.emplace(name, std::move(key));
        if (type != "SEMI" && type != "ANTI") {
            for (auto& each : right.relations) offer.relations.push_back(std::move(each));
            for (auto& [name, key] : right.merged) offer.merged.emplace(name, std::move(key));
        }
        return offer;
    }

    static bool aggregates(const Tree& select) {
        if (!select.at("group_expressions").empty() || text_of(select, "aggregate_handling") == "FORCE_AGGREGATES")
            return true;
        auto copy = select;
        bool found = select.at("having").is_object();
        each_expression(copy, [&](const Tree& expression) { found = found || has_aggregate(expression); });
        return found;
    }

    // The keys of the columns among expressions.
    static std::vector<Key> keys_of(Offer& offer, const Tree& select, const Tree& expressions) {
        std::vector<Key> keys;
        const auto& list = select.at("select_list");
        const auto add = [&](const Tree& expression) {
            if (const auto* key = find(offer, expression); key != nullptr && *key) keys.push_back(**key);
        };
        for (const auto& expression : expressions) {
            const Tree* meant = &expression;
            if (is_class(expression, "CONSTANT") && expression.at("value").at("value").is_number_unsigned()) {
                const auto number = expression.at("value").at("value").get<std::size_t>();
                if (number >= 1 && number <= list.size()) meant = &list[number - 1];
            } else if (is_class(expression, "COLUMN_REF") && find(offer, expression) == nullptr &&
                       expression.at("column_names").size() == 1) {
                for (const auto& item : list)
                    if (lowered(text_of(item, "alias")) ==
                        lowered(expression.at("column_names").at(0).get<std::string>()))
                        meant = &item;
            }
            add(*meant);
        }
        return keys;
    }

    static void keep_only(Outputs& outputs, const std::vector<Key>& allowed) {
        for (auto& output : outputs.columns)
            if (output.key && std::find(allowed.begin(), allowed.end(), *output.key) == allowed.end())
                output.key.reset();
    }

    Outputs select(const Tree& select, const Scope& scope) {
        auto offer = relation(select.at("from_table"), scope);
        for (const auto& [part, tree] : select.items())
            if (part != "cte_map" && part != "from_table") read_inside(tree, scope);
        std::vector<std::pair<const Tree*, const Tree*>> pairs;
        equalities(select.at("where_clause"), pairs);
        for (const auto& [a, b] : pairs) {
            const auto *left = find(offer, *a), *right = find(offer, *b);
            if (left == nullptr || right == nullptr) continue;
            const auto key = both(*left, *right);
            if (!key) continue;
            const auto old_left = **left, old_right = **right;
            offer.replace(old_left, *key);
            offer.replace(old_right, *key);
        }
        auto outputs = listed(offer, select);
        const bool grouped = aggregates(select);
        if (grouped) {
            const auto& groups = select.at("group_expressions");
            if (select.at("group_sets").size() > 1) {
                forget(outputs, "it groups in several ways at once");
            } else if (text_of(select, "aggregate_handling") != "FORCE_AGGREGATES") {
                keep_only(outputs, keys_of(offer, select, groups));
            }
        }
        auto copy = select;
        each_expression(copy, [&](Tree& expression) {
            each_part_here(expression, [&](const Tree& part) {
                if (!is_class(part, "WINDOW")) return true;
                keep_only(outputs, keys_of(offer, select, part.at("partitions")));
                return true;
            });
        });
        if (const auto* distinct = modifier(select, "DISTINCT_MODIFIER");
            distinct != nullptr && !distinct->at("distinct_on_targets").empty())
            keep_only(outputs, keys_of(offer, select, distinct->at("distinct_on_targets")));
        if (select.contains("sample") && select.at("sample").is_object()) forget(outputs, "it samples");
        return outputs;
    }

    Outputs listed(Offer& offer, const Tree& select) {
        Outputs outputs;
        for (const auto& item : select.at("select_list")) {
            if (is_class(item, "STAR")) {
                const auto wanted = lowered(text_of(item, "relation_name"));
                const bool plain = !item.value("columns", false) && item.at("exclude_list").empty() &&
                                   item.at("replace_list").empty() && item.at("rename_list").empty() &&
                                   item.at("qualified_exclude_list").empty();
                std::set<std::string> seen;
                outputs.in_place = outputs.in_place && plain && offer.all;
                for (const auto& relation : offer.relations) {
                    if (!wanted.empty() && relation.relation != wanted) continue;
                    outputs.in_place = outputs.in_place && relation.columns.in_place;
                    for (const auto& column : relation.columns.columns) {
                        const auto merged = offer.merged.find(column.name);
                        const bool is_merged = wanted.empty() && merged != offer.merged.end();
                        if (is_merged && !seen.insert(column.name).second) continue;
                        outputs.columns.push_back({column.name, !plain      ? MaybeKey()
                                                                : is_merged ? merged->second
                                                                            : column.key});
                    }
                }
                continue;
            }
            auto name = lowered(text_of(item, "alias"));
            if (name.empty() && is_class(item, "COLUMN_REF"))
                name = lowered(item.at("column_names").back().get<std::string>());
            const auto* key = find(offer, item);
            outputs.columns.push_back({std::move(name), key == nullptr ? MaybeKey() : *key});
        }
        return outputs;
    }

    const IsSource& is_source_;
    const ColumnsOf& columns_of_;
    std::vector<Place> places_;
    std::string why_, why_whole_;
};

// The order of the result over its columns by position; nothing where it uses what the result does not show.
std::optional<std::string> order_of(const Tree& finish, const std::vector<Output>& result) {
    const auto* order = modifier(finish, "ORDER_MODIFIER");
    if (order == nullptr) return "";
    const auto items = finish.find("select_list");
    const auto place_of = [&](const Tree& expression) -> std::optional<std::size_t> {
        if (is_class(expression, "CONSTANT") && expression.at("value").at("value").is_number_unsigned())
            return expression.at("value").at("value").get<std::size_t>();
        if (is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
            const auto name = lowered(expression.at("column_names").at(0).get<std::string>());
            for (std::size_t i = 0; i < result.size(); ++i)
                if (result[i].name == name) return i + 1;
        }
        if (items == finish.end() || items->size() != result.size()) return std::nullopt;
        for (std::size_t i = 0; i < items->size(); ++i)
            if (same_expression((*items)[i], expression)) return i + 1;
        return std::nullopt;
    };
    std::vector<std::string> parts;
    for (const auto& each : order->at("orders")) {
        const auto place = place_of(each.at("expression"));
        if (!place) return std::nullopt;
        auto part = std::to_string(*place);
        if (is_type(each, "ASCENDING")) part += " ASC";
        if (is_type(each, "DESCENDING")) part += " DESC";
        if (const auto nulls = text_of(each, "null_order"); nulls != "ORDER_DEFAULT") part += " " + nulls;
        parts.push_back(std::move(part));
    }
    return fmt::format("ORDER BY {}", fmt::join(parts, ", "));
}

TouchedKeys whole(std::string why) {
    TouchedKeys keys;
    keys.why_not = std::move(why);
    return keys;
}

}  // namespace

TouchedKeys touched_keys(Trees& trees, const Tree& finish, const IsSource& is_source, const ColumnsOf& columns_of) {
    Analysis analysis(is_source, columns_of);
    const auto outputs = analysis.query(finish, {});
    if (!analysis.why_whole().empty()) return whole(analysis.why_whole());
    if (!outputs.in_place) return whole("the columns of its result do not show where they come from");
    const auto& result = outputs.columns;
    const auto named_alike = [&](const std::string& name) {
        return std::count_if(result.begin(), result.end(), [&](const Output& other) { return other.name == name; });
    };
    TouchedKeys keys;
    for (const auto& [name, key] : result) {
        if (!key || named_alike(name) > 1) continue;
        std::map<std::string, std::string> columns;  // by source
        bool usable = true;
        for (std::size_t place = 0; place < analysis.places().size() && usable; ++place) {
            const auto& [relation, source] = analysis.places()[place];
            if (!source) continue;
            const auto from = key->from.find(place);
            usable = from != key->from.end() && columns.emplace(relation, from->second).first->second == from->second;
        }
        const bool known = std::any_of(keys.sources.begin(), keys.sources.end(), [&](const auto& source) {
            const auto& list = source.second;
            return std::find(list.begin(), list.end(), columns[source.first]) != list.end();
        });
        if (!usable || columns.empty() || known) continue;
        keys.columns.push_back(name);
        for (auto& [relation, column] : columns) keys.sources[relation].push_back(column);
    }
    if (keys.columns.empty())
        return whole(analysis.why().empty() ? "no column of its result goes back to one column in all that it reads"
                                            : analysis.why());
    auto order = order_of(finish, result);
    if (!order) return whole("its order uses what the result does not show");
    keys.order = std::move(*order);
    auto unordered = finish;
    if (modifier(unordered, "DISTINCT_MODIFIER") == nullptr) {
        auto& modifiers = unordered["modifiers"];
        for (std::size_t i = modifiers.size(); i-- > 0;)
            if (is_type(modifiers[i], "ORDER_MODIFIER"))
                modifiers.erase(modifiers.begin() + static_cast<std::ptrdiff_t>(i));
    }
    auto text = trees.sql(unordered);
    if (!text) return whole(text.error().message);
    keys.unordered = std::move(*text);
    return keys;
}

std::string select_keys(const std::vector<std::string>& columns, const std::string& new_rows) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < columns.size(); ++i)
        keys.push_back(fmt::format("{} AS t{}", sql::quote_name(columns[i]), i + 1));
    return fmt::format("SELECT DISTINCT {} FROM {}", fmt::join(keys, ", "), new_rows);
}

std::string select_touched(const std::vector<std::string>& columns, const std::string& relation) {
    std::vector<std::string> same;
    for (std::size_t i = 0; i < columns.size(); ++i)
        same.push_back(
            fmt::format("weir_all.{} IS NOT DISTINCT FROM weir_keys.t{}", sql::quote_name(columns[i]), i + 1));
    return fmt::format("SELECT * FROM {} AS weir_all SEMI JOIN {} AS weir_keys ON ({})", relation, touched_relation,
                       fmt::join(same, " AND "));
}

std::string select_fresh(const TouchedKeys& keys) { return select_touched(keys.columns, "(" + keys.unordered + ")"); }

std::string select_refreshed(const TouchedKeys& keys, std::string_view touched, const std::string& old_result,
                             const std::string& fresh) {
    // An ANTI JOIN may be turned around, and then gives rows in any order. NULLs inside of structs are equal.
    std::vector<std::string> key, touched_key;
    for (std::size_t i = 0; i < keys.columns.size(); ++i) {
        key.push_back(fmt::format("t{} := weir_all.{}", i + 1, sql::quote_name(keys.columns[i])));
        touched_key.push_back(fmt::format("t{0} := t{0}", i + 1));
    }
    return fmt::format(
        "SELECT * FROM (SELECT * FROM {} AS weir_all WHERE struct_pack({}) NOT IN (SELECT struct_pack({}) FROM {}) "
        "UNION ALL SELECT * FROM {}) {}",
        old_result, fmt::join(key, ", "), fmt::join(touched_key, ", "), touched, fresh, keys.order);
}

}  // namespace weir::view
