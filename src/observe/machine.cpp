#include "observe/machine.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

namespace weir::observe {

std::optional<Machine> look_at_machine(const std::filesystem::path& lake) {
    struct statvfs disk {};
    if (::statvfs(lake.c_str(), &disk) != 0 || disk.f_blocks == 0) return std::nullopt;
    Machine machine{.disk_free_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize),
                    .disk_free_share = static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks)};
    // proc(5): the sizes of the program and of what is resident, in pages.
    std::ifstream statm("/proc/self/statm");
    std::int64_t size = 0, resident = 0;
    if (!(statm >> size >> resident)) return std::nullopt;
    machine.memory_bytes = resident * ::sysconf(_SC_PAGESIZE);
    return machine;
}

std::string to_json_members(const Machine& machine) {
    return fmt::format("\"disk_free_bytes\": {}, \"disk_free_share\": {:.4f}, \"memory_bytes\": {}",
                       machine.disk_free_bytes, machine.disk_free_share, machine.memory_bytes);
}

}  // namespace weir::observe
