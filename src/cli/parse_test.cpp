#include "cli/parse.h"

#include <gtest/gtest.h>

#include "cli/completion.h"

namespace weir::cli {
namespace {

Result<Invocation> parsed(std::vector<std::string> words) {
    return parse(words, {.is_project = [](const std::string& word) { return word == "shop"; }});
}

std::string problem(std::vector<std::string> words) {
    auto result = parsed(std::move(words));
    return result ? "none" : result.error().message + " | " + result.error().hint;
}

TEST(Parse, options_may_stand_anywhere_and_take_both_forms) {
    auto result = parsed({"--lake=L", "doctor", "shop", "--param", "a=1", "--param=b=2=3", "-q", "-CX"});
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(result->command->name, "doctor");
    EXPECT_EQ(result->project(), "shop");
    EXPECT_EQ(result->lake, "L");
    EXPECT_EQ(result->directory, "X");
    EXPECT_TRUE(result->quiet);
    EXPECT_EQ(result->params, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2=3"}}));
}

TEST(Parse, the_project_is_here_unless_named) { EXPECT_EQ(parsed({"doctor"})->project(), "."); }

TEST(Parse, names_stand_with_commas_or_blanks_between_them) {
    const std::vector<std::string> expected{"a", "b", "c"};
    EXPECT_EQ(parsed({"run", "--only", "a,b,c"})->names("--only"), expected);
    EXPECT_EQ(parsed({"run", "--only", "a", "b,c"})->names("--only"), expected);
    EXPECT_EQ(parsed({"run", "--only=a", "--only", "b", "c"})->names("--only"), expected);
    EXPECT_EQ(parsed({"run"})->names("--only"), std::vector<std::string>());
}

TEST(Parse, help_is_asked_for_in_three_ways) {
    EXPECT_EQ(parsed({"help", "doctor"})->topic, "doctor");
    EXPECT_EQ(parsed({"doctor", "--help"})->topic, "doctor");
    EXPECT_EQ(parsed({"-h"})->topic, "");
    EXPECT_TRUE(parsed({"help"})->help);
    EXPECT_FALSE(parsed({})->help);
}

TEST(Parse, the_version_is_asked_for_as_of_other_programs) {
    EXPECT_EQ(parsed({"--version"})->command->name, "version");
    EXPECT_EQ(parsed({"--json", "--version"})->command->name, "version");
    EXPECT_EQ(problem({"doctor", "--version"}), "`weir doctor` has no option --version | see `weir help doctor`");
}

TEST(Parse, every_mistake_has_a_way_out) {
    EXPECT_EQ(problem({"docter"}), "'docter' is not a weir command | did you mean 'doctor'?");
    EXPECT_EQ(problem({"xyzzy"}), "'xyzzy' is not a weir command | `weir help` lists the commands");
    EXPECT_EQ(problem({"help", "docter"}), "there is no help on 'docter' | did you mean 'doctor'?");
    EXPECT_EQ(problem({"doctor", "--jsn"}), "`weir doctor` has no option --jsn | did you mean '--json'?");
    EXPECT_EQ(problem({"doctor", "--lake"}),
              "--lake needs a value | --lake URI: the lake's place, instead of the project's");
    EXPECT_EQ(problem({"doctor", "--color", "blue"}), "--color cannot be 'blue' | one of: auto, always, never");
    EXPECT_EQ(problem({"doctor", "--json=yes"}), "--json takes no value | see `weir help doctor`");
    EXPECT_EQ(problem({"doctor", "--param", "x"}), "--param x has no value | write --param NAME=VALUE");
    EXPECT_EQ(problem({"doctor", "--param", "x=1", "--param", "x=2"}),
              "--param x is given twice | leave one of them out");
    EXPECT_EQ(problem({"doctor", "a", "b"}), "`weir doctor` has no place for 'b' | usage: weir doctor [PROJECT]");
    EXPECT_EQ(problem({"completion"}), "`weir completion` needs SHELL | usage: weir completion SHELL");
}

TEST(Commands, every_row_is_whole) {
    for (const auto& command : commands()) {
        EXPECT_FALSE(command.summary.empty()) << command.name;
        EXPECT_FALSE(command.examples.empty()) << command.name;
        EXPECT_NE(command.run, nullptr) << command.name;
        EXPECT_FALSE(command.exit_codes.empty()) << command.name;
        for (const auto& example : command.examples)
            EXPECT_NE(example.line.find("weir " + std::string(command.name)), std::string_view::npos) << example.line;
    }
}

std::vector<std::string> completed(std::vector<std::string> words) {
    return complete(words,
                    [](Words kind) -> std::vector<std::string> {
                        if (kind == Words::view) return {"report", "revenue"};
                        return {};
                    })
        .words;
}

TEST(Complete, commands_options_and_choices) {
    EXPECT_EQ(completed({"do"}), (std::vector<std::string>{"doctor"}));
    EXPECT_EQ(completed({"help", "vers"}), (std::vector<std::string>{"version"}));
    EXPECT_EQ(completed({"doctor", "--co"}), (std::vector<std::string>{"--color"}));
    EXPECT_EQ(completed({"doctor", "--color", "a"}), (std::vector<std::string>{"always", "auto"}));
    EXPECT_EQ(completed({"doctor", "--color", "=", "n"}), (std::vector<std::string>{"never"}));
    EXPECT_EQ(completed({"completion", ""}), (std::vector<std::string>{"bash", "fish", "zsh"}));
    const std::vector<std::string> words{"doctor", ""};
    EXPECT_EQ(complete(words, [](Words) { return std::vector<std::string>{}; }).rest, Completion::Rest::directories);
}

}  // namespace
}  // namespace weir::cli
