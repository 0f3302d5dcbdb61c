#include "declare/scaffold.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/nearest.h"
#include "declare/contract_values.h"
#include "declare/csv_guess.h"
#include "declare/project.h"
#include "declare/templates.h"
#include "declare/text.h"
#include "declare/yaml.h"

namespace weir::declare {
namespace {

struct File {
    std::string path, content;
};

constexpr std::string_view empty_template = "empty";

// Letters, digits and underscores of any text; never empty, never a digit first.
std::string plain_name(std::string_view text, std::string_view fallback) {
    std::string name;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && std::isalnum(byte)) {
            name += c;
        } else if (!name.empty() && name.back() != '_') {
            name += '_';
        }
    }
    while (!name.empty() && name.back() == '_') name.pop_back();
    if (name.empty()) name = fallback;
    if (std::isdigit(static_cast<unsigned char>(name.front()))) name.insert(0, "n");
    name.resize(std::min<std::size_t>(name.size(), 100));
    return name;
}

std::string yaml_quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (c == '\t') {
            result += "\\t";
        } else if (byte < 0x20) {
            result += fmt::format("\\x{:02x}", byte);
        } else {
            result += c;
        }
    }
    return result + '"';
}

// The template's weir.yaml with another name in the place of its own.
std::string with_name(const std::string& text, const std::string& name) {
    YamlNode root;
    Problems problems;
    if (!parse_yaml(text, {.file = "weir.yaml"}, root, problems)) return text;
    const auto* node = root.find("name");
    if (node == nullptr || !node->is_scalar() || !node->one_line) return text;
    std::size_t begin = 0;
    for (int line = 1; line < node->text_line; ++line) begin = text.find('\n', begin) + 1;
    begin += static_cast<std::size_t>(node->text_column - 1);
    return text.substr(0, begin) + name + text.substr(begin + node->text.size());
}

std::string empty_weir_yaml(const std::string& name) {
    return fmt::format(
        "# The project itself. `weir check` tells every problem of it, `weir run` brings it up to date.\n"
        "name: {}\n"
        "lake: lake\n"
        "zone: UTC\n"
        "\n"
        "# Parameters: --param NAME=VALUE overrides them. ${{param:NAME}} in sources, $NAME in SQL.\n"
        "params: {{}}\n",
        name);
}

constexpr std::string_view empty_readme =
    "    weir check      every problem at once, with its place and a way out\n"
    "    weir plan       what would run, and why\n"
    "    weir run        bring everything up to date\n"
    "    weir sql \"select …\"\n"
    "\n"
    "| place | what stands there |\n"
    "|---|---|\n"
    "| `weir.yaml` | name, lake, parameters |\n"
    "| `sources/NAME.yaml` | where rows come from |\n"
    "| `contracts/NAME.odcs.yaml` | what the rows look like: an Open Data Contract Standard document |\n"
    "| `views/NAME.sql` | one SELECT, with a header in a comment |\n"
    "| `macros.sql` | CREATE MACRO statements that views use |\n"
    "| `serve.yaml` | what is written out after each run |\n"
    "| `tests/NAME.test.yaml` | rows in, rows out; `weir test` tries them |\n";

std::string source_yaml(const CsvGuess& guess, const std::vector<std::string>& names, const std::string& files) {
    auto text = fmt::format("files: {}\nformat: csv\n", yaml_quoted(files));
    text += fmt::format("csv:\n  delimiter: {}\n", yaml_quoted(std::string(1, guess.delimiter)));
    text += guess.quote == '\0' ? std::string("  quote: none\n")
                                : fmt::format("  quote: {}\n", yaml_quoted(std::string(1, guess.quote)));
    if (guess.quote != '\0' && guess.escape != guess.quote)
        text += fmt::format("  escape: {}\n", yaml_quoted(std::string(1, guess.escape)));
    if (guess.skip_lines > 0) text += fmt::format("  skip_lines: {}\n", guess.skip_lines);
    if (!guess.header) {
        text += "  header: false\n  columns:\n";
        for (const auto& name : names) text += fmt::format("  - {}\n", name);
    } else {
        std::string rename;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i] != guess.columns[i].name)
                rename += fmt::format("    {}: {}\n", yaml_quoted(guess.columns[i].name), names[i]);
        }
        if (!rename.empty()) text += "  # The header's names → the contract's columns.\n  rename:\n" + rename;
    }
    text +=
        "# The day that a file's rows belong to. A template in `files` can say it too: "
        "data/{year}/{month}/{day}/*.csv\n"
        "arrival_date: file_time\n";
    return text;
}

