// A project whose topic is taken in, compacted, run, published and served by one `weir up`, made to be killed and to
// run out of room: it knows what was sent and judges what is there.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/process.h"

namespace weir::test {

class LiveProject : public testing::Test {
protected:
    LiveProject();

    Finished go(std::vector<std::string> words) const;
    // The rows of a statement as CSV, without the header.
    std::string sql(const std::string& statement) const;

    // Sends so many messages by another process: new ids, some that came before, and some that are no rows. Whoever
    // calls knows that all arrive.
    void produce(int count);
    // The same, and whether they could be sent; if not, all of them are sent again by the next call.
    bool try_to_produce(int count, std::string& said);

    // At any time, also between a crash and the next start: each row once, as many as the accounts say or more, and
    // what is published is of one run and right.
    void expect_whole();
    // When everything is taken in: each message in the table, a duplicate or in quarantine; the topic's end is what was
    // read; views as published and as they are live are what came in.
    void expect_everything();
    // Waits until everything sent is in the lake and published, while `weir up` runs; what it says meanwhile is in
    // `err`.
    void wait_until_taken_in(const std::filesystem::path& err) const;
    static unsigned long seed();

    Scratch scratch{"live"};
    const std::filesystem::path project = std::filesystem::canonical(scratch.path()) / "p";
    std::mt19937_64 random{seed()};
    std::map<std::string, std::string> environment;         // of every command that is run to its end
    std::map<std::string, std::pair<long, long>> expected;  // name → rows, sum of ids
    long next = 0, sent = 0, duplicates = 0, broken = 0;
    bool exactly_sent = true;  // no message was sent again because nobody knew whether it arrived

private:
    struct Batch {
        std::string lines;
        std::map<std::string, std::pair<long, long>> rows;
        long next = 0, count = 0, duplicates = 0, broken = 0;
    };
    Batch batch_;
    void make_batch(int count);
    std::string topic_end() const;
};

}  // namespace weir::test
