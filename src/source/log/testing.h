// For tests of the log: made-up records, and everything that a topic holds.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <random>

#include "source/log/log.h"
#include "source/log/reader.h"

namespace weir::source::log::testing {

struct Record {
    std::optional<std::string> key, value;
    std::int64_t timestamp = 0;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers{};
    bool operator==(const Record&) const = default;
};

inline EncodedBatch batch_of(const std::vector<Record>& records, Codec codec = Codec::lz4) {
    BatchBuilder builder;
    for (const auto& record : records) {
        std::vector<RecordHeader> headers;
        for (const auto& [name, value] : record.headers) headers.push_back({name, value});
        EXPECT_TRUE(builder.add(record.timestamp, record.key, record.value, headers));
    }
    auto batch = builder.finish(codec);
    EXPECT_TRUE(batch.ok());
    return std::move(*batch);
}

inline Record copy_of(const RecordView& view) {
    Record record{.timestamp = view.timestamp};
    if (view.key) record.key.emplace(*view.key);
    if (view.value) record.value.emplace(*view.value);
    for (const auto& header : view.headers()) {
        record.headers.emplace_back(header.name, std::nullopt);
        if (header.value) record.headers.back().second.emplace(*header.value);
    }
    return record;
}

using Held = std::map<std::int64_t, Record>;

// Everything from an offset on. Damage is collected and passed over.
inline Held all_records(const fs::path& log, const std::string& topic, int partition,
                        std::vector<Damage>* damage = nullptr, std::int64_t from = -1) {
    Held held;
    auto reader = Reader::open(log, topic, partition);
    EXPECT_TRUE(reader.ok()) << to_string(reader.error());
    if (!reader) return held;
    auto begin = reader->begin();
    EXPECT_TRUE(begin.ok());
    reader->seek(from >= 0 ? from : *begin);
    for (;;) {
        auto batch = reader->next();
        if (!batch && reader->damage()) {
            EXPECT_NE(damage, nullptr) << to_string(batch.error());
            if (damage == nullptr) return held;
            damage->push_back(*reader->damage());
            reader->seek(reader->damage()->to);
            continue;
        }
        EXPECT_TRUE(batch.ok()) << to_string(batch.error());
        if (!batch || !*batch) return held;
        EXPECT_TRUE((*batch)->for_each([&](const RecordView& record) { held[record.offset] = copy_of(record); }));
    }
}

inline Record random_record(std::mt19937_64& random) {
    const auto text = [&](std::size_t most) {
        std::string made(random() % (most + 1), '\0');
        const bool noise = random() % 2 == 0;
        for (auto& c : made) c = static_cast<char>(noise ? random() : 'a' + random() % 4);
        return made;
    };
    Record record{.timestamp = static_cast<std::int64_t>(random() % 2'000'000) - 1000};
    if (random() % 3 != 0) record.key = text(12);
    if (random() % 8 != 0) record.value = text(random() % 20 == 0 ? 5000 : 60);
    for (auto count = random() % 3; count > 0; --count) {
        record.headers.emplace_back(text(5), std::nullopt);
        if (random() % 2 == 0) record.headers.back().second = text(9);
    }
    return record;
}

class LogFolder : public ::testing::Test {
public:
    ~LogFolder() override {
        std::error_code ignored;
        fs::remove_all(folder.parent_path(), ignored);
    }

protected:
    LogFolder() {
        std::string path = (fs::temp_directory_path() / "weir-log-XXXXXX").string();
        folder = ::mkdtemp(path.data());
        folder /= "log";
    }
    std::unique_ptr<Log> open(LogOptions options = {}) {
        options.note = [this](const std::string& note) {
            const std::lock_guard hold(notes_mutex);
            notes.push_back(note);
        };
        auto opened = Log::open(folder, options);
        EXPECT_TRUE(opened.ok()) << to_string(opened.error());
        return opened ? std::move(*opened) : nullptr;
    }
    fs::path folder;
    std::mutex notes_mutex;
    std::vector<std::string> notes;
};

inline std::uint64_t seed_of_test() {
    const char* given = std::getenv("WEIR_RANDOM_SEED");
    const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    ::testing::Test::RecordProperty("seed", std::to_string(seed));
    return seed;
}

}  // namespace weir::source::log::testing
