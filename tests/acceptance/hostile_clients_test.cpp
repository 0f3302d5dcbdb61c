// Clients that mean no good, or that break: many, slow, large, gone in the middle. Others are served meanwhile, and
// afterwards there is as much memory and as many open files as before.
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "support/served.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
namespace client = serve::http::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
// What a program may take more, for answers under way and what malloc keeps; a sanitizer keeps much of what was freed.
constexpr std::size_t customers_margin = (slowness > 1 ? 1500 : 64) * mebibyte;

std::size_t files_of(pid_t pid) {
    const fs::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// As many files as the system lets us open; how many those are.
std::size_t raise_open_files() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::size_t>(limit.rlim_cur);
}

// A connection without a buffer of its own.
class Socket {
public:
    explicit Socket(std::uint16_t port, int receive_bytes = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_bytes > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = fd_ >= 0 && ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Socket() { close(); }
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
    Socket(const Socket&) = delete;

    bool connected() const { return connected_; }
    bool send(std::string_view bytes, int flags = 0) const {
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | flags) == static_cast<ssize_t>(bytes.size());
    }
    // What is there, or comes within the time.
    std::string some(int at_most_ms = 5000) const {
        pollfd wait{fd_, POLLIN, 0};
        char bytes[4096];
        if (::poll(&wait, 1, at_most_ms) <= 0) return {};
        const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
        return count <= 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(count));
    }
    bool ended() const {
        char byte = 0;
        const auto count = ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
        return count == 0 || (count < 0 && errno != EAGAIN);
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    // With a reset instead of an end.
    void abort() {
        const linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

private:
    int fd_ = -1;
    bool connected_ = false;
};

// Somebody who wants nothing but rows, again and again, on a connection of its own and on new ones.
class Customer {
public:
    explicit Customer(std::uint16_t port) : thread_([this, port] { run(port); }) {}
    ~Customer() { stop(); }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::atomic<int> served{0}, failed{0};
    // Answers that took longer than anybody waits gladly; and requests that came so late that the server may take us
    // for one of the slow ones.
    std::atomic<int> slow{0};

private:
    std::atomic<bool> stopping_ = false;
    std::thread thread_;

    void run(std::uint16_t port) {
        const std::string text = "GET /views/sums/anna HTTP/1.1\r\nHost: localhost\r\n\r\n";
        auto kept = std::make_unique<client::Client>(port);
        auto last = steady_clock::now();
        for (int i = 0; !stopping_; ++i) {
            if (i % 10 == 9) kept = std::make_unique<client::Client>(port);
            const auto answer =
                i % 10 == 5 ? client::get(port, "/views/rows_?order=id&limit=3") : (kept->send(text), kept->read());
            const auto took = steady_clock::now() - std::exchange(last, steady_clock::now());
            if (answer.status == 200) {
                ++served;
                if (took > seconds(3 * slowness)) ++slow;
            } else {
                ++(took > milliseconds(500) ? slow : failed);
                kept = std::make_unique<client::Client>(port);
            }
            std::this_thread::sleep_for(milliseconds(5));
        }
    }
};

class Hostile : public Served {
protected:
    Hostile() {
        // So large that no socket holds it.
        view("large", "SELECT id, n, repeat(chr(97 + (n % 26)::INT), 1000) AS text FROM t, range(1000) r(n)");
    }
    void start(const std::string& http = "") {
        put("serve.yaml", "http: {" + http + "}\nviews: [{view: sums, key: [name]}]\n");
        run_ok();
    }
    // Waits until it has no more files open than before, and some.
    static void expect_files(pid_t pid, std::size_t before) {
        for (int look = 0; look < 1200 && files_of(pid) > before + 8; ++look)
            std::this_thread::sleep_for(milliseconds(50));
        EXPECT_LE(files_of(pid), before + 8) << "files are left open";
    }
    static void expect_served(Customer& customer, int at_least) {
        EXPECT_GE(customer.served, at_least / slowness);
        EXPECT_EQ(customer.failed, 0);
        // A machine may stand still for once; who is held up by others is held up again and again.
        EXPECT_LE(customer.slow * 20, customer.served) << customer.slow;
    }
};

// An idle connection is a buffer of 4 KiB and some hundred bytes of state: 8 KiB with what malloc adds. The bound is
// twice that, and what the program needs for the answers in between.
TEST_F(Hostile, ten_thousand_idle_connections_leave_others_served) {
    start();
    const auto fits = std::min<std::size_t>(10'000, raise_open_files() - 1500);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    ASSERT_EQ(server.get("/views/sums/anna").status, 200);
    ASSERT_EQ(server.get("/views/rows_?order=id&limit=3").status, 200);
    const auto memory = memory_of(server.pid()), files = files_of(server.pid());
    Customer customer(server.port());
    {
        std::vector<Socket> idle;
        idle.reserve(fits);
        for (std::size_t i = 0; i < fits; ++i) {
            idle.emplace_back(server.port());
            ASSERT_TRUE(idle.back().connected()) << i;
            // Half of them have asked for something, the others never do.
            if (i % 2 != 0) continue;
            ASSERT_TRUE(idle.back().send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        }
        for (std::size_t i = 0; i < fits; i += 2) ASSERT_FALSE(idle[i].some().empty()) << i;
        EXPECT_GE(files_of(server.pid()), fits);
        const int before = customer.served;
        std::this_thread::sleep_for(seconds(2));
        EXPECT_GT(customer.served, before + 20 / slowness) << "others are served beside them";
        EXPECT_LT(memory_of(server.pid()), memory + fits * 16 * 1024 + customers_margin);
        std::size_t ended = 0;
        for (const auto& one : idle) ended += one.ended() && one.some(0).empty();
        EXPECT_EQ(ended, 0u) << "they are within their time";
        RecordProperty("connections", static_cast<int>(fits));
        RecordProperty("bytes_each", static_cast<int>((memory_of(server.pid()) - memory) / fits));
    }
    customer.stop();
    expect_served(customer, 50);
    expect_files(server.pid(), files);
    EXPECT_LT(memory_of(server.pid()), memory + fits * 16 * 1024 + customers_margin);
    EXPECT_EQ(server.stop(), 0);
}

// More connections than there may be: whoever sits idle makes room, and files for answers are left.
TEST_F(Hostile, who_takes_all_connections_keeps_nobody_out) {
    start();
    UpServer server(project, {"--only", "serve"}, {}, 700);
    ASSERT_NE(server.port(), 0) << server.err();
    EXPECT_THAT(server.err(), HasSubstr("at most 350 connections at a time"));
    ASSERT_EQ(server.get("/views/sums/anna").status, 200);
    std::vector<Socket> idle;
    std::atomic<bool> stopping = false;
    std::thread crowd([&] {
        for (int i = 0; i < 2000 && !stopping; ++i) {
            idle.emplace_back(server.port());
            std::this_thread::sleep_for(milliseconds(1));
        }
    });
    std::this_thread::sleep_for(milliseconds(800));
    int slow = 0;
    for (int i = 0; i < 10; ++i) {
        const auto begun = steady_clock::now();
        EXPECT_EQ(server.get("/views/sums/anna").status, 200);
        const auto large = server.get("/views/large", {{"Accept", "application/x-ndjson"}});
        EXPECT_EQ(large.status, 200) << large.body;
        slow += steady_clock::now() - begun > seconds(30 * slowness) ? 1 : 0;
    }
    EXPECT_LE(slow, 1) << "newcomers wait for the idle";
    stopping = true;
    crowd.join();
    EXPECT_LE(files_of(server.pid()), 700u);
}

// Slowly in every place: the request line, a field, the body, its chunks, and reading the answer. Each is cut off.
TEST_F(Hostile, slow_ones_are_cut_off_and_hold_up_nobody) {
    start("header_timeout: 1s, idle_timeout: 3s");
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    raise_open_files();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    ASSERT_EQ(server.get("/views/sums/anna").status, 200);
    ASSERT_EQ(server.get("/views/large", {{"Accept", "application/x-ndjson"}}).status, 200);
    const auto memory = memory_of(server.pid()), files = files_of(server.pid());
    Customer customer(server.port());
    const std::string post =
        "POST /topics/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n";
    const std::vector<std::string> beginnings{
        "G",
        "GET /views/sums HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        post + "Content-Length: 1000000\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\n\r\nFFFF\r\n",
    };
    std::vector<Socket> slow;
    for (int i = 0; i < 500; ++i) {
        slow.emplace_back(server.port());
        slow.back().send(beginnings[static_cast<std::size_t>(i) % beginnings.size()]);
    }
    // Those who never read: as much of the answer as a socket holds, the rest on disk.
    std::vector<Socket> deaf;
    for (int i = 0; i < 16; ++i) {
        deaf.emplace_back(server.port(), 4096);
        deaf.back().send("GET /views/large HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n");
    }
    // A byte every 200 ms is no progress.
    std::size_t left = slow.size();
    for (int round = 0; round < 300 * slowness && left > 0; ++round) {
        std::this_thread::sleep_for(milliseconds(200));
        left = 0;
        for (std::size_t i = 0; i < slow.size(); ++i) {
            // What comes before the end is the answer: 408.
            while (!slow[i].some(0).empty()) {
            }
            if (slow[i].ended()) continue;
            slow[i].send(i % beginnings.size() == 3 ? "1" : "x");
            ++left;
        }
    }
    EXPECT_EQ(left, 0u) << "some slow ones are still there";
    EXPECT_LT(memory_of(server.pid()), memory + deaf.size() * 2 * mebibyte + customers_margin)
        << "an answer that nobody reads waits on disk";
    customer.stop();
    expect_served(customer, 50);
    for (auto& one : deaf) one.abort();
    expect_files(server.pid(), files);
    EXPECT_EQ(server.stop(), 0);
}

// Without an end: request lines, fields, chunks, requests in a row whose answers nobody reads. Memory stays.
TEST_F(Hostile, endless_ones_are_refused_and_take_no_memory) {
    start("header_timeout: 2s");
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    ASSERT_EQ(server.get("/views/sums/anna").status, 200);
    const auto memory = memory_of(server.pid()), files = files_of(server.pid());
    Customer customer(server.port());
    const std::string post = "POST /topics/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const std::string piece(64 * 1024, 'x'), get_one = "GET /views/sums HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::string requests;
    while (requests.size() < 256 * 1024) requests += get_one;
    const std::vector<std::pair<std::string, std::string>> endless{
        {"GET /", piece},
        {"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ", piece},
        {"GET / HTTP/1.1\r\nHost: localhost\r\n", "X-One: more\r\n"},
        {post + "Transfer-Encoding: chunked\r\n\r\n", "1;" + piece},
        {post + "Transfer-Encoding: chunked\r\n\r\n", "10000\r\n" + piece + "\r\n"},
        {post + "Content-Length: 1000000000000\r\n\r\n", piece},
        {"", requests},
        {"\r\n\r\n\r\n", "\r\n\r\n"},
        {std::string("\x16\x03\x01\x02\x00\x01\x00", 7), piece},
    };
    std::vector<std::thread> crowd;
    std::atomic<std::uint64_t> sent = 0;
    std::size_t most = 0;
    for (const auto& [begin, more] : endless)
        for (int i = 0; i < 4; ++i)
            crowd.emplace_back([&, begin = begin, more = more] {
                Socket one(server.port(), 4096);
                one.send(begin);
                const auto until = steady_clock::now() + seconds(4);
                while (steady_clock::now() < until) {
                    if (one.send(more, MSG_DONTWAIT)) {
                        sent += more.size();
                    } else if (one.ended()) {
                        return;
                    } else {
                        std::this_thread::sleep_for(milliseconds(5));
                    }
                }
            });
    for (int look = 0; look < 40; ++look) {
        most = std::max(most, memory_of(server.pid()));
        std::this_thread::sleep_for(milliseconds(100));
    }
    for (auto& one : crowd) one.join();
    customer.stop();
    expect_served(customer, 30);
    // 16 MiB of body each for the one kind that is taken so far, twice while it grows.
    EXPECT_LT(most, memory + 4 * 2 * 16 * mebibyte + customers_margin) << sent;
    expect_files(server.pid(), files);
    EXPECT_EQ(server.stop(), 0);
}

// 10,000 who go away, with a reset, at any point of a request or an answer. What they began is let go.
TEST_F(Hostile, ten_thousand_abrupt_ends_leave_nothing_behind) {
    start();
    ASSERT_EQ(weir_with({"topic", "create", "orders"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const std::string post =
        "POST /topics/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: "
        "20000\r\n";
    const std::vector<std::string> begun{
        "",
        "GET /vie",
        "GET /views/sums HTTP/1.1\r\nHost: localhost\r\n",
        "GET /views/sums/anna HTTP/1.1\r\nHost: localhost\r\n\r\n",
        post + "\r\n" + std::string(10'000, 'x'),
        post + "Expect: 100-continue\r\n\r\n",
        "GET /stream/sums HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /views/sums HTTP/1.1\r\nHost: localhost\r\n\r\nGET /views/sums HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    const std::string large = "GET /views/large HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n",
                      merged = "GET /stream/sums?layer=merged HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const auto wave = [&](int count) {
        std::vector<std::thread> crowd;
        for (int thread = 0; thread < 4; ++thread)
            crowd.emplace_back([&, thread] {
                std::mt19937 random(static_cast<unsigned>(thread));
                for (int i = thread; i < count; i += 4) {
                    Socket one(server.port(), 4096);
                    // What costs the server something is asked for less often.
                    const auto& text = i % 100 == 0 ? large : i % 100 == 1 ? merged : begun[random() % begun.size()];
                    if (!text.empty()) one.send(text);
                    // Some in the middle of the answer.
                    if (random() % 2 == 0 && text.ends_with("\r\n\r\n")) static_cast<void>(one.some(300));
                    one.abort();
                }
            });
        for (auto& one : crowd) one.join();
    };
    // Those at first show what the program needs at all; then as many must need no more.
    wave(2'000);
    ASSERT_EQ(server.get("/views/sums/anna").status, 200);
    std::this_thread::sleep_for(seconds(2));
    const auto memory = memory_of(server.pid()), files = files_of(server.pid());
    Customer customer(server.port());
    wave(8'000);
    customer.stop();
    expect_served(customer, 50);
    expect_files(server.pid(), files);
    EXPECT_LT(memory_of(server.pid()), memory + customers_margin);
    const auto metrics = server.get("/metrics").body;
    const auto at = metrics.find("\nweir_http_connections ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_LE(std::stoi(metrics.substr(at + 23)), 5) << "connections that are gone are counted";
    EXPECT_EQ(server.stop(), 0) << server.err();
}

// Posting while it is killed, several times: what was acknowledged is there, and what was sent again under its key is
// there once.
TEST_F(Hostile, killed_under_load_it_loses_nothing_that_was_acknowledged) {
    start();
    ASSERT_EQ(weir_with({"topic", "create", "orders", "--partitions", "3"}).exit_code, 0);
    std::mutex mutex;
    std::set<int> acknowledged, keyed;
    std::map<int, int> unsure;  // request -> its first row
    std::atomic<int> next = 0;
    constexpr int rows_each = 5;
    std::mt19937 random(4711);
    const auto body_of = [](int first) {
        std::string body;
        for (int i = 0; i < rows_each; ++i) body += "{\"n\":" + std::to_string(first + i) + "}\n";
        return body;
    };
    const auto post = [&](std::uint16_t port, int first, bool with_key) {
        std::map<std::string, std::string> fields{{"Content-Type", "application/x-ndjson"}};
        if (with_key) fields["Idempotency-Key"] = "rows-" + std::to_string(first);
        return client::request(port, "POST", "/topics/orders?key=n", fields, body_of(first)).status;
    };
    for (int round = 0; round < 5 && !HasFailure(); ++round) {
        UpServer server(project);
        ASSERT_NE(server.port(), 0) << server.err();
        // What was left open by the kill before is sent again.
        for (const auto& [first, unused] : std::exchange(unsure, {})) {
            EXPECT_EQ(post(server.port(), first, true), 202);
            acknowledged.insert(first);
        }
        std::atomic<bool> stopping = false;
        std::vector<std::thread> crowd;
        for (int thread = 0; thread < 6; ++thread)
            crowd.emplace_back([&, thread] {
                while (!stopping) {
                    const int first = next.fetch_add(rows_each);
                    const bool with_key = thread % 2 == 0;
                    const int status = post(server.port(), first, with_key);
                    const std::lock_guard lock(mutex);
                    if (with_key) keyed.insert(first);
                    if (status == 202) acknowledged.insert(first);
                    if (status != 202 && with_key) unsure[first] = first;
                    if (status == 0) return;
                }
            });
        std::this_thread::sleep_for(milliseconds(200 + random() % 500));
        EXPECT_EQ(server.stop(SIGKILL), 128 + SIGKILL);
        stopping = true;
        for (auto& one : crowd) one.join();
    }
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    for (const auto& [first, unused] : unsure) {
        EXPECT_EQ(post(server.port(), first, true), 202);
        acknowledged.insert(first);
    }
    EXPECT_EQ(server.stop(), 0);
    EXPECT_GT(acknowledged.size(), 50u / slowness);
    std::map<int, int> there;
    std::istringstream lines(weir_with({"consume", "orders"}).out);
    for (std::string line; std::getline(lines, line);) ++there[json::parse(line).at("n").get<int>()];
    int lost = 0, repeated = 0;
    for (const int first : acknowledged)
        for (int row = first; row < first + rows_each; ++row) {
            lost += there[row] == 0;
            repeated += there[row] > 1 && keyed.contains(first);
            // Without a key nobody sends again: then it is there once too.
            repeated += there[row] > 1 && !keyed.contains(first);
        }
    EXPECT_EQ(lost, 0);
    EXPECT_EQ(repeated, 0);
}

}  // namespace
}  // namespace weir::test
