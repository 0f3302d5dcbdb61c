#include "declare/csv_guess.h"

#include <fmt/format.h>

#include <optional>

#include "base/file.h"
#include "sql/database.h"

namespace weir::declare {
namespace {

// Enough rows to see the types of most files; what comes later and does not fit goes to quarantine.
constexpr int sample_rows = 100'000;

std::string logical_type(std::string_view duckdb_type) {
    if (duckdb_type == "BIGINT" || duckdb_type == "INTEGER" || duckdb_type == "SMALLINT" || duckdb_type == "TINYINT")
        return "integer";
    if (duckdb_type == "DOUBLE" || duckdb_type == "FLOAT" || duckdb_type.starts_with("DECIMAL")) return "number";
    if (duckdb_type == "BOOLEAN") return "boolean";
    if (duckdb_type == "DATE") return "date";
    if (duckdb_type.starts_with("TIMESTAMP")) return "timestamp";
    return "string";
}

char character(std::string_view text, char fallback) {
    if (text == "(empty)" || text.empty() || text == std::string_view("\0", 1)) return fallback;
    return text.front();
}

}  // namespace

std::optional<std::string> jdk_pattern(std::string_view format) {
    if (format.empty() || format.starts_with("%Y-%m-%d") || format == "%c") return std::string();
    std::string pattern;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%') {
            const bool letter = std::isalpha(static_cast<unsigned char>(format[i])) != 0;
            pattern += letter ? fmt::format("'{}'", format[i]) : std::string(1, format[i]);
            continue;
        }
        if (++i == format.size()) return std::nullopt;
        switch (format[i]) {
            case 'd': pattern += "dd"; break;
            case 'm': pattern += "MM"; break;
            case 'Y': pattern += "yyyy"; break;
            case 'y': pattern += "yy"; break;
            case 'H': pattern += "HH"; break;
            case 'M': pattern += "mm"; break;
            case 'S': pattern += "ss"; break;
            default: return std::nullopt;
        }
    }
    return pattern;
}

Result<CsvGuess> guess_csv(const std::filesystem::path& path) {
    WEIR_ASSIGN(const auto handle, open_for_reading(path));
    WEIR_ASSIGN(auto database, sql::Database::open({}));
    WEIR_ASSIGN(auto connection, database.connect());
    const auto sniff = fmt::format("sniff_csv({}, sample_size = {})", sql::quote_text(path.string()), sample_rows);
    const auto unreadable = [&](const Error& error) {
        return Error{.code = ErrorCode::input_malformed,
                     .message = fmt::format("{} does not look like a CSV file: {}", path.string(),
                                            error.message.substr(0, error.message.find('\n'))),
                     .hint = "write the source and the contract by hand, starting from `weir new DIR`"};
    };
    const auto dialect = connection.query(
        "SELECT Delimiter::VARCHAR, Quote::VARCHAR, Escape::VARCHAR, HasHeader, SkipRows::BIGINT, "
        "coalesce(DateFormat::VARCHAR, ''), coalesce(TimestampFormat::VARCHAR, '') FROM " +
        sniff);
    if (!dialect) return unreadable(dialect.error());
    const auto columns =
        connection.query("SELECT c.name, c.type FROM (SELECT unnest(Columns) AS c FROM " + sniff + ")");
    if (!columns) return unreadable(columns.error());
    if (dialect->row_count() != 1 || columns->row_count() == 0)
        return unreadable(Error{.code = ErrorCode::input_malformed, .message = "no columns were found"});
    CsvGuess guess;
    guess.delimiter = character(dialect->text(0, 0), ',');
    guess.quote = character(dialect->text(0, 1), '"');
    guess.escape = character(dialect->text(0, 2), guess.quote);
    guess.header = dialect->integer(0, 3) != 0;
    guess.skip_lines = static_cast<int>(dialect->integer(0, 4));
    const auto date_format = jdk_pattern(dialect->text(0, 5));
    const auto time_format = jdk_pattern(dialect->text(0, 6));
    for (std::size_t row = 0; row < columns->row_count(); ++row) {
        CsvGuess::Column column{std::string(columns->text(row, 0)), logical_type(columns->text(row, 1)), ""};
        const bool day = column.logical_type == "date", time = column.logical_type == "timestamp";
        const auto& format = day ? date_format : time_format;
        if (day || time) {
            if (format) {
                column.format = *format;
            } else {
                column.logical_type = "string";
            }
        }
        guess.columns.push_back(std::move(column));
    }
    return guess;
}

}  // namespace weir::declare
