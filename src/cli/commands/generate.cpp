// weir generate: made-up rows, as a generator of the project declares them.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/nearest.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/log_output.h"
#include "cli/number_option.h"
#include "cli/project.h"
#include "orchestrate/generate.h"
#include "sink/staged_file.h"

namespace weir::cli {
namespace {

constexpr auto flush_every = std::chrono::milliseconds(200);

// Lets lines through at so many a second; without a rate at once.
class Pace {
public:
    Pace(std::int64_t rows_a_second, sink::Output output) : rate_(rows_a_second), output_(std::move(output)) {}

    Status write(std::string_view lines) {
        if (rate_ == 0) return output_(lines);
        while (!lines.empty()) {
            // Twenty pieces a second.
            const auto rows = std::max<std::int64_t>(1, rate_ / 20);
            std::size_t end = 0;
            std::int64_t taken = 0;
            for (; taken < rows && end < lines.size(); ++taken) {
                const auto line_end = lines.find('\n', end);
                end = line_end == std::string_view::npos ? lines.size() : line_end + 1;
            }
            using namespace std::chrono;
            const auto due =
                begun_ +
                nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(rows_) / static_cast<double>(rate_)));
            while (steady_clock::now() < due) {
                if (stop_requested())
                    return Error{.code = ErrorCode::interrupted, .message = "stopped while generating"};
                std::this_thread::sleep_for(std::min<nanoseconds>(milliseconds(100), due - steady_clock::now()));
            }
            WEIR_TRY(output_(lines.substr(0, end)));
            rows_ += taken;
            lines.remove_prefix(end);
        }
        return ok();
    }

private:
    std::int64_t rate_;
    sink::Output output_;
    std::int64_t rows_ = 0;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

Status to_topics(const Invocation& invocation, Terminal& terminal, const declare::Project& project,
                 const declare::Generator& generator, const orchestrate::GenerateRequest& request, std::int64_t rate) {
    WEIR_ASSIGN(const auto writer, open_topic_writer(invocation, terminal));
    LogOutput log(*writer, {.topic = invocation.option("--topic"), .key = invocation.option("--key")});
    // At a rate, records are there when their time comes, not when a batch of them is full.
    auto flushed = std::chrono::steady_clock::now();
    Pace pace(rate, [&](std::string_view lines) -> Status {
        WEIR_TRY(log.write(lines));
        const auto now = std::chrono::steady_clock::now();
        if (rate == 0 || now - flushed < flush_every) return ok();
        flushed = now;
        return log.flush();
    });
    const auto generated =
        orchestrate::generate(project, generator, request, [&](std::string_view lines) { return pace.write(lines); });
    // What was written before it failed is in the topics, and stays.
    WEIR_TRY(writer->close());
    WEIR_TRY(generated);
    if (terminal.quiet()) return ok();
    return terminal.write(terminal.json() ? fmt::format("{{\"records\": {}}}\n", writer->records())
                                          : fmt::format("{} records into {}\n", writer->records(), writer->place()));
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    if (!invocation.has("--count"))
        return Error{.code = ErrorCode::usage, .message = "how many rows?", .hint = "--count N"};
    orchestrate::GenerateRequest request;
    WEIR_ASSIGN(const auto count, number_option(invocation, "--count", 0));
    WEIR_ASSIGN(const auto seed, number_option(invocation, "--seed", 0));
    request.count = count.value_or(0);
    request.seed = seed.value_or(0);
    WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
    const auto name = invocation.argument("NAME");
    const auto* generator = project.generator(name);
    if (generator == nullptr) {
        std::vector<std::string> names;
        for (const auto& known : project.generators) names.push_back(known.name);
        auto hint = suggest(name, names);
        if (hint.empty()) hint = fmt::format("a generator is one SELECT in generators/{}.sql", name);
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("the project has no generator '{}'", name),
                     .hint = std::move(hint)};
    }
    WEIR_ASSIGN(const auto rate_given, number_option(invocation, "--rate", 1));
    const auto rate = rate_given.value_or(0);
    const auto out = invocation.option("--out");
    const auto to = invocation.has("--to") ? invocation.option("--to") : out.empty() ? "stdout" : "file";
    if ((to == "file") != !out.empty())
        return Error{.code = ErrorCode::usage,
                     .message = out.empty() ? "to which file?" : fmt::format("--out and --to {} contradict", to),
                     .hint = "--out FILE writes a file"};
    const bool to_topic = to == "log" || to == "kafka";
    if (!to_topic && (invocation.has("--topic") || invocation.has("--key") || invocation.has("--log")))
        return Error{.code = ErrorCode::usage, .message = "--topic, --key and --log belong to --to log"};
    if ((to == "kafka") != invocation.has("--kafka"))
        return Error{.code = ErrorCode::usage,
                     .message = to == "kafka" ? "which Kafka?" : fmt::format("--kafka and --to {} contradict", to),
                     .hint = "--to kafka --kafka HOST:PORT"};
    if (invocation.has("--key") && !invocation.has("--topic"))
        return Error{.code = ErrorCode::usage,
                     .message = "--key is for rows that are messages",
                     .hint = "name their topic: --topic NAME"};
    if (to_topic) {
        stop_on_signals();
        WEIR_TRY(to_topics(invocation, terminal, project, *generator, request, rate));
        return 0;
    }
    if (to == "stdout") {
        Pace pace(rate, [&](std::string_view lines) { return terminal.write(lines); });
        WEIR_TRY(orchestrate::generate(project, *generator, request,
                                       [&](std::string_view lines) { return pace.write(lines); }));
        return 0;
    }
    WEIR_ASSIGN(auto file, sink::StagedFile::create(out));
    Pace pace(rate, [&](std::string_view lines) { return file.write(lines); });
    WEIR_TRY(
        orchestrate::generate(project, *generator, request, [&](std::string_view lines) { return pace.write(lines); }));
    WEIR_ASSIGN(const auto bytes, std::move(file).commit());
    static_cast<void>(bytes);
    return 0;
}

}  // namespace

