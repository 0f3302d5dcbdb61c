#include "declare/determinism.h"

#include <algorithm>
#include <array>

namespace weir::declare {
namespace {

constexpr std::string_view use_data =
    "take the time from the data: _arrival_date or a column of the event, or a parameter of type date";
constexpr std::string_view use_key = "derive the value from a column, for example with hash() or md5()";
constexpr std::string_view leave_out = "leave it out: a view depends on nothing but the rows it reads";

struct Known {
    std::string_view name, way_out;
};
// A test holds this list against DuckDB's own (duckdb_functions().stability).
constexpr std::array known{
    Known{"now", use_data},
    Known{"get_current_timestamp", use_data},
    Known{"get_current_time", use_data},
    Known{"current_timestamp", use_data},
    Known{"current_date", use_data},
    Known{"current_time", use_data},
    Known{"localtime", use_data},
    Known{"localtimestamp", use_data},
    Known{"current_localtime", use_data},
    Known{"current_localtimestamp", use_data},
    Known{"today", use_data},
    Known{"transaction_timestamp", use_data},
    Known{"random", use_key},
    Known{"setseed", use_key},
    Known{"uuid", use_key},
    Known{"uuidv4", use_key},
    Known{"uuidv7", use_key},
    Known{"gen_random_uuid", use_key},
    Known{"nextval", use_key},
    Known{"currval", use_key},
    Known{"current_connection_id", leave_out},
    Known{"current_database", leave_out},
    Known{"current_query", leave_out},
    Known{"current_query_id", leave_out},
    Known{"current_schema", leave_out},
    Known{"current_schemas", leave_out},
    Known{"current_transaction_id", leave_out},
    Known{"current_setting", leave_out},
    Known{"current_user", leave_out},
    Known{"session_user", leave_out},
    Known{"user", leave_out},
    Known{"getvariable", leave_out},
    Known{"getenv", leave_out},
    Known{"error", leave_out},
    Known{"in_search_path", leave_out},
    Known{"sleep_ms", leave_out},
    Known{"stats", leave_out},
    Known{"txid_current", leave_out},
    Known{"write_log", leave_out},
    Known{"version", leave_out},
};

constexpr std::array<std::string_view, 7> pure_table_functions{"range",     "generate_series", "unnest",    "repeat",
                                                               "json_each", "json_tree",       "repeat_row"};

enum class Asked { nothing, moment, wall_clock, day };

Asked time_asked(std::string_view function) {
    struct Time {
        std::string_view name;
        Asked asked;
    };
    constexpr std::array times{Time{"now", Asked::moment},
                               Time{"get_current_timestamp", Asked::moment},
                               Time{"current_timestamp", Asked::moment},
                               Time{"transaction_timestamp", Asked::moment},
                               Time{"localtimestamp", Asked::wall_clock},
                               Time{"current_localtimestamp", Asked::wall_clock},
                               Time{"current_date", Asked::day},
                               Time{"today", Asked::day}};
    const auto found =
        std::find_if(times.begin(), times.end(), [&](const Time& time) { return time.name == function; });
    return found == times.end() ? Asked::nothing : found->asked;
}

}  // namespace

std::string_view way_out_of_nondeterminism(std::string_view function) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Known& entry) { return entry.name == function; });
    return found == known.end() ? std::string_view() : found->way_out;
}

bool is_written_as_column(std::string_view function) {
    return function.starts_with("current_") || function.starts_with("local") || function == "user" ||
           function == "session_user";
}

std::string_view time_in_view(std::string_view function) {
    switch (time_asked(function)) {
        case Asked::moment: return "(interval_end()::TIMESTAMP AT TIME ZONE 'UTC')";
        case Asked::wall_clock: return "interval_end()::TIMESTAMP";
        case Asked::day: return "interval_end()";
        default: return {};
    }
}

std::string_view time_in_alert(std::string_view function) {
    switch (time_asked(function)) {
        case Asked::moment: return "alert_moment()";
        case Asked::wall_clock: return "timezone('UTC', alert_moment())";
        case Asked::day: return "CAST(timezone('UTC', alert_moment()) AS DATE)";
        default: return {};
    }
}

bool is_pure_table_function(std::string_view function) {
    return std::find(pure_table_functions.begin(), pure_table_functions.end(), function) != pure_table_functions.end();
}

}  // namespace weir::declare
