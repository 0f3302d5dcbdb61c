#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstring>

namespace weir {
namespace {

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// Notes lie one after the other: header, name, description, each padded to four bytes (elf(5)).
std::string find_build_id(const char* notes, std::size_t size) {
    std::string hex;
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) header;
        std::memcpy(&header, notes, sizeof header);
        const auto whole = sizeof header + aligned(header.n_namesz) + aligned(header.n_descsz);
        if (whole > size) break;
        const char* name = notes + sizeof header;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
            const char* id = name + aligned(header.n_namesz);
            for (std::size_t i = 0; i < header.n_descsz; ++i) {
                constexpr auto digits = "0123456789abcdef";
                const auto byte = static_cast<unsigned char>(id[i]);
                hex += {digits[byte >> 4], digits[byte & 15]};
            }
            return hex;
        }
        notes += whole;
        size -= whole;
    }
    return hex;
}

}  // namespace

std::string build_id() {
    std::string found;
    // The program itself comes first, then its libraries.
    dl_iterate_phdr(
        [](dl_phdr_info* program, std::size_t, void* result) {
            for (int i = 0; i < program->dlpi_phnum; ++i) {
                const auto& part = program->dlpi_phdr[i];
                auto& id = *static_cast<std::string*>(result);
                if (part.p_type == PT_NOTE && id.empty())
                    id = find_build_id(reinterpret_cast<const char*>(program->dlpi_addr + part.p_vaddr), part.p_memsz);
            }
            return 1;
        },
        &found);
    return found;
}

}  // namespace weir
