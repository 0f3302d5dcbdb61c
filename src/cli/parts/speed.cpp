// weir up, part speed: views up to the second.
#include <fmt/format.h>

#include <algorithm>

#include "cli/parts.h"

namespace weir::cli {
namespace {

class SpeedPart final : public Part, public orchestrate::EpochListener {
public:
    explicit SpeedPart(std::unique_ptr<view::SpeedLayer> layer) : layer_(std::move(layer)) {}
    std::string describe() const override { return "keeps the states of views up to the newest commits"; }
    Status stop() override {
        layer_->stop();
        return ok();
    }
    void on_epoch(const orchestrate::CommittedEpoch& epoch) override {
        if (epoch.rows > 0) layer_->poke();
    }
    std::string status_text() override {
        const auto status = layer_->status();
        if (!status.problem.empty()) return "held up";
        return fmt::format("{} times, {:.1f} ms", status.taken_in, static_cast<double>(status.took.count()) / 1e3);
    }
    std::string status_json() override {
        const auto status = layer_->status();
        const auto& states = status.states;
        auto json = fmt::format(
            "\"taken_in\": {}, \"took_seconds\": {}, \"states\": {}, \"lake_state_rows\": {}, \"lake_state_bytes\": "
            "{}, "
            "\"memory_state_rows\": {}",
            status.taken_in, static_cast<double>(status.took.count()) / 1e6, states.states, states.lake_rows,
            states.lake_bytes, states.memory_rows);
        return json + last_and_problem(status.last, status.problem);
    }

private:
    std::unique_ptr<view::SpeedLayer> layer_;
};

Result<std::unique_ptr<Part>> start(const UpContext& context) {
    const auto& project = context.opened.project;
    const bool has_views = project && std::any_of(project->views.begin(), project->views.end(), [](const auto& view) {
                               return view.keep != declare::View::Keep::none;
                           });
    if (!has_views) return std::unique_ptr<Part>();
    WEIR_ASSIGN(auto layer, view::SpeedLayer::start(
                                *project, [&context](const Error& error) { context.note("speed", to_string(error)); }));
    context.shared.speed = layer.get();
    auto part = std::make_unique<SpeedPart>(std::move(layer));
    context.shared.epoch_listeners.push_back(part.get());
    return std::unique_ptr<Part>(std::move(part));
}

}  // namespace

PartSpec speed_part() { return {"speed", "views up to the second", start}; }

}  // namespace weir::cli
