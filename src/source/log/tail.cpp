// The file `tail` of a partition is one page that everybody maps:
//
//    0  "weirtail"
//    8  u32 turn, raised by each publication; readers sleep on it (futex)
//   12  u32 1: closed
//   16  i64 end
//   24  u64 which start of the machine the owner ran in
//
// The memory outlives the owner's death, and not the machine's: what it says holds if the log was closed, or if the
// machine still runs as it did.
#include "source/log/tail.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "source/log/batch.h"

namespace weir::source::log {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::string_view tail_magic = "weirtail";
constexpr const char* file_name = "tail";

struct Page {
    std::array<char, 8> magic;
    std::uint32_t turn;
    std::uint32_t closed;
    std::int64_t end;
    std::uint64_t boot;
};

Page& page(void* memory) { return *static_cast<Page*>(memory); }

template <class T>
T load(T& from) {
    return std::atomic_ref<T>(from).load(std::memory_order_acquire);
}

template <class T>
void store(T& to, T value) {
    std::atomic_ref<T>(to).store(value, std::memory_order_release);
}

// A number for this start of the machine.
std::uint64_t boot_number() {
    static const std::uint64_t number = [] {
        const auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
        return text ? hash_of(*text) : std::uint64_t{0};
    }();
    return number;
}

// Nothing where the file is none of ours.
Result<void*> map(const fs::path& path, bool writable) {
    const FileHandle file(::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!file.open()) return errno == ENOENT ? Result<void*>(nullptr) : io_error("open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return io_error("look at", path, errno);
    if (info.st_size != static_cast<off_t>(page_bytes)) return static_cast<void*>(nullptr);
    void* memory =
        ::mmap(nullptr, page_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) return io_error("map", path, errno);
    if (std::memcmp(memory, tail_magic.data(), tail_magic.size()) != 0) {
        ::munmap(memory, page_bytes);
        return static_cast<void*>(nullptr);
    }
    return memory;
}

}  // namespace

Tail::Tail(void* memory) : memory_(memory), boot_(boot_number()) {}

Tail& Tail::operator=(Tail&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(boot_, other.boot_);
    return *this;
}

Tail::~Tail() {
    if (memory_ != nullptr) ::munmap(memory_, page_bytes);
}

Result<Tail> Tail::open_or_create(const fs::path& folder) {
    const auto path = folder / file_name;
    WEIR_ASSIGN(void* memory, map(path, true));
    if (memory == nullptr) {
        std::string bytes(tail_magic);
        bytes.resize(page_bytes, '\0');
        WEIR_TRY(write_file_atomic(path, bytes, false));
        WEIR_ASSIGN(memory, map(path, true));
        if (memory == nullptr)
            return Error{.code = ErrorCode::io_failed, .message = path.string() + " was exchanged by somebody"};
    }
    return Tail(memory);
}

Result<std::optional<Tail>> Tail::open(const fs::path& folder) {
    WEIR_ASSIGN(void* memory, map(folder / file_name, false));
    if (memory == nullptr) return std::optional<Tail>();
    return std::optional(Tail(memory));
}

std::optional<std::int64_t> Tail::end() const {
    auto& shared = page(memory_);
    if (load(shared.closed) == 0 && (boot_ == 0 || load(shared.boot) != boot_)) return std::nullopt;
    return load(shared.end);
}

void Tail::publish(std::int64_t offset) {
    auto& shared = page(memory_);
    store(shared.end, offset);
    store(shared.boot, boot_);
    store(shared.closed, std::uint32_t{0});
    std::atomic_ref(shared.turn).fetch_add(1, std::memory_order_release);
    ::syscall(SYS_futex, &shared.turn, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Status Tail::close(bool durable) {
    store(page(memory_).closed, std::uint32_t{1});
    if (durable && ::msync(memory_, page_bytes, MS_SYNC) != 0) return io_error("sync", file_name, errno);
    return ok();
}

std::uint32_t Tail::turn() const { return load(page(memory_).turn); }

void Tail::wait(std::uint32_t seen, std::chrono::milliseconds timeout) const {
    const timespec span{.tv_sec = timeout.count() / 1000, .tv_nsec = timeout.count() % 1000 * 1'000'000};
    ::syscall(SYS_futex, &page(memory_).turn, FUTEX_WAIT, seen, &span, nullptr, 0);
}

}  // namespace weir::source::log