Command generate_command() {
    std::vector<Option> options{
        {.name = "--count", .value = "N", .help = "how many rows"},
        {.name = "--seed", .value = "S", .help = "a whole number that chooses the rows (default: 0)"},
        {.name = "--rate", .value = "N", .help = "at most so many rows a second"},
        {.name = "--to",
         .value = "WHERE",
         .help = "to standard output, to the file that --out names, or into topics of the log or of Kafka",
         .choices = {"stdout", "file", "log", "kafka"}},
        {.name = "--out",
         .value = "FILE",
         .help = "write there instead of standard output; it appears whole or not at all",
         .words = Words::file},
        {.name = "--topic",
         .value = "TOPIC",
         .help = "--to log or kafka: rows are messages, and go there; else each row names its topic, as a dump does"},
        {.name = "--key",
         .value = "COLUMN",
         .help = "--to log or kafka: with --topic, the column that is the record's key"}};
    for (auto& option : topic_options()) options.push_back(std::move(option));
    options.push_back(log_option());
    options.push_back(kafka_option("--to kafka: its brokers, host:port with commas between them"));
    return {
        .name = "generate",
        .summary = "make up rows, as a generator of the project says",
        .description =
            "A generator is one SELECT over a row number and a seed, in generators/NAME.sql. Its rows are written "
            "as JSON lines. The same seed, count and parameters give the same bytes. Into topics: a row with topic, "
            "key, value and broker_ts becomes that record, any other row a message of --topic. Topics that do not "
            "exist are made.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project},
                      {.name = "NAME", .help = "the generator", .required = true}},
        .options = std::move(options),
        .examples = {{"weir generate projects/learning events --count 1000 --out events.jsonl",
                      "a replay file of a thousand events"},
                     {"weir generate projects/learning events --count 10 --seed 2 --param mode=reference",
                      "others, drawn otherwise, to look at"},
                     {"weir generate projects/learning events --count 1000 --rate 5000 --to log --log my-log",
                      "into topics of a log, 5,000 a second"}},
        .exit_codes = {0, 1, 2, 3, 4, 130},
        .run = run};
}

}  // namespace weir::cli
