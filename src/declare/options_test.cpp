#include "declare/options.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/file.h"
#include "declare/secret.h"

namespace weir::declare {
namespace {

using namespace std::chrono_literals;

const KeySection section{"test.yaml",
                         "",
                         "",
                         {{"name", "text", "", "A name.", true},
                          {"count", "number", "", ""},
                          {"wait", "duration", "", ""},
                          {"size", "size", "", ""},
                          {"flag", "yes", "", ""},
                          {"key", "secret", "", ""},
                          {"mode", "choice", "", ""},
                          {"list", "list", "", ""}}};

TEST(Options, values_are_taken_by_name_and_type) {
    Problems problems;
    YamlNode root;
    ASSERT_TRUE(parse_yaml(
        "name: n\ncount: 42\nwait: 1.5s\nsize: 16 MiB\nflag: false\nkey: ${env:KEY}\nmode: fast\nlist: [a, 1]\n",
        {.file = "f"}, root, problems));
    OptionReader reader(root, section, "f", problems);
    EXPECT_EQ(reader.take<std::string>("name"), "n");
    EXPECT_EQ(reader.take<int>("count"), 42);
    EXPECT_EQ(reader.take<std::chrono::milliseconds>("wait"), 1500ms);
    EXPECT_EQ(reader.take<Bytes>("size")->count, 16u << 20);
    EXPECT_EQ(reader.take<bool>("flag"), false);
    EXPECT_EQ(reader.take<SecretRef>("key")->reference, "${env:KEY}");
    constexpr std::array<std::pair<std::string_view, int>, 2> modes{{{"fast", 1}, {"slow", 2}}};
    EXPECT_EQ(reader.take_choice<int>("mode", modes), 1);
    EXPECT_EQ(reader.take<std::vector<std::string>>("list"), (std::vector<std::string>{"a", "1"}));
    reader.finish();
    EXPECT_TRUE(problems.none());
}

TEST(Options, every_problem_is_told_and_a_secret_never) {
    Problems problems;
    YamlNode root;
    ASSERT_TRUE(
        parse_yaml("cuont: 1\ncount: 4.5\nwait: 3 weeks\nsize: big\nflag: On\nkey: hunter2\nmode: fats\nlist: a\n",
                   {.file = "f"}, root, problems));
    OptionReader reader(root, section, "f", problems);
    (void)reader.take<std::string>("name");
    (void)reader.take<int>("count");
    (void)reader.take<std::chrono::milliseconds>("wait");
    (void)reader.take<Bytes>("size");
    (void)reader.take<bool>("flag");
    (void)reader.take<SecretRef>("key");
    constexpr std::array<std::pair<std::string_view, int>, 2> modes{{{"fast", 1}, {"slow", 2}}};
    (void)reader.take_choice<int>("mode", modes);
    (void)reader.take<std::vector<std::string>>("list");
    reader.finish();
    std::string all;
    for (const auto& error : problems.errors()) all += to_string(error) + "\n";
    EXPECT_EQ(problems.count(), 9u) << all;
    EXPECT_EQ(all.find("hunter2"), std::string::npos) << all;
    EXPECT_NE(all.find("f:1:1: unknown key 'cuont' in test.yaml\n  hint: did you mean 'count'?"), std::string::npos)
        << all;
    EXPECT_NE(all.find("the key 'name' is missing"), std::string::npos) << all;
    EXPECT_NE(all.find("f:5:7: 'flag' must be true or false, not 'On'\n  hint: write true"), std::string::npos) << all;
}

TEST(Options, durations_and_sizes) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("7d"), 168h);
    for (const auto* text : {"", "5", "m", "-5s", "5 y", "1e9d", "5s5s"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    EXPECT_EQ(parse_bytes("1GB"), 1'000'000'000u);
    EXPECT_EQ(parse_bytes("1.5 KiB"), 1536u);
    EXPECT_EQ(parse_bytes("0"), 0u);
    for (const auto* text : {"", "GB", "-1", "1.5", "1 XB", "99999999TB"})
        EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

TEST(Secret, comes_from_the_environment_or_a_file_and_is_never_told) {
    ::setenv("WEIR_TEST_SECRET", "s3cret", 1);
    EXPECT_EQ(*read_secret("${env:WEIR_TEST_SECRET}", "/"), "s3cret");
    ::unsetenv("WEIR_TEST_SECRET");
    EXPECT_EQ(read_secret("${env:WEIR_TEST_SECRET}", "/").error().code, ErrorCode::secret_missing);
    const auto path = fs::temp_directory_path() / "weir_test_secret";
    std::ofstream(path) << "from file\n";
    EXPECT_EQ(*read_secret("${file:weir_test_secret}", fs::temp_directory_path()), "from file");
    fs::remove(path);
    EXPECT_EQ(read_secret("${file:weir_test_secret}", fs::temp_directory_path()).error().code,
              ErrorCode::secret_missing);
    const auto literal = read_secret("hunter2", "/");
    ASSERT_FALSE(literal);
    EXPECT_EQ(to_string(literal.error()).find("hunter2"), std::string::npos);
    EXPECT_FALSE(is_secret_reference("${env:A}${env:B}"));
    EXPECT_FALSE(is_secret_reference("x${env:A}"));
}

TEST(Keys, every_key_is_described_once) {
    for (const auto& part : configuration_keys()) {
        std::set<std::string_view> names;
        for (const auto& key : part.keys) {
            EXPECT_TRUE(names.insert(key.name).second) << part.file << " " << part.path << " " << key.name;
            EXPECT_FALSE(key.help.empty()) << key.name;
            EXPECT_FALSE(key.type.empty()) << key.name;
        }
        EXPECT_FALSE(part.summary.empty()) << part.file;
    }
}

}  // namespace
}  // namespace weir::declare
