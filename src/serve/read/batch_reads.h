// Published results of batch runs, straight from the lake.
//
// A version is "TABLE_VERSION-INTERVAL-TABLE_ID": the lake keeps it until its files are vacuumed, so that a cursor
// outlives this process.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "declare/project.h"
#include "lake/lake.h"
#include "serve/read/reads.h"
#include "view/publication.h"

namespace weir::serve {

struct BatchReadsOptions {
    std::filesystem::path lake;
    const declare::Project* project = nullptr;  // nothing: a bare lake; must outlive the reads
    sql::Database* database = nullptr;          // of view::open_database(); nothing: one of its own
    bool all_views = false;                     // also those that serve.yaml does not serve
};

class BatchReads final : public Reads {
public:
    static Result<std::unique_ptr<BatchReads>> open(const BatchReadsOptions& options);

    std::vector<Layer> layers() const override { return {Layer::batch}; }
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue() const override;
    Result<std::shared_ptr<const Pinned>> pin(const std::string& view, const Wanted& wanted) override;
    sql::Database& database() override { return *database_; }

    // Looks whether another publication is there; true if what is served changed. One thread calls it.
    Result<bool> refresh();
    const lake::Lake& lake() const { return *lake_; }
    std::int64_t publication() const;
    bool is_served(const std::string& view) const;
    // The tables of the lake that a view of the project rests on.
    std::set<std::string> base_tables_of(const std::string& view) const;
    // Whether live views can be read in its database.
    bool can_be_live() const { return live_database_; }
    std::optional<Time> published_at() const;

private:
    struct Served {
        view::PublishedView published;
        std::int64_t version = 0;  // of the table that is served
        std::int64_t newest = 0;   // of the table
        bool kept = false;         // every interval
        std::optional<Time> watermark;
    };
    struct Present {
        view::Publication publication;
        std::optional<Time> published_at;
        std::map<std::string, Served> views;
    };
    BatchReads() = default;
    Status open_own_database(const BatchReadsOptions& options);
    Result<Served> resolve(const std::string& name, const view::PublishedView& published);
    Result<std::optional<Time>> published_at(std::int64_t number);
    Result<std::shared_ptr<const Pinned>> open_version(const std::string& view, const std::string& version);
    Result<Provenance> earlier_provenance(const std::string& view, std::int64_t version, const std::string& table_id);
    // Of the versions in a cut; nothing, too, where they are in the lake no more.
    Result<std::optional<Time>> watermark_of(const std::string& view, const Provenance& from);
    Result<std::string> version_known_at(const std::string& view, Time time);
    Result<std::string> version_as_of(const std::string& view, const std::string& version, Day day);
    Result<lake::Snapshot> snapshot_of(const std::string& version, const lake::Table& table);
    void add_watermarks(Present& present);
    void make_catalogue(const Present& present);

    std::filesystem::path path_;
    const declare::Project* project_ = nullptr;
    std::unique_ptr<sql::Database> own_database_;
    sql::Database* database_ = nullptr;
    bool live_database_ = false;
    bool all_views_ = false;
    std::optional<lake::Lake> lake_;
    view::LastPublication last_publication_;  // of refresh()
    mutable std::mutex mutex_;
    std::shared_ptr<const Present> present_;
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue_;
    std::map<std::string, std::shared_ptr<const Pinned>> pinned_;  // by view and version
};

}  // namespace weir::serve
