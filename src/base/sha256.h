// SHA-256, streamed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace weir {

class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(std::string_view bytes);
    // The digest of everything so far, in lower-case hex; more may be added afterwards.
    std::string hex() const;

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace weir
