// weir up, part intake: topics into the lake.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/parts.h"
#include "cli/run_place.h"
#include "orchestrate/live/live_intake.h"

namespace weir::cli {
namespace {

using orchestrate::SourceStatus;
using std::chrono::steady_clock;

// "1,234,567"
std::string grouped(std::int64_t number) {
    auto text = std::to_string(number);
    for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3)
        text.insert(static_cast<std::size_t>(place), ",");
    return text;
}

class IntakePart final : public Part {
public:
    static Result<std::unique_ptr<Part>> start(const UpContext& context) {
        auto project = *context.opened.project;
        // Where nothing but topics of Kafka is taken in, others may do the same beside us.
        const bool alone = std::any_of(project.sources.begin(), project.sources.end(),
                                       [](const auto& source) { return !source.topic.empty() && !source.kafka; });
        std::shared_ptr<orchestrate::RunLock> lock;
        if (alone) {
            WEIR_ASSIGN(lock, context.lock_lake());
        }
        std::unique_ptr<IntakePart> part(new IntakePart(std::move(lock)));
        WEIR_ASSIGN(part->place_, RunPlace::open(std::move(project), context.terminal));
        WEIR_ASSIGN(const auto run_id, part->place_->ledger().new_run_id(part->place_->clock().now()));
        part->run_id_ = run_id;
        part->intake_ = std::make_unique<orchestrate::LiveIntake>(
            part->place_->workplace(part->nobody_), run_id,
            [&context, run_id](const Error& error) { context.note("intake", to_string(error), run_id); });
        for (auto* listener : context.shared.epoch_listeners) part->intake_->listen(*listener);
        for (const auto& source : part->place_->project().sources)
            if (!source.topic.empty()) context.shared.taken_in_live.insert(source.name);
        WEIR_TRY(part->intake_->start());
        return std::unique_ptr<Part>(std::move(part));
    }

    std::string describe() const override {
        std::map<std::string, std::set<std::string>> topics;
        for (const auto& source : place_->project().sources) {
            if (source.topic.empty()) continue;
            topics[source.kafka ? "Kafka at " + source.kafka->cluster.brokers : place_->project().log.path.string()]
                .insert(source.topic);
        }
        std::string from;
        for (const auto& [place, names] : topics)
            from += fmt::format("{}{} topic{} of {}", from.empty() ? "" : ", ", names.size(),
                                names.size() == 1 ? "" : "s", place);
        return fmt::format("{} into {}", from, place_->project().lake.string());
    }
    Status check() override { return intake_->failed(); }
    Status stop() override {
        intake_->stop();
        return ok();
    }

    std::string status_text() override {
        const auto sources = intake_->sources();
        const auto all = sum(sources);
        auto text =
            fmt::format("{} rows/s  lag {}  accepted {}  duplicate {}  quarantined {}", grouped(rate(all.read)),
                        grouped(all.lag), grouped(all.accepted), grouped(all.duplicate), grouped(all.quarantined));
        for (const auto& source : sources)
            if (source.state != SourceStatus::State::running)
                text += fmt::format("  {} {}", source.source, to_string(source.state));
        return text;
    }

    std::string status_json() override { return json_members(false); }
    std::string board_json() override { return json_members(true); }

private:
    explicit IntakePart(std::shared_ptr<orchestrate::RunLock> lock) : lock_(std::move(lock)) {}

    std::string json_members(bool all_facts) {
        const auto sources = intake_->sources();
        const auto all = sum(sources);
        nlohmann::ordered_json object{{"run_id", run_id_}, {"rows_per_second", rate_}};
        object.update(counts(all));
        auto list = nlohmann::ordered_json::array();
        for (const auto& source : sources) {
            nlohmann::ordered_json one{
                {"source", source.source}, {"topic", source.topic}, {"state", to_string(source.state)}};
            one.update(counts(source));
            if (source.epoch > 0) one["epoch"] = source.epoch;
            if (!source.problem.empty()) one["problem"] = source.problem;
            if (all_facts) one.update(more_of(source, place_->clock().now()));
            list.push_back(std::move(one));
        }
        object["sources"] = std::move(list);
        const auto text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        return text.substr(1, text.size() - 2);
    }

    static nlohmann::ordered_json more_of(const SourceStatus& source, Time now) {
        nlohmann::ordered_json more{{"bytes", source.bytes}, {"landing_seconds", source.landing_seconds}};
        auto partitions = nlohmann::ordered_json::array();
        std::optional<double> longest;
        for (const auto& one : source.partitions.partitions()) {
            partitions.push_back({{"partition", one.partition}, {"lag", one.messages}});
            const auto seconds = one.seconds(now);
            if (!seconds) continue;
            partitions.back()["lag_seconds"] = *seconds;
            longest = std::max(longest.value_or(0), *seconds);
        }
        if (longest) more["lag_seconds"] = *longest;
        more["partitions"] = std::move(partitions);
        const auto& delays = source.delays;
        if (delays.events == 0) return more;
        auto& delay = more["event_delay"];
        for (std::size_t i = 0; i < delays.within.size(); ++i)
            delay[fmt::format("within_{}s", observe::EventDelays::bounds_seconds.at(i))] = delays.within.at(i);
        delay["events"] = delays.events;
        delay["seconds"] = delays.seconds;
        return more;
    }

    static SourceStatus sum(const std::vector<SourceStatus>& sources) {
        SourceStatus all;
        for (const auto& source : sources) {
            all.epochs += source.epochs;
            all.add(source);
            all.lag += source.lag;
        }
        return all;
    }
    static nlohmann::ordered_json counts(const SourceStatus& status) {
        return {{"lag", status.lag},
                {"read", status.read},
                {"accepted", status.accepted},
                {"duplicate", status.duplicate},
                {"quarantined", status.quarantined},
                {"filtered", status.filtered},
                {"late", status.late},
                {"epochs", status.epochs}};
    }
    // Since it was asked last.
    std::int64_t rate(std::int64_t read) {
        const auto now = steady_clock::now();
        const auto seconds = std::chrono::duration<double>(now - asked_).count();
        rate_ = seconds > 0 ? static_cast<std::int64_t>(static_cast<double>(read - asked_read_) / seconds) : 0;
        asked_ = now;
        asked_read_ = read;
        return rate_;
    }

    std::shared_ptr<orchestrate::RunLock> lock_;
    observe::NoObserver nobody_;
    std::unique_ptr<RunPlace> place_;
    std::string run_id_;
    std::unique_ptr<orchestrate::LiveIntake> intake_;
    steady_clock::time_point asked_ = steady_clock::now();
    std::int64_t asked_read_ = 0, rate_ = 0;
};

Result<std::unique_ptr<Part>> start(const UpContext& context) {
    const auto& project = context.opened.project;
    const bool reads_topic = project && std::any_of(project->sources.begin(), project->sources.end(),
                                                    [](const auto& source) { return !source.topic.empty(); });
    if (!reads_topic) return std::unique_ptr<Part>();
    return IntakePart::start(context);
}

}  // namespace

PartSpec intake_part() { return {"intake", "topics of the log and of Kafka into the lake", start}; }

}  // namespace weir::cli
