// Threads say what they are for: `top -H`, debuggers and the tests of faults see it.
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace weir {

// Of the calling thread and of those that it starts; up to 15 bytes.
inline void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

// From here on the calling thread has the processor when those that somebody waits for leave it idle, and a tenth of it
// when they do not: on Linux each thread has a nice value of its own, see setpriority(2).
inline void give_way() { static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10)); }

}  // namespace weir
