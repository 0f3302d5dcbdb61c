#include "declare/macro_text.h"

#include <algorithm>

#include "model/schema.h"

namespace weir::declare {
namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text), tokens_(sql_tokens(text)) {}

    std::vector<MacroForm> read() const {
        std::vector<MacroForm> forms;
        auto open = next_at_top(0, "(");
        while (open < tokens_.size()) {
            MacroForm form;
            const auto close = closing(open);
            if (!is(close + 1, "as")) return forms;
            form.parameters = parameters(open, close);
            form.table = is(close + 2, "table");
            const auto before = form.table ? close + 2 : close + 1;
            const auto end = end_of_body(before + 1, form.table);
            form.body = {tokens_[before].end, end < tokens_.size() ? tokens_[end].begin : text_.size()};
            forms.push_back(std::move(form));
            open = end + 1;
        }
        return forms;
    }

    std::string macro_name() const {
        const auto open = next_at_top(0, "(");
        return open == 0 || open == tokens_.size() ? std::string() : name(tokens_[open - 1]);
    }

private:
    bool is(std::size_t token, std::string_view what) const {
        return token < tokens_.size() &&
               equal_ignoring_case(text_.substr(tokens_[token].begin, tokens_[token].end - tokens_[token].begin), what);
    }
    bool opens(std::size_t token) const { return is(token, "(") || is(token, "[") || is(token, "{"); }
    bool closes(std::size_t token) const { return is(token, ")") || is(token, "]") || is(token, "}"); }

    // The next token of this text from `from` on that is in no brackets.
    std::size_t next_at_top(std::size_t from, std::string_view what) const {
        int depth = 0;
        for (auto token = from; token < tokens_.size(); ++token) {
            if (depth == 0 && is(token, what)) return token;
            depth += opens(token) ? 1 : closes(token) ? -1 : 0;
        }
        return tokens_.size();
    }

    std::size_t closing(std::size_t open) const {
        const auto end = next_at_top(open + 1, ")");
        return std::min(end, tokens_.size() - 1);
    }

    // Where the comma before another form stands. A query may have such a comma of its own, but not `(…) AS TABLE`.
    std::size_t end_of_body(std::size_t from, bool table) const {
        for (auto comma = next_at_top(from, ","); comma < tokens_.size(); comma = next_at_top(comma + 1, ",")) {
            if (!is(comma + 1, "(")) continue;
            const auto close = closing(comma + 1);
            if (is(close + 1, "as") && is(close + 2, "table") == table) return comma;
        }
        return tokens_.size();
    }

    std::vector<MacroParameter> parameters(std::size_t open, std::size_t close) const {
        std::vector<MacroParameter> found;
        for (auto token = open + 1; token < close;) {
            const auto end = std::min(next_at_top(token, ","), close);
            MacroParameter parameter{.name = name(tokens_[token])};
            for (auto sign = token; sign + 1 < end; ++sign) {
                const auto both = text_.substr(tokens_[sign].begin, 2);
                if (both != ":=" && both != "=>") continue;
                const auto begin = tokens_[sign].begin + both.size();
                parameter.value = {begin, tokens_[end].begin};
                break;
            }
            found.push_back(std::move(parameter));
            token = end + 1;
        }
        return found;
    }

    std::string name(const SqlToken& token) const {
        const auto written = text_.substr(token.begin, token.end - token.begin);
        if (token.kind != SqlToken::Kind::quoted_name) return std::string(written);
        std::string plain;
        for (std::size_t i = 1; i + 1 < written.size(); ++i) {
            plain += written[i];
            if (written[i] == '"') ++i;
        }
        return plain;
    }

    const std::string_view text_;
    const std::vector<SqlToken> tokens_;
};

}  // namespace

std::string macro_name(std::string_view statement) { return Reader(statement).macro_name(); }

std::vector<MacroForm> macro_forms(std::string_view statement) { return Reader(statement).read(); }

}  // namespace weir::declare
