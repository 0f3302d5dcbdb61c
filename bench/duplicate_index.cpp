// What a batch of 10,000 new keys costs in a duplicate index of so many keys: duplicate_index_bench DIRECTORY KEYS…
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "contract/dedup/duplicate_index.h"

using namespace weir;
using namespace weir::contract;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::uint64_t commit_keys = 100'000;
constexpr std::size_t probe_keys = 10'000;
constexpr int repeats = 201;

Status measure(const fs::path& directory, std::uint64_t total) {
    WEIR_ASSIGN(auto index, DuplicateIndex::open(directory, {.identity = "bench"}));
    std::mt19937_64 random(7);
    const auto start = Steady::now();
    for (std::uint64_t done = 0, version = 0; done < total; ++version) {
        std::vector<KeyEntry> batch(std::min(commit_keys, total - done));
        for (auto& entry : batch) entry = {{random(), random()}, 0};
        std::ranges::sort(batch);
        WEIR_TRY(index.add(batch, static_cast<std::int64_t>(version)));
        done += batch.size();
    }
    const std::chrono::duration<double> built = Steady::now() - start;
    std::vector<double> times;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        std::vector<Hash128> batch(probe_keys);
        for (auto& hash : batch) hash = {random(), random()};
        std::ranges::sort(batch);
        const auto before = Steady::now();
        WEIR_ASSIGN(const auto seen, index.probe(batch));
        times.push_back(std::chrono::duration<double, std::micro>(Steady::now() - before).count());
        if (std::ranges::count(seen, 1) != 0) return Error{.message = "a key was found that nobody added"};
    }
    const double first = times[0];
    std::ranges::sort(times);
    std::printf("%llu keys in %zu runs, added in %.2f s; %zu new keys probed in %.0f us (first time %.0f us)\n",
                static_cast<unsigned long long>(total), index.runs(), built.count(), probe_keys,
                times[times.size() / 2], first);
    return ok();
}

}  // namespace

int main(int count, char** arguments) {
    for (int i = 2; i < count; ++i) {
        const auto status = measure(fs::path(arguments[1]) / arguments[i], std::stoull(arguments[i]));
        if (!status) {
            std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
            return 1;
        }
    }
    return 0;
}
