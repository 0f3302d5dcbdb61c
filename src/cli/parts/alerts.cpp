// weir up, part alerts: what is wrong, and who is told.
#include <fmt/format.h>

#include "cli/parts.h"
#include "cli/runs_table.h"
#include "serve/alerts/alert_watch.h"

namespace weir::cli {
namespace {

class AlertsPart final : public Part {
public:
    AlertsPart(std::unique_ptr<serve::AlertWatch> watch, std::size_t alerts, std::size_t targets)
        : watch_(std::move(watch)), alerts_(alerts), targets_(targets) {}
    std::string describe() const override {
        return fmt::format("looks at {} alert{}, and tells {}", alerts_, alerts_ == 1 ? "" : "s",
                           targets_ == 0   ? std::string("the log")
                           : targets_ == 1 ? std::string("the log and one target")
                                           : fmt::format("the log and {} targets", targets_));
    }
    Status stop() override {
        watch_->stop();
        return ok();
    }
    std::string status_text() override {
        const auto status = watch_->status();
        auto text = fmt::format("{} firing", status.firing);
        if (status.pending > 0) text += fmt::format(", {} pending", status.pending);
        if (status.failing > 0) text += fmt::format(", {} not looked at", status.failing);
        return text;
    }
    std::string status_json() override {
        const auto status = watch_->status();
        const auto json =
            fmt::format("\"alerts\": {}, \"firing\": {}, \"pending\": {}, \"failing\": {}, \"looks\": {}, \"run\": {}",
                        status.alerts, status.firing, status.pending, status.failing, status.looks, status.run);
        return json + last_and_problem(status.last, "");
    }

private:
    std::unique_ptr<serve::AlertWatch> watch_;
    const std::size_t alerts_, targets_;
};

Result<std::unique_ptr<Part>> start(const UpContext& context) {
    const auto& project = context.opened.project;
    if (!project || project->alerts.rules.empty()) return std::unique_ptr<Part>();
    WEIR_ASSIGN(auto watch, serve::AlertWatch::start(
                                {.project = &*project,
                                 .speed = context.shared.speed,
                                 .runs = [lake = context.opened.lake] { return runs_relation(lake); },
                                 .parts = [&context] { return context.shared.board.text(); },
                                 .note = [&context](const std::string& text) { context.note("alerts", text); }}));
    return std::unique_ptr<Part>(
        std::make_unique<AlertsPart>(std::move(watch), project->alerts.rules.size(), project->alerts.targets.size()));
}

}  // namespace

PartSpec alerts_part() { return {"alerts", "what is wrong, and who is told", start}; }

}  // namespace weir::cli
