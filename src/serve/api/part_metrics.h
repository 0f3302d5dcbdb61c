// What the parts of `weir up` say of themselves, for Prometheus.
#pragma once

#include <vector>

#include "model/part_fact.h"
#include "serve/api/metrics.h"

namespace weir::serve {

void append_part_facts(const std::vector<PartFact>& facts, MetricsText& text);

}  // namespace weir::serve
