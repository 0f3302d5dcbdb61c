#include "declare/view_file.h"

#include <array>

#include "declare/options.h"
#include "declare/sql_text.h"
#include "declare/text.h"

namespace weir::declare {

ViewText split_view(std::string_view text, const std::string& file, Problems& problems) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    ViewText result;
    std::size_t body = 0;
    const auto open = text.find_first_not_of(" \t\r\n");
    if (open != std::string_view::npos && text.substr(open).starts_with("/*")) {
        const auto word = text.find_first_not_of(" \t\r\n", open + 2);
        constexpr std::string_view mark = "weir";
        const bool ours = word != std::string_view::npos && text.substr(word).starts_with(mark) &&
                          (word + mark.size() == text.size() ||
                           std::string_view(" \t\r\n*").find(text[word + mark.size()]) != std::string_view::npos);
        if (ours) {
            const auto begin = word + mark.size();
            const auto close = text.find("*/", begin);
            if (close == std::string_view::npos) {
                const auto place = place_of(text, open);
                problems.error({file, place.line, place.column}, "the header that starts here is never closed",
                               "end it with */");
                return result;
            }
            result.header = text.substr(begin, close - begin);
            const auto place = place_of(text, begin);
            result.header_line = place.line;
            result.header_column = place.column;
            body = close + 2;
        }
    }
    // Whole blank lines are dropped; a first line that begins behind the header keeps its columns.
    const auto first = text.find_first_not_of(" \t\r\n", body);
    if (first == std::string_view::npos) return result;
    const auto line_start = text.rfind('\n', first) == std::string_view::npos ? 0 : text.rfind('\n', first) + 1;
    const auto keep_from = line_start >= body ? line_start : body;
    result.sql_line = place_of(text, first).line;
    result.sql = std::string(static_cast<std::size_t>(place_of(text, keep_from).column - 1), ' ');
    result.sql += text.substr(keep_from);
    const auto tokens = sql_tokens(result.sql);
    std::size_t end = 0;
    for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
        if (result.sql[token->begin] == ';') continue;
        end = token->end;
        break;
    }
    result.sql.resize(end);
    return result;
}

void read_view_header(const ViewText& text, const std::string& file, View& view, Problems& problems) {
    if (text.header.empty()) return;
    YamlNode root;
    if (!parse_yaml(text.header, {file, text.header_line, text.header_column}, root, problems)) return;
    OptionReader reader(root, key_section("views/*.sql"), file, problems);
    view.description = reader.take_or("description", std::string{});
    if (const auto contract = reader.take<Text>("contract")) {
        view.contract = contract->text;
        view.contract_where = contract->where;
    }
    static constexpr std::array<std::pair<std::string_view, View::Keep>, 3> keeps{
        {{"latest", View::Keep::latest}, {"every_interval", View::Keep::every_interval}, {"none", View::Keep::none}}};
    view.keep = reader.take_choice<View::Keep>("keep", keeps).value_or(View::Keep::latest);
    reader.finish();
}

GeneratorHeader read_generator_header(const ViewText& text, const std::string& file, Problems& problems) {
    GeneratorHeader header;
    YamlNode root;
    if (text.header.empty() || !parse_yaml(text.header, {file, text.header_line, text.header_column}, root, problems))
        return header;
    OptionReader reader(root, key_section("generators/*.sql"), file, problems);
    header.description = reader.take_or("description", std::string{});
    header.omit_nulls = reader.take_or("omit_nulls", false);
    reader.finish();
    return header;
}

}  // namespace weir::declare
