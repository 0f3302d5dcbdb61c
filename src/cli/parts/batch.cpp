// weir up, part batch: what is due is run and published.
#include <fmt/format.h>

#include "cli/parts.h"
#include "cli/run_place.h"
#include "orchestrate/live/live_batch.h"

namespace weir::cli {
namespace {

class BatchPart final : public Part {
public:
    static Result<std::unique_ptr<Part>> start(const UpContext& context) {
        std::unique_ptr<BatchPart> part(new BatchPart());
        WEIR_ASSIGN(part->lock_, context.lock_lake());
        WEIR_ASSIGN(part->place_, RunPlace::open(*context.opened.project, context.terminal));
        part->batch_ = std::make_unique<orchestrate::LiveBatch>(
            part->place_->workplace(part->nobody_), part->place_->ledger(),
            orchestrate::RunRequest{.taken_in_elsewhere = context.shared.taken_in_live},
            part->place_->project().batch.every, [&context](const Error& error, const std::string& run_id) {
                context.note("batch", to_string(error), run_id);
            });
        part->batch_->start();
        return std::unique_ptr<Part>(std::move(part));
    }

    std::string describe() const override {
        const auto seconds = static_cast<double>(place_->project().batch.every.count()) / 1e3;
        return fmt::format("runs and publishes what is due, every {:g} s", seconds);
    }
    Status stop() override {
        batch_->stop();
        return ok();
    }
    std::string status_text() override {
        const auto status = batch_->status();
        auto text = fmt::format("{} run{}", status.runs, status.runs == 1 ? "" : "s");
        if (status.failed > 0) text += fmt::format(", {} failed", status.failed);
        if (status.running) return text + ", running";
        return text + fmt::format(", the last {:.1f} s", static_cast<double>(status.took.count()) / 1e3);
    }
    std::string status_json() override {
        const auto status = batch_->status();
        auto json = fmt::format("\"runs\": {}, \"failed\": {}, \"running\": {}, \"took_seconds\": {}", status.runs,
                                status.failed, status.running, static_cast<double>(status.took.count()) / 1e3);
        if (!status.run_id.empty()) json += fmt::format(", \"run_id\": \"{}\"", status.run_id);
        return json + last_and_problem(status.last, status.problem);
    }

private:
    BatchPart() = default;

    std::shared_ptr<orchestrate::RunLock> lock_;
    observe::NoObserver nobody_;
    std::unique_ptr<RunPlace> place_;
    std::unique_ptr<orchestrate::LiveBatch> batch_;
};

Result<std::unique_ptr<Part>> start(const UpContext& context) {
    if (!context.opened.project) return std::unique_ptr<Part>();
    return BatchPart::start(context);
}

}  // namespace

PartSpec batch_part() { return {"batch", "what is due, run and published", start}; }

}  // namespace weir::cli
