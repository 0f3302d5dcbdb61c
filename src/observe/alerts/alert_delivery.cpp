#include "observe/alerts/alert_delivery.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "declare/secret.h"

namespace weir::observe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_wait{1'000}, longest_wait{300'000};
// Where nothing waits: another process may have put something there.
constexpr milliseconds idle_wait{60'000};

std::string cut_lines(std::string text) {
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }), text.end());
    return text;
}

}  // namespace

milliseconds retry_after(int failures) {
    auto wait = first_wait;
    for (int i = 1; i < failures && wait < longest_wait; ++i) wait *= 2;
    return std::min(wait, longest_wait);
}

Answer answer_of(int http_status) {
    if (http_status >= 200 && http_status < 300) return Answer::taken;
    if (http_status == 408 || http_status == 425 || http_status == 429 || http_status >= 500) return Answer::later;
    return Answer::never;
}

Result<std::unique_ptr<AlertDelivery>> AlertDelivery::start(const std::vector<declare::AlertTarget>& targets,
                                                            const std::filesystem::path& root,
                                                            const std::filesystem::path& store,
                                                            std::function<void(const std::string&)> note) {
    std::unique_ptr<AlertDelivery> delivery(new AlertDelivery(std::move(note)));
    for (const auto& one : targets) {
        const auto within = [&](Error error) {
            if (error.where.file.empty()) error.where = one.where;
            return std::move(error).within(fmt::format("reading the target '{}' of alerts", one.name));
        };
        auto url = declare::read_secret(one.url, root);
        if (!url) return within(std::move(url).error());
        const auto address = parse_address(*url);
        if (!address)
            return within({.code = ErrorCode::secret_missing,
                           .message = "the url's value is no address of HTTP",
                           .hint = "http://HOST[:PORT]/PATH or https://…, without a user in it"});
        if (!one.ca.empty())
            if (auto usable = check_authorities(one.ca); !usable) return within(std::move(usable).error());
        Target target{.name = one.name,
                      .address = *address,
                      .header = "",
                      .authorities = one.ca,
                      .timeout = one.timeout,
                      .retries = one.retries};
        if (!one.header_name.empty()) {
            auto value = declare::read_secret(one.header_value, root);
            if (!value) return within(std::move(value).error());
            target.header = fmt::format("{}: {}\r\n", one.header_name, cut_lines(std::move(*value)));
        }
        delivery->targets_.push_back(std::move(target));
        WEIR_ASSIGN(auto opened, AlertStore::open(store));
        delivery->stores_.push_back(std::move(opened));
    }
    for (std::size_t i = 0; i < delivery->targets_.size(); ++i)
        delivery->threads_.emplace_back([raw = delivery.get(), i] { raw->run(raw->targets_[i], raw->stores_[i]); });
    return delivery;
}

AlertDelivery::~AlertDelivery() { stop(); }

bool AlertDelivery::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void AlertDelivery::poke() {
    {
        const std::lock_guard lock(mutex_);
        ++poked_;
    }
    wake_.notify_all();
}

void AlertDelivery::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

void AlertDelivery::run(const Target& target, AlertStore& store) {
    std::string last_problem;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto seen = poked_;
        lock.unlock();
        auto wait = deliver_next(target, store);
        if (!wait) {
            auto problem = to_string(wait.error());
            if (problem != last_problem) note_(problem);
            last_problem = std::move(problem);
        }
        lock.lock();
        wake_.wait_for(lock, wait ? *wait : longest_wait, [&] { return stopping_ || poked_ != seen; });
    }
}

Result<milliseconds> AlertDelivery::deliver_next(const Target& target, AlertStore& store) {
    WEIR_ASSIGN(const auto message, store.next_message(target.name));
    if (!message) return idle_wait;
    const auto now = SystemClock().now();
    const auto patience = std::chrono::duration_cast<milliseconds>(message->due - now);
    // A clock that went back does not hold a message longer than its wait.
    if (patience.count() > 0 && patience <= longest_wait) return patience;
    const auto status = post({.to = target.address,
                              .header = target.header,
                              .body = message->body,
                              .authorities = target.authorities,
                              .timeout = target.timeout},
                             [this] { return stopping(); });
    if (!status && status.error().code == ErrorCode::interrupted) return longest_wait;
    const auto answer = status ? answer_of(*status) : Answer::later;
    if (answer == Answer::taken) {
        WEIR_TRY(store.delivered(*message));
        return milliseconds(0);
    }
    const auto why = status ? fmt::format("it answered {}", *status) : status.error().message;
    if (answer == Answer::never || message->tries >= target.retries) {
        WEIR_TRY(store.give_up(*message));
        note_(fmt::format("a message of alert {} to {} is given up: {}", message->alert, target.name, why));
        return milliseconds(0);
    }
    const auto wait = retry_after(message->tries + 1);
    WEIR_TRY(store.postpone(*message, SystemClock().now() + wait));
    if (message->tries == 0)
        note_(fmt::format("a message of alert {} to {} waits: {}", message->alert, target.name, why));
    return wait;
}

}  // namespace weir::observe
