// Any bytes as frames of the log's socket: what can be read is written to the same bytes again.
#include <cstdint>
#include <cstdlib>

#include "source/log/frames.h"

using namespace weir::source::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(bytes), size);
    if (const auto request = read_request(body)) {
        if (encode(*request).substr(frame_length_bytes) != body) std::abort();
    }
    if (const auto answer = read_answer(body)) {
        if (encode(*answer).substr(frame_length_bytes) != body) std::abort();
    }
    return 0;
}
