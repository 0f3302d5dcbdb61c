// The last edge of a program or thread: what a library threw past its own edge becomes an Error there.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "base/result.h"

namespace weir {

// What `work` gives, a Result or Status; out_of_memory or internal if it throws.
template <class Work>
auto without_exceptions(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return Error{.code = ErrorCode::out_of_memory, .message = "there is not enough memory"};
    } catch (const std::exception& thrown) {
        return Error{.code = ErrorCode::internal,
                     .message = std::string("an unexpected fault: ") + thrown.what(),
                     .hint = "please report it with the command line"};
    }
}

}  // namespace weir
