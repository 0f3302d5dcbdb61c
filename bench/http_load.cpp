// Load over HTTP for the scripts beside it: requests at a rate, rows at a rate or as many as go, subscribers of a
// stream; and what came of it, as "name value" lines. Only http://127.0.0.1:PORT.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "http_load: %s\n", what.c_str());
    std::exit(1);
}

double milliseconds(Clock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

void put(const char* name, double value) { std::printf("%s %.15g\n", name, std::round(value * 1000) / 1000); }

void put_percentiles(std::vector<double>& samples) {
    if (samples.empty()) fail("nothing was measured");
    std::sort(samples.begin(), samples.end());
    const auto at = [&](double share) {
        return samples[std::min(samples.size() - 1,
                                static_cast<std::size_t>(share * static_cast<double>(samples.size())))];
    };
    put("samples", static_cast<double>(samples.size()));
    put("p50_ms", at(0.5));
    put("p99_ms", at(0.99));
    put("max_ms", samples.back());
}

int connect_to(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail(std::string("cannot connect: ") + std::strerror(errno));
    return fd;
}

int port_of(const std::string& base) {
    const auto colon = base.rfind(':');
    if (!base.starts_with("http://127.0.0.1:")) fail("not http://127.0.0.1:PORT: " + base);
    return std::atoi(base.c_str() + colon + 1);
}

class Client {
public:
    explicit Client(int port) : fd_(connect_to(port)) {}
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;

    // The body; another status than this ends the program.
    std::string ask(const std::string& head, std::string_view body, int wanted) {
        std::string text = head;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        text += "\r\n";
        text += body;
        for (std::size_t sent = 0; sent < text.size();) {
            const auto count = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) fail("the connection ended while a request was sent");
            sent += static_cast<std::size_t>(count);
        }
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) more();
        const auto at = buffer_.find("Content-Length: ");
        const auto length = at < end ? std::stoull(buffer_.substr(at + 16, 20)) : 0;
        while (buffer_.size() < end + 4 + length) more();
        const int status = std::stoi(buffer_.substr(9, 3));
        auto answer = buffer_.substr(end + 4, length);
        buffer_.erase(0, end + 4 + length);
        if (status != wanted) fail("answered " + std::to_string(status) + ": " + answer);
        return answer;
    }
    std::string get(const std::string& target, const std::string& fields = {}) {
        return ask("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields, {}, 200);
    }
    std::string post(const std::string& topic, std::string_view body) {
        return ask("POST /topics/" + topic + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n",
                   body, 202);
    }

private:
    int fd_;
    std::string buffer_;
    void more() {
        char bytes[64 * 1024];
        const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
        if (count <= 0) fail("the connection ended before the answer");
        buffer_.append(bytes, static_cast<std::size_t>(count));
    }
};

// Calls at an even rate, each as soon as it is due: what is late counts from when it was due.
template <class Call>
void at_rate(double per_second, double seconds, const Call& call) {
    const auto begun = Clock::now();
    for (std::int64_t i = 0; static_cast<double>(i) < per_second * seconds; ++i) {
        const auto due =
            begun + std::chrono::duration_cast<Clock::duration>(Seconds(static_cast<double>(i) / per_second));
        std::this_thread::sleep_until(due);
        call(i, due);
    }
}

// get BASE TARGET RATE SECONDS FIELD: latencies of requests at a rate, on eight connections.
int get(const std::string& base, const std::string& target, double rate, double seconds, const std::string& field) {
    constexpr int connections = 8;
    std::vector<double> all;
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int one = 0; one < connections; ++one)
        threads.emplace_back([&] {
            Client client(port_of(base));
            std::vector<double> samples;
            at_rate(rate / connections, seconds, [&](std::int64_t, Clock::time_point due) {
                client.get(target, field.empty() ? "" : field + "\r\n");
                samples.push_back(milliseconds(Clock::now() - due));
            });
            const std::lock_guard lock(mutex);
            all.insert(all.end(), samples.begin(), samples.end());
        });
    for (auto& thread : threads) thread.join();
    put_percentiles(all);
    return 0;
}

std::string row(std::int64_t id) {
    return "{\"id\":" + std::to_string(id) + ",\"name\":\"name " + std::to_string(id % 1000) +
           "\",\"amount\":" + std::to_string(id % 997) + ".25}\n";
}

