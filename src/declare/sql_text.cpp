#include "declare/sql_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/nearest.h"
#include "declare/params.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

bool starts_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalpha(byte) || c == '_';
}
bool in_word(char c) { return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)); }

std::size_t after_quote(std::string_view sql, std::size_t open, bool backslash) {
    const char quote = sql[open];
    for (auto i = open + 1; i < sql.size(); ++i) {
        if (backslash && sql[i] == '\\') {
            ++i;
        } else if (sql[i] == quote) {
            if (i + 1 < sql.size() && sql[i + 1] == quote) {
                ++i;
            } else {
                return i + 1;
            }
        }
    }
    return sql.size();
}

std::size_t after_block_comment(std::string_view sql, std::size_t open) {
    int depth = 0;
    for (auto i = open; i + 1 < sql.size(); ++i) {
        if (sql[i] == '/' && sql[i + 1] == '*') {
            ++depth, ++i;
        } else if (sql[i] == '*' && sql[i + 1] == '/') {
            --depth, ++i;
            if (depth == 0) return i + 1;
        }
    }
    return sql.size();
}

// "$tag$ … $tag$"; the same offset if no dollar quote starts here.
std::size_t after_dollar_quote(std::string_view sql, std::size_t open) {
    auto end = open + 1;
    while (end < sql.size() && in_word(sql[end])) ++end;
    if (end >= sql.size() || sql[end] != '$') return open;
    if (end > open + 1 && std::isdigit(static_cast<unsigned char>(sql[open + 1]))) return open;
    const auto tag = sql.substr(open, end + 1 - open);
    const auto close = sql.find(tag, end + 1);
    return close == std::string_view::npos ? sql.size() : close + tag.size();
}

}  // namespace

std::vector<SqlToken> sql_tokens(std::string_view sql) {
    using enum SqlToken::Kind;
    std::vector<SqlToken> tokens;
    std::size_t i = 0;
    const auto add = [&](SqlToken::Kind kind, std::size_t end) {
        tokens.push_back({kind, i, end});
        i = end;
    };
    while (i < sql.size()) {
        const char c = sql[i];
        const char next = i + 1 < sql.size() ? sql[i + 1] : '\0';
        if (std::isspace(static_cast<unsigned char>(c))) {
            ++i;
        } else if (c == '-' && next == '-') {
            const auto end = sql.find('\n', i);
            i = end == std::string_view::npos ? sql.size() : end;
        } else if (c == '/' && next == '*') {
            i = after_block_comment(sql, i);
        } else if (c == '\'') {
            add(text, after_quote(sql, i, false));
        } else if ((c == 'e' || c == 'E') && next == '\'') {
            add(text, after_quote(sql, i + 1, true));
        } else if ((c == 'x' || c == 'X' || c == 'b' || c == 'B') && next == '\'') {
            add(text, after_quote(sql, i + 1, false));
        } else if (c == '"') {
            add(quoted_name, after_quote(sql, i, false));
        } else if (c == '$') {
            if (const auto end = after_dollar_quote(sql, i); end != i) {
                add(text, end);
            } else {
                auto stop = i + 1;
                while (stop < sql.size() && in_word(sql[stop])) ++stop;
                add(stop == i + 1 ? symbol : parameter, stop);
            }
        } else if (c == '?') {
            add(parameter, i + 1);
        } else if (std::isdigit(static_cast<unsigned char>(c))) {
            auto stop = i + 1;
            while (stop < sql.size() && (in_word(sql[stop]) || sql[stop] == '.')) ++stop;
            add(number, stop);
        } else if (starts_word(c)) {
            auto stop = i + 1;
            while (stop < sql.size() && in_word(sql[stop])) ++stop;
            add(word, stop);
        } else {
            add(symbol, i + 1);
        }
    }
    return tokens;
}

std::vector<SqlRange> sql_statements(std::string_view sql) {
    std::vector<SqlRange> statements;
    bool open = false;
    for (const auto& token : sql_tokens(sql)) {
        if (token.kind == SqlToken::Kind::symbol && sql[token.begin] == ';') {
            open = false;
        } else if (!open) {
            statements.push_back({token.begin, token.end});
            open = true;
        } else {
            statements.back().end = token.end;
        }
    }
    return statements;
}

std::size_t FilledSql::original(std::size_t offset) const {
    std::size_t shift_filled = 0, shift_original = 0;
    for (const auto& piece : pieces) {
        if (offset < piece.begin) break;
        if (offset < piece.end) return piece.original_begin;
        shift_filled = piece.end;
        shift_original = piece.original_end;
    }
    return offset - shift_filled + shift_original;
}

Where SqlOrigin::at(std::size_t offset) const {
    const auto place = place_of(text, offset);
    return {file, first_line + place.line - 1, place.column};
}

FilledSql fill_sql(const SqlOrigin& origin, const Project& project, Problems& problems) {
    FilledSql filled;
    std::size_t copied = 0;
    const auto tokens = sql_tokens(origin.text);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto& token = tokens[i];
        const auto written = origin.text.substr(token.begin, token.end - token.begin);
        if (written == "$" && i + 1 < tokens.size() && origin.text[tokens[i + 1].begin] == '{') {
            problems.error(origin.at(token.begin), "${…} is not SQL", "a parameter is written $name here");
            continue;
        }
        if (token.kind != SqlToken::Kind::parameter) continue;
        const std::string name(written.substr(1));
        const auto param =
            std::find_if(project.params.begin(), project.params.end(), [&](const Param& p) { return p.name == name; });
        if (param == project.params.end()) {
            std::vector<std::string> names;
            for (const auto& p : project.params) names.push_back(p.name);
            const bool named = !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front()));
            auto hint = named ? suggest(name, names) : std::string("parameters have names: $name");
            problems.error(origin.at(token.begin), fmt::format("there is no parameter '{}'", written),
                           hint.empty() ? "declare it under params in weir.yaml, and write $name" : std::move(hint));
            continue;
        }
        const auto value = project.param_values.find(name);
        filled.sql += origin.text.substr(copied, token.begin - copied);
        const auto begin = filled.sql.size();
        filled.sql += sql_literal(*param, value == project.param_values.end() ? "" : value->second);
        filled.pieces.push_back({begin, filled.sql.size(), token.begin, token.end});
        filled.used.push_back(name);
        copied = token.end;
    }
    filled.sql += origin.text.substr(copied);
    return filled;
}

}  // namespace weir::declare
