#include "cli/statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "declare/sql_text.h"

namespace weir::cli {
namespace {

using declare::SqlToken;

std::string upper_word(std::string_view text, const SqlToken& token) {
    std::string word(text.substr(token.begin, token.end - token.begin));
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::toupper(c); });
    return word;
}

Error refused(const std::string& word) {
    return {.code = ErrorCode::refused,
            .message = fmt::format("`weir sql` only reads, and {} does not", word),
            .hint = "write a view (views/NAME.sql) for a result that stays, or --out FILE for rows in a file"};
}

// What EXPLAIN is asked about: DuckDB tells only that it is an EXPLAIN.
std::string explained(std::string_view sql, const std::vector<SqlToken>& tokens) {
    std::size_t at = 1;
    if (at < tokens.size() && upper_word(sql, tokens[at]) == "ANALYZE") ++at;
    if (at + 1 < tokens.size() && sql[tokens[at].begin] == '(') {
        const auto word = upper_word(sql, tokens[at + 1]);
        if (word == "FORMAT" || word == "ANALYZE") {
            while (at < tokens.size() && sql[tokens[at].begin] != ')') ++at;
            ++at;
        }
    }
    return at < tokens.size() ? std::string(sql.substr(tokens[at].begin)) : std::string();
}

// DuckDB's place within the statement becomes a place within the text.
Error placed(Error error, const std::string& text, std::size_t offset) {
    if (error.where.line == 0) return error;
    const auto before = std::string_view(text).substr(0, offset);
    const auto last_line = before.rfind('\n');
    if (error.where.line == 1 && error.where.column != 0)
        error.where.column += static_cast<int>(last_line == std::string_view::npos ? offset : offset - last_line - 1);
    error.where.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    error.where.file = "sql";
    return error;
}

}  // namespace

Result<ReadingStatement> prepare_reading(view::Session& session, const std::string& text) {
    const auto ranges = declare::sql_statements(text);
    if (ranges.empty())
        return Error{.code = ErrorCode::usage,
                     .message = "there is no SQL statement",
                     .hint = "weir sql \"select * from weir.tables\""};
    if (ranges.size() > 1)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("there are {} SQL statements", ranges.size()),
                     .hint = "give one at a time"};
    ReadingStatement statement{.sql = text.substr(ranges[0].begin, ranges[0].end - ranges[0].begin),
                               .offset = ranges[0].begin};
    const auto tokens = declare::sql_tokens(statement.sql);
    const auto first = upper_word(statement.sql, tokens.front());
    constexpr std::array<std::string_view, 12> reading{"SELECT",   "WITH", "FROM",      "VALUES", "TABLE", "(",
                                                       "DESCRIBE", "DESC", "SUMMARIZE", "SHOW",   "PIVOT", "UNPIVOT"};
    statement.is_explain = first == "EXPLAIN";
    const bool reads = std::find(reading.begin(), reading.end(), first) != reading.end();
    // Anything else that begins with a word that SQL knows changes something; what SQL does not know is a syntax error.
    if (statement.is_explain) {
        auto inner = prepare_reading(session, explained(statement.sql, tokens));
        if (!inner) return std::move(inner).error();
    }
    auto kind = session.prepare(statement.sql);
    if (!kind && (reads || statement.is_explain || kind.error().message.starts_with("Parser Error")))
        return placed(std::move(kind).error(), text, statement.offset);
    if (!kind || !(reads || statement.is_explain) ||
        (*kind != DUCKDB_STATEMENT_TYPE_SELECT && *kind != DUCKDB_STATEMENT_TYPE_EXPLAIN))
        return refused(first == "WITH" ? "this statement" : first);
    return statement;
}

}  // namespace weir::cli