// post BASE TOPIC CONNECTIONS ROWS SECONDS: as many rows as go, in requests of so many, each waited for.
int post(const std::string& base, const std::string& topic, int connections, int rows, double seconds) {
    std::atomic<std::int64_t> next{0}, bytes{0};
    std::vector<double> all;
    std::mutex mutex;
    std::vector<std::thread> threads;
    const auto begun = Clock::now();
    for (int one = 0; one < connections; ++one)
        threads.emplace_back([&] {
            Client client(port_of(base));
            std::vector<double> samples;
            while (Seconds(Clock::now() - begun).count() < seconds) {
                const auto first = next.fetch_add(rows);
                std::string body;
                for (int i = 0; i < rows; ++i) body += row(first + i);
                const auto asked = Clock::now();
                client.post(topic, body);
                samples.push_back(milliseconds(Clock::now() - asked));
                bytes += static_cast<std::int64_t>(body.size());
            }
            const std::lock_guard lock(mutex);
            all.insert(all.end(), samples.begin(), samples.end());
        });
    for (auto& thread : threads) thread.join();
    const auto took = Seconds(Clock::now() - begun).count();
    const auto count = static_cast<double>(next);
    put("rows", count);
    put("id_sum", count * (count - 1) / 2);
    put("rows_per_second", count / took);
    put("mb_per_second", static_cast<double>(bytes) / took / 1e6);
    put_percentiles(all);
    return 0;
}

// Posts rows at a rate, fifty times a second, on a few connections; `sent` is told of each request before it goes.
template <class Sent>
void post_at_rate(const std::string& base, const std::string& topic, double rate, double seconds, std::int64_t modulo,
                  const Sent& sent) {
    constexpr double per_second = 50;
    constexpr int connections = 4;
    const auto rows = std::max<std::int64_t>(1, static_cast<std::int64_t>(rate / per_second));
    std::vector<std::thread> threads;
    const auto begun = Clock::now();
    for (int one = 0; one < connections; ++one)
        threads.emplace_back([&, one] {
            Client client(port_of(base));
            for (std::int64_t i = one; static_cast<double>(i) < per_second * seconds; i += connections) {
                const auto due =
                    begun + std::chrono::duration_cast<Clock::duration>(Seconds(static_cast<double>(i) / per_second));
                std::string body;
                for (std::int64_t n = i * rows; n < (i + 1) * rows; ++n)
                    body += modulo > 0
                                ? "{\"id\":" + std::to_string(n * 7919 % modulo) + ",\"n\":" + std::to_string(n) + "}\n"
                                : row(n);
                std::this_thread::sleep_until(due);
                sent(rows, due);
                client.post(topic, body);
            }
        });
    for (auto& thread : threads) thread.join();
}

