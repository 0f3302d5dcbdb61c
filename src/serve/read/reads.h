// Where the rows of views come from: a view in one version that never changes, as a relation in SQL.
//
// The serving layer asks for a view and a layer and gets a Pinned; everything above (filters, order, pages, formats,
// tags) works on any Pinned in the same way, whoever made it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/interval.h"
#include "model/schema.h"
#include "sql/database.h"

namespace weir::serve {

enum class Layer { batch, speed, merged };
std::string_view to_string(Layer layer);

// Where an answer comes from, told with every answer.
struct Provenance {
    Layer layer = Layer::batch;
    std::int64_t publication = 0;
    std::optional<Time> published_at;  // of a live result: when it was taken
    std::string interval;              // the last day computed, 2024-03-01
    std::string cut = "{}";            // JSON object: what of each base table is in it
    std::optional<Time> watermark;     // of the speed layer
    std::int64_t rows = -1;            // of the whole view; -1: not known
    std::string code;                  // hash of the text that computed it
};

struct Pinned {
    std::string view;
    std::string version;  // opaque; the same version is the same rows in the same order
    Schema schema;
    std::string relation;  // "(SELECT …)", valid on every connection of the reads' database
    Provenance from;
    std::shared_ptr<const void> held;  // what must live as long as the relation is used
};

struct Wanted {
    Layer layer = Layer::batch;
    std::string version;           // as an earlier Pinned had it; empty: the present one
    std::optional<Time> known_at;  // the result that was the published one then
    std::optional<Day> as_of;      // the result of that day of event time
};

// One view as the catalogue shows it.
struct CatalogueEntry {
    std::string name;
    std::string description;
    std::string kind;  // latest, every_interval
    std::optional<Schema> schema;
    bool has_result = false;
    Provenance from;
};

// Safe from any thread.
class Reads {
public:
    virtual ~Reads() = default;
    // The layers that can be asked for; the first one is meant where none is named.
    virtual std::vector<Layer> layers() const = 0;
    // Every view that can be read, by name; cheap.
    virtual std::shared_ptr<const std::vector<CatalogueEntry>> catalogue() const = 0;
    // Fails with not_found where there is no result, or no longer; with refused where the view does not keep what is
    // wanted. May wait for the disk.
    virtual Result<std::shared_ptr<const Pinned>> pin(const std::string& view, const Wanted& wanted) = 0;
    virtual sql::Database& database() = 0;
};

}  // namespace weir::serve
