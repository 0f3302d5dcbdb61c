// Any bytes as requests: in one piece and in two they give the same.
#include <cstdint>
#include <cstdlib>

#include "serve/http/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir::serve::http;
    if (size == 0) return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const HeadLimits limits{.line = 256, .bytes = 1024, .fields = 8};
    const auto parse = [&](std::size_t cut, Head& head, std::string& bytes) {
        std::size_t seen = 0, used = 0;
        Refusal refusal;
        auto progress = parse_head(bytes.data(), cut, limits, seen, head, used, refusal);
        if (progress == Progress::more && cut < bytes.size())
            progress = parse_head(bytes.data(), bytes.size(), limits, seen, head, used, refusal);
        return std::pair(progress, used);
    };
    std::string whole = text, cut = text;
    Head a, b;
    const auto first = parse(whole.size(), a, whole);
    const auto second = parse(text.empty() ? 0 : data[0] % text.size(), b, cut);
    // A refusal may come sooner; what is taken is taken in the same way.
    if (first.first == Progress::done && second.first == Progress::done &&
        (first.second != second.second || a.path != b.path || a.fields.size() != b.fields.size()))
        std::abort();
    Chunked chunked;
    std::string body;
    std::size_t used = 0;
    Refusal refusal;
    (void)chunked.feed(text, 4096, body, used, refusal);
    if (body.size() > 4096 || used > text.size()) std::abort();
    return 0;
}
