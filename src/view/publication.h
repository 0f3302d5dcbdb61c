// Which results belong together: weir.publications names a version of each view's table, and one commit to it switches
// all views at once. A reader that takes every view at its published version never sees two runs mixed.
//
// The commit's txn action "publication" carries the number; its rows are that number's, one for each view.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "lake/lake.h"
#include "view/batch/pinned_tables.h"

namespace weir::view {

inline constexpr const char* publications_table = "weir/publications";
inline constexpr const char* publication_app = "publication";

struct PublishedView {
    std::int64_t table_version = 0;
    std::string table_id;  // of the Delta table: a table that was made anew is another one
    std::string interval;  // the last day computed, 2024-03-01
    std::string cut;       // JSON object: base table -> version
    std::string code;      // hash of the text that computed it
    std::int64_t rows = 0;
    std::string checksum;
};

// The versions that a cut names; of `tables`, those that it does not name were not there.
Versions versions_of(const std::string& cut, const std::set<std::string>& tables);

struct Publication {
    std::int64_t number = 0;  // 0: nothing was published yet
    std::map<std::string, PublishedView> views;
};

Result<Publication> newest_publication(const lake::Lake& lake, sql::Database& database);

// The newest publication, for who asks often: it is read again when there is another.
class LastPublication {
public:
    Result<std::shared_ptr<const Publication>> newest(const lake::Lake& lake, sql::Database& database);

private:
    std::string read_from_;  // position_of the table; empty: there was none
    std::shared_ptr<const Publication> publication_ = std::make_shared<const Publication>();
};

}  // namespace weir::view
