// Any text as a token: refused. A signed one with any header and claims: never a crash.
#include <cstdint>
#include <cstdlib>

#include "serve/auth/bytes.h"
#include "serve/auth/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir::serve;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const std::vector<TokenKeyMaterial> keys{
        {.id = "", .algorithm = weir::declare::TokenKey::Algorithm::hs256, .secret = std::string(32, 's')}};
    if (std::holds_alternative<Principal>(verify_token(text, keys, {}, 1'700'000'000))) std::abort();
    const auto cut = text.find('\n');
    const auto signed_text = base64url(text.substr(0, cut)) + "." +
                             base64url(cut == std::string_view::npos ? std::string_view() : text.substr(cut + 1));
    (void)verify_token(signed_text + "." + base64url(hmac_sha256(keys[0].secret, signed_text)), keys, {},
                       1'700'000'000);
    return 0;
}