std::string contract_yaml(const CsvGuess& guess, const std::vector<std::string>& names, const std::string& table) {
    auto text = fmt::format(
        "# What the rows look like. Types were guessed from the file: make them as strict as the data should be.\n"
        "# A row that breaks a promise goes to quarantine, with the reason; see `weir quarantine list`.\n"
        "apiVersion: v3.1.0\n"
        "kind: DataContract\n"
        "id: {0}\n"
        "version: \"0.1.0\"\n"
        "status: active\n"
        "schema:\n"
        "- name: {0}\n"
        "  logicalType: object\n"
        "  customProperties:\n"
        "  - {{property: unknownColumns, value: drop}}   # keep, drop or refuse\n"
        "  - {{property: deduplicate, value: none}}      # none, row, or a list of columns\n"
        "  - {{property: quarantineLimit, value: 5}}     # percent of the rows of one intake\n"
        "  properties:\n",
        table);
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += fmt::format("  - name: {}\n    logicalType: {}\n", names[i], guess.columns[i].logical_type);
        if (!guess.columns[i].format.empty())
            text += fmt::format("    logicalTypeOptions: {{format: {}}}\n", yaml_quoted(guess.columns[i].format));
    }
    return text;
}

std::string view_sql(const std::string& table) {
    return fmt::format(
        "/* weir\n"
        "description: Rows of {0} by the day on which they arrived.\n"
        "*/\n"
        "SELECT _arrival_date AS arrival_date, count(*) AS row_count\n"
        "FROM {0}\n"
        "GROUP BY _arrival_date\n"
        "ORDER BY _arrival_date\n",
        table);
}

// A first test, by a column that takes whole numbers or any text; nothing where there is none.
std::optional<std::string> test_yaml(const CsvGuess& guess, const std::vector<std::string>& names,
                                     const std::string& table) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& type = guess.columns[i].logical_type;
        if ((type != "string" && type != "integer") || !guess.columns[i].format.empty()) continue;
        const auto row = [&](int n) {
            return type == "integer" ? fmt::format("{{{}: {}}}", names[i], n)
                                     : fmt::format("{{{}: \"text {}\"}}", names[i], n);
        };
        return fmt::format(
            "# Rows in, rows out: `weir test` tries it, also with the rows cut in two runs at every point.\n"
            "tests:\n"
            "- name: rows are counted by the day on which they arrived\n"
            "  input:\n"
            "    {0}:\n"
            "    - arrived: 2024-03-01\n"
            "      rows: [{1}, {2}]\n"
            "    - arrived: 2024-03-02\n"
            "      rows: [{3}]\n"
            "  expect:\n"
            "    views:\n"
            "      {0}_by_day:\n"
            "      - {{arrival_date: 2024-03-01, row_count: 2}}\n"
            "      - {{arrival_date: 2024-03-02, row_count: 1}}\n",
            table, row(1), row(2), row(3));
    }
    return std::nullopt;
}

std::vector<std::string> column_names(const CsvGuess& guess) {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const auto& column : guess.columns) {
        auto name = plain_name(column.name, "column");
        for (const auto reserved : {arrival_column, file_column, line_column, ingested_column, extra_column}) {
            if (lower(name).starts_with(reserved)) name.insert(0, "c");
        }
        auto unique = name;
        for (int n = 2; !seen.insert(lower(unique)).second; ++n) unique = fmt::format("{}_{}", name, n);
        names.push_back(unique);
    }
    return names;
}