// fresh BASE TOPIC VIEW RATE SECONDS: how long until as many rows are in the view's column `n` as were posted. The view
// is asked for again 5 ms after each answer.
int fresh(const std::string& base, const std::string& topic, const std::string& view, double rate, double seconds) {
    std::mutex mutex;
    std::vector<std::pair<std::int64_t, Clock::time_point>> waiting;  // rows in all, and when the last of them was due
    std::int64_t posted = 0;
    std::atomic<bool> ended{false};
    std::vector<double> samples, reads;
    std::int64_t seen = 0;
    std::thread reader([&] {
        Client client(port_of(base));
        const auto patience = Clock::now() + std::chrono::seconds(120) + Seconds(seconds);
        for (std::size_t next = 0;;) {
            const auto asked = Clock::now();
            const auto answer = json::parse(client.get("/views/" + view + "?layer=merged"));
            const auto now = Clock::now();
            reads.push_back(milliseconds(now - asked));
            const auto& data = answer.at("data");
            if (!data.empty() && data[0].at("n").is_number()) seen = data[0].at("n").get<std::int64_t>();
            const std::lock_guard lock(mutex);
            for (; next < waiting.size() && waiting[next].first <= seen; ++next)
                samples.push_back(milliseconds(now - waiting[next].second));
            if (ended && next == waiting.size()) return;
            if (now > patience) fail("rows that were posted are not in the view: " + std::to_string(seen));
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    post_at_rate(base, topic, rate, seconds, 0, [&](std::int64_t rows, Clock::time_point due) {
        const std::lock_guard lock(mutex);
        posted += rows;
        waiting.emplace_back(posted, due);
    });
    ended = true;
    reader.join();
    put("rows", static_cast<double>(posted));
    put("seen", static_cast<double>(seen));
    put_percentiles(samples);
    std::sort(reads.begin(), reads.end());
    put("reads", static_cast<double>(reads.size()));
    put("read_p50_ms", reads[reads.size() / 2]);
    return 0;
}

// marker BASE TOPIC TARGET TEMPLATE COUNT: posts the template with @ as a new name, as learning has them, and asks for
// the target with it until there is a row.
int marker(const std::string& base, const std::string& topic, const std::string& target, const std::string& text,
           int count) {
    Client client(port_of(base));
    std::vector<double> samples;
    const auto with = [](std::string where, const std::string& name) {
        for (auto at = where.find('@'); at != std::string::npos; at = where.find('@')) where.replace(at, 1, name);
        return where;
    };
    for (int i = 0; i < count; ++i) {
        const auto name = "SV9" + std::to_string(::getpid()) + std::to_string(1000 + i);
        const auto begun = Clock::now();
        client.post(topic, with(text, name) + "\n");
        while (client.get(with(target, name)).find("\"data\":[]") != std::string::npos)
            if (Clock::now() - begun > std::chrono::seconds(60)) fail(name + " was not seen in a minute");
        samples.push_back(milliseconds(Clock::now() - begun));
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + i * 37 % 100));
    }
    put_percentiles(samples);
    return 0;
}

// One subscriber: the chunks of its answer, and the hash of each event in turn. The first one keeps the events too.
class Subscriber {
public:
    Subscriber(int port, const std::string& target, bool keeps) : fd_(connect_to(port)), keeps_(keeps) {
        const auto request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
        if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) <= 0) fail("a subscriber cannot ask");
        XXH3_64bits_reset(state_.get());
    }
    ~Subscriber() { ::close(fd_); }
    Subscriber(const Subscriber&) = delete;

    int fd() const { return fd_; }
    std::uint64_t chain = 0, bytes = 0;
    std::int64_t events = 0;
    Clock::time_point last{};
    std::vector<std::string> kept;

    void take(std::string_view received) {
        bytes += received.size();
        while (!received.empty()) {
            switch (place_) {
                case Place::head: {
                    line_ += received.front();
                    received.remove_prefix(1);
                    if (!line_.ends_with("\r\n\r\n")) break;
                    if (!line_.starts_with("HTTP/1.1 200")) fail("a subscriber was answered " + line_);
                    line_.clear();
                    place_ = Place::size;
                    break;
                }
                case Place::size: {
                    line_ += received.front();
                    received.remove_prefix(1);
                    if (!line_.ends_with("\r\n")) break;
                    left_ = std::stoull(line_, nullptr, 16);
                    if (left_ == 0) fail("a subscriber's stream ended");
                    line_.clear();
                    place_ = Place::data;
                    break;
                }
                case Place::data: {
                    const auto count = std::min<std::size_t>(left_, received.size());
                    text(received.substr(0, count));
                    received.remove_prefix(count);
                    left_ -= count;
                    if (left_ == 0) {
                        left_ = 2;
                        place_ = Place::end;
                    }
                    break;
                }
                case Place::end: {
                    received.remove_prefix(1);
                    if (--left_ == 0) place_ = Place::size;
                    break;
                }
            }
        }
    }

private:
    enum class Place { head, size, data, end };
    struct Free {
        void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    int fd_;
    bool keeps_;
    Place place_ = Place::head;
    std::string line_, event_;
    std::size_t left_ = 0;
    std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
    bool line_ended_ = false, begun_ = false, counts_ = false;

    void add(std::string_view part) {
        if (part.empty()) return;
        // Comments and the time to wait are no events.
        if (!std::exchange(begun_, true)) counts_ = part.front() != ':' && part.front() != 'r';
        XXH3_64bits_update(state_.get(), part.data(), part.size());
        if (keeps_) event_ += part;
    }
    // An event ends with an empty line.
    void text(std::string_view part) {
        while (!part.empty()) {
            if (line_ended_ && part.front() == '\n') {
                if (counts_) {
                    chain = chain * 1'000'003 + XXH3_64bits_digest(state_.get());
                    ++events;
                    last = Clock::now();
                    if (keeps_) kept.push_back(event_);
                }
                XXH3_64bits_reset(state_.get());
                event_.clear();
                begun_ = line_ended_ = false;
                part.remove_prefix(1);
                continue;
            }
            const auto end = part.find('\n');
            line_ended_ = end != std::string_view::npos;
            const auto count = line_ended_ ? end + 1 : part.size();
            add(part.substr(0, count));
            part.remove_prefix(count);
        }
    }
};

// What a consumer has behind these events, by the column `id`.
std::map<std::int64_t, std::string> state_behind(const std::vector<std::string>& events, std::int64_t& changes) {
    std::map<std::int64_t, std::string> rows;
    for (const auto& event : events) {
        const auto at = event.find("\ndata: ");
        const auto name = event.substr(event.find("event: ") + 7);
        const auto data = json::parse(event.substr(at + 7));
        if (name.starts_with("problem")) fail("the stream has a problem: " + data.dump());
        if (name.starts_with("snapshot")) {
            rows.clear();
            for (const auto& one : data.at("rows")) rows[one.at("id")] = one.dump();
            continue;
        }
        for (const auto* kind : {"inserted", "updated", "deleted"})
            for (const auto& one : data.at(kind)) {
                ++changes;
                if (std::string_view(kind) == "deleted") {
                    rows.erase(one.at("id").get<std::int64_t>());
                } else {
                    rows[one.at("id")] = one.dump();
                }
            }
    }
    return rows;
}

