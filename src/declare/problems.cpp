#include "declare/problems.h"

#include <algorithm>
#include <tuple>

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

}  // namespace weir::declare
