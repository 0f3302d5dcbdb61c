#include "declare/test_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "declare/context.h"
#include "declare/params.h"
#include "model/interval.h"

namespace weir::declare {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view test_files = "tests/*.test.yaml";
constexpr std::string_view default_day = "2024-01-01";

// "2025-12-01T03:00:00Z"; a blank may stand for the T.
std::optional<Time> parse_moment(std::string_view text) {
    if (text.size() != 20 || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':' ||
        text[19] != 'Z')
        return std::nullopt;
    const auto day = parse_day(text.substr(0, 10));
    const auto two = [&](std::size_t at) {
        const bool digits = text[at] >= '0' && text[at] <= '9' && text[at + 1] >= '0' && text[at + 1] <= '9';
        return digits ? (text[at] - '0') * 10 + (text[at + 1] - '0') : 99;
    };
    const int hour = two(11), minute = two(14), second = two(17);
    if (!day || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return Time(*day) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

// Keys that the row does not have are taken from the defaults, also inside maps.
void fill_defaults(YamlNode& row, const YamlNode& defaults) {
    for (const auto& entry : defaults.entries) {
        const auto own = std::find_if(row.entries.begin(), row.entries.end(),
                                      [&](const YamlEntry& mine) { return mine.key == entry.key; });
        if (own == row.entries.end())
            row.entries.push_back(entry);
        else if (own->value.is_map() && entry.value.is_map())
            fill_defaults(own->value, entry.value);
    }
}

class TestReader {
public:
    TestReader(Context& context, const fs::path& relative)
        : context_(context), relative_(relative), file_(context.shown(relative)) {
        for (const auto& source : context.project.sources) sources_.push_back(source.name);
        for (const auto& view : context.project.views) views_.push_back(view.name);
        for (const auto& param : context.project.params) params_.push_back(param.name);
        for (const auto& rule : context.project.alerts.rules) alerts_.push_back(rule.name);
    }

    std::vector<TestCase> read(const YamlNode& root) {
        std::vector<TestCase> tests;
        OptionReader reader(root, key_section(test_files), file_, context_.problems);
        if (const auto* list = reader.take_list("tests")) {
            for (const auto& node : list->items) tests.push_back(read_test(node));
        }
        reader.finish();
        std::set<std::string> names;
        for (const auto& test : tests) {
            if (!names.insert(test.name).second)
                context_.problems.error(test.where, fmt::format("a test of the name '{}' stands above", test.name));
        }
        return tests;
    }

private:
    Where at(const YamlNode& node) const { return {file_, node.line, node.column}; }
    void wrong(const YamlNode& node, std::string_view wanted, std::string hint = {}) {
        context_.problems.error(at(node), fmt::format("this must be {}, not {}", wanted, describe(node)),
                                std::move(hint));
    }

    TestCase read_test(const YamlNode& node) {
        static constexpr std::array<std::pair<std::string_view, TestCase::Runs>, 3> runs{
            {{"cut", TestCase::Runs::cut}, {"once", TestCase::Runs::once}, {"each", TestCase::Runs::each}}};
        TestCase test;
        test.file = relative_.string();
        test.where = at(node);
        OptionReader reader(node, key_section(test_files, "tests[]"), file_, context_.problems);
        test.name = reader.take_or<std::string>("name", "");
        reader.ignore({"description"});
        test.runs = reader.take_choice<TestCase::Runs>("runs", runs).value_or(TestCase::Runs::cut);
        if (const auto* params = reader.take_map("params")) read_params(*params, test);
        if (const auto* input = reader.take_map("input")) {
            for (const auto& entry : input->entries) read_input(entry, test);
        }
        if (const auto* expect = reader.take_map("expect")) read_expect(*expect, test);
        reader.finish();
        if (test.arrivals.empty() && !test.rows.empty())
            context_.problems.error(test.rows.front().where, "nothing comes in, in this test",
                                    "name rows under input; without any, alerts alone can be expected");
        for (const auto& expected : test.sources) {
            const bool fed = std::any_of(test.arrivals.begin(), test.arrivals.end(),
                                         [&](const TestArrival& arrival) { return arrival.source == expected.source; });
            if (!fed && context_.project.source(expected.source) != nullptr)
                context_.problems.error(expected.where,
                                        fmt::format("nothing comes in for source '{}' in this test", expected.source),
                                        "name its rows under input");
        }
        return test;
    }

    void read_params(const YamlNode& node, TestCase& test) {
        for (const auto& entry : node.entries) {
            const Where key{file_, entry.line, entry.column};
            const auto& known = context_.project.params;
            const auto param =
                std::find_if(known.begin(), known.end(), [&](const Param& one) { return one.name == entry.key; });
            if (param == known.end()) {
                context_.problems.error(key, fmt::format("weir.yaml declares no parameter '{}'", entry.key),
                                        suggest(entry.key, params_));
            } else if (entry.value.is_map() || entry.value.is_sequence()) {
                wrong(entry.value, "a text");
            } else if (auto value = check_param(*param, entry.value.text, context_.project.root, at(entry.value),
                                                context_.problems)) {
                test.params[entry.key] = std::move(*value);
            }
        }
    }

    void read_input(const YamlEntry& entry, TestCase& test) {
        const auto* source = context_.project.source(entry.key);
        if (source == nullptr) {
            context_.problems.error({file_, entry.line, entry.column},
                                    fmt::format("there is no source '{}'", entry.key), suggest(entry.key, sources_));
            return;
        }
        if (entry.value.is_sequence()) {
            for (const auto& item : entry.value.items) read_arrival(item, nullptr, *source, test);
            return;
        }
        if (!entry.value.is_map()) {
            wrong(entry.value, "what arrives, or a list of that", "rows: […], csv: |, ndjson: |, or file: PATH");
            return;
        }
        const auto* arrivals = entry.value.find("arrivals");
        if (arrivals == nullptr) {
            read_arrival(entry.value, entry.value.find("defaults"), *source, test);
            return;
        }
        OptionReader reader(entry.value, key_section(test_files, "tests[].input.SOURCE"), file_, context_.problems);
        const auto* defaults = reader.take_map("defaults");
        if (const auto* list = reader.take_list("arrivals")) {
            for (const auto& item : list->items) read_arrival(item, defaults, *source, test);
        }
        reader.finish();
    }

    void read_arrival(const YamlNode& node, const YamlNode* defaults, const Source& source, TestCase& test) {
        OptionReader reader(node, key_section(test_files, "tests[].input.SOURCE.arrivals[]"), file_, context_.problems);
        TestArrival arrival{.source = source.name, .where = at(node), .day = std::string(default_day)};
        if (const auto day = reader.take<Text>("arrived")) {
            if (!parse_day(day->text))
                context_.problems.error(day->where, fmt::format("'{}' is no day", day->text), "write 2024-03-01");
            arrival.day = day->text;
        }
        if (const auto* own = reader.take_map("defaults")) defaults = own;
        int given = 0;
        if (const auto* rows = reader.take_list("rows")) {
            ++given;
            if (source.format == Format::parquet)
                context_.problems.error(at(*rows), fmt::format("source '{}' reads Parquet", source.name),
                                        "give a file: PATH");
            for (const auto& row : rows->items) {
                if (!row.is_map()) {
                    wrong(row, "a row: a map of columns");
                    continue;
                }
                arrival.rows.push_back(row);
                if (defaults != nullptr) fill_defaults(arrival.rows.back(), *defaults);
            }
        }
        for (const std::string_view format : {"csv", "ndjson"}) {
            const auto* text = reader.take_node(format);
            if (text == nullptr) continue;
            ++given;
            const auto wanted = source.format == Format::csv      ? std::string_view("csv")
                                : source.format == Format::ndjson ? std::string_view("ndjson")
                                                                  : std::string_view();
            if (!text->is_scalar())
                wrong(*text, "a text", fmt::format("{}: | and the lines below", format));
            else if (wanted != format)
                context_.problems.error(
                    at(*text), fmt::format("source '{}' does not read {}", source.name, format),
                    wanted.empty() ? std::string("give rows, or a file: PATH") : fmt::format("write {}: |", wanted));
            arrival.text = text->text;
        }
        if (const auto file = reader.take<Text>("file")) {
            ++given;
            arrival.path = context_.project.root / file->text;
            std::error_code failure;
            if (!fs::is_regular_file(arrival.path, failure))
                context_.problems.error(file->where, fmt::format("there is no file {}", file->text),
                                        "a path is relative to the project", ErrorCode::not_found);
        }
        reader.finish();
        if (given != 1)
            context_.problems.error(at(node),
                                    given == 0 ? "nothing arrives here" : "more than one of rows, csv, ndjson and file",
                                    "give one of rows: […], csv: |, ndjson: |, file: PATH");
        test.arrivals.push_back(std::move(arrival));
    }

    void read_expect(const YamlNode& node, TestCase& test) {
        OptionReader reader(node, key_section(test_files, "tests[].expect"), file_, context_.problems);
        if (const auto* views = reader.take_map("views")) {
            for (const auto& entry : views->entries) read_view(entry, test);
        }
        if (const auto* sources = reader.take_map("sources")) {
            for (const auto& entry : sources->entries) read_source(entry, test);
        }
        if (const auto* alerts = reader.take_map("alerts")) {
            for (const auto& entry : alerts->entries) read_alert(entry, test);
            std::stable_sort(test.looks.begin(), test.looks.end(),
                             [](const AlertLook& a, const AlertLook& b) { return a.at < b.at; });
            for (std::size_t i = 1; i < test.looks.size(); ++i)
                if (test.looks[i].after < test.looks[i - 1].after)
                    context_.problems.error(test.looks[i].where,
                                            "an earlier look of this test is after more arrivals than this one",
                                            "what is in stays in: give it a later moment");
        }
        reader.finish();
        if (test.rows.empty() && test.sources.empty() && test.looks.empty())
            context_.problems.error(at(node), "this test expects nothing", "name views:, sources: or alerts:");
    }

    void read_view(const YamlEntry& entry, TestCase& test) {
        const bool history = entry.key.starts_with("history.");
        const auto name = history ? entry.key.substr(8) : entry.key;
        const Where key{file_, entry.line, entry.column};
        const auto* view = context_.project.view(name);
        if (view == nullptr) {
            context_.problems.error(key, fmt::format("there is no view '{}'", name), suggest(name, views_));
            return;
        }
        if (history && view->keep != View::Keep::every_interval)
            context_.problems.error(key, fmt::format("view '{}' does not keep the result of every interval", name),
                                    "add `keep: every_interval` to its header, or leave out history.");
        ExpectedRows expected{.relation = entry.key, .where = key};
        if (entry.value.is_sequence()) {
            read_rows(entry.value, expected);
        } else {
            OptionReader reader(entry.value, key_section(test_files, "tests[].expect.views.VIEW"), file_,
                                context_.problems);
            expected.ordered = reader.take_or("ordered", false);
            if (const auto* rows = reader.take_list("rows")) read_rows(*rows, expected);
            reader.finish();
        }
        test.rows.push_back(std::move(expected));
    }

    void read_alert(const YamlEntry& entry, TestCase& test) {
        const Where key{file_, entry.line, entry.column};
        if (context_.project.alerts.rule(entry.key) == nullptr) {
            context_.problems.error(key, fmt::format("there is no alert '{}'", entry.key), suggest(entry.key, alerts_));
            return;
        }
        if (!entry.value.is_sequence() || entry.value.items.empty()) return wrong(entry.value, "a list of looks");
        auto after = test.arrivals.size();
        for (const auto& item : entry.value.items) {
            OptionReader reader(item, key_section(test_files, "tests[].expect.alerts.ALERT[]"), file_,
                                context_.problems);
            AlertLook look{.alert = entry.key, .where = at(item)};
            if (const auto moment = reader.take<Text>("at")) {
                const auto parsed = parse_moment(moment->text);
                if (!parsed)
                    context_.problems.error(moment->where, fmt::format("'{}' is no moment", moment->text),
                                            "write 2025-12-01T03:00:00Z");
                look.at = parsed.value_or(Time{});
            }
            const auto given = reader.take<std::int64_t>("after");
            if (given && (*given < 0 || *given > static_cast<std::int64_t>(test.arrivals.size())))
                context_.problems.error(
                    reader.where("after"),
                    fmt::format("'after' must be 0 to {}, the number of arrivals", test.arrivals.size()));
            else if (given)
                after = static_cast<std::size_t>(*given);
            look.after = after;
            if (const auto* parts = reader.take_list("parts"))
                for (const auto& part : parts->items) look.parts.push_back(read_part(part));
            for (const std::string_view state : {"pending", "firing", "resolved"}) {
                const auto* rows = reader.take_list(state);
                if (rows == nullptr && state == "resolved") continue;
                ExpectedInstances expected{
                    .state = std::string(state),
                    .rows = {.relation = entry.key, .where = rows == nullptr ? look.where : at(*rows)}};
                if (rows != nullptr) read_rows(*rows, expected.rows);
                look.instances.push_back(std::move(expected));
            }
            reader.finish();
            test.looks.push_back(std::move(look));
        }
    }

    PartFact read_part(const YamlNode& node) {
        OptionReader reader(node, key_section(test_files, "tests[].expect.alerts.ALERT[].parts[]"), file_,
                            context_.problems);
        PartFact fact{.part = reader.take_or("part", std::string()),
                      .source = reader.take_or("source", std::string()),
                      .partition = reader.take<std::int64_t>("partition"),
                      .fact = reader.take_or("fact", std::string()),
                      .value = reader.take<double>("value"),
                      .text = reader.take_or("text", std::string())};
        reader.finish();
        return fact;
    }

    void read_rows(const YamlNode& list, ExpectedRows& expected) {
        for (const auto& row : list.items) {
            if (!row.is_map()) {
                wrong(row, "a row: a map of columns");
                continue;
            }
            if (expected.rows.empty())
                for (const auto& entry : row.entries) expected.columns.push_back(entry.key);
            for (const auto& column : expected.columns) {
                if (row.find(column) == nullptr)
                    context_.problems.error(at(row),
                                            fmt::format("this row does not say '{}', and the first one does", column),
                                            "name the same columns in each row; null is a value");
            }
            for (const auto& entry : row.entries) {
                if (std::find(expected.columns.begin(), expected.columns.end(), entry.key) == expected.columns.end())
                    context_.problems.error({file_, entry.line, entry.column},
                                            fmt::format("'{}' is not among the first row's columns", entry.key),
                                            suggest(entry.key, expected.columns));
            }
            expected.rows.push_back(row);
        }
    }

    void read_source(const YamlEntry& entry, TestCase& test) {
        const Where key{file_, entry.line, entry.column};
        const auto* source = context_.project.source(entry.key);
        if (source == nullptr) {
            context_.problems.error(key, fmt::format("there is no source '{}'", entry.key),
                                    suggest(entry.key, sources_));
            return;
        }
        ExpectedSource expected{.source = entry.key, .where = key};
        OptionReader reader(entry.value, key_section(test_files, "tests[].expect.sources.SOURCE"), file_,
                            context_.problems);
        const auto* accepted = entry.value.is_map() ? entry.value.find("accepted") : nullptr;
        if (accepted != nullptr && accepted->is_sequence()) {
            reader.ignore({"accepted"});
            ExpectedRows rows{.relation = source->table, .where = at(*accepted)};
            read_rows(*accepted, rows);
            test.rows.push_back(std::move(rows));
        } else {
            expected.accepted = reader.take<std::int64_t>("accepted");
        }
        expected.duplicate = reader.take<std::int64_t>("duplicate");
        expected.filtered = reader.take<std::int64_t>("filtered");
        expected.refused = reader.take<std::string>("refused");
        const auto* rejected = entry.value.is_map() ? entry.value.find("rejected") : nullptr;
        if (rejected != nullptr && rejected->is_sequence()) {
            reader.ignore({"rejected"});
            expected.rejects.emplace();
            for (const auto& item : rejected->items) expected.rejects->push_back(read_reject(item));
        } else {
            expected.rejected = reader.take<std::int64_t>("rejected");
        }
        reader.finish();
        test.sources.push_back(std::move(expected));
    }

    ExpectedReject read_reject(const YamlNode& node) {
        ExpectedReject reject{.where = at(node)};
        OptionReader reader(node, key_section(test_files, "tests[].expect.sources.SOURCE.rejected[]"), file_,
                            context_.problems);
        reject.rule = reader.take_or<std::string>("rule", "");
        reject.column = reader.take<std::string>("column");
        reject.line = reader.take<std::int64_t>("line");
        reject.count = reader.take_or<std::int64_t>("count", 1);
        reader.finish();
        return reject;
    }

    Context& context_;
    const fs::path relative_;
    const std::string file_;
    std::vector<std::string> sources_, views_, params_, alerts_;
};

}  // namespace

bool TestCase::expects_refusal() const {
    return std::any_of(sources.begin(), sources.end(), [](const ExpectedSource& source) { return source.refused; });
}

LoadedTests load_tests(const LoadOptions& options, const Project& project) {
    LoadedTests loaded;
    Problems problems;
    auto copy = project;
    Context context{options, copy, problems};
    for (const auto& relative : context.list("tests", ".test.yaml", "tests are named NAME.test.yaml")) {
        const auto root = context.read_yaml(relative);
        if (!root) continue;
        auto tests = TestReader(context, relative).read(*root);
        std::move(tests.begin(), tests.end(), std::back_inserter(loaded.tests));
    }
    problems.sort();
    loaded.problems = problems.errors();
    // Data that tests read may lie beside them; a misnamed test may not.
    for (const auto& warning : problems.warnings())
        if (warning.where.file.ends_with(".yaml") || warning.where.file.ends_with(".yml"))
            loaded.warnings.push_back(warning);
    return loaded;
}

}  // namespace weir::declare