Result<std::vector<File>> csv_files(const std::string& project, const ScaffoldOptions& options) {
    WEIR_ASSIGN(const auto guess, guess_csv(options.csv));
    auto table = plain_name(options.csv.stem().string(), "events");
    if (lower(table) == "weir" || lower(table) == "main" || lower(table) == "temp" || lower(table) == "system")
        table += "_rows";
    const auto names = column_names(guess);
    std::error_code failure;
    const auto files = fs::absolute(options.csv, failure).lexically_normal().string();
    if (files.find_first_of("{}*?[") != std::string::npos)
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("the path {} holds a character that means something in `files`", files),
                     .hint = "rename it: no {, }, *, ? and ["};
    std::vector<File> result{{"weir.yaml", empty_weir_yaml(project)},
                             {"README.md", fmt::format("# {}\n\n{}", project, empty_readme)},
                             {".gitignore", "lake*/\nexport/\n"},
                             {fmt::format("sources/{}.yaml", table), source_yaml(guess, names, files)},
                             {fmt::format("contracts/{}.odcs.yaml", table), contract_yaml(guess, names, table)},
                             {fmt::format("views/{}_by_day.sql", table), view_sql(table)}};
    if (auto test = test_yaml(guess, names, table))
        result.push_back({fmt::format("tests/{}.test.yaml", table), std::move(*test)});
    return result;
}

}  // namespace

std::vector<std::string> scaffold_templates() {
    std::vector<std::string> names{std::string(empty_template)};
    for (const auto& file : template_files()) {
        if (names.back() != file.project) names.emplace_back(file.project);
    }
    return names;
}

Result<Scaffolded> scaffold(const ScaffoldOptions& options) {
    std::error_code failure;
    const auto directory = fs::absolute(options.directory, failure).lexically_normal();
    auto leaf = directory.has_filename() ? directory.filename() : directory.parent_path().filename();
    Scaffolded result{.name = plain_name(leaf.string(), "project"), .files = {}};
    const auto from = options.from.empty() ? std::string(empty_template) : options.from;
    const auto known = scaffold_templates();
    if (std::find(known.begin(), known.end(), from) == known.end())
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no template '{}'", from),
                     .hint = suggest(from, known)};
    if (!options.csv.empty() && from != empty_template)
        return Error{
            .code = ErrorCode::usage, .message = "a CSV file and a template were given", .hint = "give one of them"};
    if (fs::exists(directory, failure)) {
        if (!fs::is_directory(directory, failure))
            return Error{.code = ErrorCode::refused,
                         .message = fmt::format("{} is a file", options.directory.string()),
                         .hint = "name a new directory"};
        if (!fs::is_empty(directory, failure) || failure)
            return Error{.code = ErrorCode::refused,
                         .message = fmt::format("the directory {} is not empty", options.directory.string()),
                         .hint = "name a new directory; nothing is overwritten"};
    }
    std::vector<File> files;
    if (!options.csv.empty()) {
        WEIR_ASSIGN(files, csv_files(result.name, options));
    } else if (from == empty_template) {
        files = {{"weir.yaml", empty_weir_yaml(result.name)},
                 {"README.md", fmt::format("# {}\n\n{}", result.name, empty_readme)},
                 {".gitignore", "lake*/\nexport/\n"}};
    } else {
        for (const auto& file : template_files()) {
            if (file.project != from) continue;
            File copy{std::string(file.path), std::string(file.content)};
            if (copy.path == "weir.yaml") copy.content = with_name(copy.content, result.name);
            files.push_back(std::move(copy));
        }
    }
    for (const auto& file : files) {
        const auto path = directory / file.path;
        WEIR_TRY(make_directories(path.parent_path()));
        WEIR_TRY(write_file_if_absent(path, file.content));
        result.files.push_back(file.path);
    }
    return result;
}

}  // namespace weir::declare
