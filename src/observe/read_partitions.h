// What a reader of a topic knows of the partitions that it reads, before what it brings.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/clock.h"

namespace weir::observe {

struct ReadPartitions {
    std::set<std::string> waiting;            // messages wait in these
    std::set<std::string> first;              // and these of them have not brought any yet
    std::map<std::string, Time> quiet_since;  // in these none waits
};

}  // namespace weir::observe
