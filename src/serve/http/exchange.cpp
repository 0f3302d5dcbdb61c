#include "serve/http/exchange.h"

#include <algorithm>

namespace weir::serve::http {

bool EventQueue::push(Event event) {
    std::function<void()> wake;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        if (pending_bytes_ + event->size() > bytes_max_) {
            closed_ = true;
        } else {
            pending_bytes_ += event->size();
            pending_.push_back(std::move(event));
        }
        wake = wake_;
    }
    if (wake) wake();
    return true;
}

void EventQueue::close() {
    std::function<void()> wake;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        closed_ = true;
        wake = std::move(wake_);
        wake_ = nullptr;
    }
    if (wake) wake();
}

bool EventQueue::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

void EventQueue::attach(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

bool EventQueue::take(std::vector<Event>& out) {
    const std::lock_guard lock(mutex_);
    out = std::exchange(pending_, {});
    pending_bytes_ = 0;
    return !closed_;
}

Response event_stream(std::shared_ptr<EventQueue> events) {
    Response response;
    response.field("Content-Type", "text/event-stream");
    response.field("Cache-Control", "no-store");
    response.field("X-Accel-Buffering", "no");
    response.events = std::move(events);
    return response;
}

Response& Response::field(std::string_view name, std::string_view value) {
    fields += name;
    fields += ": ";
    // A value is never more than its line, whatever it was made of.
    const auto at = fields.size();
    fields += value;
    fields.erase(std::remove_if(fields.begin() + static_cast<std::ptrdiff_t>(at), fields.end(),
                                [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
                 fields.end());
    fields += "\r\n";
    return *this;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200: return "OK";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 421: return "Misdirected Request";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Unknown";
    }
}

}  // namespace weir::serve::http
