#include "view/split/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace weir::view {
namespace {

std::string names_of(const std::vector<std::string>& columns) {
    std::vector<std::string> quoted;
    for (const auto& column : columns) quoted.push_back(sql::quote_name(column));
    return fmt::format("{}", fmt::join(quoted, ", "));
}

class Weigher {
public:
    Weigher(Trees& trees, const SplitInput& input) : trees_(trees), input_(input) {}

    Status partial(Tree& query) {
        Scope scope;
        WEIR_TRY(with(query, scope));
        WEIR_ASSIGN(const auto carrier, relation(query["from_table"], scope));
        static_cast<void>(carrier);
        return ok();
    }

private:
    // The names of WITH that carry the weight, innermost last; the scope knows what they were.
    Status with(Tree& query, Scope& scope) {
        if (!query.contains("cte_map") || !query["cte_map"].contains("map")) return ok();
        for (auto& entry : query["cte_map"]["map"]) {
            const auto written = entry;
            auto& body = entry["value"]["query"]["node"];
            const auto linear = linear_query(body, scope, input_.role);
            const bool carries = linear.linear() && has_weights(linear, input_);
            if (carries) WEIR_TRY(inner(body, scope));
            carrying_.emplace_back(lowered(text_of(entry, "key")), carries);
            scope.add(text_of(entry, "key"), written);
        }
        return ok();
    }

    // A query whose answer gets the weight as its last column.
    Status inner(Tree& query, const Scope& outer) {
        auto scope = outer;
        const auto before = carrying_.size();
        WEIR_TRY(with(query, scope));
        if (is_type(query, "SET_OPERATION_NODE")) {
            for (auto* operand : operands(query)) WEIR_TRY(inner(*operand, scope));
        } else {
            WEIR_ASSIGN(const auto carrier, relation(query["from_table"], scope));
            for (auto& item : query["select_list"]) WEIR_TRY(leave_out(item, carrier));
            // A side of a union whose rows stay.
            auto weight = carrier.empty() ? position(1) : column(std::string(weight_name));
            query["select_list"].push_back(with_alias(std::move(weight), std::string(weight_name)));
        }
        carrying_.resize(before);
        return ok();
    }

    // * stands for the columns that the user knows.
    static Status leave_out(Tree& item, const std::string& carrier) {
        Status status = ok();
        if (carrier.empty()) return status;
        each_part(item, [&](Tree& part) {
            if (part.contains("cte_map")) return false;
            if (!is_class(part, "STAR")) return true;
            const auto of = lowered(text_of(part, "relation_name"));
            if (part.contains("expr") && part["expr"].is_object())
                status = Error{.code = ErrorCode::refused, .message = "it chooses columns by COLUMNS(…) from changes"};
            if (of.empty() || of == carrier) part["exclude_list"].push_back(std::string(weight_name));
            return false;
        });
        return status;
    }

    // The name of the relation that carries the weight; empty: none does.
    Result<std::string> relation(Tree& from, const Scope& scope) {
        const auto type = text_of(from, "type");
        if (type == "JOIN") {
            WEIR_ASSIGN(auto left, relation(from["left"], scope));
            WEIR_ASSIGN(auto right, relation(from["right"], scope));
            return left.empty() ? right : left;
        }
        if (type == "SUBQUERY") {
            auto& query = from["subquery"]["node"];
            const auto linear = linear_query(query, scope, input_.role);
            if (!linear.linear() || !has_weights(linear, input_)) return std::string();
            WEIR_TRY(inner(query, scope));
            return name_of(from);
        }
        if (type != "BASE_TABLE") return std::string();
        const auto table = text_of(from, "table_name");
        if (text_of(from, "schema_name").empty() && scope.find(table) != nullptr) {
            const auto known = std::find_if(carrying_.rbegin(), carrying_.rend(),
                                            [&](const auto& entry) { return entry.first == lowered(table); });
            return known != carrying_.rend() && known->second ? name_of(from) : std::string();
        }
        const auto* weights = input_.weights ? input_.weights(lowered(table)) : nullptr;
        if (weights == nullptr) return std::string();
        const auto name = name_of(from);
        WEIR_ASSIGN(auto changes, trees_.query(select_changes(*weights, table)));
        auto weighed =
            subquery_relation(std::move(changes), text_of(from, "alias").empty() ? table : text_of(from, "alias"));
        weighed["column_name_alias"] = from["column_name_alias"];
        from = std::move(weighed);
        return name;
    }

    static std::string name_of(const Tree& from) {
        const auto names = relation_names(from);
        return names.empty() ? std::string(" ") : *names.begin();
    }

    static std::string select_changes(const Weights& weights, const std::string& table) {
        const auto weight = sql::quote_name(weights.column);
        return fmt::format(
            "SELECT {}, CASE WHEN {} > 0 THEN 1 ELSE -1 END AS {} FROM (SELECT *, unnest(range(abs({}::BIGINT))) AS "
            "weir_copy FROM {})",
            names_of(weights.columns), weight, weight_name, weight, changes_relation(table));
    }

    Trees& trees_;
    const SplitInput& input_;
    std::vector<std::pair<std::string, bool>> carrying_;
};

}  // namespace

std::string changes_relation(std::string_view table) { return sql::quote_name("weir_changes_" + lowered(table)); }

std::string select_left(const Weights& weights, const std::string& changes) {
    const auto names = names_of(weights.columns);
    return fmt::format(
        "SELECT {0} FROM (SELECT {0}, unnest(range(weir_left)) AS weir_copy FROM (SELECT {0}, "
        "sum({1})::BIGINT AS weir_left FROM {2} GROUP BY ALL))",
        names, sql::quote_name(weights.column), changes);
}

bool has_weights(const Linear& linear, const SplitInput& input) {
    return input.weights && std::any_of(linear.events.begin(), linear.events.end(),
                                        [&](const std::string& table) { return input.weights(table) != nullptr; });
}

Status weigh(Trees& trees, Tree& partial, const SplitInput& input) { return Weigher(trees, input).partial(partial); }

}  // namespace weir::view
