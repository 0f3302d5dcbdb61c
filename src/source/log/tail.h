// Where a partition ends, told from its owner to readers of all processes through shared memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/file.h"

namespace weir::source::log {

class Tail {
public:
    // The owner's; makes the file where there is none.
    static Result<Tail> open_or_create(const fs::path& folder);
    // A reader's; nothing where there is no such file.
    static Result<std::optional<Tail>> open(const fs::path& folder);

    Tail(Tail&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)), boot_(other.boot_) {}
    Tail& operator=(Tail&& other) noexcept;
    ~Tail();

    // The offset of the next record: everything before it was acknowledged. Nothing where that cannot be known, because
    // the machine was restarted since and the log was not closed.
    std::optional<std::int64_t> end() const;

    // From now on the end is `offset`, and the log is open.
    void publish(std::int64_t offset);
    // The log is closed: what was published stands after a restart of the machine too, if `durable`.
    Status close(bool durable);

    // Waits until something is published, `timeout` is over, or a signal came. `seen` is what turn() said before
    // end() was asked.
    std::uint32_t turn() const;
    void wait(std::uint32_t seen, std::chrono::milliseconds timeout) const;

private:
    explicit Tail(void* memory);
    void* memory_ = nullptr;
    std::uint64_t boot_ = 0;
};

}  // namespace weir::source::log
