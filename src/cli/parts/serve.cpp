// weir up, part serve: views over HTTP.
#include <fmt/format.h>

#include "cli/log_place.h"
#include "cli/parts.h"
#include "cli/runs_table.h"
#include "serve/serving.h"

namespace weir::cli {
namespace {

class ServePart final : public Part {
public:
    explicit ServePart(std::unique_ptr<serve::Serving> serving) : serving_(std::move(serving)) {}
    std::string describe() const override { return fmt::format("serving at {}", serving_->url()); }
    Status stop() override {
        if (serving_->stop()) return ok();
        return Error{.code = ErrorCode::interrupted,
                     .message = "some requests were still under way and were cut off",
                     .hint = "`http: {drain: …}` in serve.yaml says how long they are waited for"};
    }

    std::string status_json() override {
        const auto status = serving_->status();
        auto json = fmt::format("\"connections\": {}, \"waiting\": {}, \"streams\": {}", status.connections,
                                status.waiting, status.streams);
        if (status.store_up) json += fmt::format(", \"store_up\": {}", *status.store_up);
        return json;
    }

private:
    std::unique_ptr<serve::Serving> serving_;
};

Result<std::unique_ptr<Part>> start(const UpContext& context) {
    std::optional<fs::path> log;
    source::log::LogOptions log_options;
    if (context.opened.project) {
        WEIR_ASSIGN(auto place, open_log_place(context.invocation, context.terminal));
        log = std::move(place.path);
        log_options = std::move(place.options);
    }
    WEIR_ASSIGN(auto serving,
                serve::Serving::start({.lake = context.opened.lake,
                                       .project = context.opened.project ? &*context.opened.project : nullptr,
                                       .speed = context.shared.speed,
                                       .listen = context.invocation.option("--listen"),
                                       .version = WEIR_VERSION,
                                       .log = std::move(log),
                                       .log_options = std::move(log_options),
                                       .parts = [&context] { return context.shared.board.text(); },
                                       .runs = [lake = context.opened.lake] { return runs_relation(lake); },
                                       .note = [&context](const std::string& text) { context.note("serve", text); }}));
    return std::unique_ptr<Part>(std::make_unique<ServePart>(std::move(serving)));
}

}  // namespace

PartSpec serve_part() { return {"serve", "the views over HTTP", start}; }

}  // namespace weir::cli
