#include "declare/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "declare/text.h"

namespace weir::declare {
namespace {

auto key(const Error& e) { return std::tie(e.where.file, e.where.line, e.where.column, e.message); }

void sort_list(std::vector<Error>& list) {
    std::stable_sort(list.begin(), list.end(), [](const Error& a, const Error& b) { return key(a) < key(b); });
    list.erase(std::unique(list.begin(), list.end(), [](const Error& a, const Error& b) { return key(a) == key(b); }),
               list.end());
}

}  // namespace

void Problems::sort() {
    sort_list(errors_);
    sort_list(warnings_);
}

bool check_text(std::string_view text, const std::function<Where(std::size_t offset)>& at, Problems& problems) {
    if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
        problems.error(at(nul), "a NUL byte stands in the text", "is this a text file, saved as UTF-8?");
        return false;
    }
    if (const auto bad = find_invalid_utf8(text)) {
        problems.error(at(*bad),
                       fmt::format("the byte 0x{:02X} is not valid UTF-8", static_cast<unsigned char>(text[*bad])),
                       "save the file as UTF-8");
        return false;
    }
    return true;
}

}  // namespace weir::declare
