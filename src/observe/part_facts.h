// What the parts of a running `weir up` say of themselves, as rows of weir.parts.
#pragma once

#include <string>
#include <vector>

#include "model/part_fact.h"

namespace weir::observe {

// `board`: a JSON object with a member a part; a part's "sources" is an array of objects with a "source", and the
// "partitions" of one is an array of objects with a "partition", whose facts are called partition_…. The members of any
// other object are facts of the object's name: "event_delay": {"events": 7} is event_delay_events. What is neither
// number nor text is left out.
std::vector<PartFact> part_facts(const std::string& board);

// "(…), (…)", as system_relation() takes them.
std::string part_rows(const std::vector<PartFact>& facts);

}  // namespace weir::observe
