// The command line as a user meets it: help, mistakes, exit codes, JSON, completion, the reference manual.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/docs.h"
#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

Finished weir_with(std::vector<std::string> words, const RunWith& with = {}) {
    words.insert(words.begin(), weir().string());
    return run(words, with);
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto space = text.find(' ');
        words.emplace_back(text.substr(0, space));
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return words;
}

TEST(Cli, every_command_has_help_with_an_example_and_its_exit_codes) {
    for (const auto& command : cli::commands()) {
        auto words = split(command.name);
        words.push_back("--help");
        const auto finished = weir_with(words);
        EXPECT_EQ(finished.exit_code, 0) << command.name << finished.err;
        EXPECT_NE(finished.out.find("\nExamples\n  "), std::string::npos) << finished.out;
        EXPECT_NE(finished.out.find("\nExit codes\n"), std::string::npos) << finished.out;
        EXPECT_EQ(finished.err, "");
        auto by_help = split(command.name);
        by_help.insert(by_help.begin(), "help");
        EXPECT_EQ(weir_with(by_help).out, finished.out);
    }
}

TEST(Cli, no_command_is_a_mistake_and_help_is_not) {
    const auto nothing = weir_with({});
    EXPECT_EQ(nothing.exit_code, 2);
    EXPECT_EQ(nothing.out, "");
    EXPECT_NE(nothing.err.find("Commands"), std::string::npos);
    const auto help = weir_with({"help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_EQ(help.out, nothing.err);
}

TEST(Cli, a_typo_is_met_with_the_nearest_name) {
    const auto command = weir_with({"docter"});
    EXPECT_EQ(command.exit_code, 2);
    EXPECT_EQ(command.err, "error: 'docter' is not a weir command\n  hint: did you mean 'doctor'?\n");
    const auto option = weir_with({"doctor", "--jsno"});
    EXPECT_EQ(option.exit_code, 2);
    EXPECT_EQ(option.err, "error: `weir doctor` has no option --jsno\n  hint: did you mean '--json'?\n");
}

TEST(Cli, an_error_as_json_has_every_key) {
    const auto finished = weir_with({"--json", "docter"});
    EXPECT_EQ(finished.exit_code, 2);
    const auto error = nlohmann::json::parse(finished.err);
    EXPECT_EQ(error.at("code"), "usage");
    EXPECT_EQ(error.at("severity"), "error");
    EXPECT_EQ(error.at("hint"), "did you mean 'doctor'?");
    for (const auto* key : {"message", "file", "line", "column", "path"}) EXPECT_TRUE(error.contains(key)) << key;
}

TEST(Cli, a_directory_that_is_not_there) {
    const auto finished = weir_with({"-C", "/no/such/place", "version"});
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_NE(finished.err.find("cannot change to /no/such/place"), std::string::npos) << finished.err;
}

TEST(Cli, colours_only_where_asked_for_when_piped) {
    EXPECT_EQ(weir_with({"help"}).out.find('\x1b'), std::string::npos);
    EXPECT_NE(weir_with({"--color", "always", "doctor", "--lake", "/tmp"}).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(weir_with({"--color", "always", "--json", "doctor", "--lake", "/tmp"}).out.find('\x1b'),
              std::string::npos);
}

TEST(Cli, a_reader_that_goes_away_ends_it_quietly) {
    const auto finished = run({"bash", "-c", "'" + weir().string() + "' help | true; exit ${PIPESTATUS[0]}"});
    EXPECT_EQ(finished.err, "");
}

TEST(Doctor, says_what_it_found_and_leaves_nothing_behind) {
    const Scratch scratch("doctor");
    const auto finished = weir_with({"doctor", "--json", "--lake", scratch.path().string()});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    const auto findings = nlohmann::json::parse(finished.out);
    EXPECT_GE(findings.size(), 6u);
    for (const auto& finding : findings) EXPECT_NE(finding.at("verdict"), "error") << finding;
    EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(Doctor, a_place_that_cannot_hold_a_lake) {
    const Scratch scratch("doctor_bad");
    write(scratch / "file", "");
    const auto finished = weir_with({"doctor", "--lake", (scratch / "file" / "lake").string()});
    EXPECT_EQ(finished.exit_code, 4);
    EXPECT_NE(finished.out.find("error"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("hint:"), std::string::npos) << finished.out;
}

TEST(Completion, bash_takes_the_script_and_offers_words) {
    const Scratch scratch("completion");
    const auto script = weir_with({"completion", "bash"});
    ASSERT_EQ(script.exit_code, 0);
    write(scratch / "weir.bash", script.out);
    EXPECT_EQ(run({"bash", "-n", (scratch / "weir.bash").string()}).exit_code, 0);
    const auto path = weir().parent_path().string();
    const auto offered = [&](const std::string& line, int at) {
        return run({"bash", "-c",
                    "PATH='" + path + "':$PATH; source '" + (scratch / "weir.bash").string() + "'; COMP_WORDS=(" +
                        line + "); COMP_CWORD=" + std::to_string(at) + "; _weir; printf '%s\\n' \"${COMPREPLY[@]}\""})
            .out;
    };
    EXPECT_EQ(offered("weir doc", 1), "doctor\n");
    EXPECT_EQ(offered("weir doctor --col", 2), "--color\n");
    EXPECT_EQ(offered("weir --color ne", 2), "never\n");
}

TEST(Completion, the_other_shells_have_a_script_too) {
    for (const auto* shell : {"zsh", "fish"}) {
        const auto finished = weir_with({"completion", shell});
        EXPECT_EQ(finished.exit_code, 0);
        EXPECT_NE(finished.out.find("weir __complete"), std::string::npos);
    }
    EXPECT_EQ(weir_with({"completion", "tcsh"}).exit_code, 2);
}

TEST(Reference, the_committed_manual_is_the_programs) {
    for (const auto& page : cli::reference_pages())
        EXPECT_EQ(read(fs::path(WEIR_SOURCE_DIR) / "docs" / "reference" / page.file), page.text)
            << "docs/reference/" << page.file << " is not what the program says; run `weir docs --out docs/reference`";
}

}  // namespace
}  // namespace weir::test
