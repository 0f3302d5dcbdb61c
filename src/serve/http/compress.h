// gzip and zstd, as bytes come.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serve/http/negotiate.h"

namespace weir::serve::http {

class Compressor {
public:
    explicit Compressor(Encoding encoding);
    ~Compressor();
    Compressor(const Compressor&) = delete;
    // Appends what is ready to `out`; `end`: everything. Identity passes bytes on.
    Status write(std::string_view bytes, bool end, std::string& out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace weir::serve::http