// streams BASE TOPIC VIEW SUBSCRIBERS RATE SECONDS KEYS: subscribers of a view while rows change it; then each must
// have what the view has.
int streams(const std::string& base, const std::string& topic, const std::string& view, int count, double rate,
            double seconds, std::int64_t keys) {
    const int port = port_of(base);
    std::vector<std::unique_ptr<Subscriber>> all;
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; ++i) {
        all.push_back(std::make_unique<Subscriber>(port, "/stream/" + view + "?layer=merged", i == 0));
        epoll_event event{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, all.back()->fd(), &event);
    }
    std::vector<char> buffer(1 << 20);
    const auto read_for = [&](int at_most_ms) {
        std::vector<epoll_event> ready(256);
        const int found = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), at_most_ms);
        for (int i = 0; i < found; ++i) {
            auto& one = *all[ready[static_cast<std::size_t>(i)].data.u32];
            const auto got = ::recv(one.fd(), buffer.data(), buffer.size(), 0);
            if (got <= 0) fail("a subscriber was cut off");
            one.take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        }
    };
    const auto all_began = [&] {
        return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->events > 0; });
    };
    const auto connected = Clock::now();
    while (!all_began()) {
        read_for(100);
        if (Clock::now() - connected > std::chrono::seconds(60)) fail("some subscribers hear nothing");
    }
    put("begun_ms", milliseconds(Clock::now() - connected));
    std::atomic<bool> posting{true};
    const auto begun = Clock::now();
    std::int64_t posted = 0;
    std::mutex mutex;
    std::thread load([&] {
        post_at_rate(base, topic, rate, seconds, keys, [&](std::int64_t rows, Clock::time_point) {
            const std::lock_guard lock(mutex);
            posted += rows;
        });
        posting = false;
    });
    Clock::time_point posted_until{};
    // Until all have the same and nothing came for three seconds.
    for (auto quiet = Clock::now();;) {
        read_for(100);
        const auto now = Clock::now();
        if (!posting && posted_until == Clock::time_point{}) posted_until = now;
        Clock::time_point last{};
        bool same = true;
        for (const auto& one : all) {
            last = std::max(last, one->last);
            same = same && one->chain == all[0]->chain;
        }
        quiet = std::max(last, posted_until);
        if (!posting && same && now - quiet > std::chrono::seconds(3)) break;
        if (!posting && now - posted_until > std::chrono::seconds(90))
            fail("subscribers differ, or changes do not end");
    }
    load.join();
    std::uint64_t bytes = 0;
    Clock::time_point last{};
    for (const auto& one : all) {
        bytes += one->bytes;
        last = std::max(last, one->last);
    }
    std::int64_t changes = 0;
    const auto has = state_behind(all[0]->kept, changes);
    Client client(port);
    std::map<std::int64_t, std::string> wants;
    const auto lines = client.get("/views/" + view + "?layer=merged", "Accept: application/x-ndjson\r\n");
    for (std::size_t at = 0; at < lines.size();) {
        const auto end = lines.find('\n', at);
        const auto one = json::parse(lines.substr(at, end - at));
        wants[one.at("id")] = one.dump();
        at = end + 1;
    }
    const auto took = Seconds(last - begun).count();
    put("posted", static_cast<double>(posted));
    put("changes", static_cast<double>(changes));
    put("changes_per_second", static_cast<double>(changes) / took);
    put("events", static_cast<double>(all[0]->events));
    put("mb_per_second", static_cast<double>(bytes) / took / 1e6);
    put("behind_ms", std::max(0.0, milliseconds(last - posted_until)));
    put("rows", static_cast<double>(wants.size()));
    put("equal", has == wants ? 1 : 0);
    return has == wants ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> w(words + 1, words + count);
    const auto number = [&](std::size_t i) { return std::stod(w.at(i)); };
    if (w.size() >= 5 && w[0] == "get") return get(w[1], w[2], number(3), number(4), w.size() > 5 ? w[5] : "");
    if (w.size() == 6 && w[0] == "post")
        return post(w[1], w[2], static_cast<int>(number(3)), static_cast<int>(number(4)), number(5));
    if (w.size() == 6 && w[0] == "fresh") return fresh(w[1], w[2], w[3], number(4), number(5));
    if (w.size() == 6 && w[0] == "marker") return marker(w[1], w[2], w[3], w[4], static_cast<int>(number(5)));
    if (w.size() == 8 && w[0] == "streams")
        return streams(w[1], w[2], w[3], static_cast<int>(number(4)), number(5), number(6),
                       static_cast<std::int64_t>(number(7)));
    fail("get | post | fresh | marker | streams; see the functions");
}
