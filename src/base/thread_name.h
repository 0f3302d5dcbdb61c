// Threads say what they are for: `top -H`, debuggers and the tests of faults see it.
#pragma once

#include <pthread.h>

namespace weir {

// Of the calling thread and of those that it starts; up to 15 bytes.
inline void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace weir
