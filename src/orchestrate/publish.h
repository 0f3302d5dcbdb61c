// The result of a view for one interval, as a Delta table that any reader can open.
//
// A view that keeps every interval has one table with the column run_date; publishing a day replaces that day's
// partition. Otherwise the table is replaced, or gets the rows of new events. Each published day is a txn action
// "run_date=<day>", so that a result without rows is told from no result. Readers see the old or the new result.
#pragma once

#include <set>

#include "orchestrate/intake/workplace.h"
#include "view/batch/interval_batch.h"

namespace weir::orchestrate {

struct Published {
    std::int64_t rows = 0;
    std::string position;  // of the view's table, as view::position_of() has it
};

// Publishes what batch.compute(view) left on the batch's connection.
Result<Published> publish(const Workplace& at, view::IntervalBatch& batch, const declare::View& view,
                          const view::IntervalBatch::Computed& computed);

struct PublishedResults {
    std::set<Day> days;         // for which there is a result
    std::int64_t restores = 0;  // how often the table was restored: what stands there need not be what was published
};
Result<PublishedResults> published_results(const Workplace& at, const declare::View& view);
// How often the result of a day was published, in a version of the view's table; nothing: there is none.
std::optional<std::int64_t> times_published(const lake::Snapshot& snapshot, Day day);

}  // namespace weir::orchestrate
