// What the machine has left for a lake, and what this process takes of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace weir::observe {

struct Machine {
    std::int64_t disk_free_bytes = 0;  // of the lake's file system, for who is not root
    double disk_free_share = 0;        // of it all, 0 to 1
    std::int64_t memory_bytes = 0;     // resident, of this process
};

// Nothing: the system does not tell.
std::optional<Machine> look_at_machine(const std::filesystem::path& lake);

// Members of a JSON object, without its braces.
std::string to_json_members(const Machine& machine);

}  // namespace weir::observe
