// The rows of a generator, as JSON lines: made in blocks by all threads, written in order. The same seed gives the same
// bytes, whatever the number of threads.
#pragma once

#include <cstdint>

#include "declare/project.h"
#include "sink/rows.h"

namespace weir::orchestrate {

struct GenerateRequest {
    std::int64_t count = 0;
    std::int64_t seed = 0;
    int threads = 0;  // 0: the project's, else one per core
};

// Hands the lines to `output`, some megabytes at a time, from one thread at a time. Errors of the SQL point into the
// generator's file.
Status generate(const declare::Project& project, const declare::Generator& generator, const GenerateRequest& request,
                const sink::Output& output);

}  // namespace weir::orchestrate
