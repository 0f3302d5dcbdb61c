// Appends messages of about 200 bytes to a topic, and reads them all again; one line of figures for each of both.
//   log_bench DIR MESSAGES SYNC CODEC THREADS
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/limits.h"
#include "source/log/log.h"
#include "source/log/reader.h"

using namespace weir;
namespace topics = weir::source::log;

namespace {

// Different texts that compress about as an event does.
std::vector<std::string> messages() {
    std::vector<std::string> made;
    std::uint64_t state = 42;
    for (int i = 0; i < 10'000; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        made.push_back(fmt::format(
            R"({{"event_id":"{:016x}","user_id":{},"type":"answer","item":"q{}","correct":{},"elapsed_ms":{},)"
            R"("event_time":"2024-03-{:02}T{:02}:{:02}:{:02}.{:03}Z","device":"mobile","session":"{:08x}"}})",
            state, (state >> 20) % 50'000, (state >> 7) % 12'000, state % 2 == 0, (state >> 11) % 90'000,
            1 + state % 28, (state >> 5) % 24, (state >> 9) % 60, (state >> 13) % 60, (state >> 17) % 1000,
            state >> 32));
    }
    return made;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void report(const char* what, std::int64_t count, std::int64_t bytes, double seconds) {
    fmt::print("  {:<7} {:>7.2f} M messages/s {:>8.1f} MB/s   ({} messages, {:.2f} s)\n", what,
               static_cast<double>(count) / seconds / 1e6, static_cast<double>(bytes) / seconds / 1e6, count, seconds);
}

[[noreturn]] void fail(const Error& error) {
    fmt::print(stderr, "{}\n", to_string(error));
    std::exit(1);
}

}  // namespace

int main(int count, char** words) {
    if (count != 6) return 2;
    const fs::path folder = words[1];
    const std::int64_t wanted = std::atoll(words[2]);
    const std::string policy = words[3];
    const auto sync = policy == "always" ? topics::Sync::always
                                         : (policy == "interval" ? topics::Sync::interval : topics::Sync::never);
    const auto codec = topics::codec_named(words[4]).value_or(topics::Codec::lz4);
    const int threads = std::atoi(words[5]);
    auto opened = topics::Log::open(folder, {.sync = sync});
    if (!opened) fail(opened.error());
    auto& owner = **opened;
    if (const auto made = owner.create_topic("t", {.partitions = threads, .codec = codec}); !made) fail(made.error());
    const auto texts = messages();
    std::int64_t bytes = 0;
    for (const auto& text : texts) bytes += static_cast<std::int64_t>(text.size());
    bytes = bytes * wanted / static_cast<std::int64_t>(texts.size());

    const auto append_start = std::chrono::steady_clock::now();
    std::vector<std::thread> writers;
    for (int writer = 0; writer < threads; ++writer) {
        writers.emplace_back([&, writer] {
            topics::BatchBuilder builder;
            const auto send = [&] {
                auto batch = builder.finish(codec);
                if (!batch) fail(batch.error());
                owner.append({.topic = "t", .partition = writer, .batch = std::move(*batch)},
                             [](Result<topics::Appended> appended) {
                                 if (!appended) fail(appended.error());
                             });
            };
            for (std::int64_t i = writer; i < wanted; i += threads) {
                const auto added = builder.add(i, std::nullopt, texts[static_cast<std::size_t>(i) % texts.size()]);
                if (!added) fail(added.error());
                if (builder.bytes() >= limits::log_batch_bytes_target) send();
            }
            send();
        });
    }
    for (auto& writer : writers) writer.join();
    if (const auto closed = owner.close(); !closed) fail(closed.error());
    report("append", wanted, bytes, seconds_since(append_start));

    const auto read_start = std::chrono::steady_clock::now();
    std::vector<std::thread> readers;
    std::atomic<std::int64_t> read_records{0}, read_bytes{0};
    for (int partition = 0; partition < threads; ++partition) {
        readers.emplace_back([&, partition] {
            auto reader = topics::Reader::open(folder, "t", partition);
            if (!reader) fail(reader.error());
            std::int64_t records = 0, size = 0;
            for (;;) {
                const auto batch = reader->next();
                if (!batch) fail(batch.error());
                if (!*batch) break;
                (*batch)->for_each([&](const topics::RecordView& record) {
                    ++records;
                    size += static_cast<std::int64_t>(record.value->size());
                });
            }
            read_records += records;
            read_bytes += size;
        });
    }
    for (auto& reader : readers) reader.join();
    if (read_records != wanted) return 3;
    report("read", read_records, read_bytes, seconds_since(read_start));
    return 0;
}
