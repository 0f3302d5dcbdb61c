// Any bytes as a compressed or encoded file: it ends, and gives the same text however it is asked.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "source/files/decode.h"

using namespace weir::source;
using weir::declare::Encoding;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 1) return 0;
    static const std::string path = "/tmp/decode_fuzz." + std::to_string(::getpid());
    {
        FILE* file = std::fopen(path.c_str(), "wb");
        std::fwrite(bytes + 1, 1, size - 1, file);
        std::fclose(file);
    }
    const Encoding encodings[] = {Encoding::detect, Encoding::utf16le, Encoding::utf16be, Encoding::windows1252};
    const DecodeOptions options{.encoding = encodings[bytes[0] % 4]};
    const auto read = [&](std::size_t room) {
        std::string text;
        std::string buffer(room, '\0');
        auto file = DecodedFile::open(path, options);
        if (!file) return text;
        for (;;) {
            auto got = (*file)->read(buffer.data(), room);
            if (!got) return std::string("failed");
            if (*got > room) std::abort();
            if (*got == 0 || text.size() > (1 << 22)) return text;
            text.append(buffer.data(), *got);
        }
    };
    if (const auto all = read(1 << 16); all.size() < (1 << 20) && all != read(16)) std::abort();
    return 0;
}
